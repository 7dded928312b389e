//! One call of the Open Access API: a signed `POST` with at most one retry after a transient error. Records metrics of every call to
//! Spotify. This module does not know what a payload means.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::{OpenAccessError, Spotify};
use crate::{
    http_client::{HttpError, HttpResponse},
    jws::SignedJws,
    oauth::token::AccessToken,
    telemetry::metrics::{Metric, count_by, record, record_by},
};

pub(super) const REPLACE_ENTITLEMENTS: &str = "replace-entitlements";

impl Spotify {
    /// Calls `endpoint`, and retries once after a transient error. A timeout is not retried, because a subscriber may be waiting.
    pub(super) async fn call_with_retry(
        &self,
        endpoint: &'static str,
        token: &AccessToken,
        jws: &SignedJws,
    ) -> Result<HttpResponse, OpenAccessError> {
        match self.call(endpoint, token, jws).await {
            // The first request may arrive after a later set and overwrite it. The caller waits until that is impossible.
            Err(error) if endpoint == REPLACE_ENTITLEMENTS && error.may_be_in_flight() => Err(error),
            Err(error) if error.is_transient() => {
                self.pause().await;
                self.call(endpoint, token, jws).await
            }
            outcome => outcome,
        }
    }

    pub(super) async fn call(
        &self,
        endpoint: &'static str,
        token: &AccessToken,
        jws: &SignedJws,
    ) -> Result<HttpResponse, OpenAccessError> {
        let headers = headers(token, &self.settings.jws_content_type)?;
        let url = self.endpoint(endpoint);
        let answer = measured(endpoint, self.http.post(&url, headers, jws.expose().to_owned())).await?;
        OpenAccessError::of_status(answer.status, answer.retry_after).map_or(Ok(answer), Err)
    }

    pub(super) fn endpoint(&self, endpoint: &str) -> String {
        let mut url = self.settings.open_access_url.clone();
        url.set_path(&format!("/api/v1/{endpoint}"));
        url.into()
    }

    /// Waits 50 to 250 ms, at random, so that concurrent callers do not retry at the same time.
    pub(super) async fn pause(&self) {
        let jitter = self.rng.bytes::<1>().map_or(0, |[byte]| u64::from(byte));
        tokio::time::sleep(Duration::from_millis(50 + jitter * 200 / 255)).await;
    }
}

/// Builds the headers of a call with this token and media type.
pub(super) fn headers(token: &AccessToken, content_type: &str) -> Result<HeaderMap, OpenAccessError> {
    let mut bearer =
        HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| OpenAccessError::InvalidResponse)?;
    bearer.set_sensitive(true);
    let content_type = HeaderValue::try_from(content_type).map_err(|_| OpenAccessError::InvalidResponse)?;
    Ok(HeaderMap::from_iter([
        (header::AUTHORIZATION, bearer),
        (header::CONTENT_TYPE, content_type),
    ]))
}

/// Records latency and status of a call to Spotify.
pub(super) async fn measured(
    call: &'static str,
    answering: impl Future<Output = Result<HttpResponse, HttpError>>,
) -> Result<HttpResponse, HttpError> {
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

/// The duration in milliseconds, rounded to the nearest.
fn milliseconds(took: Duration) -> i64 {
    let rounded = took.saturating_add(Duration::from_micros(500)).as_millis();
    i64::try_from(rounded).unwrap_or(i64::MAX)
}
