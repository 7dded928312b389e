//! Rows of a CSV file. The separator is the only one for which the first line has the needed columns, unless the operator or a line `sep=` names it.

use std::io::Read;

use super::{
    cells::{Given, NOT_UTF_8, ReadRow, RowCells},
    columns::{ColumnProblem, Columns, Selection},
    source::Source,
    tracker::{BUFFER_BYTES, Mark, Quotes, Tracker},
};
use crate::error::CliError;

/// Separators that are recognized.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Iterator over the rows below the header.
pub(super) struct CsvRows {
    records: csv::Reader<Tracker<Box<dyn Read + Send>>>,
    record: csv::ByteRecord,
    header: csv::ByteRecord,
    columns: Columns,
    blank: u64,
    multiline: u64,
}

/// The first line of a file and the separator that it was split by.
struct Header {
    separator: u8,
    columns: Columns,
    cells: csv::ByteRecord,
}

impl CsvRows {
    /// Reads the header.
    ///
    /// # Errors
    /// [`CliError`] if the first line does not have the needed columns, with what it has.
    pub(super) fn open(source: Source, selection: &Selection, separator: Option<u8>) -> Result<Self, CliError> {
        let Source { head, mut text, .. } = source;
        if matches!(head.trim_ascii_start().first(), Some(b'[' | b'{')) {
            return Err(CliError::new(
                "the file is JSON, not CSV; pass --format jsonl, with one object per line",
            ));
        }
        let (named, skipped) = separator_line(&head);
        let rest = head.get(skipped..).unwrap_or_default();
        let header = find_header(rest, selection, separator.or(named))?;
        std::io::copy(&mut text.by_ref().take(skipped as u64), &mut std::io::sink())?;
        let tracker = Tracker::new(text, header.separator, if skipped > 0 { 2 } else { 1 });
        let mut rows = Self {
            records: reader(header.separator).from_reader(tracker),
            record: csv::ByteRecord::new(),
            header: header.cells,
            columns: header.columns,
            blank: 0,
            multiline: 0,
        };
        rows.read()?;
        Ok(rows)
    }

    /// Number of rows whose cells are all empty. They are skipped.
    pub(super) fn blank(&self) -> u64 {
        self.blank
    }

    /// Number of rows with line breaks in cells.
    pub(super) fn multiline(&self) -> u64 {
        self.multiline
    }

    pub(super) fn separator(&self) -> &'static str {
        separator_name(self.records.get_ref().separator())
    }

    /// The names of the used columns in the header.
    pub(super) fn used(&self) -> Vec<String> {
        let columns = [Some(self.columns.who), Some(self.columns.given), self.columns.status];
        let cell = |place: usize| {
            String::from_utf8_lossy(self.header.get(place).unwrap_or_default())
                .trim()
                .to_owned()
        };
        columns.into_iter().flatten().map(cell).collect()
    }

    /// Reads the next record. Returns `None` at the end of the file.
    fn read(&mut self) -> Result<Option<Mark>, CliError> {
        let position = self.records.position().byte();
        self.records.get_mut().allow_next_row();
        let read = self.records.read_byte_record(&mut self.record);
        let mark = self.records.get_mut().mark(position);
        let line = mark.map_or(1, |mark| mark.first_line);
        let stopped = |why: &str| CliError::new(format!("cannot read the roster from line {line} on: {why}"));
        let open = match mark.map(|mark| mark.quotes) {
            Some(Quotes::Open(line, column)) => Some(format!(
                "the quote that begins in line {line}, column {column}, is not closed"
            )),
            _ => None,
        };
        match (read, open) {
            (Ok(false), _) => Ok(None),
            (Ok(true), None) => Ok(mark),
            (Ok(true), Some(open)) => Err(stopped(&open)),
            (Err(error), open) => {
                let why = match error.into_kind() {
                    csv::ErrorKind::Io(error) => error.to_string(),
                    _ => "the row is not CSV".to_owned(),
                };
                Err(stopped(&match open {
                    Some(open) => format!("{why}, because {open}"),
                    None => why,
                }))
            }
        }
    }

    fn cells(&self, mark: Mark) -> Result<RowCells, String> {
        let ends = match mark.last_line {
            last if last > mark.first_line => format!(" (the row ends in line {last}; perhaps a quote is not closed)"),
            _ => String::new(),
        };
        if let Quotes::ClosedEarly(line) = mark.quotes {
            return Err(format!(
                "a quote that begins in line {line} is closed in the middle of a cell; write two quotes for one within a cell{ends}"
            ));
        }
        let mut texts = Vec::with_capacity(self.record.len());
        for cell in &self.record {
            let cell = std::str::from_utf8(cell).map_err(|_| NOT_UTF_8.to_owned())?;
            texts.push(cell.trim_matches(' '));
        }
        if self.record == self.header {
            return Err("the header again; perhaps several files were joined".to_owned());
        }
        let named = self.header.len();
        let more = texts.get(named..).unwrap_or_default();
        if texts.len() < named || more.iter().any(|cell| !cell.is_empty()) {
            return Err(format!(
                "the number of fields differs from the header: {} instead of {named}{ends}",
                texts.len()
            ));
        }
        let unnamed = texts
            .iter()
            .zip(&self.header)
            .find(|(cell, name)| !cell.is_empty() && name.trim_ascii().is_empty());
        if unnamed.is_some() {
            return Err("a cell in a column without a name".to_owned());
        }
        let cell = |place: usize| (*texts.get(place).unwrap_or(&"")).to_owned();
        Ok(RowCells {
            who: cell(self.columns.who),
            who_is: self.columns.who_is.as_str(),
            given: Given::Text(cell(self.columns.given)),
            status: self.columns.status.map(cell),
        })
    }
}

