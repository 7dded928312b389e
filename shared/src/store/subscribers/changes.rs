//! Changes to a subscriber's record: new entitlements, and the start of a registration or an unlink.

use super::{
    LinkState, MAX_ATTEMPTS, Subscriber, Subscribers,
    record::{QUIET_PERIOD_SECS, shard, subscriber_of},
};
use crate::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{
        StoreError,
        item::{list, number, text},
        write::{Condition, Write},
    },
};

/// A change to a subscriber's entitlements.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds these entitlements.
    Add(Entitlements),
    /// Replaces the full set.
    Replace(Entitlements),
    /// Deletes these entitlements.
    Delete(Entitlements),
}

impl Change {
    fn apply_to(&self, before: &Entitlements) -> Entitlements {
        match self {
            Self::Add(added) => before.union(added),
            Self::Replace(all) => all.clone(),
            Self::Delete(deleted) => before.difference(deleted),
        }
    }
}

/// Error of [`Subscribers::change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The stored version is not the expected one.
    #[error("version mismatch")]
    OtherVersion,
    /// The new set would exceed [`Entitlements::MAX_COUNT`].
    #[error("too many entitlements")]
    TooMany,
    /// A call to DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Subscribers {
    /// Replaces the full set of entitlements if the subscriber is unchanged since `before` was read. Returns the new record, or `None` if it has changed.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. Read the subscriber again before a retry.
    pub async fn replace_if_unchanged(
        &self,
        before: &Subscriber,
        entitlements: &Entitlements,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        self.put_version(before, entitlements, now).await
    }

    /// Stores a change as the next version, in one conditional write. A change without effect writes nothing and keeps the version. `expected` is the version
    /// that the caller has seen; `None` accepts any version.
    ///
    /// # Errors
    /// [`ChangeError::OtherVersion`] if the stored version is not `expected`, [`ChangeError::TooMany`] if the set would be too large, and
    /// [`ChangeError::Store`] if DynamoDB fails or other writers keep interfering. After the last one a retry is safe; with `expected` it may return
    /// [`ChangeError::OtherVersion`].
    pub async fn change(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        change: &Change,
        expected: Option<i64>,
        now: i64,
    ) -> Result<Subscriber, ChangeError> {
        let mut refused: Option<Entitlements> = None;
        for _ in 0..MAX_ATTEMPTS {
            let before = self.get(partner_id, partner_user_id).await?;
            if expected.is_some_and(|expected| expected != before.version) {
                // Our own write succeeded, but its response was lost, so the SDK's repetition failed the condition.
                let own_write = expected.is_some_and(|expected| expected.saturating_add(1) == before.version)
                    && refused.as_ref() == Some(&before.entitlements);
                return if own_write {
                    Ok(before)
                } else {
                    Err(ChangeError::OtherVersion)
                };
            }
            // The first change from the backend starts from the token's entitlements.
            let entitlements = change.apply_to(&before.desired().cloned().unwrap_or_default());
            // At version 0 even an empty set is stored: from then on the backend's set replaces the token's.
            if before.version > 0 && entitlements == before.entitlements {
                return Ok(before);
            }
            if entitlements.len() > Entitlements::MAX_COUNT {
                return Err(ChangeError::TooMany);
            }
            if let Some(after) = self.put_version(&before, &entitlements, now).await? {
                return Ok(after);
            }
            refused = Some(entitlements);
        }
        Err(StoreError::Unavailable.into())
    }

    /// Writes the next version. Returns `None` if the record has changed since `before` was read, or if the response to a successful write was lost.
    async fn put_version(
        &self,
        before: &Subscriber,
        entitlements: &Entitlements,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let mut write = Write::new()
            .set("partner_id", text(before.partner_id.as_str()))
            .set("partner_user_id", text(before.partner_user_id.expose()))
            .set("entitlements", list(entitlements))
            .set("version", number(before.version.saturating_add(1)))
            .when(before.has_version())
            // `dirty` depends on the link: a subscriber who was linked meanwhile must become dirty.
            .when(before.has_link_state())
            // A new registration may have brought other token entitlements, from which the change started.
            .when(before.has_registered_at());
        if before.link.state.may_be_linked() {
            // A `register-user` call in flight carries older entitlements; it must not arrive at Spotify after this change.
            let next_try_at = before.quiet_until().map_or(now, |quiet_until| quiet_until.max(now));
            write = write
                .set("dirty", shard(&before.partner_id, &before.partner_user_id))
                .set("next_try_at", number(next_try_at))
                .set_if_absent("dirty_since", number(now));
        }
        let update = self.update(&before.partner_id, &before.partner_user_id);
        let written = write.send(update).await?.done();
        written.as_ref().map(subscriber_of).transpose()
    }

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
            .set("dirty", shard(partner_id, partner_user_id));
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
        let write = link_change_started(LinkState::Suspect, "unlink-user", now)
            .set("dirty", shard(partner_id, partner_user_id))
            .remove(&["registered_at"])
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
}
