//! The record of a subscriber: key, attributes, and how an item is read.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;

use super::DIRTY_SHARDS;
use crate::{
    partner::{Entitlements, ObservedEntitlements, PartnerId, PartnerUserId},
    secret::sha256_hex,
    store::{
        StoreError,
        item::{Item, ItemExt as _, number, text},
        write::Condition,
    },
};

/// Delay in seconds between a `register-user` or `unlink-user` call and the first check of the link: the call and Spotify's landing page take time.
pub(super) const QUIET_PERIOD_SECS: i64 = 20;

/// Last known state of a subscriber's link at Spotify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// No link is known.
    None,
    /// `register-user` was called; Spotify may not have finished.
    Pending,
    /// Spotify confirmed the link.
    Linked,
    /// The link may have ended: `unlink-user` was called, or Spotify answered 404 once. [`Link::evidence`] says which.
    Suspect,
    /// Spotify reported that there is no link: twice for a link that it had confirmed, once after `unlink-user`.
    Unlinked,
}

impl LinkState {
    const ALL: [Self; 5] = [Self::None, Self::Pending, Self::Linked, Self::Suspect, Self::Unlinked];

    /// Value of the attribute `link_state`.
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

    /// Whether Spotify may have the link.
    #[must_use]
    pub fn may_be_linked(self) -> bool {
        matches!(self, Self::Pending | Self::Linked | Self::Suspect)
    }
}

/// Part of the dirty index in which a subscriber waits. `sync` works on individual changes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A change of one subscriber, or a link that is being made or ended.
    Individual,
    /// A change by an import, or by a request for several subscribers.
    Bulk,
    /// A link that Spotify has reported as missing, which is checked again. Nothing waits for it.
    Check,
}

impl Lane {
    /// Prefix of the values of `dirty`.
    fn prefix(self) -> &'static str {
        match self {
            Self::Individual => "",
            Self::Bulk => "bulk#",
            Self::Check => "check#",
        }
    }

    /// Parses the attribute `dirty` of an item. Returns `None` for any other text.
    #[must_use]
    pub fn parse(dirty: &str) -> Option<Self> {
        let (prefix, shard) = dirty
            .split_at_checked(dirty.len().saturating_sub(1))
            .unwrap_or_default();
        let lane = [Self::Individual, Self::Bulk, Self::Check]
            .into_iter()
            .find(|lane| lane.prefix() == prefix);
        lane.filter(|_| shard.parse().is_ok_and(|shard: u8| shard < DIRTY_SHARDS))
    }

    /// Value of `dirty` for a shard of this lane.
    pub(super) fn partition(self, shard: u8) -> AttributeValue {
        text(&format!("{}{shard}", self.prefix()))
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// State of a link, with its start and its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Current state.
    pub state: LinkState,
    /// Start of this state, in seconds since 1970; `None` if no link was ever attempted.
    pub since: Option<i64>,
    /// Name of the Spotify call that established the state.
    pub evidence: Option<String>,
}

/// Value of [`Link::evidence`] while our own unlink is in progress.
pub(super) const UNLINK_USER: &str = "unlink-user";

impl Link {
    /// Whether our own `unlink-user` call was made, and Spotify has not confirmed its result yet.
    #[must_use]
    pub fn is_unlinking(&self) -> bool {
        self.state == LinkState::Suspect && self.evidence.as_deref() == Some(UNLINK_USER)
    }

    /// Whether Spotify has reported the link as missing. Until it reports the link again, or the person links again, only `get-entitlements` is called.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self.state {
            LinkState::Suspect => !self.is_unlinking(),
            LinkState::Unlinked => true,
            LinkState::None | LinkState::Pending | LinkState::Linked => false,
        }
    }
}

