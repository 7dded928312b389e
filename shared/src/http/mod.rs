//! Owns the edge: API Gateway's events in, answers out, the one table that turns what went wrong into a status, a code and a page.
//! Needs `lambda_http` for the event's types. Refuses to pass on anything it could not read in exactly one way, and to reflect any of it.

pub use lambda_http::http::StatusCode;

mod answer;
mod intent;
mod language;
mod page;
mod problem;
mod request;
mod serve;
mod visitor;

pub use answer::{Answer, json, no_content, redirect};
pub use intent::{Intent, Place};
pub use language::Language;
pub use page::{Account, Confirmation, LinkState, Page, Reader};
pub use problem::{Failure, Problem, ProviderError, Step};
pub use request::{Query, Request, Route};
pub use serve::{Function, Outcome, answer_event, run};
pub use visitor::Visitor;

/// The cookie that holds the browser's bindings. `__Host-` keeps other hosts of the partner's domain from setting it (RFC 6265bis §4.1.3.2).
pub const BROWSER_COOKIE: &str = "__Host-soa_link";
/// How long, in seconds, a journey to Spotify may take; the cookie and the pending link end together.
pub const JOURNEY: i64 = 600;
/// How long, in seconds, the detour of signing in may take: long enough to sign up, to pay, and to find the e-mail.
pub const DETOUR: i64 = 3600;
