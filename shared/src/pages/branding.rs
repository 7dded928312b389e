//! What a partner's pages say and link to, and in which colour.

use std::fmt;

use url::Url;

use crate::partner::ShowUri;

/// A show that the account page lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// At Spotify.
    pub uri: ShowUri,
    /// As the partner calls it.
    pub name: String,
}

impl Show {
    /// Takes `<show id>=<name>;<show id>=<name>`.
    pub(crate) fn parse_list(text: &str) -> Option<Vec<Self>> {
        let entries = text.split(';').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| {
                let (show, name) = entry.split_once('=')?;
                let (uri, name) = (ShowUri::parse(show.trim()).ok()?, name.trim());
                (!name.is_empty()).then(|| Self {
                    uri,
                    name: name.to_owned(),
                })
            })
            .collect()
    }
}

/// What pages say and link to. Each field names the variable that it is read from.
#[derive(Clone, Debug, Default)]
pub struct Branding {
    /// `BRAND_NAME`: the partner, as its subscribers know it; else the host of its site, or ours.
    pub brand_name: String,
    /// `BRAND_LOGO_URL`.
    pub brand_logo_url: Option<Url>,
    /// `BRAND_COLOR`: of buttons.
    pub brand_color: Option<Color>,
    /// `SPOTIFY_LOGO_URL`: the partner's copy of Spotify's full logo, shown beside its own.
    pub spotify_logo_url: Option<Url>,
    /// `RETURN_URL`: the partner's site.
    pub return_url: Option<Url>,
    /// `SUPPORT_URL`: the partner's help.
    pub support_url: Option<Url>,
    /// `SUBSCRIBE_URL`: where somebody who may hear nothing yet buys something.
    pub subscribe_url: Option<Url>,
    /// `SPOTIFY_CONTENT_ACCESS_URL`: where people see and remove their links at Spotify.
    pub content_access_url: Option<Url>,
}

/// A colour on a screen (sRGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Takes `#` and six hexadecimal digits.
    #[must_use]
    pub fn parse(color: &str) -> Option<Self> {
        let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let number = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| !digits.starts_with('+'))?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    #[must_use]
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Black or white, whichever reads better on this colour: at least 4.5 to 1.
    #[must_use]
    pub fn contrasting_text(self) -> &'static str {
        let luminance = self.luminance();
        // (1 + 0.05) / (l + 0.05) against (l + 0.05) / (0 + 0.05).
        if (luminance + 0.05) * (luminance + 0.05) > 1.05 * 0.05 {
            "#000"
        } else {
            "#fff"
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}
