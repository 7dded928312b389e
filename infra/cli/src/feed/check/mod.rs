//! `soa-link feed check`: finds mistakes in a feed that Spotify would reject or that lock or reveal paid audio. A finding has a rule, a line and a fix.
//! It never repeats a secret of the feed: of a URL in public notes it shows only the host.

mod item;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs::File,
    hash::RandomState,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use clap::Args;
use serde_json::{Value, json};
use shared::partner::PartnerId;

use crate::{
    error::CliError,
    feed::{
        access::Access,
        document::{Channel, Feed, Segment, SegmentKind},
        fault::{Fault, FeedError},
        findings::{Found, MAX_SHOWN, printable},
        namespaces::Namespace,
        private_links::Leak,
        rules::{
            AUTHOR, COVER, DESCRIPTION, DOCTYPE, LEAK, MISPLACED, NAMESPACE, NO_EPISODES, NOT_RSS, NOT_WELL_FORMED,
            PARTNER_ID, PARTNER_ID_UNUSUAL, PARTNER_MISSING, PARTNER_OTHER, PARTNERS, PREFIX, PREFIXED_CHILD,
            RSS_NAMESPACE, SANDBOX, SANDBOX_ALONE, TITLE, UNKNOWN_CHILD,
        },
        source::{EXPORT_AGAIN, open},
        xml::Element,
    },
};

/// Check a podcast feed for mistakes in its Open Access elements.
#[derive(Args)]
#[command(
    after_help = "Example: soa-link export --output all.csv && soa-link feed check feed.xml --known-entitlements all.csv"
)]
pub(crate) struct CheckArgs {
    /// Feed file; `-` reads standard input.
    feed: String,
    /// Partner id that the show must have.
    #[arg(long)]
    partner_id: Option<String>,
    /// Find episodes that no subscriber can unlock, by the entitlements in this file.
    ///
    /// The file is an export of `soa-link export`, or has one name per line.
    #[arg(long)]
    known_entitlements: Option<PathBuf>,
    /// Report different entitlements within a show as an error, not a warning.
    #[arg(long)]
    strict: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// State of a check.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that has been seen or not")]
struct Check<'a> {
    found: Found,
    partner_id: Option<&'a str>,
    known_entitlements: Option<BTreeSet<String>>,
    strict: bool,
    /// Line of the show's `spotify:access` element, if it was found.
    show: Option<u64>,
    has_partner: bool,
    /// Whether the feed cannot be read to its end.
    is_unreadable: bool,
    items: u64,
    gated: u64,
    sets: BTreeSet<BTreeSet<String>>,
    sets_differ: bool,
    unheld: BTreeSet<String>,
    guids: HashSet<u64>,
    paid_audio: HashSet<u64>,
    /// Links in public notes, as hashes, with the line of their episode. A later episode may have the linked paid audio.
    linked: HashMap<u64, u64>,
    hash: RandomState,
}

/// Checks a feed and prints the findings. Returns whether there are no errors.
///
/// # Errors
/// [`CliError`] if a file cannot be opened, or the file of known entitlements cannot be read. A malformed feed is a finding.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let known_entitlements = args.known_entitlements.as_ref().map(known_entitlements).transpose()?;
    let check = Check {
        partner_id: args.partner_id.as_deref(),
        known_entitlements,
        strict: args.strict,
        ..Check::default()
    };
    let check = check.all(open(&args.feed)?)?;
    if args.json {
        writeln!(out, "{}", check.document())?;
    } else {
        check.print(out)?;
    }
    Ok(check.found.errors == 0)
}

/// Reads the entitlements of all subscribers: from an export in CSV or JSON Lines, or one name per line.
fn known_entitlements(path: &PathBuf) -> Result<BTreeSet<String>, CliError> {
    let failed = |error: std::io::Error| CliError::new(format!("cannot read {}: {error}", path.display()));
    let mut lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    let mut held = BTreeSet::new();
    let mut column = None;
    let mut is_first = true;
    while let Some(line) = lines.next().transpose().map_err(failed)? {
        if is_first {
            column = line.split(',').position(|name| name.trim() == "entitlements");
        }
        match (column, serde_json::from_str::<Value>(&line)) {
            // Counts the entitlements that the partner grants, not those at Spotify: unlinked subscribers may link later.
            (_, Ok(Value::Object(person))) => {
                let names = person
                    .get("entitlements")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten();
                held.extend(names.filter_map(Value::as_str).map(str::to_owned));
            }
            (Some(column), _) if !is_first => {
                let names = line.split(',').nth(column).unwrap_or_default();
                held.extend(names.split_ascii_whitespace().map(str::to_owned));
            }
            (Some(_), _) => {}
            (None, _) => held.extend(Some(line.trim().to_owned()).filter(|name| !name.is_empty())),
        }
        is_first = false;
    }
    Ok(held)
}

