//! `soa-link feed tag`: adds the partner and the episodes' entitlements to a plain podcast feed, by rules from a file. No other byte changes.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufWriter, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDate};
use clap::Args;
use serde::Deserialize;
use shared::partner::{Entitlement, PartnerId};

use super::document::{Element, Feed, Item, Namespace, SPOTIFY, SegmentKind, open};
use crate::error::CliError;

/// Add `spotify:access` elements to a podcast feed, and change nothing else
///
/// The rules are a TOML file with `partner_id`, optionally `sandbox = true`, and
/// any number of `[[rule]]` tables. The first rule that matches an episode wins.
/// Its `entitlements` unlock the episode; an empty list makes it free.
/// Conditions, which must all match: `guid` (a list), `title_contains`,
/// `title_starts_with`, `season`, `episode_type`, `category`, `published_after`
/// and `published_before` (dates like 2026-11-24); or `all = true` alone.
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
    /// Only show how many episodes each rule matches.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    partner_id: String,
    #[serde(default)]
    sandbox: bool,
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    entitlements: BTreeSet<String>,
    guid: Option<BTreeSet<String>>,
    title_contains: Option<String>,
    title_starts_with: Option<String>,
    season: Option<u32>,
    episode_type: Option<String>,
    category: Option<String>,
    published_after: Option<String>,
    published_before: Option<String>,
    #[serde(default)]
    all: bool,
}

impl Rules {
    fn parse(text: &str) -> Result<Self, CliError> {
        let rules: Self = toml::from_str(text).map_err(|error| CliError::new(format!("the rules: {error}")))?;
        PartnerId::parse(&rules.partner_id).map_err(|error| CliError::new(format!("the rules: {error}")))?;
        for (place, rule) in rules.rule.iter().enumerate() {
            let failed = |what: &str| CliError::new(format!("rule {}: {what}", place + 1));
            if rule.entitlements.iter().any(|name| Entitlement::parse(name).is_err()) {
                return Err(failed(
                    "malformed entitlement: use 1 to 128 characters of 0-9, A-Z, a-z, '.', '_', ':', '-', starting with a letter or digit",
                ));
            }
            if rule.all == rule.has_conditions() {
                return Err(failed("set either conditions or all = true"));
            }
            for date in [&rule.published_after, &rule.published_before].into_iter().flatten() {
                date.parse::<NaiveDate>()
                    .map_err(|_| failed("malformed date: use the form 2026-11-24"))?;
            }
        }
        Ok(rules)
    }

    fn channel_block(&self, prefix: &str) -> String {
        let sandbox = if self.sandbox {
            "<sandbox enabled=\"true\"/>"
        } else {
            ""
        };
        format!(
            "<{prefix}:access><partner id=\"{}\"/>{sandbox}</{prefix}:access>",
            self.partner_id
        )
    }
}

impl Rule {
    fn has_conditions(&self) -> bool {
        let texts = [
            &self.title_contains,
            &self.title_starts_with,
            &self.episode_type,
            &self.category,
            &self.published_after,
            &self.published_before,
        ];
        self.guid.is_some() || self.season.is_some() || texts.iter().any(|text| text.is_some())
    }

    fn fits(&self, item: &Item) -> bool {
        let title = item.title.as_deref().unwrap_or_default().to_lowercase();
        let published = item
            .published
            .as_deref()
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let published = published.map(|date| date.date_naive());
        let date = |date: &String| date.parse::<NaiveDate>().ok();
        let same = |one: Option<&str>, other: &String| one.is_some_and(|one| one.eq_ignore_ascii_case(other));
        self.guid
            .as_ref()
            .is_none_or(|guids| item.guid.as_ref().is_some_and(|guid| guids.contains(guid)))
            && self
                .title_contains
                .as_ref()
                .is_none_or(|part| title.contains(&part.to_lowercase()))
            && self
                .title_starts_with
                .as_ref()
                .is_none_or(|start| title.starts_with(&start.to_lowercase()))
            && self
                .season
                .is_none_or(|season| item.season.as_deref().and_then(|season| season.parse().ok()) == Some(season))
            && self
                .episode_type
                .as_ref()
                .is_none_or(|kind| same(item.episode_type.as_deref(), kind))
            && self
                .category
                .as_ref()
                .is_none_or(|category| item.categories.iter().any(|known| same(Some(known), category)))
            && self
                .published_after
                .as_ref()
                .is_none_or(|after| published.is_some() && published > date(after))
            && self
                .published_before
                .as_ref()
                .is_none_or(|before| published.is_some() && published < date(before))
    }

