//! HTTP as API Gateway sees it: events are read strictly into requests, responses are written with the headers that all of them have. The only module, with
//! `runtime`, that knows the event types of `lambda_http`. Must not know what went wrong elsewhere, or what a page says.

mod request;
mod response;
mod return_to;

pub use request::{Query, Request, RequestError, Route};
pub use response::{Html, Response};
pub use return_to::{Destination, ReturnTo};
