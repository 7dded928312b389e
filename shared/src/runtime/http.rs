//! Runs functions that answer HTTP requests. Every event gets a response, and gets it before Lambda's timeout.

use std::{pin::Pin, time::Duration};

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument as _;

use super::startup::{self, StartError};
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
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let deadline = event.context.deadline;
        let function = &function;
        let answering: Answering<'_> = Box::pin(handle_event(function, event.payload, time_left(deadline)));
        async move {
            let response = answering.await;
            metrics::flush();
            Ok::<_, lambda_runtime::Error>(response)
        }
    }))
    .await
}

type Answering<'a> = Pin<Box<dyn Future<Output = ApiGatewayV2httpResponse> + Send + 'a>>;

/// The time left for a response until `deadline`, in milliseconds since 1970. A deadline in the past is ignored, because emulators send one.
fn time_left(deadline: u64) -> Duration {
    let now = u64::try_from(Clock::System.now()).unwrap_or(0).saturating_mul(1000);
    match deadline.saturating_sub(now) {
        0 => ANSWER_TIMEOUT,
        left => Duration::from_millis(left.saturating_sub(ANSWER_RESERVE_MS)).min(ANSWER_TIMEOUT),
    }
}

/// Answers one event, in at most `within` and [`ANSWER_TIMEOUT`].
pub async fn handle_event<F: HttpFunction>(function: &F, event: Value, within: Duration) -> ApiGatewayV2httpResponse {
    let started = tokio::time::Instant::now();
    // Read before the event is parsed, so that a program gets problem+json even for a malformed event.
    let content_type = event.pointer("/headers/content-type").and_then(Value::as_str);
    let wants_json = content_type.is_some_and(is_signed_request);
    let request = Request::from_event(event);
    let request_id = request.as_ref().map_or("unknown", Request::request_id).to_owned();
    let span = tracing::info_span!(
        target: telemetry::TARGET, "request", function = F::NAME, request_id = request_id.as_str(),
        partner_id = tracing::field::Empty, person = tracing::field::Empty,
    );
    async {
        let outcome = match &request {
            // A prefetch would use up a state, a code or a token that the navigation after it needs.
            Ok(request) if function.pages().is_some() && must_not_be_prefetched(request) => {
                Ok(Response::too_early(Code::PrefetchDeclined))
            }
            Ok(request) => match tokio::time::timeout(within.min(ANSWER_TIMEOUT), function.handle(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Error::Timeout.into()),
            },
            Err(RequestError::TooLarge) => Err(Error::TooLarge.into()),
            Err(_) => Err(Error::Malformed("event").into()),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let response = match outcome {
            Ok(response) => {
                log!(info, response.code, status = response.status().as_u16(), ms);
                metrics::count_success(response.code);
                response
            }
            Err(failure) => {
                record_failure::<F>(&failure, ms);
                match function.pages().filter(|_| !wants_json) {
                    None => failure.to_problem_json(&request_id),
                    Some(pages) => failure_page(&failure, &pages, request.as_ref().ok(), &request_id),
                }
            }
        };
        response.into_event()
    }
    .instrument(span)
    .await
}

/// Whether a request is the prefetch of a route that writes, consumes or calls upstream. `/link` only redirects.
fn must_not_be_prefetched(request: &Request) -> bool {
    let only_redirects = request.route().is_some_and(|route| route.name == "link");
    request.is_prefetch() && !only_redirects && request.require_method("GET").is_ok()
}

/// Logs and counts a failure.
fn record_failure<F: HttpFunction>(failure: &Failure, ms: u64) {
    let kind = failure.kind();
    let (status, reason) = (kind.status, failure.reason());
    if kind.is_server_error() {
        log!(error, kind.log, status, ms, reason);
    } else {
        log!(warn, kind.log, status, ms, reason);
    }
    if F::IS_LINKING_STEP {
        metrics::count_link_failure(kind.log);
    }
    metrics::count_fault(kind.log);
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
        request_id,
    })
}

/// Whether this `Content-Type` is that of the signed requests that the partner's backend sends.
fn is_signed_request(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/jwt")
}

/// What the person came for, as far as the request can be read.
fn return_to(request: &Request) -> ReturnTo {
    let route = request.route();
    let partner_id = route.as_ref().and_then(|route| route.partner_id.clone());
    let destination = route.and_then(|route| Destination::parse(route.name));
    let destination = destination.unwrap_or(Destination::Entrypoint);
    ReturnTo::from_request(request).unwrap_or_else(|_| ReturnTo::new(destination, partner_id))
}
