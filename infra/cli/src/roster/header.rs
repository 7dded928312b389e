//! Finds the header of a CSV file. The separator is the only one for which the first line has the needed columns, unless the operator or a line `sep=` names it.

use super::{
    cells::NOT_UTF_8,
    columns::{ColumnProblem, Columns, Selection},
    tracker::{BUFFER_BYTES, Quotes, Tracker},
};
use crate::error::CliError;

/// Separators that are recognized.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The first line of a file and the separator that it was split by.
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

/// The separator in a first line such as `sep=;`, which Excel reads and writes, and the length of that line.
pub(super) fn separator_line(head: &[u8]) -> (Option<u8>, usize) {
    let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, rest @ ..]
            if SEPARATORS.contains(separator) && rest.iter().all(|byte| b"\" ,;\t|".contains(byte)) =>
        {
            (Some(*separator), (end + 1).min(head.len()))
        }
        _ => (None, 0),
    }
}

/// Splits the first line of `head` by each separator, and returns the split that has the needed columns.
///
/// # Errors
/// [`CliError`] with what the first line has instead.
pub(super) fn find_header(head: &[u8], selection: &Selection, separator: Option<u8>) -> Result<Header, CliError> {
    let (mut found, mut elsewhere): (Vec<Header>, Vec<Header>) = (Vec::new(), Vec::new());
    let (mut unusable, mut rejected): (Option<CliError>, Option<Rejected>) = (None, None);
    let unusual = separator.filter(|given| !SEPARATORS.contains(given));
    for candidate in SEPARATORS.into_iter().chain(unusual) {
        let is_given = separator.is_none_or(|given| given == candidate);
        match split(head, candidate, selection) {
            Ok(Ok(header)) if is_given => found.push(header),
            Ok(Ok(header)) => elsewhere.push(header),
            _ if !is_given => {}
            Err(error) => unusable = unusable.or(Some(error)),
            Ok(Err(other)) => {
                // A problem other than a missing column shows that the separator is right.
                let rank = |split: &Rejected| (!matches!(split.problem, ColumnProblem::Missing(_)), split.names.len());
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
        (None, _, None, Some(split)) => {
            let names: Vec<_> = split.names.iter().map(String::as_str).collect();
            let said = selection.explain(&split.problem, &names, &separator_name(split.separator));
            Err(CliError::new(match elsewhere.first() {
                Some(other) => format!(
                    "{said}. Separated by {} it has all columns",
                    separator_name(other.separator)
                ),
                None => said,
            }))
        }
    }
}

/// Splits the first line. The outer error means that it is no CSV line in UTF-8.
fn split(head: &[u8], separator: u8, selection: &Selection) -> Result<Result<Header, Rejected>, CliError> {
    let cells = first_record(head, separator)?;
    let names: Vec<_> = cells.iter().map(String::from_utf8_lossy).collect();
    let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
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
        }),
    })
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
