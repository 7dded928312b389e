//! One episode of a feed, and the entitlements that open it.

use std::collections::BTreeSet;

use super::document::{Access, Feed, SegmentKind, open};
use crate::error::CliError;

/// What an episode asks for: any one of these.
#[derive(Debug)]
pub(crate) struct Episode {
    pub(crate) title: String,
    pub(crate) entitlements: BTreeSet<String>,
}

/// The episode of a feed with this guid, or the one with this in its title.
///
/// # Errors
/// [`CliError`] when there is none, or several.
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
            "{} episodes have this in their title: name one by its guid",
            others + 1
        ))),
        Some(episode) => Ok(episode),
        None => Err(CliError::new(
            "the feed has no episode with this guid, or with this in its title",
        )),
    }
}
