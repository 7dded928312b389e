//! The layout that all pages share: one template without script, one style sheet.

use aws_lc_rs::digest::{SHA256, digest};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use time::OffsetDateTime;
use url::{Url, form_urlencoded};

use super::{Branding, Color, icons::Tone};
use crate::{
    encoding::base64,
    i18n::Language,
    urls::PublicUrl,
    web::{Destination, Html, ReturnTo},
};

/// The style sheet. Lengths in rem follow the reader's font size. Sides are logical (`inline-start`), for right-to-left languages.
const STYLE: &str = include_str!("style.css");

/// What a page depends on: partner, language and request.
#[derive(Clone, Copy, Debug)]
pub struct PageContext<'a> {
    /// The partner's brand and links.
    pub branding: &'a Branding,
    /// The origin of absolute links to our own pages.
    pub public_url: &'a PublicUrl,
    /// The reader's language.
    pub language: Language,
    /// What the person came for, where the page lets them begin again.
    pub return_to: &'a ReturnTo,
    /// Whether people sign in at an `OpenID` provider.
    pub has_provider: bool,
    /// The request id, by which support finds the log lines.
    pub request_id: &'a str,
}

impl PageContext<'_> {
    /// The text with this key, in the reader's language.
    pub(super) fn text(&self, key: &str) -> String {
        self.language.text(key, &[("brand", &self.branding.brand_name)])
    }

    /// Like [`Self::text`], with one more argument than the brand's name.
    pub(super) fn text_with(&self, key: &str, argument: (&str, &str)) -> String {
        self.language
            .text(key, &[("brand", &self.branding.brand_name), argument])
    }

    /// Who is signed in, with a way to sign in as another person.
    pub(super) fn identity(&self, name: Option<&str>) -> Markup {
        html! {
            p.who #identity {
                @match name {
                    Some(name) => (self.text_with("identity.named", ("name", name))),
                    None => (self.text("identity")),
                }
                " "
                a #not-you href=(self.not_you()) target="_top" { (self.text("identity.not-you")) }
            }
        }
    }

    /// The path that ends the visit. With an `OpenID` provider it leads to a new sign-in there, which asks for the account (`prompt=login`), and back to this page.
    fn not_you(&self) -> String {
        let return_to = self.return_to;
        if self.has_provider {
            let return_to = self.public_url.join(&return_to.path());
            let query: String = form_urlencoded::Serializer::new(String::new())
                .append_pair("prompt", "login")
                .append_pair("return_to", &return_to)
                .finish();
            return format!("/sign-in?{query}");
        }
        match &return_to.partner_id {
            Some(partner_id) => format!("/partners/{partner_id}/sign-out"),
            None => "/sign-out".to_owned(),
        }
    }

    /// Since when the account is connected, as a date in UTC; `None` if there is no such date.
    pub(super) fn since(&self, since: i64) -> Option<String> {
        let date = OffsetDateTime::from_unix_timestamp(since).ok()?;
        let (year, day) = (date.year().to_string(), date.day().to_string());
        let month = format!("month-{}", u8::from(date.month()));
        let arguments = [
            ("year", year.as_str()),
            ("month", month.as_str()),
            ("day", day.as_str()),
        ];
        Some(self.language.text("account.since", &arguments))
    }

    /// Where to buy a subscription, and from there back to linking; `None` if the partner has not configured it.
    pub(super) fn subscribe_url(&self) -> Option<String> {
        let mut url = self.branding.subscribe_url.clone()?;
        let return_to = self.public_url.join(&self.return_to.at(Destination::Entrypoint).path());
        url.query_pairs_mut().append_pair("return_to", &return_to);
        Some(url.into())
    }

    /// The link back to the partner's site, shown as the main step if `is_the_step`.
    pub(super) fn back_link(&self, is_the_step: bool) -> Markup {
        let class = if is_the_step { "step" } else { "second" };
        html! {
            @if let Some(url) = &self.branding.return_url { a class=(class) href=(url) target="_top" { (self.text("back")) } }
        }
    }

    /// Renders the page around `content`; `title` is the key of its title. `sign` is shown above the title.
    pub(super) fn render(&self, title: &str, sign: Option<Tone>, content: &Markup, has_form: bool) -> Html {
        let Self { branding, language, .. } = self;
        let title = self.text(title);
        let style = style(branding);
        let icon = Icon::of(branding);
        let html = html! {
            (DOCTYPE)
            html lang=(language.tag()) dir=(language.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if has_form {
                        // With the header `no-referrer`, browsers would post this form with `Origin: null`, like a form of another site.
                        meta name="referrer" content="same-origin";
                    }
                    title { (title) " · " (branding.brand_name) }
                    link rel="icon" href=(icon.href());
                    style { (PreEscaped(&style)) }
                }
                body {
                    div.sheet {
                        header {
                            @match &branding.brand_logo_url {
                                Some(logo) => img src=(logo) alt=(branding.brand_name);,
                                None => span dir="auto" { (branding.brand_name) },
                            }
                            @if let Some(logo) = &branding.spotify_logo_url { img src=(logo) alt="Spotify"; }
                        }
                        main {
                            @if let Some(tone) = sign { (tone.sign("sign")) }
                            h1 { (title) }
                            (content)
                        }
                        footer {
                            @if let Some(url) = &branding.support_url { p { a href=(url) target="_top" { (self.text("help")) } } }
                            p { (self.text("request-id")) " " code #request-id { (self.request_id) } }
                        }
                    }
                }
            }
        };
        let logos = [&branding.brand_logo_url, &branding.spotify_logo_url];
        let mut images: Vec<_> = logos.into_iter().flatten().map(origin).collect();
        images.push(icon.source());
        images.dedup();
        Html {
            document: html.into_string(),
            style_hash: base64(digest(&SHA256, style.as_bytes())),
            image_sources: images,
            language: language.tag(),
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The icon in the browser's tab.
enum Icon<'a> {
    /// An image of the partner's.
    Image(&'a Url),
    /// The first letter of the partner's name on its colour, as an SVG in the page itself.
    Letter(String),
}

impl<'a> Icon<'a> {
    fn of(branding: &'a Branding) -> Self {
        if let Some(url) = branding.brand_icon_url.as_ref().or(branding.brand_logo_url.as_ref()) {
            return Self::Image(url);
        }
        let color = branding.brand_color.unwrap_or(INK);
        let letter: String = branding
            .brand_name
            .chars()
            .find(|letter| letter.is_alphanumeric())
            .into_iter()
            .collect();
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" {
                rect width="32" height="32" rx="8" fill=(color) {}
                text x="16" y="23" text-anchor="middle" font-family="sans-serif" font-weight="700" font-size="20" fill=(color.contrasting_text()) {
                    (letter.to_uppercase())
                }
            }
        };
        Self::Letter(format!("data:image/svg+xml;base64,{}", base64(svg.into_string())))
    }

    fn href(&self) -> &str {
        match self {
            Self::Image(url) => url.as_str(),
            Self::Letter(data) => data,
        }
    }

    /// What the Content-Security-Policy must allow for it.
    fn source(&self) -> String {
        match self {
            Self::Image(url) => origin(url),
            Self::Letter(_) => "data:".to_owned(),
        }
    }
}

