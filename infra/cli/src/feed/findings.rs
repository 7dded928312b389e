//! The findings of `soa-link feed check`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{fault::Fault, rules::Rule};

/// Upper bound of the findings that are shown per rule.
pub(super) const MAX_SHOWN: usize = 20;

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
    /// Adds a fault, with its own fix.
    pub(super) fn add_fault(&mut self, fault: Fault) {
        self.push(
            fault.rule,
            Finding {
                rule: fault.rule.name,
                severity: fault.rule.severity(),
                line: fault.line,
                episode: None,
                what: fault.what,
                mend: fault.fix,
            },
        );
    }

    /// Adds a violation, with the usual fix of its rule.
    pub(super) fn add(&mut self, rule: &'static Rule, line: u64, episode: Option<&str>, what: impl Into<String>) {
        self.push(
            rule,
            Finding {
                rule: rule.name,
                severity: rule.severity(),
                line,
                episode: episode.map(str::to_owned),
                what: what.into(),
                mend: rule.mend,
            },
        );
    }

    fn push(&mut self, rule: &Rule, finding: Finding) {
        let count = self.counts.entry(rule.name).or_default();
        *count += 1;
        if rule.is_error {
            self.errors += 1;
        } else {
            self.warnings += 1;
        }
        if *count <= MAX_SHOWN {
            self.shown.push(finding);
        }
    }
}

/// A text without control characters, which could manipulate the terminal, cut to 80 characters.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(80)
        .collect()
}
