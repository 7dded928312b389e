//! Runs functions that answer HTTP requests. Every event gets a response, and gets it before Lambda's timeout.

use std::{pin::Pin, time::Duration};

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing::Instrument as _;

use super::{
    caller::{self, MalformedEvent},
    early,
    startup::{self, StartError},
};
use crate::{
    clock::Clock,
    config::Environment,
    errors::{Error, Failure},
    i18n::Language,
    log,
    pages::{Branding, PageContext},
    rng::Rng,
    telemetry::{self, Code, metrics},
    urls::PublicUrl,
    web::{Destination, Request, RequestError, Response, ReturnTo},
};

/// Upper bound of the time for one response. It is below the function's timeout (10 s, template) and API Gateway's.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(9);
/// Time between the response and Lambda's deadline, in milliseconds. It includes the clock's resolution of one second.
const ANSWER_RESERVE_MS: u64 = 1500;

/// Request id of an event that has none.
const UNKNOWN: &str = "unknown";

/// The branding and the origin of pages until the partner is known.
pub struct PageDefaults<'a> {
    /// The deployment's own branding.
    pub branding: &'a Branding,
    /// The origin of the functions.
    pub public_url: &'a PublicUrl,
}

/// A function that answers HTTP requests.
pub trait HttpFunction: Sized + Sync {
    /// The function's name in the log.
    const NAME: &'static str;
    /// Whether its requests are steps of a linking journey, whose failures are counted.
    const IS_LINKING_STEP: bool = false;

    /// Builds the function: reads its secrets and opens its connections.
    fn start(environment: Environment, clock: Clock, rng: Rng)
    -> impl Future<Output = Result<Self, StartError>> + Send;

    /// Defaults of its pages; `None` for a function that only programs call.
    fn pages(&self) -> Option<PageDefaults<'_>> {
        None
    }

    /// Answers one request.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Response, Failure>> + Send;
}

/// Runs a function in Lambda: builds it once, then answers events until Lambda stops the process.
///
/// # Errors
/// If the function cannot be built, which the log explains, or if Lambda's runtime API fails.
pub async fn run<F: HttpFunction>() -> Result<(), lambda_runtime::Error> {
    let function = F::start(Environment::from_env(), Clock::System, Rng::System);
    let function = startup::start_in_process(F::NAME, function).await?;
    // As text, which is parsed once.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let function = &function;
        let answering: Answering<'_> = Box::pin(async move {
            let response = handle_event(function, event.payload.get(), time_left(event.context.deadline)).await;
            metrics::flush();
            Ok(response)
        });
        answering
    }))
    .await
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<ApiGatewayV2httpResponse, lambda_runtime::Error>> + Send + 'a>>;

/// The time left for a response until `deadline`, in milliseconds since 1970. A deadline in the past is ignored, because emulators send one.
fn time_left(deadline: u64) -> Duration {
    let now = u64::try_from(Clock::System.now()).unwrap_or(0).saturating_mul(1000);
    match deadline.saturating_sub(now) {
        0 => ANSWER_TIMEOUT,
        left => Duration::from_millis(left.saturating_sub(ANSWER_RESERVE_MS)).min(ANSWER_TIMEOUT),
    }
}

/// Answers one event, a JSON text, in at most `within` and [`ANSWER_TIMEOUT`].
pub async fn handle_event<F: HttpFunction>(function: &F, event: &str, within: Duration) -> ApiGatewayV2httpResponse {
    let response = match Request::from_event(event) {
        Ok(request) => answer(function, &request, within).await,
        Err(error) => reject_event(function, error, &MalformedEvent::parse(event)),
    };
    response.into_event()
}

/// Answers one request, writes its log line and counts its outcome.
async fn answer<F: HttpFunction>(function: &F, request: &Request, within: Duration) -> Response {
    let started = tokio::time::Instant::now();
    let span = tracing::info_span!(
        target: telemetry::TARGET, "request", function = F::NAME, request_id = request.request_id(),
        partner_id = tracing::field::Empty, person = tracing::field::Empty,
    );
    async {
        let early = early::answer(request);
        let is_early = early.is_some();
        let outcome = match early {
            Some(outcome) => outcome.map_err(Failure::from),
            None => match tokio::time::timeout(within.min(ANSWER_TIMEOUT), function.handle(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Error::Timeout.into()),
            },
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = match outcome {
            Ok(response) => {
                log!(info, response.code, status = response.status().as_u16(), ms);
                metrics::count_success(response.code);
                return response;
            }
            Err(failure) => failure,
        };
        log_failure(&failure, ms, is_early);
        // A scanner is no step of a journey.
        if !is_early {
            count_failure::<F>(&failure);
        }
        let is_program = failure.is_of_program() || caller::is_program(request);
        match function.pages().filter(|_| !is_program) {
            None => failure.to_problem_json(request.request_id()),
            Some(pages) => failure_page(&failure, &pages, Some(request), request.request_id()),
        }
    }
    .instrument(span)
    .await
}

/// Rejects an event that is no HTTP request, such as a warm-up or a schedule, or one beyond our bounds.
fn reject_event<F: HttpFunction>(function: &F, error: RequestError, event: &MalformedEvent) -> Response {
    let span = tracing::info_span!(target: telemetry::TARGET, "request", function = F::NAME, request_id = UNKNOWN);
    let _entered = span.enter();
    let failure = Failure::from(match error {
        RequestError::TooLarge => Error::TooLarge,
        _ => Error::Malformed(event.what),
    });
    log_failure(
        &failure,
        0,
        error != RequestError::TooLarge && !event.is_misconfigured(),
    );
    match function.pages().filter(|_| !event.is_program) {
        None => failure.to_problem_json(UNKNOWN),
        Some(pages) => failure_page(&failure, &pages, None, UNKNOWN),
    }
}

/// Logs a failure. A routine failure calls for no action.
fn log_failure(failure: &Failure, ms: u64, is_routine: bool) {
    let kind = failure.kind();
    let (code, status, reason) = (kind.log, kind.status, failure.reason());
    if kind.is_server_error() {
        log!(error, code, status, ms, reason);
    } else if is_routine && code != Code::PathMapped {
        log!(info, code, status, ms, reason);
    } else {
        log!(warn, code, status, ms, reason);
    }
}

/// Counts a failure of a request that the function handled.
fn count_failure<F: HttpFunction>(failure: &Failure) {
    let code = failure.kind().log;
    if F::IS_LINKING_STEP {
        metrics::count_link_failure(code);
    }
    metrics::count_fault(code);
}

/// The page of a failure, in the request's language and for its destination as far as they can be read.
fn failure_page(failure: &Failure, pages: &PageDefaults<'_>, request: Option<&Request>, request_id: &str) -> Response {
    let return_to = request.map_or_else(|| ReturnTo::new(Destination::Entrypoint, None), return_to);
    let language = request.map_or(Language::English, Request::language);
    failure.to_page(&PageContext {
        branding: pages.branding,
        public_url: pages.public_url,
        language: return_to.language.unwrap_or(language),
        return_to: &return_to,
        has_provider: false,
        request_id,
    })
}

/// What the person came for, as far as the request can be read.
fn return_to(request: &Request) -> ReturnTo {
    let route = request.route();
    let partner_id = route.as_ref().and_then(|route| route.partner_id.clone());
    let destination = route.and_then(|route| Destination::parse(route.name));
    let destination = destination.unwrap_or(Destination::Entrypoint);
    ReturnTo::from_request(request).unwrap_or_else(|_| ReturnTo::new(destination, partner_id))
}
