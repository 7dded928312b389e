//! The subscribers table: partition key `id`, one item for each person of each partner. It holds what the partner wants them to hear, and what was last seen at
//! Spotify; never the truth about the link, which is Spotify's. The table is the queue as well: an item that Spotify does not follow yet has `dirty`, and a
//! sparse index lists those by the time of their next try.

use std::{collections::HashMap, fmt};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue},
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
    /// The link.
    pub link: Link,
    /// When `register-user` was last called, in seconds since 1970.
    pub registered_at: Option<i64>,
}

impl Subscriber {
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
        for _ in 0..TRIES {
            let before = self.get(partner_id, partner_user_id).await?;
            if expected.is_some_and(|expected| expected != before.version) {
                return Err(ChangeError::OtherVersion);
            }
            let entitlements = change.of(&before.entitlements);
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
        let dirty = if follows {
            ", dirty = :dirty, next_try_at = :now"
        } else {
            ""
        };
        let condition = if before.version == 0 {
            "attribute_not_exists(version)"
        } else {
            "version = :before"
        };
        let mut update = self
            .update(&before.partner_id, &before.partner_user_id)
            .update_expression(format!(
                "SET partner_id = :partner_id, partner_user_id = :partner_user_id, entitlements = :entitlements, version = :after{dirty}"
            ))
            .condition_expression(condition)
            .expression_attribute_values(":partner_id", text(before.partner_id.as_str()))
            .expression_attribute_values(":partner_user_id", text(before.partner_user_id.expose()))
            .expression_attribute_values(":entitlements", list(entitlements))
            .expression_attribute_values(":after", number(before.version.saturating_add(1)));
        if before.version > 0 {
            update = update.expression_attribute_values(":before", number(before.version));
        }
        if follows {
            update = update
                .expression_attribute_values(":dirty", shard(&before.partner_id, &before.partner_user_id))
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
        let claim = if claimed.is_some() { "claimed = :claimed, " } else { "" };
        let mut update = self
            .update(partner_id, partner_user_id)
            .update_expression(format!(
                "SET {claim}partner_id = :partner_id, partner_user_id = :partner_user_id, link_state = :pending, link_since = :now, \
                 link_evidence = :evidence, registered_at = :now, dirty = :dirty, next_try_at = :soon"
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

/// How long after `register-user` began Spotify is asked whether there is a link: the call, and the landing page, take a moment.
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
        link: Link {
            state: LinkState::None,
            since: None,
            evidence: None,
        },
        registered_at: None,
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
        link: Link {
            state: state.transpose()?.unwrap_or(LinkState::None),
            since: integer(item, "link_since")?,
            evidence: optional(item, "link_evidence").cloned(),
        },
        registered_at: integer(item, "registered_at")?,
        ..nobody(partner_id, partner_user_id)
    })
}

fn integer(item: &HashMap<String, AttributeValue>, name: &str) -> Result<Option<i64>, StoreError> {
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
