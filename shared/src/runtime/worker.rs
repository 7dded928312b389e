//! Runs functions that handle events of a stream, a schedule or an operator. A handler gets the time that is left, so that it ends before Lambda stops it.

use std::{pin::Pin, time::Duration};

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument as _;

use super::startup::{self, StartError};
use crate::{
    clock::Clock,
    config::Environment,
    rng::Rng,
    telemetry::{self, metrics},
};

/// Time between the end of the work and Lambda's deadline.
pub const SHUTDOWN_RESERVE: Duration = Duration::from_secs(5);

/// A function that handles events.
pub trait EventFunction: Sized + Sync {
    /// The function's name in the log.
    const NAME: &'static str;

    /// Builds the function: reads its secrets and opens its connections.
    fn start(environment: Environment, clock: Clock, rng: Rng)
    -> impl Future<Output = Result<Self, StartError>> + Send;

    /// Handles one event, in at most `within`.
    fn handle(&self, event: &Value, within: Duration) -> impl Future<Output = Result<Value, EventError>> + Send;
}

/// Why an event was not handled. A stream or a schedule delivers it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(pub &'static str);

/// Runs a function in Lambda: builds it once, then handles events until Lambda stops the process.
///
/// # Errors
/// If the function cannot be built, which the log explains, or if Lambda's runtime API fails.
pub async fn run<F: EventFunction>() -> Result<(), lambda_runtime::Error> {
    let function = F::start(Environment::from_env(), Clock::System, Rng::System);
    let function = startup::start_in_process(F::NAME, function).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let function = &function;
        let span = tracing::info_span!(target: telemetry::TARGET, "event", function = F::NAME, request_id = event.context.request_id.as_str());
        let within = time_left(event.context.deadline);
        let working: Working<'_> = Box::pin(async move { function.handle(&event.payload, within).await }.instrument(span));
        async move {
            let outcome = working.await;
            metrics::flush();
            outcome.map_err(lambda_runtime::Error::from)
        }
    }))
    .await
}

type Working<'a> = Pin<Box<dyn Future<Output = Result<Value, EventError>> + Send + 'a>>;

/// The time left for the work until `deadline`, in milliseconds since 1970. A deadline in the past is ignored, because emulators send one.
fn time_left(deadline: u64) -> Duration {
    let now = u64::try_from(Clock::System.now_ms()).unwrap_or(0);
    match deadline.saturating_sub(now) {
        0 => Duration::from_mins(1),
        left => Duration::from_millis(left).saturating_sub(SHUTDOWN_RESERVE),
    }
}