    fn block(&self, prefix: &str) -> Option<String> {
        if self.entitlements.is_empty() {
            return None;
        }
        let mut block = format!("<{prefix}:access>");
        for name in &self.entitlements {
            // Valid names contain no character that needs escaping.
            let _ = write!(block, "<entitlement name=\"{name}\"/>");
        }
        let _ = write!(block, "</{prefix}:access>");
        Some(block)
    }
}

/// Number of episodes per rule.
#[derive(Debug, Default, PartialEq, Eq)]
struct TagReport {
    by_rule: Vec<u64>,
    by_none: u64,
    /// Number of episodes without a matching rule that were gated and still are.
    kept: u64,
}

impl TagReport {
    fn new(rules: &Rules) -> Self {
        Self {
            by_rule: vec![0; rules.rule.len()],
            by_none: 0,
            kept: 0,
        }
    }

    /// Counts an episode for the rule at this position.
    fn count(&mut self, rule: Option<usize>) {
        match rule.and_then(|place| self.by_rule.get_mut(place)) {
            Some(count) => *count += 1,
            None => self.by_none += 1,
        }
    }
}

/// Tags the feed.
///
/// # Errors
/// [`CliError`] if rules or feed are invalid, the feed is already tagged, or a file cannot be read or written. `--output` is unchanged then; a retry is safe.
pub(super) fn run(args: &TagArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let text = fs::read_to_string(&args.rules)
        .map_err(|error| CliError::new(format!("cannot read {}: {error}", args.rules.display())))?;
    let rules = Rules::parse(&text)?;
    let feed = open(&args.feed)?;
    let tagged = if args.dry_run {
        tag(feed, &rules, args.replace, &mut io::sink())?
    } else {
        match &args.output {
            None => tag(feed, &rules, args.replace, out)?,
            Some(path) => to_file(path, |file| tag(feed, &rules, args.replace, file))?,
        }
    };
    let mut said = io::stderr();
    for (rule, count) in rules.rule.iter().zip(&tagged.by_rule) {
        let names: Vec<_> = rule.entitlements.iter().map(String::as_str).collect();
        let what = if names.is_empty() {
            "free".to_owned()
        } else {
            names.join(", ")
        };
        writeln!(said, "{count:>8} episodes: {what}")?;
    }
    writeln!(
        said,
        "{:>8} episodes without a matching rule: unchanged, {} of them gated",
        tagged.by_none, tagged.kept
    )?;
    Ok(true)
}

/// Writes a temporary file next to `path` and renames it once it is complete.
fn to_file<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T, CliError>) -> Result<T, CliError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut file = BufWriter::new(fs::File::create(&part)?);
    let written = write(&mut file).and_then(|written| {
        file.flush()?;
        Ok(written)
    });
    match written {
        Ok(written) => {
            fs::rename(&part, path)?;
            Ok(written)
        }
        Err(failed) => {
            let _ = fs::remove_file(&part);
            Err(failed)
        }
    }
}

