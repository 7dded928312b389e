//! `soa-link logs`: log lines of one request, code or subscriber, from the log groups of all functions.

use std::io::Write;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use chrono::DateTime;
use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use shared::clock::Clock;

use crate::{aws, error::CliError, stack::FUNCTIONS};

/// Show the functions' log lines for a request, a code or a subscriber
///
/// An error page shows the request id. `soa-link explain` shows a subscriber's
/// name in the log. The log holds no secrets and no subscriber ids.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example: soa-link logs --stack soa-link-prod JKJaXmPLvHcESHA=\n         soa-link logs --code SYNC_STOPPED --since 24"
)]
pub(crate) struct LogsArgs {
    /// Show the lines of this request id.
    #[arg(required_unless_present_any = ["code", "person"])]
    request_id: Option<String>,
    /// Name of the CloudFormation stack.
    #[arg(long, env = "STACK")]
    stack: String,
    /// Show the lines with this log code, as the runbook lists them.
    #[arg(long)]
    code: Option<String>,
    /// Show the lines of this subscriber, given by their name in the log.
    #[arg(long)]
    person: Option<String>,
    /// Search this many hours back.
    #[arg(long, default_value_t = 1)]
    since: u32,
    /// Print each line as it was logged, as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the matching lines, oldest first.
///
/// # Errors
/// [`CliError`] if an argument is malformed, or if a log group cannot be read completely. In the second case the lines that were found are printed first.
pub(crate) async fn run(args: &LogsArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let asked = LogFilter::of(args)?;
    let client = aws::bulk_logs().await?;
    let from = Clock::System
        .now_ms()
        .saturating_sub(i64::from(args.since).saturating_mul(3_600_000));
    let of_groups = stream::iter(FUNCTIONS).map(|function| {
        let (client, asked) = (&client, &asked);
        async move {
            let group = format!("/aws/lambda/{}-{function}", args.stack);
            let filter = client.filter_log_events().log_group_name(&group);
            let mut pages = filter
                .start_time(from)
                .filter_pattern(asked.pattern())
                .into_paginator()
                .send();
            let mut events = Vec::new();
            while let Some(page) = pages.next().await {
                match page {
                    Ok(page) => {
                        let found = page.events.unwrap_or_default().into_iter();
                        events.extend(found.filter(|event| asked.is(event)));
                    }
                    Err(error) => {
                        let failed = CliError::aws(&format!("cannot read the log group {group}"), &error);
                        return (events, Some(failed));
                    }
                }
            }
            (events, None)
        }
    });
    let of_groups: Vec<_> = of_groups.buffered(FUNCTIONS.len()).collect().await;
    let (events, unread): (Vec<_>, Vec<_>) = of_groups.into_iter().unzip();
    let mut events = events.concat();
    let unread: Vec<_> = unread.into_iter().flatten().map(|failed| failed.to_string()).collect();
    events.sort_by_key(FilteredLogEvent::timestamp);
    for event in &events {
        let line = event.message().unwrap_or_default().trim();
        if args.json {
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{}", readable(event.timestamp().unwrap_or(0), line))?;
        }
    }
    if !unread.is_empty() {
        return Err(CliError::new(format!("results are incomplete: {}", unread.join("; "))));
    }
    if events.is_empty() && !args.json {
        writeln!(
            out,
            "No matching lines in the last {} h. Search further back with --since.",
            args.since
        )?;
    }
    Ok(!events.is_empty())
}

/// Expected values, each with the JSON pointer of its place in a log line.
struct LogFilter<'a>(Vec<(&'static str, &'a str)>);

impl<'a> LogFilter<'a> {
    /// Rejects values with characters that could end a quoted term of the CloudWatch filter.
    fn of(args: &'a LogsArgs) -> Result<Self, CliError> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
        // Request id and subscriber are fields of the line's span.
        let asked = [
            ("/span/request_id", &args.request_id),
            ("/code", &args.code),
            ("/span/person", &args.person),
        ];
        let asked = asked
            .into_iter()
            .filter_map(|(place, value)| Some((place, value.as_deref()?)));
        let asked: Vec<_> = asked.collect();
        match asked
            .iter()
            .find(|(_, value)| value.is_empty() || !value.bytes().all(usual))
        {
            Some((place, _)) => Err(CliError::new(format!(
                "malformed {}",
                place.rsplit('/').next().unwrap_or_default()
            ))),
            None => Ok(Self(asked)),
        }
    }

    /// The CloudWatch filter pattern: lines that contain all values anywhere.
    fn pattern(&self) -> String {
        let terms: Vec<_> = self.0.iter().map(|(_, value)| format!("\"{value}\"")).collect();
        terms.join(" ")
    }

    /// Whether a line has each value in its place.
    fn is(&self, event: &FilteredLogEvent) -> bool {
        let line: Option<Value> = serde_json::from_str(event.message().unwrap_or_default()).ok();
        line.is_some_and(|line| {
            self.0
                .iter()
                .all(|(place, value)| line.pointer(place).and_then(Value::as_str) == Some(value))
        })
    }
}

/// Formats a log line for people: time, level, code and message, then all other fields.
fn readable(at: i64, line: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(line) else {
        return line.to_owned();
    };
    let mut take = |name: &str| {
        members
            .remove(name)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let [level, code, message] = ["level", "code", "message"].map(&mut take);
    let _ = take("timestamp");
    let span = match members.remove("span") {
        Some(Value::Object(span)) => span,
        _ => Map::new(),
    };
    let at = DateTime::from_timestamp_millis(at)
        .map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string());
    let rest = span.into_iter().chain(members).filter(|(name, _)| name != "name");
    let rest: Vec<_> = rest
        .map(|(name, value)| {
            format!(
                "{name}={}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            )
        })
        .collect();
    format!("{at} {level:<5} {code} {message}\n    {}", rest.join(" "))
}
