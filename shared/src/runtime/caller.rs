//! What an event tells about its caller. Read before the event is parsed, so that a program gets problem+json even for a malformed one.

use serde_json::Value;

use crate::web::{Request, Resource};

/// The caller of a function.
pub(super) struct Caller {
    /// What is wrong with the event if it is no HTTP request.
    pub(super) event: &'static str,
    accepts_page: bool,
    accepts_json: bool,
    sends_signed_request: bool,
}

/// An event of a REST API, or of an HTTP API whose integration has the wrong payload format.
const OTHER_FORMAT: &str = "event: payload format 1.0 instead of 2.0";

impl Caller {
    pub(super) fn from_event(event: &Value) -> Self {
        let header = |name: &str| event.pointer(&format!("/headers/{name}")).and_then(Value::as_str);
        let accept = header("accept").unwrap_or_default().to_ascii_lowercase();
        let content_type = header("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        Self {
            event: if event.get("httpMethod").is_some() {
                OTHER_FORMAT
            } else if event.get("requestContext").is_none() {
                "event: no HTTP request"
            } else {
                "event"
            },
            accepts_page: accept.contains("text/html"),
            accepts_json: accept.contains("json"),
            sends_signed_request: media_type.eq_ignore_ascii_case("application/jwt"),
        }
    }

    /// Whether the event shows a wrong setting in API Gateway.
    pub(super) fn is_misconfigured(&self) -> bool {
        self.event == OTHER_FORMAT
    }

    /// Whether to answer with problem+json: the caller sends a signed request, accepts JSON but no page, uses a method of no page, or calls a path of programs.
    pub(super) fn is_program(&self, request: Option<&Request>) -> bool {
        let is_call = |request: &Request| {
            let resource = request.route().and_then(|route| route.resource());
            resource == Some(Resource::Call) || !["GET", "HEAD", "POST"].contains(&request.method().as_str())
        };
        self.sends_signed_request || !self.accepts_page && (self.accepts_json || request.is_some_and(is_call))
    }
}
