//! The rules of `soa-link feed tag`: which entitlements unlock which episodes. The first rule that matches an episode wins. A rule that needs a date or season that
//! cannot be read decides nothing, and neither do the rules after it.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use shared::partner::{Entitlement, PartnerId};

use crate::{
    error::CliError,
    feed::{document::Item, reading::Reading},
};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// The file with the rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    pub(super) partner_id: String,
    #[serde(default)]
    pub(super) sandbox: bool,
    #[serde(default)]
    pub(super) rule: Vec<Rule>,
}

/// A rule: its conditions, which must all hold, and the entitlements of the episodes that match it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// Entitlements that unlock the episode; none if it is free.
    pub(super) entitlements: BTreeSet<String>,
    guid: Option<BTreeSet<String>>,
    title_contains: Option<String>,
    title_starts_with: Option<String>,
    season: Option<u32>,
    episode_type: Option<String>,
    category: Option<String>,
    published_after: Option<String>,
    published_before: Option<String>,
    published_within_days: Option<u32>,
    #[serde(default)]
    all: bool,
}

/// What the rules say of an episode.
pub(super) enum Decision<'a> {
    /// The rule at this position decides.
    Rule(usize, &'a Rule),
    /// No rule matches.
    NoRule,
    /// A rule would need what the episode does not say.
    Undecided(String),
}

/// Whether a condition holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// The episode lacks this, or it cannot be read.
    Unknown(&'static str),
}

impl From<bool> for Fit {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Fit {
    /// The fit of several conditions that must all hold: one that does not hold decides, whatever is unknown.
    fn all(conditions: &[Self]) -> Self {
        let unknown = conditions.iter().find(|fit| matches!(fit, Self::Unknown(_)));
        if conditions.contains(&Self::No) {
            Self::No
        } else {
            unknown.copied().unwrap_or(Self::Yes)
        }
    }
}

impl Rules {
    /// Reads the rules from TOML.
    ///
    /// # Errors
    /// [`CliError`] with the rule that is invalid.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        let rules: Self = toml::from_str(text).map_err(|error| CliError::new(format!("the rules: {error}")))?;
        PartnerId::parse(&rules.partner_id).map_err(|error| CliError::new(format!("the rules: {error}")))?;
        for (place, rule) in rules.rule.iter().enumerate() {
            rule.check()
                .map_err(|what| CliError::new(format!("rule {}: {what}", place + 1)))?;
        }
        Ok(rules)
    }

    /// Finds the rule that decides an episode at the time `now`.
    pub(super) fn decide(&self, item: &Item, now: DateTime<Utc>) -> Decision<'_> {
        for (place, rule) in self.rule.iter().enumerate() {
            match rule.fit(item, now) {
                Fit::Yes => return Decision::Rule(place, rule),
                Fit::No => {}
                Fit::Unknown(what) => return Decision::Undecided(format!("rule {} needs {what}", place + 1)),
            }
        }
        Decision::NoRule
    }

    /// Whether an episode has the entitlements of a `published_within_days` rule before position `end`, and matches it but for its age: its early access is over.
    pub(super) fn has_left_window(&self, item: &Item, gate: &BTreeSet<String>, end: usize) -> bool {
        self.rule.iter().take(end).any(|rule| {
            let is_window = rule.published_within_days.is_some() && rule.entitlements == *gate;
            is_window && Fit::all(&rule.lasting_conditions(item)) == Fit::Yes
        })
    }
}

