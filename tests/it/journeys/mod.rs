//! Subscriber journeys through the gateway.

mod account;
mod account_cache;
mod content_security_policy;
mod default_route;
mod events;
mod faults;
mod handoff;
mod hostile_input;
mod id_tokens;
mod link;
mod log_privacy;
mod mix_up;
mod oidc;
mod partners;
mod prefetch;
mod published_keys;
mod sign_out;
mod true_pages;
mod unlink;
