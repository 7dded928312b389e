//! Single-use tokens: their `jti`s are stored in the pending-links table until the tokens have expired.

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};

use super::{
    PendingLink, PendingLinks, StoreError,
    error::{condition_failed, store_error},
    item::{Item, ItemExt as _, number, text},
    pending_links::{GC_GRACE_SECS, NEW_LINK, item_of},
};
use crate::{
    jws::{JwtId, RequestId},
    oauth::state::StateHash,
};

/// Condition of the `jti` of a new request.
const NEW_REQUEST: &str = "attribute_not_exists(id)";
/// A condition that no item meets.
const NEVER: &str = "attribute_exists(id) AND attribute_not_exists(id)";
/// Condition of the `jti` of a new hand-off token. The second half holds if the SDK repeats a write whose response was lost.
const NEW_JTI: &str = "attribute_not_exists(id) OR consumed_by = :me";

impl PendingLinks {
    /// Stores the pending link of `state` and the `jti` of the hand-off token that it was made from, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] if the token was used before; otherwise another [`StoreError`]. After [`StoreError::Unavailable`] a retry with the same
    /// arguments is safe.
    pub async fn put_with_jwt_id(
        &self,
        state: &StateHash,
        pending: &PendingLink,
        jti: &JwtId,
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
            if error.as_service_error().is_some_and(is_used) {
                StoreError::AlreadyUsed
            } else {
                store_error(&error)
            }
        })
    }

    /// Records the use of a hand-off token. `owner` names this invocation, so that the SDK's repetition of a write is not taken for a second use.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] if the token was used before; otherwise another [`StoreError`]. After [`StoreError::Unavailable`] a retry with the same
    /// `owner` is safe.
    pub async fn record_use(&self, jti: &JwtId, owner: &str) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(jti_item(jti, owner)))
            .condition_expression(NEW_JTI)
            .expression_attribute_values(":me", text(owner));
        put.send().await.map(drop).map_err(|error| {
            if condition_failed(&error) {
                StoreError::AlreadyUsed
            } else {
                store_error(&error)
            }
        })
    }
}

/// Whether a signed request was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestUse {
    /// It is the first time.
    First,
    /// The same bytes were received before. If `done`, the request has had its effect.
    Repeated {
        /// Whether [`PendingLinks::record_done`] was called.
        done: bool,
    },
}

/// The request that has used a `jti`.
pub(super) struct UsedBy {
    token_hash: Option<String>,
    done: bool,
}

impl UsedBy {
    /// Reads the stored item of a `jti`.
    pub(super) fn of(item: Option<&Item>) -> Self {
        Self {
            token_hash: item.and_then(|item| item.text("token_hash")).map(str::to_owned),
            done: item.is_some_and(|item| item.contains_key("done")),
        }
    }

    /// [`StoreError::AlreadyUsed`] unless it was the same request, byte by byte.
    pub(super) fn require_same(&self, request: &RequestId) -> Result<(), StoreError> {
        if self.token_hash.as_ref() == Some(&request.token_hash) {
            Ok(())
        } else {
            Err(StoreError::AlreadyUsed)
        }
    }
}

impl PendingLinks {
    /// Records that a signed request was received. A repetition of the same bytes is not an error.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] if another request with this `jti` was received before; otherwise another [`StoreError`]. After
    /// [`StoreError::Unavailable`] a retry is safe.
    pub async fn record_request(&self, request: &RequestId) -> Result<RequestUse, StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(request_item(request)))
            .condition_expression(NEW_REQUEST)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else {
            return Ok(RequestUse::First);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(store_error(&error));
        };
        let used_by = UsedBy::of(failed.item.as_ref());
        used_by.require_same(request)?;
        Ok(RequestUse::Repeated { done: used_by.done })
    }

    /// Records that a signed request has had its effect, so that a repetition has none.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn record_done(&self, request: &RequestId) -> Result<(), StoreError> {
        let mut item = request_item(request);
        item.insert("done".to_owned(), AttributeValue::Bool(true));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Reads which request has used the `jti` of `request`, if any has. The read is a write that never happens, because the roles of the functions may put
    /// items of this table, but not read them.
    pub(super) async fn used_by(&self, request: &RequestId) -> Result<Option<UsedBy>, StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(request_item(request)))
            .condition_expression(NEVER)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Err(StoreError::Malformed),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(failed.item.as_ref().map(|item| UsedBy::of(Some(item))))
                }
                _ => Err(store_error(&error)),
            },
        }
    }

    /// Stores the use of a request as part of a transaction, unless its `jti` was used before.
    pub(super) fn first_use(&self, request: &RequestId) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(request_item(request)))
            .condition_expression(NEW_REQUEST)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| StoreError::Malformed)
    }
}

/// Whether a transaction was cancelled because of the `jti`, which is its first item.
fn is_used(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return false;
    };
    let reason = cancelled
        .cancellation_reasons()
        .first()
        .and_then(|reason| reason.code());
    // A conflict means that the same token is being used by another request.
    matches!(reason, Some("ConditionalCheckFailed" | "TransactionConflict"))
}

fn jti_item(jti: &JwtId, owner: &str) -> Item {
    item(jti, "consumed_by", owner)
}

fn request_item(request: &RequestId) -> Item {
    item(&request.jti, "token_hash", &request.token_hash)
}

/// The item of a `jti`, with the attribute `name` that tells who used it.
fn item(jti: &JwtId, name: &str, used_by: &str) -> Item {
    Item::from([
        ("id".into(), text(jti.as_str())),
        (name.into(), text(used_by)),
        ("expires_at".into(), number(jti.expires_at)),
        ("delete_at".into(), number(jti.expires_at.saturating_add(GC_GRACE_SECS))),
    ])
}
