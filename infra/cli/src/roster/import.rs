//! `soa-link import`: has the table want what a roster says. First it reads all of the file, looks at each person, and says what would change and what the guard will say
//! to it; nothing is written before somebody has agreed. Then each change is one conditional write, as the entitlement calls make it, and Spotify follows. Whoever is not
//! in the file is left alone, unless that is asked for by name and number.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
};

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use shared::{
    clock::Clock,
    partner::{Entitlements, PartnerUserId},
    secrets::ManagedSecret,
    store::{RevocationGuard, RevocationLimits, StoreError, Subscriber, Subscribers},
};

use super::{
    args::{Format, RosterArgs},
    export::people,
    index::RosterIndex,
    plan::{Diff, PlannedRevocations, RosterChange, allowed_by_guard, tell},
    progress::{ProgressFile, bar},
    rows::{Fingerprint, RowFormat, Rows, fingerprint},
};
use crate::{aws, error::CliError};

/// How many people are looked at in one call (`BatchGetItem`).
const BATCH: usize = 100;
/// How many such batches are in hand at once, and of each how many writes.
const BATCHES: usize = 8;
const WRITES: usize = 16;
/// How often a write is tried anew when somebody else has written in between.
const MAX_ATTEMPTS: usize = 8;
/// After how many rows it is noted how far the import has come.
const CHECKPOINT_ROWS: u64 = 1_000;

/// Has the subscribers table want what a roster says, after showing what would change.
///
/// CSV with the columns `partner_user_id` or `sub`, and `entitlements` with spaces between the names, or a JSON object a line with the same members. Each row is all that its
/// person is to hear. Whoever is not in the file is left alone. An import that was stopped goes on when it is begun again.
#[derive(Args)]
#[command(after_help = "Example: soa-link import roster.csv --dry-run")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    whose: RosterArgs,
    /// The roster.
    roster: PathBuf,
    /// csv or jsonl; without it by the file's name, else csv.
    #[arg(long)]
    format: Option<Format>,
    /// Show what would change, and stop there.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask. Whether people lose something has to be agreed to by --allow-revocations all the same.
    #[arg(long)]
    yes: bool,
    /// Agree that at most so many people lose something: the dry run says how many.
    #[arg(long)]
    allow_revocations: Option<u64>,
    /// Have those hear nothing who are in the table and not in the roster.
    #[arg(long)]
    revoke_missing: bool,
    /// Refuse a roster of another number of rows.
    #[arg(long)]
    expect_rows: Option<u64>,
    /// Pass over rows that cannot be read, rather than write nothing.
    #[arg(long)]
    skip_bad_rows: bool,
    /// Pass over columns that say neither who nor what.
    #[arg(long)]
    ignore_other_columns: bool,
    /// The secret of the partner's keys, for rosters with `sub`: the stack's output PartnerKeysId.
    #[arg(long, env = "PARTNER_KEYS_ID")]
    partner_keys_id: Option<String>,
    /// What the functions' guard is told, for its verdict.
    #[arg(long, env = "GUARD_PEOPLE", default_value_t = 100)]
    guard_people: i64,
    /// As `guard_people`, in percent of those linked.
    #[arg(long, env = "GUARD_PERCENT", default_value_t = 5)]
    guard_percent: i64,
    /// For programs: the summary as one JSON document.
    #[arg(long)]
    json: bool,
}

struct Import<'a> {
    args: &'a ImportArgs,
    subscribers: Subscribers,
    reading: RowFormat,
    progress: ProgressFile,
    fingerprint: Fingerprint,
    clock: Clock,
}

