//! Counts for the report: entitlements that an import gives, and plans and statuses that the plans file does not have. Only texts that cannot be personal data
//! are shown.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use shared::partner::Entitlements;

use super::cells::{is_invisible, is_null};

/// Upper bound of the distinct texts that are counted one by one.
const MAX_TEXTS: usize = 1_000;

/// Upper bound of the names that are remembered of the table.
const MAX_HELD: usize = 100_000;

/// Number of rows by text.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<String, u64>,
    /// Rows with texts that are not shown, because they are too many, too long or like an email address.
    hidden: u64,
}

impl Tally {
    pub(super) fn add(&mut self, text: &str) {
        let is_shown =
            (1..=64).contains(&text.chars().count()) && !text.contains('@') && !text.chars().any(is_invisible);
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
        } else if is_shown && self.counts.len() < MAX_TEXTS {
            self.counts.insert(text.to_owned(), 1);
        } else {
            self.hidden += 1;
        }
    }

    /// The shown texts with their numbers of rows, and the number of other rows under an empty text.
    pub(super) fn lines(&self) -> Vec<(&str, u64)> {
        let mut lines: Vec<_> = self
            .counts
            .iter()
            .map(|(text, count)| (text.as_str(), *count))
            .collect();
        if self.hidden > 0 {
            lines.push(("", self.hidden));
        }
        lines
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.hidden == 0
    }
}

/// An entitlement that an import gives.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct GivenName {
    pub(super) name: String,
    pub(super) subscribers: u64,
    /// Whether no subscriber has it now.
    pub(super) new: bool,
    /// Whether databases and programs write this word for an empty cell.
    #[serde(skip)]
    pub(super) is_null: bool,
}

/// Entitlements by the number of subscribers who have them after the import.
#[derive(Debug, Default)]
pub(super) struct NameCounts {
    counts: BTreeMap<String, u64>,
    /// Names that a subscriber has now.
    held: HashSet<String>,
    /// Number of names beyond those that are counted.
    pub(super) more: u64,
}

impl NameCounts {
    /// Counts a subscriber's entitlements after the import.
    pub(super) fn give(&mut self, after: &Entitlements) {
        for name in after.iter() {
            if let Some(count) = self.counts.get_mut(name) {
                *count += 1;
            } else if self.counts.len() < MAX_TEXTS {
                self.counts.insert(name.to_owned(), 1);
            } else {
                self.more += 1;
            }
        }
    }

    /// Notes which entitlements a subscriber has now.
    pub(super) fn see(&mut self, before: Option<&Entitlements>) {
        for name in before.into_iter().flat_map(Entitlements::iter) {
            if !self.held.contains(name) && self.held.len() < MAX_HELD {
                self.held.insert(name.to_owned());
            }
        }
    }

    /// Whether a name is given that no seen subscriber has.
    pub(super) fn has_new(&self) -> bool {
        self.counts.keys().any(|name| !self.held.contains(name))
    }

    pub(super) fn names(&self) -> Vec<GivenName> {
        let name = |(name, subscribers): (&String, &u64)| GivenName {
            name: name.clone(),
            subscribers: *subscribers,
            new: !self.held.contains(name),
            is_null: is_null(name),
        };
        self.counts.iter().map(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_and_new_unless_a_subscriber_has_them() {
        let names = |names: &[&str]| Entitlements::parse(names).unwrap();
        let mut counts = NameCounts::default();
        counts.see(Some(&names(&["basic", "old"])));
        counts.give(&names(&["basic", "NULL"]));
        counts.see(None);
        counts.give(&names(&["basic"]));
        let found = counts.names();
        let found: Vec<_> = found
            .iter()
            .map(|name| (name.name.as_str(), name.subscribers, name.new, name.is_null))
            .collect();
        assert_eq!(found, [("NULL", 1, true, true), ("basic", 2, false, false)]);
        assert!(counts.has_new());
        counts.see(Some(&names(&["NULL"])));
        assert!(!counts.has_new());
    }

    #[test]
    fn texts_like_personal_data_are_counted_but_not_shown() {
        let mut tally = Tally::default();
        for text in ["Gold", "Gold", "ada@example.com", "", "a\u{200b}b", &"x".repeat(65)] {
            tally.add(text);
        }
        assert_eq!(tally.lines(), [("Gold", 2), ("", 4)]);
        for n in 0..2 * MAX_TEXTS {
            tally.add(&n.to_string());
        }
        assert_eq!(tally.lines().len(), MAX_TEXTS + 1);
    }
}
