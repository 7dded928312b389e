//! `soa-link feed check`: whether a feed says what it is meant to, to Spotify and to the partner's subscribers. What it finds has a rule's name, a line, and how to mend it.
//! Nothing is repeated that a stranger should not read: of a URL in public notes its host alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use shared::partner::{Entitlement, PartnerId};
use url::Url;

use super::{
    document::{Access, Channel, Element, Feed, Item, Part, SPOTIFY, Space},
    open,
};
use crate::Failed;

/// How many links of public notes are remembered.
const LINKED: usize = 50_000;
/// How many findings of one rule are shown.
const SHOWN: usize = 20;

/// Looks whether a podcast feed says what it is meant to.
#[derive(Args)]
#[command(
    after_help = "Example: soa-link export --output people.csv && soa-link feed check feed.xml --held people.csv"
)]
pub(crate) struct CheckArgs {
    /// The feed; `-` is standard input.
    feed: String,
    /// The partner whose show it should be.
    #[arg(long)]
    partner_id: Option<String>,
    /// What people hold: a file of `soa-link export`, or one name a line. Shows what nobody can open.
    #[arg(long)]
    held: Option<PathBuf>,
    /// Take it for an error when a show's episodes open with different sets, which older versions of Spotify's rules forbid.
    #[arg(long)]
    strict: bool,
    /// For programs: one JSON document.
    #[arg(long)]
    json: bool,
}

/// What can be found: the name of the rule, whether it is an error, what is wrong, and how to mend it.
struct Rule {
    name: &'static str,
    is_error: bool,
    mend: &'static str,
}

macro_rules! rules {
    ($($rule:ident = $name:literal, $is_error:literal, $mend:literal;)*) => {
        $(const $rule: Rule = Rule { name: $name, is_error: $is_error, mend: $mend };)*
    };
}

rules! {
    NOT_RSS = "not-rss", true, "Begin with <rss> and one <channel> in it.";
    DOCTYPE = "doctype", false, "Leave the document type declaration out: entities that it declares are not followed.";
    NAMESPACE = "namespace", true, "Declare xmlns:spotify=\"http://www.spotify.com/ns/rss\" on the root element, letter for letter.";
    PREFIX = "prefix", false, "Spotify documents the prefix `spotify`; another one is right by XML, and not worth the risk.";
    PARTNER_MISSING = "partner-missing", true, "Put <spotify:access><partner id=\"…\"/></spotify:access> into the channel, or nobody's subscription opens an episode.";
    PARTNER_ID = "partner-id", true, "Write the partner id that Spotify gave you.";
    PARTNER_ID_UNUSUAL = "partner-id-unusual", false, "Partner ids have 22 letters and digits as far as anybody has seen; look whether this one is whole.";
    PARTNER_OTHER = "partner-other", true, "Write the id of the partner whose show it is.";
    PARTNERS = "partners", true, "A show belongs to one partner, and has one block.";
    PREFIXED_CHILD = "prefixed-child", true, "Inside spotify:access write <partner>, <sandbox> and <entitlement> without a prefix.";
    UNKNOWN_CHILD = "unknown-child", true, "spotify:access has <partner id=\"…\"/> and <sandbox enabled=\"…\"/> in a channel, and <entitlement name=\"…\"/> in an item.";
    MISPLACED = "misplaced", true, "The partner and the sandbox belong into the channel, entitlements into items.";
    SANDBOX_ALONE = "sandbox-alone", true, "A sandbox has no effect without a partner.";
    SANDBOX = "sandbox", false, "The show is found by direct link alone; take the sandbox out to go live.";
    EMPTY_BLOCK = "empty-block", true, "Name the entitlements that open the episode, or take the block out if it is free.";
    ENTITLEMENT = "entitlement", true, "A name is 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', and starts with a letter or digit.";
    REPEATED = "repeated-entitlement", false, "Once is enough.";
    NOBODY_HOLDS = "nobody-holds", false, "Look whether the name is the one that your backend gives people; upper and lower case differ.";
    NOBODY_OPENS = "nobody-opens", true, "Name an entitlement that somebody holds.";
    SETS_DIFFER = "sets-differ", false, "An older version of Spotify's rules has all gated episodes of a show open with the same set; ask Spotify.";
    SETS_DIFFER_STRICT = "sets-differ", true, "Give all gated episodes of the show the same set.";
    COVER = "cover", true, "Spotify rejects a show without cover art: <itunes:image href=\"…\"/>.";
    AUTHOR = "author", true, "Spotify rejects a show without <itunes:author>.";
    DESCRIPTION = "description", true, "Spotify rejects a show without <description>.";
    TITLE = "title", true, "Give it a <title>.";
    NO_GUID = "guid", false, "Without a <guid> an episode that changes is taken for another one.";
    SAME_GUID = "same-guid", true, "Each episode has a guid of its own.";
    NO_ENCLOSURE = "enclosure", true, "Give the episode its <enclosure url=\"…\"/>.";
    INSECURE = "insecure-audio", false, "Paid audio at an http URL is read by everybody on the way; use https.";
    LEAK = "leak-in-notes", true, "Titles and notes of gated episodes are public on Spotify: take the link out.";
}

