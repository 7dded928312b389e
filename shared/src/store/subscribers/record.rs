//! A subscriber's item: its key, its attributes, and how it is read.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;

use super::DIRTY_SHARDS;
use crate::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    secret::sha256_hex,
    store::{
        StoreError,
        item::{Item, ItemExt as _, number, text},
        write::Condition,
    },
};

/// How long after `register-user` or `unlink-user` began Spotify is asked whether there is a link: the call, and the landing page, take a moment.
pub(super) const QUIET_PERIOD_SECS: i64 = 20;

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
    pub token_entitlements: Option<Entitlements>,
    /// The version that Spotify has confirmed.
    pub synced_version: i64,
    /// What Spotify has, as far as we have seen.
    pub observed: Option<Entitlements>,
    /// The link.
    pub link: Link,
    /// When `register-user` was last called, in seconds since 1970.
    pub registered_at: Option<i64>,
    /// How often Spotify was asked in vain since it last followed.
    pub attempts: i64,
    /// Why it does not follow, in a word, when the last try came to nothing.
    pub last_error: Option<String>,
    /// When it is tried next, in seconds since 1970, while it does not follow.
    pub next_try_at: Option<i64>,
    /// When Spotify last had to be told something, in seconds since 1970.
    pub synced_at: Option<i64>,
    /// Since when Spotify does not follow, in seconds since 1970, if it does not.
    pub dirty_since: Option<i64>,
}

impl Subscriber {
    /// Somebody whom nobody has written of.
    #[must_use]
    pub fn new(partner_id: PartnerId, partner_user_id: PartnerUserId) -> Self {
        Self {
            partner_id,
            partner_user_id,
            entitlements: Entitlements::default(),
            version: 0,
            token_entitlements: None,
            synced_version: 0,
            observed: None,
            link: Link {
                state: LinkState::None,
                since: None,
                evidence: None,
            },
            registered_at: None,
            attempts: 0,
            last_error: None,
            next_try_at: None,
            synced_at: None,
            dirty_since: None,
        }
    }

    /// Whether Spotify, as far as we have seen, has something else than what is wanted of somebody who is linked.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        let behind = self.synced_version < self.version;
        self.link.state == LinkState::Linked
            && (behind || self.observed.as_ref() != self.desired().or(self.observed.as_ref()))
    }

    /// Since when the link is in a state, if it is in it from `now` on.
    pub(super) fn since(&self, state: LinkState, now: i64) -> i64 {
        match self.link.since {
            Some(since) if self.link.state == state => since,
            _ => now,
        }
    }

    /// Until when, in seconds since 1970, a `register-user` or an `unlink-user` may be on its way to Spotify.
    pub(super) fn quiet_until(&self) -> Option<i64> {
        let unlinking = self.link.since.filter(|_| self.link.state == LinkState::Suspect);
        self.registered_at
            .max(unlinking)
            .map(|began| began.saturating_add(QUIET_PERIOD_SECS))
    }

    /// The condition that the version is still this one.
    pub(super) fn has_version(&self) -> Condition {
        Condition::unchanged("version", (self.version > 0).then(|| number(self.version)))
    }

    /// The condition that the link is still in this state.
    pub(super) fn has_link_state(&self) -> Condition {
        let state = self.link.state;
        let written = state != LinkState::None;
        Condition::unchanged("link_state", written.then(|| text(state.as_str())))
    }

    /// The condition that `register-user` was last called then.
    pub(super) fn has_registered_at(&self) -> Condition {
        Condition::unchanged("registered_at", self.registered_at.map(number))
    }

    /// What is wanted of Spotify: what the backend says, else what the token said. Nothing where neither has said anything.
    #[must_use]
    pub fn desired(&self) -> Option<&Entitlements> {
        if self.version > 0 {
            Some(&self.entitlements)
        } else {
            self.token_entitlements.as_ref()
        }
    }
}

/// A person's key in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberKey(pub(super) String);

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

pub(super) fn id(partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
    format!("{partner_id}#{}", partner_user_id.expose())
}

/// A subscriber's partition of the index.
pub(super) fn shard(partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> AttributeValue {
    let hash = sha256_hex(&id(partner_id, partner_user_id));
    let number = u8::from_str_radix(hash.get(..2).unwrap_or_default(), 16).unwrap_or(0) % DIRTY_SHARDS;
    text(&number.to_string())
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
        token_entitlements: item.entitlements("token_entitlements")?,
        synced_version: item.integer("synced_version")?.unwrap_or(0),
        observed: item.entitlements("observed_entitlements")?,
        link: Link {
            state: state.unwrap_or(LinkState::None),
            since: item.integer("link_since")?,
            evidence: item.text("link_evidence").map(str::to_owned),
        },
        registered_at: item.integer("registered_at")?,
        attempts: item.integer("attempts")?.unwrap_or(0),
        last_error: item.text("last_error").map(str::to_owned),
        next_try_at: item.integer("next_try_at")?,
        synced_at: item.integer("synced_at")?,
        dirty_since: item.integer("dirty_since")?,
    })
}
