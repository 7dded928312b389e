//! The signs that show the state of a page at a glance. They only repeat what the text says, so that assistive technology skips them.

use maud::{Markup, html};

/// The state that a page reports, which fixes its sign and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something is done.
    Good,
    /// The reader decides, or nothing is wrong.
    Neutral,
    /// Something is missing, or has to be begun again.
    Warning,
    /// Something failed.
    Problem,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Neutral => "neutral",
            Self::Warning => "warn",
            Self::Problem => "bad",
        }
    }

    /// The sign, as an image of the class `class`.
    pub(super) fn sign(self, class: &str) -> Markup {
        let path = match self {
            // A tick.
            Self::Good => "M5 12.5l4.5 4.5L19 7.5",
            // Two links of a chain.
            Self::Neutral => "M10 8H7a4 4 0 0 0 0 8h3M14 8h3a4 4 0 0 1 0 8h-3M8.5 12h7",
            // An exclamation mark.
            Self::Warning => "M12 4.5v9M12 18.5v.5",
            // A cross.
            Self::Problem => "M6.5 6.5l11 11M17.5 6.5l-11 11",
        };
        html! {
            svg class={ (class) " " (self.class()) } viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.25" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false" {
                path d=(path);
            }
        }
    }
}
