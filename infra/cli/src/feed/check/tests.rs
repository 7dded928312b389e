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
