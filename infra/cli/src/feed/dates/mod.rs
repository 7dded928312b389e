//! Dates of episodes, in every form that can be read without guessing: RFC 822 and its variations, RFC 3339 and ISO 8601, and the text forms of C, Java and
//! JavaScript. Forms that depend on the country, such as 03/04/2026, cannot be read.

mod names;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};

use self::names::{Zone, is_filler, is_weekday, month_of, without_dot};

/// When an episode was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// The day as it is written, whatever its time zone.
    pub(super) day: NaiveDate,
    /// The instant. A missing time counts as midnight, a missing or ambiguous time zone as UTC.
    pub(super) at: DateTime<Utc>,
}

const EARLIEST_YEAR: i32 = 1900;

/// Reads a date. Returns `None` if it is impossible, or cannot be read without guessing.
pub(super) fn published(text: &str) -> Option<Published> {
    let text = without_comments(text)?.to_lowercase();
    let mut parts = Parts::default();
    let words = text.split(|character: char| character.is_whitespace() || character == ',');
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    // Tuesday in French, Italian and Spanish, if there is a month, too.
    let is_tuesday = words
        .split_first()
        .is_some_and(|(first, rest)| without_dot(first) == "mar" && rest.iter().any(|word| month_of(word).is_some()));
    for word in words.iter().skip(usize::from(is_tuesday)) {
        parts.word(word)?;
    }
    parts.date()
}

/// Removes `(comments)` and the `[zone names]` of Java. Returns `None` if one is not closed.
fn without_comments(text: &str) -> Option<String> {
    let mut kept = String::new();
    let mut open = Vec::new();
    for character in text.chars() {
        match character {
            '(' => open.push(')'),
            '[' => open.push(']'),
            _ if open.last() == Some(&character) => {
                open.pop();
                kept.push(' ');
            }
            ')' | ']' => return None,
            _ if open.is_empty() => kept.push(character),
            _ => {}
        }
    }
    open.is_empty().then_some(kept)
}

/// The parts of a date that have been read.
#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    time: Option<NaiveTime>,
    is_afternoon: Option<bool>,
    zone: Option<Zone>,
    /// Whether the zone is `GMT` or another name for UTC, which an offset can follow.
    is_utc: bool,
}

impl Parts {
    /// Reads one word. Returns `None` if it has no meaning in a date, or repeats a part.
    fn word(&mut self, word: &str) -> Option<()> {
        if let Some(month) = month_of(word) {
            return set(&mut self.month, month);
        }
        if is_weekday(word) || is_filler(word) {
            return Some(());
        }
        if ["am", "pm", "a.m.", "p.m."].contains(&word) && self.time.is_some() {
            return set(&mut self.is_afternoon, word.starts_with('p'));
        }
        if let Some((day, time)) = word.split_once('t')
            && let Some(()) = self.year_first(day)
        {
            return self.time_with_zone(time);
        }
        if self.year_first(word).is_some() || self.named(word).is_some() || self.day_first(word).is_some() {
            return Some(());
        }
        if word.contains(':') && word.starts_with(|first: char| first.is_ascii_digit()) {
            return self.time_with_zone(word);
        }
        self.number(word).or_else(|| self.zone(word))
    }

    /// A date like 2026-01-06, 2026/01/06 or 20260106.
    fn year_first(&mut self, word: &str) -> Option<()> {
        if word.len() == 8 && is_digits(word) {
            let (year, rest) = word.split_at_checked(4)?;
            let (month, day) = rest.split_at_checked(2)?;
            return self.numbers(year, month, day);
        }
        let separator = word.chars().find(|character| "-/.".contains(*character))?;
        let mut parts = word.split(separator);
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if year.len() != 4 || parts.next().is_some() {
            return None;
        }
        self.numbers(year, month, day)
    }

