//! The subscribers table: partition key `id`, one item for each person of each partner. It holds what the partner wants them to hear, and what was last seen at
//! Spotify; never the truth about the link, which is Spotify's. The table is the queue as well: an item that Spotify does not follow yet has `dirty`, and a
//! sparse index lists those by the time of their next try.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, KeysAndAttributes, ReturnValue, Select},
};

use super::{
    StoreError,
    dynamodb::{Item, number, optional, required, store_error, text},
};
use crate::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    secret::sha256_hex,
};

/// The index of dirty items: partition key `dirty`, sort key `next_try_at`.
pub const DIRTY_INDEX: &str = "dirty";
/// Over how many partitions of the index dirty items are spread: one would be too narrow for a large partner's bad day.
pub const DIRTY_SHARDS: u8 = 8;
/// How many people of the whole table are read at once: what DynamoDB reads for one answer, a megabyte, can be more than ten thousand of them.
const PAGE: i32 = 1_000;
/// How often a write is tried anew when somebody else has written in between.
const TRIES: usize = 8;

/// What we know of a person's link at Spotify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody has linked them, as far as we know.
    None,
    /// `register-user` was called; Spotify may not have finished.
    Pending,
    /// Spotify has said so.
    Linked,
    /// Something speaks against it; to be asked.
    Suspect,
    /// Spotify has said that there is no link.
    Unlinked,
}

impl LinkState {
    const ALL: [Self; 5] = [Self::None, Self::Pending, Self::Linked, Self::Suspect, Self::Unlinked];

    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Linked => "linked",
            Self::Suspect => "suspect",
            Self::Unlinked => "unlinked",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether Spotify may know the person, so that it is to follow what the partner wants.
    #[must_use]
    pub fn may_be_linked(self) -> bool {
        matches!(self, Self::Pending | Self::Linked | Self::Suspect)
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A link's state, since when, and how we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The state.
    pub state: LinkState,
    /// Since when, in seconds since 1970; nothing while there never was a link.
    pub since: Option<i64>,
    /// What told us: the name of a call, or of a person's deed.
    pub evidence: Option<String>,
}

/// A person of a partner, as the table has them.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The partner.
    pub partner_id: PartnerId,
    /// The person.
    pub partner_user_id: PartnerUserId,
    /// What the partner's backend wants them to hear; all of it. Empty, and of version 0, until it has said so.
    pub entitlements: Entitlements,
    /// Of what the backend wants: one more with each change.
    pub version: i64,
    /// What the token said with which they linked last.
    pub claimed: Option<Entitlements>,
    /// The version that Spotify has confirmed.
    pub synced_version: i64,
    /// What Spotify has, as far as we have seen.
    pub held: Option<Entitlements>,
    /// The link.
    pub link: Link,
    /// When `register-user` was last called, in seconds since 1970.
    pub registered_at: Option<i64>,
    /// How often Spotify was asked in vain since it last followed.
    pub tries: i64,
    /// Why it does not follow, in a word, when the last try came to nothing.
    pub failure: Option<String>,
    /// When it is tried next, in seconds since 1970, while it does not follow.
    pub next_try_at: Option<i64>,
    /// When Spotify last had to be told something, in seconds since 1970.
    pub synced_at: Option<i64>,
    /// Since when Spotify does not follow, in seconds since 1970, if it does not.
    pub waiting_since: Option<i64>,
}

impl Subscriber {
    /// Somebody whom nobody has written of.
    #[must_use]
    pub fn unknown(partner_id: PartnerId, partner_user_id: PartnerUserId) -> Self {
        nobody(partner_id, partner_user_id)
    }

