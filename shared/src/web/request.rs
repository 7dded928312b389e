//! Strict parsing of API Gateway HTTP API events (payload format 2.0).
//!
//! The conversion of `lambda_http` to `http::Request` is not used: it panics if path and query are not a URI, drops cookies that are not ASCII, and joins
//! repeated parameters. Its event type is not used either, because most of it is never read here.

use std::collections::HashMap;

use http::{HeaderMap, Method, header};
use serde::Deserialize;
use url::form_urlencoded;

use super::Route;
use crate::{encoding::from_base64, i18n::Language, urls::PublicUrl};

/// Upper bound of a query or form, in bytes. API Gateway's limit for request line and headers is 10 KB.
const MAX_QUERY_BYTES: usize = 8 * 1024;
/// Upper bound of the number of cookies.
const MAX_COOKIES: usize = 128;
/// Upper bound of all cookies together, in bytes.
const MAX_COOKIES_BYTES: usize = 10 * 1024;
/// Upper bound of the number of headers.
const MAX_HEADERS: usize = 128;
/// Upper bound of all headers together, in bytes: API Gateway's limit plus the headers that it adds.
const MAX_HEADERS_BYTES: usize = 16 * 1024;
/// Upper bound of a body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Content types that a form of a page can have (HTML Living Standard, form submission).
const FORM_TYPES: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// Why a request is rejected before it is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A part of the request that cannot be read, or not in exactly one way.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// No journey can begin at the path.
    #[error("no such path")]
    NotFound,
    /// The request exceeds our bounds.
    #[error("too large")]
    TooLarge,
    /// A form that did not come from our own page.
    #[error("form: {0}")]
    InvalidForm(&'static str),
}

/// An HTTP request.
pub struct Request {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: Vec<u8>,
    id: String,
    route_key: String,
}

/// What is read of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<HashMap<String, String>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    route_key: Option<String>,
    request_context: RequestContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    http: HttpDescription,
    request_id: Option<String>,
    route_key: Option<String>,
}

#[derive(Deserialize)]
struct HttpDescription {
    method: String,
}

