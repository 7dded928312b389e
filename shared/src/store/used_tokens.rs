//! Single-use tokens: their `jti`s are stored in the pending-links table until the tokens have expired.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};

use super::{
    PendingLink, PendingLinks, StoreError,
    error::{condition_failed, store_error},
    item::{Item, number, text},
    pending_links::{GC_GRACE_SECS, NEW_LINK, item_of},
};
use crate::{jws::JwtId, oauth::state::StateHash};

/// Condition of a new `jti`. The second half holds if the SDK repeats a write whose response was lost.
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

    /// Records the use of a token. `owner` names this invocation, so that the SDK's repetition of a write is not taken for a second use.
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
    Item::from([
        ("id".into(), text(jti.as_str())),
        ("consumed_by".into(), text(owner)),
        ("expires_at".into(), number(jti.expires_at)),
        ("delete_at".into(), number(jti.expires_at.saturating_add(GC_GRACE_SECS))),
    ])
}