    /// Whether Spotify, as far as we have seen, has something else than what is wanted of somebody who is linked.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        let behind = self.synced_version < self.version;
        self.link.state == LinkState::Linked && (behind || self.held.as_ref() != self.wanted().or(self.held.as_ref()))
    }

    /// Since when the link is in a state, if it is in it from `now` on.
    fn since(&self, state: LinkState, now: i64) -> i64 {
        match self.link.since {
            Some(since) if self.link.state == state => since,
            _ => now,
        }
    }

    /// Until when, in seconds since 1970, a `register-user` or an `unlink-user` may be on its way to Spotify.
    fn settled_after(&self) -> Option<i64> {
        let unlinking = self.link.since.filter(|_| self.link.state == LinkState::Suspect);
        self.registered_at
            .max(unlinking)
            .map(|began| began.saturating_add(SETTLED_AFTER))
    }

    /// What is wanted of Spotify: what the backend says, else what the token said. Nothing where neither has said anything.
    #[must_use]
    pub fn wanted(&self) -> Option<&Entitlements> {
        if self.version > 0 {
            Some(&self.entitlements)
        } else {
            self.claimed.as_ref()
        }
    }
}

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
    fn of(&self, before: &Entitlements) -> Entitlements {
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

/// The table of subscribers.
#[derive(Clone, Debug)]
pub struct Subscribers {
    client: Client,
    table: String,
}

impl Subscribers {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A person, as they are now. Somebody whom nobody has written of is somebody without anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> Result<Subscriber, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", text(&id(partner_id, partner_user_id)))
            .consistent_read(true);
        let got = get.send().await.map_err(|error| store_error(&error))?;
        match got.item() {
            Some(item) => subscriber_of(item),
            None => Ok(nobody(partner_id.clone(), partner_user_id.clone())),
        }
    }

    /// Some people, at most a hundred, as they are now and in no order; who is not in the table is not among them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_many(
        &self,
        partner_id: &PartnerId,
        people: impl IntoIterator<Item = &PartnerUserId>,
    ) -> Result<Vec<Subscriber>, StoreError> {
        let keys = people
            .into_iter()
            .map(|person| Item::from([("id".to_owned(), text(&id(partner_id, person)))]));
        let mut keys: Vec<_> = keys.collect();
        let mut found = Vec::with_capacity(keys.len());
        for pause in 0..TRIES {
            if keys.is_empty() {
                break;
            }
            // What was left over was throttled.
            tokio::time::sleep(Duration::from_millis(if pause == 0 { 0 } else { 50 << pause })).await;
            let keys_here = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            let keys_here = keys_here.map_err(|_| StoreError::Malformed)?;
            let got = self
                .client
                .batch_get_item()
                .request_items(&self.table, keys_here)
                .send()
                .await;
            let got = got.map_err(|error| store_error(&error))?;
            for item in got.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                found.push(subscriber_of(&item)?);
            }
            let left = got.unprocessed_keys.unwrap_or_default();
            keys = left.into_values().flat_map(|left| left.keys).collect();
        }
        if keys.is_empty() {
            Ok(found)
        } else {
            Err(StoreError::Unavailable)
        }
    }

    /// Some of a partner's people, of one of `segments` parts of the table, from `after` on; and where to go on, if there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(
        &self,
        partner_id: &PartnerId,
        (segment, segments): (i32, i32),
        after: Option<&SubscriberKey>,
    ) -> Result<(Vec<Subscriber>, Option<SubscriberKey>), StoreError> {
        let mut scan = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(segment)
            .total_segments(segments)
            .limit(PAGE)
            .filter_expression("begins_with(id, :partner)")
            .expression_attribute_values(":partner", text(&format!("{partner_id}#")));
        if let Some(SubscriberKey(id)) = after {
            scan = scan.exclusive_start_key("id", text(id));
        }
        let found = scan.send().await.map_err(|error| store_error(&error))?;
        let people: Result<Vec<_>, _> = found.items().iter().map(subscriber_of).collect();
        let next = found.last_evaluated_key().and_then(|key| optional(key, "id").cloned());
        Ok((people?, next.map(SubscriberKey)))
    }

    /// Has a person hear exactly these, if they are still what they were `before`: the next version, or nothing when somebody else has written meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace(
        &self,
        before: &Subscriber,
        entitlements: &Entitlements,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        self.write(before, entitlements, now).await
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
        for _ in 0..TRIES {
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
            let entitlements = change.of(&before.wanted().cloned().unwrap_or_default());
            // The first word of the backend counts also when it says "nothing".
            if before.version > 0 && entitlements == before.entitlements {
                return Ok(before);
            }
            if entitlements.len() > Entitlements::MOST {
                return Err(ChangeError::TooMany);
            }
            if let Some(after) = self.write(&before, &entitlements, now).await? {
                return Ok(after);
            }
            refused = Some(entitlements);
        }
        Err(StoreError::Unavailable.into())
    }

    /// The next version, unless somebody else has written it. An answer that was lost is found at the next look: then nothing is left to change.
    async fn write(
        &self,
        before: &Subscriber,
        entitlements: &Entitlements,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let follows = before.link.state.may_be_linked();
        // Not while they are being linked or unlinked: what `register-user` has with it may be older than this, and must not arrive after it.
        let next_try_at = before
            .settled_after()
            .map_or(now, |settled_after| settled_after.max(now));
        let dirty = if follows {
            ", dirty = :dirty, next_try_at = :next_try_at, waiting_since = if_not_exists(waiting_since, :now)"
        } else {
            ""
        };
        let version = if before.version == 0 {
            "attribute_not_exists(version)"
        } else {
            "version = :before"
        };
        // Whether Spotify is to follow was read with it: somebody who has been linked meanwhile must not be missed.
        let link = if before.link.state == LinkState::None {
            "attribute_not_exists(link_state)"
        } else {
            "link_state = :link_state"
        };
        // And with which token: what that claimed is what an addition starts from.
        let registered = match before.registered_at {
            Some(_) => "registered_at = :registered_at",
            None => "attribute_not_exists(registered_at)",
        };
        let mut update = self
            .update(&before.partner_id, &before.partner_user_id)
            .update_expression(format!(
                "SET partner_id = :partner_id, partner_user_id = :partner_user_id, entitlements = :entitlements, version = :after{dirty}"
            ))
            .condition_expression(format!("{version} AND {link} AND {registered}"))
            .expression_attribute_values(":partner_id", text(before.partner_id.as_str()))
            .expression_attribute_values(":partner_user_id", text(before.partner_user_id.expose()))
            .expression_attribute_values(":entitlements", list(entitlements))
            .expression_attribute_values(":after", number(before.version.saturating_add(1)));
        if before.version > 0 {
            update = update.expression_attribute_values(":before", number(before.version));
        }
        if let Some(registered_at) = before.registered_at {
            update = update.expression_attribute_values(":registered_at", number(registered_at));
        }
        if before.link.state != LinkState::None {
            update = update.expression_attribute_values(":link_state", text(before.link.state.as_str()));
        }
        if follows {
            update = update
                .expression_attribute_values(":dirty", shard(&before.partner_id, &before.partner_user_id))
                .expression_attribute_values(":next_try_at", number(next_try_at))
                .expression_attribute_values(":now", number(now));
        }
        match update.send().await {
            Ok(written) => subscriber_of(written.attributes().ok_or(StoreError::Malformed)?).map(Some),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(store_error(&error)),
            },
        }
    }

    /// Notes that a person is being linked, before they are: if nobody hears of how it ends, Spotify will be asked. Returns what is known of them, their
    /// entitlements among it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn registering(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        claimed: Option<&Entitlements>,
        now: i64,
    ) -> Result<Subscriber, StoreError> {
        let (claim, no_claim) = match claimed {
            Some(_) => ("claimed = :claimed, ", ""),
            // What an older token said is no longer said.
            None => ("", " REMOVE claimed"),
        };
        let mut update = self
            .update(partner_id, partner_user_id)
            .update_expression(format!(
                "SET {claim}partner_id = :partner_id, partner_user_id = :partner_user_id, link_state = :pending, link_since = :now, \
                 link_evidence = :evidence, registered_at = :now, dirty = :dirty, next_try_at = :soon, \
                 waiting_since = if_not_exists(waiting_since, :now){no_claim}"
            ))
            .expression_attribute_values(":partner_id", text(partner_id.as_str()))
            .expression_attribute_values(":partner_user_id", text(partner_user_id.expose()))
            .expression_attribute_values(":pending", text(LinkState::Pending.as_str()))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":evidence", text("register-user"))
            .expression_attribute_values(":dirty", shard(partner_id, partner_user_id))
            .expression_attribute_values(":soon", number(now.saturating_add(SETTLED_AFTER)));
        if let Some(claimed) = claimed {
            update = update.expression_attribute_values(":claimed", list(claimed));
        }
        let written = update.send().await.map_err(|error| store_error(&error))?;
        subscriber_of(written.attributes().ok_or(StoreError::Malformed)?)
    }

    /// Notes that a person is being unlinked, while they are: Spotify will be asked what came of it. Nothing to note of somebody whom we do not know to be linked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unlinking(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        now: i64,
    ) -> Result<(), StoreError> {
        let update = self
            .update(partner_id, partner_user_id)
            .update_expression(
                "SET link_state = :suspect, link_since = :now, link_evidence = :evidence, dirty = :dirty, next_try_at = :soon, \
                 waiting_since = if_not_exists(waiting_since, :now) REMOVE registered_at",
            )
            .condition_expression("link_state IN (:pending, :linked, :suspect)")
            .expression_attribute_values(":suspect", text(LinkState::Suspect.as_str()))
            .expression_attribute_values(":pending", text(LinkState::Pending.as_str()))
            .expression_attribute_values(":linked", text(LinkState::Linked.as_str()))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":evidence", text("unlink-user"))
            .expression_attribute_values(":dirty", shard(partner_id, partner_user_id))
            .expression_attribute_values(":soon", number(now.saturating_add(SETTLED_AFTER)));
        done(update).await.map(drop)
    }

    /// Some of the table, from `cursor` on (its beginning without one): those who are linked, and where to go on; nothing further at its end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn linked(
        &self,
        cursor: Option<&SubscriberKey>,
        most: i32,
    ) -> Result<(Vec<SubscriberKey>, Option<SubscriberKey>), StoreError> {
        let mut scan = self
            .client
            .scan()
            .table_name(&self.table)
            .limit(most)
            .filter_expression("link_state = :linked")
            .expression_attribute_values(":linked", text(LinkState::Linked.as_str()))
            .projection_expression("id");
        if let Some(SubscriberKey(id)) = cursor {
            scan = scan.exclusive_start_key("id", text(id));
        }
        let found = scan.send().await.map_err(|error| store_error(&error))?;
        let keys: Result<Vec<_>, _> = found
            .items()
            .iter()
            .map(|item| required(item, "id").cloned().map(SubscriberKey))
            .collect();
        let next = found.last_evaluated_key().and_then(|key| optional(key, "id").cloned());
        Ok((keys?, next.map(SubscriberKey)))
    }

    /// The round of the reconciliation that is under way, as whoever ran it last left it: no run need reach the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn round(&self) -> Result<Round, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(ROUND));
        let got = get
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        let Some(item) = got.item() else {
            return Ok(Round::default());
        };
        let counted = item.get("counted").and_then(|counted| counted.as_m().ok());
        let mut linked = BTreeMap::new();
        for partner_id in counted.into_iter().flat_map(HashMap::keys) {
            linked.extend(
                counted
                    .map(|counted| integer(counted, partner_id))
                    .transpose()?
                    .flatten()
                    .map(|count| (partner_id.clone(), count)),
            );
        }
        Ok(Round {
            reached: optional(item, "reached").cloned().map(SubscriberKey),
            linked,
        })
    }

    /// Keeps how far the round has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reached(&self, key: &SubscriberKey) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("id", text(ROUND));
        let update = update
            .update_expression("SET reached = :reached")
            .expression_attribute_values(":reached", text(&key.0));
        update.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Keeps the whole round; one that has reached nobody begins anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_round(&self, round: &Round) -> Result<(), StoreError> {
        let counted = round
            .linked
            .iter()
            .map(|(partner_id, count)| (partner_id.clone(), number(*count)));
        let put = self.client.put_item().table_name(&self.table).item("id", text(ROUND));
        let put = put.item("counted", AttributeValue::M(counted.collect()));
        let put = match &round.reached {
            Some(SubscriberKey(id)) => put.item("reached", text(id)),
            None => put,
        };
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Takes a person in hand for the worker `me`, so that no other calls Spotify about them meanwhile: two calls on the way at once could arrive in the wrong
    /// order. Whoever dies with somebody in hand lets go of them after [`LEASE`]. Nothing when there is nothing to do for them now, or another has them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        key: &SubscriberKey,
        why: Why,
        me: &str,
        now: i64,
    ) -> Result<Option<Subscriber>, StoreError> {
        let due = match why {
            // Nobody who is being linked just now, whoever has made them due: see `write`.
            Why::Due => {
                "attribute_exists(dirty) AND next_try_at <= :now AND (attribute_not_exists(registered_at) OR registered_at <= :settled)"
            }
            Why::Reconcile => "link_state = :linked",
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&key.0))
            .return_values(ReturnValue::AllNew)
            .update_expression("SET taken_by = :me, taken_until = :until")
            .condition_expression(format!(
                "{due} AND (attribute_not_exists(taken_until) OR taken_until <= :now OR taken_by = :me)"
            ))
            .expression_attribute_values(":me", text(me))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":until", number(now.saturating_add(LEASE)));
        update = match why {
            Why::Due => update.expression_attribute_values(":settled", number(now.saturating_sub(SETTLED_AFTER))),
            Why::Reconcile => update.expression_attribute_values(":linked", text(LinkState::Linked.as_str())),
        };
        match update.send().await {
            Ok(taken) => subscriber_of(taken.attributes().ok_or(StoreError::Malformed)?).map(Some),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(store_error(&error)),
            },
        }
    }

    /// Notes what came of it, and lets go of the person. Only as long as they are what they were when they were taken: a version that was superseded meanwhile is
    /// never noted as synced, nor a link that was made meanwhile as lost, and what is wanted since then waits for nothing that was wanted before. Else nothing is
    /// noted, and the person is still in hand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self, taken: &Subscriber, outcome: &Outcome, me: &str, now: i64) -> Result<bool, StoreError> {
        let clean = "REMOVE dirty, next_try_at, waiting_since, tries, failure, taken_by, taken_until";
        let waits = ", waiting_since = if_not_exists(waiting_since, :now)";
        let mut update = self
            .update(&taken.partner_id, &taken.partner_user_id)
            .expression_attribute_values(":me", text(me));
        let mut conditions = vec!["taken_by = :me".to_owned()];
        for (name, was) in outcome.compared(taken) {
            if let Some(was) = was {
                conditions.push(format!("{name} = :was_{name}"));
                update = update.expression_attribute_values(format!(":was_{name}"), was);
            } else {
                conditions.push(format!("attribute_not_exists({name})"));
            }
        }
        let expression = match outcome {
            Outcome::Follows {
                evidence,
                changed,
                held,
            } => {
                update = update
                    .expression_attribute_values(":version", number(taken.version))
                    .expression_attribute_values(":linked", text(LinkState::Linked.as_str()))
                    .expression_attribute_values(":evidence", text(evidence))
                    .expression_attribute_values(":held", list(held))
                    .expression_attribute_values(":since", number(taken.since(LinkState::Linked, now)));
                let synced_at = if *changed {
                    update = update.expression_attribute_values(":now", number(now));
                    ", synced_at = :now"
                } else {
                    ""
                };
                format!(
                    "SET synced_version = :version, held = :held, link_state = :linked, link_since = :since, link_evidence = :evidence{synced_at} {clean}"
                )
            }
            Outcome::NotLinked { evidence } => {
                update = update
                    .expression_attribute_values(":unlinked", text(LinkState::Unlinked.as_str()))
                    .expression_attribute_values(":evidence", text(evidence))
                    .expression_attribute_values(":since", number(taken.since(LinkState::Unlinked, now)));
                format!("SET link_state = :unlinked, link_since = :since, link_evidence = :evidence {clean}")
            }
            Outcome::NothingToDo => clean.to_owned(),
            Outcome::Withheld { held, at, failure } => {
                update = update
                    .expression_attribute_values(":failure", text(failure))
                    .expression_attribute_values(":held", list(held))
                    .expression_attribute_values(":at", number(*at))
                    .expression_attribute_values(":now", number(now))
                    .expression_attribute_values(":dirty", shard(&taken.partner_id, &taken.partner_user_id));
                format!(
                    "SET held = :held, failure = :failure, dirty = :dirty, next_try_at = :at{waits} REMOVE taken_by, taken_until"
                )
            }
            Outcome::Later { at, in_flight, failure } => {
                update = update
                    .expression_attribute_values(":failure", text(failure))
                    .expression_attribute_values(":at", number(*at))
                    .expression_attribute_values(":now", number(now))
                    .expression_attribute_values(":dirty", shard(&taken.partner_id, &taken.partner_user_id))
                    .expression_attribute_values(":one", number(1));
                let hold = if *in_flight {
                    update = update.expression_attribute_values(":hold", number(now.saturating_add(LEASE)));
                    ", taken_until = :hold"
                } else {
                    " REMOVE taken_by, taken_until"
                };
                format!("SET failure = :failure, dirty = :dirty, next_try_at = :at{waits}{hold} ADD tries :one")
            }
        };
        let update = update
            .update_expression(expression)
            .condition_expression(conditions.join(" AND "));
        match (done(update).await?, outcome) {
            // Whoever has changed meanwhile is due as the change has it, but no sooner than nothing can be on its way any more.
            (
                false,
                Outcome::Later {
                    in_flight: true,
                    failure,
                    ..
                },
            ) => {
                let held = self
                    .update(&taken.partner_id, &taken.partner_user_id)
                    .update_expression("SET failure = :failure, taken_until = :hold ADD tries :one")
                    .condition_expression("taken_by = :me")
                    .expression_attribute_values(":me", text(me))
                    .expression_attribute_values(":failure", text(failure))
                    .expression_attribute_values(":hold", number(now.saturating_add(LEASE)))
                    .expression_attribute_values(":one", number(1));
                done(held).await
            }
            (done, _) => Ok(done),
        }
    }

    /// Lets go of a person of whom nothing was noted, so that others may take them at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn let_go(&self, key: &SubscriberKey, me: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&key.0));
        let update = update
            .update_expression("REMOVE taken_by, taken_until")
            .condition_expression("taken_by = :me")
            .expression_attribute_values(":me", text(me));
        done(update).await.map(drop)
    }

    /// Some of those of one part of the index whose next try is due, the longest overdue first, from `after` on; and where to go on, if there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(
        &self,
        shard: u8,
        now: i64,
        most: i32,
        after: Option<DueKey>,
    ) -> Result<(Vec<SubscriberKey>, Option<DueKey>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DIRTY_INDEX)
            .key_condition_expression("dirty = :dirty AND next_try_at <= :now")
            .expression_attribute_values(":dirty", text(&shard.to_string()))
            .expression_attribute_values(":now", number(now))
            .set_exclusive_start_key(after.map(|DueKey(key)| key))
            .limit(most);
        let found = query.send().await.map_err(|error| store_error(&error))?;
        let keys = found
            .items()
            .iter()
            .map(|item| required(item, "id").cloned().map(SubscriberKey));
        let keys: Result<Vec<_>, _> = keys.collect();
        Ok((keys?, found.last_evaluated_key.map(DueKey)))
    }

    /// How many Spotify does not follow yet, whenever their next try is; of a very bad day, when the index no longer fits into an answer, the first
    /// some thousands of each part.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_dirty(&self) -> Result<i64, StoreError> {
        let mut count = 0_i64;
        for shard in 0..DIRTY_SHARDS {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DIRTY_INDEX)
                .select(Select::Count)
                .key_condition_expression("dirty = :dirty")
                .expression_attribute_values(":dirty", text(&shard.to_string()));
            let counted = query.send().await.map_err(|error| store_error(&error))?;
            count = count.saturating_add(i64::from(counted.count()));
        }
        Ok(count)
    }

    fn update(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&id(partner_id, partner_user_id)))
            .return_values(ReturnValue::AllNew)
    }
}

