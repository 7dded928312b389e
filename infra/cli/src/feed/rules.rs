//! The rules that a feed is checked by, and what was found by them.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many findings of one rule are shown.
pub(super) const MAX_SHOWN: usize = 20;

/// What can be found: the name of the rule, whether it is an error, what is wrong, and how to mend it.
pub(super) struct Rule {
    name: &'static str,
    is_error: bool,
    mend: &'static str,
}

macro_rules! rules {
    ($($rule:ident = $name:literal, $is_error:literal, $mend:literal;)*) => {
        $(pub(super) const $rule: Rule = Rule { name: $name, is_error: $is_error, mend: $mend };)*
    };
}

rules! {
    NOT_RSS = "not-rss", true, "Begin with <rss> and one <channel> in it.";
    DOCTYPE = "doctype", false, "Leave the document type declaration out: entities that it declares are not followed.";
    NAMESPACE = "namespace", true, "Declare xmlns:spotify=\"http://www.spotify.com/ns/rss\" on the root element, letter for letter.";
    PREFIX = "prefix", false, "Spotify documents the prefix `spotify`; another one is right by XML, and not worth the risk.";
    PARTNER_MISSING = "partner-missing", true, "Put <spotify:access><partner id=\"…\"/></spotify:access> into the channel, or nobody's subscription opens an episode.";
    PARTNER_ID = "partner-id", true, "Write the partner id that Spotify gave you.";
    PARTNER_ID_UNUSUAL = "partner-id-unusual", false, "Partner ids have 22 letters and digits as far as anybody has seen; look whether this one is whole.";
    PARTNER_OTHER = "partner-other", true, "Write the id of the partner whose show it is.";
    PARTNERS = "partners", true, "A show belongs to one partner, and has one block.";
    PREFIXED_CHILD = "prefixed-child", true, "Inside spotify:access write <partner>, <sandbox> and <entitlement> without a prefix.";
    UNKNOWN_CHILD = "unknown-child", true, "spotify:access has <partner id=\"…\"/> and <sandbox enabled=\"…\"/> in a channel, and <entitlement name=\"…\"/> in an item.";
    MISPLACED = "misplaced", true, "The partner and the sandbox belong into the channel, entitlements into items.";
    SANDBOX_ALONE = "sandbox-alone", true, "A sandbox has no effect without a partner.";
    SANDBOX = "sandbox", false, "The show is found by direct link alone; take the sandbox out to go live.";
    EMPTY_BLOCK = "empty-block", true, "Name the entitlements that open the episode, or take the block out if it is free.";
    ENTITLEMENT = "entitlement", true, "A name is 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', and starts with a letter or digit.";
    REPEATED = "repeated-entitlement", false, "Once is enough.";
    NOBODY_HOLDS = "nobody-holds", false, "Look whether the name is the one that your backend gives people; upper and lower case differ.";
    NOBODY_OPENS = "nobody-opens", true, "Name an entitlement that somebody holds.";
    SETS_DIFFER = "sets-differ", false, "An older version of Spotify's rules has all gated episodes of a show open with the same set; ask Spotify.";
    SETS_DIFFER_STRICT = "sets-differ", true, "Give all gated episodes of the show the same set.";
    COVER = "cover", true, "Spotify rejects a show without cover art: <itunes:image href=\"…\"/>.";
    AUTHOR = "author", true, "Spotify rejects a show without <itunes:author>.";
    DESCRIPTION = "description", true, "Spotify rejects a show without <description>.";
    TITLE = "title", true, "Give it a <title>.";
    NO_GUID = "guid", false, "Without a <guid> an episode that changes is taken for another one.";
    SAME_GUID = "same-guid", true, "Each episode has a guid of its own.";
    NO_ENCLOSURE = "enclosure", true, "Give the episode its <enclosure url=\"…\"/>.";
    INSECURE = "insecure-audio", false, "Paid audio at an http URL is read by everybody on the way; use https.";
    LEAK = "leak-in-notes", true, "Titles and notes of gated episodes are public on Spotify: take the link out.";
}

/// Something that was found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) rule: &'static str,
    pub(super) severity: &'static str,
    pub(super) line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) episode: Option<String>,
    pub(super) what: String,
    pub(super) mend: &'static str,
}

/// What is found, and how much of each.
#[derive(Default)]
pub(super) struct Found {
    pub(super) shown: Vec<Finding>,
    pub(super) counts: BTreeMap<&'static str, usize>,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

impl Found {
    pub(super) fn add(&mut self, rule: &Rule, line: u64, episode: Option<&str>, what: impl Into<String>) {
        let count = self.counts.entry(rule.name).or_default();
        *count += 1;
        if rule.is_error {
            self.errors += 1;
        } else {
            self.warnings += 1;
        }
        if *count <= MAX_SHOWN {
            self.shown.push(Finding {
                rule: rule.name,
                severity: if rule.is_error { "error" } else { "warning" },
                line,
                episode: episode.map(str::to_owned),
                what: what.into(),
                mend: rule.mend,
            });
        }
    }
}