impl Check<'_> {
    /// Checks a feed to its end. A feed that cannot be read as XML has one finding, because all others would be misleading.
    fn all(mut self, feed: impl BufRead) -> Result<Self, CliError> {
        match self.segments(feed) {
            Ok(()) => Ok(self),
            Err(FeedError::Fault(fault)) => {
                let mut found = Found::default();
                found.add_fault(fault);
                Ok(Self {
                    found,
                    items: 0,
                    gated: 0,
                    sets: BTreeSet::new(),
                    is_unreadable: true,
                    ..self
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn segments(&mut self, feed: impl BufRead) -> Result<(), FeedError> {
        let mut feed = Feed::new(feed)?;
        let mut channel = None;
        loop {
            let segment = feed.next().map_err(|error| as_html(error, feed.is_html()))?;
            for fault in feed.take_faults() {
                self.found.add_fault(fault);
            }
            let Some(Segment { part, .. }) = segment else { break };
            match part {
                SegmentKind::Root(element) => self.root(&element, feed.has_root_namespace()),
                SegmentKind::Access(access) => self.show(&access),
                SegmentKind::Item(item) => self.item(&item),
                SegmentKind::ChannelEnd(found) => channel = Some((found, feed.line())),
                SegmentKind::DocType => {
                    self.found
                        .add(&DOCTYPE, feed.line(), None, "the feed has a document type declaration");
                }
                SegmentKind::Channel(_) | SegmentKind::Other => {}
            }
        }
        match channel {
            Some((channel, line)) => self.channel(&channel, line),
            // The reason was reported.
            None if self.has_wrong_namespace() || self.found.counts.contains_key(NOT_RSS.name) => {}
            None => self.found.add(&NOT_RSS, feed.line(), None, "the feed has no channel"),
        }
        Ok(())
    }

    fn has_wrong_namespace(&self) -> bool {
        self.found.counts.contains_key(NAMESPACE.name)
    }

    fn root(&mut self, root: &Element, has_namespace: bool) {
        let line = root.line;
        let (what, fix) = match root.name.as_str() {
            "rss" if root.prefix.is_none() => {
                if has_namespace {
                    let what = "the elements of the feed have a namespace";
                    self.found.add(&RSS_NAMESPACE, line, None, what);
                }
                return;
            }
            "html" => ("the file is an HTML page, not a feed", EXPORT_AGAIN),
            "feed" => (
                "the root element is not rss; this may be an Atom feed",
                "Export the feed as RSS 2.0, which starts with <rss>.",
            ),
            "rss" | "RDF" => (
                "the root element is not rss without a prefix",
                "Export the feed as RSS 2.0, which starts with <rss>.",
            ),
            _ => ("the root element is not rss", EXPORT_AGAIN),
        };
        self.found.add_fault(Fault::with_fix(&NOT_RSS, line, what, fix));
    }

    /// Checks a `spotify:access` element. `good` lists its allowed children with their attributes, `elsewhere` those allowed only in the other place.
    fn block(&mut self, access: &Access, episode: Option<&str>, good: &[(&str, &str)], elsewhere: &[&str]) {
        let line = access.element.line;
        if access.element.space != Namespace::Spotify {
            // Reported by the reader.
            return;
        }
        if access.element.prefix.as_deref() != Some("spotify") {
            self.found.add(
                &PREFIX,
                line,
                episode,
                "the prefix of Spotify's namespace is not `spotify`",
            );
        }
        for child in &access.children {
            let known = good.iter().find(|(name, _)| *name == child.name);
            let has_namespace = child.space != Namespace::Rss;
            if has_namespace && (known.is_some() || elsewhere.contains(&child.name.as_str())) {
                self.found.add(
                    &PREFIXED_CHILD,
                    child.line,
                    episode,
                    format!("<{}> has a prefix or namespace", child.name),
                );
            } else if elsewhere.contains(&child.name.as_str()) {
                self.found.add(
                    &MISPLACED,
                    child.line,
                    episode,
                    format!("<{}> has no effect here", child.name),
                );
            } else if known.is_none_or(|(_, attribute)| child.attribute(attribute).is_none()) {
                self.found.add(
                    &UNKNOWN_CHILD,
                    child.line,
                    episode,
                    "unknown element or missing attribute inside spotify:access",
                );
            }
        }
    }

    fn show(&mut self, access: &Access) {
        let line = access.element.line;
        if self.show.is_some() {
            self.found
                .add(&PARTNERS, line, None, "the show has a second spotify:access element");
        }
        self.show = Some(line);
        self.block(
            access,
            None,
            &[("partner", "id"), ("sandbox", "enabled")],
            &["entitlement"],
        );
        let partners: Vec<_> = access
            .children("partner")
            .filter_map(|partner| Some((partner.line, partner.attribute("id")?)))
            .collect();
        for (line, id) in &partners {
            match PartnerId::parse(id) {
                Err(_) => self.found.add(&PARTNER_ID, *line, None, "the partner id is malformed"),
                Ok(id) if !id.has_usual_length() => self.found.add(
                    &PARTNER_ID_UNUSUAL,
                    *line,
                    None,
                    "the partner id does not have 22 characters",
                ),
                Ok(_) => {}
            }
            if self.partner_id.is_some_and(|wanted| wanted != *id) {
                self.found
                    .add(&PARTNER_OTHER, *line, None, "the show belongs to another partner");
            }
        }
        if partners.len() > 1 {
            self.found.add(&PARTNERS, line, None, "the show has several partners");
        }
        self.has_partner = !partners.is_empty();
        if let Some(sandbox) = access
            .children("sandbox")
            .find(|sandbox| sandbox.attribute("enabled") != Some("false"))
        {
            if partners.is_empty() {
                self.found.add(
                    &SANDBOX_ALONE,
                    sandbox.line,
                    None,
                    "the show has a sandbox but no partner",
                );
            } else {
                self.found
                    .add(&SANDBOX, sandbox.line, None, "the show is in the sandbox");
            }
        }
    }

    fn channel(&mut self, channel: &Channel, line: u64) {
        let empty = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        for (rule, is_empty, what) in [
            (&TITLE, empty(&channel.title), "the show has no title"),
            (&DESCRIPTION, empty(&channel.description), "the show has no description"),
            (&AUTHOR, empty(&channel.author), "the show has no author"),
            (&COVER, empty(&channel.image), "the show has no cover art"),
        ] {
            if is_empty {
                self.found.add(rule, line, None, what);
            }
        }
        if self.items == 0 && !self.has_wrong_namespace() {
            self.found.add(&NO_EPISODES, line, None, "the feed has no episode");
        }
        for Leak { host, what } in self.leaks_in(&channel.notes, self.gated > 0).0 {
            let what = format!("the show's description links to {what} at {host}");
            self.found.add(&LEAK, line, None, what);
        }
        if self.gated > 0 && !self.has_partner {
            self.found.add(
                &PARTNER_MISSING,
                self.show.unwrap_or(line),
                None,
                "the show has gated episodes but no partner",
            );
        }
    }

    fn document(&self) -> Value {
        json!({
            "errors": self.found.errors, "warnings": self.found.warnings, "episodes": self.items, "gated": self.gated,
            "entitlements": self.sets.iter().flatten().collect::<BTreeSet<_>>(), "counts": self.found.counts, "findings": self.found.shown,
        })
    }

    fn print(&self, out: &mut dyn Write) -> Result<(), CliError> {
        for finding in &self.found.shown {
            let episode = finding
                .episode
                .as_ref()
                .map_or_else(String::new, |title| format!(" ({})", printable(title)));
            writeln!(
                out,
                "line {}: {}: {}{episode} [{}]\n    {}",
                finding.line, finding.severity, finding.what, finding.rule, finding.mend
            )?;
        }
        for (rule, count) in self.found.counts.iter().filter(|(_, count)| **count > MAX_SHOWN) {
            writeln!(out, "and {} more findings of {rule}", count - MAX_SHOWN)?;
        }
        let (errors, warnings) = (self.found.errors, self.found.warnings);
        if self.is_unreadable {
            writeln!(
                out,
                "{errors} errors, {warnings} warnings; the rest is checked once this is corrected"
            )?;
            return Ok(());
        }
        writeln!(
            out,
            "{} episodes, {} of them gated: {errors} errors, {warnings} warnings",
            self.items, self.gated
        )?;
        Ok(())
    }
}

/// Names an HTML page as such if it is not well-formed.
fn as_html(error: FeedError, is_html: bool) -> FeedError {
    match error {
        FeedError::Fault(fault) if is_html && fault.rule.name == NOT_WELL_FORMED.name => {
            let what = "the file is an HTML page, not a feed";
            Fault::with_fix(fault.rule, fault.line, what, EXPORT_AGAIN).into()
        }
        error => error,
    }
}
