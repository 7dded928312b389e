//! Authentication of subscribers, by session cookie, hand-off token or `OpenID` provider, and of the partner's backend, by signed request. Every identity comes
//! from a verified token. Must not know requests, responses or pages.

mod backend;
mod identity;
mod members;
mod partner_keys;
mod provider_metadata;
mod rejection;
mod remote_keys;
#[cfg(test)]
mod tests;
mod verify;
mod visit_cookie;

use url::Url;

pub use backend::{BackendConfig, BackendError, BackendRequest, BackendVerifier};
pub use identity::{Identity, IdentityClaims, subject_id};
pub use members::{InvalidMember, UnknownMember, require_known_person_members};
pub use partner_keys::PartnerKeys;
pub use provider_metadata::{DiscoveryFailure, ID_TOKEN_ALGORITHMS, ProviderMetadata, without_byte_order_mark};
pub(crate) use rejection::{REPLAYED, UNVERIFIED};
pub use remote_keys::{KeysUnavailable, RemoteKeys};

use self::verify::{Expected, verify};
use crate::{
    clock::Clock,
    http_client::HttpClient,
    jws::{JwsError, JwtId, TokenKind, Verified},
    oauth::browser_binding::BrowserBindings,
    partner::PartnerId,
    secret::constant_time_eq,
    secrets::Versions,
    urls::PublicUrl,
};

/// How a subscriber proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// By a session cookie that the partner's site sets on the parent domain. The browser sends it with each request.
    Session,
    /// By a single-use hand-off token, which the partner's site adds to the URL when it returns the person.
    Handoff,
    /// At the partner's `OpenID` provider.
    Oidc,
}

impl SignInMethod {
    /// The name in the configuration and in the store: `session`, `handoff` or `oidc`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Handoff => "handoff",
            Self::Oidc => "oidc",
        }
    }

    /// Parses `session`, `handoff` or `oidc`. Returns `None` for any other name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Session, Self::Handoff, Self::Oidc]
            .into_iter()
            .find(|method| method.as_str() == name)
    }
}

/// How a partner's subscribers sign in.
#[derive(Clone, Debug)]
pub struct SignInConfig {
    /// `SIGN_IN`: the method.
    pub method: SignInMethod,
    /// `SIGN_IN_URL`: the partner's sign-in page. Required for hand-off.
    pub sign_in_url: Option<Url>,
    /// `SESSION_COOKIE`: the session cookie's name. Required for sessions.
    pub session_cookie: Option<String>,
    /// `SITE_ISSUER`: `iss` of the site's tokens.
    pub site_issuer: String,
    /// `SITE_JWKS_URL`: URL of the site's published keys; `None` if they are in the secret.
    pub site_jwks_url: Option<Url>,
    /// `PUBLIC_URL`: `aud` of the site's tokens.
    pub public_url: PublicUrl,
    /// Whether a token needs the claim `partner_id`, because several partners share its issuer and keys.
    pub requires_partner_claim: bool,
}

/// Verifies the tokens of a partner's subscribers.
#[derive(Debug)]
pub struct SignIn {
    /// The settings.
    pub config: SignInConfig,
    clock: Clock,
    site_keys: Option<RemoteKeys>,
}

/// Why a token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The token is invalid. A retry with the same token is of no use.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// The keys that would verify it are not available. A retry is safe.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
}

impl SignIn {
    /// A verifier for the subscribers of the partner that `config` describes. Fetches published keys on first use.
    #[must_use]
    pub fn new(config: SignInConfig, http: &HttpClient, clock: &Clock) -> Self {
        let remote = |url: &Url| RemoteKeys::new(url.to_string(), http.clone(), clock.clone());
        let site_keys = config.site_jwks_url.as_ref().map(remote);
        Self {
            config,
            clock: clock.clone(),
            site_keys,
        }
    }

    /// Fetches published keys ahead of need. A failure is ignored, because the next use fetches them again.
    pub async fn preload(&self) {
        if let Some(keys) = &self.site_keys {
            drop(keys.get().await);
        }
    }

