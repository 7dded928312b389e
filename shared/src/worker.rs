//! Owns the run of a function that nobody asks over HTTP: events of a stream or a schedule in, one closing line of log each. Needs the Lambda runtime. Refuses
//! to run on until Lambda stops it: whoever works is told how much time there is.

use std::{fmt::Display, pin::Pin, time::Duration};

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument as _;

use crate::{
    clock::Clock,
    start,
    telemetry::{self, metrics},
};

/// What is left of the function's time when the work must be over.
const RESERVE: Duration = Duration::from_secs(5);

/// One of our functions that are not asked over HTTP.
pub trait Worker: Sync {
    /// Its name, as the log has it.
    const NAME: &'static str;

    /// Does what an event asks for, within this time.
    fn work(&self, event: &Value, within: Duration) -> impl Future<Output = Result<Value, Unfinished>> + Send;
}

/// An event that could not be dealt with; whoever sent it will send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfinished(pub &'static str);

/// Runs a worker in Lambda: builds it once, then takes events for ever.
///
/// # Errors
/// When it cannot be built; the log has named why.
pub async fn run<W, E, B>(build: impl FnOnce() -> B) -> Result<(), lambda_runtime::Error>
where
    W: Worker,
    E: Display,
    B: Future<Output = Result<W, E>>,
{
    let worker = start::in_process(W::NAME, build()).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let worker = &worker;
        let span = tracing::info_span!(target: telemetry::TARGET, "event", function = W::NAME, request_id = event.context.request_id.as_str());
        let within = time_left(event.context.deadline);
        let working: Working<'_> = Box::pin(async move { worker.work(&event.payload, within).await }.instrument(span));
        async move {
            let outcome = working.await;
            metrics::flush();
            outcome.map_err(lambda_runtime::Error::from)
        }
    }))
    .await
}

type Working<'a> = Pin<Box<dyn Future<Output = Result<Value, Unfinished>> + Send + 'a>>;

/// How long the work may take, of a deadline in milliseconds since 1970. One that has passed before we began is no deadline: emulators send one.
fn time_left(deadline: u64) -> Duration {
    let now = u64::try_from(Clock::System.now_ms()).unwrap_or(0);
    match deadline.saturating_sub(now) {
        0 => Duration::from_mins(1),
        left => Duration::from_millis(left).saturating_sub(RESERVE),
    }
}