impl Request {
    /// Reads an event of an HTTP API (payload format 2.0).
    ///
    /// # Errors
    /// [`RequestError::Malformed`] if it has another form, [`RequestError::TooLarge`] if headers, cookies or body exceed our bounds.
    pub fn from_event(event: &str) -> Result<Self, RequestError> {
        let malformed = RequestError::Malformed("event");
        let event: Event = serde_json::from_str(event).map_err(|_| malformed)?;
        let method = event.request_context.http.method.parse().map_err(|_| malformed)?;
        let headers = event.headers.unwrap_or_default();
        let sizes = headers.iter().map(|(name, value)| name.len() + value.len());
        if headers.len() > MAX_HEADERS || sizes.sum::<usize>() > MAX_HEADERS_BYTES {
            return Err(RequestError::TooLarge);
        }
        let headers: HeaderMap = (&headers).try_into().map_err(|_| malformed)?;
        let body = match (event.body, event.is_base64_encoded) {
            (Some(body), _) if body.len() > MAX_BODY_BYTES * 4 / 3 + 4 => return Err(RequestError::TooLarge),
            (Some(body), true) => from_base64(&body).ok_or(RequestError::Malformed("body"))?,
            (Some(body), false) => body.into_bytes(),
            (None, _) => Vec::new(),
        };
        if body.len() > MAX_BODY_BYTES {
            return Err(RequestError::TooLarge);
        }
        let mut cookies = event.cookies.unwrap_or_default();
        if cookies.is_empty() {
            // Emulators leave cookies in the header `Cookie`.
            let values = headers.get_all(header::COOKIE).into_iter();
            cookies = values
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(';'))
                .map(|cookie| cookie.trim().to_owned())
                .collect();
        }
        if cookies.len() > MAX_COOKIES || cookies.iter().map(String::len).sum::<usize>() > MAX_COOKIES_BYTES {
            return Err(RequestError::TooLarge);
        }
        Ok(Self {
            method,
            path: event.raw_path.unwrap_or_default(),
            query: event.raw_query_string.unwrap_or_default(),
            headers,
            cookies,
            body,
            id: event.request_context.request_id.unwrap_or_default(),
            route_key: event.request_context.route_key.or(event.route_key).unwrap_or_default(),
        })
    }

    /// API Gateway's request id, which is also in the log; `unknown` if it has an unusual form, because a direct invocation can set any id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
        if (1..=64).contains(&self.id.len()) && self.id.bytes().all(is_usual) {
            &self.id
        } else {
            "unknown"
        }
    }

    /// The route of the path; `None` if no route can match it.
    #[must_use]
    pub fn route(&self) -> Option<Route<'_>> {
        Route::parse(&self.path)
    }

    /// The path before the route's own, where a mapping of the custom domain puts the API: API Gateway leaves it in the path.
    #[must_use]
    pub fn path_mapping(&self) -> Option<&str> {
        let (_, route) = self.route_key.split_once(' ')?;
        let cut = self
            .path
            .rmatch_indices('/')
            .nth(route.matches('/').count().checked_sub(1)?)?
            .0;
        let (mapping, rest) = self.path.split_at_checked(cut)?;
        let is_its_route = rest
            .split('/')
            .zip(route.split('/'))
            .all(|(part, wanted)| part == wanted || wanted.starts_with('{') && !part.is_empty());
        let is_usual = |byte: u8| byte.is_ascii_graphic() && !b"\\\"%?#".contains(&byte);
        let mapping = mapping
            .strip_prefix('/')
            .filter(|mapping| mapping.bytes().all(is_usual));
        mapping.filter(|mapping| is_its_route && (1..=64).contains(&mapping.len()))
    }

    /// The path, unchanged. After the check by [`Self::route`], it is part of the audience of a signed request.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query's parameters.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`] if it exceeds our bounds.
    pub fn query(&self) -> Result<Query, RequestError> {
        Query::parse(&self.query)
    }

    /// The fields of a posted form.
    ///
    /// # Errors
    /// As [`Self::query`], and [`RequestError::Malformed`] if the body is not UTF-8.
    pub fn form(&self) -> Result<Query, RequestError> {
        Query::parse(self.body_text()?)
    }

    /// The body.
    ///
    /// # Errors
    /// [`RequestError::Malformed`] if it is not UTF-8.
    pub fn body_text(&self) -> Result<&str, RequestError> {
        std::str::from_utf8(&self.body).map_err(|_| RequestError::Malformed("body"))
    }

    /// The value of a header; `None` if it is absent or not visible ASCII. API Gateway joins repeated headers with commas, which no value that we use contains.
    #[must_use]
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body has this media type, parameters aside.
    #[must_use]
    pub fn has_content_type(&self, media_type: &str) -> bool {
        let content_type = self.header(header::CONTENT_TYPE).unwrap_or_default();
        content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case(media_type)
    }

    /// Whether a browser may have sent the body as a form: with an `Origin`, or with a content type of forms or none and no compact JWS as body.
    #[must_use]
    pub fn may_be_form(&self) -> bool {
        let has_form_type = FORM_TYPES.iter().any(|form_type| self.has_content_type(form_type));
        let is_form = has_form_type || self.header(header::CONTENT_TYPE).is_none();
        let body = self.body.trim_ascii();
        let is_jws = body.starts_with(b"ey") && body.split(|byte| *byte == b'.').count() == 3;
        self.headers.contains_key(header::ORIGIN) || is_form && !is_jws
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Requires that one of our own pages sent the form: `Origin` is our origin, and `Sec-Fetch-Site`, if present, is `same-origin`.
    ///
    /// # Errors
    /// [`RequestError::InvalidForm`] with the header at fault; a missing `Origin` is rejected too.
    pub fn require_same_origin(&self, public_url: &PublicUrl) -> Result<(), RequestError> {
        if self
            .headers
            .get(header::ORIGIN)
            .is_none_or(|origin| origin != public_url.as_str())
        {
            return Err(RequestError::InvalidForm("origin"));
        }
        if self
            .headers
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin")
        {
            return Err(RequestError::InvalidForm("sec-fetch-site"));
        }
        Ok(())
    }

    /// The supported language that the browser prefers.
    #[must_use]
    pub fn language(&self) -> Language {
        Language::accepted(self.header(header::ACCEPT_LANGUAGE).unwrap_or_default())
    }

    /// Whether the response will be shown in a frame (Fetch Metadata, `Sec-Fetch-Dest`).
    #[must_use]
    pub fn is_framed(&self) -> bool {
        let destination = self.headers.get("sec-fetch-dest");
        destination.is_some_and(|destination| destination == "iframe" || destination == "frame")
    }

    /// Whether a browser loads the resource before the person has asked for it, and perhaps in vain: `Sec-Purpose` (Fetch §3.3.4), and the older `Purpose` and
    /// `X-Moz`.
    #[must_use]
    pub fn is_prefetch(&self) -> bool {
        ["sec-purpose", "purpose", "x-moz"].iter().any(|name| {
            let values = self.headers.get_all(*name).iter();
            let mut tokens = values
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split([';', ',', ' ']));
            tokens.any(|token| {
                ["prefetch", "prerender", "preview"]
                    .iter()
                    .any(|early| token.eq_ignore_ascii_case(early))
            })
        })
    }

    /// The value of a cookie; `None` if it is absent.
    ///
    /// # Errors
    /// [`RequestError::Malformed`] if it appears twice: an attacker may have set one of them.
    pub fn cookie(&self, name: &str) -> Result<Option<&str>, RequestError> {
        let mut values = self.cookie_values(name);
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(RequestError::Malformed("cookie")),
            (value, _) => Ok(value),
        }
    }

    /// Whether there is a cookie of this name, valid or not.
    #[must_use]
    pub fn has_cookie(&self, name: &str) -> bool {
        self.cookie_values(name).next().is_some()
    }

    /// All values of a cookie that others set. A browser sends a cookie twice if it was set for two domains or paths (RFC 6265 §4.2.2).
    pub fn cookie_values(&self, name: &str) -> impl Iterator<Item = &str> {
        let pairs = self.cookies.iter().filter_map(|cookie| cookie.split_once('='));
        pairs
            .filter(move |(its_name, _)| *its_name == name)
            .map(|(_, value)| value)
    }
}