/// Looks, asks, and writes.
///
/// # Errors
/// [`CliError`] when the roster or a table cannot be read, or something stands against it.
pub(crate) async fn run(args: &ImportArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let aws = aws::aws().await?;
    let dynamodb = aws::bulk_dynamodb(&aws);
    let keys = match &args.partner_keys_id {
        None => None,
        Some(id) => {
            let client = aws_sdk_secretsmanager::Client::new(&aws);
            let keys = ManagedSecret::new(client, id.clone(), Clock::System).get().await;
            Some(keys.map_err(|error| CliError::new(error.to_string()))?)
        }
    };
    let limits = RevocationLimits {
        people: args.guard_people,
        percent: args.guard_percent,
    };
    let guard = RevocationGuard::new(dynamodb.clone(), args.whose.subscribers_table.clone(), limits);
    let fingerprint = fingerprint(&args.roster)?;
    let import = Import {
        args,
        subscribers: Subscribers::new(dynamodb, args.whose.subscribers_table.clone()),
        reading: RowFormat {
            format: Format::of(args.format, Some(&args.roster)),
            partner_id: args.whose.partner_id.clone(),
            keys,
            ignore_other_columns: args.ignore_other_columns,
        },
        progress: ProgressFile::new(&args.roster, &args.whose, &fingerprint),
        fingerprint,
        clock: Clock::System,
    };
    let after_row = import.progress.reached()?;
    let census = RosterIndex::of(import.rows()?)?;
    let (tally, losers) = import.plan(&census, after_row).await?;
    let state = guard.state(&args.whose.partner_id, import.clock.now()).await;
    let state = state.map_err(|error| CliError::new(format!("the subscribers table: {error}")))?;
    let objections = import.objections(&census);
    if args.json {
        let verdict = json!({"held": state.on_hold_since.is_some(), "passes": allowed_by_guard(&state, &tally), "of": tally.revoked_linked});
        let said = json!({
            "rows": census.rows, "after_row": after_row, "repeated": census.repeated, "bad_rows": census.bad_rows, "bad": census.bad,
            "diff": tally, "guard": verdict, "objections": objections,
        });
        writeln!(out, "{said}")?;
    } else {
        tell(out, &census, after_row, &tally, &state)?;
        for objection in &objections {
            writeln!(out, "Not imported: {objection}.")?;
        }
    }
    if !objections.is_empty() {
        return Ok(false);
    }
    if args.dry_run {
        return Ok(true);
    }
    if tally.changes() == 0 {
        import.progress.forget()?;
        return Ok(true);
    }
    if !import.agreed(&tally)? {
        return Ok(false);
    }
    let (done, stopped) = import.write(&census, after_row, &losers).await?;
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"written": done.changes(), "skipped_concurrent": done.skipped_concurrent, "finished": stopped.is_none()})
        )?;
    }
    if let Some(why) = stopped {
        return Err(CliError::new(format!(
            "{why}, after {} people were written; the same command goes on from there",
            done.changes()
        )));
    }
    if !args.json {
        writeln!(
            out,
            "{} people written. Spotify follows those who are linked.",
            done.changes()
        )?;
        if done.skipped_concurrent > 0 {
            writeln!(
                out,
                "{} people were changed since they were counted, would lose something by it, and were left alone. Another run counts them again.",
                done.skipped_concurrent
            )?;
        }
    }
    Ok(true)
}

