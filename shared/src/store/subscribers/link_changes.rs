//! The start of a registration or an unlink, recorded before Spotify is called.

use super::{
    Lane, LinkState, STREAM_MARKERS, Subscriber, Subscribers,
    record::{QUIET_PERIOD_SECS, UNLINK_USER, dirty, subscriber_of},
};
use crate::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{
        StoreError,
        item::{list, number, text},
        write::{Condition, Write},
    },
};

impl Subscribers {
    /// Records that a registration starts, before `register-user` is called. If the caller dies, `sync` asks Spotify for the result. `claimed` are the
    /// entitlements of the token. Returns the new record.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write; `register-user` must not be called then. A retry is safe.
    pub async fn begin_registration(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        claimed: Option<&Entitlements>,
        now: i64,
    ) -> Result<Subscriber, StoreError> {
        let write = link_change_started(LinkState::Pending, "register-user", now)
            .set("partner_id", text(partner_id.as_str()))
            .set("partner_user_id", text(partner_user_id.expose()))
            .set("registered_at", number(now))
            .set("dirty", dirty(Lane::Individual, partner_id, partner_user_id));
        let write = match claimed {
            Some(claimed) => write.set("token_entitlements", list(claimed)),
            // The entitlements of an older token no longer apply.
            None => write.remove(&["token_entitlements"]),
        };
        let written = write.send(self.update(partner_id, partner_user_id)).await?.done();
        subscriber_of(&written.ok_or(StoreError::Rejected)?)
    }

    /// Records that an unlink starts, so that `sync` asks Spotify for the result. Writes nothing if no link is known.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn begin_unlink(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        now: i64,
    ) -> Result<(), StoreError> {
        let linked = [LinkState::Pending, LinkState::Linked, LinkState::Suspect];
        let write = link_change_started(LinkState::Suspect, UNLINK_USER, now)
            .set("dirty", dirty(Lane::Individual, partner_id, partner_user_id))
            // A link that follows is a new one.
            .remove(&["registered_at", "confirmed_at"])
            .when(Condition::one_of(
                "link_state",
                linked.map(|state| text(state.as_str())),
            ));
        write.send(self.update(partner_id, partner_user_id)).await.map(drop)
    }
}

/// Sets the state of the link that `call` is about to change, and schedules a check after [`QUIET_PERIOD_SECS`].
fn link_change_started(state: LinkState, call: &str, now: i64) -> Write {
    Write::new()
        .set("link_state", text(state.as_str()))
        .set("link_since", number(now))
        .set("link_evidence", text(call))
        .set("next_try_at", number(now.saturating_add(QUIET_PERIOD_SECS)))
        .set_if_absent("dirty_since", number(now))
        .remove(&STREAM_MARKERS)
}
