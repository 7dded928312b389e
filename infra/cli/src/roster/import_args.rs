//! Arguments of `soa-link import`, and the settings for reading rows that follow from them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest;
use clap::Args;
use encoding_rs::Encoding;
use shared::encoding::hex;

use super::{
    args::{Format, RosterArgs},
    columns::{ColumnNames, Selection},
    header::can_separate,
    plan_map::PlanMap,
    rows::RowFormat,
};
use crate::error::CliError;

/// Import a roster into the subscribers table, after showing what would change
///
/// The roster is CSV with the columns `partner_user_id` or `sub`, and
/// `entitlements` (separated by spaces, commas, semicolons or bars), or JSON
/// Lines with the same members. --plans and --columns read the export of a
/// platform as it is. A row replaces all entitlements of its subscriber.
/// Subscribers who are not in the roster do not change. To continue a stopped
/// import, run it again.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example: soa-link import roster.csv --dry-run\nsoa-link import members.csv --plans plans.toml --columns \"sub=Customer ID,plan=Plan,status=Status\" --dry-run"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(super) roster_args: RosterArgs,
    /// Roster file.
    pub(super) roster: PathBuf,
    /// File format. The default depends on the file's extension, else csv.
    #[arg(long)]
    pub(super) format: Option<Format>,
    /// Columns by name, such as sub=Email,plan=Tier. All others are ignored.
    ///
    /// ROLE is sub, `partner_user_id`, entitlements, plan or status. The flag may be
    /// repeated.
    #[arg(long, value_name = "ROLE=NAME,...")]
    pub(super) columns: Vec<ColumnNames>,
    /// TOML file: entitlements by plan, and active and inactive statuses.
    #[arg(long, value_name = "FILE")]
    pub(super) plans: Option<PathBuf>,
    /// Separator: , ; | or tab. The default depends on the header.
    #[arg(long, value_parser = parse_separator)]
    pub(super) separator: Option<u8>,
    /// Encoding of a file that is not UTF-8, such as windows-1252 or utf-16le.
    #[arg(long, value_parser = parse_encoding)]
    pub(super) encoding: Option<&'static Encoding>,
    /// Accept cells that look as if a spreadsheet had changed them, such as 1-Mar.
    #[arg(long)]
    pub(super) cells_as_they_are: bool,
    /// Show what would change and write nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write each changed subscriber's entitlements before and after to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) changes: Option<PathBuf>,
    /// Do not ask. Revocations still require --allow-revocations.
    #[arg(long)]
    pub(super) yes: bool,
    /// Agree that up to this many subscribers lose entitlements (see --dry-run).
    #[arg(long)]
    pub(super) allow_revocations: Option<u64>,
    /// Revoke the entitlements of subscribers who are not in the roster.
    #[arg(long)]
    pub(super) revoke_missing: bool,
    /// Reject the roster if it has another number of rows.
    #[arg(long)]
    pub(super) expect_rows: Option<u64>,
    /// Skip bad rows, and their subscribers, instead of rejecting the roster.
    #[arg(long)]
    pub(super) skip_bad_rows: bool,
    /// Ignore columns other than the subscriber and the entitlements.
    #[arg(long)]
    pub(super) ignore_other_columns: bool,
    /// Secret of the partner's keys, if rows have `sub`: stack output PartnerKeysId.
    #[arg(long, env = "PARTNER_KEYS_ID")]
    pub(super) partner_keys_id: Option<String>,
    /// The deployment's `GuardPeople`, to predict what the guard does.
    #[arg(long, env = "GUARD_PEOPLE", default_value_t = 100)]
    pub(super) guard_people: i64,
    /// The deployment's `GuardPercent`, to predict what the guard does.
    #[arg(long, env = "GUARD_PERCENT", default_value_t = 5)]
    pub(super) guard_percent: i64,
    /// Print the plan and the result as one JSON document each.
    #[arg(long)]
    pub(super) json: bool,
}

fn parse_separator(text: &str) -> Result<u8, String> {
    match text {
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "bar" | "pipe" => Ok(b'|'),
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        other => match other.as_bytes() {
            [byte] if can_separate(*byte) => Ok(*byte),
            _ => Err("write one character, such as ';', or tab".to_owned()),
        },
    }
}

fn parse_encoding(label: &str) -> Result<&'static Encoding, String> {
    let known = Encoding::for_label_no_replacement(label.as_bytes());
    known.ok_or_else(|| "unknown; write a name such as utf-8, utf-16le, windows-1252 or macintosh".to_owned())
}

impl ImportArgs {
    /// Settings for reading rows, without keys, and a hash of those that are not the defaults.
    ///
    /// # Errors
    /// [`CliError`] if the plans file cannot be read, or does not fit the columns.
    pub(super) fn reading(&self) -> Result<(RowFormat, String), CliError> {
        let plans = self.plans.as_deref().map(read_plans).transpose()?;
        let with_status = plans.as_ref().map(|(plans, _)| plans.has_statuses());
        let selection = Selection::new(&self.columns, with_status, self.ignore_other_columns).map_err(CliError::new)?;
        let is_default =
            self.columns.is_empty() && self.plans.is_none() && self.separator.is_none() && self.encoding.is_none();
        let hash = if is_default && !self.cells_as_they_are {
            String::new()
        } else {
            let encoding = self.encoding.map(Encoding::name);
            let plans = plans.as_ref().map(|(_, hash)| hash);
            let settings = format!(
                "{} {:?} {encoding:?} {plans:?} {}",
                selection.describe(),
                self.separator,
                self.cells_as_they_are
            );
            sha256(settings.as_bytes())
        };
        let reading = RowFormat {
            format: Format::of(self.format, Some(&self.roster)),
            separator: self.separator,
            encoding: self.encoding,
            partner_id: self.roster_args.partner_id.clone(),
            keys: None,
            selection,
            plans: plans.map(|(plans, _)| Arc::new(plans)),
            cells_as_they_are: self.cells_as_they_are,
        };
        Ok((reading, hash))
    }
}

/// Reads a plans file. Returns it with a hash of its content.
fn read_plans(path: &Path) -> Result<(PlanMap, String), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::new(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    let text = text.trim_start_matches('\u{feff}');
    let plans = PlanMap::parse(text).map_err(|error| failed(&error))?;
    Ok((plans, sha256(text.as_bytes())))
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_encodings_have_names() {
        for (text, byte) in [
            (";", b';'),
            ("tab", b'\t'),
            ("\\t", b'\t'),
            ("comma", b','),
            ("|", b'|'),
            ("^", b'^'),
        ] {
            assert_eq!(parse_separator(text), Ok(byte));
        }
        for wrong in ["", "a", "\"", ";;", "é", "\n"] {
            assert!(parse_separator(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parse_encoding("latin1").unwrap().name(), "windows-1252");
        assert_eq!(parse_encoding("UTF-16LE").unwrap().name(), "UTF-16LE");
        assert!(parse_encoding("excel").is_err());
    }
}
