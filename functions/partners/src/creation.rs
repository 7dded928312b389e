//! Creates partners at Spotify, each at most once: the creation is stored before the call, and its outcome after it.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    log,
    partner::PartnerId,
    store::{CreationStart, PartnerCreation, StoreError},
    telemetry::Code,
};

use crate::{
    CommandError, Partners,
    command::{CreatePartner, SettleCreation},
    parse_https, parse_name, partner_json,
};

/// Upper bound of the attempts to store the id that Spotify assigned. Besides the table, only the log has it.
const MAX_ATTEMPTS: u32 = 4;

impl Partners {
    /// Creates a partner at Spotify. Returns the stored partner if the same creation succeeded before.
    ///
    /// # Errors
    /// [`CommandError::Uncertain`] if it is unknown whether Spotify created the partner, or if its id could not be stored. [`CommandError::Conflict`] if the
    /// reference or the name is taken. A retry is always safe: it calls Spotify again only if Spotify certainly did not create the partner.
    pub(crate) async fn create(&self, ask: CreatePartner) -> Result<Value, CommandError> {
        let reference = parse_reference(&ask.reference)?;
        let name = parse_name(&ask.name)?;
        let own = self
            .config
            .public_url
            .join(&format!("/partners/{reference}/entrypoint"));
        let entrypoint_url = parse_https(ask.entrypoint_url.as_deref().unwrap_or(&own), "entrypoint_url")?;
        self.check_settings(&ask.settings)?;
        // Paths name partners by id or by reference, so a reference must not equal an id.
        let named = self.table.get(&reference).await?;
        if reference == self.config.partner_id || named.is_some_and(|named| named.partner_id == reference) {
            return Err(CommandError::Conflict("reference is the id of a partner".to_owned()));
        }
        let creation = PartnerCreation {
            reference,
            name,
            entrypoint_url: entrypoint_url.to_string(),
            settings: ask.settings,
            requested_at: self.clock.now(),
            partner_id: None,
        };
        match self.table.start_creation(&creation).await? {
            CreationStart::Started => {}
            CreationStart::Exists(before) => return self.created_before(&creation, &before).await,
            CreationStart::IsPartner => {
                return Err(CommandError::Conflict("reference is the id of a partner".to_owned()));
            }
            CreationStart::NameTaken => {
                return Err(CommandError::Conflict(
                    "another reference already uses this name".to_owned(),
                ));
            }
        }
        log!(info, Code::PartnerCreating);
        match self.spotify.create_partner(&creation.name, &entrypoint_url).await {
            Ok(partner_id) => {
                // Logged first, so that the id is not lost if the table cannot be written.
                log!(info, Code::PartnerCreated, partner_id = partner_id.as_str());
                self.finish(&creation, &partner_id).await
            }
            Err(error) if error.is_definite_failure() => {
                self.table.discard_creation(&creation).await?;
                Err(error.into())
            }
            Err(error) => {
                log!(error, Code::PartnerUncertain, reason = error.to_string());
                Err(uncertain())
            }
        }
    }

    async fn created_before(&self, asked: &PartnerCreation, before: &PartnerCreation) -> Result<Value, CommandError> {
        let same = (&asked.name, &asked.entrypoint_url) == (&before.name, &before.entrypoint_url);
        if !same {
            return Err(CommandError::Conflict(
                "reference is taken by a creation with another name or entrypoint_url".to_owned(),
            ));
        }
        self.stored(before.partner_id.as_ref().ok_or_else(uncertain)?).await
    }

    async fn stored(&self, partner_id: &PartnerId) -> Result<Value, CommandError> {
        let partner = self.table.get(partner_id).await?;
        Ok(partner_json(&partner.ok_or(CommandError::NotFound("partner"))?))
    }

    async fn finish(&self, creation: &PartnerCreation, partner_id: &PartnerId) -> Result<Value, CommandError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.table.complete_creation(creation, partner_id).await {
                Ok(partner) => return Ok(partner_json(&partner)),
                Err(StoreError::Unavailable) if tries < MAX_ATTEMPTS => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(StoreError::AlreadyUsed) => {
                    // The answer to an earlier write, which succeeded, may be lost.
                    let stored = self.table.creation(&creation.reference).await?;
                    return match stored.and_then(|stored| stored.partner_id) {
                        Some(stored) if stored == *partner_id => self.stored(partner_id).await,
                        _ => Err(CommandError::Conflict(format!(
                            "partner {partner_id} cannot be stored: this creation has ended, or the id is in use"
                        ))),
                    };
                }
                Err(error) => {
                    log!(
                        error,
                        Code::PartnerUncertain,
                        partner_id = partner_id.as_str(),
                        reason = error.to_string()
                    );
                    return Err(CommandError::Uncertain(format!(
                        "Spotify has created partner {partner_id}, but it could not be stored: run settle-creation with this partner_id"
                    )));
                }
            }
        }
    }

    /// Stores the outcome of a creation, which the operator has found out at Spotify.
    pub(crate) async fn settle(&self, ask: SettleCreation) -> Result<Value, CommandError> {
        let reference = parse_reference(&ask.reference)?;
        let creation = self
            .table
            .creation(&reference)
            .await?
            .ok_or(CommandError::NotFound("creation"))?;
        match (ask.partner_id, ask.not_created) {
            (Some(partner_id), false) => self.finish(&creation, &PartnerId::parse(&partner_id)?).await,
            (None, true) => match self.table.discard_creation(&creation).await {
                Err(StoreError::AlreadyUsed) => Err(CommandError::Conflict("this creation has ended".to_owned())),
                forgotten => Ok(forgotten.map(|()| json!({}))?),
            },
            _ => Err(CommandError::Invalid(
                "exactly one of partner_id and not_created is required".to_owned(),
            )),
        }
    }
}

fn uncertain() -> CommandError {
    CommandError::Uncertain(
        "it is unknown whether Spotify has created this partner: ask Spotify, then run settle-creation with its partner_id or with not_created".to_owned(),
    )
}

fn parse_reference(reference: &str) -> Result<PartnerId, CommandError> {
    PartnerId::parse(reference)
        .map_err(|_| CommandError::Invalid("reference must be 1 to 64 characters of 0-9, A-Z, a-z".to_owned()))
}
