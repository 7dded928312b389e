//! `soa-link import`: writes the entitlements of a roster to the subscribers table. It first reads the whole file and the current records, and prints what
//! would change and what the revocation guard will do. Nothing is written without the operator's consent. Each change is one conditional write, as in the
//! entitlements API, and `sync` then updates Spotify. Subscribers who are not in the file do not change, unless `--revoke-missing` is given.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
};

use clap::Args;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use shared::{
    clock::Clock,
    partner::{Entitlements, PartnerUserId},
    secrets::ManagedSecret,
    store::{Lane, RevocationGuard, RevocationLimits, StoreError, Subscriber, Subscribers},
};

use super::{
    args::{Format, RosterArgs},
    export::people,
    index::RosterIndex,
    plan::{Diff, PlannedRevocations, RosterChange, allowed_by_guard, print_plan},
    progress::{ProgressFile, bar},
    rows::{Fingerprint, RowFormat, Rows, fingerprint},
};
use crate::{aws, error::CliError};

/// Subscribers per `BatchGetItem` call.
const BATCH: usize = 100;
/// Batches that are processed in parallel.
const BATCHES: usize = 8;
/// Parallel writes per batch.
const WRITES: usize = 16;
/// Attempts per conditional write, if the record changes in between.
const MAX_ATTEMPTS: usize = 8;
/// Rows between two updates of the progress file.
const CHECKPOINT_ROWS: u64 = 1_000;

/// Import a roster into the subscribers table, after showing what would change
///
/// The roster is CSV with the columns `partner_user_id` or `sub`, and
/// `entitlements` (separated by spaces), or JSON Lines with the same members.
/// A row replaces all entitlements of its subscriber. Subscribers who are not in
/// the roster do not change. To continue a stopped import, run it again.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = "Example: soa-link import roster.csv --dry-run")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    roster_args: RosterArgs,
    /// Roster file.
    roster: PathBuf,
    /// File format. The default depends on the file's extension, else csv.
    #[arg(long)]
    format: Option<Format>,
    /// Show what would change and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask. Revocations still require --allow-revocations.
    #[arg(long)]
    yes: bool,
    /// Agree that up to this many subscribers lose entitlements (see --dry-run).
    #[arg(long)]
    allow_revocations: Option<u64>,
    /// Revoke the entitlements of subscribers who are not in the roster.
    #[arg(long)]
    revoke_missing: bool,
    /// Reject the roster if it has another number of rows.
    #[arg(long)]
    expect_rows: Option<u64>,
    /// Skip bad rows instead of rejecting the roster.
    #[arg(long)]
    skip_bad_rows: bool,
    /// Ignore columns other than the subscriber and the entitlements.
    #[arg(long)]
    ignore_other_columns: bool,
    /// Secret of the partner's keys, if rows have `sub`: stack output PartnerKeysId.
    #[arg(long, env = "PARTNER_KEYS_ID")]
    partner_keys_id: Option<String>,
    /// The deployment's `GuardPeople`, to predict what the guard does.
    #[arg(long, env = "GUARD_PEOPLE", default_value_t = 100)]
    guard_people: i64,
    /// The deployment's `GuardPercent`, to predict what the guard does.
    #[arg(long, env = "GUARD_PERCENT", default_value_t = 5)]
    guard_percent: i64,
    /// Print the plan and the result as one JSON document each.
    #[arg(long)]
    json: bool,
}

struct Import<'a> {
    args: &'a ImportArgs,
    guard: RevocationGuard,
    subscribers: Subscribers,
    reading: RowFormat,
    progress: ProgressFile,
    fingerprint: Fingerprint,
    clock: Clock,
}

