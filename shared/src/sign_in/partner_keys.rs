//! The keys in the partner's secret (`PARTNER_KEYS_ID`), and those derived from it.

use aws_lc_rs::hmac;
use serde_json::{Map, Value};

use crate::{
    encoding::{from_base64url, hex},
    jws::KeySet,
    partner::{PartnerId, PartnerUserId},
    secrets::{SecretValue, string_member},
};

/// A partner's keys: the key set of its site's tokens, that of its backend's requests, and the key from which Partner User IDs are derived.
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
        // A key set that the partner publishes at a URL is absent from the secret.
        let key_set = |name: &str| match members.get(name) {
            Some(jwks) => KeySet::parse(jwks).map_err(|error| format!("member `{name}` {error}")),
            None => Ok(KeySet::default()),
        };
        let (site, backend) = (key_set("site")?, key_set("backend")?);
        let bytes = from_base64url(string_member(members, "partner_user_id_key")?).filter(|bytes| bytes.len() >= 32);
        let bytes = bytes.ok_or("member `partner_user_id_key` is not base64url of 32 bytes or more")?;
        let partner_user_id = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        // Each use has its own key, derived from one secret (NIST SP 800-108, with HMAC as the function).
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
    /// Whether the secret has a key for the site's tokens.
    #[must_use]
    pub fn has_site_keys(&self) -> bool {
        !self.site.is_empty()
    }

    /// Whether the secret has a key for the backend's requests.
    #[must_use]
    pub fn has_backend_keys(&self) -> bool {
        !self.backend.is_empty()
    }

    /// The key that tags the values of the browser cookie.
    #[must_use]
    pub fn browser_binding(&self) -> &hmac::Key {
        &self.browser_binding
    }

    /// The key that seals our unlink form.
    #[must_use]
    pub fn unlink_form(&self) -> &[u8; 32] {
        &self.unlink_form
    }

    /// The key that seals the visit cookie.
    #[must_use]
    pub fn visit(&self) -> &[u8; 32] {
        &self.visit
    }

    /// The subscriber's pseudonym in the log: 12 hexadecimal digits of a keyed hash.
    #[must_use]
    pub fn log_pseudonym(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
        let mut name = hex(hmac::sign(
            &self.log,
            format!("{partner_id} {}", partner_user_id.expose()).as_bytes(),
        )
        .as_ref());
        name.truncate(12);
        name
    }
}