/// Something that was found.
#[derive(Debug, Serialize)]
struct Finding {
    rule: &'static str,
    severity: &'static str,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    episode: Option<String>,
    what: String,
    mend: &'static str,
}

/// What is found, and how much of each.
#[derive(Default)]
struct Found {
    shown: Vec<Finding>,
    counts: BTreeMap<&'static str, usize>,
    errors: usize,
    warnings: usize,
}

impl Found {
    fn add(&mut self, rule: &Rule, line: u64, episode: Option<&str>, what: impl Into<String>) {
        let count = self.counts.entry(rule.name).or_default();
        *count += 1;
        if rule.is_error {
            self.errors += 1;
        } else {
            self.warnings += 1;
        }
        if *count <= SHOWN {
            self.shown.push(Finding {
                rule: rule.name,
                severity: if rule.is_error { "error" } else { "warning" },
                line,
                episode: episode.map(str::to_owned),
                what: what.into(),
                mend: rule.mend,
            });
        }
    }
}

/// A feed that is being looked at.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that has been seen or not")]
struct Check<'a> {
    found: Found,
    partner_id: Option<&'a str>,
    held: Option<BTreeSet<String>>,
    strict: bool,
    /// Where the show's block stands, when there was one.
    show: Option<u64>,
    has_partner: bool,
    declared: bool,
    prefix: Option<String>,
    items: u64,
    gated: u64,
    sets: BTreeSet<BTreeSet<String>>,
    sets_differ: bool,
    unheld: BTreeSet<String>,
    guids: HashSet<u64>,
    paid_audio: HashSet<u64>,
    /// Links of public notes, and in which line their episode begins: paid audio may come after them.
    linked: HashMap<u64, u64>,
    hash: RandomState,
}

/// Looks at a feed, and says what was found.
///
/// # Errors
/// [`Failed`] when a file cannot be read. A feed that is no XML is one that was looked at.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<bool, Failed> {
    let held = args.held.as_ref().map(held).transpose()?;
    let check = Check {
        partner_id: args.partner_id.as_deref(),
        held,
        strict: args.strict,
        ..Check::default()
    };
    let check = check.all(open(&args.feed)?);
    if args.json {
        writeln!(out, "{}", check.document())?;
    } else {
        check.tell(out)?;
    }
    Ok(check.found.errors == 0)
}

