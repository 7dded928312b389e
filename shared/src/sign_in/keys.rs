//! The keys that verify: those in the partner's secret, and those that the partner publishes at a URL.

use std::sync::Arc;

use aws_lc_rs::hmac;
use lambda_http::http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    clock::Clock,
    encoding::{from_base64url, hex},
    fetched::{Fetched, Limits, Paused},
    jws::{KeyError, KeySet},
    outbound::{Outbound, OutboundError},
    partner::{PartnerId, PartnerUserId},
    secrets::{SecretValue, text_member},
};

/// The partner's keys: one set for its site's tokens, one for its backend's, and one key from which subscribers' ids are derived.
pub struct PartnerKeys {
    pub(super) site: KeySet,
    pub(super) backend: KeySet,
    pub(super) partner_user_id: hmac::Key,
    browser_binding: hmac::Key,
    log: hmac::Key,
    unlink_form: [u8; 32],
    visit: [u8; 32],
}

impl SecretValue for PartnerKeys {
    fn from_members(members: &Map<String, Value>) -> Result<Self, String> {
        // A set that is published at a URL need not be here.
        let key_set = |name: &str| match members.get(name) {
            Some(jwks) => KeySet::parse(jwks).map_err(|error| format!("member `{name}` {error}")),
            None => Ok(KeySet::default()),
        };
        let (site, backend) = (key_set("site")?, key_set("backend")?);
        let bytes = from_base64url(text_member(members, "partner_user_id_key")?).filter(|bytes| bytes.len() >= 32);
        let bytes = bytes.ok_or("member `partner_user_id_key` is not base64url of 32 bytes or more")?;
        let partner_user_id = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        // One key in custody, a separate one for each use (NIST SP 800-108, with HMAC as the function).
        let derived = |purpose: &str| -> [u8; 32] {
            let mut key = [0; 32];
            key.copy_from_slice(hmac::sign(&partner_user_id, format!("soa-link {purpose}").as_bytes()).as_ref());
            key
        };
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &derived(purpose));
        let (browser_binding, log) = (key("browser binding"), key("log"));
        let (unlink_form, visit) = (derived("unlink form"), derived("visit"));
        Ok(Self {
            site,
            backend,
            partner_user_id,
            browser_binding,
            log,
            unlink_form,
            visit,
        })
    }
}

impl PartnerKeys {
    /// Whether there is a key for the site's tokens.
    #[must_use]
    pub fn has_site_keys(&self) -> bool {
        !self.site.is_empty()
    }

    /// Whether there is one for the backend's requests.
    #[must_use]
    pub fn has_backend_keys(&self) -> bool {
        !self.backend.is_empty()
    }

    /// What tags the values in the browser's cookie.
    #[must_use]
    pub fn browser_binding(&self) -> &hmac::Key {
        &self.browser_binding
    }

    /// What seals the person into our own unlink form.
    #[must_use]
    pub fn unlink_form(&self) -> &[u8; 32] {
        &self.unlink_form
    }

    /// What seals the person into our own cookie.
    #[must_use]
    pub fn visit(&self) -> &[u8; 32] {
        &self.visit
    }

    /// How a subscriber is known in the log: twelve characters that say nothing to whoever has no key.
    #[must_use]
    pub fn log_name(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
        let mut name = hex(hmac::sign(
            &self.log,
            format!("{partner_id} {}", partner_user_id.expose()).as_bytes(),
        )
        .as_ref());
        name.truncate(12);
        name
    }
}

/// A JWK set at a URL of the partner's (`SITE_JWKS_URL`, `BACKEND_JWKS_URL`).
#[derive(Debug)]
pub struct PublishedKeys {
    url: String,
    outbound: Outbound,
    keys: Fetched<KeySet>,
}

impl PublishedKeys {
    /// The set at `url`, not fetched yet.
    #[must_use]
    pub fn new(url: String, outbound: Outbound, clock: Clock) -> Self {
        Self {
            url,
            outbound,
            keys: Fetched::new(Limits::PUBLISHED, clock),
        }
    }

    /// The keys as they were at most five minutes ago.
    ///
    /// # Errors
    /// [`NoKeys`] when none can be had.
    pub async fn get(&self) -> Result<Arc<KeySet>, NoKeys> {
        self.keys.get(|_| self.fetch()).await
    }

    /// The keys after `known` did not have the one that is needed: the partner may have rotated them just now.
    pub async fn newer_than(&self, known: &Arc<KeySet>) -> Arc<KeySet> {
        let newer = self.keys.get_after(known, |_| self.fetch()).await;
        newer.unwrap_or_else(|_| known.clone())
    }

    async fn fetch(&self) -> Result<KeySet, NoKeys> {
        let answer = self.outbound.get(&self.url).await.map_err(|error| match error {
            OutboundError::Connect => NoKeys("no connection"),
            OutboundError::Timeout => NoKeys("no answer in time"),
            OutboundError::TooLarge => NoKeys("too large an answer"),
            _ => NoKeys("a broken answer"),
        })?;
        if answer.status != StatusCode::OK {
            return Err(NoKeys("another status than 200"));
        }
        let jwks: Value = serde_json::from_str(answer.body.expose()).map_err(|_| NoKeys("no JSON"))?;
        KeySet::published(&jwks).map_err(|error| match error {
            KeyError::NoneUsable => NoKeys("no key that can be used"),
            KeyError::TooMany => NoKeys("more than 32 keys"),
            _ => NoKeys("no JWK set"),
        })
    }
}

/// The partner's published keys cannot be had: their URL is down, or what is there is no set of usable keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("published keys: {0}")]
pub struct NoKeys(&'static str);

impl From<Paused> for NoKeys {
    fn from(_: Paused) -> Self {
        Self("none a moment ago")
    }
}
