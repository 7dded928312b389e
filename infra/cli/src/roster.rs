//! A partner's people, in and out: `soa-link import` has the table want what a roster says, `soa-link export` says what is in the table.

mod census;
mod export;
mod import;
mod rows;

use clap::{Args, ValueEnum};
use shared::partner::PartnerId;

pub(crate) use self::{
    export::{ExportArgs, run as export},
    import::{ImportArgs, run as import},
};

/// Whose people, and where they are.
#[derive(Args)]
struct Whose {
    /// The partner.
    #[arg(long, env = "PARTNER_ID", value_parser = parse_partner_id)]
    partner_id: PartnerId,
    /// The stack's output SubscribersTableName.
    #[arg(long, env = "SUBSCRIBERS_TABLE")]
    subscribers_table: String,
}

fn parse_partner_id(id: &str) -> Result<PartnerId, String> {
    PartnerId::parse(id).map_err(|error| error.to_string())
}

/// How a file of people is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// A JSON object a line.
    Jsonl,
}

impl Format {
    /// As it was said, else by the file's name.
    fn of(said: Option<Self>, file: Option<&std::path::Path>) -> Self {
        let extension = file
            .and_then(|file| file.extension())
            .and_then(|extension| extension.to_str());
        said.unwrap_or(match extension {
            Some("jsonl" | "ndjson" | "json") => Self::Jsonl,
            _ => Self::Csv,
        })
    }
}
