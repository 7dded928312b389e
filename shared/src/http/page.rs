//! What people read: what happened, the one next step, the request id that support can look up. One template, made here, without script; the words are in
//! `shared/locales`.

use aws_lc_rs::digest::{SHA256, digest};
use lambda_http::http::{StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use url::Url;

use super::{
    Intent, Language, Place,
    answer::{self, Answer},
};
use crate::{
    config::{Pages, PublicUrl, Show},
    encoding::base64,
    partner::Entitlements,
};

/// Lengths in rem follow the reader's own type size. Sides are named by the direction of reading, so that right-to-left needs nothing more.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1a1a1a;--soft:#595959;--ground:#f3f2ef;--paper:#fff;--line:#dcdad4;--link:#0b57d0;--button:#1a1a1a;--on-button:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#f2f2f2;--soft:#b3b3b3;--ground:#0b0b0b;--paper:#161616;--line:#383838;--link:#a8c7fa;--button:#f2f2f2;\
--on-button:#161616}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;background:var(--paper);color:var(--ink);font:1.125rem/1.55 system-ui,sans-serif;overflow-wrap:break-word}\
.sheet{max-width:34rem;margin:0 auto;background:var(--paper)}\
header,main,footer{padding:1.5rem 1.25rem}\
header{display:flex;flex-wrap:wrap;align-items:center;gap:.75rem 1.5rem;font-weight:700}\
header img{display:block;height:2rem;width:auto;max-width:12rem;object-fit:contain}\
main{max-width:34rem;padding-block:.5rem 2rem}\
h1{margin:0 0 1rem;font-size:1.75rem;line-height:1.25}\
h2{margin:2rem 0 .5rem;font-size:1.125rem}\
p{margin:0 0 1rem}\
a{color:var(--link)}\
.step{display:block;width:100%;margin:1.5rem 0 1rem;padding:.8rem 1.25rem;border:1px solid var(--line);border-radius:.625rem;background:var(--button);\
color:var(--on-button);font:inherit;font-weight:600;line-height:1.35;text-align:center;text-decoration:none;cursor:pointer}\
.other{display:inline-block;padding:.5rem 0}\
:focus-visible{outline:3px solid var(--link);outline-offset:3px}\
ol{margin:1rem 0;padding-inline-start:1.5rem}\
ol li{margin-bottom:1.25rem;padding-inline-start:.25rem}\
ol a{display:inline-block;padding:.25rem 0;font-weight:600}\
ol p{margin:0}\
.soft{color:var(--soft)}\
.state{padding:1rem 1.25rem;border:1px solid var(--line);border-radius:.625rem}\
.state>:last-child{margin:0}\
.list{margin:0 0 1rem;padding:0;list-style:none}\
.names li{display:inline-block;margin-inline-end:.5rem;margin-bottom:.5rem;padding:.1rem .75rem;border:1px solid var(--line);border-radius:1rem;font-size:1rem}\
.shows a{display:block;padding:.6rem 0}\
footer{border-top:1px solid var(--line);color:var(--soft);font-size:.9375rem}\
footer p{margin:0 0 .5rem}\
footer a{display:inline-block;padding:.25rem 0}\
code{font-size:1em;direction:ltr;unicode-bidi:isolate;user-select:all}\
@media(min-width:45rem){body{padding:4rem 1rem;background:var(--ground)}.sheet{border:1px solid var(--line);border-radius:1rem}header,main,footer{padding-inline:2.5rem}\
header{padding-top:2rem}.step{display:inline-block;width:auto;min-width:14rem}}";

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Nobody is signed in, and there is no sign-in to send them to.
    SignedOut,
    /// The sign-in that brought them here is not, or no longer, good.
    SignInRefused,
    /// They turned back at the partner's `OpenID` provider.
    SignInCancelled,
    /// The partner's `OpenID` provider, or the keys that its site publishes, cannot be had.
    SignInDown,
    /// They refused consent at Spotify.
    Cancelled,
    /// The journey is over, not theirs, or not this browser's.
    Expired,
    /// They may hear nothing yet.
    NothingToHear,
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

/// Who reads a page, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// What pages say and link to.
    pub pages: &'a Pages,
    /// Where links to ourselves are complete.
    pub public_url: &'a PublicUrl,
    /// In which language.
    pub language: Language,
    /// What they came for, and can begin again.
    pub intent: &'a Intent,
    /// What support looks up.
    pub request_id: &'a str,
}

