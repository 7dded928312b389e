//! The list of requests to the functions and to the simulated Spotify, with the log lines of the functions, newest first.

use std::collections::HashMap;
use std::time::Instant;

use maud::{Markup, html};
use serde_json::Value;

use super::Console;
use crate::function_log::LogLine;
use crate::requests::{HIDDEN, HIDDEN_PARAMETERS, Jws, Request};

/// Upper bound of shown entries.
const MAX_ENTRIES: usize = 150;
/// Members of a log line that are shown elsewhere.
const SHOWN_ELSEWHERE: [&str; 8] = [
    "timestamp",
    "level",
    "code",
    "message",
    "span",
    "reason",
    "ms",
    "status",
];

/// An entry of the list.
enum Entry {
    /// A request to the functions, and the log lines that it caused.
    Call(Request, Vec<LogLine>),
    /// A request to the simulated Spotify.
    Spotify(Request),
    /// A log line that no request caused, such as one of `sync`.
    Log(LogLine),
}

impl Entry {
    fn received(&self) -> Option<Instant> {
        match self {
            Self::Call(request, _) | Self::Spotify(request) => request.received,
            Self::Log(line) => Some(line.received),
        }
    }

    fn into_markup(self) -> Markup {
        match self {
            Self::Call(request, lines) => call(&request, &lines),
            Self::Spotify(request) => spotify_call(&request),
            Self::Log(line) => lone_line(&line),
        }
    }
}

/// Renders the newest entries.
pub(super) fn list(console: &Console) -> Markup {
    let calls = console.0.gateway.requests.latest(MAX_ENTRIES);
    let ids = calls.iter().filter_map(|call| call.request_id.clone());
    let mut by_request: HashMap<String, Vec<LogLine>> = ids.map(|id| (id, Vec::new())).collect();
    let mut entries = Vec::new();
    for line in console.0.options.log.lines() {
        match line.request_id().and_then(|id| by_request.get_mut(id)) {
            Some(lines) => lines.push(line),
            None => entries.push(Entry::Log(line)),
        }
    }
    entries.extend(calls.into_iter().map(|call| {
        let lines = call.request_id.as_ref().and_then(|id| by_request.remove(id));
        Entry::Call(call, lines.unwrap_or_default())
    }));
    let at_spotify = console.0.spotify.requests().latest(MAX_ENTRIES);
    entries.extend(at_spotify.into_iter().map(Entry::Spotify));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.received()));
    html! {
        @for entry in entries.into_iter().take(MAX_ENTRIES) { (entry.into_markup()) }
    }
}

fn call(request: &Request, lines: &[LogLine]) -> Markup {
    let is_problem = lines.iter().any(LogLine::is_problem) || request.status.is_none_or(|status| status >= 500);
    let version = format!("{:?}-{}", request.status, lines.len());
    html! {
        li.entry id={ "functions-" (request.sequence) "-" (request.received_ms) } data-version=(version) data-source="functions"
            data-problem=(is_problem) data-request-id=[&request.request_id] {
            (summary(request, "functions", &html! {
                @for token in &request.tokens { (jws(&format!("JWS in {}", token.place), &token.jws)) }
            }))
            (log_lines(lines))
        }
    }
}

fn spotify_call(request: &Request) -> Markup {
    let is_accepted = request
        .verdict
        .as_deref()
        .is_some_and(|verdict| verdict.starts_with("accepted"));
    let is_problem = !is_accepted || request.fault.is_some();
    let version = format!("{:?}", request.status);
    html! {
        li.entry id={ "spotify-" (request.sequence) "-" (request.received_ms) } data-version=(version) data-source="spotify" data-problem=(is_problem) {
            (summary(request, "Spotify", &html! {}))
            p.verdict {
                strong { "Spotify: " }
                @match (&request.verdict, request.fault) {
                    (Some(verdict), None) => (verdict),
                    (Some(verdict), Some(fault)) => { (verdict) "; fault " (fault) " changed the response" },
                    (None, Some(fault)) => { "fault " (fault) " answered instead" },
                    (None, None) => "no decision",
                }
            }
        }
    }
}

