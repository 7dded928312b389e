//! The tables under "What it costs" in `infra/README.md` agree with the template and with their own arithmetic.

use serde_json::Value;
use shared::store::DIRTY_SHARDS;

use crate::support::template::{ROOT, list, resources, template};

/// Days in a month of 730 hours, as the tables count.
const DAYS: f64 = 30.4;
/// What a small partner adds to idle days in a month.
const LINKS: f64 = 100.0;
const CHANGES: f64 = 1000.0;

/// The cells of the table below a heading of `infra/README.md`, without its header.
fn table(heading: &str) -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(format!("{ROOT}/infra/README.md")).unwrap();
    let (_, section) = readme
        .split_once(&format!("\n### {heading}\n"))
        .unwrap_or_else(|| panic!("{heading}"));
    let section = section.split("\n##").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

/// The number at the start of a cell.
fn number(cell: &str) -> f64 {
    let digits = cell
        .trim_matches('*')
        .split([' ', ';'])
        .next()
        .unwrap()
        .replace(',', "");
    let digits = digits.trim_end_matches(',');
    digits.parse().unwrap_or_else(|_| panic!("{cell}"))
}

/// The amount and the price of a row of "A small partner".
fn row(name: &str) -> (f64, f64) {
    let rows = table("A small partner");
    let row = rows
        .iter()
        .find(|row| row[0] == name)
        .unwrap_or_else(|| panic!("{name}"));
    (number(&row[1]), number(&row[2]))
}

fn close(one: f64, other: f64, by: f64) -> bool {
    (one - other).abs() <= by
}

#[test]
fn a_small_partner_pays_less_than_ten_dollars_and_each_row_is_its_amount_times_its_price() {
    let mut rows = table("A small partner");
    let total = rows.pop().unwrap();
    let mut sums = [0.0, 0.0];
    for row in &rows {
        let unit = row[2].split_once(' ').unwrap().1;
        let per = match unit {
            "each" | "per GB" | "per GB s" => 1.0,
            "per 10,000" => 10_000.0,
            "per million" => 1_000_000.0,
            _ => panic!("{unit}"),
        };
        let dollars = number(&row[1]) * number(&row[2]) / per;
        assert!(close(dollars, number(&row[3]), 0.005_001), "{row:?} {dollars}");
        assert!(number(&row[4]) <= number(&row[3]), "{row:?}");
        sums[0] += number(&row[3]);
        sums[1] += number(&row[4]);
    }
    assert!(close(sums[0], number(&total[3]), 0.001), "{sums:?}");
    assert!(close(sums[1], number(&total[4]), 0.001), "{sums:?}");
    assert!(sums[0] < 10.0, "{sums:?}");
}

/// Each metric of an alarm is charged, also in an expression.
#[test]
fn the_costs_count_the_alarms_the_dashboard_and_the_secrets_of_the_template() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let metrics = alarms.values().map(|alarm| match alarm.get("Metrics") {
        Some(parts) => list(parts)
            .iter()
            .filter(|part| part.get("MetricStat").is_some())
            .count(),
        None => 1,
    });
    assert_eq!(
        row("CloudWatch alarms").0.to_string(),
        metrics.sum::<usize>().to_string()
    );
    let dashboards = resources(&template, "AWS::CloudWatch::Dashboard");
    assert_eq!(row("CloudWatch dashboard").0.to_string(), dashboards.len().to_string());
    // The third secret exists only with an OpenID provider.
    let secrets = resources(&template, "AWS::SecretsManager::Secret");
    let secrets = secrets
        .keys()
        .filter(|name| template["Resources"][**name].get("Condition").is_none());
    assert_eq!(
        row("Secrets Manager, secrets").0.to_string(),
        secrets.count().to_string()
    );
    // Lambda's own lines and X-Ray are off by default.
    assert_eq!(template["Parameters"]["Tracing"]["Default"], "PassThrough");
    let functions = resources(&template, "AWS::Serverless::Function");
    assert!(
        functions
            .values()
            .all(|function| function["LoggingConfig"]["SystemLogLevel"] == "WARN")
    );
    assert!(row("X-Ray").0 + row("CloudWatch Logs, lines of Lambda").0 < 0.5);
    // The metrics of the dashboard are those of the free tier.
    let body: Value =
        serde_json::from_str(dashboards["Dashboard"]["DashboardBody"]["Fn::Sub"].as_str().unwrap()).unwrap();
    let shown: usize = list(&body["widgets"])
        .iter()
        .map(|widget| widget["properties"]["metrics"].as_array().map_or(0, Vec::len))
        .sum();
    let cells = table("A small partner");
    let cell = &cells.iter().find(|row| row[0] == "CloudWatch dashboard").unwrap()[1];
    assert_eq!(cell, &format!("1, of {shown} metrics"));
}

/// `tests/it/sync` compares the table of an idle day with a simulated one.
#[test]
fn the_costs_of_a_small_partner_follow_from_its_idle_days() {
    let idle = table("One idle day with 1,000 linked subscribers");
    let idle = |name: &str| {
        let row = idle
            .iter()
            .find(|row| row[0] == name)
            .unwrap_or_else(|| panic!("{name}"));
        number(&row[1])
    };
    // For each link and each change, as the text says.
    for (what, of_idle, of_link, of_change) in [
        ("Lambda, requests", "Invocations of `sync`", 6.0, 3.0),
        ("DynamoDB, writes", "DynamoDB write units", 10.0, 9.0),
        ("DynamoDB, reads", "DynamoDB read units", 5.0, 1.0),
    ] {
        let expected = idle(of_idle) * DAYS + LINKS * of_link + CHANGES * of_change;
        let (amount, _) = row(what);
        assert!(
            close(amount, expected, 100.0),
            "{what} {amount}, but expected about {expected}"
        );
    }
    // One call for each linked subscriber, and the token.
    assert!(close(idle("Calls to Spotify"), 1000.0, 10.0));
}

