//! A simulated API Gateway in front of the functions. It converts HTTP requests to events of an HTTP API (payload format
//! 2.0), and the functions' results to HTTP responses.
//!
//! Like API Gateway, it joins repeated headers and query parameters with commas, decodes the path, encodes form bodies in
//! base64, and does not route `HEAD` requests to `GET` routes. The route `$default` gets what no other route matches.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::options::Options;
use crate::requests::{Request as LoggedRequest, Requests};
use crate::token_source::TokenSource;
use crate::webkit;
use crate::wire::ConnectionControl;

/// A Lambda function: takes an event and returns a result.
pub type Function = Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = Value> + Send>> + Send + Sync>;

/// Upper bound of request line and headers together, in bytes.
const MAX_HEAD_BYTES: usize = 10_240;
/// Upper bound of a synchronous Lambda payload, in bytes.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// Pseudo method of a function that is only invoked by name.
const INVOKED: &str = "INVOKE";
/// Path of the route for requests that no other route matches.
const DEFAULT: &str = "$default";
const ACCOUNT_ID: &str = "123456789012";
const API_ID: &str = "sandbox000";

/// A route of the gateway.
#[derive(Clone)]
pub struct Route {
    /// Method: `GET`, `POST`, … or `ANY`.
    pub method: String,
    /// Path, with or without parameters: `/callback`, `/partners/{partner_id}/callback`. The path `$default` gets the requests that no other route matches.
    pub path: String,
    /// Function that handles the requests.
    pub function: Function,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}

impl Route {
    /// Creates a route to an asynchronous function.
    pub fn new<F, A>(method: &str, path: &str, function: F) -> Self
    where
        F: Fn(Value) -> A + Send + Sync + 'static,
        A: Future<Output = Value> + Send + 'static,
    {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            function: Arc::new(move |event| Box::pin(function(event))),
        }
    }

    /// Creates a function without an HTTP route, invoked by name as with `aws lambda invoke`.
    pub fn invoked<F, A>(name: &str, function: F) -> Self
    where
        F: Fn(Value) -> A + Send + Sync + 'static,
        A: Future<Output = Value> + Send + 'static,
    {
        Self::new(INVOKED, &format!("/2015-03-31/functions/{name}/invocations"), function)
    }

    /// Whether the function is only invoked by name.
    #[must_use]
    pub fn is_invoked(&self) -> bool {
        self.method == INVOKED
    }

    /// The route key, as in API Gateway: `GET /callback` or `$default`.
    #[must_use]
    pub fn key(&self) -> String {
        if self.path == DEFAULT {
            DEFAULT.to_owned()
        } else {
            format!("{} {}", self.method, self.path)
        }
    }

    /// Returns the path parameters, or `None` if the route does not match. The route `$default` matches no path by itself.
    fn matches(&self, method: &str, path: &str) -> Option<Map<String, Value>> {
        if self.method != "ANY" && self.method != method {
            return None;
        }
        let mut parameters = Map::new();
        let (mut wanted, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some(parameters),
                (Some(wanted), Some(given)) => {
                    if let Some(name) = wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                        if given.is_empty() {
                            return None;
                        }
                        parameters.insert(name.to_owned(), given.into());
                    } else if wanted != given {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }
}

#[derive(Clone)]
struct Gateway(Arc<Inner>);

struct Inner {
    routes: Vec<Route>,
    domain: String,
    scheme: String,
    port: u16,
    rng: TokenSource,
    clock: Clock,
    requests: Requests,
    integration_timeout: Duration,
}

/// What the gateway shares with other parts of the sandbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    /// Log of the requests to the functions.
    pub(crate) requests: Requests,
    /// Clock of the gateway.
    pub(crate) clock: Clock,
}

fn router(routes: Vec<Route>, public_url: &str, options: &Options, shared: Shared) -> Router {
    let public_url = url::Url::parse(public_url).ok();
    let public_url = public_url.as_ref();
    let gateway = Gateway(Arc::new(Inner {
        routes,
        domain: public_url
            .and_then(url::Url::host_str)
            .unwrap_or("127.0.0.1")
            .to_owned(),
        scheme: public_url.map_or("http", url::Url::scheme).to_owned(),
        port: public_url.and_then(url::Url::port_or_known_default).unwrap_or(80),
        rng: TokenSource::new(options.seed.map(|seed| seed ^ 0x6761_7465)),
        clock: shared.clock,
        requests: shared.requests,
        integration_timeout: options.integration_timeout,
    }));
    Router::new().fallback(front).with_state(gateway)
}

