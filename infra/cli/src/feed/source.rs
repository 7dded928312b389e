//! The bytes of a feed: opens it, recognizes what is not XML at all, records the bytes of the current segment and counts lines.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Chain, Cursor, Read},
    path::Path,
};

use super::{
    fault::{Fault, FeedError},
    rules::{ENCODING, NOT_WELL_FORMED},
};
use crate::error::CliError;

/// Upper bound of a segment, in bytes.
const MAX_SEGMENT_BYTES: usize = 4 * 1024 * 1024;
/// Number of bytes by which a file's format is recognized.
const HEAD_BYTES: u64 = 1024;

pub(super) const EXPORT_AGAIN: &str =
    "Fetch the feed itself: a server may have answered with an error, or the wrong file was saved.";
const DECOMPRESS: &str = "Decompress it first, for example with gunzip.";

/// First bytes of compressed files.
const COMPRESSED: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
];
/// First bytes of a document in UTF-16 or UTF-32, with or without a byte order mark.
const WIDE: [(&[u8], &str); 6] = [
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"<\0", "UTF-16"),
    (b"\0<", "UTF-16"),
];

/// Opens a feed; `-` means standard input.
///
/// # Errors
/// [`CliError`] if the file cannot be opened.
pub(super) fn open(feed: &str) -> Result<Box<dyn BufRead>, CliError> {
    if feed == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = open_file(Path::new(feed)).map_err(|error| CliError::new(format!("cannot read {feed}: {error}")))?;
    Ok(Box::new(file))
}

/// Opens a feed in a file.
///
/// # Errors
/// An I/O error if it cannot be opened.
pub(super) fn open_file(path: &Path) -> io::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(1 << 16, File::open(path)?))
}

/// A feed whose first bytes were looked at.
pub(super) type Source<R> = Chain<Cursor<Vec<u8>>, R>;

/// What the first bytes of a feed are.
pub(super) struct Head {
    /// Why the feed cannot be XML in UTF-8, if the first bytes show it.
    pub(super) fault: Option<Fault>,
    /// Whether the document says that it is HTML.
    pub(super) is_html: bool,
}

/// Looks at the first bytes of a feed without consuming them.
///
/// # Errors
/// An I/O error of the feed.
pub(super) fn look<R: BufRead>(mut feed: R) -> io::Result<(Head, Source<R>)> {
    let mut bytes = Vec::new();
    feed.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes)?;
    let head = recognize(&bytes);
    Ok((head, Cursor::new(bytes).chain(feed)))
}

fn recognize(bytes: &[u8]) -> Head {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = text.trim_ascii_start();
    let begins = |known: &[(&[u8], &'static str)]| {
        let known = known.iter().find(|(magic, _)| bytes.starts_with(magic));
        known.map(|(_, name)| *name)
    };
    let is_whole = u64::try_from(bytes.len()).is_ok_and(|length| length < HEAD_BYTES);
    let has = |tag: &[u8]| start.windows(tag.len()).any(|window| window == tag);
    let lower = start.to_ascii_lowercase();
    let is_html = lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html");
    let fault = |what: String, fix| Some(Fault::with_fix(&NOT_WELL_FORMED, 1, what, fix));
    let fault = if let Some(name) = begins(&COMPRESSED) {
        fault(format!("the file is compressed: {name}"), DECOMPRESS)
    } else if let Some(name) = begins(&WIDE) {
        Some(Fault::new(&ENCODING, 1, format!("the feed is in {name}, not in UTF-8")))
    } else {
        match start.first() {
            None if is_whole => fault("the file is empty".to_owned(), EXPORT_AGAIN),
            // More than a head of white space can have anything after it.
            Some(b'<') | None => None,
            Some(b'{' | b'[') => fault("the file is JSON, not a feed".to_owned(), EXPORT_AGAIN),
            Some(_) if [b"<?xml".as_slice(), b"<rss"].iter().any(|tag| has(tag)) => {
                let fix = "Remove what stands before <?xml or <rss, such as a message of the server.";
                fault("something stands before the feed".to_owned(), fix)
            }
            Some(_) => fault("the file is not XML: it does not begin with <".to_owned(), EXPORT_AGAIN),
        }
    };
    Head { fault, is_html }
}

/// A reader that records the bytes of the current segment and counts lines.
pub(super) struct ByteRecorder<R> {
    inner: R,
    recorded: Vec<u8>,
    /// Number of the current line, from 1.
    line: u64,
}

impl<R: BufRead> ByteRecorder<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            recorded: Vec::new(),
            line: 1,
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Bytes of the current segment, so far.
    pub(super) fn recorded(&self) -> &[u8] {
        &self.recorded
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.recorded)
    }

    /// Reads the rest of the feed in parts, without recording it.
    pub(super) fn drain(&mut self, mut part: impl FnMut(&[u8]) -> bool) {
        while let Ok(bytes) = self.inner.fill_buf() {
            let length = bytes.len();
            if length == 0 || !part(bytes) {
                return;
            }
            self.inner.consume(length);
        }
    }
}

/// Whether reading failed because a segment is too large.
pub(super) fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

impl From<io::Error> for FeedError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<R: BufRead> Read for ByteRecorder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for ByteRecorder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.recorded.len() > MAX_SEGMENT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The buffer is filled already, so this does not read.
        if let Ok(available) = self.inner.fill_buf()
            && let Some(consumed) = available.get(..amount)
        {
            self.recorded.extend_from_slice(consumed);
            for byte in consumed {
                self.line += u64::from(*byte == b'\n');
            }
        }
        self.inner.consume(amount);
    }
}
