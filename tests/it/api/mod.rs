//! The backend API, its description, and the calls of the functions to upstream services.

mod as_of;
mod collection;
mod contention;
mod entitlements;
mod guide;
mod members;
mod mistakes;
mod openapi;
mod repeated;
mod snippets;
mod upstream_calls;
