//! Integration tests: journeys through the sandbox's gateway, the functions as processes under cargo-lambda, a real browser, storage on two emulators,
//! and the CloudFormation template.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "test code: it may panic, be long and hold large futures"
)]

mod api;
mod infra;
mod journeys;
mod operator;
mod storage;
mod support;
mod sync;
mod ui;
