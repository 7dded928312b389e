//! The provider's metadata and keys (`OpenID` Connect Discovery 1.0 §4). Only the members that are used are read, so that an odd form of another one does no harm.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use crate::{
    cache::InBackoff,
    http_client::HttpClient,
    jws::KeySet,
    urls::{is_local, is_secure},
};

/// The signature algorithms of ID tokens that are accepted: asymmetric ones, because every party that can verify a symmetric signature can also make one.
pub const ID_TOKEN_ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// What we need to know of an `OpenID` provider.
pub struct ProviderMetadata {
    /// Authorization endpoint.
    pub authorization_endpoint: Url,
    /// Token endpoint.
    pub token_endpoint: Url,
    /// Whether the token endpoint takes the client secret in the body only.
    pub wants_secret_in_body: bool,
    /// Whether the provider sends `iss` in authorization responses (RFC 9207 §3).
    pub sends_iss: bool,
    /// Keys that sign its ID tokens.
    pub keys: KeySet,
    members: Map<String, Value>,
}

/// Why the provider's metadata and keys could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DiscoveryFailure(pub &'static str);

impl From<InBackoff> for DiscoveryFailure {
    fn from(_: InBackoff) -> Self {
        Self("discovery: failed a moment ago")
    }
}

impl ProviderMetadata {
    /// Fetches metadata and keys, each within `call`.
    ///
    /// # Errors
    /// [`DiscoveryFailure`] names the document, and the member at fault. A retry is safe.
    pub async fn fetch(http: &HttpClient, issuer: &str, call: Duration) -> Result<Self, DiscoveryFailure> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata = fetch_object(http, &url, call).await.map_err(|failure| match failure {
            FetchFailure::NoResponse => DiscoveryFailure("discovery: no usable response"),
            FetchFailure::NotAnObject => DiscoveryFailure("discovery: the response is no JSON object"),
        })?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str);
        if text("issuer") != Some(issuer) {
            return Err(DiscoveryFailure("discovery: metadata of another issuer"));
        }
        let base: Url = issuer
            .parse()
            .map_err(|_| DiscoveryFailure("discovery: the issuer is no URL"))?;
        let endpoint = |name: &str, missing: &'static str| {
            let url: Url = text(name)
                .and_then(|url| url.parse().ok())
                .ok_or(DiscoveryFailure(missing))?;
            if may_be_called(&base, &url) {
                Ok(url)
            } else {
                Err(DiscoveryFailure(
                    "metadata: an endpoint without TLS or on a local address",
                ))
            }
        };
        let authorization_endpoint = endpoint(
            "authorization_endpoint",
            "metadata: authorization_endpoint is missing or no URL",
        )?;
        let token_endpoint = endpoint("token_endpoint", "metadata: token_endpoint is missing or no URL")?;
        let jwks_uri = endpoint("jwks_uri", "metadata: jwks_uri is missing or no URL")?;
        let keys = fetch_object(http, jwks_uri.as_str(), call)
            .await
            .map_err(|failure| match failure {
                FetchFailure::NoResponse => DiscoveryFailure("keys: no usable response"),
                FetchFailure::NotAnObject => DiscoveryFailure("keys: the response is no JSON object"),
            })?;
        let keys = KeySet::from_provider(&keys.into()).map_err(|_| DiscoveryFailure("keys: no usable key"))?;
        Ok(Self {
            authorization_endpoint,
            token_endpoint,
            wants_secret_in_body: takes_secret_in_body_only(&metadata),
            sends_iss: metadata.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            keys,
            members: metadata,
        })
    }

    /// Whether the list `name` of the metadata contains one of `values`. Returns `None` if the provider publishes no such list.
    #[must_use]
    pub fn supports(&self, name: &str, values: &[&str]) -> Option<bool> {
        let list = self.members.get(name)?.as_array()?;
        Some(list.iter().any(|member| values.iter().any(|value| member == value)))
    }
}

/// Basic by default: RFC 6749 §2.3.1 prefers it, and it is the default of the metadata (`OpenID` Connect Discovery 1.0 §3).
fn takes_secret_in_body_only(metadata: &Map<String, Value>) -> bool {
    let methods = metadata
        .get("token_endpoint_auth_methods_supported")
        .and_then(Value::as_array);
    methods.is_some_and(|methods| {
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_post") && !has("client_secret_basic")
    })
}

enum FetchFailure {
    NoResponse,
    NotAnObject,
}

/// Fetches a JSON object. Its media type is ignored, and a byte order mark skipped: neither says anything about the content.
async fn fetch_object(http: &HttpClient, url: &str, call: Duration) -> Result<Map<String, Value>, FetchFailure> {
    let response = http.get_within(url, call).await.map_err(|_| FetchFailure::NoResponse)?;
    if !response.status.is_success() {
        return Err(FetchFailure::NoResponse);
    }
    serde_json::from_str(without_byte_order_mark(response.body.expose())).map_err(|_| FetchFailure::NotAnObject)
}

/// The text without the byte order mark that some servers put before it.
#[must_use]
pub fn without_byte_order_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

/// Whether a provider with this issuer may make us call `url`. It must be https, or loopback http if the issuer is http. Local addresses need a local issuer.
/// Otherwise a provider could make this function call services of its own machine.
fn may_be_called(issuer: &Url, url: &Url) -> bool {
    let is_encrypted = url.scheme() == "https" || issuer.scheme() == "http" && is_secure(url);
    is_encrypted && (!is_local(url) || is_local(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-MIX-4: a provider must not make a function call its own machine.
    #[test]
    fn local_addresses_in_a_providers_metadata_are_rejected() {
        let may = |issuer: &str, url: &str| may_be_called(&issuer.parse().unwrap(), &url.parse().unwrap());
        for url in [
            "https://127.0.0.1/token",
            "https://169.254.169.254/token",
            "https://[::1]/token",
            "https://localhost/token",
            "http://127.0.0.1:9001/token",
            "http://id.example.com/token",
        ] {
            assert!(!may("https://id.example.com", url), "{url}");
        }
        assert!(may("https://id.example.com", "https://tokens.example.com/token"));
        assert!(may("http://127.0.0.1:9200", "http://127.0.0.1:9200/token"));
        assert!(!may("http://127.0.0.1:9200", "http://id.example.com/token"));
    }
}
