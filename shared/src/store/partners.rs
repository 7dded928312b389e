//! The partners table: the partners that one client of Spotify's serves, each with its own settings, and the ledger of those whom Spotify is asked to create.
//! Spotify cannot be asked twice: `create-partner` makes another partner each time, and nobody can list or delete them. So whoever is to be created is
//! written down first, under a reference of the operator's and under their name, and stays there until it is known how it ended.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update, error::TransactionCanceledException},
};

use super::{
    StoreError,
    error::{condition_failed, store_error},
    item::{Item, ItemExt as _, number, text},
    write::{Condition, Write},
};
use crate::{partner::PartnerId, secret::sha256_hex};

/// A partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerRecord {
    /// As Spotify names it.
    pub partner_id: PartnerId,
    /// As people know it.
    pub name: String,
    /// Where Spotify sends people who begin to link.
    pub entrypoint_url: Option<String>,
    /// Its own in place of the deployment's variables, by their names.
    pub settings: BTreeMap<String, String>,
    /// Since when nobody is linked any more, in seconds since 1970.
    pub disabled_at: Option<i64>,
    /// One more with each change.
    pub version: i64,
}

/// A partner that Spotify is asked to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerCreation {
    /// What the operator calls it; until there is a partner id, and after, paths may name the partner by it.
    pub reference: PartnerId,
    /// `partner_name`.
    pub name: String,
    /// `entrypoint_url`.
    pub entrypoint_url: String,
    /// Its settings when it will be there.
    pub settings: BTreeMap<String, String>,
    /// When Spotify was asked, in seconds since 1970.
    pub requested_at: i64,
    /// What Spotify answered; nothing while that is not known.
    pub partner_id: Option<PartnerId>,
}

/// Whether a creation could begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationStart {
    /// It is written down, and Spotify may be asked, once.
    Started,
    /// There was one of this reference before.
    Exists(PartnerCreation),
    /// There was one of this name before, of another reference.
    NameTaken,
}

/// The table of partners.
#[derive(Clone, Debug)]
pub struct PartnerTable {
    client: Client,
    table: String,
}

impl PartnerTable {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The partner of an id, or of the reference under which it was created.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, named: &PartnerId) -> Result<Option<PartnerRecord>, StoreError> {
        if let Some(item) = self.item(&partner_key(named)).await? {
            return partner_of(&item).map(Some);
        }
        match self.creation(named).await?.and_then(|creation| creation.partner_id) {
            Some(partner_id) => self
                .item(&partner_key(&partner_id))
                .await?
                .as_ref()
                .map(partner_of)
                .transpose(),
            None => Ok(None),
        }
    }

    /// The creation of a reference.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn creation(&self, reference: &PartnerId) -> Result<Option<PartnerCreation>, StoreError> {
        self.item(&creation_key(reference))
            .await?
            .as_ref()
            .map(creation_of)
            .transpose()
    }

    /// All partners, and all creations of which it is not known how they ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self) -> Result<(Vec<PartnerRecord>, Vec<PartnerCreation>), StoreError> {
        let (mut partners, mut unfinished, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let scan = self.client.scan().table_name(&self.table).consistent_read(true);
            let page = scan
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            for item in page.items() {
                let id = item.required("id")?;
                if id.starts_with(PARTNER) {
                    partners.push(partner_of(item)?);
                } else if id.starts_with(CREATION) {
                    unfinished.extend(Some(creation_of(item)?).filter(|creation| creation.partner_id.is_none()));
                }
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        partners.sort_by(|one, other| one.partner_id.as_str().cmp(other.partner_id.as_str()));
        Ok((partners, unfinished))
    }

    /// Writes a partner as it is to be, with the next version: new where `partner.version` is 0, else in the place of that version. False when there is another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, partner: &PartnerRecord) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(partner_item(partner)));
        let put = if partner.version == 0 {
            put.condition_expression("attribute_not_exists(id)")
        } else {
            put.condition_expression("version = :before")
                .expression_attribute_values(":before", number(partner.version))
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Stops a partner's linking from `at` on, in seconds since 1970, or lets it go on. False when there is no such partner.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_disabled(&self, partner_id: &PartnerId, at: Option<i64>) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&partner_key(partner_id)));
        let write = Write::new().increment("version").when(Condition::exists("id"));
        let write = match at {
            Some(at) => write.set("disabled_at", number(at)),
            None => write.remove(&["disabled_at"]),
        };
        Ok(write.send(update).await?.is_done())
    }

    /// Writes down that a partner is to be created, before Spotify is asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start_creation(&self, creation: &PartnerCreation) -> Result<CreationStart, StoreError> {
        let name = Item::from([
            ("id".into(), text(&name_key(&creation.name))),
            ("reference".into(), text(creation.reference.as_str())),
        ]);
        let items = [creation_item(creation), name].map(|item| self.new_item(item));
        let [ledger, name] = items;
        let written = self
            .client
            .transact_write_items()
            .transact_items(ledger?)
            .transact_items(name?);
        let Err(error) = written.send().await else {
            return Ok(CreationStart::Started);
        };
        match error.as_service_error() {
            // Whichever of the two was there: one that is being written at this moment is there too.
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) if is_refused(canceled) => Ok(self
                .creation(&creation.reference)
                .await?
                .map_or(CreationStart::NameTaken, CreationStart::Exists)),
            _ => Err(store_error(&error)),
        }
    }

    /// Writes down what Spotify answered: the creation has its partner id, and the partner is there.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] when the creation has ended before, or the partner is there already; else another [`StoreError`].
    pub async fn complete_creation(
        &self,
        creation: &PartnerCreation,
        partner_id: &PartnerId,
    ) -> Result<PartnerRecord, StoreError> {
        let partner = PartnerRecord {
            partner_id: partner_id.clone(),
            name: creation.name.clone(),
            entrypoint_url: Some(creation.entrypoint_url.clone()),
            settings: creation.settings.clone(),
            disabled_at: None,
            version: 0,
        };
        let update = Update::builder()
            .table_name(&self.table)
            .key("id", text(&creation_key(&creation.reference)))
            .update_expression("SET partner_id = :partner_id")
            .condition_expression("attribute_exists(id) AND attribute_not_exists(partner_id)")
            .expression_attribute_values(":partner_id", text(partner_id.as_str()))
            .build()
            .map_err(|_| StoreError::Malformed)?;
        let ledger = TransactWriteItem::builder().update(update).build();
        self.write_both(ledger, self.new_item(partner_item(&partner))?).await?;
        Ok(PartnerRecord { version: 1, ..partner })
    }

    /// Forgets a creation of which it is certain that Spotify has not done it.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] when it has ended; else another [`StoreError`].
    pub async fn discard_creation(&self, creation: &PartnerCreation) -> Result<(), StoreError> {
        let delete = |id: String| Delete::builder().table_name(&self.table).key("id", text(&id));
        let ledger = delete(creation_key(&creation.reference)).condition_expression("attribute_not_exists(partner_id)");
        let deletes = [ledger, delete(name_key(&creation.name))].map(|delete| {
            let delete = delete.build().map_err(|_| StoreError::Malformed)?;
            Ok::<_, StoreError>(TransactWriteItem::builder().delete(delete).build())
        });
        let [ledger, name] = deletes;
        self.write_both(ledger?, name?).await
    }

    async fn write_both(&self, one: TransactWriteItem, other: TransactWriteItem) -> Result<(), StoreError> {
        let written = self
            .client
            .transact_write_items()
            .transact_items(one)
            .transact_items(other);
        written
            .send()
            .await
            .map(drop)
            .map_err(|error| match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) if is_refused(canceled) => {
                    StoreError::AlreadyUsed
                }
                _ => store_error(&error),
            })
    }

    fn new_item(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(id)")
            .build()
            .map_err(|_| StoreError::Malformed)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    async fn item(&self, id: &str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(id));
        let got = get.consistent_read(true).send().await;
        Ok(got.map_err(|error| store_error(&error))?.item)
    }
}

