//! The Lambda runtime: starts a function once, then answers its events; one span and one closing log line each.

pub mod http;
pub mod startup;
pub mod worker;
