//! Watches the bytes that the CSV parser reads: in which line each record begins, as a text editor counts, and whether its quotes are well-formed. The parser
//! itself accepts any quotes, and does not count blank lines.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// Upper bound of a row, in bytes: twice the size of 500 entitlements of 128 characters.
pub(super) const MAX_ROW_BYTES: usize = 256 * 1024;

/// Size of the CSV parser's buffer, in bytes.
pub(super) const BUFFER_BYTES: usize = 1 << 16;

/// Where a record is, and what is wrong with its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Position of the first byte.
    start: u64,
    pub(super) first_line: u64,
    pub(super) last_line: u64,
    pub(super) quotes: Quotes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    WellFormed,
    /// A quote that is closed in the middle of a cell. It begins in this line.
    ClosedEarly(u64),
    /// A quote that is not closed so far. It begins in this line, in the column with this number.
    Open(u64, usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeRecord,
    BeforeCell,
    InCell,
    Quoted,
    /// After a quote in a quoted cell, which ends the cell or is doubled.
    AfterQuote,
}

/// Passes the text on, at most [`MAX_ROW_BYTES`] for each row: an unclosed quote would otherwise read the rest of the file as one row.
pub(super) struct Tracker<R> {
    text: R,
    separator: u8,
    left: usize,
    place: u64,
    line: u64,
    column: usize,
    state: State,
    marks: VecDeque<Mark>,
}

impl<R: Read> Tracker<R> {
    /// `line` is the number of the first line of `text`.
    pub(super) fn new(text: R, separator: u8, line: u64) -> Self {
        Self {
            text,
            separator,
            left: 0,
            place: 0,
            line,
            column: 1,
            state: State::BeforeRecord,
            marks: VecDeque::new(),
        }
    }

    pub(super) fn separator(&self) -> u8 {
        self.separator
    }

    pub(super) fn allow_next_row(&mut self) {
        self.left = MAX_ROW_BYTES + BUFFER_BYTES;
    }

    /// The first record that begins at this position or later, if its first byte has been read.
    pub(super) fn mark(&mut self, position: u64) -> Option<Mark> {
        while self.marks.front().is_some_and(|mark| mark.start < position) {
            self.marks.pop_front();
        }
        self.marks.front().copied()
    }

    fn watch(&mut self, byte: u8) {
        if self.state == State::BeforeRecord && byte != b'\n' {
            self.column = 1;
            self.marks.push_back(Mark {
                start: self.place,
                first_line: self.line,
                last_line: self.line,
                quotes: Quotes::WellFormed,
            });
        }
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::AfterQuote,
            (State::Quoted, _) | (State::AfterQuote, b'"') => State::Quoted,
            (State::BeforeRecord | State::BeforeCell, b'"') => {
                self.note(Quotes::Open(self.line, self.column));
                State::Quoted
            }
            (_, b'\n') => {
                self.close_quote();
                State::BeforeRecord
            }
            (_, byte) if byte == self.separator => {
                self.close_quote();
                self.column += 1;
                State::BeforeCell
            }
            (State::AfterQuote, _) => {
                if let Some(Quotes::Open(line, _)) = self.marks.back().map(|mark| mark.quotes) {
                    self.note(Quotes::ClosedEarly(line));
                }
                State::InCell
            }
            (_, _) => State::InCell,
        };
        if byte == b'\n' {
            self.line += 1;
        } else if let Some(mark) = self.marks.back_mut() {
            mark.last_line = self.line;
        }
        self.place += 1;
    }

    fn note(&mut self, quotes: Quotes) {
        if let Some(mark) = self
            .marks
            .back_mut()
            .filter(|mark| !matches!(mark.quotes, Quotes::ClosedEarly(_)))
        {
            mark.quotes = quotes;
        }
    }

    fn close_quote(&mut self) {
        if self.state == State::AfterQuote {
            self.note(Quotes::WellFormed);
        }
    }
}

impl<R: Read> Read for Tracker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left);
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else {
            return Err(io::Error::other("the row is too long"));
        };
        let read = self.text.read(buffer)?;
        self.left -= read;
        if read == 0 {
            // A last cell without a line end is complete.
            self.close_quote();
        }
        for byte in buffer.iter().take(read) {
            self.watch(*byte);
        }
        Ok(read)
    }
}
