//! Owns the edge: API Gateway's events in, answers out, the one table that turns what went wrong into a status, a code and a page.
//! Needs `lambda_http` for the event's types. Refuses to pass on anything it could not read in exactly one way, and to reflect any of it.

pub use lambda_http::http::StatusCode;

mod answer;
mod page;
mod problem;
mod request;
mod serve;
mod visitor;

pub use answer::{Answer, no_content, page, redirect};
pub use page::{Confirmation, Page};
pub use problem::{Failure, Problem, Step};
pub use request::{Query, Request, Route};
pub use serve::{Function, Outcome, answer_event, run};
pub use visitor::Visitor;

/// The cookie that holds the browser's bindings. `__Host-` keeps other hosts of the partner's domain from setting it (RFC 6265bis §4.1.3.2).
pub const BROWSER_COOKIE: &str = "__Host-soa_link";
/// How long, in seconds, a journey may take; the cookie and the pending link end together.
pub const JOURNEY: i64 = 600;
