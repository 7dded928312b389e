//! The log lines of the functions, kept for the console.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::clock::Clock;

/// Upper bound of kept lines; older ones are dropped.
const MAX_LINES: usize = 2_000;

/// A line of the functions' log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// Sequence number, from 1 without gaps.
    pub sequence: u64,
    /// Time of the line, in milliseconds since 1970, by the system clock.
    pub at_ms: u64,
    /// Moment of the line, which orders it among requests.
    pub(crate) received: Instant,
    /// Members of the line, as the functions write it.
    pub members: Value,
}

impl LogLine {
    /// Returns the id of the request that caused the line, or `None` if none did.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.members.pointer("/span/request_id").and_then(Value::as_str)
    }

    /// Returns a member that is text, or an empty text.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.members.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the line is a warning or an error.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        matches!(self.text("level"), "WARN" | "ERROR")
    }
}

/// A log in memory: a writer that keeps JSON lines. Clones share the lines.
#[derive(Clone, Debug, Default)]
pub struct FunctionLog(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    last: u64,
    clock: Clock,
}

impl FunctionLog {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the kept lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        self.kept().lines.iter().cloned().collect()
    }

    /// Removes all lines.
    pub fn clear(&self) {
        self.kept().lines.clear();
    }
}

impl Write for FunctionLog {
    /// Keeps the JSON lines in `bytes`, which must be whole lines, and drops others.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.kept();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(members) = serde_json::from_slice(line) else {
                continue;
            };
            kept.last += 1;
            if kept.lines.len() == MAX_LINES {
                kept.lines.pop_front();
            }
            let line = LogLine {
                sequence: kept.last,
                at_ms: kept.clock.now_ms(),
                received: Instant::now(),
                members,
            };
            kept.lines.push_back(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_line_is_kept_with_its_request_id() {
        let mut log = FunctionLog::default();
        log.write_all(b"{\"level\":\"WARN\",\"span\":{\"request_id\":\"abc\"}}\nnot json\n{\"level\":\"INFO\"}\n")
            .unwrap();
        let lines = log.lines();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.sequence, line.request_id(), line.is_problem()))
            .collect();
        assert_eq!(seen, [(1, Some("abc"), true), (2, None, false)]);
        log.clear();
        assert!(log.lines().is_empty());
    }
}
