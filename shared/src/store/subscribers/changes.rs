//! Changes to a subscriber's desired entitlements.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError, operation::transact_write_items::TransactWriteItemsError, types::TransactWriteItem,
};
use tokio::time::Instant;

use super::{
    Lane, STREAM_MARKERS, Subscriber, Subscribers,
    record::{dirty, subscriber_of},
};
use crate::{
    jws::RequestId,
    partner::{Entitlements, PartnerId, PartnerUserId},
    rng::jitter,
    store::{
        PendingLinks, StoreError,
        error::write_error,
        item::{list, number, text},
        used_tokens::UsedBy,
        write::Write,
    },
};

/// Time during which writers may compete with others for their subscribers. Shorter than the time a request may take.
pub const CONTENTION_TIMEOUT: Duration = Duration::from_secs(6);
/// Upper bound of the first wait of a competing writer, or twice the time of its attempt. Doubles with each attempt, up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(20);
/// Upper bound of each wait of a competing writer.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

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
    /// A call to DynamoDB failed, or another request with the same `jti` was used before.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change that the partner's backend requests for a subscriber.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRequest<'a> {
    /// The signed request, or the part of it that is about this subscriber. Takes effect once.
    pub id: &'a RequestId,
    /// Partner ID at Spotify.
    pub partner_id: &'a PartnerId,
    /// Partner User ID of the subscriber.
    pub partner_user_id: &'a PartnerUserId,
    /// The change.
    pub change: &'a Change,
    /// Version that the caller has seen; `None` accepts any version.
    pub expected: Option<i64>,
    /// Time at which the partner's system knew this state, in milliseconds since 1970; `None` means now.
    pub as_of: Option<i64>,
    /// Lane in which the change waits for sync: [`Lane::Individual`] or [`Lane::Bulk`].
    pub lane: Lane,
    /// Time after which a writer that competes with others gives up.
    pub give_up_at: Instant,
}

impl ChangeRequest<'_> {
    /// What the change makes of the stored state `before`.
    fn apply_to(&self, before: &Subscriber, now_ms: i64) -> Result<Effect, ChangeError> {
        if self.expected.is_some_and(|expected| expected != before.version) {
            return Err(ChangeError::OtherVersion);
        }
        if self.is_superseded_by(before) {
            return Ok(Effect::None);
        }
        // The clock of the partner may be ahead: what it knew later remains the newest state.
        let as_of = self.as_of.unwrap_or(now_ms).max(before.as_of.unwrap_or(i64::MIN));
        // The first change from the backend starts from the token's entitlements.
        let entitlements = self.change.apply_to(&before.desired().cloned().unwrap_or_default());
        // At version 0 even an empty set is stored: from then on the backend's set replaces the token's.
        if before.version > 0 && entitlements == before.entitlements {
            return Ok(match before.as_of {
                Some(stored) if stored >= as_of => Effect::None,
                _ => Effect::Confirmed { as_of },
            });
        }
        if entitlements.len() > Entitlements::MAX_COUNT {
            return Err(ChangeError::TooMany);
        }
        Ok(Effect::Changed { entitlements, as_of })
    }

    fn is_superseded_by(&self, stored: &Subscriber) -> bool {
        self.as_of
            .zip(stored.as_of)
            .is_some_and(|(as_of, stored)| as_of < stored)
    }

    /// The answer to the request, if `stored` is the present state.
    fn answered(&self, stored: &Subscriber, repeated: bool) -> Answered {
        Answered {
            superseded: self.is_superseded_by(stored),
            repeated,
            version: stored.version,
            entitlements: stored.desired().cloned().unwrap_or_default(),
        }
    }
}

/// Result of one attempt to store a request and its effect.
enum Written {
    /// Both are stored.
    Done(Answered),
    /// A request with this `jti` was used before.
    UsedBefore(UsedBy),
    /// Another writer interfered, or DynamoDB throttled the transaction.
    Interfered,
}

/// What a change makes of the stored state.
enum Effect {
    /// Nothing: the stored state is newer, or it is the same and was known at that time.
    None,
    /// The set is unchanged, and was known at `as_of`.
    Confirmed { as_of: i64 },
    /// A new set.
    Changed { entitlements: Entitlements, as_of: i64 },
}

