//! Why a feed cannot be used: a violated rule, the line and the fix. It never repeats content of the feed other than names.

use std::{fmt, io};

use super::rules::Rule;
use crate::error::CliError;

/// A violation of a rule that makes the rest of a feed unreliable.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) rule: &'static Rule,
    /// Line, from 1.
    pub(super) line: u64,
    pub(super) what: String,
    pub(super) fix: &'static str,
}

impl Fault {
    /// A violation with the usual fix of its rule.
    pub(super) fn new(rule: &'static Rule, line: u64, what: impl Into<String>) -> Self {
        Self::with_fix(rule, line, what, rule.mend)
    }

    pub(super) fn with_fix(rule: &'static Rule, line: u64, what: impl Into<String>, fix: &'static str) -> Self {
        Self {
            rule,
            line,
            what: what.into(),
            fix,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, line, what, fix } = self;
        write!(formatter, "line {line}: {what} [{}]. {fix}", rule.name)
    }
}

/// Why reading a feed failed.
#[derive(Debug)]
pub(super) enum FeedError {
    Fault(Fault),
    Io(io::Error),
}

impl From<Fault> for FeedError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<FeedError> for CliError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Fault(fault) => Self::new(fault.to_string()),
            FeedError::Io(error) => Self::new(format!("cannot read the feed: {error}")),
        }
    }
}
