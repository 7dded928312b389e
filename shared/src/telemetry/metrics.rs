//! Metrics in CloudWatch's embedded metric format: JSON lines on standard output at the end of an invocation.
//!
//! No dimension may grow with the number of people or partners, because CloudWatch charges for each combination.

use std::{io::Write, sync::OnceLock};

use metrics_cloudwatch_embedded::{Builder, Collector};

use crate::telemetry::Code;
use ::metrics::{Label, Unit, counter, describe_counter, describe_histogram, histogram};

/// Declares the metrics: name, unit, dimension, and what it measures. The dashboard and the alarms use these names.
macro_rules! names {
    ($($name:ident = $unit:ident $([$dimension:literal])?, $sentence:literal;)*) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = $sentence] $name,)*
        }

        impl Metric {
            /// Every metric.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in CloudWatch.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The name of its dimension, if it has one.
            #[must_use]
            pub fn dimension(self) -> Option<&'static str> {
                match self { $(Self::$name => [$($dimension,)? ""].first().copied().filter(|name: &&str| !name.is_empty()),)* }
            }

            /// The label for a value of the dimension; empty for a metric without a dimension.
            fn label(self, value: &'static str) -> Vec<Label> {
                self.dimension().map(|dimension| Label::new(dimension, value)).into_iter().collect()
            }

            fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)* }
            }

            /// What it measures.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

names! {
    EntrypointReached = Count, "people who opened an entrypoint";
    SignedIn = Count, "people whose identity was verified for linking";
    ConsentSent = Count, "people redirected to Spotify's consent";
    ConsentRefused = Count, "people who refused consent at Spotify";
    Registered = Count, "links that Spotify registered";
    Completed = Count, "people redirected to Spotify's completion URL";
    Confirmed = Count, "links that Spotify confirmed after registration";
    LinkLost = Count, "linked subscribers for whom Spotify answered 404 twice";
    LinkFailed = Count ["reason"], "linking requests that failed, by log code";
    Faults = Count, "requests of people and backends that ended in an internal error or ran out of time";
    SpotifyCalls = Count ["status"], "calls to Spotify, by class of response: 2xx, 4xx, 429, 5xx, none";
    SpotifyUnanswered = Count, "1 for a call to Spotify with a 5xx or no response, otherwise 0; the average is their share";
    SpotifyLatency = Milliseconds ["call"], "duration of a call to Spotify, by call";
    ClientRefused = Count, "token requests that Spotify refused with every version of the client secret";
    SyncLag = Seconds, "time from an individual change until Spotify has it";
    DirtyAge = Seconds, "time since the change, for a subscriber whose sync failed or is held";
    DirtyItems = Count, "subscribers whose changes Spotify does not have yet, counted by the sweep";
    Drift = Count, "linked subscribers whose entitlements at Spotify had changed without us";
}

/// Counts that are recorded as values. A recorded 0 lets an alarm distinguish "did not happen" from "no data".
const ZERO_FILLED: [Metric; 3] = [Metric::Completed, Metric::DirtyItems, Metric::SpotifyUnanswered];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts collecting metrics for a CloudWatch namespace. Before this call, metrics are dropped.
pub fn init(namespace: String) {
    // Fails on a second call, as in tests: the first namespace stays.
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

/// Writes the metrics collected since the last flush to standard output. CloudWatch extracts them from the function's log.
pub fn flush() {
    flush_to(std::io::stdout().lock());
}

/// Like [`flush`], with another writer, which gets all lines in one write: a system call for each would cost more than they do.
pub fn flush_to(mut writer: impl Write) {
    let mut lines = Vec::new();
    // A metric that cannot be written must not fail the invocation.
    let written = COLLECTOR.get().map(|collector| collector.flush(&mut lines));
    if matches!(written, Some(Ok(()))) && !lines.is_empty() {
        let _ = writer.write_all(&lines).and_then(|()| writer.flush());
    }
}

/// Increments a counter by one.
pub fn count(metric: Metric) {
    counter!(metric.name()).increment(1);
}

/// Increments a counter by one, under a value of the metric's dimension.
pub(crate) fn count_by(metric: Metric, value: &'static str) {
    counter!(metric.name(), metric.label(value)).increment(1);
}

/// Records a value in the metric's unit.
pub fn record(metric: Metric, n: i64) {
    histogram!(metric.name()).record(exact(n));
}

/// Like [`record`], under a value of the metric's dimension.
pub(crate) fn record_by(metric: Metric, value: &'static str, n: i64) {
    histogram!(metric.name(), metric.label(value)).record(exact(n));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an f64 is exact up to 2^53, more than any time or count here"
)]
fn exact(n: i64) -> f64 {
    n as f64
}

/// Counts a successful request.
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

/// Counts a failed request of a linking journey. A redirect to the sign-in does not count, because the journey continues.
pub(crate) fn count_link_failure(code: Code) {
    match code {
        Code::SignInNeeded => {}
        Code::Cancelled => count(Metric::ConsentRefused),
        code => count_by(Metric::LinkFailed, code.as_str()),
    }
}

/// Counts a request that ended in an internal error or ran out of time. Lambda cannot count it, because it was answered. A canary deployment rolls back on this
/// metric.
pub fn count_fault(code: Code) {
    if matches!(code, Code::Fault | Code::OutOfTime) {
        count(Metric::Faults);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Keeps each write apart.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_metric_is_written_once_in_the_embedded_metric_format() {
        init("soa-link/test".to_owned());
        count(Metric::Registered);
        count(Metric::Registered);
        count_link_failure(Code::StateRejected);
        // Only the last two are faults.
        for code in [Code::StateRejected, Code::Fault, Code::OutOfTime] {
            count_fault(code);
        }
        record(Metric::SyncLag, 7);
        let mut writes = Writes::default();
        flush_to(&mut writes);
        assert_eq!(writes.0.len(), 1, "one system call for all lines");
        let lines: Vec<Value> = writes.0[0]
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
