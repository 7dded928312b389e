//! What `make bench` and `make load` share: an emulator of the Lambda Runtime API, and statistics.

use std::error;

pub mod runtime_api;
pub mod statistics;

/// Error of a measurement.
pub type Failed = Box<dyn error::Error + Send + Sync>;
