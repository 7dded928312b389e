//! The feed that a run replaces. Its gates are compared, because the source of a feed often has none: without them, a gate could get lost unnoticed.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use super::summary::{gate_of, show_of};
use crate::error::CliError;
use crate::feed::{
    document::{Feed, Item, SegmentKind},
    fault::FeedError,
    source::open_file,
};

/// Gates and show of the published feed.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Gates by guid and by URL of the audio.
    gates: HashMap<String, BTreeSet<String>>,
    /// Partner and sandbox, if the show is tagged.
    pub(super) show: Option<String>,
}

impl Published {
    /// Reads the feed at `path`, which is empty if there is no such file. Returns `None` if the file is not a feed.
    ///
    /// # Errors
    /// [`CliError`] if the file cannot be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, CliError> {
        if !fs::metadata(path).is_ok_and(|file| file.is_file()) {
            return Ok(Some(Self::default()));
        }
        let mut published = Self::default();
        match published.add(path) {
            Ok(()) => Ok(Some(published)),
            Err(FeedError::Fault(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), FeedError> {
        let mut feed = Feed::new(open_file(path)?)?;
        while let Some(segment) = feed.next()? {
            match segment.part {
                SegmentKind::Access(access) => self.show = Some(show_of(&access)),
                SegmentKind::Item(item) => {
                    let Some(gate) = gate_of(&item) else { continue };
                    for key in keys(&item) {
                        self.gates.entry(key.to_owned()).or_insert_with(|| gate.clone());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The gate of the episode with the same guid, or else with the same audio. Returns `None` if it is free or unknown.
    pub(super) fn gate(&self, item: &Item) -> Option<&BTreeSet<String>> {
        keys(item).find_map(|key| self.gates.get(key))
    }
}

fn keys(item: &Item) -> impl Iterator<Item = &str> {
    let guid = item.guid.as_deref().filter(|guid| !guid.is_empty());
    guid.into_iter().chain(item.enclosures.iter().map(String::as_str))
}
