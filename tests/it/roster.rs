//! The operator's command, run as an operator does: `soa-link import`, `export` and `explain`.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use sandbox::{Fault, bundle};
use serde_json::{Value, json};
use shared::{
    aws::Aws,
    outbound::Outbound,
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{Change, Subscriber, Subscribers},
};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, oneshot},
};

use crate::{invoke::bootstrap, world::World};

/// A world, and a folder for files of its own.
pub(crate) struct Desk {
    pub(crate) world: World,
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
    pub(crate) async fn new(name: &str) -> Self {
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

    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
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
    pub(crate) async fn says(&self, arguments: &[&str]) -> (i32, String) {
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
        "unchanged": 1, "new": 2, "granted": 1, "lose": 1, "lose_linked": 0, "missing": 0, "left_alone": 0,
    });
    assert_eq!((&diff["rows"], &diff["diff"]), (&json!(5), &expected));
    assert_eq!((desk.get(4).await.version, desk.get(3).await.version), (0, 1));

    // Nobody agrees in their sleep: neither to write at all, nor to a loss, nor to a greater one.
    for arguments in [vec![], vec!["--yes"], vec!["--yes", "--lose", "0"]] {
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

/// A table of its own, without a stream: the emulator looks through all of that at each write.
const ROSTER_TABLE: &str = "soa-link-roster";

impl Desk {
    async fn of_many(name: &str) -> Self {
        let mut desk = Self::new(name).await;
        let dynamodb = desk.dynamodb();
        create_table(&dynamodb, ROSTER_TABLE).await;
        desk.subscribers = Subscribers::new(dynamodb, ROSTER_TABLE.to_owned());
        desk
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let aws = Aws::of(&self.world.environment(&[])).unwrap();
        aws.dynamodb(&Outbound::new().unwrap())
    }

    /// An import that is under way, of a DynamoDB at some address, and all that it says at its end.
    fn import(&self, dynamodb: &str, arguments: &[&str]) -> Child {
        let import = ["import", "--json", "--yes", "--subscribers-table", ROSTER_TABLE];
        let mut command = self.command(&[&import, arguments].concat());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// As Ctrl-C does.
async fn interrupt(import: &Child) {
    let pid = import.id().unwrap().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(killed.unwrap().success());
}

/// Exit code, what it said it would do, what it said it did, and what it said to people.
async fn ended(import: Child) -> (i32, Value, Value, String) {
    let output = import.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    let [would, did] = [lines.next(), lines.next()].map(Option::unwrap_or_default);
    (output.status.code().unwrap(), would, did, said)
}

/// A DynamoDB in front of the emulator, which waits at each call for what the test has to say to it.
struct Front {
    address: String,
}

/// The calls that are waiting.
struct Calls {
    waiting: mpsc::UnboundedReceiver<Call>,
}

struct Call {
    operation: String,
    answer: oneshot::Sender<bool>,
}

impl Front {
    #[expect(clippy::disallowed_methods, reason = "the test's own, no function's")]
    async fn of(dynamodb: &str) -> (Self, Calls) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (calls, waiting) = mpsc::unbounded_channel();
        let (client, dynamodb) = (reqwest::Client::new(), dynamodb.to_owned());
        let serve = move |headers: HeaderMap, body: Bytes| {
            let (calls, client, dynamodb) = (calls.clone(), client.clone(), dynamodb.clone());
            async move {
                let target = headers["x-amz-target"].to_str().unwrap();
                let operation = target.rsplit('.').next().unwrap().to_owned();
                let (answer, passes) = oneshot::channel();
                // Nobody listens any more: all pass.
                let _ = calls.send(Call { operation, answer });
                if passes.await == Ok(false) {
                    let throttled =
                        json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"});
                    return (StatusCode::BAD_REQUEST, throttled.to_string());
                }
                let answer = client.post(dynamodb).headers(headers).body(body).send().await.unwrap();
                (answer.status(), answer.text().await.unwrap())
            }
        };
        let router = Router::new().fallback(serve);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (Self { address }, Calls { waiting })
    }
}

impl Calls {
    /// The next call of an operation; others pass.
    async fn next(&mut self, operation: &str) -> Call {
        loop {
            let call = self.waiting.recv().await.unwrap();
            if call.operation == operation {
                return call;
            }
            call.pass();
        }
    }

    /// From now on everything passes.
    fn pass_all(self) {
        drop(self);
    }
}

impl Call {
    fn pass(self) {
        self.answer.send(true).unwrap();
    }

    fn throttle(self) {
        self.answer.send(false).unwrap();
    }
}

/// Killed in the middle, it goes on where it was, and not with another roster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_goes_on_where_it_was() {
    let desk = Desk::of_many("killed").await;
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
    assert!(code == 2 && said.contains("is of another import"), "{said}");
    std::fs::rename(format!("{roster}.whole"), &roster).unwrap();

    // What the progress says is done is not looked at again: whoever was changed since then keeps it, and nobody has to agree to what is not done.
    desk.has(0, &["gold", "silver"]).await;
    let diff = desk
        .diff(&[&roster, "--dry-run", "--subscribers-table", ROSTER_TABLE])
        .await;
    let reached = usize::try_from(diff["after_row"].as_u64().unwrap()).unwrap();
    let of_those_left = diff["diff"]["new"].as_u64().unwrap() + diff["diff"]["unchanged"].as_u64().unwrap();
    assert_eq!(
        (diff["rows"].as_u64(), of_those_left, &diff["diff"]["lose"]),
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

/// How many rows are noted as written, when it is some.
async fn reached(progress: &str, import: &mut Child) -> usize {
    loop {
        assert!(import.try_wait().unwrap().is_none(), "it has ended");
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
async fn an_import_that_is_interrupted_says_that_it_is_not_done_and_goes_on_later() {
    let desk = Desk::of_many("interrupted").await;
    let rows: Vec<_> = (0..3000).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows));
    let dynamodb = desk.world.sandbox.addresses().dynamodb.clone();
    let mut import = desk.import(&dynamodb, &[&roster]);
    reached(&format!("{roster}.progress"), &mut import).await;
    interrupt(&import).await;
    let (code, _, did, said) = ended(import).await;
    assert!(
        code == 2 && said.contains("the same command goes on from there"),
        "{said}"
    );
    assert_eq!(did["finished"], false);
    let (code, would, did, said) = ended(desk.import(&dynamodb, &[&roster])).await;
    assert_eq!((code, &did["finished"]), (0, &json!(true)), "{said}");
    assert!(would["after_row"].as_u64().unwrap() >= 1000);
    assert_eq!(desk.hears(2999).await, "gold");
}

/// The backend goes on while an operator thinks: whom it adds or changes after the look was never agreed to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_the_backend_writes_after_the_look_is_not_taken_for_missing() {
    let desk = Desk::of_many("after-the-look").await;
    for n in [1, 2, 3] {
        desk.has(n, &["gold"]).await;
    }
    let roster = desk.file("roster.csv", &csv(&[(9, "gold")]));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(&front.address, &[&roster, "--revoke-missing", "--lose", "3"]);
    // Before its first write: one changed, one new.
    let first_write = calls.next("UpdateItem").await;
    desk.has(1, &["silver"]).await;
    desk.has(4, &["gold"]).await;
    first_write.pass();
    calls.pass_all();
    let (code, would, did, said) = ended(import).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (&would["diff"]["lose"], &would["diff"]["missing"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(did, json!({"written": 3, "left_alone": 2, "finished": true}));
    let heard = [
        desk.hears(1).await,
        desk.hears(2).await,
        desk.hears(3).await,
        desk.hears(4).await,
        desk.hears(9).await,
    ];
    assert_eq!(heard, ["silver", "", "", "gold", "gold"]);
}

/// Nobody loses what was not counted as lost, also of those who are in the roster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_given_something_after_the_look_does_not_lose_it_to_the_roster() {
    let desk = Desk::of_many("given").await;
    desk.has(1, &["gold"]).await;
    let roster = desk.file("roster.csv", &csv(&[(1, ""), (2, ""), (3, "gold")]));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(&front.address, &[&roster, "--lose", "1"]);
    let first_write = calls.next("UpdateItem").await;
    desk.has(1, &["gold", "silver"]).await;
    desk.has(2, &["silver"]).await;
    first_write.pass();
    calls.pass_all();
    let (code, _, did, said) = ended(import).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(did, json!({"written": 1, "left_alone": 2, "finished": true}));
    let heard = [desk.hears(1).await, desk.hears(2).await, desk.hears(3).await];
    assert_eq!(heard, ["gold silver", "silver", "gold"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_missing_people_can_be_revoked_and_an_interruption_is_heard_meanwhile() {
    let desk = Desk::of_many("many-missing").await;
    let everybody: Vec<_> = (0..700).map(|n| (n, "gold")).collect();
    let all = desk.file("all.csv", &csv(&everybody));
    let dynamodb = desk.world.sandbox.addresses().dynamodb.clone();
    assert_eq!(ended(desk.import(&dynamodb, &[&all])).await.0, 0);
    let roster = desk.file("roster.csv", &csv(&everybody[..20]));
    let revoke = [roster.as_str(), "--revoke-missing", "--lose", "680"];

    let (front, mut calls) = Front::of(&dynamodb).await;
    let import = desk.import(&front.address, &revoke);
    calls.next("UpdateItem").await.pass();
    interrupt(&import).await;
    let (code, _, did, said) = ended(import).await;
    assert_eq!((code, &did["finished"]), (2, &json!(false)), "{said}");

    // Begun again with the same agreement, which is to at most so many.
    let (code, would, _, said) = ended(desk.import(&dynamodb, &revoke)).await;
    assert_eq!(code, 0, "{said}");
    let missing = would["diff"]["missing"].as_u64().unwrap();
    assert!((670..680).contains(&missing), "{missing}");
    for (n, names) in [(0, "gold"), (19, "gold"), (20, ""), (699, "")] {
        assert_eq!(desk.hears(n).await, names, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_throttled_delays_an_import_and_does_not_end_it() {
    let desk = Desk::of_many("throttled").await;
    let rows: Vec<_> = (0..300).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows));
    let (front, mut calls) = Front::of(&desk.world.sandbox.addresses().dynamodb).await;
    let import = desk.import(&front.address, &[&roster]);
    // Far more refusals at once than the SDK's quota of retries would have borne.
    for _ in 0..400 {
        calls.next("UpdateItem").await.throttle();
    }
    calls.pass_all();
    let (code, _, did, said) = ended(import).await;
    assert_eq!((code, &did["written"]), (0, &json!(300)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roster_that_changes_after_the_look_is_not_written() {
    let desk = Desk::of_many("changes").await;
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
async fn an_import_whose_progress_cannot_be_noted_writes_nothing() {
    let desk = Desk::new("unnoted").await;
    let roster = desk.file("roster.csv", &csv(&[(1, "gold")]));
    std::fs::create_dir(format!("{roster}.progress.part")).unwrap();
    let (code, said) = desk.says(&["import", &roster, "--yes"]).await;
    assert_eq!(code, 2, "{said}");
    assert_eq!(desk.get(1).await.version, 0);
}

#[tokio::test]
async fn of_several_rows_about_one_person_the_last_alone_is_written_and_counted() {
    let desk = Desk::new("repeated").await;
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
        (&diff["repeated"], &diff["diff"]["lose"], &diff["diff"]["granted"]),
        (&json!(5), &json!(0), &json!(1))
    );
    // Nobody loses for a moment what a later row gives: one has the version they had, the other one more.
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
async fn a_quote_that_is_never_closed_is_not_read_to_the_end_of_the_file() {
    let desk = Desk::new("unclosed").await;
    let rows: Vec<_> = (1..20_000).map(|n| (n, "gold")).collect();
    let roster = desk.file("roster.csv", &csv(&rows).replacen(",gold", ",\"gold", 1));
    let (code, said) = desk.says(&["import", &roster, "--yes", "--skip-bad-rows"]).await;
    assert!(
        code == 2 && said.contains("from line 2 on") && said.contains("too long"),
        "{said}"
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
    // Whoever waits is seen, and since when.
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let waiting = header.iter().position(|name| *name == "waiting_since").unwrap();
    assert_eq!(lines.filter(|cells| !cells[waiting].is_empty()).count(), 1);
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
    let registered_at = lines[0]["registered_at"].as_i64().unwrap();
    assert!(
        (lines[0]["waiting_since"].as_i64().unwrap() - registered_at).abs() <= 20,
        "{}",
        lines[0]
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
    let own_provider = json!({
        "SIGN_IN": "oidc", "OIDC_ISSUER": "http://127.0.0.1:1", "OIDC_CLIENT_ID": "soa-link", "OIDC_CLIENT_AUTHENTICATION": "none",
    });
    for (partner_id, settings) in [
        ("1111111111111111111111", own_provider),
        ("2222222222222222222222", json!({})),
    ] {
        desk.world.put_partner(partner_id, settings, 0).await;
    }
    let (code, said) = doctor(&[]).await;
    assert!(code == 0 && !said.contains("WRONG"), "{said}");
    // Each provider has a redirect URI of its own; a partner without one shares the deployment's.
    let of_partner = format!(
        "the OpenID provider of partner 1111111111111111111111, letter for letter: {}/partners/1111111111111111111111/sign-in/callback",
        addresses.gateway
    );
    assert!(
        said.contains(&of_partner) && !said.contains("2222222222222222222222"),
        "{said}"
    );
    let (_, said) = doctor(&[
        ("SIGN_IN", "oidc"),
        ("OIDC_ISSUER", "https://id.example.com"),
        ("OIDC_CLIENT_ID", "soa-link"),
    ])
    .await;
    let own = format!(
        "your OpenID provider, letter for letter: {}/sign-in/callback\n",
        addresses.gateway
    );
    assert!(said.contains(&own), "{said}");
    let (code, said) = doctor(&[]).await;
    assert_eq!(code, 0);
    for good in [
        "Spotify grants soa-manage-entitlements",
        "entrypoint, callback, unlink, entitlements, sync, partners: the variables",
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
        (("PARTNERS_TABLE", "nowhere"), "the partners in nowhere cannot be read"),
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
            // Into a pipe nothing is written but the token, and what a file or `echo` adds to it does no harm.
            let token = String::from_utf8(desk.run(&request).await.stdout).unwrap();
            assert_eq!(token.trim(), token);
            let body = format!(" \r\n{token}\t\n");
            world.backend_call("/get-entitlements", &body).await.status
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
        // Another beside it, in one step; and nothing is left behind when it cannot be added.
        let next = desk.folder.join("next.pem").to_str().unwrap().to_owned();
        let rotate = |kid: &'static str| {
            [
                &["keys", "rotate"],
                &id[..],
                &["backend", "--kid", kid, "--output", &next],
            ]
            .concat()
        };
        let (code, said) = desk.says(&rotate(alg)).await;
        assert!(code == 2 && said.contains("there is a key of this name"), "{said}");
        assert!(!std::fs::exists(&next).unwrap());
        let (code, said) = desk.says(&rotate("next")).await;
        assert!(
            code == 0 && said.contains(&format!("soa-link keys remove backend {alg}")),
            "{said}"
        );
        let (_, said) = desk.says(&[&["keys", "list"], &id[..]].concat()).await;
        assert!(said.contains(alg) && said.contains("next"), "{said}");
        let (code, said) = desk
            .says(&[&["keys", "remove"], &id[..], &["backend", "next"]].concat())
            .await;
        assert_eq!(code, 0, "{said}");

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

/// The functions take the version before as well, so that one removal is not enough.
#[tokio::test]
async fn a_key_that_is_removed_at_once_is_in_no_version_that_the_functions_take() {
    let desk = Desk::new("leaked").await;
    let keys = async |arguments: &[&str]| {
        let id = ["--partner-keys-id", bundle::PARTNER_KEYS_ID];
        desk.says(&[&["keys"], arguments, &id].concat()).await
    };
    let has = async |stage: &str, kid: &str| version(&desk, stage).await.unwrap().to_string().contains(kid);
    let before = secret(&desk).await;
    for kid in ["leaked", "old"] {
        let pem = desk.folder.join(format!("{kid}.pem"));
        let pem = pem.to_str().unwrap();
        let (code, said) = keys(&["rotate", "backend", "--kid", kid, "--output", pem]).await;
        assert_eq!(code, 0, "{said}");
    }
    let (code, said) = keys(&["list", "--json"]).await;
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, 0);
    for kid in ["leaked", "old"] {
        let key = json!({"kid": kid, "kty": "EC", "alg": "ES256"});
        assert!(listed["backend"].as_array().unwrap().contains(&key), "{said}");
    }
    assert!(
        !listed["site"].as_array().unwrap().is_empty() && !said.contains("\"k\""),
        "{said}"
    );

    let (code, said) = keys(&["remove", "backend", "leaked", "--at-once"]).await;
    assert!(code == 0 && said.contains("both versions"), "{said}");
    for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert!(!has(stage, "leaked").await && has(stage, "old").await, "{stage}");
    }
    // Removed in good time, and found to have leaked only then.
    let (code, said) = keys(&["remove", "backend", "old"]).await;
    assert!(code == 0 && said.contains("--at-once"), "{said}");
    assert!(has("AWSPREVIOUS", "old").await);
    assert_eq!(keys(&["remove", "backend", "old"]).await.0, 2);
    assert_eq!(keys(&["remove", "backend", "old", "--at-once"]).await.0, 0);
    for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert_eq!(version(&desk, stage).await.as_ref(), Some(&before), "{stage}");
    }
    let (code, said) = keys(&["remove", "backend", "old", "--at-once"]).await;
    assert!(code == 2 && said.contains("there is no key of this name"), "{said}");
}

/// The secret of the partner's keys, as it is now.
async fn secret(desk: &Desk) -> Value {
    version(desk, "AWSCURRENT").await.unwrap()
}

/// A version of it, where there is one.
async fn version(desk: &Desk, stage: &str) -> Option<Value> {
    let secrets = Aws::of(&desk.world.environment(&[]))
        .unwrap()
        .secrets_manager(&Outbound::new().unwrap());
    let read = secrets
        .get_secret_value()
        .secret_id(bundle::PARTNER_KEYS_ID)
        .version_stage(stage)
        .send()
        .await
        .ok()?;
    Some(serde_json::from_str(read.secret_string().unwrap()).unwrap())
}

/// CloudWatch allows few calls a second, and takes its time over a group with many lines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_that_are_slow_or_throttled_are_read_and_what_cannot_be_read_is_said_last() {
    let line = |function: &str| {
        let line =
            json!({"level": "WARN", "code": "SYNC_STOPPED", "message": "said so", "span": {"function": function}});
        json!({"events": [{"timestamp": 1, "message": line.to_string()}]}).to_string()
    };
    let throttles = Arc::new(AtomicUsize::new(3));
    let serve = move |body: Bytes| {
        let throttles = throttles.clone();
        async move {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let refused = |why: &str| (StatusCode::BAD_REQUEST, json!({"__type": why}).to_string());
            match asked["logGroupName"].as_str().unwrap().rsplit('-').next().unwrap() {
                "callback" => {
                    // Longer than a function's call may last.
                    tokio::time::sleep(Duration::from_millis(3_300)).await;
                    (StatusCode::OK, line("callback"))
                }
                "sync" => {
                    let left = throttles.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
                    left.map_or_else(|_| (StatusCode::OK, line("sync")), |_| refused("ThrottlingException"))
                }
                "unlink" => refused("AccessDeniedException"),
                _ => (StatusCode::OK, json!({"events": []}).to_string()),
            }
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(serve);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let desk = Desk::new("logs").await;
    let mut command = desk.command(&["logs", "--stack", "soa-link-test", "--code", "SYNC_STOPPED"]);
    let output = command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", address).output();
    let output = output.await.unwrap();
    let [found, failed] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    for function in ["callback", "sync"] {
        assert!(found.contains(&format!("function={function}")), "{found} {failed}");
    }
    assert_eq!(output.status.code(), Some(2));
    assert!(
        failed.contains("this is not all: the log group /aws/lambda/soa-link-test-unlink cannot be read")
            && failed.contains("AccessDenied"),
        "{failed}"
    );
}
