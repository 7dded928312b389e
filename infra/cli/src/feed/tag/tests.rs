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
        published: Published::default(),
    };
    tagged_by(&task, feed)
}

fn tagged_by(task: &Task<'_>, feed: &str) -> Result<(String, Summary, String), String> {
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
            let task = Task { rules: &rules, replace: true, allow_ungating: true, is_dry_run: false, now: DateTime::default(), published: Published::default() };
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

const PARTNER: &str = "partner_id = \"0WickerlightSandbox000\"\n";
const GOLD: &str = "<spotify:access><entitlement name=\"gold\"/></spotify:access>";

/// Items with these contents, each with the guid of its position.
fn feed(items: &[&str]) -> String {
    let items: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(place, item)| format!("<item><title>Episode {place}</title><guid>g{place}</guid>{item}</item>\n"))
        .collect();
    format!(
        "<rss xmlns:spotify=\"{}\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\"><channel>\n{}</channel></rss>",
        crate::feed::namespaces::SPOTIFY,
        items.concat()
    )
}

#[test]
fn an_episode_that_a_rule_cannot_decide_stops_the_run_by_line() {
    let after = format!(
        "{PARTNER}[[rule]]\npublished_after = \"2026-01-01\"\nentitlements = [\"gold\"]\n[[rule]]\nall = true\nentitlements = []\n"
    );
    let feed = feed(&[
        "<pubDate>Tue, 06 Jan 2026</pubDate>",
        "<pubDate>Tue, 06 Jan 2026 34:50:00 -0400</pubDate>",
        GOLD,
        "<pubDate>03/04/2026</pubDate>",
    ]);
    let failed = tagged(&feed, &after, true).unwrap_err();
    for part in [
        "3 episodes",
        "line 3: Episode 1 (g1): rule 1 needs the date, which cannot be read",
        "line 4: Episode 2 (g2): rule 1 needs the date, which is missing",
        "line 5: Episode 3 (g3)",
        "guid",
    ] {
        assert!(failed.contains(part), "{part}: {failed}");
    }
    assert!(!failed.contains("g0"), "{failed}");
    // An earlier rule decides, or another condition of the rule does not hold.
    let earlier = after.replacen(
        "[[rule]]",
        "[[rule]]\nguid = [\"g1\", \"g2\", \"g3\"]\nentitlements = [\"gold\"]\n[[rule]]",
        1,
    );
    assert_eq!(tagged(&feed, &earlier, true).unwrap().1.by_rule, [3, 1, 0]);
    let elsewhere = after.replacen("published_after", "title_contains = \"Trailer\"\npublished_after", 1);
    assert!(tagged(&feed, &elsewhere, true).is_ok());
    // Rules without dates need none.
    assert!(
        tagged(
            &feed,
            &format!("{PARTNER}[[rule]]\nall = true\nentitlements = [\"gold\"]"),
            true
        )
        .is_ok()
    );
}

#[test]
fn each_of_many_undecided_episodes_is_named() {
    let rules = format!("{PARTNER}[[rule]]\npublished_within_days = 7\nentitlements = [\"gold\"]");
    let failed = tagged(&feed(&[""; 50]), &rules, false).unwrap_err();
    assert!(failed.contains("50 episodes"), "{failed}");
    assert_eq!(failed.lines().filter(|line| line.starts_with("line ")).count(), 50);
}

#[test]
fn a_season_is_matched_in_its_odd_forms_and_never_guessed() {
    let rules = format!("{PARTNER}[[rule]]\nseason = 2\nentitlements = [\"gold\"]");
    let podcast =
        "<podcast:season xmlns:podcast=\"https://podcastindex.org/namespace/1.0\" name=\"Two\">2</podcast:season>";
    let seasons = [
        "<itunes:season>02</itunes:season>",
        "<itunes:season>Season 2</itunes:season>",
        "<itunes:season> 2.0 </itunes:season>",
        podcast,
        "<itunes:season>3</itunes:season>",
        "",
        "<itunes:season/>",
    ];
    let (_, summary) = tagged(&feed(&seasons), &rules, false).unwrap();
    assert_eq!(
        (summary.by_rule[0], summary.by_none),
        (4, 3),
        "an episode without a season matches none"
    );
    for odd in ["two", "2.5", "S2E4", "2/3"] {
        let failed = tagged(
            &feed(&[&format!("<itunes:season>{odd}</itunes:season>")]),
            &rules,
            false,
        )
        .unwrap_err();
        assert!(
            failed.contains("line 2") && failed.contains("season"),
            "{odd}: {failed}"
        );
    }
}

