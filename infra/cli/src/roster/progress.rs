//! Progress of an import: in a file next to the roster, from which another run continues, and on the terminal.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::{args::RosterArgs, source::Fingerprint};
use crate::{
    error::CliError,
    private_file::{private_file, with_suffix},
};

/// Content of the progress file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    partner_id: String,
    subscribers_table: String,
    sha256: String,
    /// Hash of the settings that decide how the roster is read; empty for the defaults.
    #[serde(default)]
    reading: String,
    rows: u64,
}

/// The progress file of one import, identified by the roster's content, how it is read, the partner and the table.
pub(super) struct ProgressFile {
    file: PathBuf,
    part: PathBuf,
    partner_id: String,
    subscribers_table: String,
    sha256: String,
    reading: String,
}

impl ProgressFile {
    /// `reading` is empty, or a hash of the settings that decide how the roster is read.
    pub(super) fn new(roster: &Path, roster_args: &RosterArgs, fingerprint: &Fingerprint, reading: String) -> Self {
        Self {
            file: with_suffix(roster, "progress"),
            part: with_suffix(roster, "progress.part"),
            partner_id: roster_args.partner_id.to_string(),
            subscribers_table: roster_args.subscribers_table.clone(),
            sha256: fingerprint.sha256.clone(),
            reading,
        }
    }

    fn with_rows(&self, rows: u64) -> Progress {
        Progress {
            partner_id: self.partner_id.clone(),
            subscribers_table: self.subscribers_table.clone(),
            sha256: self.sha256.clone(),
            reading: self.reading.clone(),
            rows,
        }
    }

    /// Number of rows that an earlier run of the same import has written; 0 if there is no progress file.
    pub(super) fn load(&self) -> Result<u64, CliError> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let progress: Option<Progress> = serde_json::from_slice(&text).ok();
        match progress {
            Some(progress) if progress == self.with_rows(progress.rows) => Ok(progress.rows),
            // The other import has written nothing, so it cannot be left incomplete.
            Some(progress) if progress.rows == 0 => Ok(0),
            _ => Err(CliError::new(format!(
                "{} belongs to another import (other roster, plans, columns, partner or table); finish that import, or delete the file",
                self.file.display()
            ))),
        }
    }

    /// Stores the number of rows that are written.
    pub(super) fn save(&self, rows: u64) -> Result<(), CliError> {
        let mut written = private_file(&self.part)?;
        serde_json::to_writer(&mut written, &self.with_rows(rows)).map_err(io::Error::from)?;
        written.sync_all()?;
        Ok(fs::rename(&self.part, &self.file)?)
    }

    /// Deletes the file, if there is one, because the import is complete.
    pub(super) fn delete(&self) -> Result<(), CliError> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A progress bar on standard error. It is hidden if that is not a terminal.
pub(super) fn bar(what: &'static str, rows: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} rows {per_sec} {eta}")
    {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
