//! The pending-links table: partition key `id`, time to live on `delete_at`. Time to live is garbage collection that may lag by days;
//! `expires_at`, compared in the condition, is expiry.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::UpdateItemError,
    types::{AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};

use super::{Claim, PendingLink, PendingSignIn, Refusal, SignedInBy, StoreError, UsedJti};
use crate::{
    oauth::{nonce::Nonce, pkce::CodeVerifier, state::StateHash},
    partner::{Entitlements, PartnerId, PartnerUserId, ShowUri},
};

/// How long, in seconds, an item outlives its use, so that garbage collection never precedes expiry.
const KEPT: i64 = 3600;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The table of pending links, pending sign-ins and used `jti`s.
#[derive(Clone, Debug)]
pub struct PendingLinks {
    client: Client,
    table: String,
}

impl PendingLinks {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores the pending link of a state, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, state: &StateHash, pending: &PendingLink) -> Result<(), StoreError> {
        self.put_new(item_of(state, pending), &pending.browser_binding).await
    }

    /// Stores the pending sign-in of a state, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_sign_in(&self, state: &StateHash, pending: &PendingSignIn) -> Result<(), StoreError> {
        self.put_new(sign_in_item(state, pending), &pending.browser_binding)
            .await
    }

    async fn put_new(&self, item: Item, browser_binding: &str) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(NEW_LINK)
            .expression_attribute_values(":binding", text(browser_binding));
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Stores the pending link of a state together with the `jti` of the hand-off it rests on: both or neither.
    ///
    /// # Errors
    /// [`StoreError::Used`] when the hand-off was used before; else another [`StoreError`].
    pub async fn put_handed_off(
        &self,
        state: &StateHash,
        pending: &PendingLink,
        jti: &UsedJti,
    ) -> Result<(), StoreError> {
        let link = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item_of(state, pending)))
            .condition_expression(NEW_LINK)
            .expression_attribute_values(":binding", text(&pending.browser_binding))
            .build()
            .map_err(|_| StoreError::Malformed)?;
        let jti = Put::builder()
            .table_name(&self.table)
            .set_item(Some(jti_item(jti, &pending.browser_binding)))
            .condition_expression(NEW_JTI)
            .expression_attribute_values(":me", text(&pending.browser_binding))
            .build()
            .map_err(|_| StoreError::Malformed)?;
        let items = [jti, link].map(|put| TransactWriteItem::builder().put(put).build());
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items.into()))
            .send()
            .await;
        written.map(drop).map_err(|error| {
            let cancelled = error.as_service_error().is_some_and(|error| {
                use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as E;
                match error {
                    E::TransactionCanceledException(cancelled) => {
                        let reason = cancelled
                            .cancellation_reasons()
                            .first()
                            .and_then(|reason| reason.code());
                        // A conflict is another use of the same token at this very moment.
                        matches!(reason, Some("ConditionalCheckFailed" | "TransactionConflict"))
                    }
                    _ => false,
                }
            });
            if cancelled {
                StoreError::Used
            } else {
                store_error(&error)
            }
        })
    }

    /// Remembers that a token was used. `me` names this invocation: a write that the SDK repeats, because the first one's answer was lost,
    /// is not taken for somebody else's.
    ///
    /// # Errors
    /// [`StoreError::Used`] when it was used before; else another [`StoreError`].
    pub async fn use_once(&self, jti: &UsedJti, me: &str) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(jti_item(jti, me)))
            .condition_expression(NEW_JTI)
            .expression_attribute_values(":me", text(me));
        put.send().await.map(drop).map_err(|error| {
            if condition_failed(&error) {
                StoreError::Used
            } else {
                store_error(&error)
            }
        })
    }

    /// Claims the pending link of a state for the invocation `me`, in one conditional write: it exists, it was begun in a browser with one
    /// of `bindings`, it has not expired `now`, and nobody else has claimed it. Of many at once, one gets it; all others are refused.
    ///
    /// # Errors
    /// [`StoreError`] when it is not known who has it: then nobody may go on.
    pub async fn claim(
        &self,
        state: &StateHash,
        bindings: &[String],
        me: &str,
        now: i64,
    ) -> Result<Claim<PendingLink>, StoreError> {
        self.claim_item(link_id(state), None, bindings, me, now, pending_of)
            .await
    }

    /// Claims the pending sign-in of a state, as [`Self::claim`] does a pending link, on the further condition that the response has arrived at the
    /// `redirect_uri` of the provider that was asked.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub async fn claim_sign_in(
        &self,
        state: &StateHash,
        redirect_uri: &str,
        bindings: &[String],
        me: &str,
        now: i64,
    ) -> Result<Claim<PendingSignIn>, StoreError> {
        self.claim_item(sign_in_id(state), Some(redirect_uri), bindings, me, now, sign_in_of)
            .await
    }

    async fn claim_item<T>(
        &self,
        id: String,
        redirect_uri: Option<&str>,
        bindings: &[String],
        me: &str,
        now: i64,
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Claim<T>, StoreError> {
        if bindings.is_empty() {
            return Ok(Claim::Refused(Refusal {
                why: "no browser cookie",
                pending: None,
            }));
        }
        let names: Vec<_> = (0..bindings.len()).map(|n| format!(":binding{n}")).collect();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&id))
            .update_expression("SET claimed_by = :me")
            .condition_expression(format!(
                "attribute_exists(id) AND expires_at > :now AND browser_binding IN ({}) \
                 AND (attribute_not_exists(claimed_by) OR claimed_by = :me){}",
                names.join(", "),
                redirect_uri.map_or("", |_| " AND redirect_uri = :redirect_uri"),
            ))
            .set_expression_attribute_values(
                redirect_uri.map(|redirect_uri| Item::from([(":redirect_uri".to_owned(), text(redirect_uri))])),
            )
            .expression_attribute_values(":me", text(me))
            .expression_attribute_values(":now", number(now))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, binding) in names.iter().zip(bindings) {
            update = update.expression_attribute_values(name, text(binding));
        }
        match update.send().await {
            Ok(claimed) => read(claimed.attributes.as_ref().ok_or(StoreError::Malformed)?).map(Claim::Granted),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Claim::Refused(Refusal {
                    why: why_refused(failed.item(), redirect_uri, now),
                    pending: failed.item().and_then(|item| read(item).ok()),
                })),
                _ => Err(store_error(&error)),
            },
        }
    }
}

