//! Podcast feeds for Spotify Open Access: `soa-link feed check` finds mistakes in a feed, `soa-link feed tag` adds entitlements to its episodes.

mod access;
mod check;
mod dates;
mod declaration;
mod doctype;
mod document;
mod episode;
mod fault;
mod findings;
mod malformed;
mod namespaces;
mod private_links;
mod reading;
mod rules;
mod seasons;
mod source;
mod tag;
#[cfg(test)]
mod tests;
mod well_formed;
mod xml;

use std::io::Write;

use clap::{Args, Subcommand};

pub(crate) use self::episode::{Episode, episode};
use crate::error::CliError;

/// Check and tag podcast feeds.
#[derive(Args)]
#[command(after_help = "Example: soa-link feed check feed.xml")]
pub(crate) struct FeedArgs {
    #[command(subcommand)]
    command: FeedCommand,
}

#[derive(Subcommand)]
enum FeedCommand {
    Check(check::CheckArgs),
    Tag(tag::TagArgs),
}

/// Runs a `feed` command.
///
/// # Errors
/// [`CliError`] if a file cannot be read or written. A retry is safe.
pub(crate) fn run(args: &FeedArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    match &args.command {
        FeedCommand::Check(args) => check::run(args, out),
        FeedCommand::Tag(args) => tag::run(args, out),
    }
}
