//! Reads a feed as tokens of XML, with namespaces and the entities that it declares. The feed must be well-formed and in UTF-8; depth is limited.

use std::io::BufRead;

use quick_xml::{
    XmlVersion,
    errors::Error,
    escape::{EscapeError, resolve_predefined_entity},
    events::{BytesRef, BytesStart, Event, attributes::Attribute},
    name::{PrefixDeclaration, QName},
    reader::NsReader,
};

use super::{
    declaration::read_declaration,
    doctype::{Entities, entities},
    fault::{Fault, FeedError},
    malformed::{self, bare_ampersand, check_name, check_name_characters, forbidden_character, undeclared, unresolved},
    namespaces::{Namespace, SPOTIFY, Scope, is_meant_as_spotify, replaced, uri_of},
    rules::{DOCTYPE_UNSUPPORTED, ENCODING, LIMIT, NAMESPACE, NOT_WELL_FORMED},
    source::{ByteRecorder, Source, is_too_large, look},
    well_formed::Verifier,
};

/// Upper bound of nested elements.
const MAX_DEPTH: usize = 64;
/// Upper bound of the text that all references to declared entities stand for, in bytes.
const MAX_EXPANDED_BYTES: usize = 1 << 20;

/// A start tag.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) line: u64,
    pub(super) prefix: Option<String>,
    pub(super) name: String,
    pub(super) space: Namespace,
    pub(super) attributes: Vec<(String, String)>,
    /// Whether the tag is self-closing.
    pub(super) empty: bool,
}

impl Element {
    /// The value of an attribute without a prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether this is the element `name` of RSS.
    pub(super) fn is_rss(&self, name: &str) -> bool {
        self.name == name && self.space == Namespace::Rss
    }
}

/// An XML event, as far as a feed's reader needs it.
pub(super) enum Token {
    Start(Element),
    End,
    Text(String),
    DocType,
    Other,
    Eof,
}

/// Reader of tokens.
pub(super) struct XmlReader<R> {
    reader: NsReader<ByteRecorder<Source<R>>>,
    buffer: Vec<u8>,
    verifier: Verifier,
    /// What the verifier is given in place of the current segment.
    substitute: Option<Vec<u8>>,
    entities: Entities,
    expanded_bytes: usize,
    /// The fault of a character that is not in ASCII, if the declared encoding allows no other.
    only_ascii: Option<Fault>,
    depth: usize,
    /// Namespace of the root element, once it was read.
    root: Option<String>,
    has_doctype: bool,
    pub(super) is_html: bool,
    /// Wrong declarations of Spotify's namespace.
    pub(super) wrong_namespaces: Vec<Fault>,
}

impl<R: BufRead> XmlReader<R> {
    /// # Errors
    /// [`FeedError`] if the first bytes cannot be read, or are not XML in UTF-8.
    pub(super) fn new(feed: R) -> Result<Self, FeedError> {
        let (head, source) = look(feed)?;
        if let Some(fault) = head.fault {
            return Err(fault.into());
        }
        let mut reader = NsReader::from_reader(ByteRecorder::new(source));
        reader.config_mut().check_comments = true;
        Ok(Self {
            reader,
            buffer: Vec::new(),
            verifier: Verifier::new(),
            substitute: None,
            entities: Entities::default(),
            expanded_bytes: 0,
            only_ascii: None,
            depth: 0,
            root: None,
            has_doctype: false,
            is_html: head.is_html,
            wrong_namespaces: Vec::new(),
        })
    }

