//! Parts common to the simulated servers: the request log, faults, and the control routes under `/_sandbox/`.

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::clock::Clock;
use crate::faults::{Fault, Faults};
use crate::requests::{self, Requests};
use crate::wire::ConnectionControl;

/// Upper bound of a request body, in bytes. The largest valid body is a logo of 10 MB.
const MAX_BYTES: usize = 12 * 1024 * 1024;

#[derive(Clone, Debug, Default)]
pub(crate) struct Control {
    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    pub(crate) clock: Clock,
    /// Path prefixes of logged requests. Pages are not logged.
    pub(crate) logged: &'static [&'static str],
}

/// Extension of a response: what the simulated server decided, and why.
#[derive(Clone, Debug)]
pub(crate) struct Verdict(String);

impl Verdict {
    /// Returns the response with a verdict.
    pub(crate) fn on(mut response: Response<Body>, verdict: impl Into<String>) -> Response<Body> {
        response.extensions_mut().insert(Self(verdict.into()));
        response
    }
}

/// Logs the request, and applies the first fault that matches it.
pub(crate) async fn observe(
    State(control): State<Control>,
    ConnectInfo(line): ConnectInfo<ConnectionControl>,
    request: Request,
    next: Next,
) -> Response<Body> {
    // A kept-alive connection may still carry the fault of an earlier request.
    line.drip(std::time::Duration::ZERO);
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path().to_owned();
    let sequence = control.logged.iter().any(|logged| path.starts_with(logged)).then(|| {
        let entry = requests::Request::describe(&parts.method, &parts.uri, parts.version, &parts.headers, &bytes);
        control.requests.begin(entry, control.clock.now_ms())
    });
    let fault = control.faults.take(parts.method.as_str(), &path);
    if let (Some(sequence), Some((id, _))) = (sequence, &fault) {
        control.requests.update(sequence, |request| request.fault = Some(*id));
    }
    let request = Request::from_parts(parts, Body::from(bytes));
    let log_verdict = |response: &Response<Body>| {
        if let (Some(sequence), Some(Verdict(verdict))) = (sequence, response.extensions().get()) {
            control
                .requests
                .update(sequence, |request| request.verdict = Some(verdict.clone()));
        }
    };
    let answer = match fault {
        None => {
            let answer = next.run(request).await;
            log_verdict(&answer);
            answer
        }
        Some((_, fault)) => {
            if !fault.after {
                fault.wait().await;
            }
            let real = if fault.lets_request_through() {
                let real = next.run(request).await;
                log_verdict(&real);
                Some(real)
            } else {
                None
            };
            if fault.after {
                fault.wait().await;
            }
            fault.apply(real, &line).await
        }
    };
    if let Some(sequence) = sequence {
        let (now, status) = (control.clock.now_ms(), answer.status().as_u16());
        control.requests.update(sequence, |request| {
            request.answered_ms = Some(now);
            request.status = Some(status);
        });
    }
    answer
}

/// Returns the routes `/_sandbox/faults` and `/_sandbox/requests`.
pub(crate) fn routes(control: Control) -> Router {
    Router::new()
        .route(
            "/_sandbox/faults",
            get(list_faults).post(add_fault).delete(clear_faults),
        )
        .route("/_sandbox/requests", get(list_requests).delete(clear_requests))
        .with_state(control)
}

/// Parses a JSON body and ignores its `Content-Type`, because `curl -d` sends that of a form.
pub(crate) fn json_body<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Returns the response of the control routes to an invalid request.
pub(crate) fn bad_request(message: &str) -> Response<Body> {
    (StatusCode::BAD_REQUEST, Json(json!({"error": message}))).into_response()
}

async fn list_faults(State(control): State<Control>) -> Response<Body> {
    Json(json!({"faults": control.faults.all()})).into_response()
}

async fn add_fault(State(control): State<Control>, body: axum::body::Bytes) -> Response<Body> {
    let fault: Fault = match json_body(&body) {
        Ok(fault) => fault,
        Err(error) => return bad_request(&error),
    };
    if !fault.path.starts_with('/') || fault.path.starts_with("/_sandbox") {
        return bad_request("path must begin with / and cannot be one of /_sandbox/");
    }
    if fault.status.is_some_and(|status| !(200..=599).contains(&status)) {
        return bad_request("status must be between 200 and 599");
    }
    let id = control.faults.arm(fault);
    (StatusCode::CREATED, Json(json!({"id": id}))).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: Option<u64>,
}

/// Removes one fault, or all.
async fn clear_faults(State(control): State<Control>, Query(which): Query<Which>) -> StatusCode {
    match which.id {
        Some(id) if !control.faults.remove(id) => StatusCode::NOT_FOUND,
        Some(_) => StatusCode::NO_CONTENT,
        None => {
            control.faults.clear();
            StatusCode::NO_CONTENT
        }
    }
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    path: String,
}

async fn list_requests(State(control): State<Control>, Query(filter): Query<Filter>) -> Response<Body> {
    let requests = control.requests.to(&filter.path);
    (
        [(header::CACHE_CONTROL, "no-store")],
        Json(json!({"requests": requests})),
    )
        .into_response()
}

async fn clear_requests(State(control): State<Control>) -> StatusCode {
    control.requests.clear();
    StatusCode::NO_CONTENT
}
