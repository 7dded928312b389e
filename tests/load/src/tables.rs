//! What the tables hold.

use bench::Failed;
use sandbox::deployment::{PENDING_LINKS_TABLE, SUBSCRIBERS_TABLE};
use shared::{
    aws::AwsConfig,
    config::Environment,
    http_client::HttpClient,
    partner::PartnerId,
    store::{Subscriber, Subscribers},
};

/// The tables of the functions.
pub(crate) struct Tables {
    environment: Environment,
    partner_id: PartnerId,
}

/// Counts of the pending-links table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingLinks {
    pub(crate) stored: u64,
    pub(crate) consumed: u64,
    pub(crate) consents_refused: u64,
    pub(crate) sessions_changed: u64,
    pub(crate) other_failures: u64,
    /// Signed requests that were used.
    pub(crate) used_tokens: u64,
}

impl Tables {
    pub(crate) fn new(environment: Environment, partner_id: &str) -> Result<Self, Failed> {
        let partner_id = PartnerId::parse(partner_id)?;
        Ok(Self {
            environment,
            partner_id,
        })
    }

    fn aws(&self) -> Result<AwsConfig, Failed> {
        Ok(AwsConfig::from_env(&self.environment).ok_or("no AWS variables")?)
    }

    /// Reads all subscribers.
    pub(crate) async fn subscribers(&self) -> Result<Vec<Subscriber>, Failed> {
        let table = Subscribers::new(self.aws()?.dynamodb(&HttpClient::new()?), SUBSCRIBERS_TABLE.to_owned());
        let (mut subscribers, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = table.scan_partner(&self.partner_id, (0, 1), after.as_ref()).await?;
            subscribers.extend(page);
            if next.is_none() {
                return Ok(subscribers);
            }
            after = next;
        }
    }

    /// Counts the items of the pending-links table.
    pub(crate) async fn pending_links(&self) -> Result<PendingLinks, Failed> {
        let dynamodb = self.aws()?.dynamodb(&HttpClient::new()?);
        let mut counts = PendingLinks::default();
        let scan = dynamodb.scan().table_name(PENDING_LINKS_TABLE).into_paginator();
        let mut pages = scan.items().send();
        while let Some(item) = pages.next().await {
            let item = item?;
            if item.contains_key("token_hash") {
                counts.used_tokens += 1;
                continue;
            }
            counts.stored += 1;
            counts.consumed += u64::from(item.contains_key("consumed_by"));
            let failure = item.get("failure").and_then(|failure| failure.as_s().ok());
            match failure.map(String::as_str) {
                None => {}
                Some("CONSENT_REFUSED") => counts.consents_refused += 1,
                Some("SESSION_CHANGED") => counts.sessions_changed += 1,
                Some(_) => counts.other_failures += 1,
            }
        }
        Ok(counts)
    }
}
