//! The ways in which a document is not well-formed, each with its fix.

use quick_xml::name::QName;

use super::{
    doctype::{EntityError, is_name},
    fault::Fault,
    rules::{DOCTYPE_UNSUPPORTED, ENCODING, NOT_WELL_FORMED},
};

/// The usual declarations of common prefixes.
const PREFIXES: [(&str, &str); 8] = [
    ("atom", "Declare xmlns:atom=\"http://www.w3.org/2005/Atom\" on <rss>."),
    (
        "content",
        "Declare xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" on <rss>.",
    ),
    ("dc", "Declare xmlns:dc=\"http://purl.org/dc/elements/1.1/\" on <rss>."),
    (
        "itunes",
        "Declare xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" on <rss>.",
    ),
    (
        "media",
        "Declare xmlns:media=\"http://search.yahoo.com/mrss/\" on <rss>.",
    ),
    (
        "podcast",
        "Declare xmlns:podcast=\"https://podcastindex.org/namespace/1.0\" on <rss>.",
    ),
    (
        "psc",
        "Declare xmlns:psc=\"http://podlove.org/simple-chapters\" on <rss>.",
    ),
    (
        "spotify",
        "Declare xmlns:spotify=\"http://www.spotify.com/ns/rss\" on <rss>.",
    ),
];

/// Parts of the parser's messages, each with what is wrong, and the fix. The messages themselves can contain text of the feed.
const REASONS: [(&str, &str, &str); 26] = [
    ("invalid utf-8", "a character is not in UTF-8", ENCODING.mend),
    ("prefix is unbound", "a prefix is not declared", NAMES),
    ("Unexpected entity", "an entity is not declared", ENTITY),
    (
        "inside entity",
        "a bare & stands in the text or in an attribute",
        AMPERSAND,
    ),
    (
        "empty entity",
        "a bare & stands in the text or in an attribute",
        AMPERSAND,
    ),
    (
        "Invalid numeric entity",
        "a reference to a character is malformed",
        "Write it as &#160; or &#xA0;, or write the character itself.",
    ),
    ("is redefined", "an attribute is repeated", "Keep one of them."),
    ("inside opening tag", "a tag is malformed", TAG),
    (
        "inside closing tag",
        "an end tag is malformed",
        "Write an end tag as </title>.",
    ),
    (
        "'<' is not allowed",
        "a bare < stands in an attribute",
        "Write &lt; for <.",
    ),
    ("]]>", "]]> stands in the text", "Write ]]&gt; for ]]>."),
    (
        "'--'",
        "a comment contains --",
        "Remove the comment, or the second hyphen.",
    ),
    (
        "Invalid processing instruction",
        "<?xml is not at the very beginning of the file",
        "Remove everything before <?xml, also blank lines and spaces.",
    ),
    ("instruction", "a processing instruction is malformed", "Remove it."),
    (
        "Unexpected closing tag",
        "an end tag does not match its start tag",
        "Close the elements in the order in which they are nested. HTML in notes needs <![CDATA[…]]>.",
    ),
    (
        "no root element",
        "the document has no element",
        "Start the feed with <rss>.",
    ),
    (
        "Unclosed <![CDATA[",
        "a CDATA section is not closed",
        "Close it with ]]>.",
    ),
    (
        "end of stream",
        "the document ends before all its elements do",
        "Export the feed again: it is cut off, or an end tag is missing.",
    ),
    ("outside the root", "something stands outside the root element", OUTSIDE),
    ("prefix", "a namespace declaration or a prefix is malformed", NAMES),
    ("Namespace", "a namespace declaration or a prefix is malformed", NAMES),
    (
        "ualified name",
        "a name is malformed, or a bare < stands in the text",
        BARE_LESS_THAN,
    ),
    (
        "'<'",
        "a bare < stands in the text or in an attribute",
        "Write &lt; for <.",
    ),
    (
        "Unexpected token '<!",
        "a comment or CDATA section is malformed",
        SECTION,
    ),
    ("Unknown markup", "a comment or CDATA section is malformed", SECTION),
    ("Unexpected token", "a tag or the XML declaration is malformed", TAG),
];
const SECTION: &str = "Write comments as <!-- … -->, and CDATA sections as <![CDATA[…]]>.";
const OUTSIDE: &str = "Remove what stands before or after the feed, such as a message of the server.";
const AMPERSAND: &str = "Write &amp; for &, also in URLs.";
const ENTITY: &str = "Write the character itself or its number, such as &#160; for &nbsp;.";
const BARE_LESS_THAN: &str = "Write &lt; for < in text. Names start with a letter.";
const TAG: &str =
    "Put white space between attributes, straight quotes around each value, and write &lt; for < in text.";
const NAMES: &str = "Declare each prefix with a URI of its own; xml and xmlns are reserved.";

