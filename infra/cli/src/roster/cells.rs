//! Single cells: ids that a spreadsheet has mangled, and the names in a cell of entitlements. Reasons never repeat a cell.

use encoding_rs::WINDOWS_1252;
use shared::partner::{Entitlement, Entitlements};

/// Why a cell cannot be used.
pub(super) type Reason = &'static str;

/// A test for texts, and the reason against those that it finds.
type Mangled = (fn(&str) -> bool, Reason);

/// What a spreadsheet makes of a text that it takes for a number, a date or a truth value.
const MANGLED: [Mangled; 7] = [
    (
        is_scientific,
        "is a number in scientific notation; format the column as text",
    ),
    (is_formatted_number, "is a formatted number; format the column as text"),
    (
        is_rounded,
        "is a number that a spreadsheet has rounded to 15 digits; format the column as text",
    ),
    (is_date, "is a date; format the column as text"),
    (is_time, "is a time; format the column as text"),
    (is_truth_value, "is a truth value; format the column as text"),
    (
        is_double_encoded,
        "is UTF-8 that was read in another encoding; check --encoding, or export the file again",
    ),
];

/// Further signs that a text is not an id.
const NOT_AN_ID: [Mangled; 6] = [
    (
        is_guarded,
        "has quotes or a leading =, such as a guard against formulas",
    ),
    (
        |id| id.starts_with('#') || is_calc_error(id),
        "begins with #, like an error value of a spreadsheet or a comment",
    ),
    (is_null, "is a word for an empty cell"),
    (is_total, "is a total or a row count, not a subscriber"),
    (
        |id| id.starts_with(['+', '-', '@']),
        "begins with +, - or @, like a formula",
    ),
    (|id| id.contains('?'), LOST),
];

const LOST: Reason = "has a character that was lost in a conversion; export the file again, as UTF-8";

fn reason(tests: &[Mangled], text: &str) -> Option<Reason> {
    tests
        .iter()
        .find(|(matches, _)| matches(text))
        .map(|(_, reason)| *reason)
}

pub(super) const NOT_UTF_8: Reason =
    "not UTF-8; save the file as UTF-8, or name its encoding, such as --encoding windows-1252";

/// The entitlements or plans of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A cell, which may hold several names.
    Text(String),
    /// A JSON array: each name is exact.
    List(Vec<String>),
}

/// One row: its first line, and its cells or the reason why it cannot be used.
pub(super) struct ReadRow {
    pub(super) line: u64,
    pub(super) cells: Result<RowCells, String>,
}

/// The cells of one row that an import uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowCells {
    pub(super) who: String,
    /// Name of the column of `who`: `sub` or `partner_user_id`.
    pub(super) who_is: &'static str,
    pub(super) given: Given,
    pub(super) status: Option<String>,
    /// Whether each line of the row could be a row of its own.
    pub(super) hides_rows: bool,
}

/// Checks that an id is what the operator's system wrote, and not what a spreadsheet or an editor made of it.
pub(super) fn check_id(id: &str) -> Result<(), Reason> {
    if id.is_empty() {
        return Err("empty");
    }
    if id.chars().any(is_invisible) {
        return Err("has an invisible character, such as a tab, a line break, a no-break space or a byte order mark");
    }
    if id.contains('\u{fffd}') {
        return Err(LOST);
    }
    if id.trim_matches(' ') != id {
        return Err("begins or ends with a space");
    }
    reason(&MANGLED, id)
        .or_else(|| reason(&NOT_AN_ID, id))
        .map_or(Ok(()), Err)
}

/// Checks that no name in a cell of entitlements is what a spreadsheet made of it. The names of a JSON list are exact.
pub(super) fn check_entitlements(given: &Given) -> Result<(), Reason> {
    let Given::Text(cell) = given else {
        return Ok(());
    };
    let mangled = names(cell).find_map(|name| reason(&MANGLED, name));
    mangled.map_or(Ok(()), Err)
}

/// Reads the entitlements of one row.
pub(super) fn entitlements(given: &Given) -> Result<Entitlements, Reason> {
    match given {
        Given::List(names) => parse_names(&names.iter().map(String::as_str).collect::<Vec<_>>()),
        Given::Text(cell) => {
            if cell.contains(['\n', '\r']) && cell.contains(is_separator) {
                return Err("has a line break and a separator; perhaps a quote is not closed");
            }
            if cell.trim_start().starts_with(['[', '{', '(']) {
                return Err("is a list in brackets; write the names with spaces between them");
            }
            parse_names(&names(cell).collect::<Vec<_>>())
        }
    }
}

fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(|c: char| c.is_ascii_whitespace() || is_separator(c))
        .filter(|name| !name.is_empty())
}

/// Whether a character separates names in a cell. It cannot be part of an entitlement's name.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|')
}

fn parse_names(names: &[&str]) -> Result<Entitlements, Reason> {
    Entitlements::parse(names).map_err(|_| {
        if names.iter().all(|name| Entitlement::parse(name).is_ok()) {
            return "has more than 500 names";
        }
        if names.iter().any(|name| name.chars().any(is_invisible)) {
            return "has an invisible character";
        }
        if names.iter().any(|name| name.len() > 128) {
            return "has a name of more than 128 characters";
        }
        if names.iter().all(|name| is_null(name) || name.starts_with('#')) {
            return "is a word for an empty cell, or an error value; leave the cell empty";
        }
        if names.iter().any(|name| name.contains('"')) {
            return "has a quote in a name; perhaps a space stands before a cell in quotes";
        }
        "has a name with other characters than A-Z a-z 0-9 . _ : -, or that does not begin with a letter or digit"
    })
}

/// Whether a character cannot be seen, or looks like a space.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn is_guarded(id: &str) -> bool {
    const QUOTES: [char; 15] = [
        '"', '\'', '`', '´', '“', '”', '„', '‟', '‘', '’', '‚', '«', '»', '‹', '›',
    ];
    id.starts_with(['=', '\u{ff1d}']) || id.starts_with(QUOTES) || id.ends_with(QUOTES) || id.contains('"')
}

fn is_calc_error(id: &str) -> bool {
    let code = id.strip_prefix("Err:").unwrap_or_default();
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// As in `1.23457E+17`, also with a comma. A whole number and an exponent without a sign may be an id, such as `12e4`.
fn is_scientific(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let signed = exponent.strip_prefix(['+', '-']);
    match number.split_once(['.', ',']) {
        Some((whole, part)) => all_digits(whole) && all_digits(part) && all_digits(signed.unwrap_or(exponent)),
        None => all_digits(number) && signed.is_some_and(all_digits),
    }
}

/// As in `4711.0`, `4711,00`, `1,234,567`, `1 234 567`, `$4711`, `47.11 %` or `(4711)`.
fn is_formatted_number(text: &str) -> bool {
    let with_zeros =
        |(whole, part): (&str, &str)| all_digits(whole) && !part.is_empty() && part.bytes().all(|byte| byte == b'0');
    let mut groups = text.split([',', '.', ' ', '\'', '’']);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    let in_thousands = first.len() <= 3
        && all_digits(first)
        && rest.peek().is_some()
        && rest.all(|group| group.len() == 3 && all_digits(group));
    let number = text.trim_matches(['$', '€', '£', '¥', '₹', '%', '(', ')', ' ']);
    let with_unit = number.len() < text.len()
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b",. ".contains(&byte));
    text.split_once(['.', ',']).is_some_and(with_zeros) || in_thousands || with_unit
}

/// A spreadsheet keeps 15 digits of a number. Ids of 16 or 17 digits may end in zeros by chance.
fn is_rounded(id: &str) -> bool {
    (18..=40).contains(&id.len())
        && all_digits(id)
        && !id.starts_with('0')
        && id.bytes().skip(15).all(|byte| byte == b'0')
}

/// Whether a text is a month's name or its usual short form.
fn is_month(text: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    const OTHERS: [&str; 34] = [
        "mär", "märz", "mrz", "mai", "juni", "juli", "okt", "oktober", "dez", "dezember", "janv", "févr", "fév",
        "mars", "avr", "avril", "juin", "juil", "juillet", "août", "déc", "ene", "abr", "ago", "dic", "gen", "mag",
        "giu", "lug", "set", "ott", "mrt", "mei", "out",
    ];
    let text = text.to_lowercase();
    text.len() >= 3 && MONTHS.iter().any(|month| month.starts_with(&text)) || OTHERS.contains(&text.as_str())
}

