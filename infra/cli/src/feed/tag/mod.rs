//! `soa-link feed tag`: adds the partner and the episodes' entitlements to a plain podcast feed, by rules from a file. No other byte changes. No episode becomes
//! free unless the operator agrees, or its early access is over.

mod edit;
mod output;
mod published;
mod rules;
mod summary;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use clap::Args;
use shared::clock::Clock;

use self::{
    edit::{Naming, retagged},
    output::{to_file, to_stream},
    published::Published,
    rules::{Decision, Rules},
    summary::{Change, Summary, gate_of, line_about, show_of},
};
use super::{
    access::Access,
    dates,
    document::{Feed, Item, SegmentKind},
    fault::{Fault, FeedError},
    namespaces::Scope,
    rules::NOT_RSS,
    source::open,
    xml::Element,
};
use crate::error::CliError;

/// Add `spotify:access` elements to a podcast feed, and change nothing else
///
/// The rules are a TOML file with `partner_id`, optionally `sandbox = true`, and
/// any number of `[[rule]]` tables. The first rule that matches an episode wins.
/// Its `entitlements` unlock the episode; an empty list makes it free.
/// Conditions, which must all match: `guid` (a list), `title_contains`,
/// `title_starts_with`, `season`, `episode_type`, `category`, `published_after`
/// and `published_before` (dates like 2026-11-24), `published_within_days` (a
/// number, for early access); or `all = true` alone.
///
/// If a rule needs a date or season that cannot be read, nothing is written.
/// The summary and the changed episodes of a dry run go to standard error.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example: soa-link feed tag feed.xml --rules rules.toml --output spotify.xml"
)]
pub(crate) struct TagArgs {
    /// Feed file; `-` reads standard input.
    feed: String,
    /// TOML file with the rules.
    #[arg(long)]
    rules: PathBuf,
    /// File to write, created once it is complete. The default is standard output.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Replace existing `spotify:access` elements.
    #[arg(long)]
    replace: bool,
    /// Allow episodes to lose their gate other than at the end of early access.
    #[arg(long)]
    allow_ungating: bool,
    /// Time from which `published_within_days` counts. The default is now.
    #[arg(long, value_name = "DATE", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Only show what would change, episode by episode.
    #[arg(long)]
    dry_run: bool,
}

/// Reads the value of `--at`.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let time = dates::published(text).map(|published| published.at);
    time.ok_or_else(|| "use a form like 2026-11-29 or 2026-11-29T06:00:00Z".to_owned())
}

/// What to do with a feed.
struct Task<'a> {
    rules: &'a Rules,
    replace: bool,
    allow_ungating: bool,
    is_dry_run: bool,
    now: DateTime<Utc>,
    /// The feed that is replaced.
    published: Published,
}

/// Tags the feed. Returns whether the run was accepted, or would be without `--dry-run`.
///
/// # Errors
/// [`CliError`] if rules or feed are invalid, the feed is already tagged, a rule cannot decide an episode, an episode would lose its gate, or a file cannot be read
/// or written. `--output` is unchanged then; a retry is safe.
pub(super) fn run(args: &TagArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let text = fs::read_to_string(&args.rules)
        .map_err(|error| CliError::new(format!("cannot read {}: {error}", args.rules.display())))?;
    let rules = Rules::parse(&text)?;
    let now = DateTime::from_timestamp(Clock::System.now(), 0).unwrap_or_default();
    let mut log = io::stderr();
    let task = Task {
        rules: &rules,
        replace: args.replace,
        allow_ungating: args.allow_ungating,
        is_dry_run: args.dry_run,
        now: args.at.unwrap_or(now),
        published: published(args.output.as_deref(), &mut log)?,
    };
    let feed = open(&args.feed)?;
    let summary = match &args.output {
        _ if args.dry_run => task.tag(feed, &mut io::sink(), &mut log)?,
        None => to_stream(out, |file| task.tag(feed, file, &mut io::sink()))?,
        Some(path) => to_file(path, |file| task.tag(feed, file, &mut io::sink()))?,
    };
    summary.print(&rules, &mut log)?;
    let is_rejected = args.dry_run && !summary.lost.is_empty() && !args.allow_ungating;
    if is_rejected {
        let count = summary.lost.len();
        writeln!(
            log,
            "Without --allow-ungating the run is rejected: {count} episodes lose their gate."
        )?;
    }
    Ok(!is_rejected)
}

