//! Reads a roster row by row: CSV with a header, or JSON Lines. A row has a subscriber, as `partner_user_id` or `sub`, and their entitlements. The error of a
//! bad row names its line and the wrong column, and never its content.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

use aws_lc_rs::digest;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    encoding::hex,
    partner::{Entitlements, PartnerId, PartnerUserId},
    secrets::Versions,
    sign_in::{PartnerKeys, subject_id},
};

use super::args::Format;
use crate::error::CliError;

/// Upper bound of a row, in bytes: twice the size of 500 entitlements of 128 characters.
const MAX_ROW_BYTES: usize = 256 * 1024;

/// A valid row.
pub(super) struct Row {
    pub(super) partner_user_id: PartnerUserId,
    pub(super) entitlements: Entitlements,
}

/// A row that cannot be used, with the reason.
#[derive(Debug, Serialize)]
pub(super) struct BadRow {
    pub(super) line: u64,
    pub(super) what: &'static str,
}

/// Settings for reading rows.
#[derive(Clone)]
pub(super) struct RowFormat {
    pub(super) format: Format,
    pub(super) partner_id: PartnerId,
    /// Keys that derive a Partner User ID from `sub`; `None` if rows must not have `sub`.
    pub(super) keys: Option<Arc<Versions<PartnerKeys>>>,
    pub(super) ignore_other_columns: bool,
}

/// Iterator over the rows of a file, in order.
pub(super) struct Rows {
    reading: RowFormat,
    lines: RowSource,
}

enum RowSource {
    Csv {
        records: csv::Reader<RowLimitReader>,
        record: csv::StringRecord,
        columns: Columns,
    },
    Jsonl {
        file: BufReader<File>,
        line: u64,
    },
}

/// Limits the bytes of one row: an unclosed quote would otherwise read the rest of the file as one row.
struct RowLimitReader {
    file: File,
    left: usize,
}

impl RowLimitReader {
    /// Size of the CSV reader's buffer, in bytes.
    const BUFFER: usize = 1 << 16;

    fn allow_next_row(&mut self) {
        self.left = MAX_ROW_BYTES + Self::BUFFER;
    }
}

impl Read for RowLimitReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left);
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else {
            return Err(io::Error::other(
                "the row is too long, perhaps because a quote is not closed",
            ));
        };
        let read = self.file.read(buffer)?;
        self.left -= read;
        Ok(read)
    }
}

/// Positions of the columns in a CSV record.
#[derive(Clone, Copy)]
struct Columns {
    who: usize,
    /// Name of the column at `who`: `partner_user_id` or `sub`.
    who_is: &'static str,
    entitlements: usize,
}

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
        (digest::Context::new(&digest::SHA256), vec![0; 1 << 20], 0, None);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        context.update(part);
        bytes += part.len() as u64;
        last = part.last().copied();
    }
    Ok(Fingerprint {
        bytes,
        sha256: hex(context.finish().as_ref()),
        ends_well: matches!(last, None | Some(b'\n')),
    })
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| CliError::new(format!("cannot read {}: {error}", path.display())))
}

impl Rows {
    pub(super) fn open(path: &Path, reading: RowFormat) -> Result<Self, CliError> {
        let mut file = open(path)?;
        let lines = match reading.format {
            Format::Csv => {
                let mut limited = RowLimitReader { file, left: 0 };
                limited.allow_next_row();
                let mut builder = csv::ReaderBuilder::new();
                builder.trim(csv::Trim::All).buffer_capacity(RowLimitReader::BUFFER);
                let mut records = builder.from_reader(limited);
                let header = records
                    .headers()
                    .map_err(|_| CliError::new("the first line is not a CSV header"))?;
                let columns = Columns::of(header, &reading)?;
                let record = csv::StringRecord::new();
                RowSource::Csv {
                    records,
                    record,
                    columns,
                }
            }
            Format::Jsonl => {
                // Skips a byte order mark, which is not JSON.
                let mut mark = [0; 3];
                if !matches!(file.read(&mut mark), Ok(3)) || mark != *b"\xef\xbb\xbf" {
                    file.seek(SeekFrom::Start(0))?;
                }
                RowSource::Jsonl {
                    file: BufReader::with_capacity(1 << 16, file),
                    line: 0,
                }
            }
        };
        let rows = Self { reading, lines };
        Ok(rows)
    }
}

