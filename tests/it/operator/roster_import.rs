//! `soa-link import`.

use std::{process::Stdio, time::Duration};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use sandbox::deployment;
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::{Entitlements, PartnerUserId},
    store::Subscribers,
};
use tokio::process::{Child, Command};

use crate::support::{
    cli::{CliHarness, csv, id},
    faulty_dynamodb::Front,
};

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str) {
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build();
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build();
    let table = dynamodb
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(id.unwrap()).key_schema(key.unwrap());
    table.send().await.unwrap();
}

#[tokio::test]
async fn an_import_applies_the_roster_and_leaves_other_subscribers_alone() {
    let desk = CliHarness::new("exact").await;
    desk.has(1, &["gold"]).await;
    desk.has(2, &["gold"]).await;
    desk.has(3, &["gold", "silver"]).await;
    desk.has(9, &["gold"]).await;
    let roster = desk.file(
        "roster.csv",
        &csv(&[(1, "gold"), (2, "silver gold"), (3, "silver"), (4, "gold"), (5, "")]),
    );
    let diff = desk.diff(&[&roster, "--dry-run"]).await;
    let expected = json!({
        "unchanged": 1, "new": 2, "granted": 1, "revoked": 1, "revoked_linked": 0, "missing": 0, "skipped_concurrent": 0,
    });
    assert_eq!((&diff["rows"], &diff["diff"]), (&json!(5), &expected));
    assert_eq!((desk.get(4).await.version, desk.get(3).await.version), (0, 1));

    // Without consent to the write and to the number of revocations, nothing is written.
    for arguments in [vec![], vec!["--yes"], vec!["--yes", "--allow-revocations", "0"]] {
        let (code, said) = desk
            .says(&[&["import", roster.as_str()], arguments.as_slice()].concat())
            .await;
        assert_eq!(code, 2, "{said}");
        assert_eq!(desk.get(3).await.version, 1);
    }
    let (code, said) = desk
        .says(&["import", &roster, "--yes", "--allow-revocations", "1"])
        .await;
    assert_eq!(code, 0, "{said}");
    for (n, names, version) in [
        (1, "gold", 1),
        (2, "gold silver", 2),
        (3, "silver", 2),
        (4, "gold", 1),
        (5, "", 1),
        (9, "gold", 1),
    ] {
        assert_eq!(
            (desk.hears(n).await, desk.get(n).await.version),
            (names.to_owned(), version),
            "{n}"
        );
    }
    // A second import has no changes and needs no consent.
    let (code, said) = desk.says(&["import", &roster]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(desk.get(3).await.version, 2);
}

#[tokio::test]
async fn a_roster_may_name_subscribers_by_account_id() {
    let desk = CliHarness::new("sub").await;
    let sub = &desk.world.person("ada").sub;
    let csv = desk.file("roster.csv", &format!("sub,entitlements\n{sub},gold\n"));
    let (code, said) = desk.says(&["import", &csv, "--yes"]).await;
    assert!(
        code == 1 && said.contains("line 2: sub requires --partner-keys-id"),
        "{said}"
    );
    let json = desk.file(
        "roster.jsonl",
        &(json!({"sub": sub, "entitlements": ["silver"]}).to_string() + "\n"),
    );
    for (roster, names) in [(csv, "gold"), (json, "silver")] {
        let lose = if names == "silver" { "1" } else { "0" };
        let (code, said) = desk
            .says(&[
                "import",
                &roster,
                "--yes",
                "--allow-revocations",
                lose,
                "--partner-keys-id",
                deployment::PARTNER_KEYS_ID,
            ])
            .await;
        assert_eq!(code, 0, "{said}");
        let ada = PartnerUserId::parse(&desk.world.partner_user_id("ada")).unwrap();
        let ada = desk.subscribers.get(&desk.partner_id, &ada).await.unwrap();
        assert_eq!(ada.entitlements.iter().collect::<Vec<_>>(), [names]);
    }
}

#[tokio::test]
async fn a_bad_row_is_reported_by_line_and_nothing_is_written() {
    let desk = CliHarness::new("bad").await;
    let content = format!(
        "partner_user_id,entitlements\n{},gold\nEVIL-ID,gold\n{},-evil\n{}\n{},\"two\nlines\"\n",
        id(1),
        id(2),
        id(3),
        id(4)
    );
    let roster = desk.file("roster.csv", &content);
    let (code, said) = desk.says(&["import", &roster, "--yes"]).await;
    assert_eq!(code, 1, "{said}");
    for line in [
        "line 3: partner_user_id",
        "line 4: entitlements",
        "line 5: the number of fields differs",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(
        !said.to_lowercase().contains("evil") && !said.contains(&id(1)),
        "{said}"
    );
    assert_eq!(desk.get(1).await.version, 0);
    let (code, said) = desk.says(&["import", &roster, "--yes", "--skip-bad-rows"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (desk.hears(1).await, desk.hears(4).await),
        ("gold".to_owned(), "lines two".to_owned())
    );

    let lines = [
        json!({"partner_user_id": id(1), "entitlements": ["gold"]}).to_string(),
        json!({"partner_user_id": id(1), "sub": "x", "entitlements": []}).to_string(),
        json!({"partner_user_id": id(1), "entitlements": "gold"}).to_string(),
        json!({"partner_user_id": id(1), "entitlement": ["gold"]}).to_string(),
        json!({"partner_user_id": id(1), "entitlements": ["gold"], "plan": 1}).to_string(),
        "[]".to_owned(),
        "{".to_owned(),
    ];
    let roster = desk.file("roster.jsonl", &(lines.join("\n") + "\n"));
    let diff = desk.diff(&[&roster, "--dry-run"]).await;
    assert_eq!((&diff["bad_rows"], &diff["bad"][0]["line"]), (&json!(6), &json!(2)));
    let lenient = desk.diff(&[&roster, "--dry-run", "--ignore-other-columns"]).await;
    assert_eq!(lenient["bad_rows"], 5);
    for header in [
        "id,entitlements",
        "partner_user_id",
        "partner_user_id,sub,entitlements",
        "partner_user_id,entitlements,plan",
        "",
    ] {
        let roster = desk.file("header.csv", &format!("{header}\n"));
        let (code, said) = desk.says(&["import", &roster, "--dry-run"]).await;
        assert!(code == 2 && said.contains("header"), "{header}: {said}");
    }
}

/// An empty or truncated roster would be the most expensive mistake of an operator.
#[tokio::test]
async fn an_empty_or_truncated_roster_revokes_nothing() {
    let desk = CliHarness::new("cut").await;
    desk.has(1, &["gold"]).await;
    desk.has(2, &["gold"]).await;
    let whole = csv(&[(1, "gold"), (2, "gold")]);
    let empty = desk.file("empty.csv", "partner_user_id,entitlements\n");
    for revoke in [
        &["--yes", "--allow-revocations", "2", "--revoke-missing"][..],
        &["--yes"],
    ] {
        desk.says(&[&["import", empty.as_str()], revoke].concat()).await;
        let nothing = desk.file("nothing.jsonl", "");
        desk.says(&[&["import", nothing.as_str()], revoke].concat()).await;
        // Truncated at each position, within a line or after it.
        for cut in 30..whole.len() {
            let roster = desk.file("cut.csv", &whole[..cut]);
            if revoke.len() == 1 && !whole[..cut].ends_with('\n') {
                let (code, said) = desk.says(&["import", &roster, "--yes"]).await;
                assert_eq!(code, 1, "{cut}: {said}");
            }
        }
    }
    assert_eq!(
        (desk.hears(1).await, desk.hears(2).await),
        ("gold".to_owned(), "gold".to_owned())
    );
    let short = desk.file("short.csv", &csv(&[(1, "gold")]));
    let (code, said) = desk.says(&["import", &short, "--expect-rows", "2", "--yes"]).await;
    assert!(code == 1 && said.contains("has 1 rows instead of 2"), "{said}");
    // With `--revoke-missing` and the exact number, the revocation is carried out.
    let (code, said) = desk.says(&["import", &short, "--revoke-missing", "--yes"]).await;
    assert!(code == 2 && said.contains("--allow-revocations 1"), "{said}");
    let (code, said) = desk
        .says(&[
            "import",
            &short,
            "--revoke-missing",
            "--yes",
            "--allow-revocations",
            "1",
        ])
        .await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (desk.hears(1).await, desk.hears(2).await),
        ("gold".to_owned(), String::new())
    );
}

#[tokio::test]
async fn the_dry_run_reports_how_many_removals_the_guard_allows() {
    let desk = CliHarness::new("guard").await;
    let people: Vec<_> = (0..12).collect();
    for n in &people {
        let person = PartnerUserId::parse(&id(*n)).unwrap();
        let gold = Entitlements::parse(["gold"]).unwrap();
        desk.subscribers
            .begin_registration(&desk.partner_id, &person, Some(&gold), 1)
            .await
            .unwrap();
    }
    let roster: Vec<_> = people.iter().map(|n| (*n, "")).collect();
    let roster = desk.file("roster.csv", &csv(&roster));
    let verdict = desk.diff(&[&roster, "--dry-run", "--guard-people", "7"]).await["guard"].clone();
    assert_eq!(verdict, json!({"held": false, "passes": 7, "of": 12}));
    let (code, said) = desk
        .says(&["import", &roster, "--dry-run", "--guard-people", "7"])
        .await;
    assert!(
        code == 0 && said.contains("lets 7 of the 12 revocations of linked subscribers pass"),
        "{said}"
    );
}

/// A table without a stream. With one, the emulator scans the whole stream at each write.
const ROSTER_TABLE: &str = "soa-link-roster";

impl CliHarness {
    async fn of_many(name: &str) -> Self {
        let mut desk = Self::new(name).await;
        let dynamodb = desk.dynamodb();
        create_table(&dynamodb, ROSTER_TABLE).await;
        desk.subscribers = Subscribers::new(dynamodb, ROSTER_TABLE.to_owned());
        desk
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let aws = AwsConfig::from_env(&self.world.environment(&[])).unwrap();
        aws.dynamodb(&HttpClient::new().unwrap())
    }

    /// Starts an import with DynamoDB at this address, with piped output.
    fn import(&self, dynamodb: &str, arguments: &[&str]) -> Child {
        let import = ["import", "--json", "--yes", "--subscribers-table", ROSTER_TABLE];
        let mut command = self.command(&[&import, arguments].concat());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Sends SIGINT, like Ctrl-C.
async fn interrupt(import: &Child) {
    let pid = import.id().unwrap().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(killed.unwrap().success());
}

/// Waits for the import to end. Returns its exit code, the JSON of its diff, the JSON of its result, and its standard error.
async fn ended(import: Child) -> (i32, Value, Value, String) {
    let output = import.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    let [would, did] = [lines.next(), lines.next()].map(Option::unwrap_or_default);
    (output.status.code().unwrap(), would, did, said)
}

/// A killed import resumes with the same roster, and rejects another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_resumes_where_it_stopped() {
    let desk = CliHarness::of_many("killed").await;
    let import = ["import", "--subscribers-table", ROSTER_TABLE, "--yes"];
    let rows: Vec<_> = (0..3000).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows));
    let progress = format!("{roster}.progress");
    let mut killed = desk
        .command(&[&import[..], &[&roster]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let reached = reached(&progress, &mut killed).await;
    killed.kill().await.unwrap();
    assert!((1000..3000).contains(&reached), "{reached}");
    assert_eq!(
        (desk.hears(0).await, desk.hears(reached - 1).await),
        ("gold".to_owned(), "gold".to_owned())
    );

    let other = csv(&rows[..100]);
    std::fs::rename(&roster, format!("{roster}.whole")).unwrap();
    desk.file("roster.csv", &other);
    let (code, said) = desk.says(&[&import[..], &[&roster]].concat()).await;
    assert!(code == 2 && said.contains("belongs to another import"), "{said}");
    std::fs::rename(format!("{roster}.whole"), &roster).unwrap();

    // Rows before the saved progress are skipped: later changes to them stay, and they need no consent.
    desk.has(0, &["gold", "silver"]).await;
    let diff = desk
        .diff(&[&roster, "--dry-run", "--subscribers-table", ROSTER_TABLE])
        .await;
    let reached = usize::try_from(diff["after_row"].as_u64().unwrap()).unwrap();
    let of_those_left = diff["diff"]["new"].as_u64().unwrap() + diff["diff"]["unchanged"].as_u64().unwrap();
    assert_eq!(
        (diff["rows"].as_u64(), of_those_left, &diff["diff"]["revoked"]),
        (Some(3000), 3000 - reached as u64, &json!(0))
    );
    let (code, said) = desk.says(&[&import[..], &[&roster]].concat()).await;
    assert!(
        code == 0 && said.contains(&format!("has written the first {reached} rows")),
        "{said}"
    );
    assert_eq!(desk.hears(0).await, "gold silver");
    for n in [1, reached, 2999] {
        assert_eq!(
            (desk.hears(n).await, desk.get(n).await.version),
            ("gold".to_owned(), 1),
            "{n}"
        );
    }
    assert!(!std::fs::exists(&progress).unwrap());
}

/// Waits until the progress file reports written rows, and returns their number.
async fn reached(progress: &str, import: &mut Child) -> usize {
    loop {
        assert!(
            import.try_wait().unwrap().is_none(),
            "the import ended before it wrote a row"
        );
        let noted = std::fs::read(progress).ok();
        let noted = noted.and_then(|noted| serde_json::from_slice::<Value>(&noted).ok());
        let rows = noted.map_or(0, |noted| noted["rows"].as_u64().unwrap());
        if rows > 0 {
            return usize::try_from(rows).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_import_reports_it_and_resumes_later() {
    let desk = CliHarness::of_many("interrupted").await;
    let rows: Vec<_> = (0..3000).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows));
    let dynamodb = desk.world.sandbox.addresses().dynamodb.clone();
    let mut import = desk.import(&dynamodb, &[&roster]);
    reached(&format!("{roster}.progress"), &mut import).await;
    interrupt(&import).await;
    let (code, _, did, said) = ended(import).await;
    assert!(
        code == 2 && said.contains("Run the same command again to continue"),
        "{said}"
    );
    assert_eq!(did["finished"], false);
    let (code, would, did, said) = ended(desk.import(&dynamodb, &[&roster])).await;
    assert_eq!((code, &did["finished"]), (0, &json!(true)), "{said}");
    assert!(would["after_row"].as_u64().unwrap() >= 1000);
    assert_eq!(desk.hears(2999).await, "gold");
}

/// The backend writes between the diff and the import. The operator did not consent to revoke those subscribers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_written_after_the_diff_is_not_revoked_as_missing() {
    let desk = CliHarness::of_many("after-the-look").await;
    for n in [1, 2, 3] {
        desk.has(n, &["gold"]).await;
    }
    let roster = desk.file("roster.csv", &csv(&[(9, "gold")]));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(
        &front.address,
        &[&roster, "--revoke-missing", "--allow-revocations", "3"],
    );
    // Before the first write, the backend changes one subscriber and adds another.
    let first_write = calls.next("UpdateItem").await;
    desk.has(1, &["silver"]).await;
    desk.has(4, &["gold"]).await;
    first_write.pass();
    calls.pass_all();
    let (code, would, did, said) = ended(import).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (&would["diff"]["revoked"], &would["diff"]["missing"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(did, json!({"written": 3, "skipped_concurrent": 2, "finished": true}));
    let heard = [
        desk.hears(1).await,
        desk.hears(2).await,
        desk.hears(3).await,
        desk.hears(4).await,
        desk.hears(9).await,
    ];
    assert_eq!(heard, ["silver", "", "", "gold", "gold"]);
}

/// A revocation that the diff did not count is not carried out, even for a subscriber in the roster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_made_after_the_diff_is_not_revoked() {
    let desk = CliHarness::of_many("given").await;
    desk.has(1, &["gold"]).await;
    let roster = desk.file("roster.csv", &csv(&[(1, ""), (2, ""), (3, "gold")]));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(&front.address, &[&roster, "--allow-revocations", "1"]);
    let first_write = calls.next("UpdateItem").await;
    desk.has(1, &["gold", "silver"]).await;
    desk.has(2, &["silver"]).await;
    first_write.pass();
    calls.pass_all();
    let (code, _, did, said) = ended(import).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(did, json!({"written": 1, "skipped_concurrent": 2, "finished": true}));
    let heard = [desk.hears(1).await, desk.hears(2).await, desk.hears(3).await];
    assert_eq!(heard, ["gold silver", "silver", "gold"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_revocation_can_be_interrupted_and_resumed() {
    let desk = CliHarness::of_many("many-missing").await;
    let all_rows: Vec<_> = (0..700).map(|n| (n, "gold")).collect();
    let all = desk.file("all.csv", &csv(&all_rows));
    let dynamodb = desk.world.sandbox.addresses().dynamodb.clone();
    assert_eq!(ended(desk.import(&dynamodb, &[&all])).await.0, 0);
    let roster = desk.file("roster.csv", &csv(&all_rows[..20]));
    let revoke = [roster.as_str(), "--revoke-missing", "--allow-revocations", "680"];

    let (front, mut calls) = Front::of(&dynamodb).await;
    let import = desk.import(&front.address, &revoke);
    calls.next("UpdateItem").await.pass();
    interrupt(&import).await;
    let (code, _, did, said) = ended(import).await;
    assert_eq!((code, &did["finished"]), (2, &json!(false)), "{said}");

    // The same consent is enough for the second run, because its number is an upper bound.
    let (code, would, _, said) = ended(desk.import(&dynamodb, &revoke)).await;
    assert_eq!(code, 0, "{said}");
    let missing = would["diff"]["missing"].as_u64().unwrap();
    assert!((670..680).contains(&missing), "{missing}");
    for (n, names) in [(0, "gold"), (19, "gold"), (20, ""), (699, "")] {
        assert_eq!(desk.hears(n).await, names, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_table_delays_an_import_but_does_not_end_it() {
    let desk = CliHarness::of_many("throttled").await;
    let rows: Vec<_> = (0..300).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(&front.address, &[&roster]);
    // Far more throttled calls at once than the SDK's retry quota allows.
    for _ in 0..400 {
        calls.next("UpdateItem").await.throttle();
    }
    calls.pass_all();
    let (code, _, did, said) = ended(import).await;
    assert_eq!((code, &did["written"]), (0, &json!(300)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roster_changed_after_the_diff_is_not_written() {
    let desk = CliHarness::of_many("changes").await;
    let roster = desk.file("roster.csv", &csv(&[(1, "gold")]));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(&front.address, &[&roster]);
    let look = calls.next("BatchGetItem").await;
    desk.file("roster.csv", &csv(&[(1, "platinum")]));
    look.pass();
    calls.pass_all();
    let (code, _, _, said) = ended(import).await;
    assert!(code == 2 && said.contains("the roster has changed"), "{said}");
    assert_eq!(desk.get(1).await.version, 0);
}

#[tokio::test]
async fn an_import_that_cannot_save_its_progress_writes_nothing() {
    let desk = CliHarness::new("unnoted").await;
    let roster = desk.file("roster.csv", &csv(&[(1, "gold")]));
    std::fs::create_dir(format!("{roster}.progress.part")).unwrap();
    let (code, said) = desk.says(&["import", &roster, "--yes"]).await;
    assert_eq!(code, 2, "{said}");
    assert_eq!(desk.get(1).await.version, 0);
}

#[tokio::test]
async fn only_the_last_row_of_a_subscriber_is_written_and_counted() {
    let desk = CliHarness::new("repeated").await;
    desk.has(7, &["silver"]).await;
    desk.has(5, &["silver"]).await;
    let mut rows: Vec<_> = (0..300).map(|n| (n, "silver")).collect();
    rows[0] = (7, "gold");
    rows[200] = (7, "bronze");
    rows[201] = (7, "silver gold");
    rows[202] = (7, "silver");
    rows.push((5, "silver gold"));
    let roster = desk.file("roster.csv", &csv(&rows));
    let diff = desk.diff(&[&roster, "--dry-run"]).await;
    assert_eq!(
        (&diff["repeated"], &diff["diff"]["revoked"], &diff["diff"]["granted"]),
        (&json!(5), &json!(0), &json!(1))
    );
    // Earlier rows are never written, so the versions show one write at most.
    let (code, said) = desk.says(&["import", &roster, "--yes"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (desk.hears(7).await, desk.get(7).await.version),
        ("silver".to_owned(), 1)
    );
    assert_eq!(
        (desk.hears(5).await, desk.get(5).await.version),
        ("gold silver".to_owned(), 2)
    );
}

#[tokio::test]
async fn an_unclosed_quote_is_rejected_early() {
    let desk = CliHarness::new("unclosed").await;
    let rows: Vec<_> = (1..20_000).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows).replacen(",gold", ",\"gold", 1));
    let (code, said) = desk.says(&["import", &roster, "--yes", "--skip-bad-rows"]).await;
    assert!(
        code == 2 && said.contains("from line 2 on") && said.contains("too long"),
        "{said}"
    );
}

/// A misspelt entitlement, or a word for an empty cell, locks subscribers out.
#[tokio::test]
async fn a_dry_run_lists_the_entitlements_and_marks_those_that_no_subscriber_has() {
    let desk = CliHarness::new("names").await;
    desk.has(1, &["gold"]).await;
    desk.has(2, &["silver"]).await;
    // The roster does not have subscriber 2, and gives `silver` to others.
    let roster = desk.file("roster.csv", &csv(&[(1, "gold"), (3, "silver;NULL"), (4, "glod")]));
    let diff = desk.diff(&[&roster, "--dry-run"]).await;
    let name = |name: &str, new: bool| json!({"name": name, "subscribers": 1, "new": new});
    let expected = [
        name("NULL", true),
        name("glod", true),
        name("gold", false),
        name("silver", false),
    ];
    assert_eq!(diff["entitlements"], json!(expected));
    let (code, said) = desk.says(&["import", &roster, "--dry-run"]).await;
    assert_eq!(code, 0, "{said}");
    let line = |name: &str| said.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
    assert!(line("glod").ends_with("1  new") && line("NULL").contains("new: a word for an empty cell?"));
    assert!(line("silver").ends_with('1'), "{said}");
}

#[tokio::test]
async fn the_changes_file_has_each_subscriber_before_and_after() {
    let desk = CliHarness::new("changes-file").await;
    desk.has(1, &["gold"]).await;
    desk.has(2, &["gold", "silver"]).await;
    desk.has(3, &["gold"]).await;
    desk.has(9, &["gold"]).await;
    let roster = desk.file(
        "roster.csv",
        &csv(&[(3, "gold"), (1, "silver"), (4, ""), (2, "gold silver news")]),
    );
    let changes = desk.folder.join("changes.csv");
    let path = changes.to_str().unwrap();
    let expected = |missing: &str| {
        format!(
            "partner_user_id,change,before,after,line\n{},lose,gold,silver,3\n{},new,,,4\n{},gain,gold silver,gold news silver,5\n{missing}",
            id(1),
            id(4),
            id(2)
        )
    };
    let (code, said) = desk.says(&["import", &roster, "--dry-run", "--changes", path]).await;
    assert!(code == 0 && said.contains("has the changes"), "{said}");
    assert_eq!(std::fs::read_to_string(&changes).unwrap(), expected(""));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&changes).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let revoke = [
        "--yes",
        "--allow-revocations",
        "2",
        "--revoke-missing",
        "--changes",
        path,
    ];
    let (code, said) = desk.says(&[&["import", roster.as_str()], &revoke[..]].concat()).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        std::fs::read_to_string(&changes).unwrap(),
        expected(&format!("{},lose,gold,,\n", id(9)))
    );
    // The file never replaces the roster.
    let (code, said) = desk.says(&["import", &roster, "--dry-run", "--changes", &roster]).await;
    assert!(code == 2 && said.contains("would replace"), "{said}");
    assert!(std::fs::read_to_string(&roster).unwrap().starts_with("partner_user_id"));
}

#[tokio::test]
async fn an_export_of_a_platform_is_imported_with_its_plans() {
    let desk = CliHarness::new("plans").await;
    desk.has(2, &["basic"]).await;
    desk.has(3, &["all-access"]).await;
    desk.has(4, &["basic"]).await;
    let plans = desk.file(
        "plans.toml",
        "[plans]\nprice_1 = [\"basic\"]\nprice_2 = [\"all-access\"]\n[statuses]\nactive = [\"active\"]\ninactive = [\"canceled\"]\n",
    );
    let rows = [
        (1, "price_1", "active"),
        (2, "price_1", "canceled"),
        (1, "price_2", "active"),
        (3, "price_2", "active"),
        (3, "price_1", "paused"),
        (4, "price_9", "active"),
    ];
    let header = "id;Customer ID;Customer Email;Plan;Status".to_owned();
    let rows = rows.map(|(n, plan, status)| format!("sub_{n};{};x@example.com;{plan};{status}", id(n)));
    let lines: Vec<_> = std::iter::once(header).chain(rows).collect();
    let export = desk.file("subscriptions.csv", &(lines.join("\r\n") + "\r\n"));
    let columns = "partner_user_id=Customer ID,plan=Plan,status=Status";
    let import = ["import", &export, "--plans", &plans, "--columns", columns];
    // An unknown status rejects the export: subscriber 3 may have paid.
    let (code, said) = desk
        .says(&[&import[..], &["--yes", "--allow-revocations", "9"]].concat())
        .await;
    assert_eq!(code, 1, "{said}");
    for part in ["line 6: status", "paused", "price_9", "Add each status"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("x@example.com") && !said.contains(&id(1)), "{said}");
    // Skipped, their other rows do not count either.
    let skip = ["--skip-bad-rows", "--yes", "--allow-revocations", "2"];
    let (code, said) = desk.says(&[&import[..], &skip].concat()).await;
    assert_eq!(code, 0, "{said}");
    let heard = [
        desk.hears(1).await,
        desk.hears(2).await,
        desk.hears(3).await,
        desk.hears(4).await,
    ];
    assert_eq!(heard, ["all-access basic", "", "all-access", ""]);
}

/// A changed plans file gives other entitlements to the rows that are left.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_import_continues_only_with_the_same_plans() {
    let desk = CliHarness::of_many("other-plans").await;
    let rows: Vec<_> = (0..3000).map(|n| (n, "gold")).collect();
    let export = desk.file("export.csv", &csv(&rows).replacen("entitlements", "plan", 1));
    let plans = desk.file("plans.toml", "gold = [\"basic\"]\n");
    let dynamodb = desk.world.sandbox.addresses().dynamodb.clone();
    let arguments = [export.as_str(), "--plans", &plans];
    let mut import = desk.import(&dynamodb, &arguments);
    reached(&format!("{export}.progress"), &mut import).await;
    interrupt(&import).await;
    assert_eq!(ended(import).await.0, 2);

    desk.file("plans.toml", "gold = [\"premium\"]\n");
    for other in [&arguments[..], &[export.as_str(), "--columns", "entitlements=plan"]] {
        let (code, _, _, said) = ended(desk.import(&dynamodb, other)).await;
        assert!(
            code == 2 && said.contains("belongs to another import (other roster, plans, columns"),
            "{said}"
        );
    }
    desk.file("plans.toml", "gold = [\"basic\"]\n");
    let (code, would, did, said) = ended(desk.import(&dynamodb, &arguments)).await;
    assert_eq!((code, &did["finished"]), (0, &json!(true)), "{said}");
    assert!(would["after_row"].as_u64().unwrap() >= 1000);
    assert_eq!(
        (desk.hears(0).await, desk.hears(2999).await),
        ("basic".to_owned(), "basic".to_owned())
    );
}

/// Files as spreadsheets and platforms write them, with the line that a text editor shows.
#[tokio::test]
async fn a_roster_of_a_spreadsheet_is_read_or_rejected_with_its_reason() {
    let desk = CliHarness::new("spreadsheets").await;
    let keys = ["--dry-run", "--partner-keys-id", deployment::PARTNER_KEYS_ID];
    let utf_16: Vec<_> = "\u{feff}sub\tentitlements\r\nmüller\tbasic\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, content, expected, parts) in [
        (
            "semicolon.csv",
            "\u{feff}sub;entitlements\r\nm-2;basic\r\n".into(),
            0,
            &["separator ';'"][..],
        ),
        ("unicode.txt", utf_16, 0, &["UTF-16LE", "separator tab"]),
        (
            "crlf.csv",
            "sub,entitlements\r\n\r\n'm-3,basic\r\n\r\n,basic\r\n".into(),
            1,
            &["line 3: sub: ", "line 5: sub: empty"],
        ),
        ("workbook.csv", b"PK\x03\x04".to_vec(), 2, &["workbook"]),
        ("array.json", "[\n{\"sub\":\"m-2\"}\n]\n".into(), 2, &["jq -c '.[]'"]),
        (
            "quote.csv",
            "sub,entitlements\nm-2,\"basic\nm-3,basic\n".into(),
            2,
            &["line 2, column 2, is not closed"],
        ),
        (
            "date.csv",
            "sub,entitlements\nm-2,1-Mar\n".into(),
            1,
            &["line 2: entitlements: is a date", "--cells-as-they-are"],
        ),
        (
            "title.csv",
            "Members\n\nsub,entitlements\nm-2,basic\n".into(),
            2,
            &["the header is in line 3"],
        ),
        (
            "colon.csv",
            "sub:entitlements\nm-2:basic\n".into(),
            2,
            &["--separator ':'"],
        ),
        (
            "none.csv",
            "ada@example.com,basic\n".into(),
            2,
            &["header", "not shown"],
        ),
    ] {
        let path = desk.folder.join(name);
        std::fs::write(&path, content).unwrap();
        let (code, said) = desk
            .says(&[&["import", path.to_str().unwrap()], &keys[..]].concat())
            .await;
        assert_eq!(code, expected, "{name}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{name}: {said}");
        assert!(!said.contains("ada@") && !said.contains("'m-3"), "{said}");
    }
}
