//! The token endpoint (RFC 6749 §3.2): the requests of both grants, and the checks of the response (§5).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{authorize::AuthorizationCode, pkce::CodeVerifier};
use crate::{
    encoding::base64,
    secret::{ClientSecret, secret_type},
};

secret_type! {
    /// `access_token` (RFC 6749 §1.4).
    AccessToken
}

/// The media type of a token request.
pub const FORM: (HeaderName, HeaderValue) = (
    header::CONTENT_TYPE,
    HeaderValue::from_static("application/x-www-form-urlencoded"),
);
/// The media type of a token response.
pub const JSON: (HeaderName, HeaderValue) = (header::ACCEPT, HeaderValue::from_static("application/json"));

/// The grant of a token request.
pub enum Grant<'a> {
    /// A user token in exchange for a code (RFC 6749 §4.1.3). Never sent twice, because a code is valid once.
    AuthorizationCode {
        /// `code`.
        code: &'a AuthorizationCode,
        /// `redirect_uri`, identical to that of the authorization request.
        redirect_uri: &'a str,
        /// `code_verifier`, if the authorization request had a challenge.
        code_verifier: Option<&'a CodeVerifier>,
    },
    /// A service token for the client itself (RFC 6749 §4.4).
    ClientCredentials,
}

/// A granted token. A refresh token in the response is ignored, because a user token is needed once, immediately after the exchange.
#[derive(Debug)]
pub struct Token {
    /// Access token.
    pub access_token: AccessToken,
    /// Lifetime in seconds, at most one day. `None` if the response does not say.
    pub expires_in: Option<i64>,
}

/// Builds the headers of a token request, with the client's Basic authentication.
///
/// # Errors
/// [`TokenError::InvalidResponse`] if the credentials do not form a valid header value. A retry does not help.
pub fn headers(client_id: &str, client_secret: &ClientSecret) -> Result<HeaderMap, TokenError> {
    Ok(HeaderMap::from_iter([
        (header::AUTHORIZATION, basic(client_id, client_secret.expose())?),
        FORM,
        JSON,
    ]))
}

/// Builds the body of a token request. `scope` is sent only with client credentials; a code already has its scope (RFC 6749 §4.1.3).
#[must_use]
pub fn form(grant: &Grant<'_>, scope: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    match grant {
        Grant::AuthorizationCode {
            code,
            redirect_uri,
            code_verifier,
        } => {
            form.append_pair("grant_type", "authorization_code")
                .append_pair("code", code.expose())
                .append_pair("redirect_uri", redirect_uri);
            if let Some(code_verifier) = code_verifier {
                form.append_pair("code_verifier", code_verifier.expose());
            }
        }
        Grant::ClientCredentials => {
            form.append_pair("grant_type", "client_credentials")
                .append_pair("scope", scope);
        }
    }
    form.finish()
}

