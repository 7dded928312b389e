//! Faults: how the sandbox is told to fail, and how it then does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::wire::ConnectionControl;

/// The most that a fault may send. More than any reader should take, little enough for a laptop.
const HUGEST_BODY: usize = 256 * 1024 * 1024;

/// One way to fail. What is not said stays as it was: `Fault { status: Some(503), ..Fault::on("/api/token") }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the JSON that people write by hand"
)]
pub struct Fault {
    /// Where: a path, or the beginning of one (`/api/v1/` for all Open Access calls).
    pub path: String,
    /// Only requests of this method, when given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How many requests it strikes; without it, all until the faults are removed.
    pub times: Option<u32>,
    /// How many requests it lets through first.
    pub skip: u32,
    /// Answers with this status instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers to set on whatever is answered, `Retry-After` for example.
    pub headers: BTreeMap<String, String>,
    /// Answers with this body instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Waits this long before it does anything (with `after`: before it answers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Resets the connection without an answer.
    pub reset: bool,
    /// Closes the connection without an answer.
    pub close: bool,
    /// Closes the connection in the middle of the answer's body.
    pub half: bool,
    /// Sends the answer one byte at a time, with this many milliseconds between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drip_ms: Option<u64>,
    /// Answers with so many bytes of JSON that never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huge_body: Option<usize>,
    /// Redirects to this URL (with `status`, else 302).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Answers with a gateway's HTML page (with `status`, else 502).
    pub html: bool,
    /// Answers with no body at all (with `status`, else 200).
    pub empty: bool,
    /// Puts this in the place of `completion_url`, whatever it is; `null` too.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub completion_url: Option<Value>,
    /// Members to leave out of a JSON answer.
    pub omit: Vec<String>,
    /// Members to set in a JSON answer.
    pub set: Map<String, Value>,
    /// Whether the request takes effect before the answer is spoilt. Otherwise a fault that replaces the answer happens
    /// *instead of* the effect.
    pub after: bool,
}

/// Tells `"completion_url": null` from no such member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Fault {
    /// A fault on a path which does nothing yet.
    #[must_use]
    pub fn on(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// Another answer in place of the real one, once.
    #[must_use]
    pub fn answer(path: &str, status: u16, body: &str) -> Self {
        Self {
            status: Some(status),
            body: Some(body.to_owned()),
            times: Some(1),
            ..Self::on(path)
        }
    }

    /// Whether it stands in the place of the real answer, rather than changing it.
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

    /// Whether the request may do its work.
    pub(crate) fn lets_it_happen(&self) -> bool {
        self.after || !self.replaces()
    }

    pub(crate) async fn wait(&self) {
        if let Some(delay_ms) = self.delay_ms {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
    }

    /// Turns the real answer (or none, where the request was not let happen) into the faulty one.
    pub(crate) async fn spoil(&self, real: Option<Response<Body>>, line: &ConnectionControl) -> Response<Body> {
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
            answer = half(answer, line).await;
        }
        answer
    }

    fn replacement(&self) -> Response<Body> {
        let (status, media_type, body) = if let Some(bytes) = self.huge_body {
            (200, "application/json", huge(bytes))
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

    /// Changes the members of a JSON object; other answers pass as they are.
    async fn edit(&self, real: Response<Body>) -> Response<Body> {
        if self.omit.is_empty() && self.set.is_empty() && self.completion_url.is_none() {
            return real;
        }
        let (mut parts, body) = real.into_parts();
        let bytes = to_bytes(body, HUGEST_BODY).await.unwrap_or_default();
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

fn huge(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"padding":""#.to_vec();
    body.resize(bytes.min(HUGEST_BODY).max(body.len()), b'x');
    body
}

/// Sends the headers and about half of the body.
async fn half(answer: Response<Body>, line: &ConnectionControl) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, HUGEST_BODY).await.unwrap_or_default();
    // The status line, `date` and `content-length` are written by the server, and are about this long.
    let server_writes = 90;
    let headers: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    line.close_after(u64::try_from(server_writes + headers + bytes.len() / 2).unwrap_or(0));
    Response::from_parts(parts, Body::from(bytes))
}

/// A fault that waits for its requests.
#[derive(Clone, Debug, Serialize)]
pub struct Armed {
    /// Its number, as the request log names it.
    pub id: u64,
    /// What it does.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many requests it has struck.
    pub hits: u32,
    /// How many it has let through so far, of those it is to skip.
    pub skipped: u32,
}

impl Armed {
    fn strikes(&mut self, method: &str, path: &str) -> bool {
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

/// The faults of one server. Clones are the same list.
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

    /// Adds one; the first that fits a request strikes it, so earlier ones go first.
    pub fn add(&self, fault: Fault) {
        self.arm(fault);
    }

    /// Adds one and says its number.
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

    /// All of them, those that are used up too.
    #[must_use]
    pub fn all(&self) -> Vec<Armed> {
        self.list().armed.clone()
    }

    /// Takes all of them away.
    pub fn clear(&self) {
        self.list().armed.clear();
    }

    /// The fault for a request, if any, counted as used.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<(u64, Fault)> {
        let mut list = self.list();
        let armed = list
            .armed
            .iter_mut()
            .find_map(|armed| armed.strikes(method, path).then_some(armed))?;
        Some((armed.id, armed.fault.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_says_after_those_it_skips() {
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
    fn a_null_completion_url_is_not_an_absent_one() {
        let with: Fault = serde_json::from_str(r#"{"path":"/","completion_url":null}"#).unwrap();
        let without: Fault = serde_json::from_str(r#"{"path":"/"}"#).unwrap();
        assert_eq!(with.completion_url, Some(Value::Null));
        assert_eq!(without.completion_url, None);
    }
}