/// Reads the feed at `output`, which the run replaces.
fn published(output: Option<&Path>, log: &mut dyn Write) -> Result<Published, CliError> {
    let Some(path) = output else {
        return Ok(Published::default());
    };
    let published = Published::read(path)?;
    if published.is_none() {
        writeln!(
            log,
            "{} is not a well-formed feed: its gates are not compared.",
            path.display()
        )?;
    }
    Ok(published.unwrap_or_default())
}

impl Task<'_> {
    /// Writes the tagged feed to `out`, and a line for each changed episode to `log`.
    ///
    /// # Errors
    /// As [`run`]. What was written to `out` is not to be used then.
    fn tag(&self, feed: impl BufRead, out: &mut dyn Write, log: &mut dyn Write) -> Result<Summary, CliError> {
        let mut feed = Feed::new(feed)?;
        let mut tagging = Tagging {
            task: self,
            summary: Summary {
                show_before: self.published.show.clone(),
                ..Summary::new(self.rules)
            },
            naming: None,
            channel: None,
            show_is_tagged: false,
            gap: Vec::new(),
        };
        while let Some(segment) = feed.next_valid()? {
            tagging.segment(segment.part, segment.bytes, out, log)?;
        }
        if tagging.channel.is_none() {
            let fault = Fault::new(&NOT_RSS, feed.line(), "the feed has no channel");
            return Err(FeedError::from(fault).into());
        }
        out.write_all(&tagging.gap)?;
        out.flush()?;
        self.judged(tagging.summary)
    }

    /// # Errors
    /// [`CliError`] if an episode could not be decided, or would lose its gate without permission.
    fn judged(&self, summary: Summary) -> Result<Summary, CliError> {
        let undecided = &summary.undecided;
        if !undecided.is_empty() {
            return Err(CliError::new(format!(
                "{} episodes cannot be decided; nothing was written\n{}\nFix: correct the feed, or decide these episodes in a rule above, for example by guid.",
                undecided.len(),
                undecided.join("\n")
            )));
        }
        let lost = &summary.lost;
        if !lost.is_empty() && !self.allow_ungating && !self.is_dry_run {
            return Err(CliError::new(format!(
                "{} episodes would lose their gate; nothing was written\n{}\nFix: correct the rules, or pass --allow-ungating if these episodes are to be free.",
                lost.len(),
                lost.join("\n")
            )));
        }
        Ok(summary)
    }
}

/// State of a run.
struct Tagging<'a> {
    task: &'a Task<'a>,
    summary: Summary,
    /// Set by the root element.
    naming: Option<Naming>,
    /// Scope of the channel, once it has begun.
    channel: Option<Scope>,
    show_is_tagged: bool,
    /// White space before an item. The show's element goes before the first item, with the same indentation.
    gap: Vec<u8>,
}