/// Basic authentication. Both parts are form-urlencoded before they are joined (RFC 6749 §2.3.1).
///
/// # Errors
/// [`TokenError::InvalidResponse`] if the credentials do not form a valid header value. A retry does not help.
pub fn basic(client_id: &str, client_secret: &str) -> Result<HeaderValue, TokenError> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = base64(format!("{}:{}", encode(client_id), encode(client_secret)));
    let mut value =
        HeaderValue::try_from(format!("Basic {credentials}")).map_err(|_| TokenError::InvalidResponse("client_id"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Parses the response to a token request for `scope`.
///
/// # Errors
/// [`TokenError`]; its variant says whether the client, the code or the endpoint is at fault. A code must not be sent again, except after
/// [`TokenError::InvalidClient`] with another secret. For client credentials, see [`TokenError::is_transient`].
pub fn parse(status: StatusCode, retry_after: Option<u64>, body: &str, scope: &str) -> Result<Token, TokenError> {
    match status {
        StatusCode::OK => granted(body, scope),
        status => Err(refused(status, retry_after, body)),
    }
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    token_type: String,
    scope: Option<String>,
    expires_in: Option<Value>,
    error: Option<Value>,
}

/// Parses a successful response. Unknown members are ignored (RFC 6749 §5.1).
fn granted(body: &str, scope: &str) -> Result<Token, TokenError> {
    // Parsed as an object first, because a derived `Deserialize` also accepts an array.
    let members: Map<String, Value> = serde_json::from_str(body).map_err(|_| TokenError::InvalidResponse("body"))?;
    let granted: TokenResponse =
        serde_json::from_value(members.into()).map_err(|_| TokenError::InvalidResponse("body"))?;
    if granted.error.is_some() {
        return Err(TokenError::InvalidResponse("error"));
    }
    if !granted.token_type.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::InvalidResponse("token_type"));
    }
    if granted
        .scope
        .is_some_and(|granted| !granted.split(' ').any(|one| one == scope))
    {
        return Err(TokenError::ScopeMissing);
    }
    // The characters of an `Authorization` header (RFC 6750 §2.1).
    let printable = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable(&granted.access_token) {
        return Err(TokenError::InvalidResponse("access_token"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and the value is clamped to a day"
    )]
    let expires_in = granted
        .expires_in
        .and_then(|seconds| seconds.as_f64())
        .map(|seconds| (seconds as i64).clamp(0, 24 * 3600));
    Ok(Token {
        access_token: AccessToken::new(granted.access_token),
        expires_in,
    })
}

/// Classifies an error response (RFC 6749 §5.2). The body may also have the form of Spotify's Web API, or none.
fn refused(status: StatusCode, retry_after: Option<u64>, body: &str) -> TokenError {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
        error_description: Option<String>,
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return TokenError::RateLimited { retry_after };
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return TokenError::Unavailable { status };
    }
    let refused: Option<Refused> = serde_json::from_str(body).ok();
    match refused
        .as_ref()
        .map(|refused| (refused.error.as_str(), refused.error_description.as_deref()))
    {
        // Spotify was seen to send the second form for a wrong secret.
        Some(("invalid_client", _) | ("invalid_request", Some("Invalid client secret"))) => TokenError::InvalidClient,
        Some(("invalid_grant", _)) => TokenError::InvalidGrant,
        _ => TokenError::Refused { status },
    }
}

/// Why no token was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The client secret is invalid. A code in the request was not consumed (RFC 6749 §5.2).
    #[error("invalid_client")]
    InvalidClient,
    /// The code is used, expired or issued to another client, or redirect URI or verifier differ. A retry does not help.
    #[error("invalid_grant")]
    InvalidGrant,
    /// The token was granted without the requested scope. A retry does not help.
    #[error("the scope is missing from what was granted")]
    ScopeMissing,
    /// Refused for another reason, usually because the client may not use the scope. A retry does not help.
    #[error("refused with {status}")]
    Refused {
        /// HTTP status of the response.
        status: StatusCode,
    },
    /// Too many requests. A retry is safe after `retry_after`, but never with the same code.
    #[error("rate limited")]
    RateLimited {
        /// `Retry-After` in seconds, if present.
        retry_after: Option<u64>,
    },
    /// The endpoint failed. A retry is safe, but never with the same code.
    #[error("unavailable with {status}")]
    Unavailable {
        /// HTTP status of the response.
        status: StatusCode,
    },
    /// The response violates the protocol. Contains the name of the invalid part.
    #[error("invalid token response: {0}")]
    InvalidResponse(&'static str),
}

impl TokenError {
    /// Whether the same request may succeed after a short pause. Use it for client credentials only, because a code is never sent twice.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCOPE: &str = "user-soa-link";

