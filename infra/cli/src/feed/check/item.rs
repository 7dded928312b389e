//! Checks of one item: its `spotify:access` element, and links to paid audio in public notes.

use std::{collections::BTreeSet, hash::BuildHasher as _};

use shared::partner::Entitlement;
use url::Url;

use super::Check;
use crate::feed::{
    access::Access,
    document::Item,
    private_links::{Leak, links, reveals},
    reading::Reading,
    rules::{
        DATE_MISSING, DATE_UNREADABLE, EMPTY_BLOCK, ENTITLEMENT, INSECURE, LEAK, NO_ENCLOSURE, NO_GUID, NOBODY_HOLDS,
        NOBODY_OPENS, REPEATED, SAME_GUID, SEASON_UNREADABLE, SETS_DIFFER, SETS_DIFFER_STRICT, TITLE,
    },
};

/// Upper bound of the remembered links of public notes.
const MAX_LINKS: usize = 50_000;

impl Check<'_> {
    pub(super) fn item(&mut self, item: &Item) {
        self.items += 1;
        let title = item.title.as_deref().filter(|title| !title.is_empty());
        let line = item.line;
        if title.is_none() {
            self.found.add(&TITLE, line, None, "an episode has no title");
        }
        match item.guid.as_deref().filter(|guid| !guid.is_empty()) {
            None => self.found.add(&NO_GUID, line, title, "the episode has no guid"),
            Some(guid) => {
                if !self.guids.insert(self.hash.hash_one(guid)) {
                    self.found
                        .add(&SAME_GUID, line, title, "another episode has the same guid");
                }
            }
        }
        if item.enclosures.is_empty() {
            self.found.add(&NO_ENCLOSURE, line, title, "the episode has no audio");
        }
        match item.published() {
            Reading::Read(_) => {}
            Reading::Missing => self.found.add(&DATE_MISSING, line, title, "the episode has no date"),
            Reading::Unreadable => {
                self.found
                    .add(&DATE_UNREADABLE, line, title, "the date of the episode cannot be read");
            }
        }
        if item.season() == Reading::Unreadable {
            let what = "the season of the episode cannot be read";
            self.found.add(&SEASON_UNREADABLE, line, title, what);
        }
        if !item.access.is_empty() {
            self.gated(item, title);
        }
        self.public_notes(item, title);
    }

    fn gated(&mut self, item: &Item, title: Option<&str>) {
        self.gated += 1;
        for access in &item.access {
            self.block(access, title, &[("entitlement", "name")], &["partner", "sandbox"]);
        }
        self.entitlements(item, title);
        self.enclosures(item, title);
    }

    fn entitlements(&mut self, item: &Item, title: Option<&str>) {
        let line = item.access.first().map_or(item.line, |access| access.element.line);
        let (mut set, mut has_bad) = (BTreeSet::new(), false);
        for name in item.access.iter().flat_map(Access::entitlements) {
            if Entitlement::parse(name).is_err() {
                has_bad = true;
                self.found.add(&ENTITLEMENT, line, title, "an entitlement is malformed");
            } else if !set.insert(name.to_owned()) {
                self.found.add(&REPEATED, line, title, format!("{name} is repeated"));
            }
        }
        if set.is_empty() {
            // Entitlements in a wrong namespace were reported.
            let is_meant = item
                .access
                .iter()
                .any(|access| access.meant_entitlements().next().is_some());
            if !has_bad && !is_meant {
                self.found
                    .add(&EMPTY_BLOCK, line, title, "the episode is gated but has no entitlement");
            }
        } else {
            if let Some(known) = &self.known_entitlements {
                let unheld: Vec<_> = set.difference(known).cloned().collect();
                let all_unheld = unheld.len() == set.len();
                for name in unheld {
                    if self.unheld.insert(name.clone()) {
                        self.found
                            .add(&NOBODY_HOLDS, line, title, format!("no subscriber has {name}"));
                    }
                }
                if all_unheld {
                    self.found
                        .add(&NOBODY_OPENS, line, title, "no subscriber can unlock the episode");
                }
            }
            if !self.sets.contains(&set) && !self.sets.is_empty() && !self.sets_differ {
                self.sets_differ = true;
                let rule = if self.strict { &SETS_DIFFER_STRICT } else { &SETS_DIFFER };
                self.found.add(
                    rule,
                    line,
                    title,
                    "the episode has other entitlements than those before it",
                );
            }
            self.sets.insert(set);
        }
    }

    fn enclosures(&mut self, item: &Item, title: Option<&str>) {
        for audio in &item.enclosures {
            let audio_hash = self.hash.hash_one(audio);
            self.paid_audio.insert(audio_hash);
            if let Some(line) = self.linked.remove(&audio_hash) {
                self.found
                    .add(&LEAK, line, None, "the notes link to paid audio of another episode");
            }
            // The parser ignores white space and case.
            let is_secure = Url::parse(audio).is_ok_and(|url| url.scheme() == "https");
            if !is_secure {
                self.found
                    .add(&INSECURE, item.line, title, "paid audio has no https URL");
            }
        }
    }

    /// Reports links that reveal paid audio, and remembers the others: a later episode may have that audio.
    fn public_notes(&mut self, item: &Item, title: Option<&str>) {
        let (leaks, harmless) = self.leaks_in(&item.notes, !item.access.is_empty());
        for Leak { host, what } in leaks {
            self.found
                .add(&LEAK, item.line, title, format!("the notes link to {what} at {host}"));
        }
        for link in harmless.into_iter().take(MAX_LINKS.saturating_sub(self.linked.len())) {
            self.linked.insert(link, item.line);
        }
    }

    /// The links in public texts that reveal paid audio, and the hashes of the others. Texts about free episodes can have audio of their own.
    pub(super) fn leaks_in(&self, notes: &[String], is_gated: bool) -> (BTreeSet<Leak>, Vec<u64>) {
        // A set, because the same notes often are in several elements.
        let (mut leaks, mut harmless) = (BTreeSet::new(), Vec::new());
        for link in notes.iter().flat_map(|notes| links(notes)) {
            let hash = self.hash.hash_one(&link);
            let is_paid = self.paid_audio.contains(&hash);
            let leak = reveals(&link).filter(|leak| is_gated || leak.is_personal());
            match leak.or_else(|| is_paid.then(|| Leak::paid_audio(&link))) {
                Some(leak) => {
                    leaks.insert(leak);
                }
                None => harmless.push(hash),
            }
        }
        (leaks, harmless)
    }
}
