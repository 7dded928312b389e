//! Verifies the signed requests of the partner's backend.

use serde_json::{Map, Value};
use url::Url;

use super::{
    KeysUnavailable, PartnerKeys, RemoteKeys, SignInError, UnknownMember,
    members::require_known_members,
    rejection::explain,
    verify::{Expected, MAX_REQUEST_BYTES, verify},
};
use crate::{
    clock::Clock,
    http_client::HttpClient,
    jws::{JwsError, RequestId, TokenKind, Verified},
    partner::PartnerId,
    secrets::Versions,
};

/// The configuration of the partner's backend.
#[derive(Clone, Debug)]
pub struct BackendConfig {
    /// `BACKEND_ISSUER`: `iss` of its signed requests.
    pub issuer: String,
    /// `BACKEND_JWKS_URL`: URL of its published keys; `None` if they are in the secret.
    pub jwks_url: Option<Url>,
}

/// A verified request of the partner's backend.
#[derive(Debug)]
pub struct BackendRequest {
    /// All claims. The caller reads those of its operation.
    pub claims: Map<String, Value>,
    /// Its identity, which the caller must store so that the request has its effect once.
    pub id: RequestId,
}

/// Why a request was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The token is invalid. A retry with the same token is of no use.
    #[error("{error}")]
    Rejected {
        /// The check that failed, for the log.
        error: JwsError,
        /// The explanation for the backend.
        detail: String,
    },
    /// The token is longer than a request may be. A retry is of no use.
    #[error("too large")]
    TooLarge,
    /// The keys that would verify it are not available. A retry is safe.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
    /// The token is valid, but has a member that no call knows. A retry is of no use.
    #[error(transparent)]
    UnknownMember(#[from] UnknownMember),
}

/// Verifies requests of the partner's backend.
#[derive(Debug)]
pub struct BackendVerifier {
    issuer: String,
    keys: Option<RemoteKeys>,
    clock: Clock,
}

impl BackendVerifier {
    /// A verifier for the backend that `config` describes. Fetches published keys on first use.
    #[must_use]
    pub fn new(config: BackendConfig, http: &HttpClient, clock: &Clock) -> Self {
        let remote = |url: &Url| RemoteKeys::new(url.to_string(), http.clone(), clock.clone());
        Self {
            keys: config.jwks_url.as_ref().map(remote),
            issuer: config.issuer,
            clock: clock.clone(),
        }
    }

    /// Verifies a request to the URL `audience`, which belongs to the partner `partner_id`. White space around the JWS is ignored, because files often end with
    /// a line break. Members are checked last, so that only the holder of a key learns which are known.
    ///
    /// # Errors
    /// [`BackendError`] if the request is invalid or cannot be verified.
    pub async fn verify(
        &self,
        keys: &Versions<PartnerKeys>,
        jws: &str,
        audience: &str,
        partner_id: &PartnerId,
    ) -> Result<BackendRequest, BackendError> {
        let jws = jws.trim_ascii();
        let expected = Expected {
            kind: TokenKind::Request,
            issuer: &self.issuer,
            audience,
            now: self.clock.now(),
        };
        if jws.len() > MAX_REQUEST_BYTES {
            return Err(BackendError::TooLarge);
        }
        let rejected = |error| BackendError::Rejected {
            error,
            detail: explain(error, jws, &expected, partner_id.as_str()),
        };
        let verified = verify(keys, |keys| &keys.backend, self.keys.as_ref(), &expected, jws).await;
        let verified: Verified<Map<String, Value>> = verified.map_err(|error| match error {
            SignInError::Token(error) => rejected(error),
            SignInError::Keys(error) => error.into(),
        })?;
        if verified.claims.get("partner_id").and_then(Value::as_str) != Some(partner_id.as_str()) {
            return Err(rejected(JwsError::Claim("partner_id")));
        }
        let jti = verified.jti.ok_or_else(|| rejected(JwsError::Claim("jti")))?;
        require_known_members(&verified.claims)?;
        Ok(BackendRequest {
            claims: verified.claims,
            id: RequestId::new(&self.issuer, &jti, verified.expires_at, jws),
        })
    }
}