/// Which part of the condition did not hold.
fn why_refused(item: Option<&Item>, redirect_uri: Option<&str>, now: i64) -> &'static str {
    match item {
        None => "unknown",
        Some(item) if item.contains_key("claimed_by") => "spent",
        Some(item) if expires_at(item).is_ok_and(|expires_at| expires_at <= now) => "expired",
        Some(item) if redirect_uri.is_some_and(|uri| optional(item, "redirect_uri").is_none_or(|own| own != uri)) => {
            "another provider's"
        }
        Some(_) => "another browser's",
    }
}

/// The second halves hold when the SDK repeats a write whose answer was lost; a repeat that comes late must not undo a claim.
const NEW_LINK: &str = "attribute_not_exists(id) OR (browser_binding = :binding AND attribute_not_exists(claimed_by))";
const NEW_JTI: &str = "attribute_not_exists(id) OR claimed_by = :me";

fn link_id(state: &StateHash) -> String {
    format!("link#{}", state.as_str())
}

fn sign_in_id(state: &StateHash) -> String {
    format!("sign-in#{}", state.as_str())
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn jti_item(jti: &UsedJti, me: &str) -> Item {
    Item::from([
        ("id".into(), text(jti.as_str())),
        ("claimed_by".into(), text(me)),
        ("expires_at".into(), number(jti.expires_at)),
        ("delete_at".into(), number(jti.expires_at.saturating_add(KEPT))),
    ])
}

fn item_of(state: &StateHash, pending: &PendingLink) -> Item {
    let mut item = Item::from([
        ("id".into(), text(&link_id(state))),
        ("partner_id".into(), text(pending.partner_id.as_str())),
        ("partner_user_id".into(), text(pending.partner_user_id.expose())),
        ("signed_in_by".into(), text(pending.signed_in_by.as_str())),
        ("browser_binding".into(), text(&pending.browser_binding)),
        ("expires_at".into(), number(pending.expires_at)),
        ("delete_at".into(), number(pending.expires_at.saturating_add(KEPT))),
    ]);
    if let Some(entitlements) = &pending.entitlements {
        item.insert(
            "entitlements".into(),
            AttributeValue::L(entitlements.iter().map(text).collect()),
        );
    }
    let optional = [
        (
            "code_verifier",
            pending.code_verifier.as_ref().map(CodeVerifier::expose),
        ),
        ("show", pending.show.as_ref().map(ShowUri::as_str)),
        ("language", pending.language.as_deref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            item.insert(name.into(), text(value));
        }
    }
    item
}

fn sign_in_item(state: &StateHash, pending: &PendingSignIn) -> Item {
    Item::from([
        ("id".into(), text(&sign_in_id(state))),
        ("redirect_uri".into(), text(&pending.redirect_uri)),
        ("return_to".into(), text(&pending.return_to)),
        ("code_verifier".into(), text(pending.code_verifier.expose())),
        ("nonce".into(), text(pending.nonce.expose())),
        ("browser_binding".into(), text(&pending.browser_binding)),
        ("expires_at".into(), number(pending.expires_at)),
        ("delete_at".into(), number(pending.expires_at.saturating_add(KEPT))),
    ])
}

pub(super) fn optional<'a>(item: &'a Item, name: &str) -> Option<&'a String> {
    item.get(name).and_then(|value| value.as_s().ok())
}

