//! Protects the routes under `/_sandbox/` from web pages of other origins: from requests across origins, and from DNS
//! rebinding. Programs that send no `Origin`, such as curl, are let through.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::{Json, Router, middleware};
use serde_json::json;

/// Path prefix of the guarded routes.
const GUARDED: &str = "/_sandbox";

/// Guards the routes of a server. `authority` is its address: `127.0.0.1:9100`.
pub(crate) fn guarded(routes: Router, authority: String) -> Router {
    routes.layer(middleware::from_fn_with_state(authority, guard))
}

async fn guard(State(authority): State<String>, request: Request, next: Next) -> Response<Body> {
    let rejected = request
        .uri()
        .path()
        .starts_with(GUARDED)
        .then(|| check(&authority, request.headers()).err())
        .flatten();
    match rejected {
        Some(message) => (StatusCode::FORBIDDEN, Json(json!({ "error": message }))).into_response(),
        None => next.run(request).await,
    }
}

/// Checks that `Host` is the server's own address, and `Origin`, if present, its own origin.
///
/// # Errors
/// The message of the response.
fn check(authority: &str, headers: &HeaderMap) -> Result<(), String> {
    if single(headers, &header::HOST) != Some(authority) {
        return Err(format!("Host must be {authority}: use http://{authority}/_sandbox/"));
    }
    let own = format!("http://{authority}");
    if headers.contains_key(header::ORIGIN) && single(headers, &header::ORIGIN) != Some(&own) {
        return Err(format!("Origin must be {own}, or absent"));
    }
    Ok(())
}

/// Returns the value of a header, or `None` if it is absent, repeated or not ASCII.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const AUTHORITY: &str = "127.0.0.1:9100";

    fn is_accepted(headers: &[(HeaderName, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        check(AUTHORITY, &map).is_ok()
    }

    #[test]
    fn the_own_host_is_accepted_with_the_own_origin_or_without_one() {
        assert!(is_accepted(&[(header::HOST, AUTHORITY)]));
        let own = (header::ORIGIN, "http://127.0.0.1:9100");
        assert!(is_accepted(&[(header::HOST, AUTHORITY), own]));
    }

    #[test]
    fn a_foreign_or_repeated_host_is_rejected() {
        for host in [
            "evil.example",
            "evil.example:9100",
            "localhost:9100",
            "127.0.0.1",
            "127.0.0.1:9000",
            "127.0.0.1:9100.evil.example",
            "[::1]:9100",
            "0.0.0.0:9100",
            "",
        ] {
            assert!(!is_accepted(&[(header::HOST, host)]), "{host}");
        }
        assert!(!is_accepted(&[]), "no Host");
        assert!(!is_accepted(&[(header::HOST, AUTHORITY), (header::HOST, AUTHORITY)]));
    }

    #[test]
    fn a_foreign_or_repeated_origin_is_rejected() {
        for origin in [
            "null",
            "http://evil.example",
            "https://127.0.0.1:9100",
            "http://127.0.0.1:3000",
            "http://localhost:9100",
            "http://127.0.0.1:9100/",
            "",
        ] {
            assert!(
                !is_accepted(&[(header::HOST, AUTHORITY), (header::ORIGIN, origin)]),
                "{origin}"
            );
        }
        let own = (header::ORIGIN, "http://127.0.0.1:9100");
        assert!(!is_accepted(&[(header::HOST, AUTHORITY), own.clone(), own]));
    }
}
