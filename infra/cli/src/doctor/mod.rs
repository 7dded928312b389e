//! `soa-link doctor`: checks a deployment from outside, without changing it. Each failed check says what is wrong and how to fix it.

mod aws;
mod configuration;
mod providers;
mod spotify;

use std::{fmt::Display, io::Write};

use aws_config::SdkConfig;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use shared::{
    clock::Clock,
    http_client::HttpClient,
    secrets::{ManagedSecret, SecretError, SecretValue},
};

use self::configuration::configuration;
use crate::{
    aws::aws,
    error::CliError,
    stack::{StackArgs, Variables, merged_variables},
};

/// Check a deployment: variables, tables, schedules, secrets, Spotify, clock
///
/// Reads the secrets and requests client tokens from Spotify.
/// Changes nothing and prints no secret.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = "Example: soa-link doctor --stack soa-link-prod")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    deployment: StackArgs,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Result of one check.
#[derive(Debug, Serialize)]
struct Finding {
    message: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, message: impl Into<String>) {
        self.0.push(Finding {
            message: message.into(),
            ok: true,
            fix: None,
        });
    }

    fn fail(&mut self, message: impl Display, fix: &str) {
        self.0.push(Finding {
            message: message.to_string(),
            ok: false,
            fix: Some(fix.to_owned()),
        });
    }
}

/// Runs all checks and prints their results. Returns whether all passed.
///
/// # Errors
/// [`CliError`] if the functions' variables cannot be read. A retry is safe.
pub(crate) async fn run(args: &DoctorArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let aws = aws().await?;
    let functions = args.deployment.functions(&aws).await?;
    let mut findings = Findings::default();
    configuration(&functions, &mut findings);
    let deployment = Checks {
        http: HttpClient::new()?,
        aws,
        known: merged_variables(functions),
    };
    if let Some(stack) = args.deployment.stack() {
        deployment.triggers(stack, &mut findings).await;
        deployment.event_bus(&mut findings).await;
        deployment.concurrency(&mut findings).await;
    }
    deployment.tables(&mut findings).await;
    deployment.keys(&mut findings).await;
    deployment.providers(&mut findings).await;
    deployment.spotify(&mut findings).await;
    let all_ok = findings.0.iter().all(|finding| finding.ok);
    if args.json {
        writeln!(out, "{}", json!({"ok": all_ok, "findings": findings.0}))?;
    } else {
        for finding in &findings.0 {
            writeln!(out, "{} {}", if finding.ok { "ok  " } else { "FAIL" }, finding.message)?;
            if let Some(fix) = &finding.fix {
                writeln!(out, "     Fix: {fix}")?;
            }
        }
    }
    Ok(all_ok)
}

/// The fix for a secret that cannot be used.
fn fix_for(error: &SecretError, malformed: &'static str) -> &'static str {
    match error {
        SecretError::Unavailable => "retry; check the region, your credentials and the network.",
        SecretError::Refused { .. } => {
            "check the stack's outputs, and allow your credentials secretsmanager:GetSecretValue."
        }
        SecretError::Malformed { .. } => malformed,
    }
}

struct Checks {
    aws: SdkConfig,
    http: HttpClient,
    known: Variables,
}

impl Checks {
    fn known(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }

    fn secret<T: SecretValue>(&self, variable: &str) -> Option<ManagedSecret<T>> {
        let client = aws_sdk_secretsmanager::Client::new(&self.aws);
        Some(ManagedSecret::new(
            client,
            self.known(variable)?.to_owned(),
            Clock::System,
        ))
    }
}