fn tag(feed: impl BufRead, rules: &Rules, replace: bool, out: &mut dyn Write) -> Result<TagReport, CliError> {
    let mut feed = Feed::new(feed);
    let mut tagged = TagReport::new(rules);
    let mut prefix = "spotify".to_owned();
    let mut show_is_tagged = false;
    // White space before an item. The show's element goes before the first item, with the same indentation.
    let mut gap = Vec::new();
    while let Some(piece) = feed.next()? {
        let is_gap = matches!(piece.part, SegmentKind::Other) && piece.bytes.iter().all(u8::is_ascii_whitespace);
        if !is_gap && !gap.is_empty() {
            out.write_all(&gap)?;
        }
        let ends_show = matches!(piece.part, SegmentKind::Item(_) | SegmentKind::ChannelEnd(_));
        if ends_show && !show_is_tagged {
            out.write_all(rules.channel_block(&prefix).as_bytes())?;
            out.write_all(&gap)?;
            show_is_tagged = true;
        }
        gap.clear();
        match piece.part {
            SegmentKind::Root(element) => {
                let bytes = if let Some(bound) = bound_prefix(&element)? {
                    prefix = bound;
                    piece.bytes
                } else {
                    with_namespace(&piece.bytes)
                };
                out.write_all(&bytes)?;
            }
            SegmentKind::Access(access) => {
                if show_is_tagged {
                    return Err(at(
                        access.element.line,
                        "the show's spotify:access comes after an episode or is repeated; keep one, before the episodes",
                    ));
                }
                must_replace(replace, access.element.line)?;
                out.write_all(rules.channel_block(&prefix).as_bytes())?;
                show_is_tagged = true;
            }
            SegmentKind::Item(item) => {
                let fits = rules.rule.iter().position(|rule| rule.all || rule.fits(&item));
                let rule = fits.and_then(|place| rules.rule.get(place));
                tagged.count(fits);
                check_access(&item, replace)?;
                if let Some(rule) = rule {
                    out.write_all(&retagged(&piece.bytes, &item, rule.block(&prefix).as_deref()))?;
                } else {
                    // Unchanged, because a forgotten rule must not make paid audio free.
                    tagged.kept += u64::from(!item.access.is_empty());
                    out.write_all(&piece.bytes)?;
                }
            }
            SegmentKind::Other if is_gap => gap = piece.bytes,
            SegmentKind::Other | SegmentKind::DocType | SegmentKind::ChannelEnd(_) => out.write_all(&piece.bytes)?,
        }
    }
    out.write_all(&gap)?;
    out.flush()?;
    Ok(tagged)
}

/// # Errors
/// [`CliError`] if the episode has two `spotify:access` elements, or one and `--replace` is missing.
fn check_access(item: &Item, replace: bool) -> Result<(), CliError> {
    if let Some(access) = item.access.first() {
        must_replace(replace, access.element.line)?;
    }
    match item.access.get(1) {
        None => Ok(()),
        Some(second) => Err(at(
            second.element.line,
            "the episode has two spotify:access elements; remove one",
        )),
    }
}

fn at(line: u64, what: &str) -> CliError {
    CliError::new(format!("line {line}: {what}"))
}

fn must_replace(replace: bool, line: u64) -> Result<(), CliError> {
    if replace {
        Ok(())
    } else {
        Err(at(
            line,
            "the feed is already tagged; replace its spotify:access elements with --replace",
        ))
    }
}

/// The prefix bound to Spotify's namespace, if any.
///
/// # Errors
/// [`CliError`] if `spotify` is bound to another namespace.
fn bound_prefix(root: &Element) -> Result<Option<String>, CliError> {
    match root.attribute("xmlns:spotify") {
        Some(SPOTIFY) => return Ok(Some("spotify".to_owned())),
        Some(_) => {
            return Err(at(
                root.line,
                "xmlns:spotify is not Spotify's namespace; correct it first",
            ));
        }
        None => {}
    }
    debug_assert_ne!(root.space, Namespace::Spotify, "a root element of RSS has no namespace");
    let bound = root
        .attributes
        .iter()
        .find_map(|(name, value)| name.strip_prefix("xmlns:").filter(|_| value == SPOTIFY));
    Ok(bound.map(str::to_owned))
}

/// Adds the declaration of Spotify's namespace to a start tag.
fn with_namespace(tag: &[u8]) -> Vec<u8> {
    let close = tag.iter().rposition(|byte| *byte == b'>').unwrap_or(tag.len());
    let close = if close > 0 && tag.get(close - 1) == Some(&b'/') {
        close - 1
    } else {
        close
    };
    spliced(tag, close..close, format!(" xmlns:spotify=\"{SPOTIFY}\"").as_bytes())
}

/// Returns an item's bytes with `block` as its only `spotify:access` element, or without one.
fn retagged(bytes: &[u8], item: &Item, block: Option<&str>) -> Vec<u8> {
    let place = &item.place;
    match (place.access, block) {
        (Some((start, end)), Some(block)) => spliced(bytes, start..end, block.as_bytes()),
        (Some((start, end)), None) => {
            // The white space before the element goes too, because tagging added it.
            let before = bytes.get(..start).unwrap_or_default();
            let blank = before
                .iter()
                .rev()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            spliced(bytes, start - blank..end, b"")
        }
        (None, Some(block)) if place.empty => {
            let end = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(bytes.len());
            let opened = spliced(bytes, end..bytes.len(), b">");
            [&opened, block.as_bytes(), b"</item>"].concat()
        }
        (None, Some(block)) => {
            let gap = place
                .gap
                .and_then(|(start, end)| bytes.get(start..end))
                .unwrap_or_default();
            spliced(bytes, place.tail..place.tail, &[gap, block.as_bytes()].concat())
        }
        (None, None) => bytes.to_vec(),
    }
}

