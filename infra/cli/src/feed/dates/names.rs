//! The names of months, weekdays and time zones, in lower case.

/// Names of the months in English, German, French, Spanish, Italian, Portuguese and Dutch, with the abbreviations that are not their beginning.
const MONTHS: [&[&str]; 12] = [
    &["january", "januari", "janvier", "janeiro", "enero", "gennaio"],
    &[
        "february",
        "februari",
        "février",
        "fevrier",
        "fevereiro",
        "febrero",
        "febbraio",
    ],
    &[
        "march", "märz", "maerz", "mrz", "mars", "marzo", "março", "marco", "maart", "mrt",
    ],
    &["april", "aprile", "avril", "abril"],
    &["may", "mayo", "mai", "maio", "maggio", "mei"],
    &["june", "juni", "junio", "junho", "juin", "giugno"],
    &["july", "juli", "julio", "julho", "juillet", "luglio"],
    &["august", "augustus", "août", "aout", "agosto"],
    &["september", "septembre", "septiembre", "settembre", "setembro"],
    &["october", "octobre", "octubre", "oktober", "ottobre", "outubro"],
    &["november", "novembre", "noviembre", "novembro"],
    &[
        "december",
        "decembre",
        "décembre",
        "dezember",
        "dezembro",
        "diciembre",
        "dicembre",
    ],
];
/// Names of the weekdays in these languages. They are skipped, because the date is complete without them, and they are often wrong.
const WEEKDAYS: [&[&str]; 7] = [
    &[
        "monday",
        "montag",
        "lundi",
        "lunes",
        "lunedì",
        "segunda-feira",
        "maandag",
    ],
    &[
        "tuesday",
        "dienstag",
        "mardi",
        "martes",
        "martedì",
        "terça-feira",
        "dinsdag",
    ],
    &[
        "wednesday",
        "mittwoch",
        "mercredi",
        "miércoles",
        "miercoles",
        "mercoledì",
        "quarta-feira",
        "woensdag",
    ],
    &[
        "thursday",
        "donnerstag",
        "jeudi",
        "jueves",
        "giovedì",
        "quinta-feira",
        "donderdag",
    ],
    &[
        "friday",
        "freitag",
        "vendredi",
        "viernes",
        "venerdì",
        "sexta-feira",
        "vrijdag",
    ],
    &[
        "saturday",
        "samstag",
        "sonnabend",
        "samedi",
        "sábado",
        "sabado",
        "sabato",
        "zaterdag",
    ],
    &["sunday", "sonntag", "dimanche", "domingo", "domenica", "zondag"],
];
/// Weekdays of two letters, in German and Dutch.
const SHORT_WEEKDAYS: [&str; 12] = ["mo", "di", "mi", "do", "fr", "sa", "so", "ma", "wo", "vr", "za", "zo"];
/// Other words that can stand in a date.
const FILLERS: [&str; 10] = ["-", "at", "of", "the", "de", "del", "le", "à", "um", "uhr"];
/// Names of time zones with their offset in hours and minutes. RFC 822 names the first ten.
const ZONES: [(&str, i32); 33] = [
    ("ut", 0),
    ("gmt", 0),
    ("est", -500),
    ("edt", -400),
    ("cst", -600),
    ("cdt", -500),
    ("mst", -700),
    ("mdt", -600),
    ("pst", -800),
    ("pdt", -700),
    ("utc", 0),
    ("z", 0),
    ("wet", 0),
    ("west", 100),
    ("cet", 100),
    ("cest", 200),
    ("eet", 200),
    ("eest", 300),
    ("msk", 300),
    ("jst", 900),
    ("kst", 900),
    ("hkt", 800),
    ("sgt", 800),
    ("aest", 1000),
    ("aedt", 1100),
    ("acst", 930),
    ("acdt", 1030),
    ("awst", 800),
    ("nzst", 1200),
    ("nzdt", 1300),
    ("akst", -900),
    ("akdt", -800),
    ("hst", -1000),
];
/// Names that several time zones share, or that do not say whether it is summer.
const AMBIGUOUS_ZONES: [&str; 7] = ["bst", "ist", "ast", "et", "ct", "mt", "pt"];

/// A time zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// Offset from UTC, in seconds.
    Offset(i32),
    /// A name that several zones share.
    Ambiguous,
}

impl Zone {
    /// The zone with this name. Returns `None` if the word is not a name of a zone.
    pub(super) fn named(word: &str) -> Option<Self> {
        if AMBIGUOUS_ZONES.contains(&word) || is_military(word) || is_region(word) {
            return Some(Self::Ambiguous);
        }
        let (_, offset) = ZONES.iter().find(|(name, _)| *name == word)?;
        Some(Self::Offset((offset / 100 * 60 + offset % 100) * 60))
    }
}

/// Whether this is a single letter, which was used in two senses (RFC 5322). `z` is in the table; `j` was not used.
fn is_military(word: &str) -> bool {
    matches!(word.as_bytes(), [b'a'..=b'i' | b'k'..=b'y'])
}

/// Whether this is a name like `europe/berlin`, whose offset is in a database.
fn is_region(word: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphabetic() || "_/-".contains(letter))
    };
    word.split_once('/')
        .is_some_and(|(area, place)| is_name(area) && is_name(place))
}

/// Number of the month that `word` is or abbreviates.
pub(super) fn month_of(word: &str) -> Option<u32> {
    let months = (1..).zip(MONTHS);
    let mut months = months.filter_map(|(number, names)| abbreviates(word, names).then_some(number));
    // `jui` is June or July.
    months.next().filter(|_| months.next().is_none())
}

pub(super) fn is_weekday(word: &str) -> bool {
    WEEKDAYS.iter().any(|names| abbreviates(word, names)) || SHORT_WEEKDAYS.contains(&without_dot(word))
}

pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word)
}

/// Whether `word` is one of the names, or at least three letters of its beginning.
fn abbreviates(word: &str, names: &[&str]) -> bool {
    let word = without_dot(word);
    word.chars().count() >= 3 && names.iter().any(|name| name.starts_with(word))
}

pub(super) fn without_dot(word: &str) -> &str {
    word.strip_suffix('.').unwrap_or(word)
}