pub(crate) fn serve(
    listener: TcpListener,
    routes: Vec<Route>,
    public_url: &str,
    options: &Options,
    shared: Shared,
    stop: watch::Receiver<()>,
) {
    crate::wire::serve(listener, router(routes, public_url, options, shared), stop);
}

async fn front(
    State(gateway): State<Gateway>,
    ConnectInfo(line): ConnectInfo<ConnectionControl>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if let Err((status, message)) = check_head(&parts) {
        return error_response(status, message);
    }
    let Ok(body) = to_bytes(body, MAX_EVENT_BYTES).await else {
        return error_response(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let path = decode(parts.uri.path());
    let invoked = gateway
        .0
        .routes
        .iter()
        .find(|route| route.is_invoked() && route.path == path);
    if let Some(route) = invoked {
        return invoke(route, &body).await;
    }
    let found = gateway
        .0
        .routes
        .iter()
        .find_map(|route| Some((route, route.matches(parts.method.as_str(), &path)?)));
    let default = || gateway.0.routes.iter().find(|route| route.path == DEFAULT);
    let Some((route, parameters)) = found.or_else(|| Some((default()?, Map::new()))) else {
        return error_response(StatusCode::NOT_FOUND, "Not Found");
    };
    let request_id = gateway.0.rng.base62(16);
    let matched = Matched {
        route,
        parameters,
        path: &path,
        parts: &parts,
        body: &body,
        peer: line.peer(),
        request_id: &request_id,
    };
    let Some(event) = gateway.event(matched) else {
        return error_response(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let sequence = gateway.log(&parts, &body, &request_id, route);
    // A separate task: Lambda continues when the caller disconnects, and a panic must not reach the server.
    let invocation = tokio::spawn((route.function)(event));
    let mut answer = match tokio::time::timeout(gateway.0.integration_timeout, invocation).await {
        Ok(Ok(answer)) => response_from_result(&answer)
            .unwrap_or_else(|| error_response(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Ok(Err(_panic)) => error_response(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Err(_late) => error_response(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
    };
    let (now, status) = (gateway.0.clock.now_ms(), answer.status().as_u16());
    gateway.0.requests.update(sequence, |request| {
        request.answered_ms = Some(now);
        request.status = Some(status);
    });
    if gateway.needs_other_cookies(&parts.headers) {
        webkit::allow_http(answer.headers_mut());
    }
    if let Ok(value) = HeaderValue::try_from(request_id) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static("apigw-requestid"), value);
    }
    answer
}

/// The limit of API Gateway for the request line and all headers.
///
/// # Errors
/// API Gateway's response to a head beyond the limit.
fn check_head(parts: &Parts) -> Result<(), (StatusCode, &'static str)> {
    let request_line = parts.method.as_str().len() + parts.uri.to_string().len() + "  HTTP/1.1\r\n".len();
    if request_line > MAX_HEAD_BYTES {
        return Err((StatusCode::URI_TOO_LONG, "URI Too Long"));
    }
    let headers: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if request_line + headers > MAX_HEAD_BYTES {
        return Err((
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Request Header Fields Too Large",
        ));
    }
    Ok(())
}

/// Handles Lambda's `Invoke`, which the sandbox serves at the gateway's address.
async fn invoke(route: &Route, event: &[u8]) -> Response<Body> {
    let Ok(event) = serde_json::from_slice(event) else {
        return error_response(StatusCode::BAD_REQUEST, "The event is not JSON");
    };
    let Ok(answer) = tokio::spawn((route.function)(event)).await else {
        return error_response(StatusCode::INTERNAL_SERVER_ERROR, "The function failed");
    };
    Response::new(Body::from(answer.to_string()))
}

/// Returns a response of API Gateway itself.
fn error_response(status: StatusCode, message: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(json!({"message": message}).to_string()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A request and its route.
struct Matched<'a> {
    route: &'a Route,
    parameters: Map<String, Value>,
    path: &'a str,
    parts: &'a Parts,
    body: &'a [u8],
    peer: SocketAddr,
    request_id: &'a str,
}

impl Gateway {
    /// Logs a request and returns its sequence number.
    fn log(&self, parts: &Parts, body: &[u8], request_id: &str, route: &Route) -> u64 {
        let request = LoggedRequest {
            request_id: Some(request_id.to_owned()),
            route: Some(route.key()),
            ..LoggedRequest::describe_call(&parts.method, &parts.uri, parts.version, &parts.headers, body)
        };
        self.0.requests.begin(request, self.0.clock.now_ms())
    }

    /// Whether the browser refuses the functions' cookies here.
    fn needs_other_cookies(&self, headers: &HeaderMap) -> bool {
        self.0.scheme == "http" && webkit::is_webkit(headers)
    }

    /// Returns the headers of an event, including those added by API Gateway.
    fn event_headers(&self, matched: &Matched<'_>, source_ip: &str) -> Map<String, Value> {
        let inner = &*self.0;
        let mut headers = joined_headers(matched.parts);
        let forwarded_for = match headers.get("x-forwarded-for").and_then(Value::as_str) {
            Some(before) => format!("{before}, {source_ip}"),
            None => source_ip.to_owned(),
        };
        headers.insert("x-forwarded-for".to_owned(), forwarded_for.into());
        headers.insert("x-forwarded-port".to_owned(), inner.port.to_string().into());
        headers.insert("x-forwarded-proto".to_owned(), inner.scheme.clone().into());
        let trace = format!(
            "Root=1-{:08x}-{}",
            inner.clock.now_ms() / 1000,
            inner.rng.hex().get(..24).unwrap_or_default()
        );
        headers.insert("x-amzn-trace-id".to_owned(), trace.into());
        headers
            .entry("content-length")
            .or_insert_with(|| matched.body.len().to_string().into());
        headers
    }

    /// Builds the event of a request (payload format 2.0). Returns `None` if the body exceeds Lambda's limit.
    fn event(&self, matched: Matched<'_>) -> Option<Value> {
        let inner = &*self.0;
        let source_ip = matched.peer.ip().to_string();
        let now_ms = inner.clock.now_ms();
        let headers = self.event_headers(&matched, &source_ip);
        let header = |name: &str| headers.get(name).and_then(Value::as_str).unwrap_or_default();
        let (route, path) = (matched.route.key(), matched.path);
        let raw_query = matched.parts.uri.query().unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": raw_query,
            "headers": headers,
            "requestContext": {
                "accountId": ACCOUNT_ID,
                "apiId": API_ID,
                "domainName": inner.domain,
                "domainPrefix": inner.domain.split('.').next().unwrap_or_default(),
                "http": {
                    "method": matched.parts.method.as_str(),
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": source_ip,
                    "userAgent": header("user-agent"),
                },
                "requestId": matched.request_id,
                "routeKey": route,
                "stage": "$default",
                "time": common_log_time(now_ms / 1000),
                "timeEpoch": now_ms,
            },
            "isBase64Encoded": false,
        });
        let members = event.as_object_mut()?;
        let mut cookies = cookies(matched.parts);
        if self.needs_other_cookies(&matched.parts.headers) {
            webkit::restore_names(&mut cookies);
        }
        if !cookies.is_empty() {
            members.insert("cookies".to_owned(), cookies.into());
        }
        if !raw_query.is_empty() {
            members.insert("queryStringParameters".to_owned(), joined_query(raw_query).into());
        }
        if !matched.parameters.is_empty() {
            members.insert("pathParameters".to_owned(), matched.parameters.into());
        }
        if !matched.body.is_empty() {
            let (body, is_encoded) = event_body(matched.body, header("content-type"))?;
            members.insert("body".to_owned(), body.into());
            members.insert("isBase64Encoded".to_owned(), is_encoded.into());
        }
        Some(event)
    }
}

/// Returns the body of an event and whether it is base64. Returns `None` if the body exceeds Lambda's limit.
fn event_body(body: &[u8], content_type: &str) -> Option<(String, bool)> {
    let text = is_text(content_type).then(|| std::str::from_utf8(body).ok()).flatten();
    let is_encoded = text.is_none();
    let body = text.map_or_else(|| STANDARD.encode(body), str::to_owned);
    (body.len() <= MAX_EVENT_BYTES).then_some((body, is_encoded))
}

/// Whether API Gateway passes a body of this media type as text. All other bodies are base64.
fn is_text(content_type: &str) -> bool {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    media_type.starts_with("text/")
        || matches!(
            media_type.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        )
}

fn joined_headers(parts: &Parts) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in parts.headers.keys().filter(|name| **name != header::COOKIE) {
        let values: Vec<_> = parts
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        headers.insert(name.as_str().to_owned(), values.join(",").into());
    }
    headers
}

fn cookies(parts: &Parts) -> Vec<String> {
    let mut cookies = Vec::new();
    for value in parts.headers.get_all(header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        cookies.extend(
            value
                .split(';')
                .map(str::trim)
                .filter(|cookie| !cookie.is_empty())
                .map(str::to_owned),
        );
    }
    cookies
}

fn joined_query(raw_query: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    for (name, value) in url::form_urlencoded::parse(raw_query.as_bytes()) {
        let joined = match parameters.get(&*name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        parameters.insert(name.into_owned(), joined.into());
    }
    parameters
}

/// Percent-decodes a path. Invalid UTF-8 becomes U+FFFD.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| hex_pair(after)).flatten();
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |place: usize| char::from(*bytes.get(place)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Formats a time as in the common log format: `12/Mar/2020:19:03:58 +0000`.
fn common_log_time(seconds: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    // Eras of 400 years start on 1 March, so the leap day is the last day of its year.
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 2
    } else {
        shifted_month - 10
    };
    let year = era * 400 + year_of_era + u64::from(month < 2);
    let name = usize::try_from(month)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"Jan");
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{day:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
}

/// Converts a function's result to a response. Returns `None` if API Gateway rejects the result as malformed.
fn response_from_result(answer: &Value) -> Option<Response<Body>> {
    let Value::Object(members) = answer else {
        return Some(response_without_status(answer));
    };
    if !members.contains_key("statusCode") {
        // A failed function returns an error object, which is not a response.
        return (!members.contains_key("errorType")).then(|| response_without_status(answer));
    }
    let status = members.get("statusCode")?.as_u64()?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    let text = match members.get("body") {
        None | Some(Value::Null) => "",
        Some(body) => body.as_str()?,
    };
    let encoded = members
        .get("isBase64Encoded")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    let body = if encoded {
        STANDARD.decode(text).ok()?
    } else {
        text.as_bytes().to_vec()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    if let Some(Value::Object(headers)) = members.get("headers") {
        for (name, value) in headers {
            let value = match value {
                Value::String(value) => value.clone(),
                Value::Null => continue,
                other => other.to_string(),
            };
            let name = HeaderName::try_from(name.as_str()).ok()?;
            // The server sets the length.
            if name != header::CONTENT_LENGTH {
                response.headers_mut().insert(name, HeaderValue::try_from(value).ok()?);
            }
        }
    }
    if let Some(Value::Array(cookies)) = members.get("cookies") {
        for cookie in cookies {
            response
                .headers_mut()
                .append(header::SET_COOKIE, HeaderValue::try_from(cookie.as_str()?).ok()?);
        }
    }
    Some(response)
}

/// Payload format 2.0 treats a result without `statusCode` as the body of a 200 response.
fn response_without_status(answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.to_string()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use reqwest::Client;

    use super::*;
    use crate::{Addresses, Endpoint, Options, Sandbox};

    struct Front {
        _sandbox: Sandbox,
        origin: String,
        http: Client,
        events: Arc<Mutex<Vec<Value>>>,
    }

    /// Starts a gateway with one function, which records the event and returns `answer`.
    async fn front(method: &str, path: &str, answer: Value) -> Front {
        let events = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&events);
        let route = Route::new(method, path, move |event| {
            noted.lock().unwrap().push(event);
            let answer = answer.clone();
            async move {
                if answer == json!("panic") {
                    panic!("as told")
                } else {
                    answer
                }
            }
        });
        let nowhere = || Endpoint::External("http://127.0.0.1:9".to_owned());
        let options = Options {
            spotify: nowhere(),
            site: nowhere(),
            dynamodb: nowhere(),
            secrets_manager: nowhere(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options, async |_: Addresses| Ok(vec![route]))
            .await
            .unwrap();
        let origin = sandbox.addresses().gateway.clone();
        let http = crate::support::client();
        Front {
            _sandbox: sandbox,
            origin,
            http,
            events,
        }
    }

    fn ok() -> Value {
        json!({"statusCode": 200, "body": "ok"})
    }

    #[tokio::test]
    async fn an_event_follows_payload_format_2_0() {
        let front = front("GET", "/partners/{partner_id}/entrypoint", ok()).await;
        let url = format!("{}/partners/p%2Bq/entrypoint?a=1&a=2&b=%20x&c", front.origin);
        let request = front.http.get(url).header("cookie", "x=1; y=2").header("cookie", "z=3");
        let answer = request
            .header("accept", "a/b")
            .header("accept", "c/d")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let event = front.events.lock().unwrap().remove(0);
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["routeKey"], "GET /partners/{partner_id}/entrypoint");
        assert_eq!(event["rawPath"], "/partners/p+q/entrypoint");
        assert_eq!(event["rawQueryString"], "a=1&a=2&b=%20x&c");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": " x", "c": ""}));
        assert_eq!(event["pathParameters"], json!({"partner_id": "p+q"}));
        assert_eq!(event["cookies"], json!(["x=1", "y=2", "z=3"]));
        assert_eq!(event["headers"]["accept"], "a/b,c/d");
        assert!(event["headers"].get("cookie").is_none());
        assert_eq!(event["isBase64Encoded"], false);
        assert!(event.get("body").is_none());
        let context = &event["requestContext"];
        assert_eq!(context["http"]["method"], "GET");
        assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
        assert_eq!(context["stage"], "$default");
        assert_eq!(
            answer.headers()["apigw-requestid"],
            context["requestId"].as_str().unwrap()
        );
    }

    #[tokio::test]
    async fn text_bodies_stay_text_and_other_bodies_are_base64() {
        let front = front("POST", "/unlink", ok()).await;
        for (media_type, body, encoded) in [
            (Some("application/json; charset=utf-8"), "{}", None),
            (Some("text/plain"), "é", None),
            (Some("application/x-www-form-urlencoded"), "a=b", Some("YT1i")),
            (Some("application/jwt"), "a.b.c", Some("YS5iLmM=")),
            (None, "x", Some("eA==")),
        ] {
            let mut request = front.http.post(format!("{}/unlink", front.origin)).body(body);
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            request.send().await.unwrap();
            let event = front.events.lock().unwrap().remove(0);
            assert_eq!(event["isBase64Encoded"], encoded.is_some(), "{media_type:?}");
            assert_eq!(event["body"], encoded.unwrap_or(body), "{media_type:?}");
        }
    }

    #[tokio::test]
    async fn a_response_has_the_functions_status_headers_and_separate_cookies() {
        let answer = json!({
            "statusCode": 302,
            "headers": {"Location": "https://example.com/?a=b%20c", "X-Number": 3},
            "multiValueHeaders": {"X-Ignored": ["1"]},
            "cookies": ["a=1; Path=/", "b=2; Path=/"],
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        let front = front("ANY", "/callback", answer).await;
        let response = front
            .http
            .get(format!("{}/callback", front.origin))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 302);
        assert_eq!(response.headers()["location"], "https://example.com/?a=b%20c");
        assert_eq!(response.headers()["x-number"], "3");
        assert!(response.headers().get("x-ignored").is_none());
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2; Path=/"]);
        assert_eq!(response.text().await.unwrap(), "hi");
    }

    #[tokio::test]
    async fn a_request_without_a_route_gets_api_gateways_not_found() {
        let front = front("GET", "/callback", ok()).await;
        for request in [
            front.http.get(format!("{}/callback/", front.origin)),
            front.http.get(format!("{}/", front.origin)),
            front.http.post(format!("{}/callback", front.origin)),
            front.http.head(format!("{}/callback", front.origin)),
        ] {
            assert_eq!(request.send().await.unwrap().status(), 404);
        }
        let answer = front
            .http
            .get(format!("{}/nothing", front.origin))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), r#"{"message":"Not Found"}"#);
        assert!(front.events.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_oversized_request_is_refused_before_a_function_runs() {
        let front = front("ANY", "/callback", ok()).await;
        let url = format!("{}/callback", front.origin);
        let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
        assert_eq!(
            status(front.http.get(format!("{url}?{}", "x".repeat(10_240)))).await,
            414
        );
        assert_eq!(status(front.http.get(&url).header("x", "x".repeat(10_240))).await, 431);
        assert_eq!(
            status(front.http.post(&url).body(vec![0; 6 * 1024 * 1024 + 1])).await,
            413
        );
        assert_eq!(
            status(front.http.post(&url).body(vec![0; 5 * 1024 * 1024])).await,
            413,
            "base64 makes it larger"
        );
        assert!(front.events.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_failed_function_is_an_internal_server_error() {
        for answer in [
            json!("panic"),
            json!({"errorType": "E", "errorMessage": "no"}),
            json!({"statusCode": 200, "headers": {"X": "a\r\nb"}}),
            json!({"statusCode": "x"}),
            json!({"statusCode": 99}),
        ] {
            let front = front("GET", "/x", answer).await;
            let response = front.http.get(format!("{}/x", front.origin)).send().await.unwrap();
            assert_eq!(response.status(), 500);
            assert_eq!(response.text().await.unwrap(), r#"{"message":"Internal Server Error"}"#);
        }
        let front = front("GET", "/x", json!({"any": 1})).await;
        let response = front.http.get(format!("{}/x", front.origin)).send().await.unwrap();
        assert_eq!(
            response.text().await.unwrap(),
            r#"{"any":1}"#,
            "format 2.0 infers an answer"
        );
    }

    #[test]
    fn a_time_has_the_common_log_format() {
        assert_eq!(common_log_time(0), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(common_log_time(1_583_348_638), "04/Mar/2020:19:03:58 +0000");
        assert_eq!(common_log_time(1_709_164_800), "29/Feb/2024:00:00:00 +0000");
    }
}
