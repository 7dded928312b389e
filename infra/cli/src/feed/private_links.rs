//! Links in public texts that give access to paid audio: private feeds of the common platforms, URLs with credentials, and audio files.

use std::collections::BTreeSet;

use url::Url;

/// Upper bound of links inside links, such as `overcast://x-callback-url/add?url=…`.
const MAX_DEPTH: usize = 3;

const PASSWORD: &str = "a URL with a password";
const PRIVATE_FEED: &str = "a private feed";

const AUDIO: [&str; 9] = [".mp3", ".m4a", ".m4b", ".aac", ".ogg", ".opus", ".wav", ".flac", ".mp4"];

/// Names of query parameters that are credentials, in lower case and without `-` and `_`.
const CREDENTIALS: [&str; 21] = [
    "accesskey",
    "auth",
    "authkey",
    "authorization",
    "bearer",
    "credential",
    "feedkey",
    "hdnea",
    "hdnts",
    "hmac",
    "jwt",
    "keypairid",
    "passwd",
    "privatekey",
    "pwd",
    "rsskey",
    "sig",
    "subscriberkey",
    "tokenhash",
    "userkey",
    "xamzcredential",
];
/// Ends of such names.
const CREDENTIAL_ENDINGS: [&str; 5] = ["apikey", "password", "secret", "signature", "token"];
/// Names that are credentials if the URL is that of a feed, or the value is long.
const AMBIGUOUS_CREDENTIALS: [&str; 4] = ["key", "pass", "policy", "sign"];
/// Names that are credentials if the URL is that of a feed and the value is not guessable.
const FEED_CREDENTIALS: [&str; 12] = [
    "code",
    "hash",
    "id",
    "k",
    "member",
    "memberid",
    "s",
    "subscriber",
    "t",
    "u",
    "user",
    "userid",
];
const MIN_LONG_VALUE_CHARS: usize = 12;

/// Parts of a path that make it that of a feed.
const FEED_SEGMENTS: [&str; 5] = ["feed", "feeds", "podcast", "podcasts", "rss"];
const FEED_ENDINGS: [&str; 3] = [".atom", ".rss", ".xml"];
/// Parts of a path that mark what follows as private.
const PRIVATE_SEGMENTS: [&str; 7] = [
    "exclusive",
    "member",
    "members",
    "premium",
    "private",
    "subscriber",
    "subscribers",
];
/// Hosts of podcasts whose private feeds have such a part in the path.
const PODCAST_HOSTS: [&str; 21] = [
    "acast.com",
    "anchor.fm",
    "art19.com",
    "audioboom.com",
    "blubrry.com",
    "buzzsprout.com",
    "captivate.fm",
    "castos.com",
    "fireside.fm",
    "libsyn.com",
    "megaphone.fm",
    "omny.fm",
    "omnycontent.com",
    "podbean.com",
    "podigee.io",
    "redcircle.com",
    "rss.com",
    "simplecast.com",
    "spreaker.com",
    "substack.com",
    "transistor.fm",
];
/// First parts of the names of their hosts that serve nothing but private feeds.
const PRIVATE_LABELS: [&str; 3] = ["private", "subscriber", "subscribers"];
/// Platforms with a part of the path that marks what follows as private.
const MARKED_PATHS: [(&str, &str); 3] = [("anchor.fm", "auth"), ("podcache.net", "pf"), ("redcircle.com", "pf")];
/// Hosts that serve nothing but private feeds.
const PRIVATE_HOSTS: [&str; 4] = [
    "feeds.glow.fm",
    "feeds.supercast.com",
    "feeds.supercast.tech",
    "feeds.supportingcast.fm",
];
/// Platforms with their private feeds: the first part of the path, after which another part follows.
const PRIVATE_PATHS: [(&str, &[&str]); 11] = [
    ("supercast.com", &["episodes", "feed", "feeds", "rss"]),
    ("supercast.tech", &["episodes", "feed", "feeds", "rss"]),
    ("my.slate.com", &["subscriptions"]),
    ("supportingcast.cc", &["content"]),
    ("supportingcast.co", &["content"]),
    ("supportingcast.fm", &["content", "feed", "feeds", "rss"]),
    ("memberful.com", &["feed", "feeds", "rss"]),
    ("passport.online", &["feed"]),
    ("podcasts.helloaudio.fm", &["download", "podcast", "subscribe"]),
    ("pca.st", &["private"]),
    ("glow.fm", &["feed", "feeds", "private", "rss"]),
];

