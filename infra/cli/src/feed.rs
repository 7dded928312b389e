//! Owns podcast feeds as Spotify Open Access reads them: `soa-link feed check` looks whether one says what it is meant to, `soa-link feed tag` has it say so.

mod check;
mod document;
mod tag;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
};

use clap::{Args, Subcommand};

use self::document::{Feed, Part};
use crate::{Failed, explain::Episode};

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
/// [`Failed`] when it cannot be read.
pub(crate) fn run(args: &FeedArgs, out: &mut dyn Write) -> Result<bool, Failed> {
    match &args.command {
        FeedCommand::Check(args) => check::run(args, out),
        FeedCommand::Tag(args) => tag::run(args, out),
    }
}

/// Opens a feed; `-` is standard input.
fn open(feed: &str) -> Result<Box<dyn BufRead>, Failed> {
    if feed == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file =
        File::open(PathBuf::from(feed)).map_err(|error| Failed::new(format!("{feed} cannot be read: {error}")))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

/// The episode of a feed with this guid, or the one with this in its title.
///
/// # Errors
/// [`Failed`] when there is none, or several.
pub(crate) fn episode(feed: &str, named: &str) -> Result<Episode, Failed> {
    let mut feed = Feed::new(open(feed)?);
    let wanted = named.to_lowercase();
    let mut found: Option<Episode> = None;
    let mut others = 0;
    while let Some(piece) = feed.next()? {
        let Part::Item(item) = piece.part else { continue };
        let title = item.title.clone().unwrap_or_default();
        let is_it = item.guid.as_deref() == Some(named);
        if !is_it && !title.to_lowercase().contains(&wanted) {
            continue;
        }
        let entitlements = item
            .access
            .iter()
            .flat_map(document::Access::entitlements)
            .map(str::to_owned)
            .collect();
        let episode = Episode { title, entitlements };
        if is_it {
            return Ok(episode);
        }
        others += usize::from(found.is_some());
        found.get_or_insert(episode);
    }
    match found {
        Some(_) if others > 0 => Err(Failed::new(format!(
            "{} episodes have this in their title: name one by its guid",
            others + 1
        ))),
        Some(episode) => Ok(episode),
        None => Err(Failed::new(
            "the feed has no episode with this guid, or with this in its title",
        )),
    }
}