fn is_date(text: &str) -> bool {
    // Without a time such as `T10:00:00Z`.
    let date = match text.find(':').and_then(|colon| text.get(..colon)?.rfind(['T', ' '])) {
        Some(end) => text.get(..end).unwrap_or_default(),
        None => text,
    };
    let parts: Vec<_> = date
        .split(['-', '/', '.', ' ', ','])
        .filter(|part| !part.is_empty())
        .collect();
    let number = |part: &str, most: u32| {
        all_digits(part) && part.len() <= 2 && part.parse().is_ok_and(|n: u32| (1..=most).contains(&n))
    };
    let day = |part: &str| number(part, 31);
    let year = |part: &str| part.len() == 4 && all_digits(part) && (part.starts_with("19") || part.starts_with("20"));
    let short_year = |part: &str| part.len() == 2 && all_digits(part);
    // Hyphens also group the digits of ids.
    let in_digits = date.contains(['/', '.']) && !date.contains('-');
    match parts.as_slice() {
        [_, d, m, y] | [_, m, d, y] if is_month(m) && day(d) && year(y) => true,
        [y, m, d] if year(y) => (number(m, 12) || is_month(m)) && day(d),
        [a, b, y] if year(y) => (day(a) && (day(b) || is_month(b))) || (is_month(a) && day(b)),
        [d, m, y] if is_month(m) => day(d) && short_year(y),
        [a, b, y] if in_digits => short_year(y) && ((day(a) && number(b, 12)) || (number(a, 12) && day(b))),
        [d, m] if is_month(m) => day(d),
        [m, y] if is_month(m) => day(y) || short_year(y) || year(y),
        [a, b] => date.contains('/') && day(a) && day(b),
        _ => false,
    }
}

/// As in `12:30`, `1:02:03` or `12:30:00 PM`.
fn is_time(text: &str) -> bool {
    let clock = text.trim_end_matches([' ', 'A', 'P', 'M', 'a', 'p', 'm']);
    let parts: Vec<_> = clock.split(':').collect();
    matches!(parts.len(), 2 | 3)
        && parts.iter().all(|part| all_digits(part))
        && parts.iter().skip(1).all(|part| part.len() == 2)
        && parts.first().is_some_and(|hours| hours.len() <= 2)
}

/// As in `Ã¼` for `ü`: each byte of a UTF-8 character became a character of its own.
fn is_double_encoded(text: &str) -> bool {
    let (bytes, _, has_unmappable) = WINDOWS_1252.encode(text);
    !text.is_ascii() && !has_unmappable && std::str::from_utf8(&bytes).is_ok()
}

/// Words that databases and programs write for an empty cell.
pub(super) fn is_null(text: &str) -> bool {
    const WORDS: [&str; 19] = [
        "(empty)",
        "[object object]",
        "null",
        "none",
        "nan",
        "nil",
        "na",
        "n/a",
        "undefined",
        "(null)",
        "<null>",
        "[null]",
        "(none)",
        "(blank)",
        "\\n",
        "-",
        "--",
        "<na>",
        "nat",
    ];
    WORDS.contains(&text.to_lowercase().as_str()) || text.chars().all(|c| matches!(c, '-' | '–' | '—' | '?'))
}

fn is_truth_value(id: &str) -> bool {
    const WORDS: [&str; 14] = [
        "true",
        "false",
        "wahr",
        "falsch",
        "vrai",
        "faux",
        "verdadero",
        "falso",
        "verdadeiro",
        "vero",
        "waar",
        "onwaar",
        "истина",
        "ложь",
    ];
    WORDS.contains(&id.to_lowercase().as_str())
}

/// As in `Total:`, `Grand total 57`, `Total members`, `Count: 3`, `57 rows` or `(57 rows)`.
fn is_total(id: &str) -> bool {
    const TOTALS: [&str; 20] = [
        "total",
        "totals",
        "grand total",
        "grand totals",
        "subtotal",
        "sub total",
        "sub-total",
        "summe",
        "gesamt",
        "gesamtsumme",
        "gesamtergebnis",
        "zwischensumme",
        "totale",
        "totaal",
        "somme",
        "suma",
        "soma",
        "итого",
        "合計",
        "合计",
    ];
    // These may also begin an id of several words.
    const COUNTS: [&str; 6] = ["sum", "count", "average", "anzahl", "rows", "records"];
    const COUNTED: [&str; 10] = [
        "row",
        "rows",
        "record",
        "records",
        "entries",
        "results",
        "members",
        "subscribers",
        "users",
        "customers",
    ];
    let id = id.to_lowercase();
    let after = |word: &&str| {
        id.strip_prefix(*word)
            .filter(|rest| !rest.starts_with(is_part_of_a_word))
    };
    // A number or nothing: `sum 41 fans` is an id.
    let is_number = |rest: &str| {
        let rest = rest.trim_start_matches([':', ' ', '=', '(']).trim_end_matches(')');
        rest.bytes().all(|byte| byte.is_ascii_digit() || b",. ".contains(&byte))
    };
    let (count, what) = id.trim_matches(['(', ')', ' ']).split_once(' ').unwrap_or_default();
    TOTALS.iter().any(|word| after(word).is_some())
        || COUNTS.iter().filter_map(after).any(is_number)
        || (all_digits(count) && COUNTED.iter().any(|word| what.split(['(', ' ']).next() == Some(word)))
}

