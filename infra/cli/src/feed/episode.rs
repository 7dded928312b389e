//! Finds one episode of a feed and its entitlements.

use std::collections::BTreeSet;

use super::document::{Access, Feed, SegmentKind, open};
use crate::error::CliError;

/// An episode. Any one of its entitlements unlocks it; without entitlements it is free.
#[derive(Debug)]
pub(crate) struct Episode {
    pub(crate) title: String,
    pub(crate) entitlements: BTreeSet<String>,
}

/// Finds the episode with the guid `named`, or else the only one with `named` in its title.
///
/// # Errors
/// [`CliError`] if the feed cannot be read, or no episode or several match.
pub(crate) fn episode(feed: &str, named: &str) -> Result<Episode, CliError> {
    let mut feed = Feed::new(open(feed)?);
    let wanted = named.to_lowercase();
    let mut found: Option<Episode> = None;
    let mut others = 0;
    while let Some(piece) = feed.next()? {
        let SegmentKind::Item(item) = piece.part else { continue };
        let title = item.title.clone().unwrap_or_default();
        let is_it = item.guid.as_deref() == Some(named);
        if !is_it && !title.to_lowercase().contains(&wanted) {
            continue;
        }
        let entitlements = item
            .access
            .iter()
            .flat_map(Access::entitlements)
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
        Some(_) if others > 0 => Err(CliError::new(format!(
            "{} episodes match by title; select one by its guid",
            others + 1
        ))),
        Some(episode) => Ok(episode),
        None => Err(CliError::new("no episode of the feed has this guid or title")),
    }
}