/// The colours of text and of paper in the light and in the dark scheme, as in the style sheet.
const INK: Color = Color::new(0x1c, 0x1b, 0x1a);
const LIGHT_PAPER: Color = Color::new(0xff, 0xff, 0xff);
const DARK_PAPER: Color = Color::new(0x16, 0x16, 0x16);
/// The tint behind signs and names, on which the accent must be readable too: the darker one of the light scheme, the lighter one of the dark scheme.
const LIGHT_TINT: Color = Color::new(0xf4, 0xf3, 0xf0);
const DARK_TINT: Color = Color::new(0x1f, 0x1e, 0x1d);

fn style(branding: &Branding) -> String {
    let style: String = STYLE.lines().collect();
    match branding.brand_color {
        Some(color) => {
            let on_button = color.contrasting_text();
            let light = color.readable_on(LIGHT_PAPER).readable_on(LIGHT_TINT);
            let dark = color.readable_on(DARK_PAPER).readable_on(DARK_TINT);
            // `:root` twice, so that it overrides both colour schemes.
            format!(
                "{style}:root:root{{--button:{color};--on-button:{on_button};--accent:{light}}}\
                 @media(prefers-color-scheme:dark){{:root:root{{--accent:{dark}}}}}"
            )
        }
        None => style,
    }
}
