//! A partner's brand on pages: name, logo, colour, links and shows.

use std::{collections::BTreeMap, fmt};

use url::Url;

use crate::partner::{Entitlement, Entitlements, ShowUri};

/// A show that the account page lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// The show at Spotify.
    pub uri: ShowUri,
    /// The partner's name for the show.
    pub name: String,
    /// Each of these entitlements unlocks the show; `None` if the partner does not say.
    pub unlocked_by: Option<Entitlements>,
}

impl Show {
    /// Parses `<show id>=<name>|<entitlement>,<entitlement>;<show id>=<name>`. Returns `None` if an entry is malformed.
    pub(crate) fn parse_list(text: &str) -> Option<Vec<Self>> {
        entries(text)
            .map(|entry| {
                let (show, name) = entry.split_once('=')?;
                let (name, unlocked_by) = match name.split_once('|') {
                    Some((name, entitlements)) => {
                        let entitlements = Entitlements::parse(entitlements.split(',').map(str::trim)).ok()?;
                        (name, Some(entitlements))
                    }
                    None => (name, None),
                };
                let (uri, name) = (ShowUri::parse(show.trim()).ok()?, name.trim());
                (!name.is_empty()).then(|| Self {
                    uri,
                    name: name.to_owned(),
                    unlocked_by,
                })
            })
            .collect()
    }

    /// Whether a person with these entitlements can play the show.
    #[must_use]
    pub fn is_unlocked_by(&self, entitlements: &Entitlements) -> bool {
        let unlocks = |needed: &Entitlements| needed.iter().any(|name| entitlements.iter().any(|held| held == name));
        self.unlocked_by.as_ref().is_none_or(unlocks)
    }
}

/// What subscribers call each entitlement, such as the name of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntitlementNames(BTreeMap<String, String>);

impl EntitlementNames {
    /// Parses `<entitlement>=<name>;<entitlement>=<name>`. Returns `None` if an entry is malformed or an entitlement is repeated.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut names = BTreeMap::new();
        for entry in entries(text) {
            let (entitlement, name) = entry.split_once('=')?;
            let (entitlement, name) = (entitlement.trim(), name.trim());
            Entitlement::parse(entitlement).ok()?;
            let is_new = names.insert(entitlement.to_owned(), name.to_owned()).is_none();
            if name.is_empty() || !is_new {
                return None;
            }
        }
        Some(Self(names))
    }

    /// The name for subscribers; the entitlement itself if the partner has given none.
    #[must_use]
    pub fn of<'a>(&'a self, entitlement: &'a str) -> &'a str {
        self.0.get(entitlement).map_or(entitlement, String::as_str)
    }
}

/// The entries of a list that is separated by semicolons.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|entry| !entry.is_empty())
}

/// The partner's brand and links on pages. Each field names its variable.
#[derive(Clone, Debug, Default)]
pub struct Branding {
    /// `BRAND_NAME`: the partner's name; by default the host name of its site, or ours.
    pub brand_name: String,
    /// `BRAND_LOGO_URL`: the partner's logo, shown instead of the name.
    pub brand_logo_url: Option<Url>,
    /// `BRAND_ICON_URL`: the partner's square icon, shown in the browser's tab; by default the logo, or the first letter of the name.
    pub brand_icon_url: Option<Url>,
    /// `BRAND_COLOR`: the colour of buttons, links and signs.
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

/// Contrast of text with its background (WCAG 2.2, 1.4.3).
const MIN_TEXT_CONTRAST: f64 = 4.5;
/// Number of steps from a colour to black or white.
const MIXING_STEPS: u32 = 32;

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    pub(super) const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

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

    /// This colour, mixed with black or white until it has a contrast of at least 4.5 to 1 with `background` (WCAG 2.2, 1.4.3).
    #[must_use]
    pub fn readable_on(self, background: Self) -> Self {
        let target = if background.luminance() > 0.5 { 0 } else { 255 };
        let steps = (0..=MIXING_STEPS).map(|step| {
            Self(self.0.map(|channel| {
                let mixed = u32::from(channel) * (MIXING_STEPS - step) + target * step;
                u8::try_from(mixed / MIXING_STEPS).unwrap_or(u8::MAX)
            }))
        });
        let mut readable = steps.filter(|color| color.contrast_with(background) >= MIN_TEXT_CONTRAST);
        readable.next().unwrap_or(self)
    }

    /// The contrast of two colours, 1 to 21 (WCAG 2.2).
    #[must_use]
    pub fn contrast_with(self, other: Self) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        f64::max(one, other) / f64::min(one, other)
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
