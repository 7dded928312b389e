//! The Lambda runtime: starts a function once, then handles its events, each in its own span. Must not know what a function does.

mod caller;
mod early;
pub mod http;
pub mod startup;
pub mod worker;
