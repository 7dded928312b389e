use proptest::prelude::*;

use super::*;
use crate::feed::namespaces::SPOTIFY;

const SHOW: &str = "<spotify:access><partner id=\"0WickerlightSandbox000\"/></spotify:access>";
const GOLD: &str = "<spotify:access><entitlement name=\"gold\"/></spotify:access>";
const HEAD: &str = "<title>T</title><description>D</description><itunes:author>A</itunes:author><itunes:image href=\"https://a.example/c.jpg\"/>";

fn item(guid: &str, more: &str) -> String {
    format!(
        "<item><title>{guid}</title><guid>{guid}</guid><pubDate>Tue, 24 Nov 2026 06:00:00 +0000</pubDate><enclosure url=\"https://a.example/{guid}.mp3\"/>{more}</item>"
    )
}

fn feed(channel: &str) -> String {
    format!(
        "<rss xmlns:spotify=\"{SPOTIFY}\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel>{channel}</channel></rss>"
    )
}

fn checked<'a>(feed: &'a str, check: Check<'a>) -> Check<'a> {
    check.all(feed.as_bytes()).unwrap()
}

fn rules(feed: &str) -> Vec<&'static str> {
    let check = checked(feed, Check::default());
    let mut out = Vec::new();
    check.print(&mut out).unwrap();
    assert_eq!(
        check.document()["findings"].as_array().unwrap().len(),
        check.found.shown.len()
    );
    check.found.shown.iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_correct_feed_has_no_findings() {
    let good = [HEAD, SHOW, &item("a", GOLD), &item("b", "")].concat();
    assert!(rules(&feed(&good)).is_empty());
    assert!(
        rules(&feed(&[HEAD, &item("a", "")].concat())).is_empty(),
        "a feed without gated episodes needs no partner"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line for each mistake")]
fn each_mistake_is_found_by_its_rule() {
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
            feed(
                &[
                    HEAD,
                    "<item><title>t</title><guid>g</guid><enclosure url=\" \"/></item>",
                ]
                .concat(),
            ),
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
        ("<rss><channel>".to_owned(), "not-well-formed"),
        ("<r:rss xmlns:r=\"urn:r\"/>".to_owned(), "not-rss"),
        (feed(HEAD), "no-episodes"),
        ("<rss/>".to_owned(), "not-rss"),
        (format!("<!DOCTYPE rss [<!ENTITY a \"b\">]>{}", feed(HEAD)), "doctype"),
        (
            feed(&[HEAD, SHOW, &item("a", GOLD)].concat()).replace("www.spotify.com/ns", "spotify.com/ns"),
            "namespace",
        ),
        (
            feed(&[HEAD, SHOW, &item("a", GOLD)].concat()).replace(&format!("xmlns:spotify=\"{SPOTIFY}\""), ""),
            "not-well-formed",
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
fn a_link_to_paid_audio_in_public_notes_is_found_and_not_printed() {
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
        // Notes of a free episode may link to audio.
        assert!(!rules(&feed.replace(GOLD, "")).contains(&"leak-in-notes"));
    }
}

#[test]
fn a_link_to_paid_audio_of_a_later_episode_is_found() {
    let audio = "https://a.example/listen/7";
    let notes = format!("{GOLD}<description>Next week: {audio}</description>");
    let later = item("b", GOLD).replace("https://a.example/b.mp3", audio);
    let both = feed(&[HEAD, SHOW, &item("a", &notes), &later].concat());
    assert_eq!(rules(&both), ["leak-in-notes"]);
    assert!(rules(&both.replace(&later, &item("b", GOLD))).is_empty());
}

#[test]
fn unheld_entitlements_and_locked_episodes_are_found_with_known_entitlements() {
    let both = "<spotify:access><entitlement name=\"gold\"/><entitlement name=\"bronze\"/></spotify:access>";
    let lead = GOLD.replace("gold", "lead");
    let feed = feed(&[HEAD, SHOW, &item("a", both), &item("b", &lead), &item("c", &lead)].concat());
    let held = BTreeSet::from(["gold".to_owned()]);
    let check = checked(
        &feed,
        Check {
            known_entitlements: Some(held),
            strict: true,
            ..Check::default()
        },
    );
    let found: Vec<_> = check.found.shown.iter().map(|finding| finding.rule).collect();
    assert_eq!(
        found,
        [
            "unheld-entitlement",
            "unheld-entitlement",
            "locked-for-all",
            "sets-differ",
            "locked-for-all"
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
    fn no_feed_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[<>/a-z:=\"'&;! -]{0,200}") {
        for feed in [bytes, text.clone().into_bytes(), feed(&text).into_bytes()] {
            let check = Check::default().all(feed.as_slice()).unwrap();
            check.print(&mut Vec::new()).unwrap();
        }
    }
}

#[test]
fn frequent_findings_are_shown_up_to_a_limit_and_counted_exactly() {
    let items: String = (0..50).map(|n| item(&n.to_string(), "<spotify:access/>")).collect();
    let text = feed(&[HEAD, SHOW, &items].concat());
    let check = checked(&text, Check::default());
    assert_eq!((check.found.shown.len(), check.found.errors), (MAX_SHOWN, 50));
}

/// A feed with a show and one gated episode, in which `from` is replaced by `to`.
fn gated_with(from: &str, to: &str) -> String {
    let feed = feed(&[HEAD, SHOW, &item("a", GOLD)].concat());
    assert!(feed.contains(from), "{from}");
    feed.replacen(from, to, 1)
}

#[test]
fn a_wrong_namespace_is_found_wherever_it_stands() {
    let declaration = format!("xmlns:spotify=\"{SPOTIFY}\"");
    let default = |uri: &str| format!("<access xmlns=\"{uri}\"><entitlement name=\"gold\"/></access>");
    for feed in [
        gated_with(SPOTIFY, "https://www.spotify.com/ns/rss"),
        gated_with(SPOTIFY, "http://www.spotify.com/ns/rss/"),
        gated_with(SPOTIFY, "http://www.spotify.com/NS/rss"),
        gated_with(SPOTIFY, "http://www.spotify.com/ns/rss "),
        gated_with(SPOTIFY, "urn:x"),
        gated_with(
            "<channel>",
            "<channel xmlns:spotify=\"https://www.spotify.com/ns/rss\">",
        ),
        gated_with("<item>", "<item xmlns:spotify=\"http://spotify.com/ns/rss\">"),
        gated_with(
            GOLD,
            &GOLD
                .replace(":access>", ":access xmlns:spotify=\"urn:x\">")
                .replace("</spotify:access xmlns:spotify=\"urn:x\">", "</spotify:access>"),
        ),
        gated_with(GOLD, &default("https://www.spotify.com/ns/rss")),
        gated_with(GOLD, &default("urn:x")),
        gated_with(GOLD, "<access><entitlement name=\"gold\"/></access>"),
        gated_with(
            GOLD,
            "<sp:access xmlns:sp=\"urn:x\"><entitlement name=\"gold\"/></sp:access>",
        ),
        gated_with(SHOW, "<access><partner id=\"0WickerlightSandbox000\"/></access>"),
        gated_with(
            HEAD,
            &[HEAD, "<spotify:limit xmlns:spotify=\"urn:x\" recentCount=\"3\"/>"].concat(),
        ),
        gated_with("<item>", "<item xmlns=\"urn:x\">"),
        gated_with("<channel>", "<channel xmlns=\"urn:x\">"),
        gated_with("<rss ", &format!("<rss xmlns=\"{SPOTIFY}/\" ")),
    ] {
        assert!(rules(&feed).contains(&"namespace"), "{feed}: {:?}", rules(&feed));
        assert_eq!(
            checked(&feed, Check::default()).found.counts.get("empty-block"),
            None,
            "{feed}"
        );
    }
    for (from, to, line) in [
        ("<rss ", format!("\n<rss xmlns=\"{SPOTIFY}\" "), 2),
        ("<channel>", format!("\n<channel xmlns=\"{SPOTIFY}\">"), 2),
        ("<channel>", "\n<channel xmlns=\"urn:x\">".to_owned(), 2),
        ("<item>", format!("\n<item xmlns=\"{SPOTIFY}\">"), 2),
        ("<item>", "\n<item xmlns=\"urn:x\">".to_owned(), 2),
    ] {
        let feed = gated_with(from, &to);
        let check = checked(&feed, Check::default());
        let findings: Vec<_> = check
            .found
            .shown
            .iter()
            .map(|finding| (finding.rule, finding.line))
            .collect();
        assert_eq!(findings, [("namespace", line)], "{feed}");
    }
    // The right namespace, under any prefix and at any level.
    for feed in [
        gated_with("<channel>", &format!("<channel {declaration}>")),
        gated_with("<item>", &format!("<item {declaration}>")),
        gated_with(
            "<item>",
            "<item xmlns:media=\"urn:x\"><media:access><media:x/></media:access><media:item/>",
        ),
        gated_with("<item>", "<item><access>free for all</access>"),
        gated_with(SPOTIFY, &SPOTIFY.replace('s', "&#115;")),
        gated_with(
            GOLD,
            &format!("<access xmlns=\"{SPOTIFY}\"><entitlement xmlns=\"\" name=\"gold\"/></access>"),
        ),
    ] {
        let found: Vec<_> = rules(&feed).into_iter().filter(|rule| *rule != "prefix").collect();
        assert!(found.is_empty(), "{feed}: {found:?}");
    }
    // The children have no namespace, whether by a prefix or by a default.
    let default = gated_with(GOLD, &default(SPOTIFY));
    assert!(rules(&default).contains(&"prefixed-child"), "{:?}", rules(&default));
}

#[test]
fn elements_are_compared_by_namespace_and_not_by_prefix() {
    let apple = "xmlns:i=\"http://www.itunes.com/DTDs/Podcast-1.0.dtd\"";
    let other_prefix = HEAD
        .replace("<itunes:author", &format!("<i:author {apple}"))
        .replace("</itunes:author", "</i:author");
    assert!(rules(&feed(&(other_prefix + &item("a", "")))).is_empty());
    for (from, to, rule) in [
        ("<title>a</title>", "<itunes:title>a</itunes:title>", "title"),
        (
            "<title>a</title>",
            "<m:title xmlns:m=\"http://search.yahoo.com/mrss/\">a</m:title>",
            "title",
        ),
        ("<title>a</title>", "<title xmlns=\"urn:x\">a</title>", "title"),
        ("<guid>a</guid>", "<itunes:guid>a</itunes:guid>", "guid"),
        ("<enclosure ", "<content:enclosure ", "enclosure"),
        ("<pubDate>", "<pubDate xmlns=\"urn:x\">", "date-missing"),
        ("<itunes:author>A", "<itunes:author xmlns:itunes=\"urn:x\">A", "author"),
        (
            "<description>D</description>",
            "<itunes:description>D</itunes:description>",
            "description",
        ),
    ] {
        let feed = gated_with(from, to);
        assert_eq!(rules(&feed), [rule], "{feed}");
    }
    // Some feeds have a default namespace on the root element, which is then that of RSS.
    let userland = gated_with("<rss ", "<rss xmlns=\"http://backend.userland.com/rss2\" ");
    assert!(rules(&userland).contains(&"rss-namespace"), "{:?}", rules(&userland));
    assert!(!rules(&userland).contains(&"title"));
}

#[test]
fn a_date_or_season_that_cannot_be_read_is_a_warning() {
    let date = "<pubDate>Tue, 24 Nov 2026 06:00:00 +0000</pubDate>";
    let dc = |text: &str| format!("<dc:date xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{text}</dc:date>");
    let podcast = |space: &str| format!("<podcast:season xmlns:podcast=\"{space}\" name=\"Two\">2</podcast:season>");
    let current = podcast("https://podcastindex.org/namespace/1.0");
    for (text, expected) in [
        (String::new(), Some("date-missing")),
        ("<pubDate> </pubDate>".to_owned(), Some("date-missing")),
        ("<pubDate>soon</pubDate>".to_owned(), Some("date-unreadable")),
        (
            "<pubDate>Tue, 24 Nov 2026 34:50:00 -0400</pubDate>".to_owned(),
            Some("date-unreadable"),
        ),
        (
            [date, "<pubDate>2026-11-25</pubDate>"].concat(),
            Some("date-unreadable"),
        ),
        (
            ["<pubDate>03/04/2026</pubDate>", &dc("2026-03-04")].concat(),
            Some("date-unreadable"),
        ),
        (dc("soon"), Some("date-unreadable")),
        (dc("2026-11-24"), None),
        (["<pubDate/>", &dc("2026-11-24")].concat(), None),
        ([date, date].concat(), None),
        (
            [date, "<itunes:season>two</itunes:season>"].concat(),
            Some("season-unreadable"),
        ),
        (
            [date, "<itunes:season>3</itunes:season>", &current].concat(),
            Some("season-unreadable"),
        ),
        (
            [date, "<itunes:season>Season 2</itunes:season>", &current].concat(),
            None,
        ),
        ([date, "<itunes:season/>"].concat(), None),
        (
            [
                date,
                &podcast("https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md"),
            ]
            .concat(),
            None,
        ),
    ] {
        let feed = gated_with(date, &text);
        assert_eq!(rules(&feed).first().copied(), expected, "{text}");
        assert_eq!(checked(&feed, Check::default()).found.errors, 0, "{text}");
    }
}

#[test]
fn paid_audio_needs_an_https_url_in_any_spelling() {
    let url = "https://a.example/a.mp3";
    for (other, is_secure) in [
        ("https://a.example/b", true),
        (" https://a.example/b\n", true),
        ("HTTPS://A.EXAMPLE/b", true),
        ("http://a.example/b", false),
        (" http://a.example/b", false),
        ("\n\thttp://a.example/b", false),
        ("HTTP://a.example/b", false),
        ("Http://a.example/b", false),
        ("//a.example/b", false),
        ("ftp://a.example/b", false),
        ("b.mp3", false),
        ("&#104;ttp://a.example/b", false),
    ] {
        let feed = gated_with(url, other);
        assert_eq!(!rules(&feed).contains(&"insecure-audio"), is_secure, "{other}");
    }
}

#[test]
fn a_private_feed_in_public_texts_is_found_by_its_form() {
    for link in [
        "https://www.patreon.com/rss/exampleshow?auth=SECRETSECRETSECRET",
        "https://api.substack.com/feed/podcast/123456/private/aaaabbbb-SECRET-dddd-eeee-ffff00001111.rss",
        "https://exampleshow.supercast.tech/feeds/SECRETghijklmnopqrstuvwx",
        "https://example.castos.com/feed?uuid=aaaabbbb-SECRET-dddd-eeee-ffff00001111",
        "https://user:SECRET@feeds.example.com/show.xml",
    ] {
        let texts = [
            format!("<description><![CDATA[<a href=\"{link}\">ad-free feed</a>]]></description>"),
            format!("<itunes:subtitle>{link}</itunes:subtitle>"),
            format!("<itunes:title>{link}</itunes:title>"),
        ];
        for text in texts {
            let feed = gated_with(GOLD, &[&text, GOLD].concat());
            assert_eq!(rules(&feed), ["leak-in-notes"], "{text}");
            let check = checked(&feed, Check::default());
            let mut out = Vec::new();
            check.print(&mut out).unwrap();
            let shown = format!("{} {}", check.document(), String::from_utf8(out).unwrap());
            assert!(!shown.contains("SECRET"), "{shown}");
        }
        // The texts of the show are public, too.
        let show = gated_with("<description>D", &format!("<description>D {link}"));
        assert_eq!(rules(&show), ["leak-in-notes"], "{link}");
    }
    // Free episodes have public notes, too; their own audio is free.
    let free = |notes: &str| {
        let free = item("b", &format!("<description>{notes}</description>"));
        feed(&[HEAD, SHOW, &free, &item("a", GOLD)].concat())
    };
    assert_eq!(rules(&free("https://feeds.supercast.com/SECRET")), ["leak-in-notes"]);
    assert_eq!(rules(&free("https://a.example/a.mp3")), ["leak-in-notes"]);
    assert!(rules(&free("https://a.example/b.mp3 https://a.example/c?token=x")).is_empty());
    let public = "https://www.patreon.com/exampleshow?utm_source=notes";
    let feed = gated_with("<description>D", &format!("<description>D {public}"));
    assert!(rules(&feed).is_empty(), "{public}");
}

#[test]
fn a_feed_that_is_not_well_formed_has_its_line_and_the_fix_that_mends_it() {
    for (from, to, what, fix) in [
        ("<title>a", "<title>\na & b", "bare &", "&amp;"),
        ("<title>a", "\n<title>a?x=1&y=2;", "bare &", "&amp;"),
        ("a.mp3", "a.mp3?x=1\n&y=2", "bare &", "&amp;"),
        ("<title>a", "\n<title>a&nbsp;b", "nbsp", "&#160;"),
        ("<title>a", "\n<title>\u{8}", "U+0008", "Remove"),
        ("<title>a", "\n<title>&#8;", "U+0008", "Remove"),
        ("<guid>a", "\n<media:x/><guid>a", "media", "xmlns:media"),
        ("<guid>a", "\n<x media:y='z'/><guid>a", "media", "xmlns:media"),
        ("<guid>a", "\n<x a='1'b='2'/><guid>a", "tag", "white space"),
        ("<guid>a", "\n<x a='1' a='2'/><guid>a", "repeated", "white space"),
        ("<guid>a", "\n<x a=1/><guid>a", "attribute", "quotes"),
        ("<guid>a", "\n<x a='<'/><guid>a", "<", "&lt;"),
        ("<guid>a", "\n<guid>]]>", "]]>", "]]&gt;"),
        ("<guid>a", "\n<!-- a -- b --><guid>a", "--", "comment"),
        ("<guid>a", "\n<guid>a</b>", "end tag", "order"),
        ("<guid>a", "\n<x a='1' b=/c'/><guid>a", "tag", "quotes"),
        ("<guid>a", "\n<![CDAT[x]]><guid>a", "CDATA", "<![CDATA["),
        ("<guid>a", "\n<!- x --><guid>a", "comment", "<!--"),
        ("<guid>a", "\n<guid>1 < 2", "<", "&lt;"),
    ] {
        let check = gated_with(from, to);
        let check = checked(&check, Check::default());
        let [finding] = check.found.shown.as_slice() else {
            panic!("{to}: {:?}", check.found.shown);
        };
        assert_eq!(
            (finding.rule, finding.line),
            ("not-well-formed", 2),
            "{to}: {finding:?}"
        );
        assert!(
            finding.what.contains(what) && finding.mend.contains(fix),
            "{to}: {finding:?}"
        );
    }
}

#[test]
fn a_file_that_is_no_feed_is_named_as_what_it_is() {
    let utf16: Vec<u8> = "\u{feff}<rss/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>\n<rss>\u{e9}</rss>").into_bytes();
    for (file, what, fix) in [
        (b"{\"error\":\"not found\"}".to_vec(), "JSON", "Fetch the feed"),
        (b"\n [1]".to_vec(), "JSON", "Fetch the feed"),
        (b"<!doctype HTML>\n<html><br></html>".to_vec(), "HTML", "Fetch the feed"),
        (b"<html><body><p>x & y</body></html>".to_vec(), "HTML", "Fetch the feed"),
        (b"<!DOCTYPE html><html/>".to_vec(), "HTML", "Fetch the feed"),
        (
            b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
            "not rss",
            "Fetch the feed",
        ),
        (
            b"Warning: x in y\n<?xml version=\"1.0\"?><rss/>".to_vec(),
            "before the feed",
            "Remove",
        ),
        ("\u{feff}\u{feff}<rss/>".into(), "before the feed", "Remove"),
        (b"<br />\n<b>Warning</b>: x<rss/>".to_vec(), "outside", "Remove"),
        (b"<rss/>\n<?xml version=\"1.0\"?><rss/>".to_vec(), "outside", "Remove"),
        (b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), "gzip", "Decompress"),
        (b"PK\x03\x04\0\0".to_vec(), "zip", "Decompress"),
        (Vec::new(), "empty", "Fetch the feed"),
        (b" \n".to_vec(), "empty", "Fetch the feed"),
        (b"ID3\x04".to_vec(), "not XML", "Fetch the feed"),
        (utf16, "UTF-16", "UTF-8"),
        (b"\0<\0r\0s\0s\0/\0>".to_vec(), "UTF-16", "UTF-8"),
        (declared("ISO-8859-1"), "iso-8859-1", "Save the feed as UTF-8"),
        (declared("windows-1252"), "windows-1252", "Save the feed as UTF-8"),
        (declared("UTF-16"), "utf-16", "Save the feed as UTF-8"),
        (
            b"<?xml version='1.0' encoding='ISO-8859-1'?><rss>Caf\xe9</rss>".to_vec(),
            "iso-8859-1",
            "Save the feed as UTF-8",
        ),
        (
            b"<rss>\n\n<a>Caf\xe9</a>\n</rss>".to_vec(),
            "UTF-8",
            "Save the feed as UTF-8",
        ),
        (
            b"<feed xmlns=\"http://www.w3.org/2005/Atom\"/>".to_vec(),
            "Atom",
            "<rss>",
        ),
    ] {
        let check = Check::default().all(file.as_slice()).unwrap();
        let finding = check
            .found
            .shown
            .iter()
            .find(|finding| finding.severity == "error")
            .unwrap();
        assert!(
            finding.what.contains(what) && finding.mend.contains(fix),
            "{what}: {finding:?}"
        );
    }
    let check = Check::default()
        .all(b"<rss>\n\n<a>Caf\xe9</a>\n</rss>".as_slice())
        .unwrap();
    assert_eq!(check.found.shown.first().map(|finding| finding.line), Some(3));
}
