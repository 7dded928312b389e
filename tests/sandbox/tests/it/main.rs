//! Tests of the sandbox over HTTP and by its public API.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "all of this is tests: a failure is a panic"
)]

mod console;
mod own_site;
mod services;
mod settings;
mod site;
mod spotify;
mod support;
