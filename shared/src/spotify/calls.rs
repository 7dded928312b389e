//! Measures the calls to Spotify.

use std::time::Duration;

use lambda_http::http::StatusCode;
use tokio::time::Instant;

use crate::{
    outbound::{Answer, OutboundError},
    telemetry::metrics::{Metric, count_by, record, record_by},
};

/// Measures a call to Spotify, and counts its answer.
pub(crate) async fn measured(
    call: &'static str,
    answering: impl Future<Output = Result<Answer, OutboundError>>,
) -> Result<Answer, OutboundError> {
    let began = Instant::now();
    let answer = answering.await;
    let status = match &answer {
        Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => "429",
        Ok(answer) if answer.status.is_server_error() => "5xx",
        Ok(answer) if answer.status.is_success() => "2xx",
        Ok(_) => "4xx",
        Err(_) => "none",
    };
    count_by(Metric::SpotifyCalls, status);
    record(Metric::SpotifyUnanswered, i64::from(matches!(status, "5xx" | "none")));
    record_by(Metric::SpotifyLatency, call, milliseconds(began.elapsed()));
    answer
}

/// Rounded to the nearest.
fn milliseconds(took: Duration) -> i64 {
    let rounded = took.saturating_add(Duration::from_micros(500)).as_millis();
    i64::try_from(rounded).unwrap_or(i64::MAX)
}