    #[test]
    fn a_token_must_be_bearer_and_have_the_scope() {
        let good = [
            r#"{"access_token":"t","token_type":"Bearer","scope":"user-soa-link","expires_in":3600,"refresh_token":"r"}"#,
            r#"{"access_token":"t","token_type":"bearer"}"#,
            r#"{"access_token":"t","token_type":"BEARER","scope":"a user-soa-link b","unknown":[1]}"#,
        ];
        for body in good {
            assert_eq!(granted(body, SCOPE).unwrap().access_token.expose(), "t");
        }
        let bad = [
            (
                r#"{"access_token":"t","token_type":"mac"}"#,
                TokenError::InvalidResponse("token_type"),
            ),
            (r#"{"access_token":"t"}"#, TokenError::InvalidResponse("body")),
            (
                r#"{"access_token":"","token_type":"bearer"}"#,
                TokenError::InvalidResponse("access_token"),
            ),
            (
                r#"{"access_token":"a b","token_type":"bearer"}"#,
                TokenError::InvalidResponse("access_token"),
            ),
            (
                r#"{"access_token":"t","token_type":"bearer","scope":"user-soa-linked"}"#,
                TokenError::ScopeMissing,
            ),
            (
                r#"{"access_token":"t","token_type":"bearer","scope":""}"#,
                TokenError::ScopeMissing,
            ),
            (
                r#"{"access_token":"t","token_type":"bearer","error":"x"}"#,
                TokenError::InvalidResponse("error"),
            ),
            (
                r#"{"access_token":7,"token_type":"bearer"}"#,
                TokenError::InvalidResponse("body"),
            ),
            ("[]", TokenError::InvalidResponse("body")),
            (r#"["t","bearer",null,3600,null]"#, TokenError::InvalidResponse("body")),
            ("<html>", TokenError::InvalidResponse("body")),
            ("", TokenError::InvalidResponse("body")),
        ];
        for (body, error) in bad {
            assert_eq!(granted(body, SCOPE).unwrap_err(), error, "{body}");
        }
    }

    #[test]
    fn a_refusal_is_classified_by_its_error_code_or_status() {
        let error = |status: u16, body| refused(StatusCode::from_u16(status).unwrap(), None, body);
        assert_eq!(error(400, r#"{"error":"invalid_grant"}"#), TokenError::InvalidGrant);
        assert_eq!(error(400, r#"{"error":"invalid_client"}"#), TokenError::InvalidClient);
        assert_eq!(error(401, r#"{"error":"invalid_client"}"#), TokenError::InvalidClient);
        // Without `invalid_client` the code may be consumed, so it must not be sent again with another secret.
        let unauthorized = StatusCode::UNAUTHORIZED;
        assert_eq!(error(401, "<html>"), TokenError::Refused { status: unauthorized });
        let wrong_secret = r#"{"error":"invalid_request","error_description":"Invalid client secret"}"#;
        assert_eq!(error(400, wrong_secret), TokenError::InvalidClient);
        assert_eq!(
            error(400, r#"{"error":{"status":400,"message":"no"}}"#),
            TokenError::Refused {
                status: StatusCode::BAD_REQUEST
            }
        );
        assert_eq!(
            error(503, r#"{"error":"invalid_grant"}"#),
            TokenError::Unavailable {
                status: StatusCode::SERVICE_UNAVAILABLE
            }
        );
        assert_eq!(error(429, ""), TokenError::RateLimited { retry_after: None });
        assert_eq!(
            error(204, ""),
            TokenError::Refused {
                status: StatusCode::NO_CONTENT
            }
        );
    }

    #[test]
    fn credentials_are_form_urlencoded_before_they_are_joined() {
        let secret = ClientSecret::parse("SECRET?%G0123456789abcdef0123456789").unwrap();
        let expected = base64("client%21%2BID:SECRET%3F%25G0123456789abcdef0123456789");
        assert_eq!(
            basic("client!+ID", secret.expose()).unwrap().to_str().unwrap(),
            format!("Basic {expected}")
        );
    }

    proptest! {
        #[test]
        fn no_token_response_panics(body in ".{0,200}", status in 100u16..1000) {
            let _ = granted(&body, SCOPE);
            if let Ok(status) = StatusCode::from_u16(status) { let _ = refused(status, None, &body); }
        }
    }
}
