//! Index of a whole roster, built before anything is written: its subscribers, which of several rows counts for each, and the bad rows.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
};

use shared::{
    partner::{Entitlements, PartnerUserId},
    store::Subscriber,
};

use super::{
    rows::{BadRow, Row, Rows},
    tally::Tally,
};
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
    /// Number of bad rows with a cell that only looks wrong.
    pub(super) suspicious_rows: u64,
    /// Number of rows whose cells are all empty. They are not among `rows`.
    pub(super) blank: u64,
    /// Number of rows with line breaks in cells.
    pub(super) multiline: u64,
    /// Number of rows whose subscriber has an earlier row.
    pub(super) repeated: u64,
    /// Number of plans in rows that the plans file knows.
    pub(super) known_plans: u64,
    pub(super) unknown_plans: Tally,
    pub(super) unknown_statuses: Tally,
    people: HashSet<u64>,
    /// Index of the last row of each subscriber with several rows.
    last: HashMap<u64, u64>,
    /// Subscribers with a bad row: the import leaves them alone.
    unreadable: HashSet<u64>,
    united: Option<UnitedRows>,
    hash: RandomState,
}

/// The union of all rows of each subscriber, for rosters with a row per plan. Most subscribers share few sets, so each has only the number of its set.
#[derive(Default)]
struct UnitedRows {
    sets: Vec<Entitlements>,
    numbers: HashMap<String, u32>,
    of: HashMap<u64, u32>,
}

impl UnitedRows {
    fn add(&mut self, person: u64, entitlements: &Entitlements) {
        let before = self.of.get(&person).and_then(|number| self.set(*number));
        let united = before.map_or_else(|| entitlements.clone(), |before| before.union(entitlements));
        let key = united.iter().collect::<Vec<_>>().join(" ");
        let next = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.sets.push(united);
        }
        self.of.insert(person, number);
    }

    fn set(&self, number: u32) -> Option<&Entitlements> {
        self.sets.get(usize::try_from(number).ok()?)
    }
}

impl RosterIndex {
    /// Reads all rows. `unite` unites the rows of a subscriber; otherwise the last one counts.
    ///
    /// # Errors
    /// [`CliError`] if the file cannot be read to its end.
    pub(super) fn of(mut rows: Rows, unite: bool) -> Result<Self, CliError> {
        let mut index = Self {
            united: unite.then(UnitedRows::default),
            ..Self::default()
        };
        for row in rows.by_ref() {
            match row? {
                Ok(row) => index.add(&row),
                Err(bad) => index.add_bad(bad),
            }
            index.rows += 1;
        }
        (index.blank, index.multiline) = (rows.blank(), rows.multiline());
        Ok(index)
    }

    fn add(&mut self, row: &Row) {
        let person = self.hash.hash_one(&row.partner_user_id);
        if !self.people.insert(person) {
            self.repeated += 1;
            self.last.insert(person, self.rows);
        }
        if let Some(united) = &mut self.united {
            united.add(person, &row.entitlements);
        }
        self.known_plans += row.known_plans;
        for plan in &row.unknown_plans {
            self.unknown_plans.add(plan);
        }
    }

    fn add_bad(&mut self, bad: BadRow) {
        self.bad_rows += 1;
        self.suspicious_rows += u64::from(bad.suspicious);
        if let Some(person) = &bad.partner_user_id {
            self.unreadable.insert(self.hash.hash_one(person));
        }
        if let Some(status) = &bad.unknown_status {
            self.unknown_statuses.add(status);
        }
        if self.bad.len() < MAX_REPORTED_ROWS {
            self.bad.push(bad);
        }
    }

    /// Number of subscribers with a bad row. No other row of theirs counts.
    pub(super) fn unreadable(&self) -> usize {
        self.unreadable.len()
    }

    /// Whether the row at index `place`, from 0, is its subscriber's last one, and none of their rows is bad. Only the last row counts.
    pub(super) fn counts(&self, place: u64, person: &PartnerUserId) -> bool {
        let person = self.hash.hash_one(person);
        let last = self.last.get(&person);
        last.is_none_or(|last| *last == place) && !self.unreadable.contains(&person)
    }

    /// The entitlements of a subscriber whose last row this is.
    pub(super) fn entitlements(&self, row: Row) -> Entitlements {
        let united = self.united.as_ref().and_then(|united| {
            let number = united.of.get(&self.hash.hash_one(&row.partner_user_id))?;
            united.set(*number).cloned()
        });
        united.unwrap_or(row.entitlements)
    }

    /// Whether rows of a subscriber are united.
    pub(super) fn unites(&self) -> bool {
        self.united.is_some()
    }

    /// Whether a subscriber has entitlements and is not in the roster.
    pub(super) fn is_missing(&self, person: &Subscriber) -> bool {
        let hears = person.desired().is_some_and(|wanted| !wanted.is_empty());
        let id = self.hash.hash_one(&person.partner_user_id);
        hears && !self.people.contains(&id) && !self.unreadable.contains(&id)
    }
}
