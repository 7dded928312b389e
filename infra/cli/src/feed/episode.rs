//! Finds one episode of a feed and its entitlements.

use std::collections::BTreeSet;

use super::{
    access::Access,
    document::{Feed, SegmentKind},
    source::open,
};
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
/// [`CliError`] if the feed cannot be read or is malformed, a name is in a wrong namespace, or no episode or several match.
pub(crate) fn episode(feed: &str, named: &str) -> Result<Episode, CliError> {
    let mut feed = Feed::new(open(feed)?)?;
    let wanted = named.to_lowercase();
    let mut found: Option<Episode> = None;
    let mut by_guid = None;
    let mut others = 0;
    // To the end: what is malformed further below can change what the part above means to other parsers.
    while let Some(segment) = feed.next_valid()? {
        let SegmentKind::Item(item) = segment.part else {
            continue;
        };
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
            by_guid.get_or_insert(episode);
            continue;
        }
        others += usize::from(found.is_some());
        found.get_or_insert(episode);
    }
    match (by_guid, found) {
        (None, Some(_)) if others > 0 => Err(CliError::new(format!(
            "{} episodes match by title; select one by its guid",
            others + 1
        ))),
        (Some(episode), _) | (None, Some(episode)) => Ok(episode),
        (None, None) => Err(CliError::new("no episode of the feed has this guid or title")),
    }
}
