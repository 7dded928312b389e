//! Arguments that import and export share: the partner, its table, and the format of the file.

use std::path::Path;

use clap::{Args, ValueEnum};
use shared::partner::PartnerId;

/// Whose people, and where they are.
#[derive(Args)]
pub(super) struct RosterArgs {
    /// The partner.
    #[arg(long, env = "PARTNER_ID", value_parser = parse_partner_id)]
    pub(super) partner_id: PartnerId,
    /// The stack's output SubscribersTableName.
    #[arg(long, env = "SUBSCRIBERS_TABLE")]
    pub(super) subscribers_table: String,
}

fn parse_partner_id(id: &str) -> Result<PartnerId, String> {
    PartnerId::parse(id).map_err(|error| error.to_string())
}

/// How a file of people is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// A JSON object a line.
    Jsonl,
}

impl Format {
    /// As it was said, else by the file's name.
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