    /// Number of the current line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.get_ref().line()
    }

    /// Number of open elements.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Number of bytes read of the current segment.
    pub(super) fn recorded(&self) -> usize {
        self.reader.get_ref().recorded().len()
    }

    /// Namespace of the root element; empty if it has none, or was not read yet.
    pub(super) fn root_namespace(&self) -> &str {
        self.root.as_deref().unwrap_or_default()
    }

    /// What an element that is inserted after the token just read can refer to.
    pub(super) fn scope(&self) -> Scope {
        let resolver = self.reader.resolver();
        let prefixes = resolver.bindings().filter(|(_, uri)| replaced(*uri) == SPOTIFY);
        let prefixes = prefixes.filter_map(|(prefix, _)| match prefix {
            PrefixDeclaration::Named(name) => Some(name.to_owned()),
            PrefixDeclaration::Default => None,
        });
        let default = uri_of(resolver.resolve_element(QName("x")).0);
        Scope {
            spotify: prefixes.collect(),
            has_default: default.is_ok_and(|uri| !uri.is_empty()),
        }
    }

    /// Ends the current segment and returns its bytes.
    ///
    /// # Errors
    /// [`FeedError`] if the document up to here is known not to be well-formed.
    pub(super) fn take(&mut self) -> Result<Vec<u8>, FeedError> {
        if let Some(fault) = self.forbidden_by_declaration() {
            return Err(self.settle(fault, true));
        }
        let bytes = self.reader.get_mut().take();
        let accepted = match self.substitute.take() {
            Some(substitute) => self.verifier.push(&substitute),
            None => self.verifier.push(&bytes),
        };
        match (!accepted).then(|| self.verifier.verdict()).flatten() {
            Some(fault) => Err(fault.into()),
            None => Ok(bytes),
        }
    }

    /// The fault of the first character of the current segment that is not in ASCII, if the declared encoding allows no other.
    fn forbidden_by_declaration(&self) -> Option<Fault> {
        let fault = self.only_ascii.clone()?;
        let line = self.line_of(|recorded| recorded.iter().position(|byte| !byte.is_ascii()));
        let has_other = !self.reader.get_ref().recorded().is_ascii();
        has_other.then_some(Fault { line, ..fault })
    }

    /// Ends the document.
    ///
    /// # Errors
    /// [`FeedError`] if it is not well-formed.
    pub(super) fn finish(&mut self) -> Result<(), FeedError> {
        self.verifier.verdict().map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Reads the next token.
    ///
    /// # Errors
    /// [`FeedError`] if the document is malformed or exceeds a limit, or an I/O error.
    pub(super) fn step(&mut self) -> Result<Token, FeedError> {
        let line = self.line();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let token = match self.reader.read_event_into(&mut buffer) {
            Ok(event) => self.token(event, line).map_err(|fault| self.settle(fault, true)),
            Err(Error::Io(error)) if is_too_large(&error) => {
                let what = "an item or another part is larger than 4 MiB";
                Err(Fault::new(&LIMIT, self.line(), what).into())
            }
            Err(Error::Io(error)) => Err(FeedError::Io(std::io::Error::new(error.kind(), error))),
            Err(Error::Encoding(_)) if let Some(fault) = self.forbidden_by_declaration() => Err(fault.into()),
            Err(Error::Encoding(_)) => {
                let invalid = |recorded: &[u8]| std::str::from_utf8(recorded).err().map(|error| error.valid_up_to());
                // The verifier does not know the line.
                let what = "a character is not in UTF-8";
                Err(Fault::with_fix(&NOT_WELL_FORMED, self.line_of(invalid), what, ENCODING.mend).into())
            }
            // The parser's own message may contain text of the document.
            Err(_) => Err(self.settle(Fault::new(&NOT_WELL_FORMED, line, "not well-formed XML"), false)),
        };
        self.buffer = buffer;
        token
    }

    /// Line of a byte of the current segment. `find` returns its position.
    fn line_of(&self, find: impl FnOnce(&[u8]) -> Option<usize>) -> u64 {
        let recorded = self.reader.get_ref().recorded();
        let after = recorded
            .get(find(recorded).unwrap_or(recorded.len())..)
            .unwrap_or_default();
        let lines = after.split(|byte| *byte == b'\n').count() - 1;
        self.line().saturating_sub(u64::try_from(lines).unwrap_or_default())
    }

    /// Reads the rest of the feed for the verifier's verdict, and returns the first fault. `is_exact` says that `own` names the fault exactly.
    fn settle(&mut self, own: Fault, is_exact: bool) -> FeedError {
        if own.rule.name != NOT_WELL_FORMED.name {
            return own.into();
        }
        let recorded = self.reader.get_mut().take();
        let substitute = self.substitute.take().unwrap_or(recorded);
        if self.verifier.push(&substitute) {
            let verifier = &mut self.verifier;
            self.reader.get_mut().drain(|part| verifier.push(part));
        }
        match self.verifier.verdict() {
            Some(verdict) if !is_exact || verdict.line < own.line => verdict.into(),
            _ => own.into(),
        }
    }

    fn token(&mut self, event: Event<'_>, line: u64) -> Result<Token, Fault> {
        let is_content = matches!(event, Event::Start(_) | Event::Empty(_) | Event::Decl(_));
        if is_content && self.depth == 0 && self.root.is_some() {
            return Err(malformed::outside_root(line));
        }
        Ok(match event {
            Event::Start(tag) => {
                let element = self.element(&tag, line, false)?;
                if self.depth == MAX_DEPTH {
                    return Err(Fault::new(&LIMIT, line, "elements are nested too deep"));
                }
                self.depth += 1;
                Token::Start(element)
            }
            Event::Empty(tag) => Token::Start(self.element(&tag, line, true)?),
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Token::End
            }
            Event::Text(text) => Token::Text(text.xml_content(XmlVersion::Implicit1_0).into_owned()),
            Event::CData(text) => Token::Text(text.xml_content(XmlVersion::Implicit1_0).into_owned()),
            Event::GeneralRef(reference) => Token::Text(self.reference(&reference, line)?),
            Event::Decl(declaration) => {
                self.only_ascii = read_declaration(&declaration, line)?;
                self.substitute = Some(self.with_lines("<?xml version=\"1.0\"?>"));
                Token::Other
            }
            Event::DocType(_) => {
                self.doctype(line)?;
                Token::DocType
            }
            Event::PI(instruction) if instruction.target().contains(':') => {
                let what = "a processing instruction has a colon in its name";
                return Err(Fault::with_fix(&NOT_WELL_FORMED, line, what, "Remove it."));
            }
            Event::PI(instruction) => {
                check_name_characters(instruction.target(), line)?;
                Token::Other
            }
            Event::Comment(_) => Token::Other,
            Event::Eof => Token::Eof,
        })
    }

    /// `text`, followed by as many line ends as the current segment has.
    fn with_lines(&self, text: &str) -> Vec<u8> {
        let recorded = self.reader.get_ref().recorded().iter();
        let lines = recorded.filter(|byte| **byte == b'\n').map(|_| b'\n');
        text.bytes().chain(lines).collect()
    }

    /// Reads the document type declaration, which is the current segment.
    fn doctype(&mut self, line: u64) -> Result<(), Fault> {
        if self.root.is_some() || self.has_doctype {
            let what = "a document type declaration stands after the root element began, or after another one";
            return Err(Fault::with_fix(&NOT_WELL_FORMED, line, what, "Remove it."));
        }
        self.has_doctype = true;
        let declaration = String::from_utf8_lossy(self.reader.get_ref().recorded()).into_owned();
        self.entities = entities(declaration.trim_start_matches('\u{feff}'), line)?;
        // The verifier needs the names only: it is not given what it would expand.
        let names = self
            .entities
            .names()
            .filter(|name| resolve_predefined_entity(name).is_none());
        let names: Vec<_> = names.map(|name| format!("<!ENTITY {name} \"x\">")).collect();
        let names = names.concat();
        self.substitute = Some(self.with_lines(&format!("<!DOCTYPE rss [{names}]>")));
        Ok(())
    }

    /// The text of a reference to a character or an entity.
    fn reference(&mut self, reference: &BytesRef<'_>, line: u64) -> Result<String, Fault> {
        if reference.is_char_ref() {
            let character = reference.resolve_char_ref().ok().flatten();
            return character.map(String::from).ok_or_else(|| forbidden_character(line));
        }
        if let Some(text) = resolve_predefined_entity(reference) {
            return Ok(text.to_owned());
        }
        let text = self
            .entities
            .text(reference)
            .map_err(|error| unresolved(reference, error, line))?;
        self.count_expanded(text.len(), line)?;
        Ok(text)
    }

    fn count_expanded(&mut self, bytes: usize, line: u64) -> Result<(), Fault> {
        self.expanded_bytes = self.expanded_bytes.saturating_add(bytes);
        if self.expanded_bytes > MAX_EXPANDED_BYTES {
            return Err(Fault::new(
                &DOCTYPE_UNSUPPORTED,
                line,
                "entities expand to more than 1 MiB",
            ));
        }
        Ok(())
    }

    fn element(&mut self, tag: &BytesStart<'_>, line: u64, empty: bool) -> Result<Element, Fault> {
        let name = tag.name();
        check_name(name, line)?;
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| malformed::attribute(line))?;
            // The line of the value, in a tag of several lines.
            let line = line + lines_before(tag, &attribute.value);
            if attribute.value.contains('<') {
                return Err(malformed::bare_less_than(line));
            }
            check_name(attribute.key, line)?;
            let value = self.value(&attribute, line)?;
            self.namespaces(attribute.key, &value, line)?;
            attributes.push((attribute.key.into_inner().to_owned(), value));
        }
        let uri = uri_of(self.reader.resolver().resolve_element(name).0).map_err(|prefix| undeclared(&prefix, line))?;
        if self.root.is_none() {
            self.root = Some(uri.clone());
        }
        let prefix = name.prefix().map(|prefix| prefix.into_inner().to_owned());
        Ok(Element {
            line,
            space: Namespace::of(&uri, prefix.as_deref(), self.root_namespace()),
            prefix,
            name: name.local_name().into_inner().to_owned(),
            attributes,
            empty,
        })
    }

    /// The value of an attribute, with its references replaced.
    fn value(&mut self, attribute: &Attribute<'_>, line: u64) -> Result<String, Fault> {
        let mut expanded = 0;
        let mut failed = None;
        let entities = &self.entities;
        let value = attribute.normalized_value_with(XmlVersion::Implicit1_0, 32, |name| {
            if let Some(text) = resolve_predefined_entity(name) {
                return Some(text);
            }
            match entities.text(name) {
                Ok(text) => {
                    expanded += text.len();
                    entities.replacement(name)
                }
                Err(error) => {
                    failed = Some((name.to_owned(), error));
                    None
                }
            }
        });
        self.count_expanded(expanded, line)?;
        value.map(std::borrow::Cow::into_owned).map_err(|error| {
            let Error::Escape(EscapeError::UnterminatedEntity(place) | EscapeError::UnrecognizedEntity(place, _)) =
                error
            else {
                return forbidden_character(line);
            };
            let before = attribute.value.get(..place.start).unwrap_or_default();
            let line = line + line_ends(before);
            failed.map_or_else(|| bare_ampersand(line), |(name, error)| unresolved(&name, error, line))
        })
    }

    /// Checks the prefix of an attribute, and the namespace that it declares, if any.
    fn namespaces(&mut self, attribute: QName<'_>, value: &str, line: u64) -> Result<(), Fault> {
        let prefix = match attribute.as_namespace_binding() {
            Some(PrefixDeclaration::Named(prefix)) => Some(prefix),
            Some(PrefixDeclaration::Default) => None,
            None => {
                let resolved = uri_of(self.reader.resolver().resolve_attribute(attribute).0);
                return resolved.map(drop).map_err(|prefix| undeclared(&prefix, line));
            }
        };
        if is_meant_as_spotify(value, prefix) {
            let declaration = attribute.into_inner();
            let what = format!("{declaration} is not Spotify's namespace");
            self.wrong_namespaces.push(Fault::new(&NAMESPACE, line, what));
        } else if value.contains(' ') {
            return Err(malformed::namespace_with_space(line));
        }
        Ok(())
    }
}

fn line_ends(text: &str) -> u64 {
    u64::try_from(text.split('\n').count() - 1).unwrap_or_default()
}

/// Number of line ends before `part`, which is a part of `text`.
fn lines_before(text: &str, part: &str) -> u64 {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    text.get(..start).map_or(0, line_ends)
}
