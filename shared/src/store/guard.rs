//! The guard against taking rights away from many at once by mistake: an empty roster, a wrong file, a backend gone mad. One item of the subscribers table for each
//! partner names the people who lost rights within an hour; beyond the limit nobody else does, until an operator releases them. Grants are never held.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    StoreError,
    dynamodb::{Item, number, store_error, text},
    subscribers::integer,
};
use crate::partner::{PartnerId, PartnerUserId};

/// Over how long removals are counted, in seconds.
const WINDOW: i64 = 3600;
/// How often it is counted anew when others begin the hour at the same moment.
const TRIES: usize = 4;

/// The guard of all partners.
#[derive(Clone, Debug)]
pub struct Guard {
    client: Client,
    table: String,
    /// From how many people rights may be taken away within an hour.
    people: i64,
}

/// Whether rights may be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// They may.
    Allowed,
    /// Not before an operator says so.
    Held {
        /// Whether it is this one that raised the alarm.
        just_now: bool,
    },
}

impl Guard {
    /// Removals from at most `people` people an hour, for each partner.
    #[must_use]
    pub fn new(client: Client, table: String, people: i64) -> Self {
        Self { client, table, people }
    }

    /// Asks whether somebody may lose rights, and counts them if so: once, however often Spotify has to be told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn removal(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        now: i64,
    ) -> Result<Removal, StoreError> {
        let ago = now.saturating_sub(WINDOW);
        let people = AttributeValue::Ss(vec![partner_user_id.expose().to_owned()]);
        for _ in 0..TRIES {
            let counted = self
                .update(partner_id)
                .update_expression("ADD people :people")
                .condition_expression(
                    "attribute_not_exists(held_since) AND window_start > :ago AND (contains(people, :person) OR size(people) < :most)",
                )
                .expression_attribute_values(":people", people.clone())
                .expression_attribute_values(":person", text(partner_user_id.expose()))
                .expression_attribute_values(":ago", number(ago))
                .expression_attribute_values(":most", number(self.people));
            let Written::Refused(guard) = written(counted).await? else {
                return Ok(Removal::Allowed);
            };
            if integer(&guard, "released_until")?.is_some_and(|until| until > now) {
                return Ok(Removal::Allowed);
            }
            let counting = integer(&guard, "window_start")?.is_some_and(|start| start > ago);
            if guard.contains_key("held_since") || counting || self.people == 0 {
                return self.hold(partner_id, now).await;
            }
            let begun = self
                .update(partner_id)
                .update_expression("SET window_start = :now, people = :people")
                .condition_expression(
                    "attribute_not_exists(held_since) AND (attribute_not_exists(window_start) OR window_start <= :ago)",
                )
                .expression_attribute_values(":people", people.clone())
                .expression_attribute_values(":now", number(now))
                .expression_attribute_values(":ago", number(ago));
            // Refused when another worker has begun the hour meanwhile: then this person is counted in it.
            if matches!(written(begun).await?, Written::Done) {
                return Ok(Removal::Allowed);
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Holds what comes, until it is released.
    async fn hold(&self, partner_id: &PartnerId, now: i64) -> Result<Removal, StoreError> {
        let held = self
            .update(partner_id)
            .update_expression("SET held_since = :now")
            .condition_expression("attribute_not_exists(held_since)")
            .expression_attribute_values(":now", number(now));
        Ok(Removal::Held {
            just_now: matches!(written(held).await?, Written::Done),
        })
    }

    /// Lets removals pass until `until`, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release(&self, partner_id: &PartnerId, until: i64) -> Result<(), StoreError> {
        let released = self
            .update(partner_id)
            .update_expression("SET released_until = :until REMOVE held_since, window_start, people")
            .expression_attribute_values(":until", number(until));
        written(released).await.map(drop)
    }

    fn update(&self, partner_id: &PartnerId) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("id", text(&format!("guard#{partner_id}")))
    }
}

/// What became of a conditional write.
enum Written {
    Done,
    /// The condition did not hold, of this item.
    Refused(Item),
}

async fn written(update: UpdateItemFluentBuilder) -> Result<Written, StoreError> {
    let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match update.send().await {
        Ok(_) => Ok(Written::Done),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Written::Refused(refused.item.clone().unwrap_or_default()))
            }
            _ => Err(store_error(&error)),
        },
    }
}
