//! Files for data about people and for keys: no other user of this machine can read them.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// A file that nobody else on this machine may read: it says who subscribes. One of that name is gone, with whoever may read it or where it leads.
///
/// # Errors
/// When it cannot be created.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => new_private_file(path),
    }
}

/// As [`private_file`], of a name that is not there yet: what is in a key's file must not be lost.
///
/// # Errors
/// When it is there, or cannot be created.
pub(crate) fn new_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file's name with another ending, in the same folder.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
