//! The size of a program, as it is and zipped, and their upper bounds.

use std::{fs, path::Path, process::Command};

use crate::Failed;

/// Upper bound of the size of a program, in MiB.
pub(crate) const MAX_MIB: f64 = 8.0;
/// Upper bound of the size of its zip, in MiB.
pub(crate) const MAX_ZIPPED_MIB: f64 = 3.5;

/// The sizes of a program in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) plain: f64,
    /// Compressed as `infra/release.sh` compresses it, without some hundred bytes of the zip's directory.
    pub(crate) zipped: f64,
}

impl Sizes {
    pub(crate) fn of(program: &Path) -> Result<Self, Failed> {
        let plain = fs::read(program).map_err(|error| format!("{}: {error}", program.display()))?;
        let zipped = Command::new("gzip").args(["-9", "--stdout"]).arg(program).output()?;
        #[expect(clippy::cast_precision_loss, reason = "programs are smaller than 2^52 bytes")]
        let mib = |bytes: usize| bytes as f64 / f64::from(1024 * 1024);
        Ok(Self {
            plain: mib(plain.len()),
            zipped: mib(zipped.stdout.len()),
        })
    }

    /// Compares the sizes with the bounds. The error says what is wrong, and the fix.
    pub(crate) fn check(self, name: &str) -> Result<String, String> {
        let Self { plain, zipped } = self;
        let found = format!("{name}: {plain:.2} MiB of {MAX_MIB}, zipped {zipped:.2} MiB of {MAX_ZIPPED_MIB}");
        if plain <= MAX_MIB && zipped <= MAX_ZIPPED_MIB {
            Ok(found)
        } else {
            Err(format!("FAIL {found}. Fix: find what has become larger"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_above_either_bound_is_an_error() {
        let check = |plain, zipped| Sizes { plain, zipped }.check("callback").is_ok();
        assert!(check(8.0, 3.5));
        assert!(!check(8.01, 3.0));
        assert!(!check(7.0, 3.51));
    }
}
