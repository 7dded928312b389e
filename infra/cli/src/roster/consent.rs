//! Whether an import may go on: objections to the roster, and the operator's consent.

use std::io::{self, IsTerminal as _, Write as _};

use super::{import_args::ImportArgs, index::RosterIndex, plan::Diff, source::Fingerprint};
use crate::error::CliError;

/// Reasons to reject the whole roster.
pub(super) fn objections(args: &ImportArgs, fingerprint: &Fingerprint, index: &RosterIndex) -> Vec<String> {
    let mut objections = Vec::new();
    if index.bad_rows > 0 && !args.skip_bad_rows {
        let mut objection = format!(
            "{} bad rows; fix them, or skip them with --skip-bad-rows",
            index.bad_rows
        );
        if !index.unknown_statuses.is_empty() {
            objection.push_str(". Add each status to active or inactive in the plans file");
        }
        if index.suspicious_rows > 0 {
            objection.push_str(". If the cells are correct, pass --cells-as-they-are");
        }
        objections.push(objection);
    }
    if let Some(expected) = args.expect_rows.filter(|expected| *expected != index.rows) {
        objections.push(format!(
            "the roster has {} rows instead of {expected}; check that it is complete",
            index.rows
        ));
    }
    if !fingerprint.ends_well && args.expect_rows.is_none() {
        objections.push("the last line has no line end, so the roster may be cut off; check it, and pass its number of rows with --expect-rows".to_owned());
    }
    if args.revoke_missing && (index.rows == index.bad_rows || index.bad_rows > 0) {
        objections.push("--revoke-missing requires a roster with rows and without bad rows".to_owned());
    }
    if index.known_plans == 0 && !index.unknown_plans.is_empty() {
        objections.push("no row has a plan of the plans file; check the plan column and the file".to_owned());
    }
    objections
}

/// Asks for the operator's consent. If entitlements are revoked, the operator has to give the number of subscribers.
pub(super) fn agreed(args: &ImportArgs, diff: &Diff) -> Result<bool, CliError> {
    if let Some(allowed) = args.allow_revocations.filter(|allowed| *allowed < diff.revoked) {
        return Err(CliError::new(format!(
            "{} subscribers would lose entitlements, more than --allow-revocations {allowed}; check the roster, or raise the number",
            diff.revoked
        )));
    }
    let agreed_to_loss = diff.revoked == 0 || args.allow_revocations.is_some();
    if args.yes && agreed_to_loss {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        let loss = if agreed_to_loss {
            String::new()
        } else {
            format!(" --allow-revocations {}", diff.revoked)
        };
        return Err(CliError::new(format!(
            "cannot ask for consent without a terminal; agree with --yes{loss}"
        )));
    }
    let (question, agreement) = if diff.revoked > 0 {
        (
            "Type the number of subscribers who lose entitlements to continue: ",
            diff.revoked.to_string(),
        )
    } else {
        ("Type yes to continue: ", "yes".to_owned())
    };
    write!(io::stderr(), "{question}")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == agreement)
}
