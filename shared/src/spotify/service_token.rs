//! Tokens of the client itself (RFC 6749 §4.4): one a scope, kept until shortly before they end, fetched by one caller while others wait.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Credentials, SpotifyError};
use crate::oauth::token::{AccessToken, Token};

/// How long before its end, in seconds, a token is given up: longer than any call takes.
const MARGIN: i64 = 60;

/// A service token and the secret it was granted to, which signs what goes with it.
pub(super) struct ServiceToken {
    pub(super) access_token: AccessToken,
    pub(super) credentials: Credentials,
    good_until: i64,
}

impl ServiceToken {
    pub(super) fn new(token: Token, credentials: Credentials, now: i64) -> Self {
        // Without `expires_in` nobody knows: it serves this once.
        let good_until = now.saturating_add(token.expires_in.unwrap_or(0)).saturating_sub(MARGIN);
        Self {
            access_token: token.access_token,
            credentials,
            good_until,
        }
    }
}

/// The kept token, unless it has ended or is not `good` any more; else a new one.
pub(super) async fn get<F: Future<Output = Result<ServiceToken, SpotifyError>>>(
    kept: &Mutex<Option<Arc<ServiceToken>>>,
    now: i64,
    good: impl Fn(&Arc<ServiceToken>) -> bool,
    request: impl FnOnce() -> F,
) -> Result<Arc<ServiceToken>, SpotifyError> {
    let mut kept = kept.lock().await;
    if let Some(token) = kept.as_ref().filter(|token| now < token.good_until && good(token)) {
        return Ok(token.clone());
    }
    *kept = None;
    let token = Arc::new(request().await?);
    *kept = Some(token.clone());
    Ok(token)
}
