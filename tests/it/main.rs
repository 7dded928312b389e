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

mod api;
mod infra;
mod journeys;
mod operator;
mod storage;
mod support;
mod sync;
mod ui;
