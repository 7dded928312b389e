//! `soa-link partners`: manages partners and the revocation guard through the `partners` function.

use std::{collections::BTreeMap, io::Write};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::{aws, error::CliError};

/// Manage partners and the revocation guard.
#[derive(Args)]
#[command(after_help = "Example: soa-link partners list")]
pub(crate) struct PartnersArgs {
    #[command(subcommand)]
    command: PartnersCommand,
    /// Name of the partners function: stack output PartnersFunctionName.
    #[arg(long, env = "PARTNERS_FUNCTION")]
    partners_function: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum PartnersCommand {
    /// List additional partners, and creations with an unknown outcome.
    #[command(after_help = "Example: soa-link partners list")]
    List,
    /// Create a partner at Spotify, once for each reference and each name.
    #[command(
        after_help = "Example: soa-link partners create lunar --name \"Lunar Industries\" --set SIGN_IN=handoff --set SIGN_IN_URL=https://lunar.example/sign-in"
    )]
    Create {
        /// Your own id of the partner, for paths: 1 to 64 letters and digits.
        reference: String,
        /// Display name of the partner.
        #[arg(long)]
        name: String,
        /// Entrypoint URL at Spotify. The default is this deployment's.
        #[arg(long)]
        entrypoint_url: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Record the outcome of a creation, after you have asked Spotify.
    #[command(
        after_help = "Example: soa-link partners settle lunar --partner-id 0000000000000000000000\n         soa-link partners settle lunar --not-created"
    )]
    Settle {
        /// Reference of the creation.
        reference: String,
        /// Id of the partner that Spotify has created.
        #[arg(long, required_unless_present = "not_created", conflicts_with = "not_created")]
        partner_id: Option<String>,
        /// Record that Spotify has not created a partner.
        #[arg(long)]
        not_created: bool,
    },
    /// Register a partner that Spotify has created, or replace a registered one.
    #[command(
        after_help = "Example: soa-link partners put 0000000000000000000000 --name \"Lunar Industries\" --set BRAND_COLOR=#1a2b3c --version 3"
    )]
    Put {
        /// Partner id from Spotify.
        partner_id: String,
        /// Display name of the partner.
        #[arg(long)]
        name: String,
        /// URL at which linking starts, for your records only.
        #[arg(long)]
        entrypoint_url: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// Current version, as `list` shows it; 0 for a new partner.
        #[arg(long, default_value_t = 0)]
        version: i64,
    },
    /// Stop linking subscribers of a partner.
    #[command(after_help = "Example: soa-link partners disable 0000000000000000000000")]
    Disable(PartnerArg),
    /// Link subscribers of a partner again.
    #[command(after_help = "Example: soa-link partners enable 0000000000000000000000")]
    Enable(PartnerArg),
    /// Upload a partner's logo to Spotify.
    #[command(
        after_help = "Example: soa-link partners logo 0000000000000000000000 --url \"$(aws s3 presign s3://bucket/logo.png)\""
    )]
    Logo {
        #[command(flatten)]
        whose: PartnerArg,
        /// URL from which the function can fetch the logo.
        #[arg(long)]
        url: String,
    },
    /// Show whether revocations are on hold, and their number in the current hour.
    #[command(after_help = "Example: soa-link partners guard 0000000000000000000000")]
    Guard(PartnerArg),
    /// Let held and new revocations pass for a limited time.
    #[command(after_help = "Example: soa-link partners release-guard 0000000000000000000000 --seconds 86400")]
    ReleaseGuard {
        #[command(flatten)]
        whose: PartnerArg,
        /// Duration of the release in seconds, at most 86400.
        #[arg(long, default_value_t = 3600)]
        seconds: i64,
    },
    /// Show whether the end of links is on hold, and the first 404s of the hour.
    #[command(after_help = "Example: soa-link partners brake 0000000000000000000000")]
    Brake(PartnerArg),
    /// Let missing links be marked as unlinked for a limited time.
    #[command(after_help = "Example: soa-link partners release-brake 0000000000000000000000 --seconds 86400")]
    ReleaseBrake {
        #[command(flatten)]
        whose: PartnerArg,
        /// Duration of the release in seconds, at most 86400.
        #[arg(long, default_value_t = 3600)]
        seconds: i64,
    },
}

#[derive(Args)]
struct PartnerArg {
    /// Partner id.
    partner_id: String,
}

