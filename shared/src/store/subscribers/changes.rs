//! Changes to a subscriber's record: what the backend wants them to hear, and that they are being linked or unlinked.

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

/// A change to what a person may hear.
#[derive(Clone, Debug)]
pub enum Change {
    /// These too.
    Add(Entitlements),
    /// These and no others.
    Replace(Entitlements),
    /// No longer these.
    Delete(Entitlements),
}

impl Change {
    fn apply_to(&self, before: &Entitlements) -> Entitlements {
        match self {
            Self::Add(more) => before.union(more),
            Self::Replace(all) => all.clone(),
            Self::Delete(less) => before.difference(less),
        }
    }
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The version is not the one that was expected.
    #[error("another version")]
    OtherVersion,
    /// The person would have more entitlements than one may have.
    #[error("too many entitlements")]
    TooMany,
    /// DynamoDB.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Subscribers {
    /// Has a person hear exactly these, if they are still what they were `before`: the next version, or nothing when somebody else has written meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace_if_unchanged(
        &self,
        before: &Subscriber,
        entitlements: &Entitlements,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        self.put_version(before, entitlements, now).await
    }

    /// Makes a change durable: one conditional write, of the next version. A change that changes nothing keeps the version, and is no write. `expected` is the
    /// version that whoever asks has seen, if they say.
    ///
    /// # Errors
    /// [`ChangeError`].
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
                // The answer to our own write was lost, and repeating it was refused: what it wrote is there.
                let ours = expected.is_some_and(|expected| expected.saturating_add(1) == before.version)
                    && refused.as_ref() == Some(&before.entitlements);
                return if ours {
                    Ok(before)
                } else {
                    Err(ChangeError::OtherVersion)
                };
            }
            // What the backend adds to, or takes from, is what they may hear: before its first word that is what the token said.
            let entitlements = change.apply_to(&before.desired().cloned().unwrap_or_default());
            // The first word of the backend counts also when it says "nothing".
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

    /// The next version, unless somebody else has written it. An answer that was lost is found at the next look: then nothing is left to change.
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
            // Whether Spotify is to follow was read with it: somebody who has been linked meanwhile must not be missed.
            .when(before.has_link_state())
            // And with which token: what that claimed is what an addition starts from.
            .when(before.has_registered_at());
        if before.link.state.may_be_linked() {
            // Not while they are being linked or unlinked: what `register-user` has with it may be older than this, and must not arrive after it.
            let next_try_at = before.quiet_until().map_or(now, |settled_after| settled_after.max(now));
            write = write
                .set("dirty", shard(&before.partner_id, &before.partner_user_id))
                .set("next_try_at", number(next_try_at))
                .set_if_absent("dirty_since", number(now));
        }
        let update = self.update(&before.partner_id, &before.partner_user_id);
        let written = write.send(update).await?.done();
        written.as_ref().map(subscriber_of).transpose()
    }

    /// Notes that a person is being linked, before they are: if nobody hears of how it ends, Spotify will be asked. Returns what is known of them, their
    /// entitlements among it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_registration(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        claimed: Option<&Entitlements>,
        now: i64,
    ) -> Result<Subscriber, StoreError> {
        let write = being_linked(LinkState::Pending, "register-user", now)
            .set("partner_id", text(partner_id.as_str()))
            .set("partner_user_id", text(partner_user_id.expose()))
            .set("registered_at", number(now))
            .set("dirty", shard(partner_id, partner_user_id));
        let write = match claimed {
            Some(claimed) => write.set("token_entitlements", list(claimed)),
            // What an older token said is no longer said.
            None => write.remove(&["token_entitlements"]),
        };
        let written = write.send(self.update(partner_id, partner_user_id)).await?.done();
        subscriber_of(&written.ok_or(StoreError::Rejected)?)
    }

    /// Notes that a person is being unlinked, while they are: Spotify will be asked what came of it. Nothing to note of somebody whom we do not know to be linked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_unlink(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        now: i64,
    ) -> Result<(), StoreError> {
        let linked = [LinkState::Pending, LinkState::Linked, LinkState::Suspect];
        let write = being_linked(LinkState::Suspect, "unlink-user", now)
            .set("dirty", shard(partner_id, partner_user_id))
            .remove(&["registered_at"])
            .when(Condition::one_of(
                "link_state",
                linked.map(|state| text(state.as_str())),
            ));
        write.send(self.update(partner_id, partner_user_id)).await.map(drop)
    }
}

/// Sets a state of the link that `call` is about to change, and has Spotify asked soon what came of it.
fn being_linked(state: LinkState, call: &str, now: i64) -> Write {
    Write::new()
        .set("link_state", text(state.as_str()))
        .set("link_since", number(now))
        .set("link_evidence", text(call))
        .set("next_try_at", number(now.saturating_add(QUIET_PERIOD_SECS)))
        .set_if_absent("dirty_since", number(now))
}
