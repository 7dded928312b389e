//! Writes a feed only if it is complete: an output that ends with an error leaves nothing behind.

use std::{
    env,
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io::{self, BufWriter, Seek as _, Write},
    path::{Path, PathBuf},
    process,
};

use crate::{
    error::CliError,
    private_file::{new_private_file, with_suffix},
};

/// Writes a temporary file next to `path` and renames it once it is complete.
///
/// # Errors
/// [`CliError`] of `write`, or if the file cannot be written; `path` is unchanged then.
pub(super) fn to_file<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let part = with_suffix(path, "part");
    let failed = |error: io::Error| CliError::new(format!("cannot write {}: {error}", path.display()));
    let mut file = BufWriter::new(File::create(&part).map_err(failed)?);
    let written = write(&mut file).and_then(|written| {
        file.flush().map_err(failed)?;
        fs::rename(&part, path).map_err(failed)?;
        Ok(written)
    });
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// Writes a temporary file, and copies it to `out` once it is complete.
///
/// # Errors
/// [`CliError`] of `write`, or an I/O error; nothing is written to `out` before the copy begins.
pub(super) fn to_stream<T>(
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let number = RandomState::new().hash_one(process::id());
    let path = env::temp_dir().join(format!("soa-link-feed-{number:016x}"));
    let failed = |error: io::Error| CliError::new(format!("cannot write a temporary file: {error}"));
    let file = new_private_file(&path).map_err(failed)?;
    let _removed = RemovedAtEnd(path);
    let mut file = BufWriter::new(file);
    let written = write(&mut file)?;
    let mut file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.rewind().map_err(failed)?;
    io::copy(&mut file, out)?;
    out.flush()?;
    Ok(written)
}

/// A temporary file.
struct RemovedAtEnd(PathBuf);

impl Drop for RemovedAtEnd {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
