//! `soa-link import`: writes the entitlements of a roster to the subscribers table. It first reads the whole file and the current records, and prints what
//! would change and what the revocation guard will do. Nothing is written without the operator's consent. Each change is one conditional write, as in the
//! entitlements API, and `sync` then updates Spotify. Subscribers who are not in the file do not change, unless `--revoke-missing` is given.

use std::{collections::HashMap, io::Write, path::Path};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use shared::{
    clock::Clock,
    partner::{Entitlements, PartnerUserId},
    secrets::ManagedSecret,
    store::{Lane, RevocationGuard, RevocationLimits, StoreError, Subscriber, Subscribers},
};

use super::{
    changes::ChangesFile,
    consent::{agreed, objections},
    export::people,
    import_args::ImportArgs,
    index::RosterIndex,
    plan::{Diff, PlannedRevocations, RosterChange},
    progress::{ProgressFile, bar},
    report::{Report, report_written},
    rows::{RowFormat, Rows},
    source::{Fingerprint, fingerprint},
    tally::NameCounts,
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
    let rows = import.rows()?;
    let read_as = rows.describe();
    let index = RosterIndex::of(rows, import.reading.plans.is_some())?;
    let Planned {
        diff,
        revocations,
        names,
        names_of_roster_only,
    } = import.plan(&index, after_row).await?;
    let state = import
        .guard
        .state(&args.roster_args.partner_id, import.clock.now())
        .await;
    let state = state.map_err(|error| CliError::new(format!("the subscribers table: {error}")))?;
    let objections = objections(args, &import.fingerprint, &index);
    let report = Report {
        read_as: &read_as,
        index: &index,
        after_row,
        diff: &diff,
        names: &names,
        names_of_roster_only: names_of_roster_only.as_deref(),
        guard: &state,
        objections: &objections,
    };
    if args.json {
        writeln!(out, "{}", report.to_json())?;
    } else {
        report.print(out)?;
        if let Some(path) = &args.changes {
            writeln!(out, "{} has the changes.", path.display())?;
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
    if !agreed(args, &diff)? {
        return Ok(false);
    }
    let (done, stopped) = import.write(&index, after_row, &revocations).await?;
    report_written(args, &done, stopped, out)?;
    Ok(true)
}

impl<'a> Import<'a> {
    async fn new(args: &'a ImportArgs) -> Result<Self, CliError> {
        let (mut reading, settings) = args.reading()?;
        // A wrong file is reported before the first call to AWS.
        Rows::open(&args.roster, reading.clone())?;
        let aws = aws::aws().await?;
        let dynamodb = aws::bulk_dynamodb(&aws);
        reading.keys = match &args.partner_keys_id {
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
            reading,
            progress: ProgressFile::new(&args.roster, &args.roster_args, &fingerprint, settings),
            fingerprint,
            clock: Clock::System,
        })
    }

    fn rows(&self) -> Result<Rows, CliError> {
        Rows::open(&self.args.roster, self.reading.clone())
    }

    /// Compares the remaining rows, and with `--revoke-missing` all other subscribers, with the table. Writes the file of `--changes`.
    async fn plan(&self, index: &RosterIndex, after_row: u64) -> Result<Planned, CliError> {
        let mut changes = self.changes_file()?;
        let bar = bar("reading", index.rows);
        bar.inc(after_row);
        let mut looked = stream::iter(self.batches(index, after_row)?)
            .map(|batch| async move {
                let batch = batch?;
                Ok::<_, CliError>((self.load(batch.people).await?, batch.rows))
            })
            .buffered(BATCHES);
        let mut planned = Planned::default();
        while let Some((mut known, rows)) = looked.try_next().await? {
            known.sort_by_key(|(_, after)| after.line);
            for (before, after) in known {
                planned.names.give(&after.entitlements);
                let change = planned.count(&before, &after.entitlements);
                if let Some(changes) = &mut changes {
                    changes.add(&before, &after.entitlements, change, Some(after.line))?;
                }
            }
            bar.inc(rows);
        }
        drop(looked);
        if self.args.revoke_missing {
            let mut pages = people(&self.subscribers, &self.args.roster_args);
            while let Some(page) = pages.try_next().await? {
                for person in &page {
                    planned.names.see(person.desired());
                }
                for person in page.iter().filter(|person| index.is_missing(person)) {
                    planned.diff.missing += 1;
                    let change = planned.count(person, &Entitlements::default());
                    if let Some(changes) = &mut changes {
                        changes.add(person, &Entitlements::default(), change, None)?;
                    }
                }
            }
        } else if let Err(error) = self.look_for_names(&mut planned.names).await {
            planned.names_of_roster_only = Some(error.to_string());
        }
        changes.map_or(Ok(()), ChangesFile::finish)?;
        bar.finish_and_clear();
        Ok(planned)
    }

    fn changes_file(&self) -> Result<Option<ChangesFile>, CliError> {
        let inputs: Vec<&Path> = [Some(&self.args.roster), self.args.plans.as_ref()]
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
            .collect();
        let path = self.args.changes.as_deref();
        path.map(|path| ChangesFile::create(path, &inputs)).transpose()
    }

    /// Reads the table until every given name is found, if the subscribers in the roster do not have them all.
    async fn look_for_names(&self, names: &mut NameCounts) -> Result<(), CliError> {
        let mut pages = people(&self.subscribers, &self.args.roster_args);
        while names.has_new() {
            let Some(page) = pages.try_next().await? else { break };
            for person in &page {
                names.see(person.desired());
            }
        }
        Ok(())
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
                        let (id, line) = (row.partner_user_id.clone(), row.line);
                        let entitlements = index.entitlements(row);
                        batch.people.insert(id, After { entitlements, line });
                    }
                    // An earlier row of the same subscriber, or a bad row or its subscriber, which --skip-bad-rows allows.
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
    async fn load(&self, people: HashMap<PartnerUserId, After>) -> Result<Vec<(Subscriber, After)>, CliError> {
        let partner_id = &self.args.roster_args.partner_id;
        let found = self.subscribers.get_many(partner_id, people.keys()).await;
        let found = found.map_err(|error| CliError::new(format!("the subscribers table: {error}")))?;
        let mut found: HashMap<_, _> = found
            .into_iter()
            .map(|person| (person.partner_user_id.clone(), person))
            .collect();
        let with = people.into_iter().map(|(id, after)| {
            let before = found
                .remove(&id)
                .unwrap_or_else(|| Subscriber::new(partner_id.clone(), id));
            (before, after)
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
                let known = self.load(batch.people).await?.into_iter();
                let known = known.map(|(before, after)| (before, after.entitlements)).collect();
                Ok((self.apply(known, revocations).await?, batch.rows))
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

/// A number of consecutive rows, and the subscribers whose last row is among them.
#[derive(Default)]
struct Batch {
    people: HashMap<PartnerUserId, After>,
    rows: u64,
}

/// What a subscriber has after the import.
struct After {
    entitlements: Entitlements,
    /// Line of the subscriber's last row.
    line: u64,
}

/// What an import would change.
#[derive(Default)]
struct Planned {
    diff: Diff,
    revocations: PlannedRevocations,
    names: NameCounts,
    /// Why only the subscribers in the roster were compared, if the table cannot be scanned.
    names_of_roster_only: Option<String>,
}

impl Planned {
    fn count(&mut self, before: &Subscriber, after: &Entitlements) -> RosterChange {
        self.names.see(before.desired());
        let change = self.diff.count(before, after);
        if change == RosterChange::Revoke {
            self.revocations.add(before);
        }
        change
    }
}
