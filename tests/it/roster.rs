//! The operator's command, run as an operator does: `soa-link import`, `export` and `explain`.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use sandbox::{Fault, bundle};
use serde_json::{Value, json};
use shared::{
    aws::Aws,
    outbound::Outbound,
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{Change, Subscriber, Subscribers},
};
use tokio::process::Command;

use crate::{invoke::bootstrap, world::World};

/// A world, and a folder for files of its own.
struct Desk {
    world: World,
    folder: PathBuf,
    subscribers: Subscribers,
    partner_id: PartnerId,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    async fn new(name: &str) -> Self {
        let world = World::new().await;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("roster-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let dynamodb = Aws::of(&world.environment(&[]))
            .unwrap()
            .dynamodb(&Outbound::new().unwrap());
        let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
        Self {
            world,
            folder,
            subscribers: Subscribers::new(dynamodb, bundle::SUBSCRIBERS_TABLE.to_owned()),
            partner_id,
        }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let addresses = self.world.sandbox.addresses();
        let mut command = Command::new(bootstrap("soa-link"));
        command
            .args(arguments)
            .env_clear()
            .envs([
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "sandbox"),
                ("AWS_SECRET_ACCESS_KEY", "sandbox"),
                ("AWS_ENDPOINT_URL_DYNAMODB", &addresses.dynamodb),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &addresses.secrets),
                ("AWS_ENDPOINT_URL_LAMBDA", &addresses.gateway),
                ("SUBSCRIBERS_TABLE", bundle::SUBSCRIBERS_TABLE),
                ("PARTNER_ID", self.partner_id.as_str()),
                ("PARTNERS_FUNCTION", bundle::PARTNERS_FUNCTION),
            ])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Exit code, and what it says on both.
    async fn says(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        let said = [output.stdout, output.stderr]
            .map(|said| String::from_utf8(said).unwrap())
            .concat();
        (output.status.code().unwrap(), said)
    }

    /// What an import would do, or does.
    async fn diff(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["import", "--json"], arguments].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(
            text.lines()
                .next()
                .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr))),
        )
        .unwrap()
    }

    async fn get(&self, n: usize) -> Subscriber {
        let person = PartnerUserId::parse(&id(n)).unwrap();
        self.subscribers.get(&self.partner_id, &person).await.unwrap()
    }

    async fn hears(&self, n: usize) -> String {
        self.get(n).await.entitlements.iter().collect::<Vec<_>>().join(" ")
    }

    async fn has(&self, n: usize, names: &[&str]) {
        let person = PartnerUserId::parse(&id(n)).unwrap();
        let change = Change::Replace(Entitlements::parse(names).unwrap());
        self.subscribers
            .change(&self.partner_id, &person, &change, None, 1)
            .await
            .unwrap();
    }
}

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

fn id(n: usize) -> String {
    format!("{n:032x}")
}

fn csv(rows: &[(usize, &str)]) -> String {
    let mut csv = "partner_user_id,entitlements\n".to_owned();
    for (n, names) in rows {
        csv.extend([&id(*n), ",", names, "\n"]);
    }
    csv
}

#[tokio::test]
async fn an_import_has_everybody_hear_exactly_what_the_roster_says_and_leaves_others_alone() {
    let desk = Desk::new("exact").await;
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
        "rows": 5, "bad_rows": 0, "repeated": 0, "unchanged": 1, "new": 2, "granted": 1, "lose": 1, "lose_linked": 0, "missing": 0,
    });
    assert_eq!(diff["diff"], expected);
    assert_eq!((desk.get(4).await.version, desk.get(3).await.version), (0, 1));

    // Nobody agrees in their sleep: neither to write at all, nor to a loss, nor to another loss.
    for arguments in [vec![], vec!["--yes"], vec!["--yes", "--lose", "2"]] {
        let (code, said) = desk
            .says(&[&["import", roster.as_str()], arguments.as_slice()].concat())
            .await;
        assert_eq!(code, 2, "{said}");
        assert_eq!(desk.get(3).await.version, 1);
    }
    let (code, said) = desk.says(&["import", &roster, "--yes", "--lose", "1"]).await;
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
    // A second time there is nothing to do, nor to agree to.
    let (code, said) = desk.says(&["import", &roster]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(desk.get(3).await.version, 2);
}

