//! `soa-link feed check` and `soa-link feed tag`, on feeds that are judged by expat, an independent XML parser.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::lambda::bootstrap;

const FEED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\">\n<!-- a feed -->\n<channel>\n<title>T &amp; U</title>\n<description><![CDATA[<b>D</b>]]></description>\n<itunes:author>A</itunes:author>\n<itunes:image href=\"https://a.example/c.jpg\"/>\n<item>\n<title>One</title>\n<guid isPermaLink=\"false\">a</guid>\n<pubDate>Tue, 24 Nov 2026 06:00:00 +0000</pubDate>\n<enclosure url=\"https://a.example/a.mp3?x=1&amp;y=2\" length=\"1\" type='audio/mpeg'/>\n</item>\n</channel>\n</rss>\n";
/// Where the feed is edited: before each of these.
const PLACES: [&str; 16] = [
    "<?xml",
    "?>",
    "\n<rss",
    " xmlns",
    "=\"http",
    "a feed",
    "<channel",
    "T &amp;",
    "]]>",
    "itunes:author",
    "A</",
    "href",
    "/>\n<item",
    "isPerma",
    "=1&amp;",
    "</rss>",
];
/// What is inserted.
const PARTS: [&str; 16] = [
    " ",
    "\n",
    "x",
    "&",
    "&nbsp;",
    "&#8;",
    "&#160;",
    "<",
    ">",
    "\"",
    "--",
    "]]>",
    "<x/>",
    "media:",
    "\u{8}",
    "<!-- c -->",
];

/// One line for each document in hexadecimal: whether expat accepts it.
const EXPAT: &str = r"
import sys
from xml.parsers import expat
for line in sys.stdin:
    try:
        expat.ParserCreate(namespace_separator=' ').Parse(bytes.fromhex(line.strip()), True)
        print('ok')
    except expat.ExpatError:
        print('no')
";

fn expat(documents: &[String]) -> Vec<bool> {
    let mut lines = String::new();
    for document in documents {
        lines.extend(document.bytes().map(|byte| format!("{byte:02x}")));
        lines.push('\n');
    }
    let output = run(Command::new("python3").args(["-c", EXPAT]), &lines);
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(|answer| answer == "ok").collect()
}

/// Runs a program with this standard input.
fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    // A program that rejects its input early may not read all of it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn check(feed: &str) -> (Option<i32>, Vec<String>) {
    let output = run(
        Command::new(bootstrap("soa-link")).args(["feed", "check", "-", "--json"]),
        feed,
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let rules = findings
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap().to_owned());
    (output.status.code(), rules.collect())
}

fn tag(feed: &str, rules: &Path, output: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(bootstrap("soa-link"));
    command
        .args(["feed", "tag", "-", "--rules"])
        .arg(rules)
        .arg("--output")
        .arg(output)
        .args(arguments);
    let tagged = run(&mut command, feed);
    (tagged.status.code(), String::from_utf8(tagged.stderr).unwrap())
}

/// A folder with rules, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, rules: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::write(
            path.join("rules.toml"),
            format!("partner_id = \"0WickerlightSandbox000\"\n{rules}"),
        )
        .unwrap();
        Self(path)
    }

    fn rules(&self) -> PathBuf {
        self.0.join("rules.toml")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn edited_feeds_are_judged_as_by_expat_and_rejected_ones_not_tagged() {
    let folder = Folder::new("feeds", "[[rule]]\nall = true\nentitlements = [\"gold\"]");
    let edited = |(place, part): (&str, &str)| {
        let (before, after) = FEED.split_once(place).unwrap();
        format!("{before}{part}{place}{after}")
    };
    let edits = PLACES.iter().flat_map(|place| PARTS.map(|part| (*place, part)));
    let mut documents: Vec<_> = edits.map(edited).collect();
    documents.push(FEED.to_owned());
    let mut accepted = 0;
    for (document, is_well_formed) in documents.iter().zip(expat(&documents)) {
        let (code, found) = check(document);
        let output = folder.0.join("spotify.xml");
        let (tagged, said) = tag(document, &folder.rules(), &output, &[]);
        if is_well_formed {
            accepted += 1;
            // Other mistakes, such as a missing title, are possible.
            assert!(!found.contains(&"not-well-formed".to_owned()), "{found:?}: {document}");
        } else {
            assert_eq!(
                (code, found),
                (Some(1), vec!["not-well-formed".to_owned()]),
                "{document}"
            );
            assert!(
                tagged == Some(2) && said.contains("line ") && !output.exists(),
                "{said}: {document}"
            );
        }
        let _ = fs::remove_file(output);
    }
    assert!(
        accepted > 40 && accepted < documents.len() - 100,
        "{accepted} of {}",
        documents.len()
    );
}

/// As an operator runs it, each day, on a source without gates.
#[test]
fn a_gate_of_the_published_feed_needs_permission_to_go() {
    let folder = Folder::new("gates", "[[rule]]\nguid = [\"a\"]\nentitlements = [\"gold\"]");
    let (rules, output) = (folder.rules(), folder.0.join("spotify.xml"));
    let (code, said) = tag(FEED, &rules, &output, &[]);
    assert!(
        code == Some(0) && said.contains("summary: 1 gated, 0 changed, 0 ungated, 0 unchanged"),
        "{said}"
    );
    let published = fs::read_to_string(&output).unwrap();
    assert!(published.contains("<entitlement name=\"gold\"/>"), "{published}");

    let without_guid = FEED.replace("<guid isPermaLink=\"false\">a</guid>", "");
    let (code, said) = tag(&without_guid, &rules, &output, &["--dry-run"]);
    assert!(
        code == Some(1) && said.contains("One (no guid): gold -> free [ungated]"),
        "{said}"
    );
    let (code, said) = tag(&without_guid, &rules, &output, &[]);
    assert!(code == Some(2) && said.contains("--allow-ungating"), "{said}");
    assert_eq!(fs::read_to_string(&output).unwrap(), published);
    let (code, said) = tag(&without_guid, &rules, &output, &["--allow-ungating"]);
    assert!(code == Some(0) && said.contains("1 ungated"), "{said}");
    assert!(!fs::read_to_string(&output).unwrap().contains("entitlement"));
    // The folder has no other files.
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
}
