//! `soa-link check-links`: schedules checks of links that Spotify has reported as missing. `sync` then asks Spotify, and a link that exists is `linked` again.

use std::io::Write;

use clap::Args;
use futures_util::TryStreamExt as _;
use serde_json::json;
use shared::{
    clock::Clock,
    partner::PartnerUserId,
    store::{StoreError, Subscriber, Subscribers},
};

use crate::{
    aws,
    error::CliError,
    roster::{RosterArgs, people},
};

/// Ask Spotify again about links that it reported as missing
///
/// Without --partner-user-id, all missing links of the partner are checked.
/// `sync` makes the checks within minutes, after all waiting changes.
/// Exits with 1 if no link is missing.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example: soa-link check-links --partner-id 0000000000000000000000"
)]
pub(crate) struct CheckLinksArgs {
    #[command(flatten)]
    roster_args: RosterArgs,
    /// Partner User ID of a subscriber. Repeatable.
    #[arg(long = "partner-user-id", value_parser = parse_partner_user_id)]
    partner_user_ids: Vec<PartnerUserId>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

fn parse_partner_user_id(id: &str) -> Result<PartnerUserId, String> {
    PartnerUserId::parse(id).map_err(|error| error.to_string())
}

/// Schedules the checks and prints their number.
///
/// # Errors
/// [`CliError`] if the table cannot be read or written. A retry is safe.
pub(crate) async fn run(args: &CheckLinksArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let dynamodb = aws::bulk_dynamodb(&aws::aws().await?);
    let subscribers = Subscribers::new(dynamodb, args.roster_args.subscribers_table.clone());
    let mut scheduled = 0_u64;
    if args.partner_user_ids.is_empty() {
        let mut pages = people(&subscribers, &args.roster_args);
        while let Some(page) = pages.try_next().await? {
            for subscriber in page {
                scheduled += u64::from(schedule(&subscribers, &subscriber).await?);
            }
        }
    }
    for partner_user_id in &args.partner_user_ids {
        let subscriber = subscribers.get(&args.roster_args.partner_id, partner_user_id).await;
        scheduled += u64::from(schedule(&subscribers, &subscriber.map_err(failed)?).await?);
    }
    if args.json {
        writeln!(out, "{}", json!({ "scheduled": scheduled }))?;
    } else {
        writeln!(
            out,
            "{scheduled} checks scheduled. The next sweep begins within a minute."
        )?;
    }
    Ok(scheduled > 0)
}

async fn schedule(subscribers: &Subscribers, subscriber: &Subscriber) -> Result<bool, CliError> {
    let scheduled = subscribers.schedule_check(subscriber, Clock::System.now()).await;
    scheduled.map_err(failed)
}

fn failed(error: StoreError) -> CliError {
    CliError::new(format!("the subscribers table: {error}"))
}
