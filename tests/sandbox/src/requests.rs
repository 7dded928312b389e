//! The request log: what a partner's backend really sent, in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Method, Uri, Version, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;

/// More than this and the oldest are forgotten.
const MAX_REQUESTS: usize = 20_000;

/// One request. Secrets, tokens and signatures are not in it; a signed payload is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Request {
    /// Counts from 1, without gaps.
    pub sequence: u64,
    /// When it had come in, in milliseconds since 1970.
    pub at_ms: u64,
    /// When it was answered; `None` while it is not, and for ever when the caller went away first.
    pub answered_ms: Option<u64>,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: Vec<(String, String)>,
    /// `HTTP/1.1`
    pub http: String,
    /// The status that it was answered with.
    pub status: Option<u16>,
    /// `Content-Type` as sent.
    pub content_type: Option<String>,
    /// Names of all headers, lower case, in order, repeats included.
    pub headers: Vec<String>,
    /// `Basic`, `Bearer` or another scheme, without the credentials.
    pub authorization: Option<String>,
    /// The client id in a Basic header or in the query.
    pub client_id: Option<String>,
    /// The body's length in bytes.
    pub body_bytes: usize,
    /// Names of a form's fields, in order, repeats included.
    pub form: Vec<String>,
    /// `grant_type` of a token request.
    pub grant_type: Option<String>,
    /// `scope` of a token or authorization request.
    pub scope: Option<String>,
    /// The signed payload, when the body looks like one.
    pub jws: Option<Jws>,
    /// `X-Amz-Target`, at the Secrets Manager.
    pub action: Option<String>,
    /// `SecretId`, at the Secrets Manager.
    pub secret_id: Option<String>,
    /// The fault that struck it, by number.
    pub fault: Option<u64>,
}

/// A compact JWS as it came, decoded but not verified.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Jws {
    /// The header.
    pub header: Value,
    /// The payload.
    pub payload: Value,
    /// The header's bytes as text: the order of its members shows.
    pub header_text: String,
    /// The payload's bytes as text.
    pub payload_text: String,
}

impl Jws {
    fn read(body: &[u8]) -> Option<Self> {
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
    /// Describes a request that has just come in.
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

fn decoded(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

/// The scheme of the `Authorization` header, and the client id inside a Basic one.
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

/// The log of one server. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<Request>,
    last: u64,
}

impl Requests {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that are kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Request> {
        self.kept().requests.iter().cloned().collect()
    }

    /// Those whose path begins so.
    #[must_use]
    pub fn to(&self, path: &str) -> Vec<Request> {
        self.kept()
            .requests
            .iter()
            .filter(|request| request.path.starts_with(path))
            .cloned()
            .collect()
    }

    /// Forgets them. The numbers begin at 1 again.
    pub fn clear(&self) {
        *self.kept() = Kept::default();
    }

    /// Writes one down and says its number.
    pub(crate) fn begin(&self, mut request: Request, at_ms: u64) -> u64 {
        let mut kept = self.kept();
        kept.last += 1;
        request.sequence = kept.last;
        request.at_ms = at_ms;
        if kept.requests.len() == MAX_REQUESTS {
            kept.requests.pop_front();
        }
        let sequence = request.sequence;
        kept.requests.push_back(request);
        sequence
    }

    /// Changes one that was written down. A log that was emptied meanwhile stays empty.
    pub(crate) fn note(&self, sequence: u64, change: impl FnOnce(&mut Request)) {
        let mut kept = self.kept();
        if let Some(request) = kept
            .requests
            .iter_mut()
            .rev()
            .find(|request| request.sequence == sequence)
        {
            change(request);
        }
    }
}