/// The page that asks whether to unlink.
#[derive(Clone, Debug)]
pub struct Confirmation<'a> {
    /// What the form must bring back.
    pub form_token: &'a str,
}

/// The page that says how somebody is linked.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// What the partner's site calls them.
    pub name: Option<&'a str>,
    /// How the log calls them, for support.
    pub reference: &'a str,
    /// What Spotify says of their link.
    pub link: LinkState,
    /// What the partner wants listed.
    pub shows: &'a [Show],
}

/// What Spotify says of a link, when it was asked just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There is one, and this is what it unlocks.
    Linked(Entitlements),
    /// There is none.
    NotLinked,
    /// Spotify did not say.
    Unknown,
}

impl Page {
    /// Keys of the title, of what happened, and of the step.
    fn words(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::SignedOut => ("signed-out", "signed-out.text", None),
            Self::SignInRefused => ("sign-in-refused", "sign-in-refused.text", Some("sign-in-refused.step")),
            Self::SignInCancelled => (
                "sign-in-cancelled",
                "sign-in-cancelled.text",
                Some("sign-in-cancelled.step"),
            ),
            Self::SignInDown => ("sign-in-down", "sign-in-down.text", Some("sign-in-down.step")),
            Self::Cancelled => ("cancelled", "cancelled.text", Some("cancelled.step")),
            Self::Expired => ("expired", "expired.text", Some("expired.step")),
            Self::NothingToHear => ("nothing-to-hear", "nothing-to-hear.text", Some("nothing-to-hear.step")),
            Self::CouldNotLink => ("could-not-link", "could-not-link.text", None),
            Self::SpotifyDown => ("spotify-down", "spotify-down.text", Some("spotify-down.step")),
            Self::Busy => ("busy", "busy.text", Some("busy.step")),
            Self::WentWrong => ("went-wrong", "went-wrong.text", Some("went-wrong.step")),
            Self::NotFound => ("not-found", "not-found.text", None),
            Self::Malformed => ("malformed", "malformed.text", Some("malformed.step")),
            Self::FormRefused => ("form-refused", "form-refused.text", Some("form-refused.step")),
            Self::Unlinked => ("unlinked", "unlinked.text", None),
        }
    }

    /// Where the step leads; nowhere when the partner has not said where.
    fn target(self, reader: &Reader<'_>) -> Option<String> {
        let intent = reader.intent;
        match self {
            Self::NothingToHear => {
                let mut url = reader.pages.subscribe_url.clone()?;
                let return_to = reader.public_url.at(&intent.then(Place::Entrypoint).path());
                url.query_pairs_mut().append_pair("return_to", &return_to);
                Some(url.into())
            }
            _ => Some(intent.path()),
        }
    }

    /// The page as an answer.
    #[must_use]
    pub fn answer(self, status: StatusCode, reader: &Reader<'_>) -> Answer {
        if self == Self::CouldNotLink {
            return could_not_link(status, reader);
        }
        if self == Self::Unlinked && reader.intent.relink {
            return unlinked_to_relink(reader);
        }
        let (title, what_happened, step) = self.words();
        let target = step.and_then(|step| Some((step, self.target(reader)?)));
        let content = html! {
            p { (reader.text(what_happened)) }
            @match target {
                Some((step, target)) => {
                    a.step href=(target) { (reader.text(step)) }
                    (reader.back(false))
                },
                None => (reader.back(true)),
            }
            @if self == Self::Unlinked {
                p { a.other href=(reader.intent.then(Place::Entrypoint).with_dialog().path()) { (reader.text("unlinked.again")) } }
            }
        };
        reader.whole(status, title, &content, false)
    }

    /// The signed-out page within a frame, where nobody can sign in: it leads out of the frame.
    #[must_use]
    pub fn signed_out_in_frame(reader: &Reader<'_>) -> Answer {
        let content = html! {
            p { (reader.text("signed-out.text")) }
            a.step href=(reader.intent.path()) target="_top" { (reader.text("sign-in")) }
        };
        let answer = reader.whole(StatusCode::UNAUTHORIZED, "signed-out", &content, false);
        // RFC 9110 §15.5.2 wants a challenge with each 401.
        answer.with_header(header::WWW_AUTHENTICATE, "Bearer")
    }
}

