//! `soa-link rate-limit`: shows a pause that Spotify demanded, and ends it early.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    clock::Clock,
    store::{RateLimiter, RateLimiterStatus, StoreError},
};

use crate::{aws, error::CliError};

/// Show or end the pause that Spotify demanded with Retry-After
#[derive(Args)]
#[command(after_help = "Example: soa-link rate-limit show --client-id 0123456789abcdef0123456789abcdef")]
pub(crate) struct RateLimitArgs {
    #[command(subcommand)]
    command: RateLimitCommand,
}

#[derive(Subcommand)]
enum RateLimitCommand {
    /// Show whether calls are paused, until when, and when the next probe is due.
    #[command(after_help = "Example: soa-link rate-limit show --client-id 0123456789abcdef0123456789abcdef")]
    Show(Limiter),
    /// End the pause, for example after Spotify has lifted its limit.
    #[command(after_help = "Example: soa-link rate-limit clear --client-id 0123456789abcdef0123456789abcdef")]
    Clear(Limiter),
}

#[derive(Args)]
struct Limiter {
    /// Client id from Spotify, as in the stack's parameters.
    #[arg(long, env = "SPOTIFY_CLIENT_ID")]
    client_id: String,
    /// Subscribers table: stack output SubscribersTableName.
    #[arg(long, env = "SUBSCRIBERS_TABLE")]
    subscribers_table: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Limiter {
    async fn open(&self) -> Result<RateLimiter, CliError> {
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws::aws().await?);
        // The rate matters only to callers that acquire permits.
        Ok(RateLimiter::new(
            dynamodb,
            self.subscribers_table.clone(),
            &self.client_id,
            1.0,
        ))
    }
}

/// Shows or clears the pause.
///
/// # Errors
/// [`CliError`] if the table cannot be read or written. A retry is safe.
pub(crate) async fn run(args: &RateLimitArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let (RateLimitCommand::Show(limiter) | RateLimitCommand::Clear(limiter)) = &args.command;
    let rate_limiter = limiter.open().await?;
    if matches!(args.command, RateLimitCommand::Clear(_)) {
        rate_limiter.clear().await.map_err(failed)?;
    }
    let status = rate_limiter.status().await.map_err(failed)?;
    print(&status, Clock::System.now_ms(), limiter.json, out)?;
    Ok(true)
}

fn print(status: &RateLimiterStatus, now_ms: i64, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let seconds = |at_ms: i64| at_ms.saturating_sub(now_ms).max(0).saturating_add(999) / 1000;
    let paused = status.paused_until(now_ms).map(seconds);
    let probe = status.probe_at_ms.filter(|_| paused.is_some()).map(seconds);
    let probe = probe.filter(|probe| paused.is_some_and(|paused| *probe < paused));
    if json {
        return writeln!(out, "{}", json!({"paused_seconds": paused, "probe_in_seconds": probe}));
    }
    match (paused, probe) {
        (None, _) => writeln!(out, "Calls to Spotify are not paused."),
        (Some(paused), None) => writeln!(out, "Calls to Spotify are paused for another {paused} s."),
        (Some(paused), Some(probe)) => writeln!(
            out,
            "Calls to Spotify are paused for another {paused} s. The next probe is due in {probe} s."
        ),
    }
}

fn failed(error: StoreError) -> CliError {
    CliError::new(format!("the subscribers table: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_shown_with_its_next_probe() {
        let shown = |paused_until_ms, probe_at_ms| {
            let mut out = Vec::new();
            let status = RateLimiterStatus {
                next_call_at_ms: Some(5),
                paused_until_ms,
                probe_at_ms,
            };
            print(&status, 10_000, false, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(None, None), "Calls to Spotify are not paused.\n");
        assert_eq!(shown(Some(9_999), Some(50_000)), "Calls to Spotify are not paused.\n");
        assert_eq!(
            shown(Some(40_000), Some(3_610_000)),
            "Calls to Spotify are paused for another 30 s.\n"
        );
        assert_eq!(
            shown(Some(7_210_000), Some(3_610_000)),
            "Calls to Spotify are paused for another 7200 s. The next probe is due in 3600 s.\n"
        );
    }
}
