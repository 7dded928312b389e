//! Seasons of episodes: `itunes:season` and `podcast:season` in the forms that name one whole number.

/// Words before the number, in English, German, French, Spanish, Portuguese, Italian and Dutch. `s` comes last: others begin with it.
const WORDS: [&str; 8] = [
    "season",
    "series",
    "staffel",
    "saison",
    "temporada",
    "stagione",
    "seizoen",
    "s",
];

/// Reads a season: a whole number, also with zeros around it or a word for season before it. Returns `None` for everything else.
pub(super) fn season(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let after_word = WORDS.iter().find_map(|word| text.strip_prefix(word));
    let number = after_word
        .unwrap_or(&text)
        .trim_start_matches(|character: char| character.is_whitespace() || ":#.-".contains(character));
    // A sign before a number without a word is not a season.
    if after_word.is_none() && number.len() < text.trim_start_matches('#').len() {
        return None;
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_read_in_every_form_that_names_a_whole_number() {
        for text in [
            "2",
            "02",
            " 2 ",
            "2.0",
            "2.00",
            "Season 2",
            "season 02",
            "SEASON 2",
            "Season2",
            "Season: 2",
            "Season #2",
            "S2",
            "s02",
            "#2",
            "Series 2",
            "Season 2.0",
            "Season\u{a0}2",
            "Staffel 2",
            "Saison 2",
            "Temporada 2",
            "Stagione 2",
            "Seizoen 2",
        ] {
            assert_eq!(season(text), Some(2), "{text}");
        }
        assert_eq!(season("0"), Some(0));
    }

    #[test]
    fn a_season_that_needs_a_guess_is_not_read() {
        for text in [
            "",
            "two",
            "2.5",
            "S2E4",
            "2/3",
            "2-3",
            "-2",
            "+2",
            ".2",
            "2.",
            "Season",
            "Season two",
            "Season 2 of 3",
            "II",
            "2nd",
            "2,0",
            "99999999999",
            "0x2",
            "٢",
        ] {
            assert_eq!(season(text), None, "{text}");
        }
    }
}