/// A subscriber of a partner, as stored in the table.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Partner ID at Spotify.
    pub partner_id: PartnerId,
    /// Partner User ID of the subscriber.
    pub partner_user_id: PartnerUserId,
    /// Full set of entitlements from the partner's backend; empty at version 0.
    pub entitlements: Entitlements,
    /// Version of `entitlements`, incremented by each change; 0 until the backend sets them.
    pub version: i64,
    /// Time at which the partner's system knew `entitlements`, in milliseconds since 1970; `None` until the backend sets them.
    pub as_of: Option<i64>,
    /// Entitlements from the token of the last linking, if it contained any.
    pub token_entitlements: Option<Entitlements>,
    /// Version that Spotify last confirmed.
    pub synced_version: i64,
    /// Entitlements last seen at Spotify.
    pub observed: Option<ObservedEntitlements>,
    /// Last known link.
    pub link: Link,
    /// Time at which Spotify confirmed the current link, in seconds since 1970. A link that is made again keeps it until Spotify reports it as missing.
    pub confirmed_at: Option<i64>,
    /// Time of the last `register-user` call, in seconds since 1970.
    pub registered_at: Option<i64>,
    /// Number of failed attempts since the last successful sync.
    pub attempts: i64,
    /// Error code of the last failed attempt, until a sync succeeds.
    pub last_error: Option<String>,
    /// Part of the dirty index that lists the subscriber; `None` if nothing is due.
    pub lane: Option<Lane>,
    /// Time of the next attempt, in seconds since 1970; `None` if nothing is due.
    pub next_try_at: Option<i64>,
    /// Time at which a sync last changed something at Spotify, in seconds since 1970.
    pub synced_at: Option<i64>,
    /// Time of the oldest unsynced change, in seconds since 1970; `None` if the subscriber is in sync.
    pub dirty_since: Option<i64>,
}

impl Subscriber {
    /// Creates a subscriber at version 0, without entitlements or a link.
    #[must_use]
    pub fn new(partner_id: PartnerId, partner_user_id: PartnerUserId) -> Self {
        Self {
            partner_id,
            partner_user_id,
            entitlements: Entitlements::default(),
            version: 0,
            as_of: None,
            token_entitlements: None,
            synced_version: 0,
            observed: None,
            link: Link {
                state: LinkState::None,
                since: None,
                evidence: None,
            },
            confirmed_at: None,
            registered_at: None,
            attempts: 0,
            last_error: None,
            lane: None,
            next_try_at: None,
            synced_at: None,
            dirty_since: None,
        }
    }

    /// Whether the subscriber is linked and Spotify was last seen with other entitlements than the desired ones.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        let behind = self.synced_version < self.version;
        self.link.state == LinkState::Linked
            && (behind
                || self
                    .observed
                    .as_ref()
                    .is_none_or(|observed| !self.is_satisfied_by(observed)))
    }

    /// Whether a change of the backend has not reached Spotify yet, and may be sent there.
    #[must_use]
    pub fn has_pending_change(&self) -> bool {
        self.synced_version < self.version && self.link.state.may_be_linked() && !self.link.is_missing()
    }

    /// Whether Spotify needs no change if it holds `observed`. Always the case while no entitlements are desired.
    #[must_use]
    pub fn is_satisfied_by(&self, observed: &ObservedEntitlements) -> bool {
        self.desired().is_none_or(|desired| observed.equals(desired))
    }

    /// Whether Spotify has confirmed the link at least once since the subscriber was last unlinked.
    #[must_use]
    pub fn was_linked(&self) -> bool {
        self.link.state == LinkState::Linked || self.confirmed_at.is_some()
    }

    /// Start of `state`: unchanged if the link is in this state already, otherwise `now`.
    pub(super) fn since(&self, state: LinkState, now: i64) -> i64 {
        match self.link.since {
            Some(since) if self.link.state == state => since,
            _ => now,
        }
    }

    /// Time, in seconds since 1970, until which a `register-user` or `unlink-user` call may still be in flight. Returns `None` if there was no such call.
    pub(super) fn quiet_until(&self) -> Option<i64> {
        let unlinking = self.link.since.filter(|_| self.link.is_unlinking());
        self.registered_at
            .max(unlinking)
            .map(|began| began.saturating_add(QUIET_PERIOD_SECS))
    }

    /// The condition that the version is unchanged.
    pub(super) fn has_version(&self) -> Condition {
        Condition::unchanged("version", (self.version > 0).then(|| number(self.version)))
    }

    /// The condition that the state is not known to be newer.
    pub(super) fn has_as_of(&self) -> Condition {
        Condition::unchanged("as_of", self.as_of.map(number))
    }

    /// The condition that the state of the link is unchanged.
    pub(super) fn has_link_state(&self) -> Condition {
        let state = self.link.state;
        let written = state != LinkState::None;
        Condition::unchanged("link_state", written.then(|| text(state.as_str())))
    }

    /// The condition that the state of the link did not start anew.
    pub(super) fn has_link_since(&self) -> Condition {
        Condition::unchanged("link_since", self.link.since.map(number))
    }

    /// The condition that `register-user` was not called since.
    pub(super) fn has_registered_at(&self) -> Condition {
        Condition::unchanged("registered_at", self.registered_at.map(number))
    }

    /// Entitlements that Spotify should have: those from the backend, otherwise those from the token. Returns `None` if neither has set any.
    #[must_use]
    pub fn desired(&self) -> Option<&Entitlements> {
        if self.version > 0 {
            Some(&self.entitlements)
        } else {
            self.token_entitlements.as_ref()
        }
    }
}