/// Plans the import, asks for consent and writes. Returns whether the roster was accepted.
///
/// # Errors
/// [`CliError`] if the roster, the table or the secret cannot be read, consent is missing, or the import stops before its end. A retry is safe: it continues
/// where the import stopped.
pub(crate) async fn run(args: &ImportArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let import = Import::new(args).await?;
    let after_row = import.progress.load()?;
    let index = RosterIndex::of(import.rows()?)?;
    let (diff, revocations) = import.plan(&index, after_row).await?;
    let state = import
        .guard
        .state(&args.roster_args.partner_id, import.clock.now())
        .await;
    let state = state.map_err(|error| CliError::new(format!("the subscribers table: {error}")))?;
    let objections = import.objections(&index);
    if args.json {
        let verdict = json!({"held": state.on_hold_since.is_some(), "passes": allowed_by_guard(&state, &diff), "of": diff.revoked_linked});
        let said = json!({
            "rows": index.rows, "after_row": after_row, "repeated": index.repeated, "bad_rows": index.bad_rows, "bad": index.bad,
            "diff": diff, "guard": verdict, "objections": objections,
        });
        writeln!(out, "{said}")?;
    } else {
        print_plan(out, &index, after_row, &diff, &state)?;
        for objection in &objections {
            writeln!(out, "Rejected: {objection}.")?;
        }
    }
    if !objections.is_empty() {
        return Ok(false);
    }
    if args.dry_run {
        return Ok(true);
    }
    if diff.changes() == 0 {
        import.progress.delete()?;
        return Ok(true);
    }
    if !import.agreed(&diff)? {
        return Ok(false);
    }
    let (done, stopped) = import.write(&index, after_row, &revocations).await?;
    report_written(args, &done, stopped, out)?;
    Ok(true)
}

/// Prints what was written.
///
/// # Errors
/// [`CliError`] with the number of written subscribers if the import `stopped` early, or if `out` cannot be written.
fn report_written(
    args: &ImportArgs,
    done: &Diff,
    stopped: Option<String>,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"written": done.changes(), "skipped_concurrent": done.skipped_concurrent, "finished": stopped.is_none()})
        )?;
    }
    if let Some(why) = stopped {
        return Err(CliError::new(format!(
            "{why}; {} subscribers were written. Run the same command again to continue",
            done.changes()
        )));
    }
    if !args.json {
        writeln!(
            out,
            "{} subscribers written. The sync now updates those who are linked.",
            done.changes()
        )?;
        if done.skipped_concurrent > 0 {
            writeln!(
                out,
                "{} subscribers were skipped: they changed after the count and would lose entitlements. Run the import again to count them.",
                done.skipped_concurrent
            )?;
        }
    }
    Ok(())
}

impl<'a> Import<'a> {
    async fn new(args: &'a ImportArgs) -> Result<Self, CliError> {
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
        let fingerprint = fingerprint(&args.roster)?;
        Ok(Self {
            args,
            guard: RevocationGuard::new(dynamodb.clone(), args.roster_args.subscribers_table.clone(), limits),
            subscribers: Subscribers::new(dynamodb, args.roster_args.subscribers_table.clone()),
            reading: RowFormat {
                format: Format::of(args.format, Some(&args.roster)),
                partner_id: args.roster_args.partner_id.clone(),
                keys,
                ignore_other_columns: args.ignore_other_columns,
            },
            progress: ProgressFile::new(&args.roster, &args.roster_args, &fingerprint),
            fingerprint,
            clock: Clock::System,
        })
    }

    /// Reasons to reject the whole roster.
    fn objections(&self, index: &RosterIndex) -> Vec<String> {
        let mut objections = Vec::new();
        if index.bad_rows > 0 && !self.args.skip_bad_rows {
            objections.push(format!(
                "{} bad rows; fix them, or skip them with --skip-bad-rows",
                index.bad_rows
            ));
        }
        if let Some(expected) = self.args.expect_rows.filter(|expected| *expected != index.rows) {
            objections.push(format!(
                "the roster has {} rows instead of {expected}; check that it is complete",
                index.rows
            ));
        }
        if !self.fingerprint.ends_well && self.args.expect_rows.is_none() {
            objections.push("the last line has no line end, so the roster may be cut off; check it, and pass its number of rows with --expect-rows".to_owned());
        }
        if self.args.revoke_missing && (index.rows == index.bad_rows || index.bad_rows > 0) {
            objections.push("--revoke-missing requires a roster with rows and without bad rows".to_owned());
        }
        objections
    }

