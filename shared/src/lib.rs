//! Code shared by soa-link's functions. `README.md` lists the allowed dependencies between the modules; a test enforces them.

pub mod aws;
pub mod cache;
pub mod clock;
pub mod config;
pub mod context;
pub mod cookie;
pub mod encoding;
pub mod errors;
pub mod http_client;
pub mod i18n;
pub mod jws;
pub mod oauth;
pub mod pages;
pub mod partner;
pub mod registry;
pub mod rng;
pub mod runtime;
pub mod seal;
pub mod secret;
pub mod secrets;
pub mod sign_in;
pub mod spotify;
pub mod store;
pub mod telemetry;
pub mod urls;
pub mod web;
