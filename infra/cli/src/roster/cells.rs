//! Single cells: ids that a spreadsheet has mangled, and the names in a cell of entitlements. Reasons never repeat a cell.

use shared::partner::{Entitlement, Entitlements};

/// Why a cell cannot be used.
pub(super) type Reason = &'static str;

/// A test for ids, and the reason against those that it finds.
type Mangled = (fn(&str) -> bool, Reason);

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
}

/// Checks that an id is what the operator's system wrote, and not what a spreadsheet or an editor made of it.
pub(super) fn check_id(id: &str) -> Result<(), Reason> {
    if id.is_empty() {
        return Err("empty");
    }
    if id.chars().any(is_invisible) {
        return Err("has an invisible character, such as a tab, a no-break space or a byte order mark");
    }
    if id.contains('\u{fffd}') {
        return Err("has a character that was lost in a conversion; export the file again");
    }
    if id.trim_matches(' ') != id {
        return Err("begins or ends with a space");
    }
    let mangled: [Mangled; 10] = [
        (
            is_guarded,
            "has quotes or a leading =, such as a guard against formulas",
        ),
        (
            |id| id.starts_with('#') || is_calc_error(id),
            "is an error value of a spreadsheet",
        ),
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
        (is_null, "is a word for an empty cell"),
        (is_truth_value, "is a truth value"),
        (is_total, "is a total or a row count, not a subscriber"),
        (
            |id| id.starts_with(['+', '-', '@']),
            "begins with +, - or @, like a formula",
        ),
    ];
    let found = mangled.into_iter().find(|(matches, _)| matches(id));
    found.map_or(Ok(()), |(_, reason)| Err(reason))
}

/// Reads the entitlements of one row.
pub(super) fn entitlements(given: &Given) -> Result<Entitlements, Reason> {
    match given {
        Given::List(names) => parse_names(&names.iter().map(String::as_str).collect::<Vec<_>>()),
        Given::Text(cell) => {
            let separators = |c: char| c.is_ascii_whitespace() || is_separator(c);
            if cell.contains(['\n', '\r']) && cell.contains(is_separator) {
                return Err("has a line break and a separator; perhaps a quote is not closed");
            }
            if cell.trim_start().starts_with(['[', '{', '(']) {
                return Err("is a list in brackets; write the names with spaces between them");
            }
            let names = cell.split(separators).filter(|name| !name.is_empty());
            parse_names(&names.collect::<Vec<_>>())
        }
    }
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

/// As in `1.23457E+17`, also with a comma. An exponent without a sign may be part of an id, such as `12e4`.
fn is_scientific(id: &str) -> bool {
    let Some((number, exponent)) = id.split_once(['e', 'E']) else {
        return false;
    };
    let whole = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, part) = whole.split_once(['.', ',']).unwrap_or((whole, "0"));
    all_digits(whole) && all_digits(part) && exponent.strip_prefix(['+', '-']).is_some_and(all_digits)
}

/// As in `4711.0`, `4711,00`, `1,234,567` or `1 234 567`.
fn is_formatted_number(id: &str) -> bool {
    let with_zeros =
        |(whole, part): (&str, &str)| all_digits(whole) && !part.is_empty() && part.bytes().all(|byte| byte == b'0');
    let mut groups = id.split([',', '.', ' ', '\'', '’']);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    let in_thousands = first.len() <= 3
        && all_digits(first)
        && rest.peek().is_some()
        && rest.all(|group| group.len() == 3 && all_digits(group));
    id.split_once(['.', ',']).is_some_and(with_zeros) || in_thousands
}

/// A spreadsheet keeps 15 digits of a number. Ids of 16 or 17 digits may end in zeros by chance.
fn is_rounded(id: &str) -> bool {
    (18..=40).contains(&id.len())
        && all_digits(id)
        && !id.starts_with('0')
        && id.bytes().skip(15).all(|byte| byte == b'0')
}

fn is_date(id: &str) -> bool {
    const MONTHS: [&str; 16] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mrz", "mai", "okt", "dez",
    ];
    // Without a time such as `T10:00:00Z`.
    let date = match id.find(':').and_then(|colon| id.get(..colon)?.rfind(['T', ' '])) {
        Some(end) => id.get(..end).unwrap_or_default(),
        None => id,
    };
    let parts: Vec<_> = date
        .split(['-', '/', '.', ' '])
        .filter(|part| !part.is_empty())
        .collect();
    let month = |part: &str| MONTHS.contains(&part.to_lowercase().as_str());
    let number = |part: &str, most: u32| {
        all_digits(part) && part.len() <= 2 && part.parse().is_ok_and(|n: u32| (1..=most).contains(&n))
    };
    let year = |part: &str| part.len() == 4 && all_digits(part) && (part.starts_with("19") || part.starts_with("20"));
    match parts.as_slice() {
        [y, m, d] if year(y) => number(m, 12) && number(d, 31),
        [a, b, y] if year(y) => number(a, 31) && (number(b, 31) || month(b)),
        [d, m, y] if month(m) => number(d, 31) && all_digits(y) && y.len() == 2,
        [d, m] if month(m) => number(d, 31),
        [m, y] if month(m) => all_digits(y) && matches!(y.len(), 2 | 4),
        _ => false,
    }
}

/// Words that databases and programs write for an empty cell.
pub(super) fn is_null(text: &str) -> bool {
    const WORDS: [&str; 17] = [
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
    let words = ["true", "false", "wahr", "falsch", "vrai", "faux"];
    words.contains(&id.to_lowercase().as_str())
}

/// As in `Total:`, `Grand total 57`, `57 rows` or `(57 rows)`.
fn is_total(id: &str) -> bool {
    const WORDS: [&str; 16] = [
        "total",
        "totals",
        "grand total",
        "subtotal",
        "sub total",
        "sum",
        "count",
        "average",
        "summe",
        "gesamt",
        "gesamtergebnis",
        "anzahl",
        "somme",
        "suma",
        "totale",
        "rows",
    ];
    let id = id.to_lowercase();
    let first = |word: &str| {
        let rest = id.strip_prefix(word);
        let rest = rest.map(|rest| rest.trim_start_matches([':', ' ', '=', '(']).trim_end_matches(')'));
        // A number or nothing follows: `total-eclipse` and `sum 41 fans` are ids.
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.bytes().all(|byte| byte.is_ascii_digit() || b",. ".contains(&byte))
        })
    };
    let counted = id
        .trim_matches(['(', ')', ' '])
        .split_once(' ')
        .is_some_and(|(count, what)| {
            all_digits(count)
                && matches!(
                    what,
                    "row" | "rows" | "rows in set" | "records" | "row(s" | "rows affected" | "row(s) affected"
                )
        });
    WORDS.iter().any(|word| first(word)) || counted
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
            ("lost in a conversion", &["m\u{fffd}ller"]),
            (
                "error value",
                &[
                    "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "########", "#NV", "#BEZUG!", "Err:502",
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
                ],
            ),
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
                ],
            ),
            ("truth value", &["TRUE", "FALSE", "true", "WAHR"]),
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
