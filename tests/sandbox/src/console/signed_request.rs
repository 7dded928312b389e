//! Builds signed requests of the partner's backend, as its own key would, and sends them to the functions.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::http_client::{HttpClient, HttpError};

use super::Console;
use crate::control::{bad_request, json_body};
use crate::site::signed;

/// Lifetime of a signed request, in seconds.
const LIFETIME: i64 = 300;
/// Operations, and whether they take entitlements.
pub(super) const OPERATIONS: [(&str, bool); 5] = [
    ("get-entitlements", false),
    ("add-entitlements", true),
    ("replace-entitlements", true),
    ("delete-entitlements", true),
    ("unlink", false),
];

/// A request for one subscriber.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    operation: String,
    sub: Option<String>,
    partner_user_id: Option<String>,
    #[serde(default)]
    entitlements: Vec<String>,
    version: Option<u64>,
    /// Whether to send it. If `false`, it is only shown.
    #[serde(default)]
    send: bool,
}

/// A signed request.
struct SignedRequest {
    url: String,
    claims: Map<String, Value>,
    token: String,
}

/// Signs a request, and sends it if wanted. The response has its claims, a curl command, and the functions' status and body.
pub(super) async fn make(State(console): State<Console>, body: Bytes) -> Response<Body> {
    let wanted: Wanted = match json_body(&body) {
        Ok(wanted) => wanted,
        Err(error) => return bad_request(&error),
    };
    let request = match SignedRequest::build(&console, &wanted) {
        Ok(request) => request,
        Err(message) => return bad_request(message),
    };
    if !wanted.send {
        return Json(json!({"claims": request.claims, "curl": request.to_curl()})).into_response();
    }
    match request.send().await {
        Ok((status, body)) => {
            let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
            let answer = json!({"claims": request.claims, "curl": request.to_curl(), "status": status, "body": body});
            Json(answer).into_response()
        }
        Err(error) => bad_request(&format!("the functions do not answer: {error}")),
    }
}

impl SignedRequest {
    /// Builds and signs a request. The error is the message of the response.
    fn build(console: &Console, wanted: &Wanted) -> Result<Self, &'static str> {
        let inner = &*console.0;
        let known = OPERATIONS.iter().find(|(name, _)| *name == wanted.operation);
        let (name, takes_entitlements) = known.ok_or("there is no such operation")?;
        let (person, id) = match (&wanted.sub, &wanted.partner_user_id) {
            (Some(sub), None) => ("sub", sub),
            (None, Some(id)) => ("partner_user_id", id),
            _ => return Err("either sub or partner_user_id is needed"),
        };
        let url = format!("{}/{name}", inner.options.public_url(&inner.addresses));
        let now = inner.options.clock.now();
        let claims = [
            ("iss", Some(inner.options.backend_issuer(&inner.addresses).into())),
            ("aud", Some(url.clone().into())),
            ("iat", Some(now.into())),
            ("exp", Some((now + LIFETIME).into())),
            ("jti", Some(inner.rng.token().into())),
            ("partner_id", Some(inner.options.partner_id.clone().into())),
            (person, Some(id.clone().into())),
            ("entitlements", takes_entitlements.then(|| json!(wanted.entitlements))),
            ("version", wanted.version.map(Value::from)),
        ];
        let claims = claims
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let claims: Map<_, _> = claims.collect();
        let token = signed(&inner.options.backend_key, "soa-request+jwt", &claims);
        let token = token.ok_or("the request cannot be signed")?;
        Ok(Self { url, claims, token })
    }

    fn to_curl(&self) -> String {
        let Self { url, token, .. } = self;
        format!("curl -sS '{url}' \\\n  -H 'Content-Type: application/jwt' \\\n  --data-raw '{token}'")
    }

    /// Sends the request to the functions. Returns status and body. The error says why there is no response.
    async fn send(&self) -> Result<(u16, String), HttpError> {
        let media_type = HeaderValue::from_static("application/jwt");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
        let http = HttpClient::new()?;
        let response = http.post(&self.url, headers, self.token.clone()).await?;
        Ok((response.status.as_u16(), response.body.expose().to_owned()))
    }
}