fn spliced(bytes: &[u8], range: Range<usize>, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.splice(range, new.iter().copied());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: &str = r#"
        partner_id = "0WickerlightSandbox000"
        [[rule]]
        title_starts_with = "trailer"
        entitlements = []
        [[rule]]
        season = 2
        published_after = "2026-01-01"
        entitlements = ["silver", "gold"]
        [[rule]]
        guid = ["g9"]
        entitlements = ["gold"]
    "#;

    fn tagged(feed: &str, rules: &str, replace: bool) -> Result<(String, TagReport), String> {
        let rules = Rules::parse(rules).map_err(|failed| failed.to_string())?;
        let mut out = Vec::new();
        let tagged = tag(feed.as_bytes(), &rules, replace, &mut out).map_err(|failed| failed.to_string())?;
        Ok((String::from_utf8(out).unwrap(), tagged))
    }

    const FEED: &str = "\u{feff}<?xml version='1.0' encoding=\"UTF-8\"?>\r\n<!-- <item> --><rss version=\"2.0\"\r\n  xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' >\r\n\t<channel>\r\n\t\t<title>A &amp; B</title>\r\n\t\t<item>\r\n\t\t\t<title><![CDATA[Trailer <1>]]></title>\r\n\t\t</item>\r\n\t\t<item>\r\n\t\t\t<title>One</title><pubDate>Tue, 24 Nov 2026 06:00:00 +0100</pubDate>\r\n\t\t\t<itunes:season>2</itunes:season>\r\n\t\t</item><item><guid>g9</guid></item>\r\n\t\t<item/>\r\n\t</channel>\r\n</rss>\r\n<!-- end -->\r\n";

    #[test]
    fn the_first_matching_rule_tags_an_episode_and_nothing_else_changes() {
        let (out, counts) = tagged(FEED, RULES, false).unwrap();
        let show = "<spotify:access><partner id=\"0WickerlightSandbox000\"/></spotify:access>\r\n\t\t";
        let one =
            "\r\n\t\t\t<spotify:access><entitlement name=\"gold\"/><entitlement name=\"silver\"/></spotify:access>";
        let nine = "<spotify:access><entitlement name=\"gold\"/></spotify:access>";
        let namespace = " xmlns:spotify=\"http://www.spotify.com/ns/rss\"";
        let mut rest = out.clone();
        for added in [namespace, show, one, nine] {
            assert_eq!(rest.matches(added).count(), 1, "{added}: {rest}");
            rest = rest.replace(added, "");
        }
        assert_eq!(rest, FEED);
        assert!(out.contains(&format!("</itunes:season>{one}\r\n\t\t</item>")), "{out}");
        assert_eq!(
            counts,
            TagReport {
                by_rule: vec![1, 1, 1],
                by_none: 1,
                kept: 0,
            }
        );
        // Tagging again requires --replace and gives the same feed.
        assert!(tagged(&out, RULES, false).unwrap_err().contains("--replace"));
        assert_eq!(tagged(&out, RULES, true).unwrap().0, out);
        // Gated episodes without a matching rule stay gated; only a rule makes them free.
        let without = "partner_id = \"0WickerlightSandbox000\"";
        let (kept, counts) = tagged(&out, without, true).unwrap();
        assert_eq!((kept.as_str(), counts.kept), (out.as_str(), 2));
        let free = format!("{without}\nsandbox = true\n[[rule]]\nall = true\nentitlements = []");
        let (free, _) = tagged(&out, &free, true).unwrap();
        assert!(
            !free.contains("entitlement") && free.contains("<sandbox enabled=\"true\"/>"),
            "{free}"
        );
    }

    proptest! {
        /// Removing what was added gives back the original feed.
        #[test]
        fn tagging_changes_nothing_else(
            gaps in proptest::collection::vec("[ \t\r\n]{0,4}", 8), notes in "[a-z<>&\"']{0,30}", bom in any::<bool>(), quote in "['\"]", items in 0..4_usize,
        ) {
            let gap = |n: usize| &gaps[n];
            let item = format!("{}<item{}>{}<guid>g9</guid>{}<description><![CDATA[{notes}]]></description>{}</item>", gap(0), gap(1), gap(2), gap(3), gap(4));
            let mark = if bom { "\u{feff}" } else { "" };
            let feed = format!("{mark}<rss version={quote}2.0{quote}{}><channel>{}{}</channel></rss>{}", gap(5), item.repeat(items), gap(6), gap(7));
            let (out, counts) = tagged(&feed, RULES, false).unwrap();
            prop_assert_eq!(counts.by_rule[2], items as u64);
            let show = "<spotify:access><partner id=\"0WickerlightSandbox000\"/></spotify:access>";
            let block = format!("{}<spotify:access><entitlement name=\"gold\"/></spotify:access>", gap(2));
            prop_assert_eq!(out.matches(&block).count(), items);
            let out = out.replacen(" xmlns:spotify=\"http://www.spotify.com/ns/rss\"", "", 1).replace(&block, "");
            // The show's element has the indentation of what follows it.
            let indented = format!("{show}{}", if items > 0 { gap(0) } else { gap(6) });
            prop_assert_eq!(out.replacen(&indented, "", 1), feed);
        }

        #[test]
        fn no_feed_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[<>/a-z:=\"'&;! -]{0,200}") {
            let rules = Rules::parse(RULES).unwrap();
            for feed in [bytes, text.clone().into_bytes(), format!("<rss><channel>{text}</channel></rss>").into_bytes()] {
                let _ = tag(feed.as_slice(), &rules, true, &mut io::sink());
            }
        }
    }

    #[test]
    fn a_feed_that_has_the_namespace_keeps_its_own_prefix() {
        let feed =
            "<rss xmlns:sp=\"http://www.spotify.com/ns/rss\"><channel><item><guid>g9</guid></item></channel></rss>";
        let (out, _) = tagged(feed, RULES, false).unwrap();
        assert!(
            out.contains("<sp:access><partner")
                && out.contains("<sp:access><entitlement")
                && !out.contains("xmlns:spotify"),
            "{out}"
        );
        let wrong = "<rss xmlns:spotify=\"https://www.spotify.com/ns/rss\"><channel/></rss>";
        assert!(
            tagged(wrong, RULES, false)
                .unwrap_err()
                .contains("line 1: xmlns:spotify")
        );
    }

    #[test]
    fn invalid_rules_are_rejected_with_their_cause() {
        for (rules, named) in [
            ("", "partner_id"),
            ("partner_id = \"a b\"", "partner_id"),
            ("partner_id = \"a\"\n[[rule]]\nentitlements = [\"gold\"]", "rule 1"),
            (
                "partner_id = \"a\"\n[[rule]]\nall = true\nseason = 1\nentitlements = []",
                "rule 1",
            ),
            (
                "partner_id = \"a\"\n[[rule]]\nall = true\nentitlements = [\"a b\"]",
                "rule 1",
            ),
            (
                "partner_id = \"a\"\n[[rule]]\ntitel = \"x\"\nentitlements = []",
                "titel",
            ),
            (
                "partner_id = \"a\"\n[[rule]]\npublished_after = \"24.11.2026\"\nentitlements = []",
                "rule 1",
            ),
        ] {
            let failed = tagged(FEED, rules, false).unwrap_err();
            assert!(failed.contains(named), "{rules}: {failed}");
        }
    }

    #[test]
    fn a_malformed_feed_is_rejected_without_repeating_its_content() {
        for feed in [
            "",
            "EVIL",
            "<rss><channel>",
            "<rss><channel></rss>",
            "<a/><b/>",
            "<rss>&",
            "<rss a=b></rss>",
            "\u{0}",
            "<?xml version='1.0' encoding='UTF-16'?><rss/>",
        ] {
            let failed = tagged(feed, RULES, false).unwrap_err();
            assert!(
                failed.starts_with("line ") && !failed.contains("EVIL"),
                "{feed}: {failed}"
            );
        }
        let deep = "<a>".repeat(100);
        assert!(tagged(&deep, RULES, false).unwrap_err().contains("nested too deep"));
        let large = format!(
            "<rss><channel><item><title>{}</title></item></channel></rss>",
            "x".repeat(5 << 20)
        );
        assert!(tagged(&large, RULES, false).unwrap_err().contains("larger than 4 MiB"));
    }
}
