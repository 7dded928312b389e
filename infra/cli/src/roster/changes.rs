//! The file of `--changes`: each subscriber whom the import changes, with their entitlements before and after.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use shared::{partner::Entitlements, store::Subscriber};

use super::plan::RosterChange;
use crate::{
    error::CliError,
    private_file::{private_file, with_suffix},
};

/// A CSV file that is complete once it has its name. No cell starts like a spreadsheet formula: ids are hexadecimal, and entitlements start with a letter or
/// digit.
pub(super) struct ChangesFile {
    path: PathBuf,
    part: PathBuf,
    rows: csv::Writer<File>,
}

impl ChangesFile {
    /// Creates the file.
    ///
    /// # Errors
    /// [`CliError`] if it would replace an input of the import, or cannot be created.
    pub(super) fn create(path: &Path, inputs: &[&Path]) -> Result<Self, CliError> {
        let real = fs::canonicalize(path).ok();
        if real.is_some() && inputs.iter().any(|input| fs::canonicalize(input).ok() == real) {
            return Err(CliError::new(format!(
                "--changes would replace {}; name another file",
                path.display()
            )));
        }
        let failed = |error: &dyn std::fmt::Display| CliError::new(format!("cannot write {}: {error}", path.display()));
        // Replacing a device or a link, such as `/dev/stdout`, would break it for other programs.
        if fs::symlink_metadata(path).is_ok_and(|existing| !existing.is_file()) {
            return Err(failed(&"it exists and is not a regular file"));
        }
        let part = with_suffix(path, "part");
        let mut rows = csv::Writer::from_writer(private_file(&part).map_err(|error| failed(&error))?);
        let header = rows.write_record(["partner_user_id", "change", "before", "after", "line"]);
        header.map_err(|error| failed(&error))?;
        Ok(Self {
            path: path.to_owned(),
            part,
            rows,
        })
    }

    /// Adds a subscriber, unless nothing changes. `line` is that of the roster, if they are in it.
    pub(super) fn add(
        &mut self,
        before: &Subscriber,
        after: &Entitlements,
        change: RosterChange,
        line: Option<u64>,
    ) -> Result<(), CliError> {
        let change = match change {
            RosterChange::Unchanged => return Ok(()),
            RosterChange::New => "new",
            RosterChange::Grant => "gain",
            RosterChange::Revoke => "lose",
        };
        let names = |names: Option<&Entitlements>| {
            names.map_or_else(String::new, |names| names.iter().collect::<Vec<_>>().join(" "))
        };
        let line = line.map_or_else(String::new, |line| line.to_string());
        let row = [
            before.partner_user_id.expose(),
            change,
            &names(before.desired()),
            &names(Some(after)),
            &line,
        ];
        self.rows.write_record(row).map_err(|error| self.failed(&error))
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        self.rows.flush().map_err(|error| self.failed(&error))?;
        fs::rename(&self.part, &self.path).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> CliError {
        CliError::new(format!("cannot write {}: {error}", self.path.display()))
    }
}

impl Drop for ChangesFile {
    /// Deletes an incomplete file.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part);
    }
}

#[cfg(test)]
mod tests {
    use shared::partner::{PartnerId, PartnerUserId};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("soa-link-changes-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_file_has_each_change_and_is_private() {
        let folder = folder("rows");
        let path = folder.join("out.csv");
        fs::write(&path, "old").unwrap();
        let mut file = ChangesFile::create(&path, &[&folder.join("roster.csv")]).unwrap();
        let person = Subscriber::new(
            PartnerId::parse("p").unwrap(),
            PartnerUserId::parse("0123456789abcdef").unwrap(),
        );
        let names = Entitlements::parse(["gold", "basic"]).unwrap();
        file.add(&person, &names, RosterChange::New, Some(7)).unwrap();
        file.add(&person, &names, RosterChange::Unchanged, Some(8)).unwrap();
        file.add(&person, &Entitlements::default(), RosterChange::Revoke, None)
            .unwrap();
        // The old file stays until the new one is complete.
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.finish().unwrap();
        let expected =
            "partner_user_id,change,before,after,line\n0123456789abcdef,new,,basic gold,7\n0123456789abcdef,lose,,,\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_file_replaces_no_input_and_an_incomplete_one_is_deleted() {
        let folder = folder("inputs");
        let roster = folder.join("roster.csv");
        fs::write(&roster, "sub,entitlements\n").unwrap();
        let other_name = folder.join(".").join("roster.csv");
        assert!(ChangesFile::create(&other_name, &[&roster]).is_err());
        for not_a_file in [folder.as_path(), Path::new("/dev/null")] {
            let said = ChangesFile::create(not_a_file, &[&roster]).err().unwrap().to_string();
            assert!(said.contains("not a regular file"), "{said}");
        }
        drop(ChangesFile::create(&folder.join("out.csv"), &[&roster]).unwrap());
        let left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        assert_eq!(left, ["roster.csv"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
