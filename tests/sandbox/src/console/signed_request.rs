//! Builds signed requests of the partner's backend, as its own key would, and sends them to the functions.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::http_client::HttpClient;

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
struct Signed {
    url: String,
    claims: Value,
    token: String,
}

/// Signs a request, and sends it if wanted. The response has its claims, a curl command, and the functions' status and body.
pub(super) async fn make(State(console): State<Console>, body: Bytes) -> Response<Body> {
    let wanted: Wanted = match json_body(&body) {
        Ok(wanted) => wanted,
        Err(error) => return bad_request(&error),
    };
    let signed = match sign(&console, &wanted) {
        Ok(signed) => signed,
        Err(message) => return bad_request(message),
    };
    let mut answer = json!({"claims": signed.claims, "curl": curl(&signed)});
    if wanted.send {
        match send(signed).await {
            Ok((status, body)) => {
                answer["status"] = status.into();
                answer["body"] = serde_json::from_str(&body).unwrap_or_else(|_| body.into());
            }
            Err(error) => return bad_request(&format!("the functions do not answer: {error}")),
        }
    }
    Json(answer).into_response()
}

fn sign(console: &Console, wanted: &Wanted) -> Result<Signed, &'static str> {
    let inner = &*console.0;
    let known = OPERATIONS.iter().find(|(name, _)| *name == wanted.operation);
    let (name, takes_entitlements) = known.ok_or("there is no such operation")?;
    let url = format!("{}/{name}", inner.options.public_url(&inner.addresses));
    let now = inner.options.clock.now();
    let mut claims = json!({
        "iss": inner.options.backend_issuer(&inner.addresses),
        "aud": url,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": inner.rng.token(),
        "partner_id": inner.options.partner_id,
    });
    match (&wanted.sub, &wanted.partner_user_id) {
        (Some(sub), None) => claims["sub"] = sub.as_str().into(),
        (None, Some(id)) => claims["partner_user_id"] = id.as_str().into(),
        _ => return Err("either sub or partner_user_id is needed"),
    }
    if *takes_entitlements {
        claims["entitlements"] = json!(wanted.entitlements);
    }
    if let Some(version) = wanted.version {
        claims["version"] = version.into();
    }
    let token = signed(&inner.options.backend_key, "soa-request+jwt", &claims);
    let token = token.ok_or("the request cannot be signed")?;
    Ok(Signed { url, claims, token })
}

fn curl(Signed { url, token, .. }: &Signed) -> String {
    format!("curl -sS '{url}' \\\n  -H 'Content-Type: application/jwt' \\\n  --data-raw '{token}'")
}

async fn send(Signed { url, token, .. }: Signed) -> Result<(u16, String), String> {
    let media_type = HeaderValue::from_static("application/jwt");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
    let http = HttpClient::new().map_err(|error| error.to_string())?;
    let response = http
        .post(&url, headers, token)
        .await
        .map_err(|error| error.to_string())?;
    Ok((response.status.as_u16(), response.body.expose().to_owned()))
}
