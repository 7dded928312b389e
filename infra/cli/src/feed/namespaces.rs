//! The namespaces of a podcast feed. Names are compared by namespace, never by prefix.

use quick_xml::{
    escape::unescape,
    name::{Namespace as Uri, ResolveResult},
};

/// Spotify's XML namespace, exactly (Content Management, "RSS").
pub(super) const SPOTIFY: &str = "http://www.spotify.com/ns/rss";
const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
/// The Podcasting 2.0 namespace, and the address that some feeds declare instead.
const PODCAST: [&str; 2] = [
    "https://podcastindex.org/namespace/1.0",
    "https://github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md",
];

/// The namespace of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// The namespace of the root element. RSS has no namespace.
    Rss,
    Spotify,
    /// Meant as Spotify's, but another one.
    NotSpotify,
    Itunes,
    Content,
    Podcast,
    DublinCore,
    Other,
}

impl Namespace {
    /// The namespace `uri`, which `prefix` stands for, in a document whose root element has the namespace `rss`. The empty text means no namespace.
    pub(super) fn of(uri: &str, prefix: Option<&str>, rss: &str) -> Self {
        let lower = uri.to_ascii_lowercase();
        if uri == SPOTIFY {
            Self::Spotify
        } else if is_meant_as_spotify(uri, prefix) {
            Self::NotSpotify
        } else if uri == rss {
            Self::Rss
        } else if lower.contains("itunes.com/dtds/podcast") {
            // Apple's documentation and common feeds differ in upper and lower case.
            Self::Itunes
        } else if uri == CONTENT {
            Self::Content
        } else if PODCAST.contains(&lower.as_str()) {
            Self::Podcast
        } else if uri == DUBLIN_CORE {
            Self::DublinCore
        } else {
            Self::Other
        }
    }
}

/// Whether a declaration was meant to be that of Spotify's namespace, and is not.
pub(super) fn is_meant_as_spotify(uri: &str, prefix: Option<&str>) -> bool {
    let has_prefix = prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("spotify"));
    uri != SPOTIFY && (has_prefix || uri.to_ascii_lowercase().contains("spotify.com"))
}

/// The namespace that a name resolves to, or the prefix that is not declared. The empty text means no namespace.
pub(super) fn uri_of(result: ResolveResult<'_>) -> Result<String, String> {
    match result {
        ResolveResult::Bound(uri) => Ok(replaced(uri)),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(prefix),
    }
}

/// A namespace as it is written, with its references to characters replaced.
pub(super) fn replaced(uri: Uri<'_>) -> String {
    unescape(uri.0).map_or_else(|_| uri.0.to_owned(), std::borrow::Cow::into_owned)
}

/// What a new element can refer to at a place of the document.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Prefixes that are bound to Spotify's namespace.
    pub(super) spotify: Vec<String>,
    /// Whether an element without a prefix has a namespace.
    pub(super) has_default: bool,
}
