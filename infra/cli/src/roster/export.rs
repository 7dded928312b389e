//! `soa-link export`: writes a partner's subscribers, one line each.

use std::{
    fs,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use shared::{
    partner::{Entitlements, ObservedEntitlements},
    store::{Lane, LinkState, Subscriber, Subscribers},
};

use super::args::{Format, RosterArgs};
use crate::{
    aws,
    error::CliError,
    private_file::{private_file, with_suffix},
};

/// Number of table segments that are scanned in parallel.
const SEGMENTS: i32 = 8;

/// Export a partner's subscribers: entitlements, link, sync state and errors
///
/// Times are in seconds since 1970. In CSV, spaces separate entitlements.
/// `soa-link import --ignore-other-columns` reads the result.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example: soa-link export --only drift --output drift.csv"
)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    roster_args: RosterArgs,
    /// File format. The default depends on the file's extension, else csv.
    #[arg(long)]
    format: Option<Format>,
    /// File to write, created once it is complete. The default is standard output.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Export only some of the subscribers.
    #[arg(long)]
    only: Option<Only>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Only {
    /// Linked, and Spotify was last seen with other entitlements.
    Drift,
    /// Linked when last seen.
    Linked,
    /// Reported as missing by Spotify once, or being unlinked here.
    Suspect,
    /// No longer linked when last seen.
    Unlinked,
    /// Waiting for a sync or a retry.
    Dirty,
}

impl Only {
    fn includes(self, person: &Subscriber) -> bool {
        match self {
            Self::Drift => person.has_drifted(),
            Self::Linked => person.link.state == LinkState::Linked,
            Self::Suspect => person.link.state == LinkState::Suspect,
            Self::Unlinked => person.link.state == LinkState::Unlinked,
            Self::Dirty => person.lane.is_some_and(|lane| lane != Lane::Check),
        }
    }
}

/// Writes the export.
///
/// # Errors
/// [`CliError`] if the table cannot be read or the file cannot be written. No file is left then; a retry is safe.
pub(crate) async fn run(args: &ExportArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let format = Format::of(args.format, args.output.as_deref());
    let dynamodb = aws::bulk_dynamodb(&aws::aws().await?);
    let subscribers = Subscribers::new(dynamodb, args.roster_args.subscribers_table.clone());
    let Some(path) = &args.output else {
        write(&subscribers, args, format, out).await?;
        return Ok(true);
    };
    let part = with_suffix(path, "part");
    let mut file = BufWriter::new(private_file(&part)?);
    let written = write(&subscribers, args, format, &mut file).await;
    let written = match written {
        Ok(written) => file.flush().map(|()| written).map_err(CliError::from),
        Err(failed) => Err(failed),
    };
    match written {
        Ok(people) => {
            fs::rename(&part, path)?;
            writeln!(io::stderr(), "{people} subscribers written to {}", path.display())?;
            Ok(true)
        }
        Err(failed) => {
            let _ = fs::remove_file(&part);
            Err(failed)
        }
    }
}

/// Scans all subscribers of a partner, page by page, in no particular order.
pub(crate) fn people<'a>(
    subscribers: &'a Subscribers,
    roster_args: &'a RosterArgs,
) -> impl futures_util::Stream<Item = Result<Vec<Subscriber>, CliError>> + 'a {
    let of_segment = move |segment| {
        stream::try_unfold(Some(None), move |from| async move {
            let Some(after) = from else { return Ok(None) };
            let after: Option<shared::store::SubscriberKey> = after;
            let page = subscribers
                .scan_partner(&roster_args.partner_id, (segment, SEGMENTS), after.as_ref())
                .await;
            let (people, next) =
                page.map_err(|error| CliError::new(format!("cannot read the subscribers table: {error}")))?;
            Ok::<_, CliError>(Some((people, next.map(Some))))
        })
        .boxed_local()
    };
    stream::select_all((0..SEGMENTS).map(of_segment))
}

async fn write(
    subscribers: &Subscribers,
    args: &ExportArgs,
    format: Format,
    out: &mut (dyn Write + Send),
) -> Result<u64, CliError> {
    const COLUMNS: [&str; 14] = [
        "partner_user_id",
        "entitlements",
        "version",
        "synced_version",
        "observed_entitlements",
        "link_state",
        "link_since",
        "link_evidence",
        "drift",
        "dirty_since",
        "last_error",
        "attempts",
        "next_try_at",
        "registered_at",
    ];
    if format == Format::Csv {
        writeln!(out, "{}", COLUMNS.join(","))?;
    }
    let spinner = spinner(args.output.is_some());
    let mut pages = people(subscribers, &args.roster_args);
    let mut written = 0;
    while let Some(page) = pages.try_next().await? {
        spinner.inc(page.len() as u64);
        for person in page
            .iter()
            .filter(|person| args.only.is_none_or(|only| only.includes(person)))
        {
            match format {
                Format::Csv => writeln!(out, "{}", csv_line(person))?,
                Format::Jsonl => writeln!(out, "{}", json_line(person))?,
            }
            written += 1;
        }
    }
    spinner.finish_and_clear();
    Ok(written)
}

/// A counter of scanned subscribers on standard error. It is hidden if the export itself goes to the terminal.
fn spinner(into_a_file: bool) -> ProgressBar {
    if !into_a_file && io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} subscribers read {per_sec}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

fn json_line(person: &Subscriber) -> serde_json::Value {
    let names = |names: Option<&Entitlements>| names.map(|names| names.iter().map(str::to_owned).collect::<Vec<_>>());
    json!({
        "partner_user_id": person.partner_user_id.expose(), "entitlements": names(person.desired()).unwrap_or_default(),
        "version": person.version, "synced_version": person.synced_version, "observed_entitlements": person.observed.as_ref().map(|observed| observed.iter().collect::<Vec<_>>()),
        "link_state": person.link.state.as_str(), "link_since": person.link.since, "link_evidence": person.link.evidence,
        "drift": person.has_drifted(), "dirty_since": person.dirty_since, "last_error": person.last_error, "attempts": person.attempts, "next_try_at": person.next_try_at,
        "registered_at": person.registered_at,
    })
}

/// Formats a subscriber as CSV. No cell needs quotes or starts like a spreadsheet formula: ids are hexadecimal, entitlements start with a letter or digit, and
/// all other cells are numbers or fixed words.
fn csv_line(person: &Subscriber) -> String {
    let names = |names: Option<&Entitlements>| {
        names.map_or_else(String::new, |names| names.iter().collect::<Vec<_>>().join(" "))
    };
    let number = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    [
        person.partner_user_id.expose().to_owned(),
        names(person.desired()),
        person.version.to_string(),
        person.synced_version.to_string(),
        // Names of another client may need quotes. The column `drift` tells that there are any.
        names(person.observed.as_ref().map(ObservedEntitlements::known).as_ref()),
        person.link.state.to_string(),
        number(person.link.since),
        person.link.evidence.clone().unwrap_or_default(),
        person.has_drifted().to_string(),
        number(person.dirty_since),
        person.last_error.clone().unwrap_or_default(),
        person.attempts.to_string(),
        number(person.next_try_at),
        number(person.registered_at),
    ]
    .join(",")
}