    /// A date like 13/04/2026 or 24.11.2026, if only one order of day and month is possible.
    fn day_first(&mut self, word: &str) -> Option<()> {
        let separator = word.chars().find(|character| "-/.".contains(*character))?;
        let mut parts = word.split(separator);
        let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
        if year.len() != 4 || parts.next().is_some() {
            return None;
        }
        let (one, other) = (short_number(first)?, short_number(second)?);
        match (one > 12, other > 12) {
            (true, false) => self.numbers(year, second, first),
            (false, true) => self.numbers(year, first, second),
            _ if one == other => self.numbers(year, first, second),
            _ => None,
        }
    }

    /// A date like 06-Jan-2026 or Jan-06-2026.
    fn named(&mut self, word: &str) -> Option<()> {
        let mut parts = word.split('-');
        let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (day, month) = match (month_of(first), month_of(second)) {
            (Some(month), None) => (second, month),
            (None, Some(month)) => (first, month),
            _ => return None,
        };
        let year = if year.len() == 2 {
            short_year(short_number(year)?)
        } else {
            long_year(year)?
        };
        set(&mut self.day, short_number(day)?)?;
        set(&mut self.month, month)?;
        set(&mut self.year, year)
    }

    fn numbers(&mut self, year: &str, month: &str, day: &str) -> Option<()> {
        let (year, month, day) = (long_year(year)?, short_number(month)?, short_number(day)?);
        set(&mut self.year, year)?;
        set(&mut self.month, month)?;
        set(&mut self.day, day)
    }

    /// A day like 6, 06 or 6th, or a year.
    fn number(&mut self, word: &str) -> Option<()> {
        if word.len() == 4 && is_digits(word) {
            return set(&mut self.year, long_year(word)?);
        }
        let ordinal = ["st", "nd", "rd", "th", "er"]
            .iter()
            .find_map(|ending| word.strip_suffix(ending));
        let number = short_number(ordinal.or_else(|| word.strip_suffix('.')).unwrap_or(word))?;
        if self.day.is_none() {
            return set(&mut self.day, number);
        }
        // RFC 822 has years of two digits, after the day.
        if word.len() == 2 && self.month.is_some() && is_digits(word) {
            return set(&mut self.year, short_year(number));
        }
        None
    }

    /// A time, possibly with `am` or `pm` and a zone attached to it.
    fn time_with_zone(&mut self, word: &str) -> Option<()> {
        let end = word
            .find(|character: char| !character.is_ascii_digit() && !":.".contains(character))
            .unwrap_or(word.len());
        let (time, rest) = word.split_at_checked(end)?;
        set(&mut self.time, time_of(time)?)?;
        let rest = match rest {
            "am" | "pm" => {
                set(&mut self.is_afternoon, rest == "pm")?;
                ""
            }
            _ => rest,
        };
        if rest.is_empty() { Some(()) } else { self.zone(rest) }
    }

    /// A zone: a name, an offset, `GMT` with an offset, or an offset followed by its name.
    fn zone(&mut self, word: &str) -> Option<()> {
        match Zone::named(word) {
            Some(Zone::Ambiguous) => {
                self.zone.get_or_insert(Zone::Ambiguous);
                return Some(());
            }
            Some(zone) => {
                self.is_utc = zone == Zone::Offset(0) && self.zone.is_none();
                return (*self.zone.get_or_insert(zone) == zone).then_some(());
            }
            None => {}
        }
        let offset = ["gmt", "utc", "ut"].iter().find_map(|name| word.strip_prefix(name));
        let seconds = offset_of(offset.unwrap_or(word))?;
        let zone = Zone::Offset(seconds);
        // `GMT +0100` and `BST +0100`, where the offset counts, and `EST -0500`.
        let is_replaced = std::mem::take(&mut self.is_utc) || self.zone == Some(Zone::Ambiguous);
        if is_replaced || self.zone == Some(zone) {
            self.zone = None;
        }
        set(&mut self.zone, zone)
    }

    fn date(self) -> Option<Published> {
        let day = NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let mut time = self.time.unwrap_or(NaiveTime::MIN);
        if let Some(is_afternoon) = self.is_afternoon {
            time = twelve_hours(time, is_afternoon)?;
        }
        let seconds = match self.zone {
            Some(Zone::Offset(seconds)) => seconds,
            Some(Zone::Ambiguous) | None => 0,
        };
        let offset = FixedOffset::east_opt(seconds)?;
        let at = offset.from_local_datetime(&NaiveDateTime::new(day, time)).single()?;
        Some(Published {
            day,
            at: at.with_timezone(&Utc),
        })
    }
}