/// What is certain, what is only likely (nobody has documented what a refusal means), and the remedies in the order in which they are easy.
fn could_not_link(status: StatusCode, reader: &Reader<'_>) -> Answer {
    let intent = reader.intent;
    let content = html! {
        p { (reader.text("could-not-link.text")) }
        p { (reader.text("could-not-link.likely")) }
        p { (reader.text("could-not-link.remedies")) }
        ol {
            li {
                a.step #other-account href=(intent.then(Place::Entrypoint).with_dialog().path()) { (reader.text("could-not-link.other-account")) }
                p { (reader.text("could-not-link.other-account-text")) }
            }
            @if let Some(url) = &reader.pages.content_access_url {
                li {
                    // Beside this page, to which they come back: it cannot be loaded again.
                    a #content-access href=(url) target="_blank" rel="noopener noreferrer" { (reader.text("could-not-link.content-access")) }
                    p { (reader.text("could-not-link.content-access-text")) }
                }
            }
            li {
                a #unlink href=(intent.then(Place::Unlink).to_relink().path()) { (reader.text("could-not-link.unlink")) }
                p { (reader.text("could-not-link.unlink-text")) }
            }
        }
        (reader.back(false))
    };
    reader.whole(status, "could-not-link", &content, false)
}

fn unlinked_to_relink(reader: &Reader<'_>) -> Answer {
    let content = html! {
        p { (reader.text("unlinked-to-relink.text")) }
        a.step href=(reader.intent.then(Place::Entrypoint).with_dialog().path()) { (reader.text("unlinked-to-relink.step")) }
        (reader.back(false))
    };
    reader.whole(StatusCode::OK, "unlinked-to-relink", &content, false)
}

impl Confirmation<'_> {
    /// The page as an answer. Its form goes to where it came from.
    #[must_use]
    pub fn answer(&self, reader: &Reader<'_>) -> Answer {
        let (title, text) = if reader.intent.relink {
            ("unlink-to-relink", "unlink-to-relink.text")
        } else {
            ("unlink", "unlink.text")
        };
        let form = html! {
            p { (reader.text(text)) }
            form method="post" action=(reader.intent.path()) {
                input type="hidden" name="form_token" value=(self.form_token);
                button.step type="submit" { (reader.text("unlink.step")) }
            }
            @if let Some(url) = &reader.pages.return_url { p { a.other href=(url) { (reader.text("unlink.keep")) } } }
        };
        reader.whole(StatusCode::OK, title, &form, true)
    }
}

impl Account<'_> {
    /// The page as an answer. All its links leave a frame that it may be in: nothing that they lead to can be framed.
    #[must_use]
    pub fn answer(&self, reader: &Reader<'_>) -> Answer {
        let intent = reader.intent;
        let (state, what_spotify_says) = match self.link {
            LinkState::Linked(_) => ("account.linked", "account.linked-text"),
            LinkState::NotLinked => ("account.not-linked", "account.not-linked-text"),
            LinkState::Unknown => ("account.unknown", "account.unknown-text"),
        };
        let content = html! {
            @if let Some(name) = self.name {
                p { (reader.text_with("account.name", ("name", name))) }
            }
            div.state #link-state data-state=(self.link.name()) {
                p { strong { (reader.text(state)) } }
                p { (reader.text(what_spotify_says)) }
            }
            @match &self.link {
                LinkState::Linked(entitlements) if entitlements.is_empty() => p { br; (reader.text("account.unlocked-nothing")) },
                LinkState::Linked(entitlements) => {
                    h2 { (reader.text("account.unlocked")) }
                    ul.list.names #entitlements { @for name in entitlements.iter() { li dir="ltr" { (name) } } }
                },
                LinkState::NotLinked => {
                    a.step #link href=(intent.then(Place::Entrypoint).path()) target="_top" { (reader.text("account.connect")) }
                },
                LinkState::Unknown => {},
            }
            @if !self.shows.is_empty() {
                h2 { (reader.text("account.shows")) }
                ul.list.shows {
                    @for show in self.shows {
                        li { a href=(self.listen_at(show, intent)) target="_top" { (reader.text_with("account.listen", ("show", &show.name))) } }
                    }
                }
            }
            @if self.link != LinkState::NotLinked {
                p { a.other #unlink href=(intent.then(Place::Unlink).path()) target="_top" { (reader.text("account.disconnect")) } }
            }
            p.soft { (reader.text("account.reference")) " " code #reference { (self.reference) } }
            @if let Some(url) = &reader.pages.return_url { p { a.other href=(url) target="_top" { (reader.text("back")) } } }
        };
        reader.whole(StatusCode::OK, "account", &content, false)
    }

    /// Whoever is linked listens at Spotify; whoever is not links first, and comes out at the show.
    fn listen_at(&self, show: &Show, intent: &Intent) -> String {
        match (&self.link, &intent.partner_id) {
            (LinkState::Linked(_), _) => format!("https://open.spotify.com/show/{}", show.uri.id()),
            (_, Some(partner_id)) => format!("/partners/{partner_id}/link?show={}", show.uri.id()),
            (_, None) => format!("/link?show={}", show.uri.id()),
        }
    }
}