#[test]
fn the_costs_of_a_million_changes_add_up() {
    let mut rows = table("A million changes");
    let total = rows.pop().unwrap();
    let sum: f64 = rows.iter().map(|row| number(&row[3])).sum();
    assert!(close(sum, number(&total[3]), 0.001), "{sum}");
}

/// What a subscriber adds in a month, in dollars: a change, the daily comparison, a tenth of a link, and the item.
fn dollars_of_a_subscriber() -> [f64; 4] {
    const GB_SECOND: f64 = 13.3334e-6;
    const WRITE: f64 = 0.625e-6;
    const READ: f64 = 0.125e-6;
    let changes = table("A million changes").pop().unwrap();
    let comparison = 0.05 * GB_SECOND + 0.4 * WRITE + 0.07 * READ;
    // API Gateway, Lambda, DynamoDB, an event, logs.
    let link = 4.0e-6 + 6.0 * 0.2e-6 + 0.4 * GB_SECOND + 10.0 * WRITE + 5.0 * READ + 1.0e-6 + 3.0e-6 * 0.5;
    [
        number(&changes[3]) / 1e6,
        DAYS * comparison,
        0.1 * link,
        550e-9 * row("DynamoDB, storage and point-in-time recovery").1,
    ]
}

#[test]
fn the_table_of_scale_follows_from_the_costs_of_one_subscriber() {
    let each = dollars_of_a_subscriber();
    for (one, documented) in each.iter().zip([10.08, 28.13, 2.0, 0.25]) {
        assert!(close(one * 1e6, documented, 0.012), "{each:?}");
    }
    let each: f64 = each.iter().sum();
    let small = number(&table("A small partner").pop().unwrap()[3]);
    let fixed = small - 1000.0 * each;
    let all_metrics = fixed + (30.0 - row("CloudWatch metrics").0) * row("CloudWatch metrics").1;
    assert!(
        close(fixed, 9.47, 0.005) && close(all_metrics, 16.64, 0.005),
        "{fixed} {all_metrics}"
    );

    let rows = table("From a thousand to a hundred million subscribers");
    let subscribers: Vec<_> = rows.iter().map(|row| number(&row[0])).collect();
    assert_eq!(subscribers, [1e3, 1e4, 1e5, 1e6, 1e7, 1e8]);
    for (row, subscribers) in rows.iter().zip(subscribers) {
        let about = |cell: usize, expected: f64| {
            assert!(
                close(number(&row[cell]), expected, expected * 0.03),
                "{row:?} {expected}"
            );
        };
        let fixed = if subscribers < 10_000.0 { fixed } else { all_metrics };
        about(1, fixed + subscribers * each);
        about(2, subscribers * 550e-9);
        // The comparisons, a change, and two calls for a tenth of a link.
        about(3, subscribers * (DAYS + 1.2) / (730.0 * 3600.0));
        let seconds = subscribers / calls_per_second();
        let unit = match row[4].split_once(' ').unwrap().1 {
            "minutes" => 60.0,
            "hours" => 3600.0,
            "days" => 86_400.0,
            unit => panic!("{unit}"),
        };
        about(4, seconds / unit);
        let units = subscribers * 0.055;
        if row[5] == "under 1 s" {
            assert!(units / 12_000.0 < 1.0);
        } else {
            about(5, units / 12_000.0);
        }
        about(6, units * 0.125e-6);
    }
}

/// Calls that runs make at the default rate: they work in 250 of 300 seconds (`functions/sync/src/run.rs`).
fn calls_per_second() -> f64 {
    let template = template();
    assert_eq!(template["Resources"]["SyncFunction"]["Properties"]["Timeout"], 300);
    let rate = template["Parameters"]["SpotifyRate"]["Default"].as_f64().unwrap();
    rate * 250.0 / 300.0
}

#[test]
fn the_limits_of_scale_follow_from_the_template_and_the_code() {
    let rows = table("What breaks first");
    let limit = |name: &str| rows.iter().find(|row| row[0] == name).unwrap().join(" ");
    let says = |name: &str, what: &str| assert!(limit(name).contains(what), "{}: {what}", limit(name));
    let a_day = calls_per_second() * 86_400.0;
    assert!(close(a_day, 360_000.0, 1.0) && close(4.0 * 250.0 / 300.0 * 86_400.0, 288_000.0, 1.0));
    says("Spotify's rate", "= 360,000 a day");
    says("Spotify's rate", "up to 720: 10.8 million");
    let template = template();
    assert_eq!(template["Parameters"]["ReconcileHours"]["MaxValue"], 720);
    says("One call after another in a sweep and in a comparison", "288,000 a day");
    says("A release of the guard", "360,000 removals");
    // Without a setting of its own, one invocation works on a shard.
    let stream = &template["Resources"]["SyncFunction"]["Properties"]["Events"]["Stream"]["Properties"];
    assert!(stream.get("ParallelizationFactor").is_none());
    says("Individual changes, through the stream", "16 a second");
    assert!(close(400.0 * 1024.0 / 27.0, 15_000.0, 200.0));
    says("Partners", "15,000 partners");
    let changes = u32::from(DIRTY_SHARDS) * 1000 / 2;
    assert_eq!(changes, 4000);
    says("The index `dirty`", "4,000 changes a second");
    says("The index `dirty`", &format!("{DIRTY_SHARDS} shards"));
}
