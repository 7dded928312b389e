//! What has to be known of a whole roster before any of it is written: who is in it, which row about each of them counts, and what cannot be read.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
};

use shared::{partner::PartnerUserId, store::Subscriber};

use super::rows::{BadRow, Rows};
use crate::error::CliError;

/// How many bad rows are kept, to be named.
const MAX_REPORTED_ROWS: usize = 1_000;

/// Who is in a roster, each by eight bytes: whole ids would be too many.
#[derive(Default)]
pub(super) struct RosterIndex {
    pub(super) rows: u64,
    pub(super) bad_rows: u64,
    /// The first of them.
    pub(super) bad: Vec<BadRow>,
    /// Rows whose person stands in an earlier one too.
    pub(super) repeated: u64,
    people: HashSet<u64>,
    /// Of those who stand in several rows, the place of the last.
    last: HashMap<u64, u64>,
    hash: RandomState,
}

impl RosterIndex {
    /// Reads them all.
    ///
    /// # Errors
    /// When the file cannot be read to its end.
    pub(super) fn of(rows: Rows) -> Result<Self, CliError> {
        let mut census = Self::default();
        for row in rows {
            match row? {
                Ok(row) => {
                    let person = census.hash.hash_one(&row.partner_user_id);
                    if !census.people.insert(person) {
                        census.repeated += 1;
                        census.last.insert(person, census.rows);
                    }
                }
                Err(bad) => {
                    census.bad_rows += 1;
                    if census.bad.len() < MAX_REPORTED_ROWS {
                        census.bad.push(bad);
                    }
                }
            }
            census.rows += 1;
        }
        Ok(census)
    }

    /// Whether the row at a place, counted from 0, is the one that counts of its person's: their last.
    pub(super) fn counts(&self, place: u64, person: &PartnerUserId) -> bool {
        let last = self.last.get(&self.hash.hash_one(person));
        last.is_none_or(|last| *last == place)
    }

    /// Whether somebody hears something and is not in the roster.
    pub(super) fn is_missing(&self, person: &Subscriber) -> bool {
        let hears = person.desired().is_some_and(|wanted| !wanted.is_empty());
        hears && !self.people.contains(&self.hash.hash_one(&person.partner_user_id))
    }
}
