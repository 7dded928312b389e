//! Verifies that a feed is well-formed with namespaces. A strict parser, `xml`, reads the same bytes as the feed's own reader, on a thread of its own: it is the
//! slower one. Memory is bounded by a few chunks.

use std::{
    io::{self, BufReader, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use xml::{
    common::Position as _,
    reader::{ErrorKind, ParserConfig, XmlEvent},
};

use super::{fault::Fault, rules::NOT_WELL_FORMED};

/// Size from which bytes are handed to the parser.
const CHUNK_BYTES: usize = 1 << 16;
/// Upper bound of the chunks that wait for the parser.
const MAX_CHUNKS: usize = 16;

/// A parser that is given a document in parts.
pub(super) struct Verifier {
    chunk: Vec<u8>,
    /// `None` after the verdict.
    running: Option<Running>,
}

/// The parser's thread.
struct Running {
    chunks: SyncSender<Vec<u8>>,
    verdict: JoinHandle<Option<Fault>>,
}

impl Verifier {
    pub(super) fn new() -> Self {
        let (chunks, document) = sync_channel(MAX_CHUNKS);
        let verdict = thread::spawn(move || {
            parse(Document {
                chunks: document,
                chunk: Vec::new(),
                read: 0,
            })
        });
        Self {
            chunk: Vec::new(),
            running: Some(Running { chunks, verdict }),
        }
    }

    /// Adds bytes to the document. Returns whether the parser still accepts more; if not, [`Verifier::verdict`] has the reason.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        self.chunk.extend_from_slice(bytes);
        self.chunk.len() < CHUNK_BYTES || self.send()
    }

    fn send(&mut self) -> bool {
        let chunk = std::mem::take(&mut self.chunk);
        let running = self.running.as_ref();
        running.is_some_and(|running| running.chunks.send(chunk).is_ok())
    }

    /// Ends the document. Returns why it is not well-formed, or `None` if it is.
    pub(super) fn verdict(&mut self) -> Option<Fault> {
        self.send();
        let Running { chunks, verdict } = self.running.take()?;
        drop(chunks);
        let failed = |_| Some(Fault::new(&NOT_WELL_FORMED, 1, "not well-formed XML"));
        verdict.join().unwrap_or_else(failed)
    }
}

/// The document, as the chunks arrive.
struct Document {
    chunks: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    read: usize,
}

impl Read for Document {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.chunk.len() {
            let Ok(chunk) = self.chunks.recv() else { return Ok(0) };
            self.chunk = chunk;
            self.read = 0;
        }
        let mut rest = self.chunk.get(self.read..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

/// Parses a document to its end, or to the first violation.
fn parse(document: Document) -> Option<Fault> {
    let config = ParserConfig::new().allow_multiple_root_elements(false);
    let mut reader = config.create_reader(BufReader::with_capacity(CHUNK_BYTES, document));
    loop {
        match reader.next() {
            Ok(XmlEvent::EndDocument) => return None,
            Ok(_) => {}
            Err(error) => {
                let message = match error.kind() {
                    ErrorKind::Syntax(message) => message.as_ref(),
                    ErrorKind::UnexpectedEof => "Unexpected end of stream",
                    _ => "",
                };
                let (what, fix) = reason(message);
                return Some(Fault::with_fix(&NOT_WELL_FORMED, error.position().row() + 1, what, fix));
            }
        }
    }
}

/// Parts of the parser's messages, each with what is wrong, and the fix. The messages themselves can contain text of the feed.
const REASONS: [(&str, &str, &str); 22] = [
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
        "Close the elements in the order in which they are nested.",
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
    (
        "outside the root",
        "there is text outside the root element",
        "Remove what stands before or after the root element.",
    ),
    ("prefix", "a namespace declaration or a prefix is malformed", NAMES),
    ("Namespace", "a namespace declaration or a prefix is malformed", NAMES),
    (
        "ualified name",
        "a name is malformed, or a bare < stands in the text",
        "Write &lt; for < in text. Names start with a letter.",
    ),
    (
        "'<'",
        "a bare < stands in the text or in an attribute",
        "Write &lt; for <.",
    ),
];
pub(super) const AMPERSAND: &str = "Write &amp; for &, also in URLs.";
pub(super) const ENTITY: &str = "Write the character itself or its number, such as &#160; for &nbsp;.";
pub(super) const TAG: &str = "Put white space between attributes, and quotes around each value.";
pub(super) const NAMES: &str = "Declare each prefix with a URI of its own; xml and xmlns are reserved.";

fn reason(message: &str) -> (String, &'static str) {
    // `Invalid character U+0008`: the number is safe to repeat.
    if let Some(code) = message.strip_prefix("Invalid character U+") {
        let what = format!("the character U+{code} is not allowed in XML");
        return (what, "Remove the character.");
    }
    let known = REASONS.iter().find(|(part, _, _)| message.contains(part));
    known.map_or_else(
        || ("not well-formed XML".to_owned(), NOT_WELL_FORMED.mend),
        |(_, what, fix)| ((*what).to_owned(), *fix),
    )
}
