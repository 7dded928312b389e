//! The XML declaration: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`.

use super::{
    fault::Fault,
    rules::{ENCODING, NOT_WELL_FORMED},
};

/// Beginnings of the names of encodings in which ASCII is written as in UTF-8.
const LIKE_ASCII: [&str; 4] = ["cp125", "iso-8859-", "latin1", "windows-125"];

/// Reads an XML declaration, without `<?` and `?>`. Returns the fault of the first character that is not in ASCII, if only ASCII can be read.
///
/// # Errors
/// [`Fault`] if it is malformed, or declares an encoding that cannot be read at all.
pub(super) fn read_declaration(declaration: &str, line: u64) -> Result<Option<Fault>, Fault> {
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
    let Some(name) = encoding.map(str::to_ascii_lowercase) else {
        return Ok(None);
    };
    if !is_encoding_name(&name) {
        return Err(malformed());
    }
    let fault = |rule, what: String| Fault::with_fix(rule, line, what, ENCODING.mend);
    let other = format!("the feed is declared to be in {name}, not in UTF-8");
    match name.as_str() {
        "utf-8" => Ok(None),
        "utf8" | "utf_8" => {
            let what =
                "the feed has other characters than ASCII, and its encoding has a name that not all parsers know";
            Ok(Some(fault(&NOT_WELL_FORMED, what.to_owned())))
        }
        "us-ascii" | "ascii" => {
            let what = "the feed is declared to be in ASCII, and has other characters";
            Ok(Some(fault(&NOT_WELL_FORMED, what.to_owned())))
        }
        _ if LIKE_ASCII.iter().any(|start| name.starts_with(start)) => Ok(Some(fault(&ENCODING, other))),
        // A feed in UTF-16 or UTF-32 was recognized by its first bytes, so such a declaration is wrong.
        _ if ["utf-16", "utf-32", "utf16", "utf32"]
            .iter()
            .any(|start| name.starts_with(start)) =>
        {
            Err(fault(&NOT_WELL_FORMED, other))
        }
        _ => Err(fault(&ENCODING, other)),
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
    fn a_declaration_is_read_in_every_form() {
        for text in [
            "xml version=\"1.0\"",
            "xml version = '1.0'\n encoding = \"UTF-8\" ",
            "xml version='1.1' encoding='utf-8' standalone='no'",
        ] {
            assert!(read_declaration(text, 1).unwrap().is_none(), "{text}");
        }
        for (name, rule) in [
            ("utf8", "not-well-formed"),
            ("UTF8", "not-well-formed"),
            ("ASCII", "not-well-formed"),
            ("us-ascii", "not-well-formed"),
            ("ISO-8859-1", "encoding"),
            ("Windows-1252", "encoding"),
        ] {
            let text = format!("xml version='1.0' encoding='{name}' standalone='yes'");
            assert_eq!(read_declaration(&text, 1).unwrap().unwrap().rule.name, rule, "{name}");
        }
    }

    #[test]
    fn another_encoding_or_a_malformed_declaration_is_rejected() {
        for (text, what) in [
            ("xml version='1.0' encoding='EBCDIC-CP-US'", "ebcdic-cp-us"),
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
            assert!(read_declaration(text, 1).unwrap_err().what.contains(what), "{text}");
        }
    }
}
