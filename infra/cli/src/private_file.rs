//! Files for subscriber data and keys, which no other user of this machine can read.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Creates a file that only the current user can read. An existing file is deleted first, so that its permissions or a symbolic link do not apply to the new one.
///
/// # Errors
/// An I/O error if the old file cannot be deleted or the new one cannot be created.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => new_private_file(path),
    }
}

/// Like [`private_file`], but never replaces an existing file: a private key must not be lost.
///
/// # Errors
/// An I/O error if the file exists or cannot be created.
pub(crate) fn new_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// `path` with `.` and `ending` appended to its file name.
pub(crate) fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
