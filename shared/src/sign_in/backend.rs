//! Requests that the partner's backend signs.

use serde_json::{Map, Value};
use url::Url;

use super::{
    PartnerKeys, RemoteKeys, SignInError,
    verify::{Expected, verify},
};
use crate::{
    clock::Clock,
    http_client::HttpClient,
    jws::{JwsError, JwtId, TokenKind, Verified},
    partner::PartnerId,
    secrets::Versions,
};

/// The partner's backend, as it is configured.
#[derive(Clone, Debug)]
pub struct BackendConfig {
    /// `BACKEND_ISSUER`: `iss` of its signed requests.
    pub issuer: String,
    /// `BACKEND_JWKS_URL`: where it publishes its keys, if they are not in the secret.
    pub jwks_url: Option<Url>,
}

/// A verified request of the partner's backend.
#[derive(Debug)]
pub struct BackendRequest {
    /// All claims. The caller reads those that its operation knows.
    pub claims: Map<String, Value>,
    /// Its `jti`, which the caller stores so that the request works once.
    pub jti: JwtId,
}

/// Verifies requests of the partner's backend.
#[derive(Debug)]
pub struct BackendVerifier {
    issuer: String,
    keys: Option<RemoteKeys>,
    clock: Clock,
}

impl BackendVerifier {
    /// Verifies requests of the backend that `config` describes.
    #[must_use]
    pub fn new(config: BackendConfig, http: &HttpClient, clock: &Clock) -> Self {
        let remote = |url: &Url| RemoteKeys::new(url.to_string(), http.clone(), clock.clone());
        Self {
            keys: config.jwks_url.as_ref().map(remote),
            issuer: config.issuer,
            clock: clock.clone(),
        }
    }

    /// Verifies a request for the URL `audience` and the partner of that URL. White space around the JWS is ignored: a file or a pipe often ends with a line
    /// break.
    ///
    /// # Errors
    /// [`SignInError`] if the request is invalid or cannot be verified.
    pub async fn verify(
        &self,
        keys: &Versions<PartnerKeys>,
        jws: &str,
        audience: &str,
        partner_id: &PartnerId,
    ) -> Result<BackendRequest, SignInError> {
        let expected = Expected {
            kind: TokenKind::Request,
            issuer: &self.issuer,
            audience,
        };
        let now = self.clock.now();
        let verified: Verified<Map<String, Value>> = verify(
            keys,
            |keys| &keys.backend,
            self.keys.as_ref(),
            &expected,
            jws.trim_ascii(),
            now,
        )
        .await?;
        if verified.claims.get("partner_id").and_then(Value::as_str) != Some(partner_id.as_str()) {
            return Err(JwsError::Claim("partner_id").into());
        }
        let jti = verified.jti.ok_or(JwsError::Claim("jti"))?;
        Ok(BackendRequest {
            claims: verified.claims,
            jti: JwtId::request(&self.issuer, &jti, verified.expires_at),
        })
    }
}