/// Renders the line of a request, which opens to its details.
fn summary(request: &Request, source: &str, tokens: &Markup) -> Markup {
    let took = request
        .answered_ms
        .map(|answered| answered.saturating_sub(request.at_ms));
    let shown_status = request
        .status
        .map_or_else(|| "…".to_owned(), |status| status.to_string());
    let class = request.status.map_or("open", |status| match status {
        0..400 => "good",
        400..500 => "bad",
        _ => "broken",
    });
    html! {
        details {
            summary {
                time { (time_of_day(request.received_ms)) }
                span.source { (source) }
                span.what { (request.method) " " (request.path) }
                span class={ "status " (class) } { (shown_status) }
                @if let Some(took) = took { span.took { (took) " ms" } }
            }
            dl {
                @if let Some(id) = &request.request_id { dt { "Request id" } dd { code { (id) } } }
                @if let Some(route) = &request.route { dt { "Route" } dd { code { (route) } } }
                @if let Some(client) = &request.client_id { dt { "Client" } dd { code { (client) } } }
                @if let Some(scheme) = &request.authorization { dt { "Authorization" } dd { (scheme) } }
                @if let Some(media_type) = &request.content_type { dt { "Content-Type" } dd { code { (media_type) } } }
                @if let Some(grant) = &request.grant_type { dt { "Grant type" } dd { code { (grant) } } }
                @if let Some(scope) = &request.scope { dt { "Scope" } dd { code { (scope) } } }
                @if !request.form.is_empty() { dt { "Form fields" } dd { (request.form.join(", ")) } }
                @for (name, value) in &request.query {
                    dt { "?" (name) }
                    dd { code { @if HIDDEN_PARAMETERS.contains(&name.as_str()) { (HIDDEN) } @else { (value) } } }
                }
                dt { "Body" } dd { (request.body_bytes) " bytes" }
            }
            @if let Some(body) = &request.jws { (jws("JWS in the body", body)) }
            (tokens)
        }
    }
}

/// Renders a decoded token, without its signature.
fn jws(title: &str, jws: &Jws) -> Markup {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    html! {
        figure.jws {
            figcaption { (title) }
            div { span { "Header" } pre tabindex="0" aria-label={ (title) ", header" } { (pretty(&jws.header)) } }
            div {
                span { "Claims" }
                pre tabindex="0" aria-label={ (title) ", claims" } { (pretty(&jws.payload)) }
                @for name in ["iat", "nbf", "exp"] {
                    @if let Some(second) = jws.payload.get(name).and_then(Value::as_u64) {
                        span.moment { code { (name) } " is " (time_of_day(second.saturating_mul(1000))) " UTC" }
                    }
                }
            }
        }
    }
}

fn log_lines(lines: &[LogLine]) -> Markup {
    html! {
        @if !lines.is_empty() {
            ul.log { @for line in lines { li { (log_line(line)) } } }
        }
    }
}

fn lone_line(line: &LogLine) -> Markup {
    html! {
        li.entry.lone id={ "log-" (line.sequence) } data-version="1" data-source="log" data-problem=(line.is_problem()) {
            time { (time_of_day(line.at_ms)) }
            span.source { "log" }
            (log_line(line))
        }
    }
}

/// Renders level, code, description, reason and the other members of a line.
fn log_line(line: &LogLine) -> Markup {
    let members = line.members.as_object().into_iter().flatten();
    let others = members.filter(|(name, _)| !SHOWN_ELSEWHERE.contains(&name.as_str()));
    let function = line.members.pointer("/span/function").and_then(Value::as_str);
    html! {
        span class={ "level " (line.text("level").to_lowercase()) } { (line.text("level")) }
        @if let Some(function) = function { span.function { (function) } }
        code.code data-code=(line.text("code")) { (line.text("code")) }
        @if !line.text("reason").is_empty() { strong.reason { (line.text("reason")) } }
        span.message { (line.text("message")) }
        @for (name, value) in others { span.member { (name) "=" (plain(value)) } }
    }
}

/// Returns text without quotes, and other values as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Formats the time of day in UTC: `14:03:22.125`.
pub(super) fn time_of_day(ms: u64) -> String {
    let second = ms / 1000 % 86_400;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        ms % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_milliseconds() {
        assert_eq!(time_of_day(0), "00:00:00.000");
        assert_eq!(time_of_day(86_399_999), "23:59:59.999");
        assert_eq!(time_of_day(86_400_000 + 3_723_004), "01:02:03.004");
    }
}
