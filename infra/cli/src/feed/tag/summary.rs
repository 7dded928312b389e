//! What `soa-link feed tag` changes: counts, the episodes by name, and what stops a run.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use super::rules::Rules;
use crate::feed::{access::Access, document::Item, findings::printable};

/// A line about an episode.
pub(super) fn line_about(item: &Item, what: &str) -> String {
    format!("{}: {what}", name_of(item))
}

/// Line, title and guid of an episode.
fn name_of(item: &Item) -> String {
    let title = item.title.as_deref().map(printable).unwrap_or_default();
    let title = if title.is_empty() { "untitled".to_owned() } else { title };
    let guid = item.guid.as_deref().map(printable).unwrap_or_default();
    let guid = if guid.is_empty() { "no guid".to_owned() } else { guid };
    format!("line {}: {title} ({guid})", item.line)
}

/// Names of entitlements, or `free`.
pub(super) fn names(entitlements: &BTreeSet<String>) -> String {
    if entitlements.is_empty() {
        return "free".to_owned();
    }
    let names: Vec<_> = entitlements.iter().map(|name| printable(name)).collect();
    names.join(", ")
}

/// The gate of an episode: its entitlements. Returns `None` if the episode is free.
pub(super) fn gate_of(item: &Item) -> Option<BTreeSet<String>> {
    let names = item.access.iter().flat_map(Access::meant_entitlements);
    (!item.access.is_empty()).then(|| names.map(str::to_owned).collect())
}

/// A change of an episode.
pub(super) struct Change<'a> {
    pub(super) item: &'a Item,
    pub(super) before: Option<&'a BTreeSet<String>>,
    pub(super) after: &'a BTreeSet<String>,
    /// Whether the early access of the episode is over.
    pub(super) has_left_window: bool,
}

/// Counts of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) by_rule: Vec<u64>,
    pub(super) by_none: u64,
    /// Number of episodes without a matching rule that were gated and still are.
    pub(super) kept: u64,
    pub(super) gated: u64,
    pub(super) changed: u64,
    /// Number of changed episodes that an entitlement from before no longer unlocks.
    pub(super) narrowed: u64,
    /// These entitlements.
    pub(super) removed: BTreeSet<String>,
    pub(super) ungated: u64,
    /// Number of ungated episodes whose early access is over.
    pub(super) left_window: u64,
    pub(super) unchanged: u64,
    /// Partner and sandbox of the show before, if it was tagged.
    pub(super) show_before: Option<String>,
    /// Lines about the episodes that a rule cannot decide.
    pub(super) undecided: Vec<String>,
    /// Lines about the episodes that lose their gate, except at the end of their early access.
    pub(super) lost: Vec<String>,
}

impl Summary {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            by_rule: vec![0; rules.rule.len()],
            ..Self::default()
        }
    }

    /// Counts an episode for the rule at this position.
    pub(super) fn count_rule(&mut self, place: usize) {
        if let Some(count) = self.by_rule.get_mut(place) {
            *count += 1;
        }
    }

    /// Counts a change, and writes a line about it to `log`.
    ///
    /// # Errors
    /// An I/O error of `log`.
    pub(super) fn note(&mut self, change: &Change<'_>, log: &mut dyn Write) -> io::Result<()> {
        let Change {
            item, before, after, ..
        } = *change;
        let kind = match before {
            None if after.is_empty() => None,
            None => {
                self.gated += 1;
                Some("gated".to_owned())
            }
            Some(_) if after.is_empty() => Some(self.ungated(change).to_owned()),
            Some(before) if before == after => None,
            Some(before) => Some(self.changed(before, after)),
        };
        match kind {
            None => self.unchanged += 1,
            Some(kind) => writeln!(log, "{}: {} -> {} [{kind}]", name_of(item), was(before), names(after))?,
        }
        Ok(())
    }

    fn ungated(&mut self, change: &Change<'_>) -> &'static str {
        self.ungated += 1;
        if change.has_left_window {
            self.left_window += 1;
            return "ungated, because its early access is over";
        }
        self.lost
            .push(line_about(change.item, &format!("{} -> free", was(change.before))));
        "ungated"
    }

    fn changed(&mut self, before: &BTreeSet<String>, after: &BTreeSet<String>) -> String {
        self.changed += 1;
        let removed: BTreeSet<_> = before.difference(after).cloned().collect();
        if removed.is_empty() {
            return "changed".to_owned();
        }
        self.narrowed += 1;
        let kind = format!("changed, no longer unlocked by {}", names(&removed));
        self.removed.extend(removed);
        kind
    }

    /// Writes the counts.
    ///
    /// # Errors
    /// An I/O error of `out`.
    pub(super) fn print(&self, rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
        for (rule, count) in rules.rule.iter().zip(&self.by_rule) {
            writeln!(out, "{count:>8} episodes: {}", names(&rule.entitlements))?;
        }
        writeln!(
            out,
            "{:>8} episodes without a matching rule: as in the feed, {} of them gated",
            self.by_none, self.kept
        )?;
        let after = show(&rules.partner_id, rules.sandbox);
        if let Some(before) = self.show_before.as_ref().filter(|before| **before != after) {
            writeln!(out, "show: {before} -> {after}")?;
        }
        writeln!(
            out,
            "summary: {} gated, {} changed, {} ungated, {} unchanged",
            self.gated, self.changed, self.ungated, self.unchanged
        )?;
        if self.narrowed > 0 {
            let removed = names(&self.removed);
            writeln!(
                out,
                "{:>8} of the changed: no longer unlocked by {removed}",
                self.narrowed
            )?;
        }
        if self.left_window > 0 {
            writeln!(
                out,
                "{:>8} of the ungated: their early access is over",
                self.left_window
            )?;
        }
        Ok(())
    }
}

/// What unlocked an episode.
fn was(before: Option<&BTreeSet<String>>) -> String {
    match before {
        Some(before) if before.is_empty() => "locked for all".to_owned(),
        Some(before) => names(before),
        None => names(&BTreeSet::new()),
    }
}

/// Partner and sandbox of a show, by its `spotify:access` element.
pub(super) fn show_of(access: &Access) -> String {
    let value = |name: &str, attribute: &str| {
        let child = access.children.iter().find(|child| child.name == name);
        child.and_then(|child| child.attribute(attribute))
    };
    let is_sandbox = value("sandbox", "enabled").is_some_and(|enabled| enabled != "false");
    show(value("partner", "id").unwrap_or_default(), is_sandbox)
}

/// Partner and sandbox of a show.
fn show(partner_id: &str, is_sandbox: bool) -> String {
    let sandbox = if is_sandbox { " in the sandbox" } else { "" };
    format!("partner {}{sandbox}", printable(partner_id))
}
