//! Checks of one item: its `spotify:access` element, and links to paid audio in public notes.

use std::{collections::BTreeSet, hash::BuildHasher as _};

use shared::partner::Entitlement;
use url::Url;

use super::Check;
use crate::feed::{
    document::{Access, Item},
    rules::{
        EMPTY_BLOCK, ENTITLEMENT, INSECURE, LEAK, NO_ENCLOSURE, NO_GUID, NOBODY_HOLDS, NOBODY_OPENS, REPEATED,
        SAME_GUID, SETS_DIFFER, SETS_DIFFER_STRICT, TITLE,
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
        if !item.access.is_empty() {
            self.gated(item, title);
        }
    }

    fn gated(&mut self, item: &Item, title: Option<&str>) {
        self.gated += 1;
        for access in &item.access {
            self.block(access, title, &[("entitlement", "name")], &["partner", "sandbox"]);
        }
        self.entitlements(item, title);
        self.enclosures(item, title);
        self.public_notes(item, title);
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
            if !has_bad {
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
            if audio.starts_with("http://") {
                self.found
                    .add(&INSECURE, item.line, title, "paid audio has an http URL");
            }
        }
    }

    /// Reports links that reveal paid audio, and remembers the others: a later episode may have that audio.
    fn public_notes(&mut self, item: &Item, title: Option<&str>) {
        let mut harmless = Vec::new();
        let leaks = item.notes.iter().flat_map(|notes| {
            // HTML in XML text; ampersands may be escaped twice.
            let notes = notes
                .replace("&amp;", "&")
                .replace("&quot;", "\"")
                .replace("&#39;", "'");
            let mut leaks = Vec::new();
            for link in links(&notes) {
                let host = Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_owned));
                match (host, self.leaks(link)) {
                    (Some(host), Some(why)) => leaks.push((host, why)),
                    _ => harmless.push(self.hash.hash_one(link)),
                }
            }
            leaks
        });
        // A set, because the same notes often are in several elements.
        let leaks: BTreeSet<_> = leaks.collect();
        for (host, why) in leaks {
            self.found
                .add(&LEAK, item.line, title, format!("the notes link to {why} at {host}"));
        }
        for link in harmless.into_iter().take(MAX_LINKS.saturating_sub(self.linked.len())) {
            self.linked.insert(link, item.line);
        }
    }

    /// What a link in public notes reveals. Returns `None` if the link is harmless.
    fn leaks(&self, link: &str) -> Option<&'static str> {
        const AUDIO: [&str; 9] = [".mp3", ".m4a", ".m4b", ".aac", ".ogg", ".opus", ".wav", ".flac", ".mp4"];
        const CREDENTIALS: [&str; 17] = [
            "access_token",
            "api_key",
            "apikey",
            "auth",
            "authorization",
            "hdnea",
            "jwt",
            "key",
            "password",
            "policy",
            "secret",
            "sig",
            "sign",
            "signature",
            "token",
            "x-amz-signature",
            "x-goog-signature",
        ];
        if self.paid_audio.contains(&self.hash.hash_one(link)) {
            return Some("paid audio");
        }
        let url = Url::parse(link).ok()?;
        let path = url.path().to_lowercase();
        if AUDIO.iter().any(|ending| path.ends_with(ending)) {
            return Some("audio");
        }
        let mut names = url.query_pairs().map(|(name, _)| name.to_lowercase());
        names
            .any(|name| CREDENTIALS.contains(&name.as_str()))
            .then_some("a URL with a credential")
    }
}

/// The http and https links in plain text or HTML.
fn links(notes: &str) -> impl Iterator<Item = &str> {
    let starts = notes.match_indices("http").map(|(start, _)| start);
    starts.filter_map(|start| {
        let rest = notes.get(start..)?;
        let end = rest
            .find(|character: char| character.is_whitespace() || "\"'<>)".contains(character))
            .unwrap_or(rest.len());
        let link = rest.get(..end)?;
        (link.starts_with("http://") || link.starts_with("https://")).then_some(link)
    })
}
