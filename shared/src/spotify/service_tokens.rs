//! Service tokens of the client itself (RFC 6749 §4.4). One token per scope is cached until shortly before it expires. One caller requests it
//! while the others wait. This module does not know what the tokens are used for.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{SOA_MANAGE_ENTITLEMENTS, Spotify, SpotifyError, USER_SOA_UNLINK, credentials::Credentials};
use crate::oauth::token::{AccessToken, Grant, Token};

/// Margin before expiry from which a token is replaced, in seconds. Longer than any call takes.
const EXPIRY_MARGIN_SECS: i64 = 60;

/// A service token, with the version of the client secret that obtained it and signs the calls made with it.
pub(super) struct ServiceToken {
    pub(super) access_token: AccessToken,
    pub(super) credentials: Credentials,
    usable_until: i64,
}

impl ServiceToken {
    fn new(token: Token, credentials: Credentials, now: i64) -> Self {
        // Without `expires_in` the lifetime is unknown, so the token serves one call.
        let good_until = now
            .saturating_add(token.expires_in.unwrap_or(0))
            .saturating_sub(EXPIRY_MARGIN_SECS);
        Self {
            access_token: token.access_token,
            credentials,
            usable_until: good_until,
        }
    }
}

/// The use of a service token. Each has a scope of its own, for least privilege.
#[derive(Clone, Copy)]
pub(super) enum ServiceScope {
    Unlink,
    Entitlements,
}

impl Spotify {
    /// The cached token, or a new one if it is `refused` or has expired. A token is also replaced after a rotation, because the old secret
    /// must not sign any more.
    pub(super) async fn service_token(
        &self,
        service: ServiceScope,
        refused: Option<&Arc<ServiceToken>>,
    ) -> Result<Arc<ServiceToken>, SpotifyError> {
        let versions = self.client_secret.get().await?;
        let good = |token: &Arc<ServiceToken>| {
            token.credentials.are_of(&versions) && !refused.is_some_and(|refused| Arc::ptr_eq(refused, token))
        };
        let (kept, scope) = match service {
            ServiceScope::Unlink => (&self.unlink_token, USER_SOA_UNLINK),
            ServiceScope::Entitlements => (&self.entitlements_token, SOA_MANAGE_ENTITLEMENTS),
        };
        let request = || self.request_service_token(scope);
        get(kept, self.clock.now(), good, request).await
    }

    pub(super) async fn request_service_token(&self, scope: &str) -> Result<ServiceToken, SpotifyError> {
        let (token, credentials) = match self.request_token_with_fallback(&Grant::ClientCredentials, scope).await {
            Err(error) if error.is_passing() => {
                self.pause().await;
                self.request_token_with_fallback(&Grant::ClientCredentials, scope)
                    .await?
            }
            outcome => outcome?,
        };
        Ok(ServiceToken::new(token, credentials, self.clock.now()))
    }
}

/// The token in `kept` if it is neither expired nor rejected by `good`, else a new one from `request`.
async fn get<F: Future<Output = Result<ServiceToken, SpotifyError>>>(
    kept: &Mutex<Option<Arc<ServiceToken>>>,
    now: i64,
    good: impl Fn(&Arc<ServiceToken>) -> bool,
    request: impl FnOnce() -> F,
) -> Result<Arc<ServiceToken>, SpotifyError> {
    let mut kept = kept.lock().await;
    if let Some(token) = kept.as_ref().filter(|token| now < token.usable_until && good(token)) {
        return Ok(token.clone());
    }
    *kept = None;
    let token = Arc::new(request().await?);
    *kept = Some(token.clone());
    Ok(token)
}