#[test]
fn early_access_lasts_for_the_days_of_its_rule() {
    let rules = format!(
        "{PARTNER}[[rule]]\npublished_within_days = 7\nentitlements = [\"gold\"]\n[[rule]]\nall = true\nentitlements = []"
    );
    let published = |date: &str| feed(&[&format!("<pubDate>{date}</pubDate>")]);
    for (date, is_gated) in [
        ("Sun, 22 Nov 2026 12:00:00 +0000", true),
        ("Sun, 22 Nov 2026 11:59:59 +0000", false),
        ("Sun, 22 Nov 2026 13:00:00 +0200", false),
        ("Sun, 22 Nov 2026 11:00:00 -0200", true),
        ("2026-11-29", true),
        ("2026-11-22", false),
        ("Thu, 24 Dec 2026 06:00:00 GMT", true),
        ("Wed, 24 Dec 2025 06:00:00 GMT", false),
    ] {
        let (out, ..) = tagged_at("2026-11-29T12:00:00Z", &published(date), &rules, (false, false)).unwrap();
        assert_eq!(out.contains("<entitlement"), is_gated, "{date}");
    }
    for wrong in ["0", "-1", "\"7\"", "7.5"] {
        assert!(Rules::parse(&rules.replacen('7', wrong, 1)).is_err(), "{wrong}");
    }
    let huge = rules.replacen("= 7", "= 4294967295", 1);
    assert!(tagged(&published("1900-01-01"), &huge, false).is_ok());
}

#[test]
fn a_gate_is_removed_only_with_permission_or_at_the_end_of_early_access() {
    let old = "<pubDate>Thu, 01 Oct 2026 06:00:00 GMT</pubDate>";
    let new = "<pubDate>Sat, 28 Nov 2026 06:00:00 GMT</pubDate>";
    let early = format!("{PARTNER}[[rule]]\npublished_within_days = 7\nentitlements = [\"gold\"]\n");
    let free = "[[rule]]\nall = true\nentitlements = []";
    let run = |items: &[&str], rules: &str, allow| tagged_at("2026-11-29", &feed(items), rules, (true, allow));
    let (old_gold, new_gold) = ([old, GOLD].concat(), [new, GOLD].concat());

    // Early access is over for one of them.
    let (out, summary, log) = run(&[&old_gold, &new_gold, old], &[&early, free].concat(), false).unwrap();
    assert_eq!(out.matches("<entitlement").count(), 1);
    assert_eq!((summary.ungated, summary.left_window, summary.unchanged), (1, 1, 2));
    assert_eq!(
        log,
        "line 2: Episode 0 (g0): gold -> free [ungated, because its early access is over]\n"
    );

    // Another gate, another condition, and a rule that comes first have nothing to do with early access.
    let platinum = old_gold.replace("gold", "platinum");
    let trailer = early.replacen("published", "title_contains = \"Trailer\"\npublished", 1);
    let empty = [old, "<spotify:access/>"].concat();
    let first = format!("{PARTNER}{free}\n").replace("all = true", "title_contains = \"Episode\"")
        + early.trim_start_matches(PARTNER);
    for (item, rules) in [
        (&platinum, [&early, free].concat()),
        (&old_gold, [&trailer, free].concat()),
        (&old_gold, format!("{PARTNER}{free}")),
        (&empty, [&early, free].concat()),
        (&new_gold, first),
    ] {
        let failed = run(&[item], &rules, false).unwrap_err();
        assert!(
            failed.contains("line 2: Episode 0 (g0)") && failed.contains("--allow-ungating"),
            "{failed}"
        );
        let (out, summary, _) = run(&[item], &rules, true).unwrap();
        assert!(!out.contains("<entitlement"), "{out}");
        assert_eq!((summary.ungated, summary.left_window), (1, 0));
    }
    // Without a matching rule the gate stays.
    let (out, summary, _) = run(&[&old_gold], &early, false).unwrap();
    assert_eq!((summary.kept, out.contains(GOLD)), (1, true));
}

/// The gate `gold`, renamed.
fn gate(names: &[&str]) -> String {
    let names = names.iter().map(|name| format!("<entitlement name=\"{name}\"/>"));
    format!("<spotify:access>{}</spotify:access>", names.collect::<String>())
}