impl Iterator for CsvRows {
    /// The error means that the file cannot be read on.
    type Item = Result<ReadRow, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mark = match self.read() {
                Err(failed) => return Some(Err(failed)),
                Ok(mark) => mark?,
            };
            let no_break_space = "\u{a0}".as_bytes();
            let is_blank = |cell: &[u8]| cell.trim_ascii().is_empty() || cell.trim_ascii() == no_break_space;
            if self.record.iter().all(is_blank) {
                self.blank += 1;
                continue;
            }
            self.multiline += u64::from(mark.last_line > mark.first_line);
            return Some(Ok(ReadRow {
                line: mark.first_line,
                cells: self.cells(mark),
            }));
        }
    }
}

fn reader(separator: u8) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(BUFFER_BYTES);
    builder
}

/// How messages show a separator.
fn separator_name(separator: u8) -> &'static str {
    match separator {
        b',' => ",",
        b';' => ";",
        b'|' => "|",
        b'\t' => "\t",
        _ => "the given separator",
    }
}

/// The separator in a first line such as `sep=;`, which Excel reads and writes, and the length of that line.
fn separator_line(head: &[u8]) -> (Option<u8>, usize) {
    let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, rest @ ..]
            if SEPARATORS.contains(separator) && rest.iter().all(|byte| b"\" ,;\t".contains(byte)) =>
        {
            (Some(*separator), (end + 1).min(head.len()))
        }
        _ => (None, 0),
    }
}

/// Splits the first line of `head` by each separator, and returns the split that has the needed columns.
fn find_header(head: &[u8], selection: &Selection, separator: Option<u8>) -> Result<Header, CliError> {
    let (mut found, mut unclosed) = (Vec::new(), None);
    let mut best: Option<(u8, Vec<String>, ColumnProblem)> = None;
    let mut elsewhere = None;
    for candidate in SEPARATORS
        .into_iter()
        .chain(separator.filter(|given| !SEPARATORS.contains(given)))
    {
        let is_given = separator.is_none_or(|given| given == candidate);
        let cells = match first_record(head, candidate) {
            Ok(cells) => cells,
            Err(error) => {
                unclosed = unclosed.or(is_given.then_some(error));
                continue;
            }
        };
        let names: Vec<_> = cells.iter().map(String::from_utf8_lossy).collect();
        let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
        match selection.find(&names) {
            Ok(_) if !is_given => elsewhere = Some(candidate),
            Ok(columns) => found.push(Header {
                separator: candidate,
                columns,
                cells,
            }),
            Err(_) if !is_given => {}
            Err(problem) => {
                // A problem other than a missing column shows that the separator is right.
                let rank = |problem: &ColumnProblem, len: usize| (!matches!(problem, ColumnProblem::Missing(_)), len);
                let better = best
                    .as_ref()
                    .is_none_or(|(_, other, theirs)| rank(&problem, names.len()) > rank(theirs, other.len()));
                if better {
                    best = Some((candidate, names.iter().map(|&name| name.to_owned()).collect(), problem));
                }
            }
        }
    }
    if found.len() > 1 {
        return Err(CliError::new(
            "the header can be split by more than one separator; name it with --separator",
        ));
    }
    if let Some(header) = found.pop() {
        return Ok(header);
    }
    if let Some(error) = unclosed {
        return Err(error);
    }
    let (separator, names, problem) = best.ok_or_else(|| CliError::new("the file has no header"))?;
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut said = selection.explain(&problem, &names, separator_name(separator));
    if let Some(other) = elsewhere {
        said = format!("{said}. Separated by '{}' it has all columns", separator_name(other));
    }
    Err(CliError::new(said))
}

fn first_record(head: &[u8], separator: u8) -> Result<csv::ByteRecord, CliError> {
    let mut record = csv::ByteRecord::new();
    let mut tracker = Tracker::new(head, separator, 1);
    tracker.allow_next_row();
    let mut records = reader(separator).from_reader(tracker);
    let read = records.read_byte_record(&mut record);
    read.map_err(|_| CliError::new("the first line is not a CSV header"))?;
    if let Some(Quotes::Open(line, column)) = records.get_mut().mark(0).map(|mark| mark.quotes) {
        return Err(CliError::new(format!(
            "the first line is not a CSV header: the quote that begins in line {line}, column {column}, is not closed"
        )));
    }
    if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        return Err(CliError::new(format!("the header is {NOT_UTF_8}")));
    }
    Ok(record)
}
