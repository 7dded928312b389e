//! Rows of a CSV file below its header.

use std::io::Read;

use super::{
    cells::{Given, NOT_UTF_8, ReadRow, RowCells},
    columns::{Columns, Selection},
    header::{Header, SEPARATORS, find_header, is_blank, names, reader, separator_line, separator_name},
    source::Source,
    tracker::{Mark, Quotes, Tracker},
};
use crate::error::CliError;

/// Iterator over the rows below the header.
pub(super) struct CsvRows {
    records: csv::Reader<Tracker<Box<dyn Read + Send>>>,
    record: csv::ByteRecord,
    header: csv::ByteRecord,
    columns: Columns,
    blank: u64,
    multiline: u64,
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
        let first_line = if skipped > 0 { 2 } else { 1 };
        let Header {
            separator,
            columns,
            cells,
            problem,
        } = find_header(rest, first_line, selection, separator.or(named))?;
        std::io::copy(&mut text.by_ref().take(skipped as u64), &mut std::io::sink())?;
        let tracker = Tracker::new(text, separator, first_line);
        let mut rows = Self {
            records: reader(separator).from_reader(tracker),
            record: csv::ByteRecord::new(),
            header: cells,
            columns,
            blank: 0,
            multiline: 0,
        };
        while rows.read()?.is_some() && is_blank(&rows.record) {}
        match problem {
            None => Ok(rows),
            // An unclosed quote comes first: it may hide rows.
            Some(problem) => Err(rows.find_map(Result::err).unwrap_or(problem)),
        }
    }

    /// Number of rows whose cells are all empty. They are skipped.
    pub(super) fn blank(&self) -> u64 {
        self.blank
    }

    /// Number of rows with line breaks in cells.
    pub(super) fn multiline(&self) -> u64 {
        self.multiline
    }

    /// The separator, as messages show it.
    pub(super) fn separator(&self) -> String {
        separator_name(self.records.get_ref().separator())
    }

    /// The names of the used columns in the header.
    pub(super) fn used(&self) -> Vec<String> {
        let columns = [Some(self.columns.who), Some(self.columns.given), self.columns.status];
        let names = names(&self.header);
        let used = columns.into_iter().flatten().filter_map(|place| names.get(place));
        used.cloned().collect()
    }

    /// The name of a column that seems to have statuses and is not used.
    pub(super) fn unread_status(&self) -> Option<String> {
        let used = [self.columns.who, self.columns.given];
        let mut names = names(&self.header).into_iter().enumerate();
        let unread = names.find(|(place, name)| !used.contains(place) && name.to_lowercase().contains("status"));
        unread.map(|(_, name)| name)
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

    /// Whether each line of the current row has as many separators as a row. A quote that is not closed ends at the next quote, and hides the rows between.
    fn hides_rows(&self) -> bool {
        let separator = self.records.get_ref().separator();
        let text = self.record.iter().collect::<Vec<_>>().join(&separator);
        let mut lines = text.split(|byte| *byte == b'\n');
        lines.all(|line| line.split(|byte| *byte == separator).count() == self.header.len())
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
        // Spreadsheets leave out trailing separators of columns without names in some rows.
        let named = self.header.iter().rposition(|name| !name.trim_ascii().is_empty());
        let named = named.map_or(0, |last| last + 1);
        let more = texts.get(self.header.len()..).unwrap_or_default();
        if texts.len() < named || more.iter().any(|cell| !cell.is_empty()) {
            let other = other_separator(&texts, self.records.get_ref().separator());
            let other = other.map_or_else(String::new, |other| {
                format!("; the row seems to be separated by {other}")
            });
            return Err(format!(
                "the number of fields differs from the header: {} instead of {named}{other}{ends}",
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
            hides_rows: mark.last_line > mark.first_line && self.hides_rows(),
        })
    }
}

/// Another separator that the only cell of a row has.
fn other_separator(cells: &[&str], separator: u8) -> Option<String> {
    let [cell] = cells else {
        return None;
    };
    let mut others = SEPARATORS.into_iter().filter(|other| *other != separator);
    others.find(|other| cell.as_bytes().contains(other)).map(separator_name)
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
            if is_blank(&self.record) {
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