#[derive(Args)]
struct Settings {
    /// Setting of the partner, by its variable's name. Repeatable.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
}

impl Settings {
    fn all(&self) -> BTreeMap<&str, &str> {
        self.settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl PartnersCommand {
    /// The command as an event of the `partners` function.
    fn event(&self) -> Value {
        match self {
            Self::List => json!({"command": "list-partners"}),
            Self::Create {
                reference,
                name,
                entrypoint_url,
                settings,
            } => {
                json!({"command": "create-partner", "reference": reference, "name": name, "entrypoint_url": entrypoint_url, "settings": settings.all()})
            }
            Self::Settle {
                reference,
                partner_id,
                not_created,
            } => {
                json!({"command": "settle-creation", "reference": reference, "partner_id": partner_id, "not_created": not_created})
            }
            Self::Put {
                partner_id,
                name,
                entrypoint_url,
                settings,
                version,
            } => {
                json!({
                    "command": "put-partner", "partner_id": partner_id, "name": name, "entrypoint_url": entrypoint_url, "settings": settings.all(),
                    "version": version,
                })
            }
            Self::Disable(whose) => whose.event("disable-partner"),
            Self::Enable(whose) => whose.event("enable-partner"),
            Self::Logo { whose, url } => {
                json!({"command": "upload-logo", "partner_id": whose.partner_id, "logo_url": url})
            }
            Self::Guard(whose) => whose.event("guard-state"),
            Self::ReleaseGuard { whose, seconds } => {
                json!({"command": "release-guard", "partner_id": whose.partner_id, "seconds": seconds})
            }
            Self::Brake(whose) => whose.event("brake-state"),
            Self::ReleaseBrake { whose, seconds } => {
                json!({"command": "release-brake", "partner_id": whose.partner_id, "seconds": seconds})
            }
        }
    }
}

impl PartnerArg {
    fn event(&self, command: &str) -> Value {
        json!({"command": command, "partner_id": self.partner_id})
    }
}

/// Sends the command to the `partners` function and prints its answer.
///
/// # Errors
/// [`CliError`] if the function fails or rejects the command. If its answer was lost, `soa-link partners list` shows whether the command was carried out.
pub(crate) async fn run(args: &PartnersArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let answer = aws::invoke(&args.partners_function, &args.command.event()).await?;
    if args.json {
        writeln!(out, "{answer}")?;
        return Ok(true);
    }
    match (&args.command, &answer) {
        (PartnersCommand::List, answer) => {
            list(answer, out)?;
            Ok(rows(answer, "unfinished").is_empty())
        }
        (_, Value::Object(members)) => {
            for (name, value) in members {
                writeln!(out, "{name:<18}{}", display_value(value))?;
            }
            Ok(true)
        }
        (_, other) => Ok(writeln!(out, "{other}").map(|()| true)?),
    }
}

fn rows<'a>(answer: &'a Value, name: &str) -> Vec<&'a Map<String, Value>> {
    let rows = answer.get(name).and_then(Value::as_array);
    rows.into_iter().flatten().filter_map(Value::as_object).collect()
}

fn list(answer: &Value, out: &mut dyn Write) -> Result<(), CliError> {
    let of = |row: &Map<String, Value>, name: &str| row.get(name).map_or_else(String::new, display_value);
    writeln!(
        out,
        "{:<24}{:<28}{:>8}  {:<10}settings",
        "partner_id", "name", "version", ""
    )?;
    for partner in rows(answer, "partners") {
        let settings = partner.get("settings").and_then(Value::as_object);
        let names: Vec<_> = settings.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let disabled = if partner.get("disabled_at").is_some_and(Value::is_i64) {
            "disabled"
        } else {
            ""
        };
        let (id, name, version) = (of(partner, "partner_id"), of(partner, "name"), of(partner, "version"));
        writeln!(out, "{id:<24}{name:<28}{version:>8}  {disabled:<10}{}", names.join(" "))?;
    }
    for creation in rows(answer, "unfinished") {
        let (reference, name) = (of(creation, "reference"), of(creation, "name"));
        writeln!(
            out,
            "Unknown outcome: creation of {reference} ({name}). Ask Spotify, then run: soa-link partners settle {reference} --partner-id <id> (or --not-created)"
        )?;
    }
    Ok(())
}

/// Formats a value for people.
fn display_value(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().filter(|character| !character.is_control()).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}={}", display_value(value)));
            members.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
