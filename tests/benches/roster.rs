//! Measures the speed and the peak memory of `soa-link` with large rosters: an import of `ROWS` rows (default 1,000,000), an export of a tenth of them, and the
//! revocation of a hundredth of those. `soa-link` is a separate process, and this one runs the emulated DynamoDB.
//! The reference is the rate at which the emulator takes plain writes of the same items, with the same concurrency.

#![expect(clippy::print_stdout, reason = "the benchmark prints its results")]
#![expect(
    clippy::disallowed_methods,
    reason = "the environment of the benchmark, not of a function"
)]

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

/// Number of concurrent writes, as in `soa-link import`: eight batches of sixteen writes.
const AT_ONCE: u64 = 128;
/// Number of plain writes that measure the reference rate.
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
    println!("reference: {floor:.0} plain writes a second, {AT_ONCE} at once");

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
        ("import, killed after a third and resumed", &["--yes"]),
        ("import without changes", &["--yes"]),
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

    // The emulator, unlike DynamoDB, scans the whole table for each page of a segment. A smaller table keeps this out of the measurement.
    let rows = rows.div_ceil(10);
    write_roster(&roster, rows)?;
    let import = soa_link("import", "tenth", &[roster_file, "--yes"])?;
    measure("import", import, Instant::now(), rows, floor).await?;
    let exported = folder.join("export.csv");
    let exported = exported.to_str().ok_or("no UTF-8")?;
    let export = soa_link("export", "tenth", &["--output", exported])?;
    measure("export", export, Instant::now(), rows, floor).await?;
    // The last hundredth of the subscribers is missing from the roster.
    let missing = rows / 100;
    write_roster(&roster, rows - missing)?;
    let lose = missing.to_string();
    let revoke = soa_link(
        "import",
        "tenth",
        &[roster_file, "--yes", "--revoke-missing", "--allow-revocations", &lose],
    )?;
    measure("revocation of a hundredth", revoke, Instant::now(), rows, floor).await?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Runs the command to its end and prints its rate since `began` and its peak memory.
async fn measure(what: &str, mut command: Command, began: Instant, rows: u64, floor: f64) -> Done<()> {
    let peak = peak(&mut command.spawn()?).await?;
    let rate = rate(rows, began.elapsed());
    println!(
        "{rows} rows, {what}: {rate:.0} rows a second ({:.2} of the reference), at most {peak} MiB of memory",
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

/// The path of the `soa-link` program, which `make bench-import` builds with the same profile.
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

/// Measures plain writes of the same items, without the command.
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

/// Waits until the progress file reports at least `rows` rows, kills the import, and returns the reported number.
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

/// Waits for the process to succeed and returns its peak memory in MiB.
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
                Err("soa-link failed".into())
            };
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