fn is_part_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each mistake")]
    fn an_id_that_a_spreadsheet_has_mangled_is_rejected() {
        for (reason, ids) in [
            ("empty", &[""][..]),
            (
                "guard",
                &[
                    "'4711",
                    "=\"4711\"",
                    "\"4711\"",
                    "=4711",
                    "=A2",
                    "“4711”",
                    "‘4711’",
                    "«4711»",
                    "4711'",
                    "a\"b",
                    "`4711`",
                    "＝4711",
                ],
            ),
            (
                "invisible",
                &[
                    "\t4711",
                    "4711\u{a0}",
                    "47\u{200b}11",
                    "\u{feff}4711",
                    "47\u{ad}11",
                    "\u{202e}4711",
                    "4711\u{200e}",
                    "4711\r",
                    "\u{2060}4711",
                    "4711\u{3000}",
                    "4711\u{202f}",
                    "a\nb",
                    "4711\u{e0020}",
                    "a\u{fe0f}",
                ],
            ),
            ("lost in a conversion", &["m\u{fffd}ller", "?ukasz"]),
            (
                "error value",
                &[
                    "# exported",
                    "#N/A",
                    "#REF!",
                    "#NAME?",
                    "#VALUE!",
                    "#DIV/0!",
                    "########",
                    "#NV",
                    "#BEZUG!",
                    "Err:502",
                ],
            ),
            (
                "scientific",
                &[
                    "1.23457E+17",
                    "1,23457E+17",
                    "1e+21",
                    "4.7E-05",
                    "1.23457e+017",
                    "-1.2E+10",
                    "1.2E10",
                    "1,2e21",
                ],
            ),
            (
                "formatted number",
                &[
                    "4711.0",
                    "4711,00",
                    "1,234,567",
                    "1.234.567",
                    "1 234 567",
                    "1'234'567",
                    "12.000",
                    "$4711",
                    "4711 €",
                    "€4,711.50",
                    "47.11%",
                    "(4711)",
                ],
            ),
            ("rounded", &["123456789012345000", "76561198000000000000"]),
            (
                "date",
                &[
                    "2024-01-05",
                    "05/01/2024",
                    "5-Jan",
                    "Jan-24",
                    "05.01.2024",
                    "2024-01-05T10:00:00Z",
                    "2024-01-05 00:00:00",
                    "1. Dez",
                    "5-OCT",
                    "1/5/2024 10:30",
                    "01-Mar-24",
                    "Mar-1",
                    "1/3",
                    "3/1/24",
                    "01.03.24",
                    "March 1, 2024",
                    "1 March 2024",
                    "Fri, 01 Mar 2024",
                    "1. März",
                    "2024-Mar-01",
                    "mars-24",
                ],
            ),
            ("is a time", &["12:30", "0:00", "01:02:03", "12:30:00 PM"]),
            ("another encoding", &["mÃ¼ller", "Ã©"]),
            (
                "empty cell",
                &[
                    "NULL",
                    "None",
                    "nan",
                    "N/A",
                    "\\N",
                    "-",
                    "--",
                    "NA",
                    "undefined",
                    "(null)",
                    "<NA>",
                    "—",
                    "?",
                    "[object Object]",
                ],
            ),
            ("truth value", &["TRUE", "FALSE", "true", "WAHR", "VERDADERO", "ИСТИНА"]),
            (
                "total",
                &[
                    "Total:",
                    "Total",
                    "total: 57",
                    "Grand Total",
                    "Summe",
                    "Gesamt: 3",
                    "(57 rows)",
                    "57 rows",
                    "Count: 12",
                    "Sum 4,711.00",
                    "Total members",
                    "Total Members: 57",
                    "Gesamtsumme",
                    "Итого",
                    "57 members",
                ],
            ),
            ("like a formula", &["+4711", "-4711", "@ada"]),
        ] {
            for id in ids {
                let said = check_id(id).expect_err(id);
                assert!(said.contains(reason), "{id:?}: {said}");
                assert!(id.len() < 3 || !said.contains(id), "{id:?}: {said}");
            }
        }
    }

    #[test]
    fn ids_of_usual_forms_are_accepted() {
        for id in [
            "4711",
            "0042",
            "member-1002",
            "cus_NffrFeUfNV2Hib",
            "ada.lovelace+test@example.com",
            "o'brien@example.com",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "123e4567-e89b-12d3-a456-426614174000",
            "12e4",
            "5e3",
            "1234567890123456",
            "123456789012345678",
            "total-eclipse",
            "sum 41 fans",
            "summer",
            "nancy",
            "truelove",
            "jan",
            "2024",
            "10-12-33",
            "1.2",
            "12.34.56",
            "müller",
            "北京",
            "Ada Lovelace",
            "urn:uuid:0042",
            "a#b",
            "rowsdower",
            "totally",
            "total@example.com",
            "57 monkeys",
            "maria",
            "may",
            "12:34:56:78",
            "1E5",
            "josé",
            "cash$",
        ] {
            assert_eq!(check_id(id), Ok(()), "{id}");
        }
    }

    fn names(cell: &str) -> Result<String, Reason> {
        let names = entitlements(&Given::Text(cell.to_owned()))?;
        Ok(names.iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names_in_a_cell_may_be_separated_by_spaces_or_punctuation() {
        for cell in [
            "basic all-access",
            "basic,all-access",
            "basic;all-access",
            "basic|all-access",
            "basic, all-access",
            " all-access ;  basic; ",
            "basic\nall-access",
            "basic\tall-access",
            "basic ,, all-access",
        ] {
            assert_eq!(names(cell).unwrap(), "all-access basic", "{cell:?}");
        }
        assert_eq!(names("").unwrap(), "");
        assert_eq!(names(" ; ").unwrap(), "");
    }

    #[test]
    fn a_mangled_name_in_a_cell_of_entitlements_is_found() {
        let check = |cell: &str| check_entitlements(&Given::Text(cell.to_owned()));
        for (cell, reason) in [
            ("1-Mar", "date"),
            ("gold 2024-03-01", "date"),
            ("12:30", "time"),
            ("4711.0", "formatted number"),
            ("TRUE", "truth value"),
            ("123456789012345000", "rounded"),
        ] {
            assert!(check(cell).unwrap_err().contains(reason), "{cell}");
        }
        for cell in [
            "",
            "gold",
            "gold;all-access",
            "12 100,200",
            "season-2024",
            "show:1",
            "v1.2",
        ] {
            assert_eq!(check(cell), Ok(()), "{cell}");
        }
        assert_eq!(check_entitlements(&Given::List(vec!["1-Mar".to_owned()])), Ok(()));
    }

    #[test]
    fn a_cell_of_entitlements_is_rejected_with_its_reason() {
        let long = "x".repeat(129);
        let many: Vec<_> = (0..501).map(|n| format!("n{n}")).collect();
        for (cell, reason) in [
            ("bad!name", "other characters"),
            ("basic/all", "other characters"),
            ("basic+all", "other characters"),
            ("\\N", "empty cell"),
            ("#N/A", "empty cell"),
            ("N/A", "empty cell"),
            ("'basic", "other characters"),
            ("\"basic\"", "a quote"),
            ("-", "empty cell"),
            ("gold\u{200b}", "invisible"),
            ("gold\u{a0}silver", "invisible"),
            ("[\"basic\"]", "brackets"),
            ("{basic,all}", "brackets"),
            ("basic\nm-2,basic", "quote"),
            (&long, "128"),
            (&many.join(" "), "500"),
        ] {
            let said = names(cell).unwrap_err();
            assert!(said.contains(reason), "{cell:?}: {said}");
        }
        // The names of a JSON list are exact.
        assert!(entitlements(&Given::List(vec!["basic all".to_owned()])).is_err());
    }
}
