//! Pages that say what happened, and the one next step.

use maud::html;

use super::{PageContext, icons::Tone};
use crate::web::{Destination, Html};

/// A page that says what happened, with one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPage {
    /// Signed out, and no sign-in is configured.
    SignedOut,
    /// The session cookie was rejected, and no sign-in is configured.
    SessionRejected,
    /// The token that brought the person here has expired, was used before, or was made for another browser.
    SignInRefused,
    /// The token that brought the person here can never be accepted.
    SignInImpossible,
    /// The person cancelled at the partner's `OpenID` provider.
    SignInCancelled,
    /// The partner's `OpenID` provider or published keys are not available.
    SignInUnavailable,
    /// The person refused consent at Spotify.
    Cancelled,
    /// The journey has expired, or began in another browser.
    Expired,
    /// The person signed out, or another person signed in, since the journey or the form began.
    SessionChanged,
    /// The callback was loaded before. The first load may have linked the account.
    UsedBefore,
    /// The person has no entitlements yet.
    NoEntitlements,
    /// Spotify refused the link, most likely because one of the accounts is linked already.
    CouldNotLink,
    /// Spotify's consent ended in an error that a retry does not solve.
    ConsentFailed,
    /// Spotify is not available, or reported a temporary error.
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
    /// The visit has ended.
    VisitEnded,
}

impl StatusPage {
    /// The message with the title; its attribute `text` says what happened.
    fn message(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SessionRejected => "session-rejected",
            Self::SignInRefused => "sign-in-refused",
            Self::SignInImpossible => "sign-in-impossible",
            Self::SignInCancelled => "sign-in-cancelled",
            Self::SignInUnavailable => "sign-in-unavailable",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::SessionChanged => "session-changed",
            Self::UsedBefore => "used-before",
            Self::NoEntitlements => "no-entitlements",
            Self::CouldNotLink => "could-not-link",
            Self::ConsentFailed => "consent-failed",
            Self::SpotifyUnavailable => "spotify-unavailable",
            Self::Unavailable => "unavailable",
            Self::InternalError => "internal-error",
            Self::NotFound => "not-found",
            Self::Malformed => "malformed",
            Self::FormRefused => "form-refused",
            Self::Unlinked => "unlinked",
            Self::VisitEnded => "visit-ended",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Unlinked | Self::VisitEnded => Tone::Good,
            Self::SignedOut | Self::Cancelled | Self::SignInCancelled | Self::NoEntitlements | Self::UsedBefore => {
                Tone::Neutral
            }
            Self::SessionRejected
            | Self::SignInRefused
            | Self::Expired
            | Self::SessionChanged
            | Self::CouldNotLink
            | Self::SpotifyUnavailable
            | Self::Unavailable
            | Self::SignInUnavailable
            | Self::Malformed
            | Self::NotFound
            | Self::FormRefused => Tone::Warning,
            Self::SignInImpossible | Self::ConsentFailed | Self::InternalError => Tone::Problem,
        }
    }

    /// Whether the message has a main step, its attribute `step`.
    fn has_step(self) -> bool {
        !matches!(
            self,
            Self::SignedOut
                | Self::SessionRejected
                | Self::SignInImpossible
                | Self::CouldNotLink
                | Self::NotFound
                | Self::Unlinked
                | Self::VisitEnded
        )
    }

    /// Where the main step leads; `None` if the partner has not configured it.
    pub(super) fn target(self, context: &PageContext<'_>) -> Option<String> {
        let return_to = context.return_to;
        match self {
            Self::NoEntitlements => context.subscribe_url(),
            Self::UsedBefore => Some(return_to.at(Destination::Account).path()),
            _ => Some(return_to.path()),
        }
    }

    /// A further step: its text, and where it leads.
    fn further_step(self, context: &PageContext<'_>) -> Option<(&'static str, String)> {
        let return_to = context.return_to;
        match self {
            Self::UsedBefore => Some(("used-before.again", return_to.path())),
            Self::Unlinked => {
                let again = return_to.at(Destination::Entrypoint).with_dialog();
                Some(("unlinked.again", again.path()))
            }
            Self::VisitEnded => Some(("sign-in", return_to.at(Destination::Account).path())),
            _ => None,
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
        let message = self.message();
        let target = self.target(context).filter(|_| self.has_step());
        // Support is named only if the partner has one.
        let tells_support = self.tone() == Tone::Problem && context.branding.support_url.is_some();
        let body = html! {
            p { (context.text(&format!("{message}.text"))) }
            @if tells_support { p { (context.text("tell-support")) } }
            @if let Some(target) = &target { a.step href=(target) { (context.text(&format!("{message}.step"))) } }
            @else { (context.back_link(true)) }
            @if let Some((text, target)) = self.further_step(context) { a.second href=(target) { (context.text(text)) } }
            @if target.is_some() { (context.back_link(false)) }
        };
        context.render(message, Some(self.tone()), &body, false)
    }

    /// [`Self::SignedOut`] or [`Self::SessionRejected`] in a frame. A sign-in is impossible there, so its step leaves the frame.
    #[must_use]
    pub fn html_in_frame(self, context: &PageContext<'_>) -> Html {
        let message = self.message();
        let body = html! {
            p { (context.text(&format!("{message}.text"))) }
            a.step href=(context.return_to.path()) target="_top" { (context.text("sign-in")) }
        };
        context.render(message, Some(self.tone()), &body, false)
    }
}

/// The page for a refused link. Spotify does not document the cause, so the page names the likely one with the step that solves it, and the other remedies after
/// that. It can be loaded again, and then says the same.
fn could_not_link(context: &PageContext<'_>) -> Html {
    let return_to = context.return_to;
    let body = html! {
        p { (context.text("could-not-link.text")) }
        a.step #other-account href=(return_to.at(Destination::Entrypoint).with_dialog().path()) { (context.text("could-not-link.other-account")) }
        p.note { (context.text("could-not-link.other-account-text")) }
        h2 { (context.text("could-not-link.remedies")) }
        ul.more {
            @if let Some(url) = &context.branding.content_access_url {
                li {
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
    context.render("could-not-link", Some(Tone::Warning), &body, false)
}

/// The page after an unlink for which the person wants to link another Spotify account.
fn unlinked_to_relink(context: &PageContext<'_>) -> Html {
    let body = html! {
        p { (context.text("unlinked-to-relink.text")) }
        a.step href=(context.return_to.at(Destination::Entrypoint).with_dialog().path()) { (context.text("unlinked-to-relink.step")) }
        (context.back_link(false))
    };
    context.render("unlinked-to-relink", Some(Tone::Good), &body, false)
}