impl Rule {
    /// Returns what is wrong with the rule, as an error.
    fn check(&self) -> Result<(), &'static str> {
        if self.entitlements.iter().any(|name| Entitlement::parse(name).is_err()) {
            return Err(
                "malformed entitlement: use 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', starting with a letter or digit",
            );
        }
        if self.all == self.has_conditions() {
            return Err("set either conditions or all = true");
        }
        let mut dates = [&self.published_after, &self.published_before].into_iter().flatten();
        if dates.any(|date| date.parse::<NaiveDate>().is_err()) {
            return Err("malformed date: use the form 2026-11-24");
        }
        if self.published_within_days == Some(0) {
            return Err("published_within_days must be at least 1");
        }
        Ok(())
    }

    fn has_conditions(&self) -> bool {
        let texts = [
            &self.title_contains,
            &self.title_starts_with,
            &self.episode_type,
            &self.category,
            &self.published_after,
            &self.published_before,
        ];
        let numbers = [self.season, self.published_within_days];
        self.guid.is_some() || numbers.iter().any(Option::is_some) || texts.iter().any(|text| text.is_some())
    }

    fn fit(&self, item: &Item, now: DateTime<Utc>) -> Fit {
        let [lasting, after, before] = self.lasting_conditions(item);
        Fit::all(&[lasting, after, before, self.window(item, now)])
    }

    /// Whether the conditions hold that do not depend on the current time.
    fn lasting_conditions(&self, item: &Item) -> [Fit; 3] {
        let date = |date: &Option<String>| date.as_ref().and_then(|date| date.parse::<NaiveDate>().ok());
        let published = |holds: &dyn Fn(NaiveDate) -> bool| match item.published() {
            Reading::Read(published) => holds(published.day).into(),
            Reading::Missing => Fit::Unknown(DATE_MISSING),
            Reading::Unreadable => Fit::Unknown(DATE_UNREADABLE),
        };
        let after = date(&self.published_after).map_or(Fit::Yes, |after| published(&|day| day > after));
        let before = date(&self.published_before).map_or(Fit::Yes, |before| published(&|day| day < before));
        [Fit::all(&[self.texts(item).into(), self.season(item)]), after, before]
    }

    /// Whether the conditions on texts hold.
    fn texts(&self, item: &Item) -> bool {
        let title = item.title.as_deref().unwrap_or_default().to_lowercase();
        let same = |one: Option<&str>, other: &String| one.is_some_and(|one| one.eq_ignore_ascii_case(other));
        self.guid
            .as_ref()
            .is_none_or(|guids| item.guid.as_ref().is_some_and(|guid| guids.contains(guid)))
            && self
                .title_contains
                .as_ref()
                .is_none_or(|part| title.contains(&part.to_lowercase()))
            && self
                .title_starts_with
                .as_ref()
                .is_none_or(|start| title.starts_with(&start.to_lowercase()))
            && self
                .episode_type
                .as_ref()
                .is_none_or(|kind| same(item.episode_type.as_deref(), kind))
            && self
                .category
                .as_ref()
                .is_none_or(|category| item.categories.iter().any(|known| same(Some(known), category)))
    }

    /// An episode without a season matches no season: bonus episodes often have none.
    fn season(&self, item: &Item) -> Fit {
        let Some(wanted) = self.season else { return Fit::Yes };
        match item.season() {
            Reading::Read(season) => (season == wanted).into(),
            Reading::Missing => Fit::No,
            Reading::Unreadable => Fit::Unknown(SEASON_UNREADABLE),
        }
    }

    /// An episode of the future is within any number of days.
    fn window(&self, item: &Item, now: DateTime<Utc>) -> Fit {
        let Some(days) = self.published_within_days else {
            return Fit::Yes;
        };
        match item.published() {
            Reading::Read(published) => {
                let age = (now - published.at).num_seconds();
                (age <= i64::from(days) * SECONDS_OF_A_DAY).into()
            }
            Reading::Missing => Fit::Unknown(DATE_MISSING),
            Reading::Unreadable => Fit::Unknown(DATE_UNREADABLE),
        }
    }
}

const DATE_MISSING: &str = "the date, which is missing";
const DATE_UNREADABLE: &str = "the date, which cannot be read";
const SEASON_UNREADABLE: &str = "the season, which cannot be read";