/// Stores a part of the date. Returns `None` if it is there already.
fn set<T>(part: &mut Option<T>, value: T) -> Option<()> {
    if part.is_some() {
        return None;
    }
    *part = Some(value);
    Some(())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of one or two digits.
fn short_number(text: &str) -> Option<u32> {
    if text.len() > 2 || !is_digits(text) {
        return None;
    }
    text.parse().ok()
}

fn long_year(text: &str) -> Option<i32> {
    if text.len() != 4 || !is_digits(text) {
        return None;
    }
    text.parse().ok().filter(|year| *year >= EARLIEST_YEAR)
}

/// The year of two digits, by RFC 2822.
fn short_year(number: u32) -> i32 {
    let number = i32::try_from(number).unwrap_or_default();
    if number < 50 { 2000 + number } else { 1900 + number }
}

/// A time like 09:00, 9:00:57 or 09:00:57.123.
fn time_of(text: &str) -> Option<NaiveTime> {
    if is_digits(text) && (text.len() == 4 || text.len() == 6) {
        // The basic form of ISO 8601, after a `T`.
        let (hours, rest) = text.split_at_checked(2)?;
        let (minutes, seconds) = rest.split_at_checked(2)?;
        let seconds = if seconds.is_empty() { "00" } else { seconds };
        return NaiveTime::from_hms_opt(short_number(hours)?, short_number(minutes)?, short_number(seconds)?);
    }
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("00"));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if parts.next().is_some() || minutes.len() != 2 || seconds.len() != 2 || !is_digits(fraction) {
        return None;
    }
    // A leap second counts as the second before it.
    let seconds = short_number(seconds).map(|seconds| if seconds == 60 { 59 } else { seconds })?;
    NaiveTime::from_hms_opt(short_number(hours)?, short_number(minutes)?, seconds)
}

/// An offset like +0530, -05:00 or +1, in seconds.
fn offset_of(text: &str) -> Option<i32> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' | '\u{2212}' => -1,
        _ => return None,
    };
    let digits = text.trim_start_matches(['+', '-', '\u{2212}']);
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some(parts), _) => parts,
        (None, 4) => digits.split_at_checked(2)?,
        (None, 1 | 2) => (digits, "00"),
        (None, _) => return None,
    };
    let (hours, minutes) = (
        short_number(hours)?,
        short_number(minutes).filter(|_| minutes.len() == 2)?,
    );
    if hours > 14 || minutes > 59 {
        return None;
    }
    i32::try_from((hours * 60 + minutes) * 60)
        .ok()
        .map(|seconds| sign * seconds)
}

