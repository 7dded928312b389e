//! One step: a number of people who walk their journeys at the same time, and the row that shows it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use bench::{Failed, statistics::percentile};
use tokio::task::JoinSet;

use crate::{
    driver::Driver,
    journey::{Habit, walk},
    person::Person,
};

/// Least width of the column of a route.
const WIDTH: usize = 13;
/// The routes, with a column each.
const ROUTES: [&str; 6] = [
    "GET /entrypoint",
    "GET /callback",
    "POST /get-entitlements",
    "POST /replace-entitlements",
    "GET /unlink",
    "POST /unlink",
];

/// What happened in a step.
pub(crate) struct Step {
    /// The people who have walked the whole journey.
    pub(crate) people: Vec<Person>,
    /// Why the journeys of the others ended.
    pub(crate) errors: Vec<String>,
    journeys: u64,
    took: Duration,
    /// Milliseconds of each request, by route.
    latencies: BTreeMap<&'static str, Vec<f64>>,
}

impl Step {
    /// Walks the people with these numbers, all at the same time.
    pub(crate) async fn walk(driver: &Arc<Driver>, numbers: Range<usize>) -> Result<Self, Failed> {
        let consents = driver.tally().consents;
        let began = Instant::now();
        let mut walking = JoinSet::new();
        for number in numbers {
            let mut person = Person::new(driver, number)?;
            walking.spawn(async move {
                let habit = Habit::of(number);
                let walked = walk(&mut person, habit).await;
                walked
                    .map(|()| person)
                    .map_err(|error| format!("person {number} ({habit:?}): {error}"))
            });
        }
        let (mut people, mut errors) = (Vec::new(), Vec::new());
        for walked in walking.join_all().await {
            match walked {
                Ok(person) => people.push(person),
                Err(error) => errors.push(error),
            }
        }
        Ok(Self {
            people,
            errors,
            journeys: driver.tally().consents - consents,
            took: began.elapsed(),
            latencies: driver.take_latencies(),
        })
    }

    /// The headings of the rows.
    pub(crate) fn headings() -> String {
        let columns = "people journeys seconds requests/s instances errors";
        let mut headings = format!("{:>width$}  ms, p50 / p99:\n{columns}", "", width = columns.len());
        for route in ROUTES {
            // Writing to a string cannot fail.
            let _ = write!(headings, "  {route:>WIDTH$}");
        }
        headings
    }

    /// The row: for each route, the median and the 99th percentile in milliseconds. `instances` were started so far.
    pub(crate) fn row(&self, instances: usize) -> String {
        let requests: usize = self.latencies.values().map(Vec::len).sum();
        let seconds = self.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a number of requests")]
        let rate = requests as f64 / seconds;
        let (people, errors) = (self.people.len() + self.errors.len(), self.errors.len());
        let journeys = self.journeys;
        let mut row = format!("{people:>6} {journeys:>8} {seconds:>7.1} {rate:>10.0} {instances:>9} {errors:>6}");
        for route in ROUTES {
            let times = self.latencies.get(route).map(|latencies| {
                let [median, last] = [50.0, 99.0].map(|percent| percentile(latencies, percent));
                format!("{median:.0} / {last:.0}")
            });
            let _ = write!(
                row,
                "  {:>width$}",
                times.unwrap_or_default(),
                width = route.len().max(WIDTH)
            );
        }
        row
    }
}
