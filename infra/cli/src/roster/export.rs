//! `soa-link export`: what the table has of a partner's people, a line each.

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
    partner::Entitlements,
    store::{LinkState, Subscriber, Subscribers},
};

use super::args::{Format, RosterArgs};
use crate::{
    aws,
    error::CliError,
    private_file::{beside, private_file},
};

/// Into how many parts the table is cut, to be read at once.
const SEGMENTS: i32 = 8;

/// Writes what the table has of a partner's people: wanted, last seen, link, drift.
///
/// Times are seconds since 1970. In CSV names stand with spaces between them, as `soa-link import` takes them.
#[derive(Args)]
#[command(after_help = "Example: soa-link export --only drift --output drift.csv")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    whose: RosterArgs,
    /// csv or jsonl; without it by the file's name, else csv.
    #[arg(long)]
    format: Option<Format>,
    /// The file, which is there when all is in it; without one, standard output.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Some of them alone.
    #[arg(long)]
    only: Option<Only>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Only {
    /// Linked, and Spotify, as last seen, has something else than is wanted.
    Drift,
    /// Linked, as last seen.
    Linked,
    /// No longer linked, as last seen.
    Unlinked,
    /// To be tried again.
    Dirty,
}

impl Only {
    fn takes(self, person: &Subscriber) -> bool {
        match self {
            Self::Drift => person.has_drifted(),
            Self::Linked => person.link.state == LinkState::Linked,
            Self::Unlinked => person.link.state == LinkState::Unlinked,
            Self::Dirty => person.next_try_at.is_some(),
        }
    }
}

/// Writes the file.
///
/// # Errors
/// [`CliError`] when the table or the file fails; then there is no file.
pub(crate) async fn run(args: &ExportArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let format = Format::of(args.format, args.output.as_deref());
    let dynamodb = aws::bulk_dynamodb(&aws::aws().await?);
    let subscribers = Subscribers::new(dynamodb, args.whose.subscribers_table.clone());
    let Some(path) = &args.output else {
        write(&subscribers, args, format, out).await?;
        return Ok(true);
    };
    let part = beside(path, "part");
    let mut file = BufWriter::new(private_file(&part)?);
    let written = write(&subscribers, args, format, &mut file).await;
    let written = match written {
        Ok(written) => file.flush().map(|()| written).map_err(CliError::from),
        Err(failed) => Err(failed),
    };
    match written {
        Ok(people) => {
            fs::rename(&part, path)?;
            writeln!(io::stderr(), "{people} people in {}", path.display())?;
            Ok(true)
        }
        Err(failed) => {
            let _ = fs::remove_file(&part);
            Err(failed)
        }
    }
}

/// All of a partner's people, a page at a time, in no order.
pub(super) fn people<'a>(
    subscribers: &'a Subscribers,
    whose: &'a RosterArgs,
) -> impl futures_util::Stream<Item = Result<Vec<Subscriber>, CliError>> + 'a {
    let of_segment = move |segment| {
        stream::try_unfold(Some(None), move |from| async move {
            let Some(after) = from else { return Ok(None) };
            let after: Option<shared::store::SubscriberKey> = after;
            let page = subscribers
                .scan_partner(&whose.partner_id, (segment, SEGMENTS), after.as_ref())
                .await;
            let (people, next) = page.map_err(|error| CliError::new(format!("the subscribers table: {error}")))?;
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
    let mut pages = people(subscribers, &args.whose);
    let mut written = 0;
    while let Some(page) = pages.try_next().await? {
        spinner.inc(page.len() as u64);
        for person in page
            .iter()
            .filter(|person| args.only.is_none_or(|only| only.takes(person)))
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

/// How many people were looked at, for whoever sits at a terminal, unless the lines themselves go there.
fn spinner(into_a_file: bool) -> ProgressBar {
    if !into_a_file && io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} people looked at {per_sec}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

fn json_line(person: &Subscriber) -> serde_json::Value {
    let names = |names: Option<&Entitlements>| names.map(|names| names.iter().map(str::to_owned).collect::<Vec<_>>());
    json!({
        "partner_user_id": person.partner_user_id.expose(), "entitlements": names(person.desired()).unwrap_or_default(),
        "version": person.version, "synced_version": person.synced_version, "observed_entitlements": names(person.observed.as_ref()),
        "link_state": person.link.state.as_str(), "link_since": person.link.since, "link_evidence": person.link.evidence,
        "drift": person.has_drifted(), "dirty_since": person.dirty_since, "last_error": person.last_error, "attempts": person.attempts, "next_try_at": person.next_try_at,
        "registered_at": person.registered_at,
    })
}

/// Nothing in it needs quotes, and nothing begins as a formula does: ids are hexadecimal, names begin with a letter or digit, all else is our own words.
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
        names(person.observed.as_ref()),
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
