//! The document type declaration. Its internal subset may declare entities with short texts; nothing outside the document is read. Declarations that would change
//! elements or attributes are rejected: only a part of the parsers applies them.

use std::collections::BTreeMap;

use quick_xml::escape::resolve_predefined_entity;

use super::{
    fault::Fault,
    rules::{DOCTYPE_UNSUPPORTED, NOT_WELL_FORMED},
};

/// Upper bound of the text that one reference to an entity stands for, in bytes. It bounds what nested entities can expand to.
const MAX_ENTITY_BYTES: usize = 4096;
/// Upper bound of entities that contain each other.
const MAX_ENTITY_DEPTH: usize = 16;

/// The entities that a document declares, with their replacement texts.
#[derive(Debug, Default)]
pub(super) struct Entities(BTreeMap<String, Entity>);

#[derive(Debug)]
enum Entity {
    /// A text; references to other entities are not replaced yet.
    Text(String),
    /// An entity outside the document.
    External,
}

/// Why a reference to an entity cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntityError {
    Undeclared,
    External,
    /// The entity contains itself, or is longer than [`MAX_ENTITY_BYTES`].
    TooLarge,
    /// The entity contains tags, or ends a CDATA section.
    Markup,
}

impl Entities {
    /// Names of the declared entities.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The text that a reference to `name` stands for.
    ///
    /// # Errors
    /// [`EntityError`] if the entity is not declared, or not a short text.
    pub(super) fn text(&self, name: &str) -> Result<String, EntityError> {
        let mut text = String::new();
        self.expand(name, 0, &mut text)?;
        Ok(text)
    }

    /// The replacement text of `name`, in which other references are not replaced.
    pub(super) fn replacement(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Entity::Text(text) => Some(text),
            Entity::External => None,
        }
    }

    fn expand(&self, name: &str, depth: usize, text: &mut String) -> Result<(), EntityError> {
        if let Some(predefined) = resolve_predefined_entity(name) {
            text.push_str(predefined);
            return Ok(());
        }
        if depth > MAX_ENTITY_DEPTH {
            return Err(EntityError::TooLarge);
        }
        let replacement = match self.0.get(name) {
            Some(Entity::Text(replacement)) => replacement,
            Some(Entity::External) => return Err(EntityError::External),
            None => return Err(EntityError::Undeclared),
        };
        if replacement.contains('<') || replacement.contains("]]>") {
            return Err(EntityError::Markup);
        }
        let mut rest = replacement.as_str();
        while let Some((before, after)) = rest.split_once('&') {
            text.push_str(before);
            let (name, after) = after.split_once(';').ok_or(EntityError::Markup)?;
            match name.strip_prefix('#') {
                Some(number) => text.push(character(number).ok_or(EntityError::Markup)?),
                None => self.expand(name, depth + 1, text)?,
            }
            if text.len() > MAX_ENTITY_BYTES {
                return Err(EntityError::TooLarge);
            }
            rest = after;
        }
        text.push_str(rest);
        if text.len() > MAX_ENTITY_BYTES {
            return Err(EntityError::TooLarge);
        }
        Ok(())
    }
}

/// The character of a reference like `#160` or `#xA0`, given without `#`. Returns `None` if XML does not allow it.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
    char::from_u32(code).filter(|character| is_xml_character(*character))
}

/// Whether XML allows the character in a document.
fn is_xml_character(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Reads a document type declaration, from `<!DOCTYPE` to `>`, which begins in line `line`.
///
/// # Errors
/// [`Fault`] if it is malformed or has declarations other than entities.
pub(super) fn entities(declaration: &str, line: u64) -> Result<Entities, Fault> {
    let mut parser = Parser {
        rest: declaration,
        whole: declaration,
        line,
        entities: BTreeMap::new(),
    };
    if !declaration.chars().all(is_xml_character) {
        return Err(parser.malformed());
    }
    parser.declaration()?;
    Ok(Entities(parser.entities))
}

struct Parser<'a> {
    rest: &'a str,
    whole: &'a str,
    line: u64,
    entities: BTreeMap<String, Entity>,
}

