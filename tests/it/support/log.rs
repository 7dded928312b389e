//! Log capture of this test process.

use std::{
    io,
    sync::{Mutex, OnceLock},
};

use sandbox::FunctionLog;
use serde_json::Value;

/// A writer that keeps every log line of this process, also for the sandbox's console.
pub(super) struct Log;

fn lines() -> &'static Mutex<Vec<u8>> {
    static LINES: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    LINES.get_or_init(Mutex::default)
}

/// The same lines, as the console shows them.
pub(super) fn function_log() -> FunctionLog {
    static LOG: OnceLock<FunctionLog> = OnceLock::new();
    LOG.get_or_init(FunctionLog::default).clone()
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().lock().unwrap().extend_from_slice(bytes);
        function_log().write(bytes)
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