/// The parameters of a query or a form. A parameter that no one asks for is not read (RFC 6749 §3.1), however it is written.
#[derive(Default)]
pub struct Query(Vec<Parameter>);

/// One parameter, as it was sent.
struct Parameter {
    /// The decoded name.
    name: String,
    /// The whole pair, still encoded.
    raw: String,
}

impl Parameter {
    fn parse(raw: &str) -> Self {
        let mut pairs = form_urlencoded::parse(raw.as_bytes());
        let name = pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default();
        let raw = raw.to_owned();
        Self { name, raw }
    }

    /// Whether parsers exist that treat this name as `name` (`State`, `state[]`).
    fn is_like(&self, name: &str) -> bool {
        let stem = self.name.split('[').next().unwrap_or_default();
        stem.trim().eq_ignore_ascii_case(name)
    }

    /// The value; `None` if it is not form-urlencoded UTF-8 without control characters. Bytes that are not UTF-8 become U+FFFD, which no value contains.
    fn value(&self) -> Option<String> {
        let (_, value) = form_urlencoded::parse(self.raw.as_bytes()).next()?;
        let is_strange = |character: char| character.is_control() || character == '\u{fffd}';
        (is_form_urlencoded(&self.raw) && !value.chars().any(is_strange)).then(|| value.into_owned())
    }
}

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, RequestError> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(RequestError::TooLarge);
        }
        let parameters = text.split('&').filter(|raw| !raw.is_empty());
        Ok(Self(parameters.map(Parameter::parse).collect()))
    }

    /// The value of a parameter; `None` if it is absent.
    ///
    /// # Errors
    /// [`RequestError::Malformed`] if it is not form-urlencoded UTF-8, if it appears twice (RFC 6749 §3.1), or in a spelling that other parsers treat as the
    /// same name (`State`, `state[]`).
    pub fn single(&self, name: &str) -> Result<Option<String>, RequestError> {
        let malformed = RequestError::Malformed("query");
        let mut alike = self.0.iter().filter(|parameter| parameter.is_like(name));
        match (alike.next(), alike.next()) {
            (None, _) => Ok(None),
            (Some(parameter), None) if parameter.name == name => parameter.value().map(Some).ok_or(malformed),
            _ => Err(malformed),
        }
    }
}

