//! The account page.

use maud::html;

use super::{PageContext, Show};
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
    /// The shows to list.
    pub shows: &'a [Show],
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
        let (state, text) = match self.link {
            LinkStatus::Linked(_) => ("account.linked", "account.linked-text"),
            LinkStatus::NotLinked => ("account.not-linked", "account.not-linked-text"),
            LinkStatus::Unknown => ("account.unknown", "account.unknown-text"),
        };
        let body = html! {
            @if let Some(name) = self.name {
                p { (context.text_with("account.name", ("name", name))) }
            }
            div.state #link-state data-state=(self.link.name()) {
                p { strong { (context.text(state)) } }
                p { (context.text(text)) }
            }
            @match &self.link {
                LinkStatus::Linked(entitlements) if entitlements.is_empty() => p { br; (context.text("account.unlocked-nothing")) },
                LinkStatus::Linked(entitlements) => {
                    h2 { (context.text("account.unlocked")) }
                    ul.list.names #entitlements { @for name in entitlements.iter() { li dir="ltr" { (name) } } }
                },
                LinkStatus::NotLinked => {
                    a.step #link href=(return_to.at(Destination::Entrypoint).path()) target="_top" { (context.text("account.connect")) }
                },
                LinkStatus::Unknown => {},
            }
            @if !self.shows.is_empty() {
                h2 { (context.text("account.shows")) }
                ul.list.shows {
                    @for show in self.shows {
                        li { a href=(self.listen_at(show, return_to)) target="_top" { (context.text_with("account.listen", ("show", &show.name))) } }
                    }
                }
            }
            @if self.link != LinkStatus::NotLinked {
                p { a.other #unlink href=(return_to.at(Destination::Unlink).path()) target="_top" { (context.text("account.disconnect")) } }
            }
            p.soft { (context.text("account.reference")) " " code #reference { (self.reference) } }
            @if let Some(url) = &context.branding.return_url { p { a.other href=(url) target="_top" { (context.text("back")) } } }
        };
        context.render("account", &body, false)
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
