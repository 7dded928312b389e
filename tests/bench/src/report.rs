//! The results of one job as a table and as JSON, compared with the goals.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

use crate::{
    Failed, Options,
    job::Job,
    measurement::{Metric, Subject},
    sizes::{MAX_MIB, MAX_ZIPPED_MIB},
    statistics::Spread,
};

/// What a goal is relative to.
#[derive(Clone, Copy)]
enum Against {
    /// The value itself.
    Nothing,
    Floor,
    LeanSdk,
}

/// Upper bounds of our functions.
const GOALS: [(Metric, Against, f64); 7] = [
    (Metric::FirstEvent, Against::Floor, 1.3),
    (Metric::ColdTotal, Against::Floor, 1.5),
    (Metric::WarmP50, Against::LeanSdk, 1.15),
    (Metric::WarmCpu, Against::LeanSdk, 1.25),
    (Metric::Memory, Against::Nothing, 12.0),
    (Metric::Size, Against::Nothing, MAX_MIB),
    (Metric::ZippedSize, Against::Nothing, MAX_ZIPPED_MIB),
];

/// The results of one job.
pub(crate) struct Report {
    pub(crate) job: Job,
    pub(crate) ours: Subject,
    /// The floor and the lean SDK function, if they do this job.
    pub(crate) references: Vec<Subject>,
}

impl Report {
    /// Ours, then the references.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.ours).chain(&self.references)
    }

    /// How our ratios to the floor have changed since `before`, the results of an earlier run, in percent. Milliseconds are not compared, because they depend on the
    /// machine and on its load.
    pub(crate) fn changes(&self, before: &Value) -> String {
        let mut text = format!(
            "{} since {}\n",
            self.job.name(),
            before.get("version").and_then(Value::as_str).unwrap_or("then")
        );
        for metric in Metric::ALL {
            let path = format!("/functions/{}/ours_by_floor/{}/median", self.job.name(), metric.name());
            if let Some(earlier) = before.pointer(&path).and_then(Value::as_f64) {
                let Some(floor) = self.references.first() else { continue };
                let now = self.ours.ratios(floor, metric).median;
                let percent = (now / earlier - 1.0) * 100.0;
                let name = metric.name();
                let _ = writeln!(
                    text,
                    "{name:<15} {earlier:>6.2} -> {now:>6.2} x floor ({percent:+.0} %)"
                );
            }
        }
        text
    }

    /// The goal of a metric, and whether our median meets it.
    fn goal(&self, metric: Metric) -> Option<(String, bool)> {
        let (_, against, limit) = GOALS.into_iter().find(|(goal, ..)| *goal == metric)?;
        let reference = match against {
            Against::Nothing => None,
            Against::Floor => Some(self.references.first()?),
            Against::LeanSdk => Some(self.references.get(1)?),
        };
        let (spread, text) = match reference {
            None => (Spread::of(self.ours.values(metric)), format!("{limit}")),
            Some(reference) => (
                self.ours.ratios(reference, metric),
                format!("{limit} x {}", reference.name),
            ),
        };
        Some((text, spread.median <= limit))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.subjects().map(|subject| format!("{:>9} ", subject.name));
        let references = self
            .references
            .iter()
            .map(|reference| format!("  {:^20}", format!("ours / {}", reference.name)));
        let line = format!(
            "{:<15} {} {}",
            self.job.name(),
            names.collect::<String>(),
            references.collect::<String>()
        );
        writeln!(formatter, "{}", line.trim_end())?;
        let medians = format!("{:>9} ", "median").repeat(self.subjects().count());
        let columns = format!("  {:>6} {:>6} {:>6}", "min", "median", "max").repeat(self.references.len());
        writeln!(formatter, "{:<15} {medians} {columns}  goal", "")?;
        for metric in Metric::ALL {
            let medians = self.subjects().map(|subject| {
                let median = Spread::of(subject.values(metric)).median;
                format!("{median:>9.3} ")
            });
            let ratios = self.references.iter().map(|reference| {
                let spread = self.ours.ratios(reference, metric);
                format!("  {:>6.2} {:>6.2} {:>6.2}", spread.min, spread.median, spread.max)
            });
            let goal = match self.goal(metric) {
                None => String::new(),
                Some((text, true)) => format!("<= {text}: met"),
                Some((text, false)) => format!("<= {text}: MISSED"),
            };
            let line = format!(
                "{:<15} {} {}  {goal}",
                metric.name(),
                medians.collect::<String>(),
                ratios.collect::<String>()
            );
            writeln!(formatter, "{}", line.trim_end())?;
        }
        writeln!(formatter, "\nrequests / connections / sequential round trips")?;
        for (place, calls) in self.ours.calls.iter().enumerate() {
            let counts = self.subjects().filter_map(|subject| subject.calls.get(place));
            let counts = counts.map(|calls| {
                format!(
                    "{:>10}",
                    format!("{}/{}/{}", calls.requests, calls.connections, calls.sequential)
                )
            });
            writeln!(formatter, "{:<15}{}", calls.phase, counts.collect::<String>())?;
        }
        Ok(())
    }
}

/// All results, to be compared with those of another commit.
pub(crate) fn to_json(reports: &[Report], options: &Options) -> Result<String, Failed> {
    let spread = |spread: Spread| json!({"min": spread.min, "median": spread.median, "max": spread.max});
    let metrics = |of: &dyn Fn(Metric) -> Spread| -> Map<String, Value> {
        Metric::ALL
            .into_iter()
            .map(|metric| (metric.name().to_owned(), spread(of(metric))))
            .collect()
    };
    let functions = reports.iter().map(|report| {
        let calls = |subject: &Subject| -> Map<String, Value> {
            let calls = subject.calls.iter().map(|calls| {
                let counts = json!({
                    "requests": calls.requests,
                    "connections": calls.connections,
                    "sequential": calls.sequential,
                    "contents": calls.contents,
                });
                (calls.phase.to_owned(), counts)
            });
            calls.collect()
        };
        let values = |subject: &Subject| json!({"metrics": metrics(&|metric| Spread::of(subject.values(metric))), "calls": calls(subject)});
        let mut results = Map::from_iter([("ours".to_owned(), values(&report.ours))]);
        for reference in &report.references {
            let name = reference.name.to_lowercase().replace(' ', "_");
            let ratios = metrics(&|metric| report.ours.ratios(reference, metric));
            results.insert(format!("ours_by_{name}"), ratios.into());
            results.insert(name, values(reference));
        }
        (report.job.name().to_owned(), results.into())
    });
    let all = json!({
        "version": options.version,
        "rounds": options.rounds,
        "warm": options.warm,
        "upstream_ms": options.upstream_ms,
        "lambda_mb": options.lambda_mb,
        "functions": functions.collect::<Map<_, Value>>(),
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}
