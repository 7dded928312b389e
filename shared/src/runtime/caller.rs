//! Whether the answer to an event is a page or problem+json, and what is wrong with an event that is no request.

use http::header;
use serde_json::Value;

use crate::web::{Request, Resource};

/// Whether a program sent the request. Its answers are problem+json.
pub(super) fn is_program(request: &Request) -> bool {
    let resource = request.route().and_then(|route| route.resource());
    let is_call = resource == Some(Resource::Call) || !["GET", "HEAD", "POST"].contains(&request.method().as_str());
    let [accept, content_type] = [header::ACCEPT, header::CONTENT_TYPE].map(|name| request.header(name));
    prefers_json(accept, content_type, is_call)
}

/// Whether a caller sends a signed request, or accepts no page and either accepts JSON or makes a call of programs.
fn prefers_json(accept: Option<&str>, content_type: Option<&str>, is_call: bool) -> bool {
    let accept = accept.unwrap_or_default().to_ascii_lowercase();
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/jwt")
        || !accept.contains("text/html") && (accept.contains("json") || is_call)
}

/// An event that could not be read as a request. A program gets problem+json even for this one.
pub(super) struct MalformedEvent {
    pub(super) is_program: bool,
    /// What is wrong with it.
    pub(super) what: &'static str,
}

/// An event of a REST API, or of an HTTP API whose integration has the wrong payload format.
const OTHER_FORMAT: &str = "event: payload format 1.0 instead of 2.0";

impl MalformedEvent {
    pub(super) fn parse(event: &str) -> Self {
        let event = serde_json::from_str::<Value>(event).unwrap_or_default();
        let header = |name: &str| event.pointer(&format!("/headers/{name}")).and_then(Value::as_str);
        Self {
            is_program: prefers_json(header("accept"), header("content-type"), false),
            what: if event.get("httpMethod").is_some() {
                OTHER_FORMAT
            } else if event.get("requestContext").is_none() {
                "event: no HTTP request"
            } else {
                "event"
            },
        }
    }

    /// Whether the event shows a wrong setting in API Gateway.
    pub(super) fn is_misconfigured(&self) -> bool {
        self.what == OTHER_FORMAT
    }
}
