//! What an import changes: people counted by what becomes of them, those who would lose something, and the guard's verdict.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    io::{self, Write},
};

use serde::Serialize;
use shared::{
    partner::Entitlements,
    store::{GuardStatus, Subscriber},
};

use super::index::RosterIndex;

/// What an import changes, or has changed, in people.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Diff {
    pub(super) unchanged: u64,
    pub(super) new: u64,
    /// People who hear something more, and nothing less.
    pub(super) granted: u64,
    /// People who lose something.
    pub(super) revoked: u64,
    /// Those of them whom Spotify may know.
    pub(super) revoked_linked: u64,
    /// Those of them who are not in the roster.
    pub(super) missing: u64,
    /// People who would lose something that was not counted, because the backend has written of them since.
    pub(super) skipped_concurrent: u64,
}

impl Diff {
    pub(super) fn add(&mut self, other: &Self) {
        self.unchanged += other.unchanged;
        self.new += other.new;
        self.granted += other.granted;
        self.revoked += other.revoked;
        self.revoked_linked += other.revoked_linked;
        self.missing += other.missing;
        self.skipped_concurrent += other.skipped_concurrent;
    }

    pub(super) fn changes(&self) -> u64 {
        self.new + self.granted + self.revoked
    }

    /// Counts what becomes of one person.
    pub(super) fn count(&mut self, before: &Subscriber, after: &Entitlements) -> RosterChange {
        let wanted = before.desired().cloned().unwrap_or_default();
        if !wanted.is_subset(after) {
            self.revoked += 1;
            self.revoked_linked += u64::from(before.link.state.may_be_linked());
            return RosterChange::Revoke;
        }
        if before.version > 0 && wanted == *after {
            self.unchanged += 1;
            return RosterChange::Unchanged;
        }
        if before.version == 0 && before.token_entitlements.is_none() {
            self.new += 1;
        } else {
            self.granted += 1;
        }
        RosterChange::Grant
    }
}

/// What becomes of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RosterChange {
    Unchanged,
    Grant,
    Revoke,
}

/// Those who would lose something, as they were when they were counted: each by sixteen bytes. Nobody else loses anything, whatever the table has of them later.
#[derive(Default)]
pub(super) struct PlannedRevocations {
    as_counted: HashMap<u64, u64>,
    hash: RandomState,
}

impl PlannedRevocations {
    /// Notes somebody as they are.
    pub(super) fn note(&mut self, person: &Subscriber) {
        let (who, what) = self.hashes(person);
        self.as_counted.insert(who, what);
    }

    /// Whether somebody was noted, and is still what they were then.
    pub(super) fn has(&self, person: &Subscriber) -> bool {
        let (who, what) = self.hashes(person);
        self.as_counted.get(&who) == Some(&what)
    }

    fn hashes(&self, person: &Subscriber) -> (u64, u64) {
        let wanted: Option<Vec<_>> = person.desired().map(|wanted| wanted.iter().collect());
        (
            self.hash.hash_one(&person.partner_user_id),
            self.hash.hash_one((person.version, wanted)),
        )
    }
}

/// Of those who lose something at Spotify, how many the guard lets pass now.
pub(super) fn allowed_by_guard(state: &GuardStatus, tally: &Diff) -> u64 {
    if state.released_until.is_some() {
        tally.revoked_linked
    } else if state.on_hold_since.is_some() {
        0
    } else {
        let left = state.limit.saturating_sub(state.revoked).max(0);
        tally.revoked_linked.min(u64::try_from(left).unwrap_or(0))
    }
}

pub(super) fn tell(
    out: &mut dyn Write,
    census: &RosterIndex,
    after_row: u64,
    tally: &Diff,
    state: &GuardStatus,
) -> io::Result<()> {
    for row in &census.bad {
        writeln!(out, "line {}: {}", row.line, row.what)?;
    }
    let more = census.bad_rows - census.bad.len() as u64;
    if more > 0 {
        writeln!(out, "and {more} more")?;
    }
    let mut line = |name: &str, count: u64| writeln!(out, "{name:<28}{count:>12}");
    line("rows", census.rows)?;
    line("rows that cannot be read", census.bad_rows)?;
    line("people in several rows", census.repeated)?;
    line("unchanged", tally.unchanged)?;
    line("new", tally.new)?;
    line("hear more", tally.granted)?;
    line("lose something", tally.revoked)?;
    line("  of them linked", tally.revoked_linked)?;
    line("  of them not in the roster", tally.missing)?;
    if after_row > 0 {
        writeln!(
            out,
            "An earlier run has written the first {after_row} rows. It goes on after them; of people, this counts only what is left."
        )?;
    }
    if census.repeated > 0 {
        writeln!(out, "Of several rows about one person the last counts.")?;
    }
    let passes = allowed_by_guard(state, tally);
    if passes < tally.revoked_linked {
        writeln!(
            out,
            "The guard lets {passes} of the {} linked people who lose something pass, and holds the others until an operator releases it. Nobody waits for what is granted.",
            tally.revoked_linked
        )?;
    } else {
        writeln!(out, "The guard lets all of it pass.")?;
    }
    Ok(())
}
