//! Faults: errors that tests and users inject into the responses of a simulated server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::wire::ConnectionControl;

/// Upper bound of a faulty body, in bytes: more than any client should accept.
const MAX_FAULT_BODY_BYTES: usize = 256 * 1024 * 1024;

/// A fault of matching requests. By default it changes nothing: `Fault { status: Some(503), ..Fault::on("/api/token") }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the JSON that users write by hand"
)]
pub struct Fault {
    /// Prefix of the request path (`/api/v1/` for all Open Access calls).
    pub path: String,
    /// Method of matching requests. If `None`, all methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Number of requests to fail. If `None`, all until the fault is removed.
    pub times: Option<u32>,
    /// Number of matching requests to leave alone first.
    pub skip: u32,
    /// Status of the replacement response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers to set on the response, for example `Retry-After`.
    pub headers: BTreeMap<String, String>,
    /// Body of the replacement response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Delay before the request takes effect, in milliseconds. With `after`, delay before the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Whether to reset the connection without a response.
    pub reset: bool,
    /// Whether to close the connection without a response.
    pub close: bool,
    /// Whether to close the connection in the middle of the body.
    pub half: bool,
    /// Interval between single bytes of a slow response, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drip_ms: Option<u64>,
    /// Size of a body of unterminated JSON, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huge_body: Option<usize>,
    /// URL to redirect to, with status 302 unless `status` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Whether to respond with a gateway's HTML page, with status 502 unless `status` is set.
    pub html: bool,
    /// Whether to respond with an empty body, with status 200 unless `status` is set.
    pub empty: bool,
    /// Replacement of `completion_url` in a successful response. Any JSON value, including `null`.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub completion_url: Option<Value>,
    /// Members to remove from a JSON response.
    pub omit: Vec<String>,
    /// Members to set in a JSON response.
    pub set: Map<String, Value>,
    /// Whether the request takes effect although its response is replaced. If `false`, a fault that replaces the response
    /// also prevents the effect.
    pub after: bool,
}

/// Distinguishes `"completion_url": null` from an absent member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Fault {
    /// Creates a fault on a path, without any effect yet.
    #[must_use]
    pub fn on(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// Creates a fault that replaces one response.
    #[must_use]
    pub fn answer(path: &str, status: u16, body: &str) -> Self {
        Self {
            status: Some(status),
            body: Some(body.to_owned()),
            times: Some(1),
            ..Self::on(path)
        }
    }

    /// Whether the fault replaces the real response instead of changing it.
    fn replaces(&self) -> bool {
        self.status.is_some()
            || self.body.is_some()
            || self.reset
            || self.close
            || self.huge_body.is_some()
            || self.redirect.is_some()
            || self.html
            || self.empty
    }

    /// Whether the request may take effect.
    pub(crate) fn lets_request_through(&self) -> bool {
        self.after || !self.replaces()
    }

    pub(crate) async fn wait(&self) {
        if let Some(delay_ms) = self.delay_ms {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
    }

    /// Returns the faulty response. `real` is `None` if the request was prevented.
    pub(crate) async fn apply(&self, real: Option<Response<Body>>, line: &ConnectionControl) -> Response<Body> {
        let mut answer = match real {
            Some(real) if !self.replaces() => self.edit(real).await,
            _ => self.replacement(),
        };
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::try_from(value.as_str()),
            ) {
                answer.headers_mut().insert(name, value);
            }
        }
        if let Some(drip_ms) = self.drip_ms {
            line.drip(Duration::from_millis(drip_ms));
        }
        if self.reset {
            line.reset();
        } else if self.close {
            line.close_after(0);
        } else if self.half {
            answer = send_half(answer, line).await;
        }
        answer
    }

    fn replacement(&self) -> Response<Body> {
        let (status, media_type, body) = if let Some(bytes) = self.huge_body {
            (200, "application/json", filler(bytes))
        } else if self.redirect.is_some() {
            (302, "text/plain", Vec::new())
        } else if let Some(body) = &self.body {
            (200, "application/json", body.clone().into_bytes())
        } else if self.html {
            (502, "text/html; charset=utf-8", GATEWAY_PAGE.as_bytes().to_vec())
        } else if self.empty {
            (200, "application/json", Vec::new())
        } else {
            let status = self.status.unwrap_or(500);
            let body = json!({"error": {"status": status, "message": "A fault of the sandbox"}});
            (status, "application/json", body.to_string().into_bytes())
        };
        let status = self.status.unwrap_or(status);
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(Ok(location)) = self.redirect.as_deref().map(HeaderValue::try_from) {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        answer
    }

    /// Changes the members of a JSON object. Other bodies stay unchanged.
    async fn edit(&self, real: Response<Body>) -> Response<Body> {
        if self.omit.is_empty() && self.set.is_empty() && self.completion_url.is_none() {
            return real;
        }
        let (mut parts, body) = real.into_parts();
        let bytes = to_bytes(body, MAX_FAULT_BODY_BYTES).await.unwrap_or_default();
        let Ok(Value::Object(mut members)) = serde_json::from_slice(&bytes) else {
            return Response::from_parts(parts, Body::from(bytes));
        };
        for name in &self.omit {
            members.remove(name);
        }
        for (name, value) in &self.set {
            members.insert(name.clone(), value.clone());
        }
        if let (Some(value), true) = (&self.completion_url, parts.status.is_success()) {
            members.insert("completion_url".to_owned(), value.clone());
        }
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(Value::Object(members).to_string()))
    }
}