impl<'a> Parser<'a> {
    fn declaration(&mut self) -> Result<(), Fault> {
        self.expect("<!DOCTYPE")?;
        self.space()?;
        self.name()?;
        if self.take(":") {
            self.name()?;
        }
        if self.skip_space() && !self.rest.starts_with(['[', '>']) {
            self.external_id()?;
            self.skip_space();
        }
        if self.take("[") {
            while !self.take("]") {
                self.markup()?;
            }
            self.skip_space();
        }
        self.expect(">")?;
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    /// One declaration, comment, processing instruction or white space of the internal subset.
    fn markup(&mut self) -> Result<(), Fault> {
        if self.skip_space() {
            return Ok(());
        }
        if self.take("<!--") {
            let comment = self.until("-->")?;
            if comment.contains("--") || comment.ends_with('-') {
                return Err(self.malformed());
            }
            return Ok(());
        }
        if self.take("<?") {
            let target = self.name()?;
            let is_separated = self.rest.starts_with("?>") || self.skip_space();
            if !is_separated || target.eq_ignore_ascii_case("xml") {
                return Err(self.malformed());
            }
            return self.until("?>").map(drop);
        }
        if self.take("<!ENTITY") {
            return self.entity();
        }
        let others = ["<!ELEMENT", "<!ATTLIST", "<!NOTATION", "%"];
        if others.iter().any(|start| self.rest.starts_with(start)) {
            let what = "the document type declaration has other declarations than entities";
            return Err(Fault::new(&DOCTYPE_UNSUPPORTED, self.current_line(), what));
        }
        Err(self.malformed())
    }

    fn entity(&mut self) -> Result<(), Fault> {
        self.space()?;
        let is_parameter = self.take("%");
        if is_parameter {
            self.space()?;
        }
        let name = self.name()?;
        self.space()?;
        let entity = if self.rest.starts_with(['"', '\'']) {
            Entity::Text(self.entity_value()?)
        } else {
            self.external_id()?;
            if self.skip_space() && !is_parameter && self.take("NDATA") {
                self.space()?;
                self.name()?;
            }
            Entity::External
        };
        self.skip_space();
        self.expect(">")?;
        if !is_parameter {
            // The first declaration of a name counts.
            self.entities.entry(name.to_owned()).or_insert(entity);
        }
        Ok(())
    }

    /// A quoted text, with its references to characters replaced.
    fn entity_value(&mut self) -> Result<String, Fault> {
        let literal = self.literal()?;
        if literal.contains('%') {
            return Err(self.malformed());
        }
        let mut text = String::new();
        let mut rest = literal;
        while let Some((before, after)) = rest.split_once('&') {
            text.push_str(before);
            let (name, after) = after.split_once(';').ok_or_else(|| self.malformed())?;
            match name.strip_prefix('#') {
                Some(number) => text.push(character(number).ok_or_else(|| self.malformed())?),
                None if is_name(name) => {
                    text.push('&');
                    text.push_str(name);
                    text.push(';');
                }
                None => return Err(self.malformed()),
            }
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn external_id(&mut self) -> Result<(), Fault> {
        if self.take("PUBLIC") {
            self.space()?;
            let is_public =
                |character: char| character.is_ascii_alphanumeric() || " \r\n-'()+,./:=?;!*#@$_%".contains(character);
            if !self.literal()?.chars().all(is_public) {
                return Err(self.malformed());
            }
        } else {
            self.expect("SYSTEM")?;
        }
        self.space()?;
        self.literal().map(drop)
    }

    fn literal(&mut self) -> Result<&'a str, Fault> {
        if self.take("\"") {
            self.until("\"")
        } else {
            self.expect("'").and_then(|()| self.until("'"))
        }
    }

    fn name(&mut self) -> Result<&'a str, Fault> {
        let end = self
            .rest
            .find(|character| !is_name_character(character))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !is_name(name) {
            return Err(self.malformed());
        }
        self.rest = rest;
        Ok(name)
    }

    fn until(&mut self, end: &str) -> Result<&'a str, Fault> {
        let (before, rest) = self.rest.split_once(end).ok_or_else(|| self.malformed())?;
        self.rest = rest;
        Ok(before)
    }

    fn take(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, start: &str) -> Result<(), Fault> {
        if self.take(start) {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let is_space = rest.len() < self.rest.len();
        self.rest = rest;
        is_space
    }

    fn space(&mut self) -> Result<(), Fault> {
        if self.skip_space() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    fn current_line(&self) -> u64 {
        let read = self.whole.len() - self.rest.len();
        let lines = self.whole.bytes().take(read).filter(|byte| *byte == b'\n').count();
        self.line + u64::try_from(lines).unwrap_or(u64::MAX)
    }

    fn malformed(&self) -> Fault {
        let what = "the document type declaration is malformed";
        Fault::with_fix(
            &NOT_WELL_FORMED,
            self.current_line(),
            what,
            "Remove it; a feed needs none.",
        )
    }
}

/// Whether this is a name that entities can have.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_') && name.chars().all(is_name_character)
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || "._-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(subset: &str, name: &str) -> Result<String, EntityError> {
        entities(&format!("<!DOCTYPE rss [{subset}]>"), 1).unwrap().text(name)
    }

