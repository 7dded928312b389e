//! Compares the counts of the same facts in several places. Knows nothing of how a place counts.

use std::fmt;

/// The facts of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    facts: Vec<Fact>,
}

/// One fact, as each place counts it. `None` if a place does not count it.
#[derive(Debug)]
pub(crate) struct Fact {
    name: &'static str,
    driver: Option<u64>,
    tables: Option<u64>,
    spotify: Option<u64>,
    metrics: Option<u64>,
}

impl Fact {
    /// A fact that no place has counted yet.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            driver: None,
            tables: None,
            spotify: None,
            metrics: None,
        }
    }

    /// What the driver asked for, and what it was answered.
    pub(crate) fn driver(self, count: u64) -> Self {
        let driver = Some(count);
        Self { driver, ..self }
    }

    /// What the tables hold.
    pub(crate) fn tables(self, count: u64) -> Self {
        let tables = Some(count);
        Self { tables, ..self }
    }

    /// What the simulated Spotify recorded.
    pub(crate) fn spotify(self, count: u64) -> Self {
        let spotify = Some(count);
        Self { spotify, ..self }
    }

    /// What the functions printed.
    pub(crate) fn metrics(self, count: u64) -> Self {
        let metrics = Some(count);
        Self { metrics, ..self }
    }

    fn places(&self) -> [(&'static str, Option<u64>); 4] {
        [
            ("driver", self.driver),
            ("tables", self.tables),
            ("Spotify", self.spotify),
            ("metrics", self.metrics),
        ]
    }

    /// Whether several places have counted the fact, all with the same result.
    fn agrees(&self) -> bool {
        let counts: Vec<_> = self.places().into_iter().filter_map(|(_, count)| count).collect();
        counts.len() > 1 && counts.iter().all(|count| Some(count) == counts.first())
    }
}

impl Ledger {
    pub(crate) fn add(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// The facts whose counts differ, with all numbers. A fact that only one place counts is among them, because nothing was compared.
    pub(crate) fn differences(&self) -> Vec<String> {
        let text = |fact: &Fact| {
            let counts = fact.places().into_iter();
            let counts = counts.filter_map(|(place, count)| Some(format!("{place} {}", count?)));
            format!("{}: {}", fact.name, counts.collect::<Vec<_>>().join(", "))
        };
        self.facts.iter().filter(|fact| !fact.agrees()).map(text).collect()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<40}", "")?;
        for (place, _) in Fact::new("").places() {
            write!(formatter, " {place:>8}")?;
        }
        for fact in &self.facts {
            write!(formatter, "\n{:<40}", fact.name)?;
            for (_, count) in fact.places() {
                let count = count.map(|count| count.to_string());
                write!(formatter, " {:>8}", count.unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(fact: Fact) -> Vec<String> {
        let mut ledger = Ledger::default();
        ledger.add(fact);
        ledger.differences()
    }

    fn registered(driver: u64, spotify: u64, metrics: u64) -> Vec<String> {
        let fact = Fact::new("links registered").driver(driver);
        differences(fact.spotify(spotify).metrics(metrics))
    }

    #[test]
    fn equal_counts_agree() {
        assert!(registered(500, 500, 500).is_empty());
    }

    #[test]
    fn a_registration_that_one_place_lacks_is_reported() {
        for (driver, spotify, metrics) in [(499, 500, 500), (500, 499, 500), (500, 500, 499)] {
            let expected = format!("links registered: driver {driver}, Spotify {spotify}, metrics {metrics}");
            assert_eq!(registered(driver, spotify, metrics), [expected]);
        }
    }

    #[test]
    fn a_fact_that_only_one_place_counts_is_reported() {
        let fact = Fact::new("signed requests").tables(3);
        assert_eq!(differences(fact), ["signed requests: tables 3"]);
    }
}
