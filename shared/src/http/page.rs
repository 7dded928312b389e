//! What people read. Plain for now, and complete: what happened, the one next step, the request id that support can look up.

use aws_lc_rs::digest::{SHA256, digest};
use lambda_http::http::StatusCode;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::answer::{self, Answer};
use crate::{config::Pages, encoding::base64};

const STYLE: &str = "body{margin:0;font:1.125rem/1.5 system-ui,sans-serif;background:#fff;color:#1a1a1a}main{max-width:34rem;\
margin:0 auto;padding:3rem 1.25rem}h1{font-size:1.6rem;line-height:1.25}a{color:#0b57d0}.step{display:inline-block;padding:.7rem 1.2rem;\
border:0;border-radius:.5rem;background:#1a1a1a;color:#fff;font:inherit;text-decoration:none;cursor:pointer}footer{margin-top:3rem;\
font-size:.875rem;color:#595959}@media(prefers-color-scheme:dark){body{background:#161616;color:#f2f2f2}a{color:#a8c7fa}\
.step{background:#f2f2f2;color:#161616}footer{color:#b0b0b0}}";

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Nobody is signed in, and there is no sign-in to send them to.
    SignedOut,
    /// The sign-in that brought them here is not, or no longer, good.
    SignInRefused,
    /// They refused consent at Spotify.
    Cancelled,
    /// The journey is over, not theirs, or not this browser's.
    Expired,
    /// Spotify refused the link; the most likely reason is another link.
    CouldNotLink,
    /// Spotify is in trouble.
    SpotifyDown,
    /// Something of ours is in trouble; it will pass.
    Busy,
    /// A fault.
    WentWrong,
    /// There is no such page.
    NotFound,
    /// A request that makes no sense.
    Malformed,
    /// The unlink form did not come from our page, or is too old.
    FormRefused,
    /// The link is gone.
    Unlinked,
}

/// The page that asks whether to unlink.
#[derive(Clone, Debug)]
pub struct Confirmation<'a> {
    /// Where the form goes: our own path.
    pub action: &'a str,
    /// What the form must bring back.
    pub form_token: &'a str,
}

impl Page {
    /// Title, what happened, and the label of a link that begins again.
    fn words(&self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::SignedOut => (
                "Please sign in first",
                "Sign in on our site, then choose to connect with Spotify again.",
                None,
            ),
            Self::SignInRefused => (
                "Please sign in again",
                "Your sign-in has run out, or it was begun in another browser. Nothing was changed.",
                Some("Try again"),
            ),
            Self::Cancelled => (
                "Not connected",
                "You chose not to connect your account with Spotify, so nothing was changed. You can do it at any time.",
                Some("Connect with Spotify"),
            ),
            Self::Expired => (
                "Please start again",
                "This page was open for too long, was used before, or was begun in another browser. Nothing was changed.",
                Some("Start again"),
            ),
            Self::CouldNotLink => (
                "Spotify could not connect your account",
                "Most often this means that your Spotify account is already connected with another account of ours, or that your account of ours is \
                 already connected with another Spotify account. Remove the older connection, then try again.",
                Some("Try again"),
            ),
            Self::SpotifyDown => (
                "Spotify does not answer",
                "Spotify could not be reached just now, so this is not done yet. It is not your fault, and it usually passes within minutes.",
                Some("Try again"),
            ),
            Self::Busy => (
                "One moment, please",
                "We could not do this just now. Nothing was changed; please try again in a minute.",
                Some("Try again"),
            ),
            Self::WentWrong => (
                "Something went wrong",
                "It is our fault, not yours. Please try again later.",
                Some("Try again"),
            ),
            Self::NotFound => ("Nothing here", "There is no such page.", None),
            Self::Malformed => (
                "This link does not work",
                "Something in the address is missing or was changed on the way.",
                Some("Start again"),
            ),
            Self::FormRefused => (
                "Please open the page again",
                "This form was used before, is too old, or did not come from our page.",
                None,
            ),
            Self::Unlinked => (
                "Disconnected from Spotify",
                "Your account is no longer connected with Spotify. Your subscription goes on, and you can connect again at any time.",
                None,
            ),
        }
    }

    /// The page as an answer. `again` is where a journey begins anew.
    #[must_use]
    pub fn answer(&self, status: StatusCode, pages: &Pages, again: &str, request_id: &str) -> Answer {
        let (title, what_happened, label) = self.words();
        let step = html! {
            p { (what_happened) }
            @match label {
                Some(label) => p { a.step href=(again) { (label) } },
                None => @if let Some(url) = &pages.return_url { p { a.step href=(url) { "Back to " (brand(pages)) } } },
            }
        };
        whole(status, title, &step, false, pages, request_id)
    }
}

impl Confirmation<'_> {
    /// The page as an answer.
    #[must_use]
    pub fn answer(&self, pages: &Pages, request_id: &str) -> Answer {
        let form = html! {
            p { "You will no longer hear " (brand(pages)) " on Spotify with your subscription. The subscription itself goes on." }
            form method="post" action=(self.action) {
                input type="hidden" name="form_token" value=(self.form_token);
                button.step type="submit" { "Disconnect" }
            }
            @if let Some(url) = &pages.return_url { p { a href=(url) { "Keep it connected" } } }
        };
        whole(
            StatusCode::OK,
            "Disconnect from Spotify?",
            &form,
            true,
            pages,
            request_id,
        )
    }
}

fn brand(pages: &Pages) -> &str {
    pages.brand_name.as_deref().unwrap_or("our site")
}

fn whole(status: StatusCode, title: &str, content: &Markup, has_form: bool, pages: &Pages, request_id: &str) -> Answer {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if has_form {
                    // The header's `no-referrer` would have browsers post our own form with `Origin: null`, which cannot be told from
                    // another site's.
                    meta name="referrer" content="same-origin";
                }
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (content)
                    footer {
                        @if let Some(url) = &pages.support_url { p { a href=(url) { "Help" } } }
                        p { "Request " code #request-id { (request_id) } }
                    }
                }
            }
        }
    };
    answer::page(status, html.into_string(), &base64(digest(&SHA256, STYLE.as_bytes())))
}