/// The links in a plain text or in HTML, also in HTML that is escaped twice. A link without a scheme gets `https`.
pub(super) fn links(text: &str) -> BTreeSet<String> {
    let text = unescaped(&unescaped(text));
    let is_end = |character: char| character.is_whitespace() || "\"'<>()[]{}|\\^`".contains(character);
    let words = text
        .split(is_end)
        .map(|word| word.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']));
    words.filter_map(link_in).collect()
}

/// The link in a word, such as `href=https://a.example/`.
fn link_in(word: &str) -> Option<String> {
    if let Some(colon) = word.find("://") {
        let is_scheme = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        let before = word.get(..colon)?;
        let start = before.trim_end_matches(is_scheme).len();
        return (start < colon).then(|| word.get(start..).map(str::to_owned)).flatten();
    }
    let word = word.trim_start_matches('/');
    let host = word.split(['/', '?']).next()?;
    let is_host = |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
    let is_link = host.len() < word.len() && host.contains('.') && host.chars().all(is_host);
    is_link.then(|| format!("https://{word}"))
}

/// Replaces the references of HTML that occur in URLs.
fn unescaped(text: &str) -> String {
    const NAMED: [(&str, char); 7] = [
        ("amp", '&'),
        ("quot", '"'),
        ("apos", '\''),
        ("lt", '<'),
        ("gt", '>'),
        ("nbsp", ' '),
        ("colon", ':'),
    ];
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let replaced = reference.and_then(|(name, after)| {
            let number = name.strip_prefix('#').map(str::to_ascii_lowercase);
            let character = match number.as_deref().map(|number| (number, number.strip_prefix('x'))) {
                Some((_, Some(digits))) => u32::from_str_radix(digits, 16).ok().and_then(char::from_u32),
                Some((digits, None)) => digits.parse().ok().and_then(char::from_u32),
                None => NAMED
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, character)| *character),
            };
            Some((character?, after))
        });
        let (character, after) = replaced.unwrap_or(('&', after));
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// What a link in public texts reveals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leak {
    /// Host of the link, the only part of it that is safe to show.
    pub(super) host: String,
    pub(super) what: &'static str,
}

impl Leak {
    /// Whether the link is meant for one person, whatever the episode is.
    pub(super) fn is_personal(&self) -> bool {
        [PASSWORD, PRIVATE_FEED].contains(&self.what)
    }

    /// A link to audio that is known to be paid.
    pub(super) fn paid_audio(link: &str) -> Self {
        let host = web_urls(link).first().map(host_of);
        Self {
            host: host.unwrap_or_else(|| "an unknown host".to_owned()),
            what: "paid audio",
        }
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("an unknown host").to_owned()
}

/// What a link in public texts reveals. Returns `None` if it is harmless.
pub(super) fn reveals(link: &str) -> Option<Leak> {
    revealed(link, 0)
}

fn revealed(link: &str, depth: usize) -> Option<Leak> {
    let urls = web_urls(link);
    let direct = urls.iter().find_map(|url| {
        let (host, what) = (host_of(url), revealed_by(url)?);
        Some(Leak { host, what })
    });
    direct.or_else(|| {
        // A link that carries another one, for example to a podcast app.
        let inner = urls.iter().flat_map(Url::query_pairs).filter(|_| depth < MAX_DEPTH);
        inner
            .filter_map(|(_, value)| link_in(&value))
            .find_map(|link| revealed(&link, depth + 1))
    })
}

/// The URLs of the web that a link stands for. Schemes of podcast apps, such as `feed:` and `pktc://subscribe/`, are replaced.
fn web_urls(link: &str) -> Vec<Url> {
    let Some((scheme, rest)) = link.split_once("://") else {
        return Vec::new();
    };
    if ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
        return Url::parse(link).into_iter().collect();
    }
    let (host, below) = rest.split_once('/').unwrap_or((rest, ""));
    // `pktc://subscribe/a.example/feed` has a command in the place of the host.
    let candidates = if host.contains('.') { [rest, ""] } else { [below, rest] };
    let parsed = candidates
        .into_iter()
        .map(|rest| Url::parse(&format!("https://{rest}")));
    parsed.filter_map(Result::ok).collect()
}

