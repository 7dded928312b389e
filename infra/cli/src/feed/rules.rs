//! The rules for a feed, with their fixes.

/// A rule: its name, whether a violation is an error or a warning, and the fix.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) is_error: bool,
    /// The usual fix.
    pub(super) mend: &'static str,
}

impl Rule {
    pub(super) fn severity(&self) -> &'static str {
        if self.is_error { "error" } else { "warning" }
    }
}

macro_rules! rules {
    ($($rule:ident = $name:literal, $is_error:literal, $mend:literal;)*) => {
        $(pub(super) const $rule: Rule = Rule { name: $name, is_error: $is_error, mend: $mend };)*
        #[cfg(test)]
        const ALL: &[Rule] = &[$($rule),*];
    };
}

rules! {
    NOT_WELL_FORMED = "not-well-formed", true, "Correct the XML. Parsers refuse the feed, and directories stop updating the show.";
    ENCODING = "encoding", true, "Save the feed as UTF-8, and declare encoding=\"UTF-8\".";
    LIMIT = "limit", true, "Split what is too large, or remove what is nested too deep.";
    NOT_RSS = "not-rss", true, "Start the feed with <rss> and put one <channel> into it.";
    DOCTYPE = "doctype", false, "Remove the document type declaration: many parsers reject it. Write characters instead of entities.";
    DOCTYPE_UNSUPPORTED = "doctype", true, "Remove the document type declaration, and write characters instead of its entities.";
    NAMESPACE = "namespace", true, "Declare xmlns:spotify=\"http://www.spotify.com/ns/rss\" on the root element, exactly like this, and no other spelling anywhere.";
    RSS_NAMESPACE = "rss-namespace", false, "Remove xmlns=\"…\" from <rss>: the elements of RSS have no namespace.";
    PREFIX = "prefix", false, "Use the prefix `spotify`, as in Spotify's documentation. Another prefix is valid XML, but Spotify may not accept it.";
    PARTNER_MISSING = "partner-missing", true, "Put <spotify:access><partner id=\"…\"/></spotify:access> into the channel. Without it, no subscription unlocks an episode.";
    PARTNER_ID = "partner-id", true, "Use the partner id that Spotify gave you.";
    PARTNER_ID_UNUSUAL = "partner-id-unusual", false, "All known partner ids have 22 letters and digits. Check that this one is complete.";
    PARTNER_OTHER = "partner-other", true, "Use the id of the partner that owns the show.";
    PARTNERS = "partners", true, "Keep one spotify:access element with one partner in the channel.";
    PREFIXED_CHILD = "prefixed-child", true, "Inside spotify:access, write <partner>, <sandbox> and <entitlement> without a prefix or namespace.";
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
    NO_EPISODES = "no-episodes", false, "Add an <item> for each episode. If there should be some, export the feed again.";
    DATE_MISSING = "date-missing", false, "Add <pubDate>, as Tue, 24 Nov 2026 06:00:00 +0000. Rules with dates cannot decide the episode without it.";
    DATE_UNREADABLE = "date-unreadable", false, "Write the date as Tue, 24 Nov 2026 06:00:00 +0000. Rules with dates cannot decide the episode otherwise.";
    SEASON_UNREADABLE = "season-unreadable", false, "Write the season as a whole number. Rules with seasons cannot decide the episode otherwise.";
    NO_ENCLOSURE = "enclosure", true, "Add <enclosure url=\"…\"/> with the audio of the episode.";
    INSECURE = "insecure-audio", false, "Use https. Over http, paid audio can be read by others in the network.";
    LEAK = "leak-in-notes", true, "Remove the link. Titles and notes of the show and its episodes are public on Spotify.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_rule() {
        let table = include_str!("../../README.md");
        for rule in ALL {
            assert!(table.contains(&format!("`{}`", rule.name)), "{}", rule.name);
        }
    }
}