#[test]
fn each_change_is_named_and_counted() {
    let items = [
        String::new(),
        gate(&["gold"]),
        gate(&["silver"]),
        gate(&["bronze"]),
        gate(&["silver"]),
        String::new(),
        gate(&["gold", "platinum"]),
    ];
    let items: Vec<_> = items.iter().map(String::as_str).collect();
    let show = "<spotify:access><partner id=\"1111111111111111111111\"/><sandbox enabled=\"true\"/></spotify:access>";
    let feed = feed(&items).replacen("<channel>", &format!("<channel>{show}"), 1);
    let rules = format!(
        "{PARTNER}[[rule]]\nguid = [\"g0\", \"g1\", \"g3\", \"g6\"]\nentitlements = [\"gold\"]\n[[rule]]\nguid = [\"g2\"]\nentitlements = [\"gold\", \"silver\"]\n[[rule]]\nguid = [\"g4\"]\nentitlements = []"
    );
    let (_, summary, log) = tagged_at("2026-11-29", &feed, &rules, (true, true)).unwrap();
    assert_eq!(
        log.lines().collect::<Vec<_>>(),
        [
            "line 2: Episode 0 (g0): free -> gold [gated]",
            "line 4: Episode 2 (g2): silver -> gold, silver [changed]",
            "line 5: Episode 3 (g3): bronze -> gold [changed, no longer unlocked by bronze]",
            "line 6: Episode 4 (g4): silver -> free [ungated]",
            "line 8: Episode 6 (g6): gold, platinum -> gold [changed, no longer unlocked by platinum]",
        ]
    );
    let mut out = Vec::new();
    summary.print(&Rules::parse(&rules).unwrap(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    for line in [
        "summary: 1 gated, 3 changed, 1 ungated, 2 unchanged\n",
        "2 of the changed: no longer unlocked by bronze, platinum\n",
        "show: partner 1111111111111111111111 in the sandbox -> partner 0WickerlightSandbox000\n",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("soa-link-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_published_feed_keeps_its_gates_although_the_source_has_none() {
    let folder = Folder::new("published");
    let path = folder.0.join("spotify.xml");
    let old = "<pubDate>Thu, 01 Oct 2026 06:00:00 GMT</pubDate>";
    let audio = "<enclosure url=\"https://a.example/2.mp3\"/>";
    let source = feed(&[old, old, &[old, audio].concat(), old]);
    let gated = format!(
        "{PARTNER}[[rule]]\nguid = [\"g0\", \"g2\"]\nentitlements = [\"gold\"]\n[[rule]]\nguid = [\"g1\"]\nentitlements = [\"gold\", \"silver\"]\n"
    );
    let free = "[[rule]]\nall = true\nentitlements = []";
    fs::write(&path, tagged(&source, &gated, false).unwrap().0).unwrap();
    let run = |source: &str, rules: &str, allow_ungating| {
        let rules = Rules::parse(rules).unwrap();
        let published = Published::read(&path).unwrap().unwrap();
        let task = Task {
            rules: &rules,
            replace: false,
            allow_ungating,
            is_dry_run: false,
            now: time("2026-11-29").unwrap(),
            published,
        };
        tagged_by(&task, source)
    };

    let (_, summary, log) = run(&source, &gated, false).unwrap();
    assert_eq!((summary.gated, summary.unchanged, log.as_str()), (0, 4, ""));
    assert_eq!(summary.show_before.as_deref(), Some("partner 0WickerlightSandbox000"));

    // A rule that is gone, one that comes first, an episode without its guid, and a smaller set.
    let without_guid = source.replace("<guid>g2</guid>", "");
    for (source, rules, lost) in [
        (&source, PARTNER.to_owned(), "3 episodes"),
        (&source, [PARTNER, free].concat(), "3 episodes"),
        (
            &source,
            [PARTNER, free, gated.trim_start_matches(PARTNER)].join("\n"),
            "3 episodes",
        ),
        (&without_guid, gated.clone(), "1 episodes"),
        (&without_guid, [&gated, free].concat(), "1 episodes"),
    ] {
        let failed = run(source, &rules, false).unwrap_err();
        assert!(failed.contains(lost) && failed.contains("gold -> free"), "{failed}");
        assert!(run(source, &rules, true).is_ok(), "{rules}");
    }
    let (_, summary, log) = run(&source, &gated.replace(", \"silver\"", ""), false).unwrap();
    assert_eq!((summary.narrowed, summary.changed), (1, 1));
    assert!(log.contains("no longer unlocked by silver"), "{log}");

    // The end of early access needs no permission, with or without a rule for what comes after it.
    let early = format!("{PARTNER}[[rule]]\npublished_within_days = 7\nentitlements = [\"gold\"]\n");
    let new = source.replace("<guid>g1</guid>", "<guid>new</guid>");
    for rules in [early.clone(), [&early, free].concat()] {
        let (_, summary, _) = run(&new, &rules, false).unwrap();
        assert_eq!((summary.ungated, summary.left_window), (2, 2), "{rules}");
    }

    // What is not a feed has no gates, and a missing file neither.
    fs::write(&path, "before").unwrap();
    assert!(Published::read(&path).unwrap().is_none());
    fs::remove_file(&path).unwrap();
    assert!(Published::read(&path).unwrap().unwrap().show.is_none());
}

#[test]
fn a_wrong_namespace_is_not_tagged() {
    let wrong = "https://www.spotify.com/ns/rss";
    let plain = feed(&[""]);
    for feed in [
        plain.replacen("http://www.spotify", "https://www.spotify", 1),
        plain.replacen("<channel>", &format!("<channel xmlns:spotify=\"{wrong}\">"), 1),
        plain.replacen("<item>", &format!("<item xmlns:spotify=\"{wrong}\">"), 1),
        plain.replacen(
            "<item>",
            &format!("<item><access xmlns=\"{wrong}\"><entitlement name=\"gold\"/></access>"),
            1,
        ),
        plain.replacen("<item>", "<item xmlns=\"urn:x\">", 1),
    ] {
        let failed = tagged(&feed, RULES, true).unwrap_err();
        assert!(
            failed.starts_with("line ") && failed.contains("[namespace]"),
            "{failed}"
        );
    }
    for (feed, what) in [
        ("<feed xmlns=\"http://www.w3.org/2005/Atom\"/>", "not-rss"),
        ("<rss/>", "not-rss"),
        ("<rss><channel/></rss>", "not-rss"),
    ] {
        assert!(tagged(feed, RULES, true).unwrap_err().contains(what), "{feed}");
    }
}

#[test]
fn what_is_written_is_in_the_right_namespace_wherever_it_stands() {
    let rules = format!("{PARTNER}[[rule]]\nall = true\nentitlements = [\"gold\"]");
    let spotify = crate::feed::namespaces::SPOTIFY;
    let plain = "<rss><channel><item><guid>a</guid></item><item/></channel></rss>";
    for feed in [
        plain.to_owned(),
        plain.replacen("<rss>", "<rss xmlns=\"urn:rss\">", 1),
        plain
            .replacen("<rss>", &format!("<rss xmlns:sp=\"{spotify}\">"), 1)
            .replacen("<item>", "<item xmlns:sp=\"urn:x\">", 1),
        plain
            .replacen("<rss>", &format!("<rss xmlns:sp=\"{spotify}\">"), 1)
            .replacen("<channel>", "<channel xmlns:sp=\"urn:x\">", 1),
        plain.replacen(
            "<rss>",
            &format!("<rss xmlns:sp=\"{spotify}\" xmlns:spotify=\"{spotify}\">"),
            1,
        ),
        plain.replacen("<item>", &format!("<item xmlns:spotify=\"{spotify}\">"), 1),
        plain
            .replacen("<rss>", "<rss xmlns='urn:r' xmlns:r='urn:r'>", 1)
            .replacen("<item/>", "<r:item/>", 1),
    ] {
        let (out, summary) = tagged(&feed, &rules, false).unwrap();
        assert_eq!(summary.gated, 2, "{out}");
        let mut feed = Feed::new(out.as_bytes()).unwrap();
        let (mut shows, mut episodes) = (0, 0);
        while let Some(segment) = feed.next_valid().unwrap() {
            let access = match &segment.part {
                SegmentKind::Access(access) => access,
                SegmentKind::Item(item) => &item.access[0],
                _ => continue,
            };
            assert_eq!(
                access.element.space,
                crate::feed::namespaces::Namespace::Spotify,
                "{out}"
            );
            shows += access.children.iter().filter(|child| child.name == "partner").count();
            episodes += access
                .children
                .iter()
                .filter(|child| child.name == "entitlement")
                .count();
            // The children have no namespace, also below a default one.
            let has_none = |child: &Element| {
                child.attribute("xmlns") == Some("")
                    || !out.contains("xmlns=\"urn:rss\"") && !out.contains("xmlns='urn:r'")
            };
            assert!(access.children.iter().all(has_none), "{out}");
        }
        assert_eq!((shows, episodes), (1, 2), "{out}");
    }
}

#[test]
fn a_rejected_feed_leaves_no_output() {
    let Folder(folder) = &Folder::new("tag");
    let path = folder.join("spotify.xml");
    fs::write(&path, "before").unwrap();
    let failing = |file: &mut dyn Write| -> Result<(), CliError> {
        file.write_all(b"partial")?;
        Err(CliError::new("rejected"))
    };
    assert!(to_file(&path, failing).is_err());
    let mut out = Vec::new();
    assert!(to_stream(&mut out, failing).is_err());
    assert!(out.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);

    let complete = |file: &mut dyn Write| Ok(file.write_all(b"complete")?);
    to_file(&path, complete).unwrap();
    to_stream(&mut out, complete).unwrap();
    assert_eq!(out, fs::read(&path).unwrap());
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}
