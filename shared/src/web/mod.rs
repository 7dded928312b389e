//! API Gateway's HTTP events: strict parsing of requests, and responses with common security headers. Only this module and `runtime` know the event types of
//! `lambda_http`. Must not know the errors of other modules, or the content of pages.

mod request;
mod response;
mod return_to;
mod routes;

pub use request::{Query, Request, RequestError};
pub use response::{Html, Response};
pub use return_to::{Destination, ReturnTo};
pub use routes::{Resource, Route};
