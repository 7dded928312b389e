//! The plan of an import: subscribers counted by kind of change, the planned revocations, and what the revocation guard will do.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use serde::Serialize;
use shared::{
    partner::Entitlements,
    store::{HoldStatus, Subscriber},
};

/// Number of subscribers per kind of change, planned or written.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Diff {
    pub(super) unchanged: u64,
    pub(super) new: u64,
    /// Subscribers who gain entitlements and lose none.
    pub(super) granted: u64,
    /// Subscribers who lose entitlements.
    pub(super) revoked: u64,
    /// Those of `revoked` who may be linked.
    pub(super) revoked_linked: u64,
    /// Those of `revoked` who are not in the roster.
    pub(super) missing: u64,
    /// Subscribers left alone, because the backend changed them after the count and the write would revoke entitlements.
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

    /// Counts one subscriber and returns the kind of change.
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
            return RosterChange::New;
        }
        self.granted += 1;
        RosterChange::Grant
    }
}

/// Kind of change of one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RosterChange {
    Unchanged,
    New,
    Grant,
    Revoke,
}

/// Subscribers whose entitlements the import may revoke, with their state when they were counted, as hashes of 16 bytes per subscriber. No other subscriber loses
/// entitlements, whatever the table holds later.
#[derive(Default)]
pub(super) struct PlannedRevocations {
    as_counted: HashMap<u64, u64>,
    hash: RandomState,
}

impl PlannedRevocations {
    /// Adds a subscriber in their current state.
    pub(super) fn add(&mut self, person: &Subscriber) {
        let (key, state) = self.hashes(person);
        self.as_counted.insert(key, state);
    }

    /// Whether a subscriber was added and has not changed since.
    pub(super) fn contains(&self, person: &Subscriber) -> bool {
        let (key, state) = self.hashes(person);
        self.as_counted.get(&key) == Some(&state)
    }

    fn hashes(&self, person: &Subscriber) -> (u64, u64) {
        let wanted: Option<Vec<_>> = person.desired().map(|wanted| wanted.iter().collect());
        (
            self.hash.hash_one(&person.partner_user_id),
            self.hash.hash_one((person.version, wanted)),
        )
    }
}

/// Number of revocations of linked subscribers that the guard lets pass now.
pub(super) fn allowed_by_guard(state: &HoldStatus, diff: &Diff) -> u64 {
    if state.released_until.is_some() {
        diff.revoked_linked
    } else if state.on_hold_since.is_some() {
        0
    } else {
        let left = state.limit.saturating_sub(state.counted).max(0);
        diff.revoked_linked.min(u64::try_from(left).unwrap_or(0))
    }
}