const PARTNER: &str = "partner#";
const CREATION: &str = "creation#";

fn partner_key(partner_id: &PartnerId) -> String {
    format!("{PARTNER}{partner_id}")
}

fn creation_key(reference: &PartnerId) -> String {
    format!("{CREATION}{reference}")
}

/// Two names that differ in case or in the spaces between their words alone are one.
fn name_key(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().map(str::to_lowercase).collect();
    format!("name#{}", sha256_hex(&words.join(" ")))
}

fn settings_item(settings: &BTreeMap<String, String>) -> AttributeValue {
    AttributeValue::M(
        settings
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
    )
}

fn settings_of(item: &Item) -> Result<BTreeMap<String, String>, StoreError> {
    let settings = item.map("settings").ok_or(StoreError::Malformed)?.iter();
    let settings = settings.map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone())));
    settings.collect::<Option<_>>().ok_or(StoreError::Malformed)
}

fn partner_item(partner: &PartnerRecord) -> Item {
    let mut item = Item::from([
        ("id".into(), text(&partner_key(&partner.partner_id))),
        ("partner_id".into(), text(partner.partner_id.as_str())),
        ("name".into(), text(&partner.name)),
        ("settings".into(), settings_item(&partner.settings)),
        ("version".into(), number(partner.version.saturating_add(1))),
    ]);
    item.extend(
        partner
            .entrypoint_url
            .as_ref()
            .map(|url| ("entrypoint_url".into(), text(url))),
    );
    item.extend(partner.disabled_at.map(|at| ("disabled_at".into(), number(at))));
    item
}

fn partner_of(item: &Item) -> Result<PartnerRecord, StoreError> {
    Ok(PartnerRecord {
        partner_id: item
            .parse("partner_id", PartnerId::parse)?
            .ok_or(StoreError::Malformed)?,
        name: item.required("name")?.to_owned(),
        entrypoint_url: item.text("entrypoint_url").map(str::to_owned),
        settings: settings_of(item)?,
        disabled_at: item.integer("disabled_at")?,
        version: item.integer("version")?.ok_or(StoreError::Malformed)?,
    })
}

fn creation_item(creation: &PartnerCreation) -> Item {
    Item::from([
        ("id".into(), text(&creation_key(&creation.reference))),
        ("reference".into(), text(creation.reference.as_str())),
        ("name".into(), text(&creation.name)),
        ("entrypoint_url".into(), text(&creation.entrypoint_url)),
        ("settings".into(), settings_item(&creation.settings)),
        ("requested_at".into(), number(creation.requested_at)),
    ])
}

fn creation_of(item: &Item) -> Result<PartnerCreation, StoreError> {
    Ok(PartnerCreation {
        reference: item
            .parse("reference", PartnerId::parse)?
            .ok_or(StoreError::Malformed)?,
        name: item.required("name")?.to_owned(),
        entrypoint_url: item.required("entrypoint_url")?.to_owned(),
        settings: settings_of(item)?,
        requested_at: item.integer("requested_at")?.ok_or(StoreError::Malformed)?,
        partner_id: item.parse("partner_id", PartnerId::parse)?,
    })
}

/// Whether a condition did not hold: a transaction is canceled for being throttled, or in another's way, too.
fn is_refused(canceled: &TransactionCanceledException) -> bool {
    let mut reasons = canceled.cancellation_reasons().iter();
    reasons.any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
