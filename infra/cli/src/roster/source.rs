//! Opens a roster file as UTF-8 text with `\n` as line end. Encodings are read by their byte order mark or by name, never by guess. A file that is no text is
//! rejected with what it is.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use aws_lc_rs::digest;
use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;
use shared::encoding::hex;

use crate::error::CliError;

/// Bytes from which the kind of a file is recognized. The header must be within them.
const HEAD_BYTES: u64 = 64 * 1024;

/// Identifies the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Whether the last line has a line end. A file without one may be cut off.
    pub(super) ends_well: bool,
}

/// Reads the whole file and returns its fingerprint.
pub(super) fn fingerprint(path: &Path) -> Result<Fingerprint, CliError> {
    let mut file = open(path)?;
    let (mut context, mut buffer, mut bytes, mut last) =
        (digest::Context::new(&digest::SHA256), vec![0; 1 << 20], 0, [b'\n'; 2]);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        context.update(part);
        bytes += part.len() as u64;
        last = match part {
            [.., before, last] => [*before, *last],
            [one] => [last[1], *one],
            [] => last,
        };
    }
    Ok(Fingerprint {
        bytes,
        sha256: hex(context.finish().as_ref()),
        // In UTF-16LE, the line end's second byte is zero.
        ends_well: matches!(last, [_, b'\n' | b'\r'] | [b'\n' | b'\r', 0]),
    })
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| CliError::new(format!("cannot read {}: {error}", path.display())))
}

/// A roster as text. [`Source::head`] is the beginning of what [`Source::text`] reads.
pub(super) struct Source {
    /// The first bytes, without a byte order mark.
    pub(super) head: Vec<u8>,
    pub(super) text: Box<dyn Read + Send>,
    /// Name of the encoding, such as `UTF-8`.
    pub(super) encoding: &'static str,
}

impl Source {
    /// Opens a file. `encoding` is that of a file without a byte order mark; the default is UTF-8.
    ///
    /// # Errors
    /// [`CliError`] if the file cannot be read, or is not text in that encoding, with what it is instead.
    pub(super) fn open(path: &Path, encoding: Option<&'static Encoding>) -> Result<Self, CliError> {
        let mut file = open(path)?;
        let mut raw = Vec::new();
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut raw)?;
        let marked = Encoding::for_bom(&raw).map(|(encoding, _)| encoding);
        if let Some(what) = what_else(&raw, marked.or(encoding).is_some()) {
            return Err(CliError::new(format!("{}: {what}", path.display())));
        }
        let mut builder = DecodeReaderBytesBuilder::new();
        // UTF-8 is passed on as it is, so that a wrong byte is found in its row.
        builder
            .utf8_passthru(true)
            .strip_bom(true)
            .encoding(encoding.filter(|&known| marked.is_none() && known != UTF_8));
        let decoded = builder.build(Cursor::new(raw).chain(file));
        let mut text = LineEnds {
            text: decoded,
            after_cr: false,
        };
        let mut head = Vec::new();
        text.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Self {
            text: Box::new(Cursor::new(head.clone()).chain(text)),
            head,
            encoding: marked.or(encoding).unwrap_or(UTF_8).name(),
        })
    }
}