fn revealed_by(url: &Url) -> Option<&'static str> {
    let path = url.path().to_lowercase();
    if !url.username().is_empty() || url.password().is_some() {
        return Some(PASSWORD);
    }
    if is_private_feed(url, &path) {
        return Some(PRIVATE_FEED);
    }
    if AUDIO.iter().any(|ending| path.ends_with(ending)) {
        return Some("audio");
    }
    let is_feed = is_feed(&path);
    let mut pairs = url.query_pairs();
    pairs
        .any(|(name, value)| is_credential(&name, &value, is_feed))
        .then_some("a URL with a credential")
}

fn is_private_feed(url: &Url, path: &str) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let is_at = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let [first, rest @ ..] = segments.as_slice() else {
        return is_at("castos.com") && has_parameter(url, "uuid");
    };
    let begins = |known: &[&str]| known.contains(first) && !rest.is_empty();
    let after = |is_mark: &dyn Fn(&str) -> bool| {
        let mark = segments.iter().position(|segment| is_mark(segment));
        mark.and_then(|place| segments.get(place + 1))
    };
    let after_private = after(&|segment| PRIVATE_SEGMENTS.contains(&segment));
    let is_named = PRIVATE_PATHS
        .iter()
        .any(|(domain, parts)| is_at(domain) && begins(parts));
    let label = host.split('.').next();
    let is_labelled = label.is_some_and(|label| PRIVATE_LABELS.contains(&label));
    let is_marked = MARKED_PATHS
        .iter()
        .any(|(domain, mark)| is_at(domain) && after(&|segment| segment == *mark).is_some());
    is_named
        || is_marked
        || PRIVATE_HOSTS.contains(&host)
        || PODCAST_HOSTS.iter().any(|domain| is_at(domain)) && (is_labelled || after_private.is_some())
        || after_private.is_some_and(|token| is_secret(token))
        || is_at("patreon.com") && *first == "rss" && url.query().is_some()
        || is_at("app.helloaudio.fm") && begins(&["feed"]) && segments.last() != Some(&"signup")
        || is_at("podcasts.helloaudio.fm") && has_parameter(url, "code")
        || is_at("access.acast.com") && rest.get(1).is_some_and(|token| *token != "default")
        || is_at("feed.pod.co") && rest.first().is_some_and(|token| is_secret(token))
        || is_at("feeds.npr.org") && has_parameter(url, "uid")
        || is_at("soundcloud.com") && rest.last().is_some_and(|secret| secret.starts_with("s-"))
        || is_at("overcast.fm") && is_overcast_private(first)
        || (is_at("castos.com") || is_feed(path)) && has_parameter(url, "uuid")
}