impl Tagging<'_> {
    fn segment(
        &mut self,
        part: SegmentKind,
        bytes: Vec<u8>,
        out: &mut dyn Write,
        log: &mut dyn Write,
    ) -> Result<(), CliError> {
        let is_gap = matches!(part, SegmentKind::Other) && bytes.iter().all(u8::is_ascii_whitespace);
        if !is_gap && !self.gap.is_empty() {
            out.write_all(&self.gap)?;
        }
        let ends_show = matches!(part, SegmentKind::Item(_) | SegmentKind::ChannelEnd(_));
        if ends_show && !self.show_is_tagged {
            out.write_all(self.show_block().as_bytes())?;
            out.write_all(&self.gap)?;
            self.show_is_tagged = true;
        }
        self.gap.clear();
        match part {
            SegmentKind::Root(element) => out.write_all(&self.root(&element, &bytes)?)?,
            SegmentKind::Access(access) => {
                self.show(&access)?;
                out.write_all(self.show_block().as_bytes())?;
            }
            SegmentKind::Item(item) => out.write_all(&self.item(&item, bytes, log)?)?,
            SegmentKind::Channel(scope) => {
                self.channel.get_or_insert(scope);
                out.write_all(&bytes)?;
            }
            SegmentKind::Other if is_gap => self.gap = bytes,
            SegmentKind::Other | SegmentKind::DocType | SegmentKind::ChannelEnd(_) => out.write_all(&bytes)?,
        }
        Ok(())
    }

    fn root(&mut self, root: &Element, tag: &[u8]) -> Result<Vec<u8>, CliError> {
        if root.name != "rss" || root.prefix.is_some() {
            let fault = Fault::new(&NOT_RSS, root.line, "the root element is not rss");
            return Err(FeedError::from(fault).into());
        }
        let naming = Naming::of(root);
        let tag = naming.root(tag);
        self.naming = Some(naming);
        Ok(tag)
    }

    fn show_block(&self) -> String {
        let scope = self.channel.clone().unwrap_or_default();
        let naming = self.naming.as_ref();
        naming.map_or_else(String::new, |naming| naming.show(&scope, self.task.rules))
    }

    /// Notes the show's `spotify:access` element, which is replaced.
    fn show(&mut self, access: &Access) -> Result<(), CliError> {
        if self.show_is_tagged {
            return Err(at(
                access.element.line,
                "the show's spotify:access comes after an episode or is repeated; keep one, before the episodes",
            ));
        }
        self.must_replace(access.element.line)?;
        self.summary.show_before = Some(show_of(access));
        self.show_is_tagged = true;
        Ok(())
    }

    /// The bytes of an item after tagging.
    fn item(&mut self, item: &Item, bytes: Vec<u8>, log: &mut dyn Write) -> Result<Vec<u8>, CliError> {
        self.check_access(item)?;
        let own = gate_of(item);
        let before = self.task.published.gate(item).or(own.as_ref());
        let (place, rule) = match self.task.rules.decide(item, self.task.now) {
            Decision::Rule(place, rule) => {
                self.summary.count_rule(place);
                (place, Some(rule))
            }
            Decision::NoRule => {
                // A forgotten rule must not make paid audio free.
                self.summary.by_none += 1;
                self.summary.kept += u64::from(own.is_some());
                if before == own.as_ref() {
                    self.summary.unchanged += 1;
                    return Ok(bytes);
                }
                (usize::MAX, None)
            }
            Decision::Undecided(why) => {
                self.summary.undecided.push(line_about(item, &why));
                return Ok(bytes);
            }
        };
        let free = BTreeSet::new();
        let gate = before.filter(|gate| !gate.is_empty());
        let change = Change {
            item,
            before,
            after: rule.map(|rule| &rule.entitlements).or(own.as_ref()).unwrap_or(&free),
            has_left_window: gate.is_some_and(|gate| self.task.rules.has_left_window(item, gate, place)),
        };
        self.summary.note(&change, log)?;
        Ok(match rule {
            Some(rule) => self.retag(item, &bytes, &rule.entitlements),
            None => bytes,
        })
    }

    fn retag(&self, item: &Item, bytes: &[u8], entitlements: &BTreeSet<String>) -> Vec<u8> {
        let naming = self.naming.as_ref();
        let block = naming.and_then(|naming| naming.episode(&item.scope, entitlements));
        retagged(bytes, item, block.as_deref())
    }

    /// # Errors
    /// [`CliError`] if the episode has two `spotify:access` elements, or one and `--replace` is missing.
    fn check_access(&self, item: &Item) -> Result<(), CliError> {
        if let Some(access) = item.access.first() {
            self.must_replace(access.element.line)?;
        }
        match item.access.get(1) {
            None => Ok(()),
            Some(second) => Err(at(
                second.element.line,
                "the episode has two spotify:access elements; remove one",
            )),
        }
    }

    fn must_replace(&self, line: u64) -> Result<(), CliError> {
        if self.task.replace {
            Ok(())
        } else {
            Err(at(
                line,
                "the feed is already tagged; replace its spotify:access elements with --replace",
            ))
        }
    }
}

fn at(line: u64, what: &str) -> CliError {
    CliError::new(format!("line {line}: {what}"))
}
