//! The XML declaration: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`.

use super::{
    fault::Fault,
    rules::{ENCODING, NOT_WELL_FORMED},
};

/// What an XML declaration says of the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// UTF-8 under a name that only a part of the parsers knows. The others read ASCII alone.
    Utf8Alias,
    Ascii,
}

/// Reads an XML declaration, without `<?` and `?>`.
///
/// # Errors
/// [`Fault`] if it is malformed, or declares another encoding than UTF-8 or ASCII.
pub(super) fn encoding(declaration: &str, line: u64) -> Result<Encoding, Fault> {
    let malformed = || {
        Fault::with_fix(
            &NOT_WELL_FORMED,
            line,
            "the XML declaration is malformed",
            "Write <?xml version=\"1.0\" encoding=\"UTF-8\"?>.",
        )
    };
    let mut rest = declaration.strip_prefix("xml").ok_or_else(malformed)?;
    let version = pseudo_attribute(&mut rest, "version").ok_or_else(malformed)?;
    let minor = version.strip_prefix("1.").unwrap_or_default();
    if minor.is_empty() || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let encoding = pseudo_attribute(&mut rest, "encoding");
    if let Some(standalone) = pseudo_attribute(&mut rest, "standalone")
        && !["yes", "no"].contains(&standalone)
    {
        return Err(malformed());
    }
    if !rest.trim_matches(is_space).is_empty() {
        return Err(malformed());
    }
    match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("utf-8") => Ok(Encoding::Utf8),
        Some("utf8" | "utf_8") => Ok(Encoding::Utf8Alias),
        Some("us-ascii" | "ascii") => Ok(Encoding::Ascii),
        Some(name) if is_encoding_name(name) => {
            let what = format!("the feed is declared to be in {name}, not in UTF-8");
            // A feed in UTF-16 or UTF-32 was recognized by its first bytes, so such a declaration is wrong.
            let is_wrong = name.starts_with("utf");
            let rule = if is_wrong { &NOT_WELL_FORMED } else { &ENCODING };
            Err(Fault::with_fix(rule, line, what, ENCODING.mend))
        }
        Some(_) => Err(malformed()),
    }
}

fn is_encoding_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.len() <= 40 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(is_part)
}

fn is_space(character: char) -> bool {
    " \t\r\n".contains(character)
}

/// Takes ` name="value"` from the start of `rest`. Returns `None`, and takes nothing, if it is not there.
fn pseudo_attribute<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let after = rest.trim_start_matches(is_space);
    if after.len() == rest.len() {
        return None;
    }
    let after = after.strip_prefix(name)?.trim_start_matches(is_space);
    let after = after.strip_prefix('=')?.trim_start_matches(is_space);
    let quote = after.chars().next().filter(|quote| "\"'".contains(*quote))?;
    let (value, after) = after.get(1..)?.split_once(quote)?;
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_of_utf_8_or_ascii_is_read_in_every_form() {
        for (text, expected) in [
            ("xml version=\"1.0\"", Encoding::Utf8),
            ("xml version='1.0' encoding='utf8'", Encoding::Utf8Alias),
            ("xml version = '1.0'\n encoding = \"UTF-8\" ", Encoding::Utf8),
            (
                "xml version='1.0' encoding='UTF8' standalone='yes'",
                Encoding::Utf8Alias,
            ),
            ("xml version='1.0' encoding='ASCII'", Encoding::Ascii),
            ("xml version='1.1' encoding='us-ascii' standalone='no'", Encoding::Ascii),
        ] {
            assert_eq!(encoding(text, 1).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn another_encoding_or_a_malformed_declaration_is_rejected() {
        for (text, what) in [
            ("xml version='1.0' encoding='ISO-8859-1'", "iso-8859-1"),
            ("xml version='1.0' encoding='windows-1252'", "windows-1252"),
            ("xml version='1.0' encoding='UTF-16'", "utf-16"),
            ("xml version='1.0' encoding=''", "malformed"),
            ("xml version='1.0' encoding='a b'", "malformed"),
            ("xml", "malformed"),
            ("xml version='2.0'", "malformed"),
            ("xml version='1.'", "malformed"),
            ("xml encoding='UTF-8'", "malformed"),
            ("xml encoding='UTF-8' version='1.0'", "malformed"),
            ("xml version='1.0' standalone='maybe'", "malformed"),
            ("xml version='1.0' standalone='no' encoding='UTF-8'", "malformed"),
            ("xml version='1.0'encoding='UTF-8'", "malformed"),
            ("xml version='1.0' encoding='UTF-8' more='1'", "malformed"),
            ("xml version=1.0", "malformed"),
        ] {
            assert!(encoding(text, 1).unwrap_err().what.contains(what), "{text}");
        }
    }
}
