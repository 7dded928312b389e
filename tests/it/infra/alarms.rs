//! Alarms and the dashboard of `infra/template.yaml`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::telemetry::metrics::Metric;

use crate::support::template::{FUNCTIONS, ROOT, list, resources, template};

/// Each alarm uses a metric that a function emits or a filter counts, and each filter matches an existing log code and has an alarm.
#[test]
fn each_alarm_watches_a_metric_that_exists() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let filters = resources(&template, "AWS::Logs::MetricFilter");
    let counted: BTreeSet<_> = filters
        .values()
        .map(|filter| {
            let pattern = filter["FilterPattern"].as_str().unwrap();
            if let Some((_, code)) = pattern.split_once("$.code = \"") {
                let code = code.split('"').next().unwrap();
                assert!(
                    shared::telemetry::Code::ALL.iter().any(|known| known.as_str() == code),
                    "{code}"
                );
            }
            filter["MetricTransformations"][0]["MetricName"].as_str().unwrap()
        })
        .collect();
    // Our own metrics come from a filter on log codes or from the functions.
    let single = alarms.values().map(|alarm| {
        let of = |name: &str| alarm.get(name).unwrap_or(&Value::Null);
        (of("Namespace"), of("MetricName"), of("Dimensions"))
    });
    let of_expressions = alarms
        .values()
        .flat_map(|alarm| alarm.get("Metrics").and_then(Value::as_array).into_iter().flatten());
    let of_expressions = of_expressions.map(|part| &part["MetricStat"]["Metric"]);
    let of_expressions =
        of_expressions.map(|metric| (&metric["Namespace"], &metric["MetricName"], &metric["Dimensions"]));
    let own: BTreeSet<_> = single
        .chain(of_expressions)
        .filter(|(namespace, ..)| namespace["Fn::Sub"] == "soa-link/${AWS::StackName}")
        .map(|(_, name, dimensions)| (name.as_str().unwrap(), dimensions[0]["Name"].as_str()))
        .collect();
    for (name, dimension) in &own {
        let measured = Metric::ALL.iter().find(|metric| metric.name() == *name);
        assert!(
            counted.contains(name) || measured.is_some_and(|metric| metric.dimension() == *dimension),
            "{name} {dimension:?}"
        );
    }
    assert!(counted.iter().all(|name| own.contains(&(*name, None))));
    for (name, alarm) in &alarms {
        // Missing data means no fault, except for this alarm: the sweep emits a value each minute, so missing data means that it does not run.
        let missing = if *name == "SyncSilentAlarm" {
            "breaching"
        } else {
            "notBreaching"
        };
        assert_eq!(alarm["TreatMissingData"], missing, "{name}");
    }
}

/// The alarm of a single event ends by itself while its cause remains. A notification of the end would be misleading.
#[test]
fn each_alarm_reports_its_end_except_for_single_events() {
    let template = template();
    let topic = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    let mut silent = BTreeSet::new();
    for (name, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"], topic, "{name}");
        match alarm.get("OKActions") {
            Some(action) => assert_eq!(action, &topic, "{name}"),
            None => assert!(silent.insert(name)),
        }
    }
    let of_single_events = ["GuardHeldAlarm", "LinksLostAlarm", "PartnerUncertainAlarm"];
    assert_eq!(silent, BTreeSet::from(of_single_events));
    let runbook = std::fs::read_to_string(format!("{ROOT}/infra/RUNBOOK.md")).unwrap();
    for name in of_single_events {
        let heading = format!("\n## {}\n", name.trim_end_matches("Alarm"));
        let section = runbook.split(&heading).nth(1).unwrap().split("\n## ").next().unwrap();
        let words = section.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("The alarm ends by itself"), "{name}");
    }
}

/// A run that never starts emits no metric and reports no failure, so missing data must raise the alarm.
#[test]
fn a_sync_that_does_not_run_raises_an_alarm() {
    let alarm = &template()["Resources"]["SyncSilentAlarm"]["Properties"];
    let expected = json!({
        "MetricName": Metric::DirtyItems.name(), "Statistic": "SampleCount", "ComparisonOperator": "LessThanThreshold", "Threshold": 1,
        "Period": 300, "EvaluationPeriods": 2, "DatapointsToAlarm": 2, "TreatMissingData": "breaching",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&alarm[name], value, "{name}");
    }
    assert_eq!(alarm.get("Dimensions"), None);
}

/// A canary deployment rolls back on the first alarm. The second one reports that Lambda throttles a function.
#[test]
fn the_function_alarms_cover_every_function() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let summed = |alarm: &str| {
        let parts = list(&alarms[alarm]["Metrics"]);
        assert_eq!(parts[0]["Expression"], "SUM(METRICS())", "{alarm}");
        let metrics = parts[1..].iter().map(|part| {
            let metric = &part["MetricStat"]["Metric"];
            let of = metric["Dimensions"][0]["Value"]["Ref"].as_str().unwrap_or_default();
            (metric["MetricName"].as_str().unwrap().to_owned(), of.to_owned())
        });
        metrics.collect::<BTreeSet<_>>()
    };
    let of_each = |metric: &str| FUNCTIONS.map(|function| (metric.to_owned(), function.to_owned()));
    let mut faults = BTreeSet::from(of_each("Errors"));
    faults.insert((Metric::Faults.name().to_owned(), String::new()));
    assert_eq!(summed("ReleaseFaultyAlarm"), faults);
    assert_eq!(summed("ThrottledAlarm"), BTreeSet::from(of_each("Throttles")));
}

/// The dashboard omits no metric and no alarm, and shows none that does not exist.
#[test]
fn the_dashboard_shows_exactly_the_existing_metrics_and_alarms() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let mut shown = BTreeSet::new();
    let metrics = body["widgets"].as_array().unwrap().iter();
    for metric in metrics.flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten()) {
        match metric[0].as_str() {
            Some("soa-link/${AWS::StackName}") => {
                let dimension = metric[2].as_str();
                shown.insert((metric[1].as_str().unwrap().to_owned(), dimension.map(str::to_owned)));
            }
            Some(aws) => assert!(aws.starts_with("AWS/"), "{metric}"),
            None => {
                let search = metric[0]["expression"].as_str().unwrap();
                let of =
                    |before: &str, after: char| search.split(before).nth(1).and_then(|rest| rest.split(after).next());
                assert!(search.contains("\"soa-link/${AWS::StackName}\","), "{search}");
                let name = of("MetricName=\"", '"').unwrap().to_owned();
                shown.insert((name, of("\",", '}').map(str::to_owned)));
            }
        }
    }
    let existing = Metric::ALL
        .iter()
        .map(|metric| (metric.name().to_owned(), metric.dimension().map(str::to_owned)));
    assert_eq!(shown, existing.collect());
    let alarms = body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|widget| widget["type"] == "alarm")
        .unwrap();
    let alarms = alarms["properties"]["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arn| arn.as_str().unwrap());
    let alarms: BTreeSet<_> = alarms
        .map(|arn| arn.trim_start_matches("${").trim_end_matches(".Arn}"))
        .collect();
    assert_eq!(
        alarms,
        resources(&template, "AWS::CloudWatch::Alarm").keys().copied().collect()
    );
}
