//! Functions that handle events of a stream, a schedule or an operator. Each is told how much time it has, so that it ends before Lambda stops it.

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

/// How long before Lambda's deadline the work must be done.
pub const SHUTDOWN_RESERVE: Duration = Duration::from_secs(5);

/// A function that handles events.
pub trait EventFunction: Sized + Sync {
    /// Its name in the log.
    const NAME: &'static str;

    /// Builds it: reads its secrets and opens its connections.
    fn start(environment: Environment, clock: Clock, rng: Rng)
    -> impl Future<Output = Result<Self, StartError>> + Send;

    /// Handles one event, within `within`.
    fn handle(&self, event: &Value, within: Duration) -> impl Future<Output = Result<Value, EventError>> + Send;
}

/// An event that was not handled. Its sender sends it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(pub &'static str);

/// Runs a function in Lambda: builds it once, then handles events for ever.
///
/// # Errors
/// If the function cannot be built; the log says why.
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

/// How long the work may take, by a deadline in milliseconds since 1970. A deadline in the past is none: emulators send one.
fn time_left(deadline: u64) -> Duration {
    let now = u64::try_from(Clock::System.now_ms()).unwrap_or(0);
    match deadline.saturating_sub(now) {
        0 => Duration::from_mins(1),
        left => Duration::from_millis(left).saturating_sub(SHUTDOWN_RESERVE),
    }
}
