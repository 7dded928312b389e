//! The rules of `soa-link feed check`, and the findings.

use std::collections::BTreeMap;

use serde::Serialize;

/// Upper bound of the findings that are shown per rule.
pub(super) const MAX_SHOWN: usize = 20;

/// A rule: its name, whether a violation is an error or a warning, and the fix.
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
    NOT_RSS = "not-rss", true, "Start the feed with <rss> and put one <channel> into it.";
    DOCTYPE = "doctype", false, "Remove the document type declaration; its entities are not resolved.";
    NAMESPACE = "namespace", true, "Declare xmlns:spotify=\"http://www.spotify.com/ns/rss\" on the root element, exactly like this.";
    PREFIX = "prefix", false, "Use the prefix `spotify`, as in Spotify's documentation. Another prefix is valid XML, but Spotify may not accept it.";
    PARTNER_MISSING = "partner-missing", true, "Put <spotify:access><partner id=\"…\"/></spotify:access> into the channel. Without it, no subscription unlocks an episode.";
    PARTNER_ID = "partner-id", true, "Use the partner id that Spotify gave you.";
    PARTNER_ID_UNUSUAL = "partner-id-unusual", false, "All known partner ids have 22 letters and digits. Check that this one is complete.";
    PARTNER_OTHER = "partner-other", true, "Use the id of the partner that owns the show.";
    PARTNERS = "partners", true, "Keep one spotify:access element with one partner in the channel.";
    PREFIXED_CHILD = "prefixed-child", true, "Inside spotify:access, write <partner>, <sandbox> and <entitlement> without a prefix.";
    UNKNOWN_CHILD = "unknown-child", true, "Inside spotify:access, use only <partner id=\"…\"/> and <sandbox enabled=\"…\"/> in the channel, and <entitlement name=\"…\"/> in an item.";
    MISPLACED = "misplaced", true, "Move partner and sandbox into the channel, and entitlements into items.";
    SANDBOX_ALONE = "sandbox-alone", true, "Add a partner; without one, the sandbox has no effect.";
    SANDBOX = "sandbox", false, "A show in the sandbox is only reachable by direct link. Remove the sandbox to go live.";
    EMPTY_BLOCK = "empty-block", true, "Add the entitlements that unlock the episode, or remove spotify:access if the episode is free.";
    ENTITLEMENT = "entitlement", true, "Use 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', starting with a letter or digit.";
    REPEATED = "repeated-entitlement", false, "Remove the duplicate.";
    NOBODY_HOLDS = "unheld-entitlement", false, "Check that your backend uses the same name; upper and lower case differ.";
    NOBODY_OPENS = "locked-for-all", true, "Add an entitlement that subscribers have.";
    SETS_DIFFER = "sets-differ", false, "Older rules of Spotify require the same entitlements for all gated episodes of a show. Ask Spotify whether this still applies.";
    SETS_DIFFER_STRICT = "sets-differ", true, "Give all gated episodes of the show the same entitlements.";
    COVER = "cover", true, "Add <itunes:image href=\"…\"/>; Spotify rejects a show without cover art.";
    AUTHOR = "author", true, "Add <itunes:author>; Spotify rejects a show without it.";
    DESCRIPTION = "description", true, "Add <description>; Spotify rejects a show without it.";
    TITLE = "title", true, "Add a <title>.";
    NO_GUID = "guid", false, "Add a <guid>. Without it, a changed episode counts as a new one.";
    SAME_GUID = "same-guid", true, "Give each episode its own guid.";
    NO_ENCLOSURE = "enclosure", true, "Add <enclosure url=\"…\"/> with the audio of the episode.";
    INSECURE = "insecure-audio", false, "Use https. Over http, paid audio can be read by others in the network.";
    LEAK = "leak-in-notes", true, "Remove the link. Titles and notes of gated episodes are public on Spotify.";
}

/// A violation of a rule.
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

/// All findings: the first ones per rule, and exact counts.
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
