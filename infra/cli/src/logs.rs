//! `soa-link logs`: what the functions wrote down, of one request or by one code, from all their log groups at once.

use std::io::Write;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use chrono::DateTime;
use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use shared::clock::Clock;

use crate::{aws, error::CliError, stack::FUNCTIONS};

/// Shows what the functions wrote down: all of one request, or what was said by a code, or of a person.
///
/// An error page shows the request id; `soa-link explain` shows a person's name in the log. The log has no secret, and nobody's id.
#[derive(Args)]
#[command(
    after_help = "Example: soa-link logs --stack soa-link-prod JKJaXmPLvHcESHA=\n         soa-link logs --code SYNC_STOPPED --since 24"
)]
pub(crate) struct LogsArgs {
    /// The request's id.
    #[arg(required_unless_present_any = ["code", "person"])]
    request_id: Option<String>,
    /// The stack.
    #[arg(long, env = "STACK")]
    stack: String,
    /// A code of the log, as the runbook names them.
    #[arg(long)]
    code: Option<String>,
    /// A person, by their name in the log.
    #[arg(long)]
    person: Option<String>,
    /// How many hours back.
    #[arg(long, default_value_t = 1)]
    since: u32,
    /// For programs: a JSON object a line, as it was written.
    #[arg(long)]
    json: bool,
}

/// Shows them, the oldest first, and then what could not be read.
///
/// # Errors
/// [`CliError`] when a log group cannot be read, or not to its end.
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
                        let failed = CliError::aws(&format!("the log group {group} cannot be read"), &error);
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
        return Err(CliError::new(format!("this is not all: {}", unread.join("; "))));
    }
    if events.is_empty() && !args.json {
        writeln!(
            out,
            "Nothing in the last {} hours; --since looks further back.",
            args.since
        )?;
    }
    Ok(!events.is_empty())
}

/// What was asked for, by where a line has it.
struct LogFilter<'a>(Vec<(&'static str, &'a str)>);

impl<'a> LogFilter<'a> {
    /// What could end the quotes of CloudWatch's filter is refused.
    fn of(args: &'a LogsArgs) -> Result<Self, CliError> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
        // What belongs to a request stands in the line's span.
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
                "this is no {}",
                place.rsplit('/').next().unwrap_or_default()
            ))),
            None => Ok(Self(asked)),
        }
    }

    /// CloudWatch's filter: lines that have all of it somewhere.
    fn pattern(&self) -> String {
        let terms: Vec<_> = self.0.iter().map(|(_, value)| format!("\"{value}\"")).collect();
        terms.join(" ")
    }

    /// Whether a line has it where it belongs.
    fn is(&self, event: &FilteredLogEvent) -> bool {
        let line: Option<Value> = serde_json::from_str(event.message().unwrap_or_default()).ok();
        line.is_some_and(|line| {
            self.0
                .iter()
                .all(|(place, value)| line.pointer(place).and_then(Value::as_str) == Some(value))
        })
    }
}

/// A line for people: when, which function, the code and what it means, and what else it has.
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
