//! Index of a whole roster, built before anything is written: its subscribers, which of several rows counts for each, and the bad rows.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
};

use shared::{partner::PartnerUserId, store::Subscriber};

use super::rows::{BadRow, Rows};
use crate::error::CliError;

/// Upper bound of the bad rows that are kept for the report.
const MAX_REPORTED_ROWS: usize = 1_000;

/// Index of a roster. It stores a hash of 8 bytes per subscriber, because whole ids take too much memory.
#[derive(Default)]
pub(super) struct RosterIndex {
    pub(super) rows: u64,
    pub(super) bad_rows: u64,
    /// The first bad rows, at most [`MAX_REPORTED_ROWS`].
    pub(super) bad: Vec<BadRow>,
    /// Number of rows whose subscriber has an earlier row.
    pub(super) repeated: u64,
    people: HashSet<u64>,
    /// Index of the last row of each subscriber with several rows.
    last: HashMap<u64, u64>,
    hash: RandomState,
}

impl RosterIndex {
    /// Reads all rows.
    ///
    /// # Errors
    /// [`CliError`] if the file cannot be read to its end.
    pub(super) fn of(rows: Rows) -> Result<Self, CliError> {
        let mut index = Self::default();
        for row in rows {
            match row? {
                Ok(row) => {
                    let person = index.hash.hash_one(&row.partner_user_id);
                    if !index.people.insert(person) {
                        index.repeated += 1;
                        index.last.insert(person, index.rows);
                    }
                }
                Err(bad) => {
                    index.bad_rows += 1;
                    if index.bad.len() < MAX_REPORTED_ROWS {
                        index.bad.push(bad);
                    }
                }
            }
            index.rows += 1;
        }
        Ok(index)
    }

    /// Whether the row at index `place`, from 0, is its subscriber's last one. Only the last row counts.
    pub(super) fn counts(&self, place: u64, person: &PartnerUserId) -> bool {
        let last = self.last.get(&self.hash.hash_one(person));
        last.is_none_or(|last| *last == place)
    }

    /// Whether a subscriber has entitlements and is not in the roster.
    pub(super) fn is_missing(&self, person: &Subscriber) -> bool {
        let hears = person.desired().is_some_and(|wanted| !wanted.is_empty());
        hears && !self.people.contains(&self.hash.hash_one(&person.partner_user_id))
    }
}