/// What a file is that is not text, with the way out.
fn what_else(head: &[u8], known_encoding: bool) -> Option<String> {
    const SIGNATURES: [(&[u8], &str); 17] = [
        (b"PK\x03\x04", "an Excel or LibreOffice workbook, or a ZIP archive"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\xd0\xcf\x11\xe0", "an Excel workbook (XLS)"),
        (b"\x09\x08\x10\0", "an Excel workbook (XLS)"),
        (b"\x1f\x8b", "compressed with gzip"),
        (b"BZh", "compressed with bzip2"),
        (b"\xfd7zXZ\0", "compressed with xz"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"%PDF", "a PDF document"),
        (b"{\\rtf", "an RTF document"),
        (b"ID;PWXL", "in Excel's format SYLK"),
        (b"PAR1", "a Parquet file"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\xff\xfe\0\0", "in UTF-32"),
        (b"\0\0\xfe\xff", "in UTF-32"),
    ];
    let way_out = |what: &str| match what {
        what if what.starts_with("comp") => format!("the file is {what}; decompress it first"),
        what if what.contains("UTF-32") => format!("the file is {what}; save it as UTF-8"),
        what => format!("the file is {what}; save it as CSV (UTF-8), or extract the CSV file from it"),
    };
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Some(way_out(what));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.starts_with(b"<") {
        return Some("the file is HTML or XML, such as a sign-in or error page, or a table; download the CSV file again, or save it as CSV (UTF-8)".to_owned());
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    // In UTF-16, at least each separator and line end has a zero byte, always at the same side.
    let many = (head.len() / 32).max(2);
    match (zeros(0), zeros(1)) {
        (0, 0) => None,
        _ if known_encoding => None,
        (even, odd) if odd > many.max(8 * even) => Some(
            "the file looks like UTF-16LE without a byte order mark; save it as UTF-8, or pass --encoding utf-16le"
                .to_owned(),
        ),
        (even, odd) if even > many.max(8 * odd) => Some(
            "the file looks like UTF-16BE without a byte order mark; save it as UTF-8, or pass --encoding utf-16be"
                .to_owned(),
        ),
        _ => Some("the file is not text: it has zero bytes; save it as CSV (UTF-8)".to_owned()),
    }
}

/// Replaces `\r\n` and a lone `\r` by `\n`.
struct LineEnds<R> {
    text: R,
    after_cr: bool,
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.text.read(buffer)?;
            let mut kept = 0;
            for place in 0..read {
                let Some(byte) = buffer.get(place).copied() else { break };
                let is_second = byte == b'\n' && self.after_cr;
                self.after_cr = byte == b'\r';
                if !is_second && let Some(slot) = buffer.get_mut(kept) {
                    *slot = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }
            // Nothing kept of something read is not the end.
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(
        name: &str,
        content: &[u8],
        encoding: Option<&'static Encoding>,
    ) -> Result<(String, &'static str), String> {
        let path = std::env::temp_dir().join(format!("soa-link-source-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        let source = Source::open(&path, encoding);
        std::fs::remove_file(&path).unwrap();
        let mut source = source.map_err(|error| error.to_string())?;
        let mut text = Vec::new();
        source.text.read_to_end(&mut text).unwrap();
        assert!(text.starts_with(&source.head));
        Ok((String::from_utf8(text).unwrap(), source.encoding))
    }

    fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn text_is_read_by_its_byte_order_mark_or_by_the_given_encoding() {
        let text = "sub\tentitlements\r\nmüller\tbasic\r\n";
        let plain = "sub\tentitlements\nmüller\tbasic\n";
        let latin: Vec<_> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let label = |label: &str| Encoding::for_label(label.as_bytes());
        for (content, encoding, name) in [
            (text.as_bytes().to_vec(), None, "UTF-8"),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), None, "UTF-8"),
            (utf_16(&format!("\u{feff}{text}"), u16::to_le_bytes), None, "UTF-16LE"),
            (utf_16(&format!("\u{feff}{text}"), u16::to_be_bytes), None, "UTF-16BE"),
            (utf_16(text, u16::to_le_bytes), label("utf-16le"), "UTF-16LE"),
            (utf_16(text, u16::to_be_bytes), label("utf-16be"), "UTF-16BE"),
            (latin.clone(), label("windows-1252"), "windows-1252"),
            (latin, label("latin1"), "windows-1252"),
            (
                text.replace('ü', "\u{9f}")
                    .chars()
                    .map(|c| u8::try_from(u32::from(c)).unwrap())
                    .collect(),
                label("macintosh"),
                "macintosh",
            ),
            // The mark wins over the given name.
            (
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                label("windows-1252"),
                "UTF-8",
            ),
        ] {
            assert_eq!(opened("text", &content, encoding).unwrap(), (plain.to_owned(), name));
        }
    }

    #[test]
    fn line_ends_of_all_systems_are_read() {
        for (content, text) in [
            ("a\r\nb\nc\rd", "a\nb\nc\nd"),
            ("a\r\r\nb\n\r\nc\r", "a\n\nb\n\nc\n"),
            ("\r\n", "\n"),
            ("", ""),
        ] {
            assert_eq!(opened("ends", content.as_bytes(), None).unwrap().0, text, "{content:?}");
        }
        // Also across two reads.
        let long = "x".repeat(65_535) + "\r\ny\r\n";
        assert_eq!(opened("long", long.as_bytes(), None).unwrap().0, long.replace('\r', ""));
    }

    #[test]
    fn a_file_that_is_no_text_is_named() {
        for (content, what) in [
            (&b"PK\x03\x04rest"[..], "workbook"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"%PDF-1.7\n", "PDF"),
            (b"{\\rtf1 sub", "RTF"),
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"\xef\xbb\xbf\n <table>", "HTML"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"PAR1\0\0", "Parquet"),
            (b"SQLite format 3\0", "SQLite"),
            (b"\xff\xfe\0\0s\0\0\0", "UTF-32"),
            (b"s\0u\0b\0,\0e\0", "--encoding utf-16le"),
            (b"\0s\0u\0b\0,\0e", "--encoding utf-16be"),
            (b"sub,ent\0\0itlements\0\n", "zero bytes"),
            (b"sub,entitlements\nm-1,basic\nm-\0x,basic\n", "zero bytes"),
            (b"ID;PWXL;N;E\n", "SYLK"),
        ] {
            let said = opened("other", content, None).unwrap_err();
            assert!(said.contains(what), "{said}");
        }
        assert!(opened("text", b"sub,entitlements\nP<K,basic\n", None).is_ok());
    }
}
