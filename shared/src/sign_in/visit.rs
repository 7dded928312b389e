//! Whoever was handed over to us is known for ten minutes on our own pages, by a cookie that says nothing to anybody else: without it, a page that is loaded
//! again would have its spent token refused. Linking does not trust it: who links is asked for anew each time.

use serde::{Deserialize, Serialize};

use super::{PartnerKeys, Person};
use crate::{
    partner::{PartnerId, PartnerUserId},
    sealed,
    store::SignedInBy,
};

/// The cookie. `__Host-` keeps other hosts of the partner's domain from setting it (RFC 6265bis §4.1.3.2).
pub const VISIT_COOKIE: &str = "__Host-soa_visit";
/// How long, in seconds, it is good.
pub const VISIT: i64 = 600;

#[derive(Serialize, Deserialize)]
struct Visit {
    partner_id: String,
    partner_user_id: String,
    name: Option<String>,
    expires_at: i64,
}

impl Person {
    /// The value of the cookie by which this person is known on our pages from `now` on.
    #[must_use]
    pub fn visit(&self, keys: &PartnerKeys, partner_id: &PartnerId, now: i64) -> Option<String> {
        let visit = Visit {
            partner_id: partner_id.as_str().to_owned(),
            partner_user_id: self.partner_user_id.expose().to_owned(),
            name: self.name.clone(),
            expires_at: now.saturating_add(VISIT),
        };
        sealed::seal(keys.visit(), &visit)
    }

    /// Whose visit to this partner's pages a cookie proves, if it is not over.
    #[must_use]
    pub fn visiting(keys: &PartnerKeys, cookie: &str, partner_id: &PartnerId, now: i64) -> Option<Self> {
        let visit: Visit = sealed::open(keys.visit(), cookie)?;
        if visit.expires_at <= now || visit.partner_id != partner_id.as_str() {
            return None;
        }
        Some(Self {
            partner_user_id: PartnerUserId::parse(&visit.partner_user_id).ok()?,
            entitlements: None,
            name: visit.name,
            signed_in_by: SignedInBy::Handoff,
        })
    }
}
