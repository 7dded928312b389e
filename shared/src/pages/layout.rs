//! The layout that all pages share: one template without script, one style sheet.

use aws_lc_rs::digest::{SHA256, digest};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use url::Url;

use super::Branding;
use crate::{
    encoding::base64,
    i18n::Language,
    urls::PublicUrl,
    web::{Html, ReturnTo},
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

    /// The link back to the partner's site, shown as the main step if `is_the_step`.
    pub(super) fn back_link(&self, is_the_step: bool) -> Markup {
        let class = if is_the_step { "step" } else { "other" };
        html! {
            @if let Some(url) = &self.branding.return_url { p { a class=(class) href=(url) { (self.text("back")) } } }
        }
    }

    /// Renders the page around `content`; `title` is the key of its title.
    pub(super) fn render(&self, title: &str, content: &Markup, has_form: bool) -> Html {
        let Self { branding, language, .. } = self;
        let title = self.text(title);
        let style = style(branding);
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
                    title { (title) }
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
        let images = [&branding.brand_logo_url, &branding.spotify_logo_url];
        let images: Vec<_> = images.into_iter().flatten().map(origin).collect();
        Html {
            document: html.into_string(),
            style_hash: base64(digest(&SHA256, style.as_bytes())),
            image_origins: images,
            language: language.tag(),
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn style(branding: &Branding) -> String {
    let style: String = STYLE.lines().collect();
    match branding.brand_color {
        Some(color) => {
            // `:root` twice, so that it overrides both colour schemes.
            let on_button = color.contrasting_text();
            format!("{style}:root:root{{--button:{color};--on-button:{on_button}}}")
        }
        None => style,
    }
}
