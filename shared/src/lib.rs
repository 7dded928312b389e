//! What soa-link's functions share. `README.md` beside this crate describes a request's way through the modules, and lists what each module may import.

pub mod aws;
pub mod chance;
pub mod clock;
pub mod config;
pub mod directory;
pub mod encoding;
pub mod events;
pub mod fetched;
pub mod http;
pub mod jws;
pub mod metrics;
pub mod oauth;
pub mod outbound;
pub mod partner;
pub mod sealed;
pub mod secret;
pub mod secrets;
pub mod sign_in;
pub mod spotify;
pub mod start;
pub mod store;
pub mod telemetry;
pub mod worker;
