//! The account page.

use maud::{Markup, html};

use super::{EntitlementNames, PageContext, Show, icons::Tone};
use crate::{
    partner::Entitlements,
    web::{Destination, Html, ReturnTo},
};

/// The page that shows the state of a person's link.
#[derive(Clone, Debug)]
pub struct AccountPage<'a> {
    /// The person's name on the partner's site; `None` if unknown.
    pub name: Option<&'a str>,
    /// The person's pseudonym in the log, for support.
    pub reference: &'a str,
    /// The state of the link.
    pub link: LinkStatus,
    /// Start of the link, in seconds since 1970; `None` if unknown.
    pub linked_since: Option<i64>,
    /// Whether a change has not reached Spotify yet.
    pub has_pending_change: bool,
    /// What the partner wants the person to have; `None` if unknown.
    pub desired: Option<&'a Entitlements>,
    /// The shows to list.
    pub shows: &'a [Show],
    /// What to call the entitlements.
    pub entitlement_names: &'a EntitlementNames,
}

/// The state of a link, as Spotify last reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// Linked, with these entitlements.
    Linked(Entitlements),
    /// Not linked.
    NotLinked,
    /// Unknown, because Spotify is not available.
    Unknown,
}

impl AccountPage<'_> {
    /// The page. Its links leave a frame, because no other page can be framed.
    #[must_use]
    pub fn html(&self, context: &PageContext<'_>) -> Html {
        let return_to = context.return_to;
        let (tone, state, text) = match self.link {
            LinkStatus::Linked(_) => (Tone::Good, "account.linked", "account.linked-text"),
            LinkStatus::NotLinked => (Tone::Neutral, "account.not-linked", "account.not-linked-text"),
            LinkStatus::Unknown => (Tone::Warning, "account.unknown", "account.unknown-text"),
        };
        let since = self.linked_since.filter(|_| matches!(self.link, LinkStatus::Linked(_)));
        let since = since.and_then(|since| context.since(since));
        let body = html! {
            (context.identity(self.name))
            div.state #link-state data-state=(self.link.name()) {
                (tone.sign("mark"))
                div {
                    p { strong { (since.unwrap_or_else(|| context.text(state))) } }
                    p.soft { (context.text(text)) }
                }
            }
            @if self.has_pending_change { p.pending #pending { (context.text("account.pending")) } }
            @match &self.link {
                LinkStatus::Linked(entitlements) if entitlements.is_empty() => (self.nothing_unlocked(context)),
                LinkStatus::Linked(entitlements) => {
                    h2 { (context.text("account.unlocked")) }
                    div #entitlements { (self.names(entitlements)) }
                },
                LinkStatus::NotLinked => {
                    a.step #link href=(return_to.at(Destination::Entrypoint).path()) target="_top" { (context.text("account.connect")) }
                },
                LinkStatus::Unknown => {},
            }
            @if !self.shows.is_empty() {
                h2 { (context.text("account.shows")) }
                ul.shows { @for show in self.shows { (self.show(show, context)) } }
            }
            @if self.link != LinkStatus::NotLinked {
                a.second #unlink href=(return_to.at(Destination::Unlink).path()) target="_top" { (context.text("account.disconnect")) }
            }
            (context.back_link(false))
            p.note { (context.text("account.reference")) " " code #reference { (self.reference) } }
        };
        context.render("account", None, &body, false)
    }

    fn nothing_unlocked(&self, context: &PageContext<'_>) -> Markup {
        let has_some = self.has_pending_change && self.desired.is_some_and(|desired| !desired.is_empty());
        html! {
            // Not while Spotify has not heard of what they bought.
            @if !has_some {
                p.note #nothing-unlocked { (context.text("account.unlocked-nothing")) }
                @if let Some(url) = context.subscribe_url() {
                    a.step #subscribe href=(url) target="_top" { (context.text("no-entitlements.step")) }
                }
            }
        }
    }

    /// The names of entitlements, in the partner's words.
    fn names(&self, entitlements: &Entitlements) -> Markup {
        html! {
            ul.names { @for name in entitlements.iter() { li dir="auto" { (self.entitlement_names.of(name)) } } }
        }
    }

    /// A show: with a link if the person's entitlements unlock it, otherwise with those that would.
    fn show(&self, show: &Show, context: &PageContext<'_>) -> Markup {
        let held = match &self.link {
            LinkStatus::Linked(entitlements) => Some(entitlements),
            LinkStatus::NotLinked | LinkStatus::Unknown => self.desired,
        };
        let is_unlocked = held.map_or(show.unlocked_by.is_none(), |held| show.is_unlocked_by(held));
        html! {
            li {
                span dir="auto" { (show.name) }
                @if is_unlocked {
                    a href=(self.listen_at(show, context.return_to)) target="_top" aria-label=(context.text_with("account.listen", ("show", &show.name))) {
                        (context.text("account.listen-short"))
                    }
                } @else if let Some(unlocked_by) = &show.unlocked_by {
                    div { span.soft { (context.text("account.included-in")) } (self.names(unlocked_by)) }
                }
            }
        }
    }

    /// The link of a show: at Spotify if the person is linked, otherwise our link starter for this show.
    fn listen_at(&self, show: &Show, return_to: &ReturnTo) -> String {
        match (&self.link, &return_to.partner_id) {
            (LinkStatus::Linked(_), _) => format!("https://open.spotify.com/show/{}", show.uri.id()),
            (_, Some(partner_id)) => format!("/partners/{partner_id}/link?show={}", show.uri.id()),
            (_, None) => format!("/link?show={}", show.uri.id()),
        }
    }
}

impl LinkStatus {
    fn name(&self) -> &'static str {
        match self {
            Self::Linked(_) => "linked",
            Self::NotLinked => "not-linked",
            Self::Unknown => "unknown",
        }
    }
}