/// The item of the round of the reconciliation that is under way.
const ROUND: &str = "cursor#reconcile";

/// A round of the reconciliation: through the whole table, in as many runs as it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Whom it came to last; nobody at its beginning.
    pub reached: Option<SubscriberKey>,
    /// How many people of each partner it has found linked so far.
    pub linked: BTreeMap<String, i64>,
}

/// How long, in seconds, somebody is in a worker's hand at most: longer than all calls about one person take.
pub const LEASE: i64 = 60;

/// A person's key in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberKey(String);

impl SubscriberKey {
    /// Takes the `id` of an item.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// The partner.
    #[must_use]
    pub fn partner_id(&self) -> &str {
        self.0.split('#').next().unwrap_or_default()
    }
}

/// Somebody's place in the index of those who are due.
#[derive(Clone, Debug)]
pub struct DueKey(Item);

/// Why somebody is taken in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Spotify does not follow them yet, and the time of the next try has come.
    Due,
    /// To see whether Spotify still has what is wanted.
    Reconcile,
}

/// What came of settling a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Spotify has what was wanted when they were taken.
    Follows {
        /// The call that says so.
        evidence: &'static str,
        /// Whether Spotify had something else before.
        changed: bool,
        /// What it has now.
        held: Entitlements,
    },
    /// Spotify knows no link.
    NotLinked {
        /// The call that says so.
        evidence: &'static str,
    },
    /// Nobody has linked them: Spotify is not asked.
    NothingToDo,
    /// Spotify has what was to be granted, and not yet lost what is to be taken away: that waits for an operator.
    Withheld {
        /// What it has now.
        held: Entitlements,
        /// When it is looked at again, in seconds since 1970.
        at: i64,
        /// Why, in a word.
        failure: &'static str,
    },
    /// To be tried again.
    Later {
        /// When, in seconds since 1970.
        at: i64,
        /// Whether a call may still be on its way: nobody asks within [`LEASE`], whatever is wanted meanwhile.
        in_flight: bool,
        /// Why, in a word.
        failure: &'static str,
    },
}

