//! Changes to a subscriber's record: new entitlements, and the start of a registration or an unlink.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Lane, LinkState, STREAM_MARKERS, Subscriber, Subscribers,
    record::{QUIET_PERIOD_SECS, UNLINK_USER, dirty, subscriber_of},
};
use crate::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    rng::jitter,
    store::{
        StoreError,
        item::{list, number, text},
        write::{Condition, Write},
    },
};

/// Time during which writers may compete with others for their subscribers. Shorter than the time a request may take.
pub const CONTENTION_TIMEOUT: Duration = Duration::from_secs(6);
/// Upper bound of the first wait of a competing writer. Doubles with each attempt, up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(20);
/// Upper bound of each wait of a competing writer.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

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

/// A change to make to a subscriber.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRequest<'a> {
    /// Partner ID at Spotify.
    pub partner_id: &'a PartnerId,
    /// Partner User ID of the subscriber.
    pub partner_user_id: &'a PartnerUserId,
    /// The change.
    pub change: &'a Change,
    /// Version that the caller has seen; `None` accepts any version.
    pub expected: Option<i64>,
    /// Lane in which the change waits for sync: [`Lane::Individual`] or [`Lane::Bulk`].
    pub lane: Lane,
    /// Time after which a writer that competes with others gives up.
    pub give_up_at: Instant,
}

impl<'a> ChangeRequest<'a> {
    /// An individual change, whatever version is stored.
    #[must_use]
    pub fn new(partner_id: &'a PartnerId, partner_user_id: &'a PartnerUserId, change: &'a Change) -> Self {
        Self {
            partner_id,
            partner_user_id,
            change,
            expected: None,
            lane: Lane::Individual,
            give_up_at: Instant::now() + CONTENTION_TIMEOUT,
        }
    }
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
        lane: Lane,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        self.write_version(before, entitlements, lane, now).await
    }

    /// Stores a change as the next version, in one conditional write. A change without effect writes nothing and keeps the version. Competing writers of one
    /// subscriber back off, and each of them succeeds.
    ///
    /// # Errors
    /// [`ChangeError::OtherVersion`] if the stored version is not the expected one, [`ChangeError::TooMany`] if the set would be too large, and
    /// [`ChangeError::Store`] if DynamoDB fails or other writers interfere until `give_up_at`. After the last one a retry is safe; with `expected` it
    /// may return [`ChangeError::OtherVersion`].
    pub async fn change(&self, request: ChangeRequest<'_>, now: i64) -> Result<Subscriber, ChangeError> {
        let ChangeRequest {
            change, expected, lane, ..
        } = request;
        let mut refused: Option<Entitlements> = None;
        let mut backoff = MIN_BACKOFF;
        loop {
            let before = self.get(request.partner_id, request.partner_user_id).await?;
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
            if let Some(after) = self.write_version(&before, &entitlements, lane, now).await? {
                return Ok(after);
            }
            if Instant::now() >= request.give_up_at {
                return Err(StoreError::Unavailable.into());
            }
            refused = Some(entitlements);
            tokio::time::sleep(jitter(backoff)).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Writes the next version. Returns `None` if the record has changed since `before` was read, or if the response to a successful write was lost.
    async fn write_version(
        &self,
        before: &Subscriber,
        entitlements: &Entitlements,
        lane: Lane,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let (partner_id, partner_user_id) = (&before.partner_id, &before.partner_user_id);
        let write = Write::new()
            .set("partner_id", text(partner_id.as_str()))
            .set("partner_user_id", text(partner_user_id.expose()))
            .set("entitlements", list(entitlements))
            .set("version", number(before.version.saturating_add(1)))
            .remove(&["events_at"])
            .when(before.has_version())
            // `dirty` depends on the link: a subscriber who was linked meanwhile must become dirty.
            .when(before.has_link_state())
            .when(before.has_link_since())
            // A new registration may have brought other token entitlements, from which the change started.
            .when(before.has_registered_at());
        let write = mark_dirty(write, before, lane, now);
        let written = write.send(self.update(partner_id, partner_user_id)).await?.done();
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

/// Lists the subscriber in the dirty index, if Spotify may have to be told. A missing link is only checked, by the next sweep: the change may matter to it.
fn mark_dirty(write: Write, before: &Subscriber, lane: Lane, now: i64) -> Write {
    let dirty = |lane| dirty(lane, &before.partner_id, &before.partner_user_id);
    if before.link.is_missing() {
        let write = write.set("dirty", dirty(Lane::Check));
        return write.set("next_try_at", number(now)).remove(&["changed_at"]);
    }
    if !before.link.state.may_be_linked() {
        return write.remove(&["changed_at"]);
    }
    // A `register-user` call in flight carries older entitlements; it must not arrive at Spotify after this change.
    let next_try_at = before.quiet_until().map_or(now, |quiet_until| quiet_until.max(now));
    let write = write
        .set("next_try_at", number(next_try_at))
        .set_if_absent("dirty_since", number(now));
    match lane {
        // An individual change that waits is not put behind a bulk.
        Lane::Individual => write
            .set("dirty", dirty(Lane::Individual))
            .set("changed_at", number(now)),
        Lane::Bulk | Lane::Check if before.lane == Some(Lane::Check) => {
            write.set("dirty", dirty(Lane::Bulk)).remove(&["changed_at"])
        }
        Lane::Bulk | Lane::Check => write.set_if_absent("dirty", dirty(Lane::Bulk)).remove(&["changed_at"]),
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