/// The present state of a subscriber after a [`ChangeRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Entitlements that Spotify should have.
    pub entitlements: Entitlements,
    /// Version of the backend's entitlements; 0 until it sets them.
    pub version: i64,
    /// Whether the present state is newer than that of the request, which therefore has not been applied or no longer applies.
    pub superseded: bool,
    /// Whether the same request was made before. It had its effect then, and none now.
    pub repeated: bool,
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
        let now_ms = now.saturating_mul(1000);
        let as_of = before.as_of.map_or(now_ms, |stored| stored.max(now_ms));
        let write = new_version(before, entitlements, as_of, lane, now);
        let update = self.update(&before.partner_id, &before.partner_user_id);
        let written = write.send(update).await?.done();
        written.as_ref().map(subscriber_of).transpose()
    }

    /// Executes a request of the backend once. The change and the use of the request are stored in one transaction. A repetition of the request has no effect,
    /// and returns the present state. A request that is rejected is not used up. A change without effect keeps the version. Competing writers of one
    /// subscriber back off, and each of them succeeds.
    ///
    /// # Errors
    /// [`ChangeError::OtherVersion`] if the stored version is not the expected one, [`ChangeError::TooMany`] if the set would be too large, and
    /// [`ChangeError::Store`] with [`StoreError::AlreadyUsed`] if another request with this `jti` was used before. Otherwise DynamoDB failed, or other writers
    /// interfered until `give_up_at`; a retry with the same request is then safe.
    pub async fn change(
        &self,
        pending_links: &PendingLinks,
        request: ChangeRequest<'_>,
        now_ms: i64,
    ) -> Result<Answered, ChangeError> {
        let mut backoff = MIN_BACKOFF;
        loop {
            let started_at = Instant::now();
            let before = self.get(request.partner_id, request.partner_user_id).await?;
            let used_by = match request.apply_to(&before, now_ms) {
                Ok(effect) => match self.write_once(pending_links, &request, before, effect, now_ms).await? {
                    Written::Done(answered) => return Ok(answered),
                    Written::UsedBefore(used_by) => Some(used_by),
                    Written::Interfered => None,
                },
                // It may be rejected only because it has had its effect.
                Err(rejected) => match pending_links.used_by(request.id).await? {
                    None => return Err(rejected),
                    used_by => used_by,
                },
            };
            if let Some(used_by) = used_by {
                used_by.require_same(request.id)?;
                let present = self.get(request.partner_id, request.partner_user_id).await?;
                return Ok(request.answered(&present, true));
            }
            let time_left = request.give_up_at.saturating_duration_since(Instant::now());
            if time_left.is_zero() {
                return Err(StoreError::Unavailable.into());
            }
            // The longer an attempt takes, the more writers interfere with it.
            backoff = backoff.max(started_at.elapsed().saturating_mul(2)).min(MAX_BACKOFF);
            tokio::time::sleep(jitter(backoff).min(time_left)).await;
            backoff = backoff.saturating_mul(2);
        }
    }

    /// Stores the use of a request and its effect in one transaction.
    async fn write_once(
        &self,
        pending_links: &PendingLinks,
        request: &ChangeRequest<'_>,
        before: Subscriber,
        effect: Effect,
        now_ms: i64,
    ) -> Result<Written, StoreError> {
        let (after, write) = match effect {
            Effect::None => (before, None),
            Effect::Confirmed { as_of } => {
                let write = Write::new()
                    .set("as_of", number(as_of))
                    .remove(&STREAM_MARKERS)
                    .when(before.has_version())
                    .when(before.has_as_of());
                (before, Some(write))
            }
            Effect::Changed { entitlements, as_of } => {
                let write = new_version(&before, &entitlements, as_of, request.lane, now_ms / 1000);
                let version = before.version.saturating_add(1);
                let after = Subscriber {
                    entitlements,
                    version,
                    as_of: Some(as_of),
                    ..before
                };
                (after, Some(write))
            }
        };
        let mut items = vec![
            TransactWriteItem::builder()
                .put(pending_links.first_use(request.id)?)
                .build(),
        ];
        if let Some(write) = write {
            let update = write.in_transaction(self.transaction_update(&after.partner_id, &after.partner_user_id))?;
            items.push(TransactWriteItem::builder().update(update).build());
        }
        let transaction = self.client.transact_write_items().set_transact_items(Some(items));
        match transaction.send().await {
            Ok(_) => Ok(Written::Done(request.answered(&after, false))),
            Err(error) => not_written(&error),
        }
    }
}

/// Why a transaction of the use of a request, its first item, and the effect of the request was not written.
fn not_written(error: &SdkError<TransactWriteItemsError, impl Sized>) -> Result<Written, StoreError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Err(write_error(error));
    };
    let reasons = cancelled.cancellation_reasons();
    if let Some(first) = reasons.first()
        && first.code() == Some("ConditionalCheckFailed")
    {
        return Ok(Written::UsedBefore(UsedBy::of(first.item())));
    }
    if reasons.iter().any(|reason| reason.code() == Some("ValidationError")) {
        // The item has an attribute of another type, or grows too large.
        return Err(StoreError::Malformed);
    }
    Ok(Written::Interfered)
}

/// Writes the next version if the record is unchanged since `before` was read.
fn new_version(before: &Subscriber, entitlements: &Entitlements, as_of: i64, lane: Lane, now: i64) -> Write {
    let write = Write::new()
        .set("partner_id", text(before.partner_id.as_str()))
        .set("partner_user_id", text(before.partner_user_id.expose()))
        .set("entitlements", list(entitlements))
        .set("version", number(before.version.saturating_add(1)))
        .set("as_of", number(as_of))
        .remove(&["events_at"])
        .when(before.has_version())
        .when(before.has_as_of())
        // `dirty` depends on the link: a subscriber who was linked meanwhile must become dirty.
        .when(before.has_link_state())
        .when(before.has_link_since())
        // A new registration may have brought other token entitlements, from which the change started.
        .when(before.has_registered_at());
    mark_dirty(write, before, lane, now)
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