/// Whether this is the path of a private feed at Overcast: `p123456-AbCdEf`.
fn is_overcast_private(segment: &str) -> bool {
    let number = segment.strip_prefix('p').and_then(|rest| rest.split_once('-'));
    number.is_some_and(|(digits, _)| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

fn has_parameter(url: &Url, wanted: &str) -> bool {
    url.query_pairs()
        .any(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_empty())
}

fn is_feed(path: &str) -> bool {
    path.split('/').any(|segment| FEED_SEGMENTS.contains(&segment))
        || FEED_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn is_credential(name: &str, value: &str, is_feed: bool) -> bool {
    let name: String = name.to_lowercase().replace(['-', '_'], "");
    let name = name.as_str();
    if value.is_empty() {
        return false;
    }
    CREDENTIALS.contains(&name)
        || CREDENTIAL_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || AMBIGUOUS_CREDENTIALS.contains(&name) && (is_feed || value.chars().count() >= MIN_LONG_VALUE_CHARS)
        || is_feed && FEED_CREDENTIALS.contains(&name) && is_secret(value)
}

/// Whether a text looks like a token: at least 16 letters, digits, `-` and `_`, and an ending like `.rss`. One part without `-` and `_` has ten characters or more,
/// with both letters and digits, which the words of a title do not have.
fn is_secret(text: &str) -> bool {
    let stem = FEED_ENDINGS
        .iter()
        .find_map(|ending| text.strip_suffix(ending))
        .unwrap_or(text);
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let is_mixed = |part: &str| {
        let has = |is_kind: fn(&u8) -> bool| part.as_bytes().iter().any(is_kind);
        part.len() >= 10 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    };
    stem.len() >= 16 && stem.chars().all(is_part) && stem.split(['-', '_']).any(is_mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&'static str> {
        let leaks = links(text);
        leaks
            .iter()
            .filter_map(|link| reveals(link))
            .map(|leak| leak.what)
            .collect()
    }

    #[test]
    fn private_feeds_of_the_common_platforms_are_recognized() {
        for link in [
            "https://www.patreon.com/rss/exampleshow?auth=SECRETSECRETSECRET",
            "https://patreon.com/rss/exampleshow?show=1&auth=SECRET",
            "https://api.substack.com/feed/podcast/123456/private/aaaabbbb-cccc-dddd-eeee-ffff00001111.rss",
            "https://api.substack.com/feed/podcast/123456/s/7890/private/aaaabbbb-cccc-dddd-eeee-ffff00001111.rss",
            "https://author.substack.com/feed/private/deadbeefcafe1234",
            "https://exampleshow.supercast.tech/feeds/abcdefghijklmnopqrstuvwx",
            "https://exampleshow.supercast.com/feeds/abcdefghijklmnopqrstuvwx",
            "https://feeds.supercast.com/episodes/abcdef.rss",
            "https://exampleshow.supportingcast.fm/content/eyJ0IjoicCIsImMiOiIxNDc3In0.rss",
            "https://example.memberful.com/rss/1234?auth=abcdef",
            "https://example.memberful.com/rss/feed",
            "https://subscribers.transistor.fm/b390b1089a13f0",
            "https://example.castos.com/feed?uuid=aaaabbbb-cccc-dddd-eeee-ffff00001111",
            "https://feeds.castos.com/abc12?uuid=aaaabbbb",
            "https://podcasts.helloaudio.fm/podcast/8b5de66f-dd99-4ccd-be0a-088c2553719e/Gx891ivJLp",
            "https://podcasts.helloaudio.fm/subscribe/8b5de66f-dd99-4ccd-be0a-088c2553719e/Gx891ivJLp",
            "https://podcasts.helloaudio.fm/playlistPlayer?feedId=1a28ab97&code=6CBnWI2OX6",
            "https://app.helloaudio.fm/feed/f9f9f744-6a84-4a6f-bd1d-56ec13f99dc6/rss",
            "https://stratechery.passport.online/feed/podcast/2veiQRnCGxpwgPx1N8i91Q",
            "https://steadyhq.com/rss/example?auth=6d58b391-156a-4e88-93ff-3fe773f4394d",
            "https://access.acast.com/rss/632090bb4d259900133e31a5/q7wk2",
            "https://feeds.acast.com/private/shows/abc?token=x",
            "https://feeds.redcircle.com/ab71928c-8c79-46b9-a324-0d82a84b3254/pf/f9b2c1",
            "https://api.podcache.net/shows/ab71928c-8c79-46b9-a324-0d82a84b3254/pf/f9b2c1",
            "https://anchor.fm/s/1a2b3c4d/podcast/auth/abcdef",
            "https://anchor.fm/s/1a2b3c4d/podcast/private/rss?token=abcdef",
            "https://feed.pod.co/ab71928c-8c79-46b9-a324-0d82a84b3254/f9f9f744-6a84-4a6f-bd1d-56ec13f99dc6",
            "https://feeds.npr.org/510289/podcast.xml?uid=abcdef",
            "https://my.slate.com/subscriptions/abcdef/feed.xml",
            "https://example.memberfulcontent.com/rss/1234?auth=abcdef",
            "https://exampleshow.supportingcast.co/content/eyJ0IjoicCIsImMiOiIxNDc3In0.rss",
            "https://rss.nebula.app/audio/channels/example.rss?token=abcdef",
            "https://feeds.simplecast.com/private/AbCdEf",
            "https://private.captivate.fm/example/abcdef",
            "https://private.transistor.fm/abcdef",
            "https://soundcloud.com/example/episode-1/s-AbCdEfGhIjK",
            "https://example.substack.com/feed/podcast/123/private/1f2e3d4c-5b6a-7089-90ab-cdef01234567.rss",
            "https://access.acast.com/rss/632090bb4d259900133e31a5/a8f3c0d17be94c6f",
            "https://feeds.captivate.fm/private/example",
            "https://feeds.buzzsprout.com/private/123.rss",
            "https://pca.st/private/ebec3590-1d97-013b-05db-0acc26574db2",
            "https://overcast.fm/p1234567-AbCdEf",
            "https://blog.ghost.io/rss/?uuid=1f2e3d4c-5b6a-7089-90ab-cdef01234567",
            "https://news.example/private/9f8e7d6c5b4a39281706f5e4d3c2b1a0/feed.xml",
        ] {
            assert_eq!(found(link).len(), 1, "{link}");
        }
    }

    #[test]
    fn public_pages_and_feeds_of_the_same_platforms_are_harmless() {
        for link in [
            "https://www.patreon.com/exampleshow",
            "https://www.patreon.com/exampleshow?utm_source=feed&utm_campaign=x",
            "https://www.patreon.com/posts/episode-12-345678",
            "https://api.substack.com/feed/podcast/69345.rss",
            "https://author.substack.com/p/episode?utm_medium=podcast",
            "https://exampleshow.supercast.com/",
            "https://exampleshow.supercast.com/subscriptions/new",
            "https://exampleshow.supportingcast.fm/products",
            "https://memberful.com/podcasts",
            "https://example.memberful.com/checkout?plan=1234",
            "https://feeds.transistor.fm/exampleshow?utm_source=x",
            "https://example.castos.com/feed",
            "https://app.helloaudio.fm/feed/f9f9f744-6a84-4a6f-bd1d-56ec13f99dc6/signup",
            "https://plus.acast.com/s/exampleshow",
            "https://feeds.acast.com/public/shows/5e7b777ba085cbe7192b0607",
            "https://access.acast.com/rss/d556eb54-6160-4c85-95f4-47d9f5216c49",
            "https://access.acast.com/rss/632090bb4d259900133e31a5/default",
            "https://steadyhq.com/en/example/about",
            "https://glow.fm/exampleshow/",
            "https://example.buzzsprout.com/subscribe",
            "https://www.podbean.com/premium-podcast/example",
            "https://redcircle.com/shows/ab71928c-8c79-46b9-a324-0d82a84b3254",
            "https://feeds.redcircle.com/ab71928c-8c79-46b9-a324-0d82a84b3254",
            "https://feed.pod.co/example-show",
            "https://feeds.npr.org/510289/podcast.xml",
            "https://anchor.fm/s/1a2b3c4d/podcast/rss",
            "https://feeds.megaphone.fm/ABC1234567890123",
            "https://feeds.simplecast.com/54nAGcIl",
            "https://www.omnycontent.com/d/playlist/e73c998e-6e60-432f-8610-ae210140c5b1/a91018a4-ea4f-4130/podcast.rss",
            "https://feeds.buzzsprout.com/123456.rss",
            "https://feeds.captivate.fm/example/",
            "https://feed.podbean.com/example/feed.xml",
            "https://www.spreaker.com/show/1234567/episodes/feed",
            "https://example.libsyn.com/rss",
            "https://feeds.soundcloud.com/users/soundcloud:users:1234567/sounds.rss",
            "https://www.youtube.com/feeds/videos.xml?channel_id=UC9AHywQeW9BOcOl7dg1YMqA",
            "https://example.com/premium/top-10-tips-for-podcasters-in-2026",
            "https://example.com/members/spring-sale-2026-tickets",
            "https://tickets.example/buy?pass=weekend",
            "https://overcast.fm/itunes1234567/exampleshow",
            "https://podcasts.apple.com/us/podcast/example/id1234567?i=1000746918090",
            "https://open.spotify.com/show/4rOoJ6Egrf8K2IrywzwOMk?si=abcdef0123456789",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=42",
            "https://example.com/privacy?policy=cookies",
            "https://example.com/horoscope?sign=leo",
            "https://example.com/chords?key=Cmajor",
            "https://example.com/private/policy",
            "https://example.com/members",
            "https://example.com/about?token=",
            "https://medium.com/@example/post",
            "mailto:show@example.com",
            "and/or e.g. this, 24/7 or v1.2/v1.3",
        ] {
            assert!(found(link).is_empty(), "{link}: {:?}", found(link));
        }
    }

    #[test]
    fn credentials_and_audio_are_recognized_at_any_host() {
        for (link, why) in [
            ("https://user:pass@feeds.example.com/show.xml", "a URL with a password"),
            ("https://token@feeds.example.com/show.xml", "a URL with a password"),
            ("https://a.example/p?access_token=SECRET", "a URL with a credential"),
            ("https://a.example/p?AUTH=SECRET", "a URL with a credential"),
            ("https://a.example/p?member-token=SECRET", "a URL with a credential"),
            (
                "https://a.example/p?x=1&X-Amz-Signature=SECRET",
                "a URL with a credential",
            ),
            ("https://a.example/feed.xml?key=abc", "a URL with a credential"),
            ("https://a.example/rss?t=a8f3c0d17be94c6f", "a URL with a credential"),
            ("https://a.example/x.M4A", "audio"),
        ] {
            assert_eq!(found(link), [why], "{link}");
        }
    }

    #[test]
    fn a_private_link_is_found_in_every_form() {
        let link = "www.patreon.com/rss/show?auth=SECRET";
        for text in [
            format!("Listen: https://{link}."),
            format!("HTTPS://{}", link.to_uppercase()),
            format!("<a href=\"https://{link}\">feed</a>"),
            format!("<a href=https://{link}>feed</a>"),
            format!("&lt;a href=&quot;https:&#x2F;&#47;{link}&amp;quot;>"),
            format!("[feed](https://{link})"),
            format!("feed://{link}"),
            format!("feed:https://{link}"),
            format!("podcast://{link}"),
            format!("itpc://{link}"),
            format!("pcast://{link}"),
            format!("pktc://subscribe/{link}"),
            link.to_owned(),
            format!("//{link}"),
            "overcast://x-callback-url/add?url=https%3A%2F%2Fwww.patreon.com%2Frss%2Fshow%3Fauth%3DSECRET".to_owned(),
            "https://www.google.com/url?q=https%3A%2F%2Fwww.patreon.com%2Frss%2Fshow%3Fauth%3DSECRET&sa=D".to_owned(),
        ] {
            assert_eq!(found(&text), ["a private feed"], "{text}");
            let leaks: Vec<_> = links(&text).iter().filter_map(|link| reveals(link)).collect();
            assert_eq!(
                leaks.first().map(|leak| leak.host.as_str()),
                Some("www.patreon.com"),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a-z:/?&;=#%.@ \u{e9}]{0,60}", other in ".{0,30}") {
            for text in [text, other] {
                let _ = (found(&text), Leak::paid_audio(&text));
            }
        }
    }
}
