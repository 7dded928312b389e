//! Behaviour across the functions: whole journeys through the sandbox's gateway, the functions' own processes under cargo-lambda, a real browser,
//! storage on two emulators, and the template.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "all of this is tests: they may fail, be long, and are run in threads with room enough"
)]

mod account;
mod browser;
mod calls;
mod chromium;
mod configuration;
mod convergence;
mod description;
mod entitlements;
mod events;
mod faults;
mod handoff;
mod hostile;
mod invoke;
mod leak;
mod lean;
mod link;
mod metrics;
mod ministack;
mod mix_up;
mod oidc;
mod pages;
mod partners;
mod provider;
mod published;
mod roster;
mod rotation;
mod secrets;
mod stack;
mod storage;
mod sync;
mod template;
mod unlinking;
mod versions;
mod world;
