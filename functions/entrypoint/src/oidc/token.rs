//! The provider's token endpoint (RFC 6749 §4.1.3 and §5, OpenID Connect Core 1.0 §3.1.3). The ID token is all that is needed of a response.

use std::time::Duration;

use http::{HeaderMap, header};
use serde_json::{Map, Value};
use shared::{
    errors::ProviderError,
    http_client::{HttpClient, HttpError},
    oauth::{
        authorize::AuthorizationCode,
        pkce::CodeVerifier,
        token::{FORM, Grant, JSON, basic, form},
    },
    sign_in::without_byte_order_mark,
};
use url::form_urlencoded;

/// The error code for a failed client authentication (RFC 6749 §5.2).
pub(super) const INVALID_CLIENT: &str = "invalid_client";

/// The client at the token endpoint.
pub(super) struct ClientAuthentication<'a> {
    pub(super) client_id: &'a str,
    /// `None` for a public client.
    pub(super) client_secret: Option<&'a str>,
    /// Whether the secret is sent in the body instead of the header.
    pub(super) in_body: bool,
}

/// The tokens of a response.
pub(super) struct GrantedTokens {
    pub(super) id_token: String,
    /// `None` if the provider grants none.
    pub(super) access_token: Option<String>,
}

/// A token request for a code.
pub(super) struct CodeExchange<'a> {
    pub(super) code: &'a AuthorizationCode,
    pub(super) redirect_uri: &'a str,
    pub(super) code_verifier: &'a CodeVerifier,
}

impl CodeExchange<'_> {
    /// Exchanges the code, within `call`. It must not be sent again, except after `invalid_client` with another secret.
    ///
    /// # Errors
    /// [`ProviderError`]: the code is refused, our client is refused, or there is no usable response.
    pub(super) async fn send(
        &self,
        http: &HttpClient,
        token_endpoint: &str,
        client: &ClientAuthentication<'_>,
        call: Duration,
    ) -> Result<GrantedTokens, ProviderError> {
        let (headers, body) = self.request(client)?;
        let response = http.post_within(token_endpoint, headers, body, call).await;
        let response = response.map_err(|error| {
            ProviderError::Unavailable(match error {
                HttpError::Timeout => "token endpoint: no response in time",
                _ => "token endpoint: no usable response",
            })
        })?;
        let members: Result<Map<String, Value>, _> =
            serde_json::from_str(without_byte_order_mark(response.body.expose()));
        let is_success = response.status.is_success();
        match members {
            Ok(members) if members.get("error").is_some() || !is_success => Err(refusal(&members)),
            Ok(members) => tokens(&members),
            Err(_) if is_success => Err(ProviderError::Unavailable(
                "token endpoint: the response is no JSON object",
            )),
            Err(_) => Err(ProviderError::Unavailable("token endpoint: no usable response")),
        }
    }

    fn request(&self, client: &ClientAuthentication<'_>) -> Result<(HeaderMap, String), ProviderError> {
        let grant = Grant::AuthorizationCode {
            code: self.code,
            redirect_uri: self.redirect_uri,
            code_verifier: Some(self.code_verifier),
        };
        let mut headers = HeaderMap::from_iter([FORM, JSON]);
        let mut body = form_urlencoded::Serializer::new(form(&grant, ""));
        match client.client_secret {
            Some(secret) if !client.in_body => {
                let authorization = basic(client.client_id, secret);
                let authorization =
                    authorization.map_err(|_| ProviderError::ClientRefused("OIDC_CLIENT_ID cannot be sent"))?;
                headers.insert(header::AUTHORIZATION, authorization);
            }
            secret => {
                body.append_pair("client_id", client.client_id);
                if let Some(secret) = secret {
                    body.append_pair("client_secret", secret);
                }
            }
        }
        Ok((headers, body.finish()))
    }
}

fn tokens(members: &Map<String, Value>) -> Result<GrantedTokens, ProviderError> {
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let id_token = text("id_token").ok_or(ProviderError::Unavailable("token endpoint: no id_token"))?;
    Ok(GrantedTokens {
        id_token,
        access_token: text("access_token"),
    })
}

/// Translates an error response (RFC 6749 §5.2).
fn refusal(members: &Map<String, Value>) -> ProviderError {
    match members.get("error").and_then(Value::as_str) {
        Some("invalid_grant") => ProviderError::CodeRefused,
        Some(INVALID_CLIENT) => ProviderError::ClientRefused(INVALID_CLIENT),
        Some("unauthorized_client") => ProviderError::ClientRefused("unauthorized_client"),
        Some("invalid_scope") => ProviderError::ClientRefused("invalid_scope"),
        Some("invalid_request") => ProviderError::ClientRefused("invalid_request"),
        Some("unsupported_grant_type") => ProviderError::ClientRefused("unsupported_grant_type"),
        Some(_) => ProviderError::Unavailable("token endpoint: unknown error code"),
        None => ProviderError::Unavailable("token endpoint: no usable response"),
    }
}
