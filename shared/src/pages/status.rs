//! Pages that say what happened, and the one next step.

use maud::html;

use super::PageContext;
use crate::web::{Destination, Html};

/// A page that says what happened, with one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPage {
    /// Signed out, and no sign-in is configured.
    SignedOut,
    /// The token that brought the person here is invalid or expired.
    SignInRefused,
    /// The person cancelled at the partner's `OpenID` provider.
    SignInCancelled,
    /// The partner's `OpenID` provider or published keys are not available.
    SignInUnavailable,
    /// The person refused consent at Spotify.
    Cancelled,
    /// The journey has expired, or began as another person or in another browser.
    Expired,
    /// The callback was loaded before. The first load may have linked the account.
    UsedBefore,
    /// The person has no entitlements yet.
    NoEntitlements,
    /// Spotify refused the link, most likely because one of the accounts is linked already.
    CouldNotLink,
    /// Spotify is not available.
    SpotifyUnavailable,
    /// We are not available. A retry is safe.
    Unavailable,
    /// An internal error.
    InternalError,
    /// No such page.
    NotFound,
    /// A malformed request.
    Malformed,
    /// The unlink form did not come from our page, or has expired.
    FormRefused,
    /// The link was removed.
    Unlinked,
}

impl StatusPage {
    /// The keys of the title, the text and the main step.
    fn message_keys(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::SignedOut => ("signed-out", "signed-out.text", None),
            Self::SignInRefused => ("sign-in-refused", "sign-in-refused.text", Some("sign-in-refused.step")),
            Self::SignInCancelled => (
                "sign-in-cancelled",
                "sign-in-cancelled.text",
                Some("sign-in-cancelled.step"),
            ),
            Self::SignInUnavailable => (
                "sign-in-unavailable",
                "sign-in-unavailable.text",
                Some("sign-in-unavailable.step"),
            ),
            Self::Cancelled => ("cancelled", "cancelled.text", Some("cancelled.step")),
            Self::Expired => ("expired", "expired.text", Some("expired.step")),
            Self::UsedBefore => ("used-before", "used-before.text", Some("used-before.step")),
            Self::NoEntitlements => ("no-entitlements", "no-entitlements.text", Some("no-entitlements.step")),
            Self::CouldNotLink => ("could-not-link", "could-not-link.text", None),
            Self::SpotifyUnavailable => (
                "spotify-unavailable",
                "spotify-unavailable.text",
                Some("spotify-unavailable.step"),
            ),
            Self::Unavailable => ("unavailable", "unavailable.text", Some("unavailable.step")),
            Self::InternalError => ("internal-error", "internal-error.text", Some("internal-error.step")),
            Self::NotFound => ("not-found", "not-found.text", None),
            Self::Malformed => ("malformed", "malformed.text", Some("malformed.step")),
            Self::FormRefused => ("form-refused", "form-refused.text", Some("form-refused.step")),
            Self::Unlinked => ("unlinked", "unlinked.text", None),
        }
    }

    /// Where the main step leads; `None` if the partner has not configured it.
    pub(super) fn target(self, context: &PageContext<'_>) -> Option<String> {
        let return_to = context.return_to;
        match self {
            Self::NoEntitlements => {
                let mut url = context.branding.subscribe_url.clone()?;
                let return_to = context.public_url.join(&return_to.at(Destination::Entrypoint).path());
                url.query_pairs_mut().append_pair("return_to", &return_to);
                Some(url.into())
            }
            Self::UsedBefore => Some(return_to.at(Destination::Account).path()),
            _ => Some(return_to.path()),
        }
    }

    /// The page.
    #[must_use]
    pub fn html(self, context: &PageContext<'_>) -> Html {
        if self == Self::CouldNotLink {
            return could_not_link(context);
        }
        if self == Self::Unlinked && context.return_to.relink {
            return unlinked_to_relink(context);
        }
        let (title, text, step) = self.message_keys();
        let target = step.and_then(|step| Some((step, self.target(context)?)));
        let body = html! {
            p { (context.text(text)) }
            @match target {
                Some((step, target)) => {
                    a.step href=(target) { (context.text(step)) }
                    @if self == Self::UsedBefore {
                        p { a.other href=(context.return_to.path()) { (context.text("used-before.again")) } }
                    }
                    (context.back_link(false))
                },
                None => (context.back_link(true)),
            }
            @if self == Self::Unlinked {
                p { a.other href=(context.return_to.at(Destination::Entrypoint).with_dialog().path()) { (context.text("unlinked.again")) } }
            }
        };
        context.render(title, &body, false)
    }

    /// The signed-out page in a frame. A sign-in is impossible there, so its step leaves the frame.
    #[must_use]
    pub fn signed_out_in_frame(context: &PageContext<'_>) -> Html {
        let body = html! {
            p { (context.text("signed-out.text")) }
            a.step href=(context.return_to.path()) target="_top" { (context.text("sign-in")) }
        };
        context.render("signed-out", &body, false)
    }
}

/// The page for a refused link. Spotify does not document the cause, so the page says what is certain, then what is likely, then the remedies, the easiest
/// first.
fn could_not_link(context: &PageContext<'_>) -> Html {
    let return_to = context.return_to;
    let body = html! {
        p { (context.text("could-not-link.text")) }
        p { (context.text("could-not-link.likely")) }
        p { (context.text("could-not-link.remedies")) }
        ol {
            li {
                a.step #other-account href=(return_to.at(Destination::Entrypoint).with_dialog().path()) { (context.text("could-not-link.other-account")) }
                p { (context.text("could-not-link.other-account-text")) }
            }
            @if let Some(url) = &context.branding.content_access_url {
                li {
                    // In a new tab: this page cannot be loaded again.
                    a #content-access href=(url) target="_blank" rel="noopener noreferrer" { (context.text("could-not-link.content-access")) }
                    p { (context.text("could-not-link.content-access-text")) }
                }
            }
            li {
                a #unlink href=(return_to.at(Destination::Unlink).for_relink().path()) { (context.text("could-not-link.unlink")) }
                p { (context.text("could-not-link.unlink-text")) }
            }
        }
        (context.back_link(false))
    };
    context.render("could-not-link", &body, false)
}

/// The page after an unlink for which the person wants to link another Spotify account.
fn unlinked_to_relink(context: &PageContext<'_>) -> Html {
    let body = html! {
        p { (context.text("unlinked-to-relink.text")) }
        a.step href=(context.return_to.at(Destination::Entrypoint).with_dialog().path()) { (context.text("unlinked-to-relink.step")) }
        (context.back_link(false))
    };
    context.render("unlinked-to-relink", &body, false)
}