impl Outcome {
    /// What of a person must be as it was when they were taken, for this to be true of them.
    fn compared(&self, taken: &Subscriber) -> Vec<(&'static str, Option<AttributeValue>)> {
        let version = ("version", (taken.version > 0).then(|| number(taken.version)));
        let registered_at = ("registered_at", taken.registered_at.map(number));
        let state = taken.link.state;
        let link_state = ("link_state", (state != LinkState::None).then(|| text(state.as_str())));
        let link_since = ("link_since", taken.link.since.map(number));
        match self {
            Self::Follows { .. } | Self::Withheld { .. } | Self::Later { .. } => {
                vec![version, registered_at, link_state, link_since]
            }
            Self::NotLinked { .. } => vec![registered_at],
            Self::NothingToDo => vec![link_state],
        }
    }
}

/// Whether a write was made: not, when its condition did not hold.
async fn done(update: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(store_error(&error)),
        },
    }
}

/// How long after `register-user` or `unlink-user` began Spotify is asked whether there is a link: the call, and the landing page, take a moment.
const SETTLED_AFTER: i64 = 20;

fn id(partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
    format!("{partner_id}#{}", partner_user_id.expose())
}

/// A subscriber's partition of the index.
fn shard(partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> AttributeValue {
    let hash = sha256_hex(&id(partner_id, partner_user_id));
    let number = u8::from_str_radix(hash.get(..2).unwrap_or_default(), 16).unwrap_or(0) % DIRTY_SHARDS;
    text(&number.to_string())
}

fn list(entitlements: &Entitlements) -> AttributeValue {
    AttributeValue::L(entitlements.iter().map(text).collect())
}

fn nobody(partner_id: PartnerId, partner_user_id: PartnerUserId) -> Subscriber {
    Subscriber {
        partner_id,
        partner_user_id,
        entitlements: Entitlements::default(),
        version: 0,
        claimed: None,
        synced_version: 0,
        held: None,
        link: Link {
            state: LinkState::None,
            since: None,
            evidence: None,
        },
        registered_at: None,
        tries: 0,
        failure: None,
        next_try_at: None,
        synced_at: None,
        waiting_since: None,
    }
}

fn subscriber_of(item: &Item) -> Result<Subscriber, StoreError> {
    let partner_id = PartnerId::parse(required(item, "partner_id")?).map_err(|_| StoreError::Malformed)?;
    let partner_user_id = required(item, "partner_user_id")?;
    let partner_user_id = PartnerUserId::parse(partner_user_id).map_err(|_| StoreError::Malformed)?;
    let state = optional(item, "link_state").map(|word| LinkState::parse(word).ok_or(StoreError::Malformed));
    Ok(Subscriber {
        entitlements: entitlements_of(item, "entitlements")?.unwrap_or_default(),
        version: integer(item, "version")?.unwrap_or(0),
        claimed: entitlements_of(item, "claimed")?,
        synced_version: integer(item, "synced_version")?.unwrap_or(0),
        held: entitlements_of(item, "held")?,
        link: Link {
            state: state.transpose()?.unwrap_or(LinkState::None),
            since: integer(item, "link_since")?,
            evidence: optional(item, "link_evidence").cloned(),
        },
        registered_at: integer(item, "registered_at")?,
        tries: integer(item, "tries")?.unwrap_or(0),
        failure: optional(item, "failure").cloned(),
        next_try_at: integer(item, "next_try_at")?,
        synced_at: integer(item, "synced_at")?,
        waiting_since: integer(item, "waiting_since")?,
        ..nobody(partner_id, partner_user_id)
    })
}

pub(super) fn integer(item: &HashMap<String, AttributeValue>, name: &str) -> Result<Option<i64>, StoreError> {
    let Some(value) = item.get(name) else { return Ok(None) };
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or(StoreError::Malformed)
}

fn entitlements_of(item: &Item, name: &str) -> Result<Option<Entitlements>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::L(names)) => {
            let names: Option<Vec<_>> = names.iter().map(|name| name.as_s().ok()).collect();
            let entitlements = Entitlements::parse(names.ok_or(StoreError::Malformed)?);
            entitlements.map(Some).map_err(|_| StoreError::Malformed)
        }
        Some(_) => Err(StoreError::Malformed),
    }
}