/// A time of the twelve-hour clock.
fn twelve_hours(time: NaiveTime, is_afternoon: bool) -> Option<NaiveTime> {
    use chrono::Timelike as _;
    match (time.hour(), is_afternoon) {
        (0 | 13.., _) => None,
        (12, false) => time.with_hour(0),
        (12, true) | (_, false) => Some(time),
        (hour, true) => time.with_hour(hour + 12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        published(text).map(|published| published.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    #[test]
    fn a_date_is_read_in_every_form_that_needs_no_guess() {
        for (text, expected) in [
            // RFC 822, RFC 2822 and what generators make of them.
            ("Tue, 06 Jan 2026 09:00:00 +0000", "2026-01-06T09:00:00Z"),
            ("Mon, 06 Jan 2026 09:00:00 GMT", "2026-01-06T09:00:00Z"),
            ("06 Jan 2026 09:00:00 EST", "2026-01-06T14:00:00Z"),
            ("Tuesday, 6 January 2026 09:00 PDT", "2026-01-06T16:00:00Z"),
            ("tue,06 JAN 2026 09:00:00 Z", "2026-01-06T09:00:00Z"),
            ("  Tue ,  6  Jan\t2026\n09:00:00   UT ", "2026-01-06T09:00:00Z"),
            ("Tues., 06 Sept. 2026 09:00:00 UTC", "2026-09-06T09:00:00Z"),
            ("06 Jan 26 09:00 GMT", "2026-01-06T09:00:00Z"),
            ("06 Jan 98 09:00 GMT", "1998-01-06T09:00:00Z"),
            ("Tue, 06 Jan 2026", "2026-01-06T00:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00", "2026-01-06T09:00:00Z"),
            ("Tue, 06 Jan 2026 GMT", "2026-01-06T00:00:00Z"),
            ("Tue 06 Jan 2026 01:00:00 GMT-0400 (EDT)", "2026-01-06T05:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 GMT+1", "2026-01-06T08:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 GMT +0100", "2026-01-06T08:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 +05:30", "2026-01-06T03:30:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 -0330", "2026-01-06T12:30:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 CET", "2026-01-06T08:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 BST", "2026-01-06T09:00:00Z"),
            (
                "Tue, 06 Jan 2026 09:00:00 +0000 (a (nested) comment)",
                "2026-01-06T09:00:00Z",
            ),
            ("Tue, 06 Jan 2026 23:59:60 +0000", "2026-01-06T23:59:59Z"),
            ("Tuesday, 06-Jan-26 09:00:00 GMT", "2026-01-06T09:00:00Z"),
            ("06-Jan-2026", "2026-01-06T00:00:00Z"),
            // ISO 8601 and RFC 3339.
            ("2026-01-06", "2026-01-06T00:00:00Z"),
            ("2026-01-06T09:00:00Z", "2026-01-06T09:00:00Z"),
            ("2026-01-06t09:00:00.123456+02:00", "2026-01-06T07:00:00Z"),
            ("2026-01-06 09:00", "2026-01-06T09:00:00Z"),
            ("2026-01-06 09:00:00 -05:00", "2026-01-06T14:00:00Z"),
            ("2026-01-06 09:00:00 +0000 UTC", "2026-01-06T09:00:00Z"),
            ("2026-01-06T09:00:00+01:00[Europe/Berlin]", "2026-01-06T08:00:00Z"),
            ("20260106T090000Z", "2026-01-06T09:00:00Z"),
            ("20260106", "2026-01-06T00:00:00Z"),
            ("2026/01/06 09:00:00", "2026-01-06T09:00:00Z"),
            // C, Java, JavaScript and prose.
            ("Tue Jan  6 09:00:57 2026", "2026-01-06T09:00:57Z"),
            ("Tue Jan 06 09:00:57 UTC 2026", "2026-01-06T09:00:57Z"),
            (
                "Tue Jan 06 2026 09:00:57 GMT+0000 (Coordinated Universal Time)",
                "2026-01-06T09:00:57Z",
            ),
            ("Tue Jan 06 2026", "2026-01-06T00:00:00Z"),
            ("January 6th, 2026 at 9:00 PM", "2026-01-06T21:00:00Z"),
            ("Jan 6, 2026 12:05am", "2026-01-06T00:05:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 EST -0500", "2026-01-06T14:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 -0500 EST", "2026-01-06T14:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 A", "2026-01-06T09:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 ET", "2026-01-06T09:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 America/New_York", "2026-01-06T09:00:00Z"),
            ("Tue, 06 Jan 2026 09:00:00 BST +0100", "2026-01-06T08:00:00Z"),
            // Other languages.
            ("Di, 06 Jan 2026 09:00:00 +0100", "2026-01-06T08:00:00Z"),
            ("Dienstag, 6. Januar 2026 um 9:00 Uhr", "2026-01-06T09:00:00Z"),
            ("So., 1. M\u{e4}rz 2026", "2026-03-01T00:00:00Z"),
            ("mardi 6 janvier 2026 \u{e0} 09:00", "2026-01-06T09:00:00Z"),
            ("sam. 1er ao\u{fb}t 2026", "2026-08-01T00:00:00Z"),
            ("mar. 6 janv. 2026", "2026-01-06T00:00:00Z"),
            ("Mar, 03 mar 2026", "2026-03-03T00:00:00Z"),
            ("Mar 3, 2026", "2026-03-03T00:00:00Z"),
            ("6 de enero de 2026", "2026-01-06T00:00:00Z"),
            ("lun, 05 ene 2026 09:00:00 GMT", "2026-01-05T09:00:00Z"),
            ("6 gennaio 2026", "2026-01-06T00:00:00Z"),
            ("ter, 06 out 2026", "2026-10-06T00:00:00Z"),
            ("vr 6 mrt. 2026", "2026-03-06T00:00:00Z"),
            ("Fri, 06 Mar 2026", "2026-03-06T00:00:00Z"),
            // Only one order of day and month is possible.
            ("24.11.2026", "2026-11-24T00:00:00Z"),
            ("11/24/2026 09:00", "2026-11-24T09:00:00Z"),
            ("04/04/2026", "2026-04-04T00:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_date_that_is_impossible_or_needs_a_guess_is_not_read() {
        for text in [
            "",
            " ",
            "soon",
            "today",
            "TBD",
            "0",
            "1767690000",
            "1767690000000",
            "2026",
            "Jan 2026",
            "06 Jan",
            "Tue",
            "09:00:00",
            "03/04/2026",
            "3.4.2026",
            "03-04-2026",
            "03/04/26",
            "06/01/02",
            "2026-13-01",
            "2026-00-10",
            "2026-02-30",
            "31 Feb 2026",
            "32 Jan 2026",
            "Tue, 06 Jan 2026 34:50:00 -0400",
            "Tue, 06 Jan 2026 09:60:00 +0000",
            "Tue, 06 Jan 2026 24:00:00 GMT",
            "Tue, 06 Jan 2026 09:00:00 +9900",
            "Tue, 06 Jan 2026 09:00:00 NOWHERE",
            "Tue, 06 Jan 2026 09:00:00 +0000 -0500",
            "Tue, 06 Jan 2026 09:00:00 (open",
            "Tue, 06 Jan 2026 09:00:00 )",
            "mar. 2026",
            "6 jui 2026",
            "6 styczeń 2026",
            "Foo, 06 Jan 2026",
            "Tue, 06 Jan 2026 09:00:00 EST -0400",
            "Mon, 30 Nov -0001 00:00:00 +0000",
            "0000-00-00 00:00:00",
            "2026-01-06T24:00:00Z",
            "Tue, 06 Jan 2026 09:00:00 J",
            "Tue, 06 Jan 2026 09:00:00 Mars/2",
            "2026-006",
            "29 Feb 2025",
            "1/6/2026",
            "2026年1月6日",
            "06 Jan 0026 09:00:00 GMT",
            "06 Jan 126",
            "06 06 Jan 2026",
            "Jan Feb 6 2026",
            "2026-01-06 2026-01-07",
            "13:00 PM 6 Jan 2026",
            "2026-W02-2",
            "Tue, 06 Jan 2026 9:5",
            "Tue, 06 Ja 2026",
            "2026-01-06T",
            "2026-01-06T25:00:00Z",
            "\u{661} Jan 2026",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_is_the_one_that_is_written() {
        let published = published("Tue, 06 Jan 2026 23:30:00 -0800").unwrap();
        assert_eq!(published.day.to_string(), "2026-01-06");
        assert_eq!(published.at.to_rfc3339(), "2026-01-07T07:30:00+00:00");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-zA-Z:+,./ ()Tz-]{0,40}", other in ".{0,20}") {
            let _ = (published(&text), published(&other));
        }

        /// What chrono writes is read back.
        #[test]
        fn the_standard_forms_are_read_back(seconds in 0_i64..4_000_000_000, hours in -12_i32..=14) {
            let zone = FixedOffset::east_opt(hours * 3600).unwrap();
            let date = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&zone);
            for text in [date.to_rfc2822(), date.to_rfc3339()] {
                let read = published(&text).unwrap();
                proptest::prop_assert_eq!((read.day, read.at.timestamp()), (date.date_naive(), seconds), "{}", text);
            }
        }
    }
}
