//! What an import prints: the plan, and what was written.

use std::io::{self, Write};

use serde_json::{Value, json};
use shared::store::HoldStatus;

use super::{
    import_args::ImportArgs,
    index::RosterIndex,
    plan::{Diff, allowed_by_guard},
    tally::{NameCounts, Tally},
};
use crate::error::CliError;

/// Upper bound of the lines of each list.
const MAX_LINES: usize = 100;

/// Everything that the report of a plan shows.
pub(super) struct Report<'a> {
    /// How the file is read.
    pub(super) read_as: &'a str,
    pub(super) index: &'a RosterIndex,
    pub(super) after_row: u64,
    pub(super) diff: &'a Diff,
    pub(super) names: &'a NameCounts,
    /// Why it is not known which names are new, if the table cannot be read.
    pub(super) names_of_roster_only: Option<&'a str>,
    pub(super) guard: &'a HoldStatus,
    pub(super) objections: &'a [String],
}

impl Report<'_> {
    pub(super) fn to_json(&self) -> Value {
        let (index, diff) = (self.index, self.diff);
        let tally = |tally: &Tally, name: &str| -> Value {
            let lines = tally.lines().into_iter();
            lines
                .map(|(text, rows)| json!({name: Some(text).filter(|text| !text.is_empty()), "rows": rows}))
                .collect()
        };
        json!({
            "read_as": self.read_as, "rows": index.rows, "after_row": self.after_row, "blank_rows": index.blank, "multiline_rows": index.multiline,
            "repeated": index.repeated, "bad_rows": index.bad_rows, "bad": index.bad, "skipped_with_bad_rows": index.unreadable(),
            "entitlements": self.names.names(), "unknown_plans": tally(&index.unknown_plans, "plan"),
            "unknown_statuses": tally(&index.unknown_statuses, "status"), "diff": diff,
            "guard": {"held": self.guard.on_hold_since.is_some(), "passes": allowed_by_guard(self.guard, diff), "of": diff.revoked_linked},
            "objections": self.objections,
        })
    }

    /// Prints the plan for people.
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Read as {}.", self.read_as)?;
        for row in &self.index.bad {
            writeln!(out, "line {}: {}", row.line, row.what)?;
        }
        let more = self.index.bad_rows - self.index.bad.len() as u64;
        if more > 0 {
            writeln!(out, "and {more} more bad rows")?;
        }
        self.print_counts(out)?;
        self.print_names(out)?;
        let unknown = [
            (
                "Plans that the plans file does not have, and which grant nothing, by rows:",
                &self.index.unknown_plans,
            ),
            (
                "Statuses that the plans file does not have, by rows:",
                &self.index.unknown_statuses,
            ),
        ];
        for (title, tally) in unknown {
            print_tally(out, title, tally)?;
        }
        self.print_notes(out)?;
        for objection in self.objections {
            writeln!(out, "Rejected: {objection}.")?;
        }
        Ok(())
    }

    fn print_counts(&self, out: &mut dyn Write) -> io::Result<()> {
        let (index, diff) = (self.index, self.diff);
        let mut line = |name: &str, count: u64| writeln!(out, "{name:<28}{count:>12}");
        line("rows", index.rows)?;
        line("bad rows", index.bad_rows)?;
        line("repeated rows", index.repeated)?;
        if index.blank > 0 {
            line("blank rows, skipped", index.blank)?;
        }
        if index.multiline > 0 {
            line("rows of several lines", index.multiline)?;
        }
        line("unchanged", diff.unchanged)?;
        line("new", diff.new)?;
        line("gain entitlements", diff.granted)?;
        line("lose entitlements", diff.revoked)?;
        line("  of these linked", diff.revoked_linked)?;
        line("  of these not in the roster", diff.missing)
    }

    fn print_names(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = self.names.names();
        if names.is_empty() {
            return Ok(());
        }
        writeln!(out, "Entitlements after the import, by subscribers:")?;
        // New names come first: one of them may be a misspelling.
        let new_first = names
            .iter()
            .filter(|name| name.new)
            .chain(names.iter().filter(|name| !name.new));
        for name in new_first.take(MAX_LINES) {
            let note = match (name.new, name.is_null) {
                (true, true) => "  new: a word for an empty cell?",
                (false, true) => "  a word for an empty cell?",
                (true, false) => "  new",
                (false, false) => "",
            };
            writeln!(out, "  {:<26}{:>12}{note}", name.name, name.subscribers)?;
        }
        let more = names.len().saturating_sub(MAX_LINES);
        if more > 0 || self.names.more > 0 {
            writeln!(
                out,
                "  and {}more names; perhaps the wrong column is read",
                if self.names.more > 0 {
                    String::new()
                } else {
                    format!("{more} ")
                }
            )?;
        }
        match self.names_of_roster_only {
            Some(why) => writeln!(out, "New means that no subscriber in the roster has it: {why}."),
            None if names.iter().any(|name| name.new) => {
                writeln!(out, "New means that no subscriber has it now. Check the spelling.")
            }
            None => Ok(()),
        }
    }

    fn print_notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let (index, diff) = (self.index, self.diff);
        if self.after_row > 0 {
            writeln!(
                out,
                "An earlier run has written the first {} rows. The import continues after them; the numbers of subscribers are of the remaining rows.",
                self.after_row
            )?;
        }
        if index.repeated > 0 {
            writeln!(
                out,
                "{}",
                if index.unites() {
                    "If a subscriber has several rows, their active plans are united."
                } else {
                    "If a subscriber has several rows, the last one counts."
                }
            )?;
        }
        if index.multiline > 0 {
            writeln!(
                out,
                "Some cells have line breaks. If yours have none, a quote is not closed and hides rows."
            )?;
        }
        if index.unreadable() > 0 {
            writeln!(
                out,
                "{} subscribers have a bad row. The import leaves them as they are.",
                index.unreadable()
            )?;
        }
        let passes = allowed_by_guard(self.guard, diff);
        if passes < diff.revoked_linked {
            writeln!(
                out,
                "The revocation guard lets {passes} of the {} revocations of linked subscribers pass, and holds the rest until an operator releases the guard. Grants are not held.",
                diff.revoked_linked
            )
        } else {
            writeln!(out, "The revocation guard lets all changes pass.")
        }
    }
}

fn print_tally(out: &mut dyn Write, title: &str, tally: &Tally) -> io::Result<()> {
    if tally.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}")?;
    let lines = tally.lines();
    for (text, rows) in lines.iter().take(MAX_LINES) {
        let text = if text.is_empty() { "(not shown)" } else { text };
        writeln!(out, "  {text:<26}{rows:>12}")?;
    }
    let more = lines.len().saturating_sub(MAX_LINES);
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

/// Prints what was written.
///
/// # Errors
/// [`CliError`] with the number of written subscribers if the import `stopped` early, or if `out` cannot be written.
pub(super) fn report_written(
    args: &ImportArgs,
    done: &Diff,
    stopped: Option<String>,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"written": done.changes(), "skipped_concurrent": done.skipped_concurrent, "finished": stopped.is_none()})
        )?;
    }
    if let Some(why) = stopped {
        return Err(CliError::new(format!(
            "{why}; {} subscribers were written. Run the same command again to continue",
            done.changes()
        )));
    }
    if !args.json {
        writeln!(
            out,
            "{} subscribers written. The sync now updates those who are linked.",
            done.changes()
        )?;
        if done.skipped_concurrent > 0 {
            writeln!(
                out,
                "{} subscribers were skipped: they changed after the count and would lose entitlements. Run the import again to count them.",
                done.skipped_concurrent
            )?;
        }
    }
    Ok(())
}