impl LinkState {
    fn name(&self) -> &'static str {
        match self {
            Self::Linked(_) => "linked",
            Self::NotLinked => "not-linked",
            Self::Unknown => "unknown",
        }
    }
}

impl Reader<'_> {
    fn text(&self, key: &str) -> String {
        self.language.text(key, &[("brand", &self.pages.brand_name)])
    }

    fn text_with(&self, key: &str, argument: (&str, &str)) -> String {
        self.language.text(key, &[("brand", &self.pages.brand_name), argument])
    }

    /// The way back to the partner's site, as the step itself when there is no other.
    fn back(&self, is_the_step: bool) -> Markup {
        let class = if is_the_step { "step" } else { "other" };
        html! {
            @if let Some(url) = &self.pages.return_url { p { a class=(class) href=(url) { (self.text("back")) } } }
        }
    }

    fn whole(&self, status: StatusCode, title: &str, content: &Markup, has_form: bool) -> Answer {
        let Self { pages, language, .. } = self;
        let title = self.text(title);
        let style = style(pages);
        let html = html! {
            (DOCTYPE)
            html lang=(language.tag()) dir=(language.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if has_form {
                        // The header's `no-referrer` would have browsers post our own form with `Origin: null`, which cannot be told from
                        // another site's.
                        meta name="referrer" content="same-origin";
                    }
                    title { (title) }
                    style { (PreEscaped(&style)) }
                }
                body {
                    div.sheet {
                        header {
                            @match &pages.brand_logo_url {
                                Some(logo) => img src=(logo) alt=(pages.brand_name);,
                                None => span dir="auto" { (pages.brand_name) },
                            }
                            @if let Some(logo) = &pages.spotify_logo_url { img src=(logo) alt="Spotify"; }
                        }
                        main {
                            h1 { (title) }
                            (content)
                        }
                        footer {
                            @if let Some(url) = &pages.support_url { p { a href=(url) target="_top" { (self.text("help")) } } }
                            p { (self.text("request-id")) " " code #request-id { (self.request_id) } }
                        }
                    }
                }
            }
        };
        let images = [&pages.brand_logo_url, &pages.spotify_logo_url];
        let images: Vec<_> = images.into_iter().flatten().map(origin).collect();
        answer::page(
            status,
            html.into_string(),
            &base64(digest(&SHA256, style.as_bytes())),
            &images,
            language.tag(),
        )
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn style(pages: &Pages) -> String {
    match pages.brand_color {
        Some(color) => {
            // Twice `:root`, to weigh more than both colour schemes.
            format!(
                "{STYLE}:root:root{{--button:{color};--on-button:{}}}",
                color.text_on_it()
            )
        }
        None => STYLE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Color, partner::ShowUri};

    const ALL: [Page; 15] = [
        Page::SignedOut,
        Page::SignInRefused,
        Page::SignInCancelled,
        Page::SignInDown,
        Page::Cancelled,
        Page::Expired,
        Page::NothingToHear,
        Page::CouldNotLink,
        Page::SpotifyDown,
        Page::Busy,
        Page::WentWrong,
        Page::NotFound,
        Page::Malformed,
        Page::FormRefused,
        Page::Unlinked,
    ];

    fn pages() -> Pages {
        let url = |url| Url::parse(url).ok();
        Pages {
            brand_name: "Wickerlight <&> Söhne".to_owned(),
            brand_logo_url: url("https://cdn.example.com/logo.svg"),
            brand_color: Color::parse("#123456"),
            spotify_logo_url: url("https://cdn.example.com/spotify.svg"),
            return_url: url("https://www.example.com/account"),
            support_url: url("https://www.example.com/help"),
            subscribe_url: url("https://www.example.com/plans?from=spotify"),
            content_access_url: url("https://content-access.spotify.com"),
        }
    }

    /// Every page that there is, in one language.
    fn every_page(pages: &Pages, language: Language) -> Vec<Answer> {
        let public_url = PublicUrl::parse("https://link.example.com").unwrap();
        let intent = Intent {
            show: ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").ok(),
            ..Intent::to(Place::Unlink, None)
        };
        let relink = intent.clone().to_relink();
        let shows = [Show {
            uri: intent.show.clone().unwrap(),
            name: "The <Moss> Hour".to_owned(),
        }];
        let mut all = Vec::new();
        for intent in [&intent, &relink] {
            let reader = Reader {
                pages,
                public_url: &public_url,
                language,
                intent,
                request_id: "r-1",
            };
            all.extend(ALL.map(|page| page.answer(StatusCode::OK, &reader)));
            all.push(Page::signed_out_in_frame(&reader));
            all.push(Confirmation { form_token: "form" }.answer(&reader));
            let some = Entitlements::parse(["all-access"]).unwrap();
            for link in [
                LinkState::Linked(some),
                LinkState::Linked(Entitlements::default()),
                LinkState::NotLinked,
                LinkState::Unknown,
            ] {
                let account = Account {
                    name: Some("ada@example.com"),
                    reference: "0123456789ab",
                    link,
                    shows: &shows,
                };
                all.push(account.answer(&reader));
            }
        }
        all
    }

    /// A key that is missing shows as itself.
    #[test]
    fn every_page_has_all_its_words_in_every_language() {
        let source = include_str!("../../locales/en.ftl");
        let ids: Vec<_> = source
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(id, _)| id.trim())
            .collect();
        for language in Language::ALL {
            for page in every_page(&pages(), *language) {
                assert!(page.body.contains(&format!(
                    "<html lang=\"{}\" dir=\"{}\">",
                    language.tag(),
                    language.direction()
                )));
                for id in ids.iter().filter(|id| id.contains('-')) {
                    assert!(!page.body.contains(&format!(">{id}")), "{} {id}", language.tag());
                }
                assert!(page.body.contains("r-1"));
            }
        }
    }

    #[test]
    fn what_is_configured_cannot_become_markup() {
        for page in every_page(&pages(), Language::English) {
            assert!(
                !page.body.contains("<&>") && !page.body.contains("<Moss>"),
                "{}",
                page.body
            );
        }
    }

    #[test]
    fn a_page_without_anything_configured_has_no_dead_link() {
        for page in every_page(&Pages::default(), Language::English) {
            assert!(
                !page.body.contains("href=\"\"") && !page.body.contains("src="),
                "{}",
                page.body
            );
        }
    }

    /// After a payment they come back to where they wanted to go.
    #[test]
    fn whoever_is_told_what_to_buy_comes_back_to_the_same_show() {
        let pages = pages();
        let public_url = PublicUrl::parse("https://link.example.com").unwrap();
        let intent = Intent {
            show: ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").ok(),
            language: Some(Language::Turkish),
            ..Intent::to(Place::Entrypoint, None)
        };
        let reader = Reader {
            pages: &pages,
            public_url: &public_url,
            language: Language::Turkish,
            intent: &intent,
            request_id: "r-1",
        };
        let target = Url::parse(&Page::NothingToHear.target(&reader).unwrap()).unwrap();
        let return_to = target
            .query_pairs()
            .find(|(name, _)| name == "return_to")
            .unwrap()
            .1
            .into_owned();
        assert_eq!(Intent::parse(&return_to, &public_url), Some(intent));
    }

    /// WCAG 2.2, 1.4.3: 4.5 to 1 for text, whatever the brand's colour.
    #[test]
    fn a_button_can_be_read_in_every_colour_a_brand_may_have() {
        let luminance = |color: Color| {
            let text = color.text_on_it();
            let text = if text == "#000" { 0.0 } else { 1.0 };
            (color.luminance(), text)
        };
        for number in (0..0x100_0000_u32).step_by(0x333) {
            let color = Color::parse(&format!("#{number:06x}")).unwrap();
            let (one, other) = luminance(color);
            let contrast = (f64::max(one, other) + 0.05) / (f64::min(one, other) + 0.05);
            assert!(contrast >= 4.5, "{color}: {contrast}");
        }
        for bad in [
            "",
            "#",
            "#12345",
            "#1234567",
            "123456",
            "#+12345",
            "#12345g",
            "red",
            "#１２３４５６",
        ] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }
}
