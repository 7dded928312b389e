//! The pending-links table: partition key `id`, time to live on `delete_at`. Time to live is garbage collection that may lag by days;
//! `expires_at`, compared in the condition, is expiry.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, Put, TransactWriteItem},
};

use super::{PendingLink, SignedInBy, StoreError, UsedJti};
use crate::{
    oauth::{pkce::CodeVerifier, state::StateHash},
    partner::{Entitlements, PartnerId, PartnerUserId},
};

/// How long, in seconds, an item outlives its use, so that garbage collection never precedes expiry.
const KEPT: i64 = 3600;

type Item = HashMap<String, AttributeValue>;

/// The table of pending links and used `jti`s.
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
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item_of(state, pending)))
            .condition_expression(NEW_LINK)
            .expression_attribute_values(":binding", text(&pending.browser_binding));
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
    /// of `bindings`, it has not expired `now`, and nobody else has claimed it. Of many at once, one gets it; all others get nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it is not known who has it: then nobody may go on.
    pub async fn claim(
        &self,
        state: &StateHash,
        bindings: &[String],
        me: &str,
        now: i64,
    ) -> Result<Option<PendingLink>, StoreError> {
        if bindings.is_empty() {
            return Ok(None);
        }
        let names: Vec<_> = (0..bindings.len()).map(|n| format!(":binding{n}")).collect();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&link_id(state)))
            .update_expression("SET claimed_by = :me")
            .condition_expression(format!(
                "attribute_exists(id) AND expires_at > :now AND browser_binding IN ({}) \
                 AND (attribute_not_exists(claimed_by) OR claimed_by = :me)",
                names.join(", ")
            ))
            .expression_attribute_values(":me", text(me))
            .expression_attribute_values(":now", number(now))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        for (name, binding) in names.iter().zip(bindings) {
            update = update.expression_attribute_values(name, text(binding));
        }
        match update.send().await {
            Ok(claimed) => pending_of(claimed.attributes.as_ref().ok_or(StoreError::Malformed)?).map(Some),
            Err(error) if condition_failed(&error) => Ok(None),
            Err(error) => Err(store_error(&error)),
        }
    }
}

/// The second halves hold when the SDK repeats a write whose answer was lost; a repeat that comes late must not undo a claim.
const NEW_LINK: &str = "attribute_not_exists(id) OR (browser_binding = :binding AND attribute_not_exists(claimed_by))";
const NEW_JTI: &str = "attribute_not_exists(id) OR claimed_by = :me";

fn link_id(state: &StateHash) -> String {
    format!("link#{}", state.as_str())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn jti_item(jti: &UsedJti, me: &str) -> Item {
    Item::from([
        ("id".into(), text(&jti.id)),
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
        (
            "signed_in_by".into(),
            text(match pending.signed_in_by {
                SignedInBy::Session => "session",
                SignedInBy::Handoff => "handoff",
            }),
        ),
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
    if let Some(code_verifier) = &pending.code_verifier {
        item.insert("code_verifier".into(), text(code_verifier.expose()));
    }
    item
}

fn pending_of(item: &Item) -> Result<PendingLink, StoreError> {
    let optional = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let required = |name: &str| optional(name).ok_or(StoreError::Malformed);
    let entitlements = match item.get("entitlements") {
        Some(AttributeValue::L(list)) => {
            let names: Option<Vec<_>> = list.iter().map(|name| name.as_s().ok()).collect();
            Some(Entitlements::parse(names.ok_or(StoreError::Malformed)?).map_err(|_| StoreError::Malformed)?)
        }
        Some(_) => return Err(StoreError::Malformed),
        None => None,
    };
    let expires_at = item
        .get("expires_at")
        .and_then(|value| value.as_n().ok())
        .and_then(|seconds| seconds.parse().ok());
    Ok(PendingLink {
        partner_id: PartnerId::parse(required("partner_id")?).map_err(|_| StoreError::Malformed)?,
        partner_user_id: PartnerUserId::parse(required("partner_user_id")?).map_err(|_| StoreError::Malformed)?,
        entitlements,
        code_verifier: optional("code_verifier").map(CodeVerifier::new),
        signed_in_by: match required("signed_in_by")?.as_str() {
            "session" => SignedInBy::Session,
            "handoff" => SignedInBy::Handoff,
            _ => return Err(StoreError::Malformed),
        },
        browser_binding: required("browser_binding")?.clone(),
        expires_at: expires_at.ok_or(StoreError::Malformed)?,
    })
}

fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

fn store_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StoreError {
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
