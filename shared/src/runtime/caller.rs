//! Who sent an event: whether its answer is a page or problem+json, and what is wrong with an event that is no request.

use http::header;
use serde_json::Value;

use crate::web::{Request, Resource};

/// The media type of a signed request.
const JWT: &str = "application/jwt";

/// The caller of a function.
pub(super) struct Caller {
    accepts_page: bool,
    accepts_json: bool,
    sends_signed_request: bool,
    calls_program_path: bool,
}

impl Caller {
    pub(super) fn of_request(request: &Request) -> Self {
        let resource = request.route().and_then(|route| route.resource());
        Self {
            sends_signed_request: request.has_content_type(JWT),
            calls_program_path: resource == Some(Resource::Call)
                || !["GET", "HEAD", "POST"].contains(&request.method().as_str()),
            ..Self::of_headers(request.header(header::ACCEPT), None)
        }
    }

    fn of_headers(accept: Option<&str>, content_type: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default().to_ascii_lowercase();
        let media_type = content_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        Self {
            accepts_page: accept.contains("text/html"),
            accepts_json: accept.contains("json"),
            sends_signed_request: media_type.trim().eq_ignore_ascii_case(JWT),
            calls_program_path: false,
        }
    }

    /// Whether to answer with problem+json: the caller sends a signed request, accepts JSON but no page, uses a method of no page, or calls a path of programs.
    pub(super) fn is_program(&self) -> bool {
        self.sends_signed_request || !self.accepts_page && (self.accepts_json || self.calls_program_path)
    }
}

/// An event that could not be read as a request. A program gets problem+json even for this one.
pub(super) struct MalformedEvent {
    pub(super) caller: Caller,
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
            caller: Caller::of_headers(header("accept"), header("content-type")),
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
