//! The `spotify:access` elements that `soa-link feed tag` writes, and how they are put into the bytes of a feed.

use std::{collections::BTreeSet, fmt::Write as _, ops::Range};

use super::rules::Rules;
use crate::feed::{
    document::Item,
    namespaces::{SPOTIFY, Scope},
    xml::Element,
};

/// How elements in Spotify's namespace are written in this feed.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    prefix: String,
    /// Whether the declaration of the prefix is added to the root element.
    is_added: bool,
}

impl Naming {
    /// Uses the prefix that the root element declares for Spotify's namespace, `spotify` if there are several, or adds `spotify`.
    pub(super) fn of(root: &Element) -> Self {
        let declared = root
            .attributes
            .iter()
            .filter(|(_, value)| value == SPOTIFY)
            .filter_map(|(name, _)| name.strip_prefix("xmlns:"));
        let prefix = declared.min_by_key(|prefix| *prefix != "spotify");
        Self {
            prefix: prefix.unwrap_or("spotify").to_owned(),
            is_added: prefix.is_none(),
        }
    }

    /// The root element's start tag, with a declaration of Spotify's namespace.
    pub(super) fn root(&self, tag: &[u8]) -> Vec<u8> {
        if !self.is_added {
            return tag.to_vec();
        }
        let close = tag.iter().rposition(|byte| *byte == b'>').unwrap_or(tag.len());
        let close = if close > 0 && tag.get(close - 1) == Some(&b'/') {
            close - 1
        } else {
            close
        };
        spliced(tag, close..close, format!(" xmlns:spotify=\"{SPOTIFY}\"").as_bytes())
    }

    /// An `access` element with children, each given as name, attribute and value, at a place with this scope.
    fn access(&self, scope: &Scope, children: &[(&str, &str, &str)]) -> String {
        // Another namespace for the prefix `spotify` was rejected, so an added declaration holds everywhere.
        let is_bound = self.is_added || scope.spotify.contains(&self.prefix);
        let (prefix, declaration) = if is_bound {
            (self.prefix.as_str(), String::new())
        } else {
            ("spotify", format!(" xmlns:spotify=\"{SPOTIFY}\""))
        };
        let no_namespace = if scope.has_default { " xmlns=\"\"" } else { "" };
        let mut block = format!("<{prefix}:access{declaration}>");
        for (name, attribute, value) in children {
            // Valid values contain no character that needs escaping.
            let _ = write!(block, "<{name}{no_namespace} {attribute}=\"{value}\"/>");
        }
        let _ = write!(block, "</{prefix}:access>");
        block
    }

    /// The show's element.
    pub(super) fn show(&self, scope: &Scope, rules: &Rules) -> String {
        let mut children = vec![("partner", "id", rules.partner_id.as_str())];
        if rules.sandbox {
            children.push(("sandbox", "enabled", "true"));
        }
        self.access(scope, &children)
    }

    /// An episode's element. Returns `None` if the episode is free.
    pub(super) fn episode(&self, scope: &Scope, entitlements: &BTreeSet<String>) -> Option<String> {
        let children: Vec<_> = entitlements
            .iter()
            .map(|name| ("entitlement", "name", name.as_str()))
            .collect();
        (!children.is_empty()).then(|| self.access(scope, &children))
    }
}

/// Returns an item's bytes with `block` as its only `spotify:access` element, or without one.
pub(super) fn retagged(bytes: &[u8], item: &Item, block: Option<&str>) -> Vec<u8> {
    let place = &item.place;
    match (place.access, block, &place.empty) {
        (Some((start, end)), Some(block), _) => spliced(bytes, start..end, block.as_bytes()),
        (Some((start, end)), None, _) => {
            // The white space before the element goes too, because tagging added it.
            let before = bytes.get(..start).unwrap_or_default();
            let blank = before
                .iter()
                .rev()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            spliced(bytes, start - blank..end, b"")
        }
        (None, Some(block), Some(name)) => {
            let end = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(bytes.len());
            let opened = spliced(bytes, end..bytes.len(), b">");
            [&opened, block.as_bytes(), format!("</{name}>").as_bytes()].concat()
        }
        (None, Some(block), None) => {
            let gap = place
                .gap
                .and_then(|(start, end)| bytes.get(start..end))
                .unwrap_or_default();
            spliced(bytes, place.tail..place.tail, &[gap, block.as_bytes()].concat())
        }
        (None, None, _) => bytes.to_vec(),
    }
}

fn spliced(bytes: &[u8], range: Range<usize>, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.splice(range, new.iter().copied());
    bytes
}
