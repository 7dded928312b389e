//! The results of one job as a table and as JSON, compared with the goals.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

use crate::{
    Failed, Options,
    job::Job,
    measurement::{Metric, Subject},
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
    (Metric::Size, Against::Nothing, 8.0),
    (Metric::ZippedSize, Against::Nothing, 3.5),
];

/// The results of one job: ours, the floor, the lean SDK function.
pub(crate) struct Report {
    pub(crate) job: Job,
    pub(crate) subjects: [Subject; 3],
}

impl Report {
    /// The spread of our ratios to a reference, of pairs of the same round.
    pub(crate) fn ratios(&self, metric: Metric, reference: usize) -> Spread {
        let [ours, ..] = &self.subjects;
        let reference = self
            .subjects
            .get(reference)
            .map_or(&[][..], |reference| reference.values(metric));
        Spread::of_ratios(ours.values(metric), reference)
    }

    /// The spread of a subject's ratios to the floor.
    pub(crate) fn ratio_to_floor(&self, subject: &Subject, metric: Metric) -> Spread {
        let [_, floor, _] = &self.subjects;
        Spread::of_ratios(subject.values(metric), floor.values(metric))
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
                let now = self.ratios(metric, 1).median;
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
        let [ours, floor, lean] = &self.subjects;
        let (value, text) = match against {
            Against::Nothing => (Spread::of(ours.values(metric)).median, format!("{limit}")),
            Against::Floor => (self.ratios(metric, 1).median, format!("{limit} x {}", floor.name)),
            Against::LeanSdk => (self.ratios(metric, 2).median, format!("{limit} x {}", lean.name)),
        };
        Some((text, value <= limit))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ours, floor, lean] = &self.subjects;
        writeln!(
            formatter,
            "{:<15} {:>9} {:>9} {:>9}   {:^20}  {:^20}",
            self.job.name(),
            ours.name,
            floor.name,
            lean.name,
            format!("ours / {}", floor.name),
            format!("ours / {}", lean.name)
        )?;
        let columns = format!("{:>6} {:>6} {:>6}", "min", "median", "max");
        writeln!(
            formatter,
            "{:<15} {:>9} {:>9} {:>9}   {columns}  {columns}  goal",
            "", "median", "median", "median"
        )?;
        for metric in Metric::ALL {
            let median = |subject: &Subject| Spread::of(subject.values(metric)).median;
            let ratios = |reference| {
                let spread = self.ratios(metric, reference);
                format!("{:>6.2} {:>6.2} {:>6.2}", spread.min, spread.median, spread.max)
            };
            let goal = match self.goal(metric) {
                None => String::new(),
                Some((text, true)) => format!("<= {text}: met"),
                Some((text, false)) => format!("<= {text}: MISSED"),
            };
            let line = format!(
                "{:<15} {:>9.3} {:>9.3} {:>9.3}   {}  {}  {goal}",
                metric.name(),
                median(ours),
                median(floor),
                median(lean),
                ratios(1),
                ratios(2)
            );
            writeln!(formatter, "{}", line.trim_end())?;
        }
        writeln!(formatter, "\nrequests / connections / sequential round trips")?;
        for (place, calls) in ours.calls.iter().enumerate() {
            let counts = self.subjects.iter().filter_map(|subject| subject.calls.get(place));
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
        let [ours, floor, lean] = &report.subjects;
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
        let results = json!({
            "ours": values(ours),
            "floor": values(floor),
            "lean_sdk": values(lean),
            "ours_by_floor": metrics(&|metric| report.ratios(metric, 1)),
            "ours_by_lean_sdk": metrics(&|metric| report.ratios(metric, 2)),
        });
        (report.job.name().to_owned(), results)
    });
    let all = json!({
        "version": options.version,
        "rounds": options.rounds,
        "warm": options.warm,
        "upstream_ms": options.upstream_ms,
        "lambda_mb": options.lambda_mb,
        "functions": functions.collect::<Map<_, _>>(),
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}
