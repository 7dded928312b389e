//! The tables under "What it costs" in `infra/README.md` agree with the template and with their own arithmetic.

use serde_json::Value;

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
