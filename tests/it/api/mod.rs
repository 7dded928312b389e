//! The API for backends, its description, and the calls that the functions make.

mod entitlements;
mod openapi;
mod upstream_calls;
