//! The partners table: the partners of one Spotify client, each with its own settings, and a ledger of partner creations. `create-partner` is not idempotent:
//! each call creates another partner, and the API can neither list nor delete partners. The ledger therefore records each creation before the call, under the
//! operator's reference and under the partner's name, until its result is known.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
        error::TransactionCanceledException,
    },
};

use super::{
    StoreError,
    error::store_error,
    item::{Item, ItemExt as _, number, text},
    write::{Condition, Write},
};
use crate::{partner::PartnerId, secret::sha256_hex};

/// A partner with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerRecord {
    /// Partner ID at Spotify.
    pub partner_id: PartnerId,
    /// Display name.
    pub name: String,
    /// URL at which Spotify starts a linking journey.
    pub entrypoint_url: Option<String>,
    /// Settings that override the deployment's environment variables, by variable name.
    pub settings: BTreeMap<String, String>,
    /// Time since which the partner makes no new links, in seconds since 1970; `None` if it is enabled.
    pub disabled_at: Option<i64>,
    /// Version of the record, incremented by each change; 0 if it is not stored yet.
    pub version: i64,
}

/// A ledger entry for a partner that Spotify is asked to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerCreation {
    /// The operator's reference. Paths may name the partner by it, before and after Spotify has returned the Partner ID.
    pub reference: PartnerId,
    /// `partner_name` of the `create-partner` call.
    pub name: String,
    /// `entrypoint_url` of the `create-partner` call.
    pub entrypoint_url: String,
    /// Settings of the partner once it is created.
    pub settings: BTreeMap<String, String>,
    /// Start of the creation, in seconds since 1970.
    pub requested_at: i64,
    /// Partner ID that Spotify returned; `None` while the result is unknown.
    pub partner_id: Option<PartnerId>,
}

/// Result of [`PartnerTable::start_creation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationStart {
    /// The creation is recorded. The caller may call `create-partner`, once.
    Started,
    /// A creation with this reference is recorded already.
    Exists(PartnerCreation),
    /// A creation with this name is recorded under another reference.
    NameTaken,
    /// The reference is the id of a stored partner.
    IsPartner,
}

/// Result of [`PartnerTable::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartnerWrite {
    /// The partner is stored.
    Stored,
    /// Another version is stored.
    OtherVersion,
    /// The id is the reference of a creation.
    IsReference,
}

/// The partners table.
#[derive(Clone, Debug)]
pub struct PartnerTable {
    client: Client,
    table: String,
}

impl PartnerTable {
    /// Uses the table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads a partner by its Partner ID, or by the reference of its creation. Returns `None` if neither is stored.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
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

    /// Reads a creation by its reference. Returns `None` if it is not recorded.
    ///
    /// # Errors
    /// [`StoreError`] if the item cannot be read or is malformed. A retry is safe.
    pub async fn creation(&self, reference: &PartnerId) -> Result<Option<PartnerCreation>, StoreError> {
        self.item(&creation_key(reference))
            .await?
            .as_ref()
            .map(creation_of)
            .transpose()
    }

    /// Reads all partners, sorted by Partner ID, and all creations whose result is unknown.
    ///
    /// # Errors
    /// [`StoreError`] if the table cannot be read or contains a malformed item. A retry is safe.
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

    /// Stores a partner if the stored version is `partner.version`, or creates it if that is 0. One transaction, so that a creation cannot take the id as its
    /// reference at the same time.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe, but may return [`PartnerWrite::OtherVersion`] if the first write succeeded.
    pub async fn put(&self, partner: &PartnerRecord) -> Result<PartnerWrite, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(partner_item(partner)));
        let put = if partner.version == 0 {
            put.condition_expression("attribute_not_exists(id)")
        } else {
            put.condition_expression("version = :before")
                .expression_attribute_values(":before", number(partner.version))
        };
        let put = put.build().map_err(|_| StoreError::Malformed)?;
        let put = TransactWriteItem::builder().put(put).build();
        let no_reference = self.absent(&creation_key(&partner.partner_id))?;
        Ok(match self.transact([put, no_reference]).await? {
            None => PartnerWrite::Stored,
            Some([_, true]) => PartnerWrite::IsReference,
            Some(_) => PartnerWrite::OtherVersion,
        })
    }

    /// Disables a partner's linking as of `at` (seconds since 1970), or enables it if `at` is `None`. Returns `false` if there is no such partner.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
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

    /// Records a creation, before `create-partner` is called.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write: `create-partner` must not be called. A retry returns [`CreationStart::Exists`] if the first write
    /// succeeded.
    pub async fn start_creation(&self, creation: &PartnerCreation) -> Result<CreationStart, StoreError> {
        let name = Item::from([
            ("id".into(), text(&name_key(&creation.name))),
            ("reference".into(), text(creation.reference.as_str())),
        ]);
        let ledger = self.new_item(creation_item(creation))?;
        let items = [
            ledger,
            self.new_item(name)?,
            self.absent(&partner_key(&creation.reference))?,
        ];
        let Some([_, _, is_partner]) = self.transact(items).await? else {
            return Ok(CreationStart::Started);
        };
        // A creation under this reference takes precedence over one with the same name.
        Ok(match self.creation(&creation.reference).await? {
            Some(before) => CreationStart::Exists(before),
            None if is_partner => CreationStart::IsPartner,
            None => CreationStart::NameTaken,
        })
    }

    /// Records the Partner ID that Spotify returned, and stores the partner, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] if the creation has ended, the partner exists, or the id is the reference of another creation; otherwise another [`StoreError`]. A retry is safe, but returns
    /// [`StoreError::AlreadyUsed`] if the first write succeeded.
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
        let new_partner = self.new_item(partner_item(&partner))?;
        // A transaction must not name an item twice.
        let refused = if *partner_id == creation.reference {
            self.transact([ledger, new_partner]).await?.is_some()
        } else {
            let no_reference = self.absent(&creation_key(partner_id))?;
            self.transact([ledger, new_partner, no_reference]).await?.is_some()
        };
        if refused {
            return Err(StoreError::AlreadyUsed);
        }
        Ok(PartnerRecord { version: 1, ..partner })
    }

    /// Deletes a creation and frees its name. Only for a creation that Spotify has certainly not carried out.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] if the creation has a Partner ID; otherwise another [`StoreError`]. A retry is safe.
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
        match self.transact([one, other]).await? {
            None => Ok(()),
            Some(_) => Err(StoreError::AlreadyUsed),
        }
    }

    /// Makes all writes, or none. Returns `None` if they were made, otherwise whether the condition of each write failed.
    async fn transact<const N: usize>(&self, writes: [TransactWriteItem; N]) -> Result<Option<[bool; N]>, StoreError> {
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes.into()));
        let Err(error) = written.send().await else {
            return Ok(None);
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) if is_refused(canceled) => {
                let reasons = canceled.cancellation_reasons();
                Ok(Some(std::array::from_fn(|index| {
                    reasons.get(index).is_some_and(condition_did_not_hold)
                })))
            }
            _ => Err(store_error(&error)),
        }
    }

    /// The condition that there is no item with this key.
    fn absent(&self, id: &str) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("id", text(id))
            .condition_expression("attribute_not_exists(id)")
            .build()
            .map_err(|_| StoreError::Malformed)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
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

/// Key of a partner's name. Names that differ only in case or white space share a key.
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

/// Whether a transaction was canceled because a condition did not hold, and not because of throttling or a conflict.
fn is_refused(canceled: &TransactionCanceledException) -> bool {
    canceled.cancellation_reasons().iter().any(condition_did_not_hold)
}

fn condition_did_not_hold(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}
