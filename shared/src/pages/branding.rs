//! A partner's brand on pages: name, logo, colour, links and shows.

use std::fmt;

use url::Url;

use crate::partner::ShowUri;

/// A show that the account page lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// The show at Spotify.
    pub uri: ShowUri,
    /// The partner's name for the show.
    pub name: String,
}

impl Show {
    /// Parses `<show id>=<name>;<show id>=<name>`. Returns `None` if an entry is malformed.
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

/// The partner's brand and links on pages. Each field names its variable.
#[derive(Clone, Debug, Default)]
pub struct Branding {
    /// `BRAND_NAME`: the partner's name; by default the host name of its site, or ours.
    pub brand_name: String,
    /// `BRAND_LOGO_URL`: the partner's logo, shown instead of the name.
    pub brand_logo_url: Option<Url>,
    /// `BRAND_COLOR`: the colour of buttons.
    pub brand_color: Option<Color>,
    /// `SPOTIFY_LOGO_URL`: the partner's copy of Spotify's full logo, shown next to its own.
    pub spotify_logo_url: Option<Url>,
    /// `RETURN_URL`: the partner's site.
    pub return_url: Option<Url>,
    /// `SUPPORT_URL`: the partner's help page or e-mail address.
    pub support_url: Option<Url>,
    /// `SUBSCRIBE_URL`: where a person without entitlements can subscribe.
    pub subscribe_url: Option<Url>,
    /// `SPOTIFY_CONTENT_ACCESS_URL`: Spotify's page where people see and remove their links.
    pub content_access_url: Option<Url>,
}

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Parses `#` and six hexadecimal digits. Returns `None` for any other text.
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

    /// Black or white, whichever has more contrast with this colour: at least 4.5 to 1 (WCAG 2.2, 1.4.3).
    #[must_use]
    pub fn contrasting_text(self) -> &'static str {
        let luminance = self.luminance();
        // Contrast with black, (l + 0.05) / (0 + 0.05), is greater than with white, (1 + 0.05) / (l + 0.05).
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
