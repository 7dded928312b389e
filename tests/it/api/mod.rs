//! The backend API, its description, and the calls of the functions to upstream services.

mod contention;
mod entitlements;
mod members;
mod openapi;
mod upstream_calls;
