//! Arguments of both import and export: the partner, the table and the file format.

use std::path::Path;

use clap::{Args, ValueEnum};
use shared::partner::PartnerId;

/// Arguments that select a partner's subscribers.
#[derive(Args)]
pub(crate) struct RosterArgs {
    /// Partner id.
    #[arg(long, env = "PARTNER_ID", value_parser = parse_partner_id)]
    pub(crate) partner_id: PartnerId,
    /// Subscribers table: stack output SubscribersTableName.
    #[arg(long, env = "SUBSCRIBERS_TABLE")]
    pub(crate) subscribers_table: String,
}

fn parse_partner_id(id: &str) -> Result<PartnerId, String> {
    PartnerId::parse(id).map_err(|error| error.to_string())
}

/// Format of a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON object per line.
    Jsonl,
}

impl Format {
    /// The given format, or else the one of the file's extension, or else CSV.
    pub(super) fn of(said: Option<Self>, file: Option<&Path>) -> Self {
        let extension = file
            .and_then(|file| file.extension())
            .and_then(|extension| extension.to_str());
        said.unwrap_or(match extension {
            Some("jsonl" | "ndjson" | "json") => Self::Jsonl,
            _ => Self::Csv,
        })
    }
}
