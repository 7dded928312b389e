//! Keys that the partner publishes at a URL.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use crate::{
    cache::{Cached, InBackoff, Policy},
    clock::Clock,
    http_client::{HttpClient, HttpError},
    jws::{KeyError, KeySet},
};

/// A JWK set that the partner publishes at `SITE_JWKS_URL` or `BACKEND_JWKS_URL`, fetched and cached.
#[derive(Debug)]
pub struct RemoteKeys {
    url: String,
    http: HttpClient,
    keys: Cached<KeySet>,
}

impl RemoteKeys {
    /// The set at `url`, fetched on first use.
    #[must_use]
    pub fn new(url: String, http: HttpClient, clock: Clock) -> Self {
        Self {
            url,
            http,
            keys: Cached::new(Policy::PUBLISHED, clock),
        }
    }

    /// The keys, at most five minutes old.
    ///
    /// # Errors
    /// [`KeysUnavailable`] if they cannot be fetched and the cache has none that are fresh enough. A retry is safe.
    pub async fn get(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.keys.get(|_| self.fetch()).await
    }

    /// Fetches the keys again, after `known` lacked the key of a token. Returns `known` if that is not possible now.
    pub async fn refresh(&self, known: &Arc<KeySet>) -> Arc<KeySet> {
        let newer = self.keys.refresh_unless_newer(known, |_| self.fetch()).await;
        newer.unwrap_or_else(|_| known.clone())
    }

    async fn fetch(&self) -> Result<KeySet, KeysUnavailable> {
        let answer = self.http.get(&self.url).await.map_err(|error| match error {
            HttpError::Connect => KeysUnavailable("no connection"),
            HttpError::Timeout => KeysUnavailable("no response in time"),
            HttpError::TooLarge => KeysUnavailable("response too large"),
            _ => KeysUnavailable("no usable response"),
        })?;
        if answer.status != StatusCode::OK {
            return Err(KeysUnavailable("status is not 200"));
        }
        let jwks: Value = serde_json::from_str(answer.body.expose()).map_err(|_| KeysUnavailable("not JSON"))?;
        KeySet::from_published(&jwks).map_err(|error| match error {
            KeyError::NoUsableKey => KeysUnavailable("no usable key"),
            KeyError::TooMany => KeysUnavailable("more than 32 keys"),
            _ => KeysUnavailable("not a JWK set"),
        })
    }
}

/// Why the partner's published keys are not available: the URL is unreachable, or its response is not a set of usable keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("published keys: {0}")]
pub struct KeysUnavailable(&'static str);

impl From<InBackoff> for KeysUnavailable {
    fn from(_: InBackoff) -> Self {
        Self("fetch failed a moment ago")
    }
}