    #[test]
    fn a_declared_entity_stands_for_its_text() {
        let subset =
            "<!-- a --><?p q?>\n<!ENTITY nbsp \"&#160;\"> <!ENTITY amp2 '&#38;#38;'><!ENTITY who \"A&nbsp;B &lt;3\">";
        assert_eq!(text(subset, "nbsp").unwrap(), "\u{a0}");
        assert_eq!(text(subset, "amp2").unwrap(), "&");
        assert_eq!(text(subset, "who").unwrap(), "A\u{a0}B <3");
        assert_eq!(text(subset, "quot").unwrap(), "\"");
        assert_eq!(text(subset, "eacute"), Err(EntityError::Undeclared));
        // The first declaration counts.
        assert_eq!(text("<!ENTITY a 'x'><!ENTITY a 'y'>", "a").unwrap(), "x");
    }

    #[test]
    fn an_entity_that_is_no_short_text_is_not_replaced() {
        let bomb = (1..20).map(|n| format!("<!ENTITY a{n} \"&a{0};&a{0};\">", n - 1));
        let bomb = format!("<!ENTITY a0 \"lollollollol\">{}", bomb.collect::<Vec<_>>().concat());
        for (subset, name, error) in [
            ("<!ENTITY a \"&a;\">", "a", EntityError::TooLarge),
            ("<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">", "a", EntityError::TooLarge),
            (bomb.as_str(), "a15", EntityError::TooLarge),
            (bomb.as_str(), "a19", EntityError::TooLarge),
            ("<!ENTITY a SYSTEM \"file:///etc/passwd\">", "a", EntityError::External),
            (
                "<!ENTITY a PUBLIC \"p\" 'https://a.example/'>",
                "a",
                EntityError::External,
            ),
            ("<!ENTITY a \"<b/>\">", "a", EntityError::Markup),
            ("<!ENTITY a \"&#60;b/>\">", "a", EntityError::Markup),
        ] {
            assert_eq!(text(subset, name), Err(error), "{subset}");
        }
        assert_eq!(text(&bomb, "a3").unwrap(), "lol".repeat(4 * 8));
    }

    #[test]
    fn a_document_type_declaration_is_read_in_every_form() {
        for declaration in [
            "<!DOCTYPE rss>",
            "<!DOCTYPE rss >",
            "<!DOCTYPE rss[]>",
            "<!DOCTYPE rss SYSTEM 'x' [ ] >",
            "<!DOCTYPE rss PUBLIC \"-//Netscape Communications//DTD RSS 0.91//EN\" \"http://my.netscape.com/publish/formats/rss-0.91.dtd\">",
            "<!DOCTYPE rss [<!ENTITY % HTMLlat1 PUBLIC \"-//W3C//ENTITIES Latin 1 for XHTML//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml-lat1.ent\">]>",
        ] {
            assert!(entities(declaration, 1).is_ok(), "{declaration}");
        }
    }

    #[test]
    fn a_malformed_or_unsupported_declaration_is_rejected() {
        for (declaration, rule) in [
            ("<!doctype rss>", "not-well-formed"),
            ("<!DOCTYPE>", "not-well-formed"),
            ("<!DOCTYPE rss PUBLIC \"x\">", "not-well-formed"),
            ("<!DOCTYPE rss PUBLIC \"{}\" \"y\">", "not-well-formed"),
            ("<!DOCTYPE rss [garbage]>", "not-well-formed"),
            ("<!DOCTYPE rss [<!ENTITY a \"b\">", "not-well-formed"),
            ("<!DOCTYPE rss [<!ENTITY a \"b&c\">]>", "not-well-formed"),
            ("<!DOCTYPE rss [<!ENTITY a \"b%c\">]>", "not-well-formed"),
            ("<!DOCTYPE rss [<!ENTITY a \"&#1;\">]>", "not-well-formed"),
            ("<!DOCTYPE rss [<!-- a -- b -->]>", "not-well-formed"),
            ("<!DOCTYPE rss [<?xml a?>]>", "not-well-formed"),
            ("<!DOCTYPE rss [<!FOO>]>", "not-well-formed"),
            ("<!DOCTYPE rss [<!ATTLIST rss xmlns:q CDATA \"u\">]>", "doctype"),
            ("<!DOCTYPE rss [<!ELEMENT rss ANY>]>", "doctype"),
            ("<!DOCTYPE rss [<!ENTITY % x \"y\">%x;]>", "doctype"),
        ] {
            let fault = entities(declaration, 1).unwrap_err();
            assert_eq!(fault.rule.name, rule, "{declaration}");
        }
        let declaration = "<!DOCTYPE rss [\n\n<!ELEMENT rss ANY>]>";
        assert_eq!(entities(declaration, 4).unwrap_err().line, 6);
    }
}
