//! How fast a roster of `ROWS` people (1,000,000) is imported, one of a tenth of them exported, and a hundredth of that revoked, and in how much memory: `soa-link`
//! as a process of its own, against an emulated DynamoDB in this one.
//! The floor is what the emulator takes of bare writes of the same items, as many at once.

#![expect(clippy::print_stdout, reason = "what was measured is printed")]
#![expect(clippy::disallowed_methods, reason = "the benchmark's own, no function's")]

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use sandbox::{Options, Sandbox, deployment};
use shared::{aws::AwsConfig, config::Environment, http_client::HttpClient};
use tokio::task::JoinSet;

type Done<T> = Result<T, Box<dyn Error>>;

/// How many writes are under way at once, as `soa-link import` has them: eight batches, sixteen of each.
const AT_ONCE: u64 = 128;
/// How many bare writes make the floor.
const BARE: u64 = 20_000;
const PARTNER: &str = "0WickerlightSandbox000";

#[tokio::main]
async fn main() -> Done<()> {
    let rows: u64 = env::var("ROWS").ok().map_or(Ok(1_000_000), |rows| rows.parse())?;
    let options = Options::default();
    let sandbox = Box::pin(Sandbox::start(options.clone(), async |_| Ok(Vec::new()))).await?;
    let environment: Environment = deployment::variables(&options, sandbox.addresses())
        .into_iter()
        .collect();
    let dynamodb = AwsConfig::from_env(&environment)
        .ok_or("no AWS")?
        .dynamodb(&HttpClient::new()?);
    for table in ["bare", "roster", "tenth"] {
        create_table(&dynamodb, table).await?;
    }
    let floor = rate(BARE.min(rows), bare_writes(&dynamodb, BARE.min(rows)).await?);
    println!("floor: {floor:.0} bare writes a second of the emulator, {AT_ONCE} at once");

    let folder = env::temp_dir().join(format!("soa-link-roster-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let roster = folder.join("roster.csv");
    write_roster(&roster, rows)?;
    let roster_file = roster.to_str().ok_or("no UTF-8")?;
    let soa_link = |what: &str, table: &str, more: &[&str]| -> Done<Command> {
        let mut command = Command::new(soa_link()?);
        command
            .args([what, "--subscribers-table", table, "--partner-id", PARTNER])
            .args(more);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        command.envs([
            ("AWS_ENDPOINT_URL_DYNAMODB", sandbox.addresses().dynamodb.as_str()),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
        ]);
        Ok(command)
    };
    for (what, arguments) in [
        ("dry run", &["--dry-run"][..]),
        ("looked at, killed after a third and begun again, written", &["--yes"]),
        ("nothing to do", &["--yes"]),
    ] {
        let began = Instant::now();
        if what.contains("killed") {
            let mut killed = soa_link("import", "roster", &[&[roster_file], arguments].concat())?.spawn()?;
            let third = reached(&roster, rows / 3, &mut killed).await?;
            println!("killed after {third} rows");
        }
        measure(
            what,
            soa_link("import", "roster", &[&[roster_file], arguments].concat())?,
            began,
            rows,
            floor,
        )
        .await?;
    }

    // The emulator goes through a whole table for each page of a part of it, which DynamoDB does not: a smaller one, so that this is not what is measured.
    let rows = rows.div_ceil(10);
    write_roster(&roster, rows)?;
    let import = soa_link("import", "tenth", &[roster_file, "--yes"])?;
    measure("written", import, Instant::now(), rows, floor).await?;
    let exported = folder.join("export.csv");
    let exported = exported.to_str().ok_or("no UTF-8")?;
    let export = soa_link("export", "tenth", &["--output", exported])?;
    measure("exported", export, Instant::now(), rows, floor).await?;
    // Whoever is not in the roster any more.
    let missing = rows / 100;
    write_roster(&roster, rows - missing)?;
    let lose = missing.to_string();
    let revoke = soa_link(
        "import",
        "tenth",
        &[roster_file, "--yes", "--revoke-missing", "--allow-revocations", &lose],
    )?;
    measure("a hundredth revoked", revoke, Instant::now(), rows, floor).await?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Runs the command to its end and prints how fast it was since it began.
async fn measure(what: &str, mut command: Command, began: Instant, rows: u64, floor: f64) -> Done<()> {
    let peak = peak(&mut command.spawn()?).await?;
    let rate = rate(rows, began.elapsed());
    println!(
        "{rows} rows, {what}: {rate:.0} rows a second ({:.2} of the floor), at most {peak} MiB of memory",
        rate / floor
    );
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count of rows is exact far beyond any roster"
)]
fn rate(rows: u64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}

/// The command, built as this was: `make bench` does.
fn soa_link() -> Done<PathBuf> {
    let here = env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("no folder")?;
    Ok(folder.join("soa-link"))
}

fn write_roster(path: &Path, rows: u64) -> Done<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "partner_user_id,entitlements")?;
    for row in 0..rows {
        writeln!(file, "{row:032x},gold tier-{}", row % 7)?;
    }
    Ok(file.flush()?)
}

async fn create_table(dynamodb: &Client, name: &str) -> Done<()> {
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build()?;
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build()?;
    let table = dynamodb
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    table.attribute_definitions(id).key_schema(key).send().await?;
    Ok(())
}

/// The same writes and nothing else.
async fn bare_writes(dynamodb: &Client, rows: u64) -> Done<Duration> {
    let began = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..AT_ONCE {
        let dynamodb = dynamodb.clone();
        writers.spawn(async move {
            for row in (writer..rows).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
                let text = |text: &str| AttributeValue::S(text.to_owned());
                let update = dynamodb.update_item().table_name("bare").key("id", text(&format!("{PARTNER}#{row:032x}")));
                let update = update
                    .update_expression("SET partner_id = :partner, partner_user_id = :person, entitlements = :entitlements, version = :version")
                    .condition_expression("attribute_not_exists(version)")
                    .expression_attribute_values(":partner", text(PARTNER))
                    .expression_attribute_values(":person", text(&format!("{row:032x}")))
                    .expression_attribute_values(":entitlements", AttributeValue::L(vec![text("gold"), text("tier-1")]))
                    .expression_attribute_values(":version", AttributeValue::N("1".to_owned()));
                update.send().await?;
            }
            Ok::<_, aws_sdk_dynamodb::Error>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(began.elapsed())
}

/// Waits until so many rows are noted as done, and kills the import.
async fn reached(roster: &Path, rows: u64, import: &mut Child) -> Done<u64> {
    let progress = roster.with_extension("csv.progress");
    loop {
        let noted = fs::read(&progress)
            .ok()
            .and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        let noted = noted.and_then(|noted| noted.get("rows")?.as_u64()).unwrap_or(0);
        let ended = import.try_wait()?.is_some();
        if noted > 0 && noted >= rows || ended {
            import.kill()?;
            import.wait()?;
            return Ok(noted);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The most memory a process has had, in MiB, when it has ended well.
async fn peak(process: &mut Child) -> Done<u64> {
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        if let Some(status) = process.try_wait()? {
            return if status.success() {
                Ok(peak)
            } else {
                Err("the import has failed".into())
            };
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
