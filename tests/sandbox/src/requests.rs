//! The request log: every request a server received, in order, without credentials.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, Method, Uri, Version, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;

use crate::clock::Clock;

/// Upper bound of kept requests; older ones are dropped.
const MAX_REQUESTS: usize = 20_000;

/// One request. It contains signed payloads, but no secrets, tokens or signatures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Request {
    /// Sequence number, from 1 without gaps.
    pub sequence: u64,
    /// Time of receipt, in milliseconds since 1970.
    pub at_ms: u64,
    /// Time of the response, in milliseconds since 1970. `None` if pending or if the caller disconnected.
    pub answered_ms: Option<u64>,
    /// Method: `GET`, `POST`, …
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Decoded query parameters.
    pub query: Vec<(String, String)>,
    /// HTTP version: `HTTP/1.1`.
    pub http: String,
    /// Status of the response.
    pub status: Option<u16>,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// Names of all headers in lower case and in order, including repeats.
    pub headers: Vec<String>,
    /// Authorization scheme (`Basic`, `Bearer`), without the credentials.
    pub authorization: Option<String>,
    /// Client ID from a Basic header or from the query.
    pub client_id: Option<String>,
    /// Length of the body, in bytes.
    pub body_bytes: usize,
    /// Names of form fields in order, including repeats.
    pub form: Vec<String>,
    /// `grant_type` of a token request.
    pub grant_type: Option<String>,
    /// `scope` of a token or authorization request.
    pub scope: Option<String>,
    /// The signed payload, if the body has the form of a JWS.
    pub jws: Option<Jws>,
    /// `X-Amz-Target` of a request to Secrets Manager.
    pub action: Option<String>,
    /// `SecretId`, or `Name`, of a request to Secrets Manager.
    pub secret_id: Option<String>,
    /// ID of the fault applied to the request.
    pub fault: Option<u64>,
    /// Moment of receipt, which orders the requests of several servers whatever their clocks show.
    #[serde(skip)]
    pub(crate) received: Option<Instant>,
    /// The same moment by the system's clock, in milliseconds since 1970.
    #[serde(skip)]
    pub(crate) received_ms: u64,
    /// What the simulated Spotify decided, and why. `None` if it made no decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// ID that the gateway gave the request, as in the functions' log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Route of the gateway that took the request: `GET /callback`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Site tokens in the request's query and cookies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Token>,
}

/// A site token in a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Token {
    /// Where it was: `query parameter token` or `cookie <name>`.
    pub place: String,
    /// The decoded token.
    #[serde(flatten)]
    pub jws: Jws,
}

/// A received compact JWS, decoded but not verified.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Jws {
    /// Decoded header.
    pub header: Value,
    /// Decoded payload.
    pub payload: Value,
    /// Header as text, which preserves the order of its members.
    pub header_text: String,
    /// Payload as text.
    pub payload_text: String,
}

impl Jws {
    /// Decodes a compact JWS, with white space around it. Returns `None` if the text has another form.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(body).ok()?.trim().split('.');
        let (header, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let (header_text, payload_text) = (text(header)?, text(payload)?);
        Some(Self {
            header: serde_json::from_str(&header_text).ok()?,
            payload: serde_json::from_str(&payload_text).unwrap_or_default(),
            header_text,
            payload_text,
        })
    }
}

impl Request {
    /// Builds the log entry of a received request.
    pub(crate) fn describe(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let query = decoded(uri.query().unwrap_or_default().as_bytes());
        let content_type = text("content-type");
        let is_form = content_type
            .as_deref()
            .is_some_and(|media| media.starts_with("application/x-www-form-urlencoded"));
        let jws = Jws::read(body);
        let form = if is_form && jws.is_none() {
            decoded(body)
        } else {
            Vec::new()
        };
        let of = |fields: &[(String, String)], name: &str| {
            fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, value)| value.clone())
        };
        let (authorization, basic_client) = authorization(headers);
        let action = text("x-amz-target");
        let secret_id = action.as_ref().and_then(|_| {
            let input: BTreeMap<String, Value> = serde_json::from_slice(body).ok()?;
            Some(
                input
                    .get("SecretId")
                    .or_else(|| input.get("Name"))?
                    .as_str()?
                    .to_owned(),
            )
        });
        Self {
            method: method.to_string(),
            path: uri.path().to_owned(),
            http: format!("{version:?}"),
            content_type,
            headers: headers.iter().map(|(name, _)| name.as_str().to_owned()).collect(),
            authorization,
            client_id: basic_client.or_else(|| of(&query, "client_id")),
            body_bytes: body.len(),
            grant_type: of(&form, "grant_type"),
            scope: of(&form, "scope").or_else(|| of(&query, "scope")),
            form: form.into_iter().map(|(name, _)| name).collect(),
            query,
            jws,
            action,
            secret_id,
            ..Self::default()
        }
    }
}