impl Columns {
    fn of(header: &csv::StringRecord, reading: &RowFormat) -> Result<Self, CliError> {
        let place = |name: &str| {
            let mut places = header
                .iter()
                .enumerate()
                .filter(|(_, known)| known.trim_start_matches('\u{feff}') == name);
            let first = places.next().map(|(place, _)| place);
            first.filter(|_| places.next().is_none())
        };
        let (who, who_is) = match (place("partner_user_id"), place("sub")) {
            (Some(who), None) => (who, "partner_user_id"),
            (None, Some(who)) => (who, "sub"),
            _ => {
                return Err(CliError::new(
                    "the header must have either the column partner_user_id or sub, once",
                ));
            }
        };
        let entitlements =
            place("entitlements").ok_or_else(|| CliError::new("the header must have the column entitlements, once"))?;
        if header.len() > 2 && !reading.ignore_other_columns {
            return Err(CliError::new(
                "the header has unknown columns; ignore them with --ignore-other-columns",
            ));
        }
        Ok(Self {
            who,
            who_is,
            entitlements,
        })
    }
}

impl Iterator for Rows {
    /// The outer error means that the file cannot be read on; the inner one is a bad row.
    type Item = Result<Result<Row, BadRow>, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.lines {
            RowSource::Csv {
                records,
                record,
                columns,
            } => {
                let line = records.position().line();
                records.get_mut().allow_next_row();
                match records.read_record(record) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = record.position().map_or(line, csv::Position::line);
                        Some(Ok(
                            of_record(record, *columns, &self.reading).map_err(|what| BadRow { line, what })
                        ))
                    }
                    Err(error) => {
                        let line = error.position().map_or(line, csv::Position::line);
                        let what = match error.kind() {
                            csv::ErrorKind::UnequalLengths { .. } => "the number of fields differs from the header",
                            csv::ErrorKind::Utf8 { .. } => "not UTF-8",
                            _ => {
                                return Some(Err(CliError::new(format!(
                                    "cannot read the roster from line {line} on: {error}"
                                ))));
                            }
                        };
                        Some(Ok(Err(BadRow { line, what })))
                    }
                }
            }
            RowSource::Jsonl { file, line } => loop {
                let mut text = Vec::new();
                // One byte more than the limit, to detect a longer row.
                let read = file
                    .by_ref()
                    .take(MAX_ROW_BYTES as u64 + 1)
                    .read_until(b'\n', &mut text);
                *line += 1;
                let line = *line;
                let row = match read {
                    Ok(0) => return None,
                    Err(error) => {
                        return Some(Err(CliError::new(format!(
                            "cannot read the roster from line {line} on: {error}"
                        ))));
                    }
                    Ok(read) if read > MAX_ROW_BYTES => Err("too long"),
                    Ok(_) if text.trim_ascii().is_empty() => continue,
                    Ok(_) => of_json(&text, &self.reading),
                };
                return Some(Ok(row.map_err(|what| BadRow { line, what })));
            },
        }
    }
}

fn of_record(record: &csv::StringRecord, columns: Columns, reading: &RowFormat) -> Result<Row, &'static str> {
    let who = record.get(columns.who).unwrap_or_default();
    let names = record.get(columns.entitlements).unwrap_or_default();
    let claims = Map::from_iter([(columns.who_is.to_owned(), who.into())]);
    Ok(Row {
        partner_user_id: person(&claims, reading)?,
        entitlements: Entitlements::parse(names.split_ascii_whitespace()).map_err(|_| "entitlements")?,
    })
}

fn of_json(text: &[u8], reading: &RowFormat) -> Result<Row, &'static str> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(text) else {
        return Err("not a JSON object");
    };
    let names = members.remove("entitlements").ok_or("entitlements")?;
    let names: Option<Vec<_>> = names
        .as_array()
        .and_then(|names| names.iter().map(Value::as_str).collect());
    let entitlements = Entitlements::parse(names.ok_or("entitlements")?).map_err(|_| "entitlements")?;
    members.retain(|name, _| !reading.ignore_other_columns || ["partner_user_id", "sub"].contains(&name.as_str()));
    if members.len() != 1 {
        return Err("unknown members, or not exactly one of partner_user_id and sub");
    }
    Ok(Row {
        partner_user_id: person(&members, reading)?,
        entitlements,
    })
}

fn person(claims: &Map<String, Value>, reading: &RowFormat) -> Result<PartnerUserId, &'static str> {
    match (claims.get("partner_user_id"), &reading.keys) {
        (Some(id), _) => {
            let id = id.as_str().and_then(|id| PartnerUserId::parse(id).ok());
            id.ok_or("partner_user_id")
        }
        (None, Some(keys)) => subject_id(keys, &reading.partner_id, claims).map_err(|_| "sub"),
        (None, None) => Err("sub requires --partner-keys-id"),
    }
}
