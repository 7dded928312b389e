//! Owns podcast feeds as Spotify Open Access reads them: `soa-link feed check` looks whether one says what it is meant to, `soa-link feed tag` has it say so.

mod check;
mod document;
mod episode;
mod rules;
mod tag;

use std::io::Write;

use clap::{Args, Subcommand};

pub(crate) use self::episode::{Episode, episode};
use crate::error::CliError;

/// Checks and tags podcast feeds.
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

/// Does what was asked about a feed.
///
/// # Errors
/// [`CliError`] when it cannot be read.
pub(crate) fn run(args: &FeedArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    match &args.command {
        FeedCommand::Check(args) => check::run(args, out),
        FeedCommand::Tag(args) => tag::run(args, out),
    }
}