/// Query parameters that only their sender and receiver may know.
pub(crate) const HIDDEN_PARAMETERS: [&str; 5] = ["code", "state", "nonce", "token", "form_token"];
/// What stands for the value of such a parameter.
pub(crate) const HIDDEN: &str = "…";

impl Request {
    /// Builds the log entry of a request to the functions: like [`Self::describe`], with the site tokens decoded, and without the
    /// values of parameters that only the caller may know.
    pub(crate) fn describe_call(
        method: &Method,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let mut request = Self::describe(method, uri, version, headers, body);
        let token = |place: String, text: &str| {
            let jws = Jws::read(text.as_bytes())?;
            Some(Token { place, jws })
        };
        let mut tokens = Vec::new();
        for (name, value) in &mut request.query {
            tokens.extend(token(format!("query parameter {name}"), value));
            if HIDDEN_PARAMETERS.contains(&name.as_str()) {
                HIDDEN.clone_into(value);
            }
        }
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        for cookie in cookies.flat_map(|value| value.split(';')) {
            if let Some((name, value)) = cookie.trim().split_once('=') {
                tokens.extend(token(format!("cookie {name}"), value));
            }
        }
        Self { tokens, ..request }
    }
}

fn decoded(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

/// Returns the scheme of the `Authorization` header, and the client ID of a Basic header.
fn authorization(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return (None, None);
    };
    let Some((scheme, credentials)) = value.split_once(' ') else {
        return (Some("?".to_owned()), None);
    };
    let client_id = scheme.eq_ignore_ascii_case("basic").then(|| {
        let pair = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        Some(pair.split_once(':')?.0.to_owned())
    });
    (Some(scheme.to_owned()), client_id.flatten())
}

/// The request log of one server. Clones share the log.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<RequestLog>>);

#[derive(Debug, Default)]
struct RequestLog {
    requests: VecDeque<Request>,
    last: u64,
}

impl Requests {
    fn log(&self) -> MutexGuard<'_, RequestLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all kept requests, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Request> {
        self.log().requests.iter().cloned().collect()
    }

    /// Returns the latest requests, at most `most`, oldest first.
    pub(crate) fn latest(&self, most: usize) -> Vec<Request> {
        let log = self.log();
        let skipped = log.requests.len().saturating_sub(most);
        log.requests.iter().skip(skipped).cloned().collect()
    }

    /// Returns the requests whose path starts with `path`.
    #[must_use]
    pub fn to(&self, path: &str) -> Vec<Request> {
        self.log()
            .requests
            .iter()
            .filter(|request| request.path.starts_with(path))
            .cloned()
            .collect()
    }

    /// Clears the log. Sequence numbers restart at 1.
    pub fn clear(&self) {
        *self.log() = RequestLog::default();
    }

    /// Appends a request and returns its sequence number.
    pub(crate) fn begin(&self, mut request: Request, at_ms: u64) -> u64 {
        let mut log = self.log();
        log.last += 1;
        request.sequence = log.last;
        request.at_ms = at_ms;
        request.received = Some(Instant::now());
        request.received_ms = Clock::default().now_ms();
        if log.requests.len() == MAX_REQUESTS {
            log.requests.pop_front();
        }
        let sequence = request.sequence;
        log.requests.push_back(request);
        sequence
    }

    /// Updates a logged request. Does nothing if the log was cleared in between.
    pub(crate) fn update(&self, sequence: u64, change: impl FnOnce(&mut Request)) {
        let mut log = self.log();
        if let Some(request) = log
            .requests
            .iter_mut()
            .rev()
            .find(|request| request.sequence == sequence)
        {
            change(request);
        }
    }
}