const GATEWAY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

fn filler(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"padding":""#.to_vec();
    body.resize(bytes.min(MAX_FAULT_BODY_BYTES).max(body.len()), b'x');
    body
}

/// Closes the connection after the headers and about half of the body.
async fn send_half(answer: Response<Body>, line: &ConnectionControl) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, MAX_FAULT_BODY_BYTES).await.unwrap_or_default();
    // Approximate length of the status line, `date` and `content-length`, which the server writes.
    let server_writes = 90;
    let headers: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    line.close_after(u64::try_from(server_writes + headers + bytes.len() / 2).unwrap_or(0));
    Response::from_parts(parts, Body::from(bytes))
}

/// A registered fault and its counters.
#[derive(Clone, Debug, Serialize)]
pub struct Armed {
    /// ID of the fault, as in the request log.
    pub id: u64,
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// Number of requests failed so far.
    pub hits: u32,
    /// Number of requests skipped so far.
    pub skipped: u32,
}

impl Armed {
    fn matches_now(&mut self, method: &str, path: &str) -> bool {
        let concerns = path.starts_with(&self.fault.path)
            && self
                .fault
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        if !concerns || self.fault.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        if self.skipped < self.fault.skip {
            self.skipped += 1;
            return false;
        }
        self.hits += 1;
        true
    }
}

/// The faults of one server. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    armed: Vec<Armed>,
    last_id: u64,
}

impl Faults {
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault. If several faults match a request, the first added applies.
    pub fn add(&self, fault: Fault) {
        self.arm(fault);
    }

    /// Adds a fault and returns its ID.
    pub(crate) fn arm(&self, fault: Fault) -> u64 {
        let mut list = self.list();
        list.last_id += 1;
        let id = list.last_id;
        list.armed.push(Armed {
            id,
            fault,
            hits: 0,
            skipped: 0,
        });
        id
    }

    /// Returns all faults, including used-up ones.
    #[must_use]
    pub fn all(&self) -> Vec<Armed> {
        self.list().armed.clone()
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.list().armed.clear();
    }

    /// Removes one fault. Returns whether it existed.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut list = self.list();
        let before = list.armed.len();
        list.armed.retain(|armed| armed.id != id);
        list.armed.len() < before
    }

    /// Returns the fault that applies to a request, and counts it as used.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<(u64, Fault)> {
        let mut list = self.list();
        let armed = list
            .armed
            .iter_mut()
            .find_map(|armed| armed.matches_now(method, path).then_some(armed))?;
        Some((armed.id, armed.fault.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_skips_requests_and_then_applies_the_given_times() {
        let faults = Faults::default();
        faults.add(Fault {
            skip: 1,
            times: Some(2),
            ..Fault::on("/api/v1/")
        });
        let struck: Vec<bool> = (0..5)
            .map(|_| faults.take("POST", "/api/v1/unlink-user").is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(faults.take("POST", "/api/token").is_none());
    }

    #[test]
    fn a_null_completion_url_differs_from_an_absent_one() {
        let with: Fault = serde_json::from_str(r#"{"path":"/","completion_url":null}"#).unwrap();
        let without: Fault = serde_json::from_str(r#"{"path":"/"}"#).unwrap();
        assert_eq!(with.completion_url, Some(Value::Null));
        assert_eq!(without.completion_url, None);
    }
}
