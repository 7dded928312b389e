//! Alarms and the dashboard of `infra/template.yaml`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::telemetry::{Code, metrics::Metric};

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
                assert!(Code::ALL.iter().any(|known| known.as_str() == code), "{code}");
            }
            let metric = &filter["MetricTransformations"][0];
            // CloudWatch charges for a metric in each hour with a value, also if it is 0. Missing data is no fault here, see below.
            assert_eq!(metric.get("DefaultValue"), None, "{metric}");
            metric["MetricName"].as_str().unwrap()
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
        // Missing data means no fault, except for this alarm: each sweep emits a value at its end, so missing data means that none runs.
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
    let of_single_events = [
        "GuardHeldAlarm",
        "LinksLostAlarm",
        "PartnerUncertainAlarm",
        "RecordsSetAsideAlarm",
        "UnlinksHeldAlarm",
    ];
    assert_eq!(silent, BTreeSet::from(of_single_events));
    let runbook = std::fs::read_to_string(format!("{ROOT}/infra/RUNBOOK.md")).unwrap();
    for name in of_single_events {
        let heading = format!("\n## {}\n", name.trim_end_matches("Alarm"));
        let section = runbook.split(&heading).nth(1).unwrap().split("\n## ").next().unwrap();
        let words = section.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("The alarm ends by itself"), "{name}");
    }
}

/// Each of these events needs an operator, so one is enough, and a minute later the next one notifies again.
#[test]
fn one_event_that_needs_an_operator_raises_its_alarm() {
    let template = template();
    let all = &template["Resources"];
    for (name, logs, code) in [
        ("GuardHeld", "SyncLogs", Code::GuardHeld),
        ("UnlinksHeld", "SyncLogs", Code::UnlinksHeld),
        ("RecordsSetAside", "SyncLogs", Code::RecordSetAside),
        ("PartnerUncertain", "PartnersLogs", Code::PartnerUncertain),
    ] {
        let filter = &all[format!("{name}Filter")]["Properties"];
        assert_eq!(filter["LogGroupName"], json!({"Ref": logs}), "{name}");
        let pattern = format!("{{ $.code = \"{code}\" }}");
        assert_eq!(filter["FilterPattern"], pattern, "{name}");
        assert_eq!(filter["MetricTransformations"][0]["MetricName"], name);
        assert_eq!(filter["MetricTransformations"][0]["MetricValue"], "1", "{name}");
        let alarm = &all[format!("{name}Alarm")]["Properties"];
        let expected = json!({
            "MetricName": name, "Statistic": "Sum", "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1,
            "Period": 60, "EvaluationPeriods": 1, "DatapointsToAlarm": 1,
        });
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&alarm[member], value, "{name} {member}");
        }
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

/// The dashboard shows every alarm, and only metrics that exist. CloudWatch's free tier has three dashboards of up to 50 metrics.
#[test]
fn the_dashboard_shows_every_alarm_and_at_most_50_existing_metrics() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap().iter();
    let metrics: Vec<_> = widgets
        .flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten())
        .collect();
    assert!((1..=50).contains(&metrics.len()), "{}", metrics.len());
    for metric in metrics {
        // A search or another expression is an object without a namespace.
        let namespace = metric[0].as_str().unwrap_or_else(|| panic!("{metric}"));
        if namespace != "soa-link/${AWS::StackName}" {
            assert!(namespace.starts_with("AWS/"), "{metric}");
            continue;
        }
        let known = Metric::ALL.iter().find(|known| metric[1] == known.name());
        let known = known.unwrap_or_else(|| panic!("{metric}"));
        assert_eq!(metric[2].as_str(), known.dimension(), "{metric}");
        if *known == Metric::LinkFailed {
            assert!(Code::ALL.iter().any(|code| metric[3] == code.as_str()), "{metric}");
        }
    }
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
