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

use super::{fault::Fault, malformed::from_message, rules::NOT_WELL_FORMED};

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
                    ErrorKind::Utf8(_) => "invalid utf-8",
                    _ => "",
                };
                return Some(from_message(message, error.position().row() + 1));
            }
        }
    }
}