/// Key of a subscriber in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberKey(pub(super) String);

impl SubscriberKey {
    /// Wraps the attribute `id` of an item.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// The key of a subscriber.
    #[must_use]
    pub fn of(subscriber: &Subscriber) -> Self {
        Self(id(&subscriber.partner_id, &subscriber.partner_user_id))
    }

    /// Partner ID at Spotify.
    #[must_use]
    pub fn partner_id(&self) -> &str {
        self.0.split('#').next().unwrap_or_default()
    }
}

pub(super) fn id(partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
    format!("{partner_id}#{}", partner_user_id.expose())
}

/// Value of `dirty` for a subscriber in `lane`.
pub(super) fn dirty(lane: Lane, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> AttributeValue {
    let hash = sha256_hex(&id(partner_id, partner_user_id));
    let shard = u8::from_str_radix(hash.get(..2).unwrap_or_default(), 16).unwrap_or(0) % DIRTY_SHARDS;
    lane.partition(shard)
}

pub(super) fn subscriber_of(item: &Item) -> Result<Subscriber, StoreError> {
    let partner_id = item.parse("partner_id", PartnerId::parse)?;
    let partner_user_id = item.parse("partner_user_id", PartnerUserId::parse)?;
    let state = item.parse("link_state", |word| LinkState::parse(word).ok_or(()))?;
    Ok(Subscriber {
        partner_id: partner_id.ok_or(StoreError::Malformed)?,
        partner_user_id: partner_user_id.ok_or(StoreError::Malformed)?,
        entitlements: item.entitlements("entitlements")?.unwrap_or_default(),
        version: item.integer("version")?.unwrap_or(0),
        as_of: item.integer("as_of")?,
        token_entitlements: item.entitlements("token_entitlements")?,
        synced_version: item.integer("synced_version")?.unwrap_or(0),
        observed: item.names("observed_entitlements")?,
        link: Link {
            state: state.unwrap_or(LinkState::None),
            since: item.integer("link_since")?,
            evidence: item.text("link_evidence").map(str::to_owned),
        },
        confirmed_at: item.integer("confirmed_at")?,
        registered_at: item.integer("registered_at")?,
        attempts: item.integer("attempts")?.unwrap_or(0),
        last_error: item.text("last_error").map(str::to_owned),
        lane: item.parse("dirty", |dirty| Lane::parse(dirty).ok_or(()))?,
        next_try_at: item.integer("next_try_at")?,
        synced_at: item.integer("synced_at")?,
        dirty_since: item.integer("dirty_since")?,
    })
}