/// The fault that a message of the parser `xml` stands for.
pub(super) fn from_message(message: &str, line: u64) -> Fault {
    // `Invalid character U+0008`: the number is safe to repeat.
    if let Some(code) = message.strip_prefix("Invalid character U+") {
        let what = format!("the character U+{code} is not allowed in XML");
        return Fault::with_fix(&NOT_WELL_FORMED, line, what, "Remove the character.");
    }
    match REASONS.iter().find(|(part, _, _)| message.contains(part)) {
        Some((_, what, fix)) => Fault::with_fix(&NOT_WELL_FORMED, line, *what, fix),
        None => Fault::new(&NOT_WELL_FORMED, line, "not well-formed XML"),
    }
}

/// An attribute that is malformed or repeated.
pub(super) fn attribute(line: u64) -> Fault {
    Fault::with_fix(&NOT_WELL_FORMED, line, "an attribute is malformed or repeated", TAG)
}

/// An element or declaration after the end of the root element.
pub(super) fn outside_root(line: u64) -> Fault {
    let what = "something stands outside the root element";
    Fault::with_fix(&NOT_WELL_FORMED, line, what, OUTSIDE)
}

/// A bare `<` in an attribute.
pub(super) fn bare_less_than(line: u64) -> Fault {
    Fault::with_fix(
        &NOT_WELL_FORMED,
        line,
        "a bare < stands in an attribute",
        "Write &lt; for <.",
    )
}

/// A namespace that is not a URI. Parsers that separate namespace and name by a space refuse it.
pub(super) fn namespace_with_space(line: u64) -> Fault {
    Fault::with_fix(&NOT_WELL_FORMED, line, "a namespace has a space in it", NAMES)
}

/// Checks the first character after a prefix, and that only the characters occur that names had before the fifth edition of XML 1.0: many parsers, such as expat,
/// know no others. The verifier checks the rest.
pub(super) fn check_name(name: QName<'_>, line: u64) -> Result<(), Fault> {
    let is_only_inside = |first: char| matches!(first, '0'..='9' | '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}');
    let local = name.local_name().into_inner();
    if local.is_empty() || local.starts_with(is_only_inside) {
        let what = "a name does not begin with a letter, or a bare < stands in the text";
        return Err(Fault::with_fix(&NOT_WELL_FORMED, line, what, BARE_LESS_THAN));
    }
    check_name_characters(name.into_inner(), line)
}

/// Checks a name as [`check_name`] does, but for its beginning.
pub(super) fn check_name_characters(name: &str, line: u64) -> Result<(), Fault> {
    let is_new = |character: char| {
        let punctuation_to_radicals = '\u{200c}'..='\u{20cf}';
        character > '\u{d7a3}' || punctuation_to_radicals.contains(&character)
    };
    if name.contains(is_new) {
        let what = "a name has a character that many XML parsers do not know in names";
        return Err(Fault::with_fix(
            &NOT_WELL_FORMED,
            line,
            what,
            "Write names with letters of ASCII.",
        ));
    }
    Ok(())
}

/// A bare `&`.
pub(super) fn bare_ampersand(line: u64) -> Fault {
    let what = "a bare & stands in the text or in an attribute";
    Fault::with_fix(&NOT_WELL_FORMED, line, what, AMPERSAND)
}

/// A reference to a character that XML does not allow.
pub(super) fn forbidden_character(line: u64) -> Fault {
    let what = "a reference stands for a character that is not allowed in XML, or is malformed";
    Fault::with_fix(&NOT_WELL_FORMED, line, what, "Remove the reference.")
}

/// A prefix without a declaration.
pub(super) fn undeclared(prefix: &str, line: u64) -> Fault {
    let fix = PREFIXES
        .iter()
        .find(|(known, _)| *known == prefix)
        .map_or(NAMES, |(_, fix)| *fix);
    Fault::with_fix(
        &NOT_WELL_FORMED,
        line,
        format!("the prefix {prefix} is not declared"),
        fix,
    )
}

/// Why a reference to an entity cannot be replaced. Only a short name is repeated, because anything can stand after a bare `&`.
pub(super) fn unresolved(name: &str, error: EntityError, line: u64) -> Fault {
    if !is_name(name) {
        return bare_ampersand(line);
    }
    let name = if name.len() <= 20 { name } else { "in use" };
    match error {
        EntityError::Undeclared => {
            let what = format!("the entity {name} is not declared");
            Fault::with_fix(&NOT_WELL_FORMED, line, what, ENTITY)
        }
        EntityError::External => Fault::new(
            &DOCTYPE_UNSUPPORTED,
            line,
            format!("the entity {name} is outside the feed"),
        ),
        EntityError::Markup => Fault::new(&DOCTYPE_UNSUPPORTED, line, format!("the entity {name} has tags in it")),
        EntityError::TooLarge => {
            let what = format!("the entity {name} contains itself, or is longer than 4 KiB");
            Fault::new(&DOCTYPE_UNSUPPORTED, line, what)
        }
    }
}
