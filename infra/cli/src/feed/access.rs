//! The `spotify:access` elements of a feed, also those that are in a wrong namespace by mistake.

use super::{namespaces::Namespace, xml::Element};

/// A `spotify:access` element, or one that is meant to be.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) element: Element,
    pub(super) children: Vec<Element>,
}

impl Access {
    /// The children with this name, which have no namespace. In an element that is in a wrong namespace itself, they can have that one.
    pub(super) fn children(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| {
            let has_same_fault = self.element.space != Namespace::Spotify && child.space == self.element.space;
            child.name == name && (child.space == Namespace::Rss || has_same_fault)
        })
    }

    /// Names in the `entitlement` elements.
    pub(super) fn entitlements(&self) -> impl Iterator<Item = &str> {
        self.children("entitlement").filter_map(|child| child.attribute("name"))
    }

    /// Names in all `entitlement` elements, also those in a wrong namespace.
    pub(super) fn meant_entitlements(&self) -> impl Iterator<Item = &str> {
        let children = self.children.iter().filter(|child| child.name == "entitlement");
        children.filter_map(|child| child.attribute("name"))
    }

    /// Whether this is Spotify's element, or was meant to be.
    pub(super) fn is_meant_as_spotify(&self) -> bool {
        let names = ["partner", "sandbox", "entitlement"];
        matches!(self.element.space, Namespace::Spotify | Namespace::NotSpotify)
            || self.children.iter().any(|child| names.contains(&child.name.as_str()))
    }
}
