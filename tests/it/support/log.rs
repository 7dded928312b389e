//! Log capture of this test process.

use std::{
    io,
    sync::{Mutex, OnceLock},
};

use serde_json::Value;

/// A writer that keeps every log line of this process.
pub(super) struct Log;

fn lines() -> &'static Mutex<Vec<u8>> {
    static LINES: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    LINES.get_or_init(Mutex::default)
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn logged() -> String {
    String::from_utf8(lines().lock().unwrap().clone()).unwrap()
}

/// The log lines of one request.
pub(crate) fn logged_of(request_id: &str) -> Vec<Value> {
    let lines: Vec<Value> = logged()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines
        .into_iter()
        .filter(|line| line["span"]["request_id"] == request_id)
        .collect()
}