impl Import<'_> {
    /// What stands against writing anything.
    fn objections(&self, census: &RosterIndex) -> Vec<String> {
        let mut objections = Vec::new();
        if census.bad_rows > 0 && !self.args.skip_bad_rows {
            objections.push(format!(
                "{} rows cannot be read; --skip-bad-rows passes them over",
                census.bad_rows
            ));
        }
        if let Some(expected) = self.args.expect_rows.filter(|expected| *expected != census.rows) {
            objections.push(format!(
                "the roster has {} rows, and {expected} were expected",
                census.rows
            ));
        }
        if !self.fingerprint.ends_well && self.args.expect_rows.is_none() {
            objections.push("the roster's last line has no end, so that it may have been cut off; --expect-rows says how many rows it should have".to_owned());
        }
        if self.args.revoke_missing && (census.rows == census.bad_rows || census.bad_rows > 0) {
            objections.push(
                "a roster that is empty, or cannot be read whole, says of nobody that they are missing".to_owned(),
            );
        }
        objections
    }

    /// Whether the operator agrees. Where people lose something they have to say how many.
    fn agreed(&self, tally: &Diff) -> Result<bool, CliError> {
        let args = self.args;
        if let Some(allowed) = args.allow_revocations.filter(|allowed| *allowed < tally.revoked) {
            return Err(CliError::new(format!(
                "{} people lose something, and --allow-revocations agrees to {allowed} at most",
                tally.revoked
            )));
        }
        let agreed_to_loss = tally.revoked == 0 || args.allow_revocations.is_some();
        if args.yes && agreed_to_loss {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            let loss = if agreed_to_loss {
                String::new()
            } else {
                format!(" --allow-revocations {}", tally.revoked)
            };
            return Err(CliError::new(format!(
                "nobody is there to be asked: --yes{loss} agrees"
            )));
        }
        let (question, agreement) = if tally.revoked > 0 {
            (
                "Type the number of people who lose something to go on: ",
                tally.revoked.to_string(),
            )
        } else {
            ("Type yes to go on: ", "yes".to_owned())
        };
        write!(io::stderr(), "{question}")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim() == agreement)
    }

    fn rows(&self) -> Result<Rows, CliError> {
        Rows::open(&self.args.roster, self.reading.clone())
    }

    /// Looks at everybody in the rows that are left, and at those who are missing: what would change.
    async fn plan(&self, census: &RosterIndex, after_row: u64) -> Result<(Diff, PlannedRevocations), CliError> {
        let bar = bar("looking", census.rows);
        bar.inc(after_row);
        let mut looked = stream::iter(self.batches(census, after_row)?)
            .map(|batch| async move {
                let batch = batch?;
                Ok::<_, CliError>((self.load(batch.people).await?, batch.rows))
            })
            .buffered(BATCHES);
        let (mut tally, mut losers) = (Diff::default(), PlannedRevocations::default());
        while let Some((known, rows)) = looked.try_next().await? {
            for (before, after) in known {
                if tally.count(&before, &after) == RosterChange::Revoke {
                    losers.note(&before);
                }
            }
            bar.inc(rows);
        }
        drop(looked);
        if self.args.revoke_missing {
            let mut pages = people(&self.subscribers, &self.args.whose);
            while let Some(page) = pages.try_next().await? {
                for person in page.iter().filter(|person| census.is_missing(person)) {
                    tally.missing += 1;
                    tally.count(person, &Entitlements::default());
                    losers.note(person);
                }
            }
        }
        bar.finish_and_clear();
        Ok((tally, losers))
    }

    /// The roster's rows after some, in parts, of each person the row that counts.
    fn batches<'a>(
        &self,
        census: &'a RosterIndex,
        after_row: u64,
    ) -> Result<impl Iterator<Item = Result<Batch, CliError>> + use<'a>, CliError> {
        let skip = usize::try_from(after_row).unwrap_or(usize::MAX);
        let mut rows = (0..).zip(self.rows()?).skip(skip);
        Ok(std::iter::from_fn(move || {
            let mut batch = Batch::default();
            for (place, row) in rows.by_ref() {
                batch.rows += 1;
                match row {
                    Err(failed) => return Some(Err(failed)),
                    Ok(Ok(row)) if census.counts(place, &row.partner_user_id) => {
                        batch.people.insert(row.partner_user_id, row.entitlements);
                    }
                    // Bad rows were agreed to be passed over.
                    Ok(_) => {}
                }
                if batch.people.len() == BATCH || batch.rows == CHECKPOINT_ROWS {
                    break;
                }
            }
            (batch.rows > 0).then_some(Ok(batch))
        }))
    }

    /// Some people as they are, each with what the roster says.
    async fn load(
        &self,
        people: HashMap<PartnerUserId, Entitlements>,
    ) -> Result<Vec<(Subscriber, Entitlements)>, CliError> {
        let partner_id = &self.args.whose.partner_id;
        let found = self.subscribers.get_many(partner_id, people.keys()).await;
        let found = found.map_err(|error| CliError::new(format!("the subscribers table: {error}")))?;
        let mut found: HashMap<_, _> = found
            .into_iter()
            .map(|person| (person.partner_user_id.clone(), person))
            .collect();
        let with = people.into_iter().map(|(id, entitlements)| {
            let before = found
                .remove(&id)
                .unwrap_or_else(|| Subscriber::new(partner_id.clone(), id));
            (before, entitlements)
        });
        Ok(with.collect())
    }

    /// Writes the rows that are left, and then takes from the missing, until all is done or something stops it: what was written, and what stopped it.
    async fn write(
        &self,
        census: &RosterIndex,
        after_row: u64,
        losers: &PlannedRevocations,
    ) -> Result<(Diff, Option<String>), CliError> {
        if fingerprint(&self.args.roster)? != self.fingerprint {
            return Err(CliError::new(
                "the roster has changed since it was looked at: nothing was written",
            ));
        }
        // That it can be noted is seen before there is something to note.
        self.progress.note(after_row)?;
        let bar = bar("writing", census.rows);
        bar.inc(after_row);
        let rows = stream::iter(self.batches(census, after_row)?)
            .map(|batch| async move {
                let batch = batch?;
                Ok((self.apply(self.load(batch.people).await?, losers).await?, batch.rows))
            })
            .buffered(BATCHES);
        let pages = stream::iter(
            self.args
                .revoke_missing
                .then(|| people(&self.subscribers, &self.args.whose)),
        );
        let revoked = pages.flatten().and_then(async |page| {
            let missing = page.into_iter().filter(|person| census.is_missing(person));
            let missing = missing.map(|person| (person, Entitlements::default()));
            let mut tally = self.apply(missing.collect(), losers).await?;
            tally.missing = tally.revoked;
            Ok((tally, 0))
        });
        let mut written = std::pin::pin!(rows.chain(revoked));
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let (mut tally, mut rows_done, mut noted) = (Diff::default(), after_row, after_row);
        let stopped = loop {
            let part: Result<Option<(Diff, u64)>, CliError> = tokio::select! {
                biased;
                _ = &mut interrupted => break Some("stopped".to_owned()),
                part = written.try_next() => part,
            };
            let (of_part, rows) = match part {
                Ok(Some(part)) => part,
                Ok(None) => break None,
                Err(failed) => break Some(failed.to_string()),
            };
            tally.add(&of_part);
            rows_done += rows;
            bar.inc(rows);
            if rows_done - noted >= CHECKPOINT_ROWS {
                self.progress.note(rows_done)?;
                noted = rows_done;
            }
        };
        bar.finish_and_clear();
        if stopped.is_some() {
            self.progress.note(rows_done)?;
        } else {
            self.progress.forget()?;
        }
        Ok((tally, stopped))
    }

    /// Writes some people. What the backend writes of them meanwhile comes first, and then the roster; but nobody loses what was not counted as lost.
    async fn apply(
        &self,
        known: Vec<(Subscriber, Entitlements)>,
        losers: &PlannedRevocations,
    ) -> Result<Diff, CliError> {
        let now = self.clock.now();
        let writes = known.into_iter().map(|(mut before, after)| async move {
            for _ in 0..MAX_ATTEMPTS {
                let mut tally = Diff::default();
                match tally.count(&before, &after) {
                    RosterChange::Unchanged => return Ok(tally),
                    RosterChange::Revoke if !losers.has(&before) => break,
                    _ => {}
                }
                if self
                    .subscribers
                    .replace_if_unchanged(&before, &after, now)
                    .await?
                    .is_some()
                {
                    return Ok(tally);
                }
                before = self
                    .subscribers
                    .get(&before.partner_id, &before.partner_user_id)
                    .await?;
            }
            Ok(Diff {
                skipped_concurrent: 1,
                ..Diff::default()
            })
        });
        let writes = stream::iter(writes).buffer_unordered(WRITES);
        let tally = writes.try_fold(Diff::default(), async |mut tally, one| {
            tally.add(&one);
            Ok(tally)
        });
        tally
            .await
            .map_err(|error: StoreError| CliError::new(format!("the subscribers table: {error}")))
    }
}

/// Some rows, and the people of whom they are the ones that count.
#[derive(Default)]
struct Batch {
    people: HashMap<PartnerUserId, Entitlements>,
    rows: u64,
}
