//! From event to answer: one span and one closing line of log a request, always an answer, and one in time.

use std::{fmt::Display, pin::Pin, time::Duration};

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument as _;

use super::{Answer, Failure, Intent, Language, Place, Problem, Reader, Request};
use crate::{
    clock::Clock,
    config::{Pages, PublicUrl},
    log,
    partner::PartnerId,
    start,
    telemetry::{self, Code, metrics},
};

/// For a request, whatever it has to wait for: below the function's 10 s (template), and API Gateway's 30 s.
const LONGEST: Duration = Duration::from_secs(9);
/// What is left of the function's time when the answer must be under way, our clock's whole seconds counted in.
const RESERVE_MS: u64 = 1500;

/// One of our functions.
pub trait Function: Sync {
    /// Its name, as the log has it.
    const NAME: &'static str;
    /// Whether programs alone are answered, also where one forgets to say that it is one.
    const FOR_PROGRAMS: bool = false;
    /// Whether a request is a step of a linking journey, and counted as one.
    const LINKS: bool = false;

    /// What its pages say and link to.
    fn pages(&self) -> &Pages;

    /// Where people reach it.
    fn public_url(&self) -> &PublicUrl;

    /// Answers one request.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Outcome, Failure>> + Send;
}

/// An answer, and what it was to the log.
#[derive(Debug)]
pub struct Outcome {
    /// What happened.
    pub code: Code,
    /// The answer.
    pub answer: Answer,
}

impl Request {
    /// Notes in this request's log lines which partner and, by their log name, which person it is about.
    pub fn is_about(&self, partner_id: &PartnerId, person: &str) {
        telemetry::record_subject(partner_id.as_str(), person);
    }

    /// The id that support can look up.
    #[must_use]
    pub fn shown_id(&self) -> &str {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
        let id = self.given_id();
        if (1..=64).contains(&id.len()) && id.bytes().all(usual) {
            id
        } else {
            "unknown"
        }
    }
}

/// Runs a function in Lambda: builds it once, then answers events for ever.
///
/// # Errors
/// When the function cannot be built; the log has named why. No other error stops the process.
pub async fn run<F, E, B>(build: impl FnOnce() -> B) -> Result<(), lambda_runtime::Error>
where
    F: Function,
    E: Display,
    B: Future<Output = Result<F, E>>,
{
    let function = start::in_process(F::NAME, build()).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let deadline = event.context.deadline;
        let function = &function;
        let answering: Answering<'_> = Box::pin(answer_event(function, event.payload, time_left(deadline)));
        async move {
            let answer = answering.await;
            metrics::flush();
            Ok::<_, lambda_runtime::Error>(answer)
        }
    }))
    .await
}

type Answering<'a> = Pin<Box<dyn Future<Output = ApiGatewayV2httpResponse> + Send + 'a>>;

/// How long an answer may take, of a deadline in milliseconds since 1970. One that has passed before we began is no deadline: emulators send one.
fn time_left(deadline: u64) -> Duration {
    let now = u64::try_from(Clock::System.now()).unwrap_or(0).saturating_mul(1000);
    match deadline.saturating_sub(now) {
        0 => LONGEST,
        left => Duration::from_millis(left.saturating_sub(RESERVE_MS)).min(LONGEST),
    }
}

/// Answers one event, at most `within` a time.
pub async fn answer_event<F: Function>(function: &F, event: Value, within: Duration) -> ApiGatewayV2httpResponse {
    let started = tokio::time::Instant::now();
    // Looked at before the event is read, so that a program is answered as one when it cannot be.
    let of_a_program = event
        .pointer("/headers/content-type")
        .and_then(Value::as_str)
        .is_some_and(is_of_a_program);
    let request = Request::of_event(event);
    let request_id = request.as_ref().map_or("unknown", Request::shown_id).to_owned();
    let span = tracing::info_span!(
        target: telemetry::TARGET, "request", function = F::NAME, request_id = request_id.as_str(),
        partner_id = tracing::field::Empty, person = tracing::field::Empty,
    );
    async {
        let outcome = match &request {
            Ok(request) => match tokio::time::timeout(within.min(LONGEST), function.handle(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Problem::OutOfTime.into()),
            },
            Err(Problem::TooLarge) => Err(Problem::TooLarge.into()),
            Err(_) => Err(Problem::Malformed("event").into()),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(Outcome { code, answer }) => {
                log!(info, code, status = answer.status.as_u16(), ms);
                metrics::outcome(code);
                answer
            }
            Err(failure) => {
                let verdict = failure.verdict();
                let (status, reason) = (verdict.status.as_u16(), failure.reason());
                if verdict.is_an_error() {
                    log!(error, verdict.log, status, ms, reason);
                } else {
                    log!(warn, verdict.log, status, ms, reason);
                }
                if F::LINKS {
                    metrics::failure(verdict.log);
                }
                metrics::fault(verdict.log);
                if of_a_program || F::FOR_PROGRAMS {
                    failure.to_program(&request_id)
                } else {
                    let nothing_read = Intent::to(Place::Entrypoint, None);
                    let intent = request.as_ref().map_or(nothing_read, Request::intent);
                    let language = request.as_ref().map_or(Language::English, Request::language);
                    failure.to_person(&Reader {
                        pages: function.pages(),
                        public_url: function.public_url(),
                        language: intent.language.unwrap_or(language),
                        intent: &intent,
                        request_id: &request_id,
                    })
                }
            }
        }
        .into_event()
    }
    .instrument(span)
    .await
}

/// Whether whoever sends this `Content-Type` is a program: the partner's backend.
fn is_of_a_program(content_type: &str) -> bool {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/jwt")
}

impl Request {
    /// What whoever sent this request came for, as far as it can be read.
    fn intent(&self) -> Intent {
        let route = self.route();
        let partner_id = route.as_ref().and_then(|route| route.partner_id.clone());
        let place = route
            .and_then(|route| Place::named(route.name))
            .unwrap_or(Place::Entrypoint);
        Intent::of(self).unwrap_or(Intent::to(place, partner_id))
    }
}
