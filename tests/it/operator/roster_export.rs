//! `soa-link export`, and the error texts of commands when a file, table or function is missing.

use serde_json::{Value, json};
use shared::partner::{PartnerId, PartnerUserId};

use crate::support::{
    cli::{CliHarness, csv, id},
    set_entitlements,
};

#[tokio::test]
async fn an_export_lists_the_table_and_can_be_imported() {
    let desk = CliHarness::new("export").await;
    for n in 0..250 {
        desk.has(n, &["gold", "silver"]).await;
    }
    let other = PartnerId::parse("1111111111111111111111").unwrap();
    let stranger = PartnerUserId::parse(&id(1)).unwrap();
    set_entitlements(&desk.subscribers, &other, &stranger, &["theirs"], 1).await;
    assert_eq!(desk.world.signed_in("ada").link("mara").await.status, 302);
    let csv = desk.folder.join("all.csv");
    let (code, said) = desk.says(&["export", "--output", csv.to_str().unwrap()]).await;
    assert!(code == 0 && said.contains("251 subscribers"), "{said}");
    let text = std::fs::read_to_string(&csv).unwrap();
    assert!(!text.contains("theirs") && !text.contains("rate-limit#"), "{text}");
    // A subscriber who waits for sync has a `dirty_since`.
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let waiting = header.iter().position(|name| *name == "dirty_since").unwrap();
    assert_eq!(lines.filter(|cells| !cells[waiting].is_empty()).count(), 1);
    // No cell needs quotes, and no spreadsheet reads a cell as a formula.
    for cell in text.lines().skip(1).flat_map(|line| line.split(',')) {
        assert!(!cell.starts_with(['=', '+', '-', '@', '"', '\t']), "{cell}");
    }
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&csv).unwrap().permissions()) & 0o777,
        0o600
    );

    let roster = csv.to_str().unwrap();
    let diff = desk.diff(&[roster, "--dry-run", "--ignore-other-columns"]).await;
    assert_eq!(
        (diff["diff"]["unchanged"].as_u64(), diff["diff"]["revoked"].as_u64()),
        (Some(250), Some(0)),
        "{diff}"
    );
    let lines = desk.run(&["export", "--format", "jsonl", "--only", "dirty"]).await;
    let lines: Vec<Value> = String::from_utf8(lines.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["link_state"], &lines[0]["link_evidence"]),
        (&json!("pending"), &json!("register-user"))
    );
    let registered_at = lines[0]["registered_at"].as_i64().unwrap();
    assert!(
        (lines[0]["dirty_since"].as_i64().unwrap() - registered_at).abs() <= 20,
        "{}",
        lines[0]
    );
    let drift = desk.run(&["export", "--only", "drift"]).await;
    assert_eq!(String::from_utf8(drift.stdout).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn a_missing_resource_is_reported_in_one_sentence() {
    let desk = CliHarness::new("sentences").await;
    let roster = desk.file("roster.csv", &csv(&[(1, "gold")]));
    for arguments in [
        vec!["import", "nowhere.csv", "--dry-run"],
        vec!["import", &roster, "--dry-run", "--subscribers-table", "no-such-table"],
        vec!["export", "--subscribers-table", "no-such-table"],
        vec!["export", "--partner-id", "not one"],
        vec!["explain", "--sub", "x", "--partners-function", "no-such-function"],
    ] {
        let (code, said) = desk.says(&arguments).await;
        assert_eq!(code, 2, "{said}");
        assert!(
            said.lines().last().unwrap().len() > 20 && !said.contains("panicked"),
            "{said}"
        );
    }
}