/// What people hold: of an export in CSV or JSON Lines, or one name a line.
fn held(path: &PathBuf) -> Result<BTreeSet<String>, Failed> {
    let failed = |error: std::io::Error| Failed::new(format!("{} cannot be read: {error}", path.display()));
    let mut lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    let mut held = BTreeSet::new();
    let mut column = None;
    let mut is_first = true;
    while let Some(line) = lines.next().transpose().map_err(failed)? {
        if is_first {
            column = line.split(',').position(|name| name.trim() == "entitlements");
        }
        match (column, serde_json::from_str::<Value>(&line)) {
            // Of a person who is not linked nothing is held at Spotify, and may be tomorrow: all that is wanted counts.
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
    fn all(mut self, feed: impl BufRead) -> Self {
        let mut feed = Feed::new(feed);
        let mut channel = None;
        loop {
            let piece = match feed.next() {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(failed) => {
                    // What is found of the rest would be of no use.
                    self.found.add(&NOT_RSS, feed.line(), None, failed.to_string());
                    return self;
                }
            };
            match piece.part {
                Part::Root(element) => self.root(&element),
                Part::Access(access) => self.show(&access),
                Part::Item(item) => self.item(&item),
                Part::ChannelEnd(found) => channel = Some((found, feed.line())),
                Part::DocType => {
                    self.found
                        .add(&DOCTYPE, feed.line(), None, "the feed has a document type declaration");
                }
                Part::Other => {}
            }
        }
        match channel {
            Some((channel, line)) => self.channel(&channel, line),
            None => self.found.add(&NOT_RSS, feed.line(), None, "there is no channel"),
        }
        self
    }

    fn root(&mut self, root: &Element) {
        if root.name != "rss" {
            self.found.add(&NOT_RSS, root.line, None, "the root element is not rss");
        }
        for (name, value) in &root.attributes {
            match name.strip_prefix("xmlns:") {
                Some("spotify") if value != SPOTIFY => {
                    self.found.add(
                        &NAMESPACE,
                        root.line,
                        None,
                        "xmlns:spotify stands for another namespace than Spotify's",
                    );
                }
                Some(prefix) if value == SPOTIFY => {
                    self.declared = true;
                    if prefix != "spotify" {
                        self.prefix = Some(prefix.to_owned());
                    }
                }
                _ => {}
            }
        }
    }

    /// What is wrong with a block wherever it stands.
    fn block(&mut self, access: &Access, episode: Option<&str>, good: &[(&str, &str)], elsewhere: &[&str]) {
        let line = access.element.line;
        match access.element.space {
            Space::Undeclared => self.found.add(
                &NAMESPACE,
                line,
                episode,
                "the prefix of spotify:access is not declared",
            ),
            Space::Spotify if access.element.prefix.as_deref() != Some("spotify") => {
                self.found.add(
                    &PREFIX,
                    line,
                    episode,
                    "Spotify's namespace has another prefix than `spotify`",
                );
            }
            // Said of the root element.
            _ => {}
        }
        for child in &access.children {
            let known = good.iter().find(|(name, _)| *name == child.name);
            if child.prefix.is_some() && (known.is_some() || elsewhere.contains(&child.name.as_str())) {
                self.found.add(
                    &PREFIXED_CHILD,
                    child.line,
                    episode,
                    format!("<{}> has a prefix", child.name),
                );
            } else if elsewhere.contains(&child.name.as_str()) {
                self.found.add(
                    &MISPLACED,
                    child.line,
                    episode,
                    format!("<{}> stands where it has no effect", child.name),
                );
            } else if known.is_none_or(|(_, attribute)| child.attribute(attribute).is_none()) {
                self.found.add(
                    &UNKNOWN_CHILD,
                    child.line,
                    episode,
                    "an element inside spotify:access is unknown, or lacks its attribute",
                );
            }
        }
    }

    fn show(&mut self, access: &Access) {
        let line = access.element.line;
        if self.show.is_some() {
            self.found.add(&PARTNERS, line, None, "the show has a second block");
        }
        self.show = Some(line);
        self.block(
            access,
            None,
            &[("partner", "id"), ("sandbox", "enabled")],
            &["entitlement"],
        );
        let plain = |name: &'static str| {
            access
                .children
                .iter()
                .filter(move |child| child.name == name && child.prefix.is_none())
        };
        let partners: Vec<_> = plain("partner")
            .filter_map(|partner| Some((partner.line, partner.attribute("id")?)))
            .collect();
        for (line, id) in &partners {
            match PartnerId::parse(id) {
                Err(_) => self.found.add(&PARTNER_ID, *line, None, "the partner id is malformed"),
                Ok(id) if !id.looks_usual() => self.found.add(
                    &PARTNER_ID_UNUSUAL,
                    *line,
                    None,
                    "the partner id does not have 22 characters",
                ),
                Ok(_) => {}
            }
            if self.partner_id.is_some_and(|wanted| wanted != *id) {
                self.found
                    .add(&PARTNER_OTHER, *line, None, "the show is another partner's");
            }
        }
        if partners.len() > 1 {
            self.found.add(&PARTNERS, line, None, "the show has several partners");
        }
        self.has_partner = !partners.is_empty();
        if let Some(sandbox) = plain("sandbox").find(|sandbox| sandbox.attribute("enabled") != Some("false")) {
            if partners.is_empty() {
                self.found
                    .add(&SANDBOX_ALONE, sandbox.line, None, "there is a sandbox and no partner");
            } else {
                self.found
                    .add(&SANDBOX, sandbox.line, None, "the show is in the sandbox");
            }
        }
    }

    fn item(&mut self, item: &Item) {
        self.items += 1;
        let title = item.title.as_deref().filter(|title| !title.is_empty());
        let line = item.line;
        if title.is_none() {
            self.found.add(&TITLE, line, None, "an episode has no title");
        }
        match item.guid.as_deref().filter(|guid| !guid.is_empty()) {
            None => self.found.add(&NO_GUID, line, title, "the episode has no guid"),
            Some(guid) => {
                if !self.guids.insert(self.hash.hash_one(guid)) {
                    self.found
                        .add(&SAME_GUID, line, title, "another episode has the same guid");
                }
            }
        }
        if item.enclosures.is_empty() {
            self.found.add(&NO_ENCLOSURE, line, title, "the episode has no audio");
        }
        if !item.access.is_empty() {
            self.gated(item, title);
        }
    }

    fn gated(&mut self, item: &Item, title: Option<&str>) {
        self.gated += 1;
        for access in &item.access {
            self.block(access, title, &[("entitlement", "name")], &["partner", "sandbox"]);
        }
        let line = item.access.first().map_or(item.line, |access| access.element.line);
        let (mut set, mut has_bad) = (BTreeSet::new(), false);
        for name in item.access.iter().flat_map(Access::entitlements) {
            if Entitlement::parse(name).is_err() {
                has_bad = true;
                self.found
                    .add(&ENTITLEMENT, line, title, "an entitlement's name is malformed");
            } else if !set.insert(name.to_owned()) {
                self.found.add(&REPEATED, line, title, format!("{name} stands twice"));
            }
        }
        if set.is_empty() {
            if !has_bad {
                self.found
                    .add(&EMPTY_BLOCK, line, title, "the episode is gated and nothing opens it");
            }
        } else {
            if let Some(held) = &self.held {
                let unheld: Vec<_> = set.difference(held).cloned().collect();
                let nobody = unheld.len() == set.len();
                for name in unheld {
                    if self.unheld.insert(name.clone()) {
                        self.found
                            .add(&NOBODY_HOLDS, line, title, format!("nobody holds {name}"));
                    }
                }
                if nobody {
                    self.found
                        .add(&NOBODY_OPENS, line, title, "nobody can open the episode");
                }
            }
            if !self.sets.contains(&set) && !self.sets.is_empty() && !self.sets_differ {
                self.sets_differ = true;
                let rule = if self.strict { &SETS_DIFFER_STRICT } else { &SETS_DIFFER };
                self.found.add(
                    rule,
                    line,
                    title,
                    "the episode opens with another set than those before it",
                );
            }
            self.sets.insert(set);
        }
        for audio in &item.enclosures {
            let audio_hash = self.hash.hash_one(audio);
            self.paid_audio.insert(audio_hash);
            if let Some(line) = self.linked.remove(&audio_hash) {
                self.found
                    .add(&LEAK, line, None, "the notes link to paid audio of another episode");
            }
            if audio.starts_with("http://") {
                self.found
                    .add(&INSECURE, item.line, title, "paid audio is at an http URL");
            }
        }
        let mut harmless = Vec::new();
        let leaks = item.notes.iter().flat_map(|notes| {
            // HTML as text, perhaps escaped twice.
            let notes = notes
                .replace("&amp;", "&")
                .replace("&quot;", "\"")
                .replace("&#39;", "'");
            let mut leaks = Vec::new();
            for link in links(&notes) {
                let host = Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_owned));
                match (host, self.leaks(link)) {
                    (Some(host), Some(why)) => leaks.push((host, why)),
                    _ => harmless.push(self.hash.hash_one(link)),
                }
            }
            leaks
        });
        // The same notes stand in several elements.
        let leaks: BTreeSet<_> = leaks.collect();
        for (host, why) in leaks {
            self.found
                .add(&LEAK, item.line, title, format!("the notes link to {why} at {host}"));
        }
        for link in harmless.into_iter().take(LINKED.saturating_sub(self.linked.len())) {
            self.linked.insert(link, item.line);
        }
    }

    /// Why a link in public notes should not be there.
    fn leaks(&self, link: &str) -> Option<&'static str> {
        const AUDIO: [&str; 9] = [".mp3", ".m4a", ".m4b", ".aac", ".ogg", ".opus", ".wav", ".flac", ".mp4"];
        const CREDENTIALS: [&str; 17] = [
            "access_token",
            "api_key",
            "apikey",
            "auth",
            "authorization",
            "hdnea",
            "jwt",
            "key",
            "password",
            "policy",
            "secret",
            "sig",
            "sign",
            "signature",
            "token",
            "x-amz-signature",
            "x-goog-signature",
        ];
        if self.paid_audio.contains(&self.hash.hash_one(link)) {
            return Some("paid audio");
        }
        let url = Url::parse(link).ok()?;
        let path = url.path().to_lowercase();
        if AUDIO.iter().any(|ending| path.ends_with(ending)) {
            return Some("audio");
        }
        let mut names = url.query_pairs().map(|(name, _)| name.to_lowercase());
        names
            .any(|name| CREDENTIALS.contains(&name.as_str()))
            .then_some("something with a credential in it")
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
        if self.gated > 0 && !self.has_partner {
            self.found.add(
                &PARTNER_MISSING,
                self.show.unwrap_or(line),
                None,
                "episodes are gated and the show has no partner",
            );
        }
    }

    fn document(&self) -> Value {
        json!({
            "errors": self.found.errors, "warnings": self.found.warnings, "episodes": self.items, "gated": self.gated,
            "entitlements": self.sets.iter().flatten().collect::<BTreeSet<_>>(), "counts": self.found.counts, "findings": self.found.shown,
        })
    }

    fn tell(&self, out: &mut dyn Write) -> Result<(), Failed> {
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
        for (rule, count) in self.found.counts.iter().filter(|(_, count)| **count > SHOWN) {
            writeln!(out, "and {} more of {rule}", count - SHOWN)?;
        }
        let (errors, warnings) = (self.found.errors, self.found.warnings);
        writeln!(
            out,
            "{} episodes, {} of them gated: {errors} errors, {warnings} warnings",
            self.items, self.gated
        )?;
        Ok(())
    }
}

