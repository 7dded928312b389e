//! The metrics and the error codes that functions print.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::telemetry::metrics::Metric;

/// What many processes have printed.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By name and value of the dimension, which is empty without one.
    series: BTreeMap<(String, String), Series>,
    /// Number of log lines at the level of errors, by code.
    errors: BTreeMap<String, u64>,
}

/// The values of a metric.
#[derive(Clone, Copy, Debug, Default)]
struct Series {
    sum: u64,
    values: u64,
}

impl Metrics {
    /// Reads a line: metrics in CloudWatch's embedded metric format, or a log line.
    pub(crate) fn read(&mut self, line: &str) {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            return;
        };
        let Some(directive) = line.pointer("/_aws/CloudWatchMetrics/0") else {
            self.read_log(&line);
            return;
        };
        let dimension = directive.pointer("/Dimensions/0/0").and_then(Value::as_str);
        let dimension = dimension.and_then(|dimension| line.get(dimension)?.as_str());
        let metrics = directive.get("Metrics").and_then(Value::as_array);
        for name in metrics
            .into_iter()
            .flatten()
            .filter_map(|metric| metric.get("Name")?.as_str())
        {
            let key = (name.to_owned(), dimension.unwrap_or_default().to_owned());
            let series = self.series.entry(key).or_default();
            let value = line.get(name).cloned().unwrap_or_default();
            let values = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
            for value in values.iter().filter_map(Value::as_f64) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the functions record whole numbers that are not negative"
                )]
                let value = value as u64;
                series.sum += value;
                series.values += 1;
            }
        }
    }

    fn read_log(&mut self, line: &Value) {
        let text = |name| line.get(name).and_then(Value::as_str);
        if let (Some("ERROR"), Some(code)) = (text("level"), text("code")) {
            *self.errors.entry(code.to_owned()).or_default() += 1;
        }
    }

    fn of(&self, metric: Metric) -> impl Iterator<Item = (&str, Series)> {
        let series = self.series.iter().filter(move |((name, _), _)| name == metric.name());
        series.map(|((_, dimension), series)| (dimension.as_str(), *series))
    }

    /// The sum of a metric, over all values of its dimension.
    pub(crate) fn sum(&self, metric: Metric) -> u64 {
        self.of(metric).map(|(_, series)| series.sum).sum()
    }

    /// The sum of a metric for one value of its dimension.
    pub(crate) fn sum_by(&self, metric: Metric, value: &str) -> u64 {
        let series = self.of(metric).filter(|(dimension, _)| *dimension == value);
        series.map(|(_, series)| series.sum).sum()
    }

    /// How many values of a metric were recorded for one value of its dimension.
    pub(crate) fn values_by(&self, metric: Metric, value: &str) -> u64 {
        let series = self.of(metric).filter(|(dimension, _)| *dimension == value);
        series.map(|(_, series)| series.values).sum()
    }

    /// The codes of the errors that were logged, with their number.
    pub(crate) fn errors(&self) -> impl Iterator<Item = String> {
        self.errors
            .iter()
            .map(|(code, number)| format!("errors logged as {code}: {number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_values_of_all_lines_are_added() {
        let mut metrics = Metrics::default();
        for _ in 0..2 {
            metrics.read(r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"Registered"},{"Name":"Completed"}]}]},"Registered":2,"Completed":[1.0,0.0]}"#);
            metrics.read(r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[["call"]],"Metrics":[{"Name":"SpotifyLatency"}]}]},"call":"token","SpotifyLatency":[7.0,9.0,0.0]}"#);
        }
        metrics.read(r#"{"level":"INFO","code":"CALLBACK_COMPLETED"}"#);
        metrics.read("no JSON");
        assert_eq!(
            [Metric::Registered, Metric::Completed].map(|metric| metrics.sum(metric)),
            [4, 2]
        );
        assert_eq!(metrics.values_by(Metric::SpotifyLatency, "token"), 6);
        assert_eq!(metrics.values_by(Metric::SpotifyLatency, "register-user"), 0);
        assert_eq!(metrics.errors().count(), 0);
    }

    #[test]
    fn an_error_in_the_log_is_counted() {
        let mut metrics = Metrics::default();
        metrics.read(r#"{"level":"ERROR","code":"STORE_UNAVAILABLE"}"#);
        assert_eq!(
            metrics.errors().collect::<Vec<_>>(),
            ["errors logged as STORE_UNAVAILABLE: 1"]
        );
    }
}