pub(super) fn required<'a>(item: &'a Item, name: &str) -> Result<&'a String, StoreError> {
    optional(item, name).ok_or(StoreError::Malformed)
}

fn expires_at(item: &Item) -> Result<i64, StoreError> {
    let seconds = item.get("expires_at").and_then(|value| value.as_n().ok());
    seconds
        .and_then(|seconds| seconds.parse().ok())
        .ok_or(StoreError::Malformed)
}

fn sign_in_of(item: &Item) -> Result<PendingSignIn, StoreError> {
    Ok(PendingSignIn {
        redirect_uri: required(item, "redirect_uri")?.clone(),
        return_to: required(item, "return_to")?.clone(),
        code_verifier: CodeVerifier::new(required(item, "code_verifier")?),
        nonce: Nonce::new(required(item, "nonce")?),
        browser_binding: required(item, "browser_binding")?.clone(),
        expires_at: expires_at(item)?,
    })
}

fn pending_of(item: &Item) -> Result<PendingLink, StoreError> {
    let entitlements = match item.get("entitlements") {
        Some(AttributeValue::L(list)) => {
            let names: Option<Vec<_>> = list.iter().map(|name| name.as_s().ok()).collect();
            Some(Entitlements::parse(names.ok_or(StoreError::Malformed)?).map_err(|_| StoreError::Malformed)?)
        }
        Some(_) => return Err(StoreError::Malformed),
        None => None,
    };
    Ok(PendingLink {
        partner_id: PartnerId::parse(required(item, "partner_id")?).map_err(|_| StoreError::Malformed)?,
        partner_user_id: PartnerUserId::parse(required(item, "partner_user_id")?).map_err(|_| StoreError::Malformed)?,
        show: optional(item, "show")
            .map(|show| ShowUri::parse(show))
            .transpose()
            .map_err(|_| StoreError::Malformed)?,
        language: optional(item, "language").cloned(),
        entitlements,
        code_verifier: optional(item, "code_verifier").map(CodeVerifier::new),
        signed_in_by: SignedInBy::parse(required(item, "signed_in_by")?).ok_or(StoreError::Malformed)?,
        browser_binding: required(item, "browser_binding")?.clone(),
        expires_at: expires_at(item)?,
    })
}

fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

pub(super) fn store_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StoreError {
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(
            "ResourceNotFoundException"
            | "AccessDeniedException"
            | "ValidationException"
            | "ConditionalCheckFailedException",
        ) => StoreError::Refused,
        Some(code) if code.contains("Signature") || code.contains("Token") || code.contains("Unrecognized") => {
            StoreError::Refused
        }
        _ => StoreError::Unavailable,
    }
}
