//! Owns what is counted and measured, in CloudWatch's embedded metric format: one JSON line on standard output when an invocation ends. Needs nothing of ours.
//! Refuses dimensions that grow with people or partners: each combination is paid for.

use std::{io::Write, sync::OnceLock};

use metrics_cloudwatch_embedded::{Builder, Collector};

use crate::telemetry::Code;
use ::metrics::{Label, Unit, counter, describe_counter, describe_histogram, histogram};

/// Declares the metrics. The dashboard and the alarms are held to these names.
macro_rules! names {
    ($($name:ident = $unit:ident $([$dimension:literal])?, $sentence:literal;)*) => {
        /// A metric's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = $sentence] $name,)*
        }

        impl Metric {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As CloudWatch has it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The one dimension it comes with, if any.
            #[must_use]
            pub fn dimension(self) -> Option<&'static str> {
                match self { $(Self::$name => [$($dimension,)? ""].first().copied().filter(|name: &&str| !name.is_empty()),)* }
            }

            /// The label of one value of the dimension; a metric without one has no label.
            fn label(self, value: &'static str) -> Vec<Label> {
                self.dimension().map(|dimension| Label::new(dimension, value)).into_iter().collect()
            }

            fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)* }
            }

            /// What it means.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

names! {
    EntrypointReached = Count, "people who came to an entry point";
    SignedIn = Count, "of them, those of whom we knew who they are";
    ConsentSent = Count, "people sent to Spotify's consent";
    ConsentRefused = Count, "people who turned back there";
    Registered = Count, "links that Spotify registered";
    Completed = Count, "people sent to Spotify's completion URL";
    Confirmed = Count, "links that Spotify has confirmed afterwards";
    LinkLost = Count, "people of whom Spotify has said that they are no longer linked";
    LinkFailed = Count ["reason"], "journeys that ended otherwise, by the code in the log";
    Faults = Count, "requests, of people and of backends, that ended by a fault of ours or ran out of time";
    SpotifyCalls = Count ["status"], "calls to Spotify, by the class of its answer: 2xx, 4xx, 429, 5xx, none";
    SpotifyUnanswered = Count, "of a call to Spotify 1 when it got a 5xx or no answer, else 0: the average is their share";
    SpotifyLatency = Milliseconds ["call"], "how long Spotify took to answer";
    ClientRefused = Count, "calls for a token that Spotify refused with every version of the client secret";
    SyncLag = Seconds, "how long a change took until Spotify followed";
    DirtyAge = Seconds, "how long those have waited who were tried once more in vain";
    DirtyItems = Count, "people whom Spotify does not follow yet, as the sweep found them";
    Drift = Count, "people linked of whom Spotify had something else than it had been told";
}

/// Those of which values are noted, so that there is a nought where something did not happen: an alarm cannot tell that from nothing.
const ZERO_FILLED: [Metric; 3] = [Metric::Completed, Metric::DirtyItems, Metric::SpotifyUnanswered];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Has everything counted from now on, under a namespace of CloudWatch's. Without this nothing is.
pub fn init(namespace: String) {
    // A second call, as of a test, leaves the first one's choice.
    if let Ok(collector) = Builder::new().cloudwatch_namespace(namespace).init() {
        for metric in Metric::ALL {
            match metric.unit() {
                Unit::Count if !ZERO_FILLED.contains(metric) => {
                    describe_counter!(metric.name(), Unit::Count, metric.description());
                }
                unit => describe_histogram!(metric.name(), unit, metric.description()),
            }
        }
        let _ = COLLECTOR.set(collector);
    }
}

/// Writes what was counted since the last time to standard output, where CloudWatch takes it from the function's log.
pub fn flush() {
    flush_to(std::io::stdout().lock());
}

/// As [`flush`], to another place.
pub fn flush_to(writer: impl Write) {
    if let Some(collector) = COLLECTOR.get() {
        // Nothing can be done about a number that cannot be written.
        let _ = collector.flush(writer);
    }
}

/// Counts one.
pub fn count(metric: Metric) {
    counter!(metric.name()).increment(1);
}

/// Counts one under a value of the metric's dimension.
pub(crate) fn count_by(metric: Metric, value: &'static str) {
    counter!(metric.name(), metric.label(value)).increment(1);
}

/// Notes a value, such as a time in the metric's unit.
pub fn record(metric: Metric, n: i64) {
    histogram!(metric.name()).record(exact(n));
}

/// As [`record`], under a value of the metric's dimension.
pub(crate) fn record_by(metric: Metric, value: &'static str, n: i64) {
    histogram!(metric.name(), metric.label(value)).record(exact(n));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times and people are exact far beyond any that there are"
)]
fn exact(n: i64) -> f64 {
    n as f64
}

/// Counts what a request of a journey came to.
pub(crate) fn count_success(code: Code) {
    match code {
        Code::ConsentSent => {
            count(Metric::ConsentSent);
            record(Metric::Completed, 0);
        }
        Code::Completed => record(Metric::Completed, 1),
        _ => {}
    }
}

/// Counts a journey that ended otherwise than with a link. Whoever is sent to sign in is still on their way.
pub(crate) fn count_link_failure(code: Code) {
    match code {
        Code::SignInNeeded => {}
        Code::Cancelled => count(Metric::ConsentRefused),
        code => count_by(Metric::LinkFailed, code.as_str()),
    }
}

/// Counts a request, of a journey or not, that ended by a fault of ours: what Lambda cannot count, for it was answered. A canary goes back by it.
pub fn count_fault(code: Code) {
    if matches!(code, Code::Fault | Code::OutOfTime) {
        count(Metric::Faults);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_counted_is_written_once_in_the_embedded_metric_format() {
        init("soa-link/test".to_owned());
        count(Metric::Registered);
        count(Metric::Registered);
        count_link_failure(Code::StateRejected);
        // Nobody's fault, and two of ours.
        for code in [Code::StateRejected, Code::Fault, Code::OutOfTime] {
            count_fault(code);
        }
        record(Metric::SyncLag, 7);
        let mut written = Vec::new();
        flush_to(&mut written);
        let lines: Vec<Value> = written
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        let directive = |line: &Value| line["_aws"]["CloudWatchMetrics"][0].clone();
        assert_eq!(directive(&lines[0])["Namespace"], "soa-link/test");
        assert_eq!(
            directive(&lines[0])["Metrics"],
            json!([{"Name": "Faults", "Unit": "Count"}, {"Name": "Registered", "Unit": "Count"}, {"Name": "SyncLag", "Unit": "Seconds"}])
        );
        assert_eq!(
            (&lines[0]["Faults"], &lines[0]["Registered"], &lines[0]["SyncLag"]),
            (&json!(2), &json!(2), &json!([7.0]))
        );
        assert_eq!(directive(&lines[1])["Dimensions"], json!([["reason"]]));
        assert_eq!(
            (&lines[1]["reason"], &lines[1]["LinkFailed"]),
            (&json!("CALLBACK_STATE_REJECTED"), &json!(1))
        );
        let mut nothing = Vec::new();
        flush_to(&mut nothing);
        assert_eq!((lines.len(), nothing.len()), (2, 0));
    }
}