/// A title without what would steer a terminal.
fn printable(title: &str) -> String {
    title
        .chars()
        .filter(|character| !character.is_control())
        .take(80)
        .collect()
}

/// The links in a text, whether it is plain or HTML.
fn links(notes: &str) -> impl Iterator<Item = &str> {
    let starts = notes.match_indices("http").map(|(start, _)| start);
    starts.filter_map(|start| {
        let rest = notes.get(start..)?;
        let end = rest
            .find(|character: char| character.is_whitespace() || "\"'<>)".contains(character))
            .unwrap_or(rest.len());
        let link = rest.get(..end)?;
        (link.starts_with("http://") || link.starts_with("https://")).then_some(link)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHOW: &str = "<spotify:access><partner id=\"0WickerlightSandbox000\"/></spotify:access>";
    const GOLD: &str = "<spotify:access><entitlement name=\"gold\"/></spotify:access>";
    const HEAD: &str = "<title>T</title><description>D</description><itunes:author>A</itunes:author><itunes:image href=\"https://a.example/c.jpg\"/>";

    fn item(guid: &str, more: &str) -> String {
        format!(
            "<item><title>{guid}</title><guid>{guid}</guid><enclosure url=\"https://a.example/{guid}.mp3\"/>{more}</item>"
        )
    }

    fn feed(channel: &str) -> String {
        format!(
            "<rss xmlns:spotify=\"{SPOTIFY}\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel>{channel}</channel></rss>"
        )
    }

    fn checked<'a>(feed: &'a str, check: Check<'a>) -> Check<'a> {
        check.all(feed.as_bytes())
    }

    fn rules(feed: &str) -> Vec<&'static str> {
        let check = checked(feed, Check::default());
        let mut out = Vec::new();
        check.tell(&mut out).unwrap();
        assert_eq!(
            check.document()["findings"].as_array().unwrap().len(),
            check.found.shown.len()
        );
        check.found.shown.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_feed_that_says_what_it_is_meant_to_has_no_findings() {
        let good = [HEAD, SHOW, &item("a", GOLD), &item("b", "")].concat();
        assert!(rules(&feed(&good)).is_empty());
        assert!(
            rules(&feed(&[HEAD, &item("a", "")].concat())).is_empty(),
            "a feed without gated episodes needs no partner"
        );
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each mistake")]
    fn each_mistake_is_found_by_its_name() {
        let show = |block: &str| {
            feed(
                &[
                    HEAD,
                    &format!("<spotify:access>{block}</spotify:access>"),
                    &item("a", GOLD),
                ]
                .concat(),
            )
        };
        let episode = |block: &str| {
            feed(
                &[
                    HEAD,
                    SHOW,
                    &item("a", &format!("<spotify:access>{block}</spotify:access>")),
                ]
                .concat(),
            )
        };
        let partner = "<partner id=\"0WickerlightSandbox000\"/>";
        let cases = [
            (feed(&[HEAD, &item("a", GOLD)].concat()), "partner-missing"),
            (
                show("<spotify:partner id=\"0WickerlightSandbox000\"/>"),
                "prefixed-child",
            ),
            (show("<partner/>"), "unknown-child"),
            (show("<partner id=\"not one\"/>"), "partner-id"),
            (show("<partner id=\"short\"/>"), "partner-id-unusual"),
            (show(&partner.repeat(2)), "partners"),
            (show("<sandbox enabled=\"true\"/>"), "sandbox-alone"),
            (show(&format!("{partner}<sandbox enabled=\"true\"/>")), "sandbox"),
            (show(&format!("{partner}<entitlement name=\"gold\"/>")), "misplaced"),
            (show(&format!("{partner}<partners/>")), "unknown-child"),
            (episode(""), "empty-block"),
            (episode("<entitlement id=\"gold\"/>"), "unknown-child"),
            (episode("<spotify:entitlement name=\"gold\"/>"), "prefixed-child"),
            (episode("<entitlement name=\"two words\"/>"), "entitlement"),
            (
                episode("<entitlement name=\"gold\"/><entitlement name=\"gold\"/>"),
                "repeated-entitlement",
            ),
            (episode(partner), "misplaced"),
            (
                feed(
                    &[
                        HEAD,
                        SHOW,
                        &item("a", GOLD),
                        &item("b", &GOLD.replace("gold", "silver")),
                    ]
                    .concat(),
                ),
                "sets-differ",
            ),
            (
                feed(&[HEAD, SHOW, &item("a", GOLD), &item("a", GOLD)].concat()),
                "same-guid",
            ),
            (
                feed(&[HEAD, SHOW, &item("a", GOLD).replace("https:", "http:")].concat()),
                "insecure-audio",
            ),
            (
                feed(&[HEAD, "<item><title>t</title><guid>g</guid></item>"].concat()),
                "enclosure",
            ),
            (
                feed(&[HEAD, &item("a", "").replace("<guid>a</guid>", "")].concat()),
                "guid",
            ),
            (feed(&[HEAD, SHOW, SHOW, &item("a", GOLD)].concat()), "partners"),
            (feed(&HEAD.replace("<itunes:author>A</itunes:author>", "")), "author"),
            (feed(&HEAD.replace("D</", "</")), "description"),
            (
                feed("<title>T</title><description>D</description><itunes:author>A</itunes:author>"),
                "cover",
            ),
            (feed(&HEAD.replace("<title>T</title>", "")), "title"),
            ("<feed/>".to_owned(), "not-rss"),
            ("<rss><channel>".to_owned(), "not-rss"),
            ("<rss/>".to_owned(), "not-rss"),
            (format!("<!DOCTYPE rss [<!ENTITY a \"b\">]>{}", feed(HEAD)), "doctype"),
            (
                feed(&[HEAD, SHOW, &item("a", GOLD)].concat()).replace("www.spotify.com/ns", "spotify.com/ns"),
                "namespace",
            ),
            (
                feed(&[HEAD, SHOW, &item("a", GOLD)].concat()).replace(&format!("xmlns:spotify=\"{SPOTIFY}\""), ""),
                "namespace",
            ),
            (
                feed(&[HEAD, SHOW, &item("a", GOLD)].concat())
                    .replace("xmlns:spotify", "xmlns:sp")
                    .replace("spotify:", "sp:"),
                "prefix",
            ),
        ];
        for (feed, rule) in &cases {
            assert!(rules(feed).contains(rule), "{rule}: {:?} of {feed}", rules(feed));
        }
    }

    #[test]
    fn a_link_to_paid_audio_in_public_notes_is_found_and_not_repeated() {
        for (notes, is_leak) in [
            ("<description>Listen at https://a.example/a.mp3 now</description>", true),
            (
                "<content:encoded><![CDATA[<a href=\"https://cdn.example/x.M4A?s=SECRET\">]]></content:encoded>",
                true,
            ),
            (
                "<itunes:summary>https://a.example/p?token=SECRET</itunes:summary>",
                true,
            ),
            (
                "<description>&lt;a href=&quot;https://a.example/f?x=1&amp;amp;Signature=SECRET&quot;></description>",
                true,
            ),
            (
                "<description>&lt;a href=&quot;https://a.example/f?x=1&amp;Signature=SECRET&quot;></description>",
                true,
            ),
            (
                "<description>https://a.example/about?utm_source=feed (and http, too)</description>",
                false,
            ),
        ] {
            let feed = feed(&[HEAD, SHOW, &item("a", &[GOLD, notes].concat())].concat());
            assert_eq!(rules(&feed).contains(&"leak-in-notes"), is_leak, "{notes}");
            let check = checked(&feed, Check::default());
            assert!(!check.document().to_string().contains("SECRET"));
            // In a free episode there is nothing to leak.
            assert!(!rules(&feed.replace(GOLD, "")).contains(&"leak-in-notes"));
        }
    }

    #[test]
    fn a_link_to_the_paid_audio_of_an_episode_that_comes_later_is_found() {
        let audio = "https://a.example/listen/7";
        let notes = format!("{GOLD}<description>Next week: {audio}</description>");
        let later = item("b", GOLD).replace("https://a.example/b.mp3", audio);
        let both = feed(&[HEAD, SHOW, &item("a", &notes), &later].concat());
        assert_eq!(rules(&both), ["leak-in-notes"]);
        assert!(rules(&both.replace(&later, &item("b", GOLD))).is_empty());
    }

    #[test]
    fn what_nobody_holds_and_nobody_can_open_is_found_when_it_is_known_what_people_hold() {
        let both = "<spotify:access><entitlement name=\"gold\"/><entitlement name=\"bronze\"/></spotify:access>";
        let lead = GOLD.replace("gold", "lead");
        let feed = feed(&[HEAD, SHOW, &item("a", both), &item("b", &lead), &item("c", &lead)].concat());
        let held = BTreeSet::from(["gold".to_owned()]);
        let check = checked(
            &feed,
            Check {
                held: Some(held),
                strict: true,
                ..Check::default()
            },
        );
        let found: Vec<_> = check.found.shown.iter().map(|finding| finding.rule).collect();
        assert_eq!(
            found,
            [
                "nobody-holds",
                "nobody-holds",
                "nobody-opens",
                "sets-differ",
                "nobody-opens"
            ]
        );
        assert_eq!(check.found.errors, 3);
        let other = checked(
            &feed,
            Check {
                partner_id: Some("1111111111111111111111"),
                ..Check::default()
            },
        );
        assert!(other.found.counts.contains_key("partner-other"));
    }

    proptest! {
        #[test]
        fn no_feed_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[<>/a-z:=\"'&;! -]{0,200}") {
            for feed in [bytes, text.clone().into_bytes(), feed(&text).into_bytes()] {
                let check = Check::default().all(feed.as_slice());
                check.tell(&mut Vec::new()).unwrap();
            }
        }
    }

    #[test]
    fn a_rule_that_is_broken_often_is_shown_a_few_times_and_counted_exactly() {
        let items: String = (0..50).map(|n| item(&n.to_string(), "<spotify:access/>")).collect();
        let text = feed(&[HEAD, SHOW, &items].concat());
        let check = checked(&text, Check::default());
        assert_eq!((check.found.shown.len(), check.found.errors), (SHOWN, 50));
    }
}