    /// Asks for the operator's consent. If entitlements are revoked, the operator has to give the number of subscribers.
    fn agreed(&self, diff: &Diff) -> Result<bool, CliError> {
        let args = self.args;
        if let Some(allowed) = args.allow_revocations.filter(|allowed| *allowed < diff.revoked) {
            return Err(CliError::new(format!(
                "{} subscribers would lose entitlements, more than --allow-revocations {allowed}; check the roster, or raise the number",
                diff.revoked
            )));
        }
        let agreed_to_loss = diff.revoked == 0 || args.allow_revocations.is_some();
        if args.yes && agreed_to_loss {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            let loss = if agreed_to_loss {
                String::new()
            } else {
                format!(" --allow-revocations {}", diff.revoked)
            };
            return Err(CliError::new(format!(
                "cannot ask for consent without a terminal; agree with --yes{loss}"
            )));
        }
        let (question, agreement) = if diff.revoked > 0 {
            (
                "Type the number of subscribers who lose entitlements to continue: ",
                diff.revoked.to_string(),
            )
        } else {
            ("Type yes to continue: ", "yes".to_owned())
        };
        write!(io::stderr(), "{question}")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim() == agreement)
    }

    fn rows(&self) -> Result<Rows, CliError> {
        Rows::open(&self.args.roster, self.reading.clone())
    }

    /// Compares the remaining rows, and with `--revoke-missing` all other subscribers, with the table.
    async fn plan(&self, index: &RosterIndex, after_row: u64) -> Result<(Diff, PlannedRevocations), CliError> {
        let bar = bar("reading", index.rows);
        bar.inc(after_row);
        let mut looked = stream::iter(self.batches(index, after_row)?)
            .map(|batch| async move {
                let batch = batch?;
                Ok::<_, CliError>((self.load(batch.people).await?, batch.rows))
            })
            .buffered(BATCHES);
        let (mut diff, mut revocations) = (Diff::default(), PlannedRevocations::default());
        while let Some((known, rows)) = looked.try_next().await? {
            for (before, after) in known {
                if diff.count(&before, &after) == RosterChange::Revoke {
                    revocations.add(&before);
                }
            }
            bar.inc(rows);
        }
        drop(looked);
        if self.args.revoke_missing {
            let mut pages = people(&self.subscribers, &self.args.roster_args);
            while let Some(page) = pages.try_next().await? {
                for person in page.iter().filter(|person| index.is_missing(person)) {
                    diff.missing += 1;
                    diff.count(person, &Entitlements::default());
                    revocations.add(person);
                }
            }
        }
        bar.finish_and_clear();
        Ok((diff, revocations))
    }

    /// The rows after `after_row` in batches, with only the last row of each subscriber.
    fn batches<'b>(
        &self,
        index: &'b RosterIndex,
        after_row: u64,
    ) -> Result<impl Iterator<Item = Result<Batch, CliError>> + use<'a, 'b>, CliError> {
        let skip = usize::try_from(after_row).unwrap_or(usize::MAX);
        let mut rows = (0..).zip(self.rows()?).skip(skip);
        Ok(std::iter::from_fn(move || {
            let mut batch = Batch::default();
            for (place, row) in rows.by_ref() {
                batch.rows += 1;
                match row {
                    Err(failed) => return Some(Err(failed)),
                    Ok(Ok(row)) if index.counts(place, &row.partner_user_id) => {
                        batch.people.insert(row.partner_user_id, row.entitlements);
                    }
                    // An earlier row of the same subscriber, or a bad row, which --skip-bad-rows allows.
                    Ok(_) => {}
                }
                if batch.people.len() == BATCH || batch.rows == CHECKPOINT_ROWS {
                    break;
                }
            }
            (batch.rows > 0).then_some(Ok(batch))
        }))
    }

    /// Reads the current records of a batch and pairs each with its entitlements in the roster.
    async fn load(
        &self,
        people: HashMap<PartnerUserId, Entitlements>,
    ) -> Result<Vec<(Subscriber, Entitlements)>, CliError> {
        let partner_id = &self.args.roster_args.partner_id;
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

    /// Writes the remaining rows, then revokes the entitlements of missing subscribers. Returns what was written, and the reason if it stopped early.
    async fn write(
        &self,
        index: &RosterIndex,
        after_row: u64,
        revocations: &PlannedRevocations,
    ) -> Result<(Diff, Option<String>), CliError> {
        if fingerprint(&self.args.roster)? != self.fingerprint {
            return Err(CliError::new(
                "the roster has changed since it was read, so nothing was written; run the import again",
            ));
        }
        // Fails before the first write if the progress file cannot be written.
        self.progress.save(after_row)?;
        let bar = bar("writing", index.rows);
        bar.inc(after_row);
        let rows = stream::iter(self.batches(index, after_row)?)
            .map(|batch| async move {
                let batch = batch?;
                Ok((
                    self.apply(self.load(batch.people).await?, revocations).await?,
                    batch.rows,
                ))
            })
            .buffered(BATCHES);
        let mut written = std::pin::pin!(rows.chain(self.revoke_missing(index, revocations)));
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let (mut diff, mut rows_done, mut noted) = (Diff::default(), after_row, after_row);
        let stopped = loop {
            let part: Result<Option<(Diff, u64)>, CliError> = tokio::select! {
                biased;
                _ = &mut interrupted => break Some("interrupted".to_owned()),
                part = written.try_next() => part,
            };
            let (of_part, rows) = match part {
                Ok(Some(part)) => part,
                Ok(None) => break None,
                Err(failed) => break Some(failed.to_string()),
            };
            diff.add(&of_part);
            rows_done += rows;
            bar.inc(rows);
            if rows_done - noted >= CHECKPOINT_ROWS {
                self.progress.save(rows_done)?;
                noted = rows_done;
            }
        };
        bar.finish_and_clear();
        if stopped.is_some() {
            self.progress.save(rows_done)?;
        } else {
            self.progress.delete()?;
        }
        Ok((diff, stopped))
    }

    /// With `--revoke-missing`, revokes the entitlements of subscribers who are not in the roster. One page of the table per item, with 0 rows.
    fn revoke_missing(
        &self,
        index: &RosterIndex,
        revocations: &PlannedRevocations,
    ) -> impl Stream<Item = Result<(Diff, u64), CliError>> {
        let pages = self
            .args
            .revoke_missing
            .then(|| people(&self.subscribers, &self.args.roster_args));
        stream::iter(pages).flatten().and_then(async |page| {
            let missing = page.into_iter().filter(|person| index.is_missing(person));
            let missing = missing.map(|person| (person, Entitlements::default()));
            let mut diff = self.apply(missing.collect(), revocations).await?;
            diff.missing = diff.revoked;
            Ok((diff, 0))
        })
    }

    /// Writes a batch. If the backend changes a record in between, the roster is applied to the new record, but only planned revocations are written.
    async fn apply(
        &self,
        known: Vec<(Subscriber, Entitlements)>,
        revocations: &PlannedRevocations,
    ) -> Result<Diff, CliError> {
        let now = self.clock.now();
        let writes = known.into_iter().map(|(mut before, after)| async move {
            for _ in 0..MAX_ATTEMPTS {
                let mut diff = Diff::default();
                match diff.count(&before, &after) {
                    RosterChange::Unchanged => return Ok(diff),
                    RosterChange::Revoke if !revocations.contains(&before) => break,
                    _ => {}
                }
                if self
                    .subscribers
                    .replace_if_unchanged(&before, &after, Lane::Bulk, now)
                    .await?
                    .is_some()
                {
                    return Ok(diff);
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
        let diff = writes.try_fold(Diff::default(), async |mut diff, one| {
            diff.add(&one);
            Ok(diff)
        });
        diff.await
            .map_err(|error: StoreError| CliError::new(format!("the subscribers table: {error}")))
    }
}

/// A number of consecutive rows, and the entitlements of the subscribers whose last row is among them.
#[derive(Default)]
struct Batch {
    people: HashMap<PartnerUserId, Entitlements>,
    rows: u64,
}