/// Whether every `%` is followed by two hexadecimal digits and every other byte is visible ASCII.
fn is_form_urlencoded(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(place, byte)| match byte {
        b'%' => bytes
            .get(place + 1..place + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_graphic(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn request(path: &str, query: &str, cookies: &[&str]) -> Request {
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies, "headers": {},
            "requestContext": {"http": {"method": "GET", "path": path}, "requestId": "id"}, "isBase64Encoded": false,
        });
        Request::from_event(&event.to_string()).map_err(|_| "refused").unwrap()
    }

    #[test]
    fn a_route_may_name_a_partner() {
        let name = |path: &str| {
            request(path, "", &[])
                .route()
                .map(|route| (route.partner_id.map(|id| id.to_string()), route.name.to_owned()))
        };
        assert_eq!(name("/entrypoint"), Some((None, "entrypoint".into())));
        assert_eq!(
            name("/partners/abc/unlink"),
            Some((Some("abc".into()), "unlink".into()))
        );
        for none in [
            "",
            "entrypoint",
            "/partners/a%2fb/unlink",
            "/partners//unlink",
            "/partners/abc",
        ] {
            assert_eq!(name(none), None, "{none}");
        }
        for other in [
            "//entrypoint",
            "/Entrypoint",
            "/entrypoint/",
            "/partners/abc/../entrypoint",
            "/entrypoint;x",
            "/%65ntrypoint",
        ] {
            assert!(
                !matches!(name(other), Some((_, name)) if name == "entrypoint"),
                "{other}"
            );
        }
    }

    #[test]
    fn an_ambiguous_parameter_is_rejected() {
        let one = |query: &str| request("/", query, &[]).query().and_then(|query| query.single("state"));
        assert_eq!(one("state=a&code=b").ok(), Some(Some("a".into())));
        assert_eq!(one("code=b").ok(), Some(None));
        assert_eq!(one("state=a+b%20c").ok(), Some(Some("a b c".into())));
        for bad in [
            "state=a&state=a",
            "state=a&State=b",
            "state[]=a",
            "state=a&state[]=b",
            "state[0]=a",
            "STATE=a",
        ] {
            assert!(one(bad).is_err(), "{bad}");
        }
        for bad in [
            "state=%FF",
            "state=%C0%80",
            "state=%00",
            "state=%ZZ",
            "state=%",
            "state=%4",
            "state=%ED%A0%80",
            "state=%0A",
            "state=ä",
        ] {
            assert!(one(bad).is_err(), "{bad}");
        }
        assert!(one(&format!("state={}", "a".repeat(9000))).is_err());
    }

    #[test]
    fn a_parameter_that_is_not_asked_for_is_not_read() {
        let state = |query: &str| request("/", query, &[]).query().and_then(|query| query.single("state"));
        for other in [
            "utm_campaign=50%off",
            "utm_campaign=caf%E9",
            "utm_campaign=café",
            "a=%",
            "%ZZ=1",
            "%FF",
            "x=%00%0A",
            "utm=a&utm=b&UTM=c&utm[]=d",
            "=",
            "&&",
            "state2=%FF&my_state=%FF&sta%FFte=x",
            &"x&".repeat(2000),
        ] {
            for query in [format!("{other}&state=a"), format!("state=a&{other}")] {
                assert_eq!(state(&query).ok(), Some(Some("a".to_owned())), "{query}");
            }
        }
    }

    #[test]
    fn a_repeated_cookie_is_rejected() {
        let cookie = |cookies: &[&str]| {
            request("/", "", cookies)
                .cookie("a")
                .map(|value| value.map(str::to_owned))
        };
        assert_eq!(cookie(&["b=2", "a=1=1"]).ok(), Some(Some("1=1".into())));
        assert_eq!(cookie(&["aa=1", "A=1", "a"]).ok(), Some(None));
        assert!(cookie(&["a=1", "a=2"]).is_err());
        assert!(cookie(&["a=1", "a=1"]).is_err());
        let all = request("/", "", &["a=1", "b=2", "a=", "a=3"]);
        assert_eq!(all.cookie_values("a").collect::<Vec<_>>(), ["1", "", "3"]);
    }

    proptest! {
        #[test]
        fn no_query_panics(text: String, name in "[a-z]{0,8}") {
            if let Ok(query) = Query::parse(&text) { let _ = query.single(&name); }
        }

        #[test]
        fn form_urlencoded_pairs_read_back_unchanged(pairs in proptest::collection::vec(("[a-z]{1,8}", "[^\\pC\u{fffd}]{0,40}"), 0..10)) {
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let query = Query::parse(&text).map_err(|_| "refused").unwrap();
            let read: Vec<_> = query.0.iter().map(|parameter| (parameter.name.clone(), parameter.value().unwrap())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn no_event_panics(path: String, query: String, cookie: String, header in "[ -~]{0,40}", body: Option<String>, encoded: bool) {
            let event = json!({
                "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": [cookie], "headers": {"x": header, "host": header},
                "requestContext": {"http": {"method": "GET"}, "requestId": path}, "body": body, "isBase64Encoded": encoded,
            });
            if let Ok(request) = Request::from_event(&event.to_string()) {
                let _ = (request.route(), request.query().is_ok(), request.form().is_ok(), request.cookie("a").is_ok());
            }
        }
    }
}
