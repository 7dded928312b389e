//! `infra/RUNBOOK.md` and `SECURITY.md` match the template, the log codes and the tests.

use std::collections::BTreeSet;

use crate::support::template::{ROOT, resources, template};

/// Each alarm has a section in the runbook with the four expected parts, and the runbook names no unknown code.
#[test]
fn the_runbook_headings_match_the_alarms() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let named: BTreeSet<_> = alarms
        .keys()
        .map(|name| name.trim_end_matches("Alarm").to_owned())
        .collect();
    let runbook = std::fs::read_to_string(format!("{ROOT}/infra/RUNBOOK.md")).unwrap();
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    assert_eq!(named, headings.map(str::to_owned).collect());
    for (heading, text) in runbook
        .split("\n## ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap())
    {
        for part in ["**You see**", "**Why**", "**Do**", "**It worked**"] {
            assert!(text.contains(part), "{heading} {part}");
        }
    }
    let codes = runbook
        .split("--code ")
        .skip(1)
        .map(|after| after.split([' ', '\n', '`']).next().unwrap());
    for code in codes {
        assert!(
            shared::telemetry::Code::ALL.iter().any(|known| known.as_str() == code),
            "{code}"
        );
    }
}

/// Each `code` of a problem+json has a heading, which its `type` names.
#[test]
fn the_guide_of_the_functions_has_a_heading_for_each_error_code() {
    use shared::errors::ErrorKind;
    let guide = std::fs::read_to_string(format!("{ROOT}/functions/README.md")).unwrap();
    let headings = guide
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let headings: BTreeSet<_> = headings.collect();
    let codes: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code).collect();
    assert_eq!(headings, codes);
}

/// The runbook and `functions/README.md` list the code of each 5xx answer, as `ErrorKind` defines them.
#[test]
fn the_runbook_lists_every_5xx_code() {
    use shared::{errors::ErrorKind, telemetry::Code};
    let read = |file: &str| std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let server_errors = ErrorKind::ALL.iter().filter(|kind| kind.is_server_error());
    let answered: BTreeSet<_> = server_errors.map(|kind| kind.log.as_str()).collect();
    let cells = |line: &str| -> Vec<String> {
        line.split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ', '`']).to_owned())
            .collect()
    };
    // The documentation for partners lists the same codes.
    let page = read("functions/README.md");
    let rows = page.lines().filter(|line| line.starts_with("| 5")).map(cells);
    let told: BTreeSet<_> = rows.map(|cells| cells[2].clone()).collect();
    assert_eq!(told, answered.iter().map(|code| (*code).to_owned()).collect());

    let runbook = read("infra/RUNBOOK.md");
    let (_, section) = runbook.split_once("\n## ApiErrors\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(cells);
    let known: BTreeSet<_> = rows.map(|cells| cells[0].clone()).collect();
    for code in &answered {
        assert!(known.contains(*code), "{code}");
    }
    // These codes are logged together with the code of the answer.
    for code in ["PARTNER_SETTINGS_UNUSABLE", "FUNCTION_NOT_STARTED"] {
        assert!(known.contains(code), "{code}");
    }
    for code in &known {
        assert!(Code::ALL.iter().any(|one| one.as_str() == code), "{code}");
    }
}

/// Each test that the threat model in `SECURITY.md` names exists.
#[test]
fn every_test_named_in_the_threat_model_exists() {
    fn sources(folder: &std::path::Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for folder in ["tests/it", "tests/sandbox", "functions", "shared/src", "infra/cli/src"] {
        sources(&std::path::Path::new(ROOT).join(folder), &mut all);
    }
    let model = std::fs::read_to_string(format!("{ROOT}/SECURITY.md")).unwrap();
    let mut rows = 0;
    for row in model
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        rows += 1;
        for name in shown_by.split(", ").map(|name| name.trim_matches('`')) {
            assert!(
                all.contains(&format!("fn {name}("))
                    || all.contains(&format!("        {name}\n"))
                    || all.contains(&format!("        {name},")),
                "{name}"
            );
        }
    }
    assert!(rows > 10);
}