#[tokio::test]
async fn people_can_be_named_by_the_partners_own_account_id() {
    let desk = Desk::new("sub").await;
    let sub = &desk.world.person("ada").sub;
    let csv = desk.file("roster.csv", &format!("sub,entitlements\n{sub},gold\n"));
    let (code, said) = desk.says(&["import", &csv, "--yes"]).await;
    assert!(
        code == 1 && said.contains("line 2: sub, which needs --partner-keys-id"),
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
                "--lose",
                lose,
                "--partner-keys-id",
                bundle::PARTNER_KEYS_ID,
            ])
            .await;
        assert_eq!(code, 0, "{said}");
        let ada = PartnerUserId::parse(&desk.world.partner_user_id("ada")).unwrap();
        let ada = desk.subscribers.get(&desk.partner_id, &ada).await.unwrap();
        assert_eq!(ada.entitlements.iter().collect::<Vec<_>>(), [names]);
    }
}

#[tokio::test]
async fn a_bad_row_is_named_by_its_line_and_not_by_what_is_in_it_and_nothing_is_written() {
    let desk = Desk::new("bad").await;
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
        "line 5: another number of fields",
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
    assert_eq!(desk.diff(&[&roster, "--dry-run"]).await["diff"]["bad_rows"], 6);
    assert_eq!(
        desk.diff(&[&roster, "--dry-run", "--ignore-other-columns"]).await["diff"]["bad_rows"],
        5
    );
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

/// The most expensive mistake: a roster that is empty, or cut off.
#[tokio::test]
async fn an_empty_or_cut_off_roster_takes_nothing_from_anybody() {
    let desk = Desk::new("cut").await;
    desk.has(1, &["gold"]).await;
    desk.has(2, &["gold"]).await;
    let whole = csv(&[(1, "gold"), (2, "gold")]);
    let empty = desk.file("empty.csv", "partner_user_id,entitlements\n");
    for revoke in [&["--yes", "--lose", "2", "--revoke-missing"][..], &["--yes"]] {
        desk.says(&[&["import", empty.as_str()], revoke].concat()).await;
        let nothing = desk.file("nothing.jsonl", "");
        desk.says(&[&["import", nothing.as_str()], revoke].concat()).await;
        // Cut anywhere, within a line or after it.
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
    assert!(code == 1 && said.contains("has 1 rows, and 2 were expected"), "{said}");
    // Asked for by name and number, it is done.
    let (code, said) = desk.says(&["import", &short, "--revoke-missing", "--yes"]).await;
    assert!(code == 2 && said.contains("--lose 1"), "{said}");
    let (code, said) = desk
        .says(&["import", &short, "--revoke-missing", "--yes", "--lose", "1"])
        .await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (desk.hears(1).await, desk.hears(2).await),
        ("gold".to_owned(), String::new())
    );
}

#[tokio::test]
async fn the_guards_verdict_is_said_before_anything_is_written() {
    let desk = Desk::new("guard").await;
    let people: Vec<_> = (0..12).collect();
    for n in &people {
        let person = PartnerUserId::parse(&id(*n)).unwrap();
        let gold = Entitlements::parse(["gold"]).unwrap();
        desk.subscribers
            .registering(&desk.partner_id, &person, Some(&gold), 1)
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
        code == 0 && said.contains("lets 7 of the 12 linked people who lose something pass"),
        "{said}"
    );
}

/// Killed in the middle, it goes on where it was, and not with another roster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_goes_on_where_it_was() {
    let mut desk = Desk::new("killed").await;
    // Of a table of its own, without a stream: the emulator looks through all of that at each write.
    let table = "soa-link-roster";
    let dynamodb = Aws::of(&desk.world.environment(&[]))
        .unwrap()
        .dynamodb(&Outbound::new().unwrap());
    create_table(&dynamodb, table).await;
    desk.subscribers = Subscribers::new(dynamodb, table.to_owned());
    let import = ["import", "--subscribers-table", table, "--yes"];
    let rows: Vec<_> = (0..3000).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows));
    let progress = format!("{roster}.progress");
    let mut killed = desk
        .command(&[&import[..], &[&roster]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !std::fs::exists(&progress).unwrap() {
        assert!(killed.try_wait().unwrap().is_none(), "it has ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    killed.kill().await.unwrap();
    let reached: Value = serde_json::from_slice(&std::fs::read(&progress).unwrap()).unwrap();
    let reached = usize::try_from(reached["rows"].as_u64().unwrap()).unwrap();
    assert!((1000..3000).contains(&reached), "{reached}");
    assert_eq!(
        (desk.hears(0).await, desk.hears(reached - 1).await),
        ("gold".to_owned(), "gold".to_owned())
    );

    let other = csv(&rows[..100]);
    std::fs::rename(&roster, format!("{roster}.whole")).unwrap();
    desk.file("roster.csv", &other);
    let (code, said) = desk.says(&[&import[..], &[&roster]].concat()).await;
    assert!(code == 2 && said.contains("is of another import"), "{said}");
    std::fs::rename(format!("{roster}.whole"), &roster).unwrap();

    // What the progress says is done is not looked at again: whoever was changed since then keeps it.
    desk.has(0, &["gold", "silver"]).await;
    let (code, said) = desk.says(&[&import[..], &[&roster, "--lose", "1"]].concat()).await;
    assert_eq!(code, 0, "{said}");
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

#[tokio::test]
async fn of_several_rows_about_one_person_the_last_counts() {
    let desk = Desk::new("repeated").await;
    let mut rows: Vec<_> = (0..300).map(|n| (n, "silver")).collect();
    rows[0] = (7, "gold");
    rows.push((5, "bronze"));
    let roster = desk.file("roster.csv", &csv(&rows));
    assert_eq!(desk.diff(&[&roster, "--dry-run"]).await["diff"]["repeated"], 2);
    let (code, said) = desk.says(&["import", &roster, "--yes"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (desk.hears(7).await, desk.hears(5).await),
        ("silver".to_owned(), "bronze".to_owned())
    );
}

#[tokio::test]
async fn an_export_says_what_the_table_has_and_can_be_imported() {
    let desk = Desk::new("export").await;
    for n in 0..250 {
        desk.has(n, &["gold", "silver"]).await;
    }
    let other = PartnerId::parse("1111111111111111111111").unwrap();
    let stranger = PartnerUserId::parse(&id(1)).unwrap();
    let change = Change::Replace(Entitlements::parse(["theirs"]).unwrap());
    desk.subscribers
        .change(&other, &stranger, &change, None, 1)
        .await
        .unwrap();
    assert_eq!(desk.world.signed_in("ada").link("mara").await.status, 302);
    let csv = desk.folder.join("all.csv");
    let (code, said) = desk.says(&["export", "--output", csv.to_str().unwrap()]).await;
    assert!(code == 0 && said.contains("251 people"), "{said}");
    let text = std::fs::read_to_string(&csv).unwrap();
    assert!(!text.contains("theirs") && !text.contains("pace#"), "{text}");
    // No cell needs quotes, and a spreadsheet takes none for a formula.
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
        (diff["diff"]["unchanged"].as_u64(), diff["diff"]["lose"].as_u64()),
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
    let drift = desk.run(&["export", "--only", "drift"]).await;
    assert_eq!(String::from_utf8(drift.stdout).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn what_cannot_be_had_is_said_in_a_sentence() {
    let desk = Desk::new("sentences").await;
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

#[tokio::test]
async fn a_person_is_explained_by_their_account_id() {
    let desk = Desk::new("explain").await;
    let sub = desk.world.person("ada").sub.clone();
    let (code, said) = desk.says(&["explain", "--sub", &sub]).await;
    assert!(
        code == 0 && said.contains("They have never linked their Spotify account."),
        "{said}"
    );
    assert_eq!(desk.world.signed_in("ada").link("mara").await.status, 302);
    let (_, said) = desk.says(&["explain", "--sub", &sub]).await;
    assert!(
        said.contains("Spotify has what they are to hear: all-access, basic."),
        "{said}"
    );
    let json = desk
        .run(&[
            "explain",
            "--json",
            "--partner-user-id",
            &desk.world.partner_user_id("ada"),
        ])
        .await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["explained"]["spotify"]["linked"], true);
}

#[tokio::test]
async fn an_operator_creates_lists_changes_and_disables_partners_by_command() {
    let desk = Desk::new("partners").await;
    let (code, said) = desk.says(&["partners", "list"]).await;
    assert_eq!(code, 0, "{said}");
    let create = [
        "partners",
        "--json",
        "create",
        "lunar",
        "--name",
        "Lunar Industries",
        "--set",
        "BRAND_COLOR=#1a2b3c",
    ];
    let created: Value = serde_json::from_slice(&desk.run(&create).await.stdout).unwrap();
    let partner_id = created["partner_id"].as_str().unwrap();
    assert_eq!(created["settings"], json!({"BRAND_COLOR": "#1a2b3c"}));
    let (code, said) = desk.says(&["partners", "list"]).await;
    assert!(
        code == 0 && said.contains(partner_id) && said.contains("BRAND_COLOR"),
        "{said}"
    );
    let (code, said) = desk
        .says(&["partners", "put", partner_id, "--name", "Moon", "--version", "1"])
        .await;
    assert!(code == 0 && said.contains("version           2"), "{said}");
    let (code, said) = desk
        .says(&["partners", "put", partner_id, "--name", "Moon", "--version", "1"])
        .await;
    assert!(code == 2 && said.contains("another version"), "{said}");
    assert_eq!(desk.says(&["partners", "disable", partner_id]).await.0, 0);
    assert!(desk.says(&["partners", "list"]).await.1.contains("disabled"));
    assert_eq!(desk.says(&["partners", "enable", partner_id]).await.0, 0);
    let (code, said) = desk.says(&["partners", "release", partner_id, "--seconds", "60"]).await;
    assert!(code == 0 && said.contains("released_until"), "{said}");
    let (code, said) = desk
        .says(&["partners", "create", "moon", "--name", "x", "--set", "SIGN_IN=magic"])
        .await;
    assert!(code == 2 && said.contains("SIGN_IN must be"), "{said}");
    // What is not known is said until somebody has found out, and ends the list with 1.
    desk.world.spotify().faults().add(Fault {
        status: Some(503),
        times: Some(1),
        ..Fault::on("/api/v1/create-partner")
    });
    let (code, said) = desk.says(&["partners", "create", "mars", "--name", "Mars"]).await;
    assert!(code == 2 && said.contains("ask Spotify"), "{said}");
    let (code, said) = desk.says(&["partners", "list"]).await;
    assert!(code == 1 && said.contains("soa-link partners settle mars"), "{said}");
    assert_eq!(desk.says(&["partners", "settle", "mars", "--not-created"]).await.0, 0);
    assert_eq!(desk.says(&["partners", "list"]).await.0, 0);
    assert!(desk.says(&["completions", "bash"]).await.1.contains("soa-link"));
}

/// Before anybody is paged: each thing that is wrong is named, with how to mend it, and no secret is shown.
#[tokio::test]
async fn the_doctor_says_what_is_wrong_and_how_to_mend_it() {
    let desk = Desk::new("doctor").await;
    let addresses = desk.world.sandbox.addresses();
    let healthy = bundle::variables(desk.world.sandbox.options(), addresses);
    let with = |changes: &[(&str, &str)]| -> String {
        let changed = healthy.iter().map(|(name, value)| {
            let change = changes.iter().find(|(changed, _)| changed == name);
            (name.as_str(), change.map_or(value.as_str(), |(_, value)| value))
        });
        let added = changes
            .iter()
            .copied()
            .filter(|(name, _)| !healthy.iter().any(|(known, _)| known == name));
        changed
            .chain(added)
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    let doctor = async |changes: &[(&str, &str)]| {
        let file = desk.file("variables", &with(changes));
        let (code, said) = desk.says(&["doctor", "--variables", &file]).await;
        assert!(!said.contains(&desk.world.sandbox.options().client_secret), "{said}");
        (code, said)
    };
    let (code, said) = doctor(&[]).await;
    assert!(code == 0 && !said.contains("WRONG"), "{said}");
    for good in [
        "Spotify grants soa-manage-entitlements",
        "entrypoint: its variables",
        "soa-link-subscribers is as it must be",
        "/callback",
        "clock is right",
    ] {
        assert!(said.contains(good), "{good}: {said}");
    }
    for (change, wrong) in [
        (("PUBLIC_URL", "http://localhost:9000"), "PUBLIC_URL must be"),
        (("SIGN_IN", "magic"), "SIGN_IN must be"),
        (
            ("SUBSCRIBERS_TABLE", "nowhere"),
            "the table nowhere (SUBSCRIBERS_TABLE) cannot be looked at",
        ),
        (
            ("SUBSCRIBERS_TABLE", bundle::PENDING_LINKS_TABLE),
            "has no index `dirty`",
        ),
        (("PENDING_LINKS_TABLE", bundle::PARTNERS_TABLE), "never forgets"),
        (
            ("SPOTIFY_CLIENT_SECRET_ID", "nowhere"),
            "the secret nowhere does not exist",
        ),
        (
            ("SPOTIFY_CLIENT_SECRET_ID", bundle::PARTNER_KEYS_ID),
            "lacks the member `client_secret`",
        ),
        (("PARTNER_KEYS_ID", bundle::CLIENT_SECRET_ID), "partner_user_id_key"),
        (
            ("SPOTIFY_CLIENT_ID", "another"),
            "Spotify refuses the client id or its secret",
        ),
        (
            ("SITE_JWKS_URL", "http://127.0.0.1:1/jwks"),
            "SITE_JWKS_URL: published keys: no connection",
        ),
        (
            ("SPOTIFY_ACCOUNTS_URL", "http://127.0.0.1:1"),
            "Spotify's token endpoint: ",
        ),
    ] {
        let (code, said) = doctor(&[change]).await;
        let mut lines = said.lines().filter(|line| line.starts_with("WRONG"));
        assert!(
            code == 1 && lines.any(|line| line.contains(wrong)),
            "{change:?}: {said}"
        );
    }
    let file = desk.file("variables", &with(&[]));
    let json = desk.run(&["doctor", "--json", "--variables", &file]).await;
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap()["good"], true);
}

/// As a new partner's engineer would: keys made, put into the secret, and tried.
#[tokio::test]
async fn a_key_that_was_made_and_added_signs_what_the_functions_take_until_it_is_removed() {
    for alg in ["es256", "eddsa"] {
        let desk = Desk::new(alg).await;
        let (world, before) = (&desk.world, secret(&desk).await);
        let (issuer, url) = (
            world.sandbox.options().site_issuer(world.sandbox.addresses()),
            world.gateway("/get-entitlements"),
        );
        let pem = desk.folder.join("backend.pem").to_str().unwrap().to_owned();
        let made = desk
            .run(&["keys", "new", "--kid", alg, "--alg", alg, "--output", &pem])
            .await;
        let jwk = String::from_utf8(made.stdout).unwrap();
        assert!(jwk.contains("\"use\":\"sig\"") && !jwk.contains("\"d\""), "{jwk}");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&pem).unwrap().permissions()) & 0o777,
            0o600
        );
        // A key that is there is not written over.
        let (code, said) = desk.says(&["keys", "new", "--kid", alg, "--output", &pem]).await;
        assert!(code == 2 && said.contains("exists"), "{said}");

        let asks = async || {
            let request = [
                "token",
                "request",
                "--key",
                &pem,
                "--alg",
                alg,
                "--kid",
                alg,
                "--iss",
                &issuer,
                "--aud",
                &url,
                "--sub",
                "member-1003",
            ];
            let token = String::from_utf8(desk.run(&request).await.stdout).unwrap();
            world.backend_call("/get-entitlements", token.trim()).await.status
        };
        assert_eq!(asks().await, 401);
        let jwk = desk.file("backend.jwk.json", &jwk);
        let id = ["--partner-keys-id", bundle::PARTNER_KEYS_ID];
        let (code, said) = desk
            .says(&[&["keys", "add"], &id[..], &["backend", &jwk]].concat())
            .await;
        assert_eq!(code, 0, "{said}");
        // The functions read the secret again; the command signs by the machine's clock, which is just not too far behind.
        world.advance(301);
        assert_eq!(asks().await, 200);
        let (code, said) = desk.says(&[&["keys", "list"], &id[..]].concat()).await;
        assert!(code == 0 && said.contains(alg), "{said}");

        for bad in [
            "{\"kid\": \"x\"}",
            "{\"kty\": \"oct\", \"k\": \"AAAA\", \"kid\": \"x\"}",
            "[]",
            "x",
            &std::fs::read_to_string(&jwk).unwrap(),
        ] {
            let bad = desk.file("bad.jwk.json", bad);
            assert_eq!(
                desk.says(&[&["keys", "add"], &id[..], &["backend", &bad]].concat())
                    .await
                    .0,
                2
            );
        }
        let (code, said) = desk
            .says(&[&["keys", "remove"], &id[..], &["backend", alg]].concat())
            .await;
        assert_eq!(code, 0, "{said}");
        // All else is as it was.
        assert_eq!(secret(&desk).await, before);
    }
}

/// The secret of the partner's keys, as it is now.
async fn secret(desk: &Desk) -> Value {
    let secrets = Aws::of(&desk.world.environment(&[]))
        .unwrap()
        .secrets_manager(&Outbound::new().unwrap());
    let read = secrets
        .get_secret_value()
        .secret_id(bundle::PARTNER_KEYS_ID)
        .send()
        .await
        .unwrap();
    serde_json::from_str(read.secret_string().unwrap()).unwrap()
}