    /// Whether tokens can be verified: with `keys`, with published keys, or by an `OpenID` provider.
    #[must_use]
    pub fn has_verification_keys(&self, keys: &PartnerKeys) -> bool {
        self.config.method == SignInMethod::Oidc || self.site_keys.is_some() || !keys.site.is_empty()
    }

    /// The identity in a value of the session cookie; `None` if sessions are not in use.
    ///
    /// # Errors
    /// [`SignInError`] if the cookie is invalid or cannot be verified.
    pub async fn session(
        &self,
        keys: &Versions<PartnerKeys>,
        token: &str,
        partner_id: &PartnerId,
    ) -> Result<Option<Identity>, SignInError> {
        if self.config.method != SignInMethod::Session {
            return Ok(None);
        }
        let verified = self.verify(keys, token, TokenKind::Session).await?;
        let person = self.identity(keys, verified.claims, partner_id, SignInMethod::Session)?;
        Ok(Some(person))
    }

    /// The identity in a hand-off token, its `jti`, and the hash of the browser binding for which it was made. The caller stores the `jti`, which makes the
    /// token single-use.
    ///
    /// # Errors
    /// [`SignInError`] if the token is invalid, was made for another browser or partner, or cannot be verified.
    pub async fn handoff(
        &self,
        keys: &Versions<PartnerKeys>,
        token: &str,
        browser: &BrowserBindings,
        partner_id: &PartnerId,
    ) -> Result<(Identity, JwtId, String), SignInError> {
        let verified = self.verify(keys, token, TokenKind::Handoff).await?;
        let nonce = verified.claims.nonce.as_deref().ok_or(JwsError::Claim("nonce"))?;
        let mut bindings = browser
            .iter()
            .filter(|binding| constant_time_eq(binding.nonce(partner_id.as_str()).as_bytes(), nonce.as_bytes()));
        let browser_binding = bindings.next().ok_or(JwsError::BrowserMismatch)?.hash();
        let jti = verified.jti.ok_or(JwsError::Claim("jti"))?;
        let jti = JwtId::handoff(&self.config.site_issuer, &jti, verified.expires_at);
        Ok((
            self.identity(keys, verified.claims, partner_id, SignInMethod::Handoff)?,
            jti,
            browser_binding,
        ))
    }

    /// The identity that verified claims give a subscriber of this partner.
    ///
    /// # Errors
    /// [`JwsError::Claim`] if a claim is malformed, if `partner_id` names another partner, or if it is required and missing.
    pub fn identity(
        &self,
        keys: &Versions<PartnerKeys>,
        claims: IdentityClaims,
        partner_id: &PartnerId,
        method: SignInMethod,
    ) -> Result<Identity, JwsError> {
        // Where partners share an issuer, a token for one partner must not be valid at another.
        match &claims.partner_id {
            Some(claimed) if claimed != partner_id.as_str() => Err(JwsError::Claim("partner_id")),
            None if self.config.requires_partner_claim => Err(JwsError::Claim("partner_id")),
            _ => Identity::from_claims(keys, claims, partner_id, method),
        }
    }

    /// The partner's sign-in page, which returns a person to `return_to` with a token for `nonce`; `None` if none is configured.
    #[must_use]
    pub fn handoff_url(&self, return_to: &str, nonce: &str) -> Option<String> {
        let mut url = self.config.sign_in_url.clone()?;
        url.query_pairs_mut()
            .append_pair("return_to", return_to)
            .append_pair("nonce", nonce);
        Some(url.into())
    }

    async fn verify(
        &self,
        keys: &Versions<PartnerKeys>,
        token: &str,
        kind: TokenKind,
    ) -> Result<Verified<IdentityClaims>, SignInError> {
        let expected = Expected {
            kind,
            issuer: &self.config.site_issuer,
            audience: self.config.public_url.as_str(),
            now: self.clock.now(),
        };
        verify(keys, |keys| &keys.site, self.site_keys.as_ref(), &expected, token).await
    }
}
