//! Finds the header of a CSV file: the first line that is not blank. The separator is the only one for which it has the needed columns, unless the operator or a
//! line `sep=` names it.

use super::{
    cells::NOT_UTF_8,
    columns::{ColumnProblem, Columns, Selection},
    tracker::{BUFFER_BYTES, Quotes, Tracker},
};
use crate::error::CliError;

/// Separators that are recognized.
pub(super) const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Number of rows below the first one in which an error looks for the header.
const MAX_ROWS_BELOW: usize = 20;

/// The header of a file and the separator that it was split by.
pub(super) struct Header {
    pub(super) separator: u8,
    pub(super) columns: Columns,
    pub(super) cells: csv::ByteRecord,
    /// Why the file is rejected although it has the needed columns.
    pub(super) problem: Option<CliError>,
}

/// A split of the first line that lacks a needed column.
struct Rejected {
    separator: u8,
    names: Vec<String>,
    problem: ColumnProblem,
    /// Line in which the header begins nevertheless.
    header_line: Option<u64>,
}

pub(super) fn reader(separator: u8) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(BUFFER_BYTES);
    builder
}

/// How messages show a separator.
pub(super) fn separator_name(separator: u8) -> String {
    match separator {
        b'\t' => "tab".to_owned(),
        other => format!("'{}'", char::from(other)),
    }
}

/// Whether a byte can separate columns, if the operator or the file names it.
pub(super) fn can_separate(byte: u8) -> bool {
    byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"')
}

/// Whether all cells of a row are empty, or have only spaces.
pub(super) fn is_blank(record: &csv::ByteRecord) -> bool {
    let no_break_space = "\u{a0}".as_bytes();
    let mut cells = record.iter().map(<[u8]>::trim_ascii);
    cells.all(|cell| cell.is_empty() || cell == no_break_space)
}

/// The separator in a first line such as `sep=;`, which Excel reads and writes, and the length of that line.
pub(super) fn separator_line(head: &[u8]) -> (Option<u8>, usize) {
    let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, rest @ ..]
            if can_separate(*separator) && rest.iter().all(|byte| b"\" ,;\t|".contains(byte)) =>
        {
            (Some(*separator), (end + 1).min(head.len()))
        }
        _ => (None, 0),
    }
}

/// Splits the header by each separator, and returns the split that has the needed columns. `line` is the number of the first line of `head`.
///
/// # Errors
/// [`CliError`] with what the first line has instead.
pub(super) fn find_header(
    head: &[u8],
    line: u64,
    selection: &Selection,
    separator: Option<u8>,
) -> Result<Header, CliError> {
    let (mut found, mut unusable, mut rejected): (Vec<Header>, Option<CliError>, Option<Rejected>) =
        (Vec::new(), None, None);
    let candidates = separator.map_or(SEPARATORS.to_vec(), |separator| vec![separator]);
    for candidate in &candidates {
        match split(head, line, *candidate, selection) {
            Ok(Ok(header)) => found.push(header),
            Err(error) => unusable = unusable.or(Some(error)),
            Ok(Err(other)) => {
                // A problem other than a missing column shows that the separator is right.
                let rank = |split: &Rejected| {
                    let is_right = !matches!(split.problem, ColumnProblem::Missing(_)) || split.header_line.is_some();
                    (is_right, split.names.len())
                };
                if rejected.as_ref().is_none_or(|best| rank(&other) > rank(best)) {
                    rejected = Some(other);
                }
            }
        }
    }
    match (found.pop(), found.is_empty(), unusable, rejected) {
        (Some(header), true, ..) => Ok(header),
        (Some(_), false, ..) => Err(CliError::new(
            "the header can be split by more than one separator; name it with --separator",
        )),
        (None, _, Some(error), _) => Err(error),
        (None, _, None, None) => Err(CliError::new("the file has no header")),
        (None, _, None, Some(rejected)) => {
            let others = (0..=0x7f).filter(|byte| can_separate(*byte) && !candidates.contains(byte));
            let fits = |byte: &u8| matches!(split(head, line, *byte, selection), Ok(Ok(_)));
            Err(match others.into_iter().find(fits).map(separator_name) {
                Some(other) => CliError::new(format!("the header is separated by {other}; pass --separator {other}")),
                None => rejected.explain(selection),
            })
        }
    }
}

impl Rejected {
    fn explain(&self, selection: &Selection) -> CliError {
        if let Some(line) = self.header_line {
            return CliError::new(format!(
                "the header is in line {line}; move it to the first line, or delete the lines above it if they are not rows"
            ));
        }
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        CliError::new(selection.explain(&self.problem, &names, &separator_name(self.separator)))
    }
}

/// Splits the header. The outer error means that it is no CSV line in UTF-8.
fn split(head: &[u8], line: u64, separator: u8, selection: &Selection) -> Result<Result<Header, Rejected>, CliError> {
    let mut rows = first_rows(head, line, separator)?.into_iter();
    let cells = rows.next().map_or_else(csv::ByteRecord::new, |(_, cells)| cells);
    let names = names(&cells);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (columns, problem) = match selection.find(&names) {
        Ok(columns) => (Ok(columns), None),
        Err(ColumnProblem::Others(columns)) => {
            let said = selection.explain(&ColumnProblem::Others(columns), &names, &separator_name(separator));
            (Ok(columns), Some(CliError::new(said)))
        }
        Err(problem) => (Err(problem), None),
    };
    Ok(match columns {
        Ok(columns) => Ok(Header {
            separator,
            columns,
            cells,
            problem,
        }),
        Err(problem) => Err(Rejected {
            separator,
            names: names.into_iter().map(str::to_owned).collect(),
            problem,
            header_line: rows
                .find(|(_, cells)| has_columns(cells, selection))
                .map(|(line, _)| line),
        }),
    })
}

/// The cells of a header as text.
pub(super) fn names(cells: &csv::ByteRecord) -> Vec<String> {
    let text = |cell| String::from_utf8_lossy(cell).trim().to_owned();
    cells.iter().map(text).collect()
}

fn has_columns(cells: &csv::ByteRecord, selection: &Selection) -> bool {
    let names = names(cells);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    matches!(selection.find(&names), Ok(_) | Err(ColumnProblem::Others(_)))
}

/// The first rows that are not blank, with their lines. Only the first one must be well-formed.
fn first_rows(head: &[u8], line: u64, separator: u8) -> Result<Vec<(u64, csv::ByteRecord)>, CliError> {
    let mut rows = Vec::new();
    let mut records = reader(separator).from_reader(Tracker::new(head, separator, line));
    while rows.len() <= MAX_ROWS_BELOW {
        let mut record = csv::ByteRecord::new();
        let position = records.position().byte();
        records.get_mut().allow_next_row();
        let read = records.read_byte_record(&mut record);
        let mark = records.get_mut().mark(position);
        let problem = match (&read, mark.map(|mark| mark.quotes)) {
            (Err(_), _) => Some("the first line is not a CSV header".to_owned()),
            (_, Some(Quotes::Open(line, column))) => Some(format!(
                "the first line is not a CSV header: the quote that begins in line {line}, column {column}, is not closed"
            )),
            _ if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) => {
                Some(format!("the header is {NOT_UTF_8}"))
            }
            _ => None,
        };
        match problem {
            Some(problem) if rows.is_empty() => return Err(CliError::new(problem)),
            None if read.is_ok_and(|read| read) => {}
            _ => break,
        }
        if !is_blank(&record) {
            rows.push((mark.map_or(line, |mark| mark.first_line), record));
        }
    }
    Ok(rows)
}
