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

/// Tags at 2026-11-29, with permission to remove gates.
fn tagged(feed: &str, rules: &str, replace: bool) -> Result<(String, Summary), String> {
    tagged_at("2026-11-29", feed, rules, (replace, true)).map(|(out, summary, _)| (out, summary))
}

/// Tags at a time. Returns the feed, the summary and the log.
fn tagged_at(
    now: &str,
    feed: &str,
    rules: &str,
    (replace, allow_ungating): (bool, bool),
) -> Result<(String, Summary, String), String> {
    let rules = Rules::parse(rules).map_err(|failed| failed.to_string())?;
    let task = Task {
        rules: &rules,
        replace,
        allow_ungating,
        is_dry_run: false,
        now: time(now).unwrap(),
    };
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let summary = task
        .tag(feed.as_bytes(), &mut out, &mut log)
        .map_err(|failed| failed.to_string())?;
    Ok((
        String::from_utf8(out).unwrap(),
        summary,
        String::from_utf8(log).unwrap(),
    ))
}

const FEED: &str = "\u{feff}<?xml version='1.0' encoding=\"UTF-8\"?>\r\n<!-- <item> --><rss version=\"2.0\"\r\n  xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' >\r\n\t<channel>\r\n\t\t<title>A &amp; B</title>\r\n\t\t<item>\r\n\t\t\t<title><![CDATA[Trailer <1>]]></title>\r\n\t\t</item>\r\n\t\t<item>\r\n\t\t\t<title>One</title><pubDate>Tue, 24 Nov 2026 06:00:00 +0100</pubDate>\r\n\t\t\t<itunes:season>2</itunes:season>\r\n\t\t</item><item><guid>g9</guid></item>\r\n\t\t<item/>\r\n\t</channel>\r\n</rss>\r\n<!-- end -->\r\n";

#[test]
fn the_first_matching_rule_tags_an_episode_and_nothing_else_changes() {
    let (out, counts) = tagged(FEED, RULES, false).unwrap();
    let show = "<spotify:access><partner id=\"0WickerlightSandbox000\"/></spotify:access>\r\n\t\t";
    let one = "\r\n\t\t\t<spotify:access><entitlement name=\"gold\"/><entitlement name=\"silver\"/></spotify:access>";
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
        Summary {
            by_rule: vec![1, 1, 1],
            by_none: 1,
            gated: 2,
            unchanged: 2,
            ..Summary::default()
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
            let task = Task { rules: &rules, replace: true, allow_ungating: true, is_dry_run: false, now: DateTime::default() };
            let _ = task.tag(feed.as_slice(), &mut io::sink(), &mut io::sink());
        }
    }
}

#[test]
fn a_feed_that_has_the_namespace_keeps_its_own_prefix() {
    let feed = "<rss xmlns:sp=\"http://www.spotify.com/ns/rss\"><channel><item><guid>g9</guid></item></channel></rss>";
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
    let deep = format!("<rss>{}", "<a>".repeat(100));
    assert!(tagged(&deep, RULES, false).unwrap_err().contains("nested too deep"));
    let large = format!(
        "<rss><channel><item><title>{}</title></item></channel></rss>",
        "x".repeat(5 << 20)
    );
    assert!(tagged(&large, RULES, false).unwrap_err().contains("larger than 4 MiB"));
}
