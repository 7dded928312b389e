//! The visit cookie identifies a person on our own pages for ten minutes after a hand-off or a sign-in. Without it, a reload would present a token that is
//! already used. It is sealed, so that others can neither read nor change it. Linking does not accept it: each link needs a new sign-in.

use serde::{Deserialize, Serialize};

use super::{Identity, PartnerKeys, SignInMethod};
use crate::{
    cookie::VISIT_TTL,
    partner::{PartnerId, PartnerUserId},
    seal,
};

#[derive(Serialize, Deserialize)]
struct VisitCookie {
    partner_id: String,
    partner_user_id: String,
    name: Option<String>,
    expires_at: i64,
}

impl Identity {
    /// The value of the visit cookie for this person, valid for [`VISIT_TTL`] from `now`, in seconds since 1970. Returns `None` if it cannot be sealed.
    #[must_use]
    pub fn to_visit_cookie(&self, keys: &PartnerKeys, partner_id: &PartnerId, now: i64) -> Option<String> {
        let visit = VisitCookie {
            partner_id: partner_id.as_str().to_owned(),
            partner_user_id: self.partner_user_id.expose().to_owned(),
            name: self.name.clone(),
            expires_at: now.saturating_add(VISIT_TTL),
        };
        seal::seal(keys.visit(), &visit)
    }

    /// The person whom a visit cookie identifies at this partner; `None` if it is not authentic, another partner's, or expired.
    #[must_use]
    pub fn from_visit_cookie(keys: &PartnerKeys, cookie: &str, partner_id: &PartnerId, now: i64) -> Option<Self> {
        let visit: VisitCookie = seal::unseal(keys.visit(), cookie)?;
        if visit.expires_at <= now || visit.partner_id != partner_id.as_str() {
            return None;
        }
        Some(Self {
            partner_user_id: PartnerUserId::parse(&visit.partner_user_id).ok()?,
            entitlements: None,
            name: visit.name,
            method: SignInMethod::Handoff,
        })
    }
}
