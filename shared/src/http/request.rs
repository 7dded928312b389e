//! An API Gateway HTTP API event (payload format 2.0), read strictly.
//!
//! `lambda_http` would turn the event into an `http::Request` itself, but it panics where path or query make no URI, loses cookies that
//! are not ASCII, and joins repeated parameters as API Gateway does; so only its event types are used, and the raw query is read here.

use lambda_http::{
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    http::{HeaderMap, Method, header},
};
use serde_json::Value;
use url::form_urlencoded;

use super::{BROWSER_COOKIE, Language, Problem};
use crate::{config::PublicUrl, encoding::from_base64, oauth::browser_binding::BrowserBindings, partner::PartnerId};

/// The longest query read, in bytes: API Gateway takes 10 KB of request line and headers.
const LONGEST_QUERY: usize = 8 * 1024;
/// The most parameters of a query or form.
const MOST_PARAMETERS: usize = 64;
/// The most cookies, and their bytes.
const MOST_COOKIES: usize = 128;
const LONGEST_COOKIES: usize = 10 * 1024;
/// The most headers, and their bytes: what API Gateway takes, which adds some of its own.
const MOST_HEADERS: usize = 128;
const LONGEST_HEADERS: usize = 16 * 1024;
/// The longest body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// One request.
pub struct Request {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: Vec<u8>,
    id: String,
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The partner of `/partners/{partner_id}/…`.
    pub partner_id: Option<PartnerId>,
    /// What comes after, without the slash.
    pub name: &'a str,
}

impl<'a> Route<'a> {
    /// What a path names.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        match path.strip_prefix("partners/") {
            Some(path) => {
                let (partner_id, name) = path.split_once('/')?;
                Some(Self {
                    partner_id: Some(PartnerId::parse(partner_id).ok()?),
                    name,
                })
            }
            None => Some(Self {
                partner_id: None,
                name: path,
            }),
        }
    }
}

impl Request {
    /// Takes an event.
    pub(super) fn of_event(event: Value) -> Result<Self, Problem> {
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event).map_err(|_| Problem::Malformed("event"))?;
        let sizes = event
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        if event.headers.len() > MOST_HEADERS || sizes.sum::<usize>() > LONGEST_HEADERS {
            return Err(Problem::TooLarge);
        }
        let body = match (event.body, event.is_base64_encoded) {
            (Some(body), _) if body.len() > LONGEST_BODY * 4 / 3 + 4 => return Err(Problem::TooLarge),
            (Some(body), true) => from_base64(&body).ok_or(Problem::Malformed("body"))?,
            (Some(body), false) => body.into_bytes(),
            (None, _) => Vec::new(),
        };
        if body.len() > LONGEST_BODY {
            return Err(Problem::TooLarge);
        }
        let mut cookies = event.cookies.unwrap_or_default();
        if cookies.is_empty() {
            // Emulators leave them in the header.
            let headers = event
                .headers
                .get_all(header::COOKIE)
                .into_iter()
                .filter_map(|value| value.to_str().ok());
            cookies = headers
                .flat_map(|value| value.split(';'))
                .map(|cookie| cookie.trim().to_owned())
                .collect();
        }
        if cookies.len() > MOST_COOKIES || cookies.iter().map(String::len).sum::<usize>() > LONGEST_COOKIES {
            return Err(Problem::TooLarge);
        }
        Ok(Self {
            method: event.request_context.http.method,
            path: event.raw_path.unwrap_or_default(),
            query: event.raw_query_string.unwrap_or_default(),
            headers: event.headers,
            cookies,
            body,
            id: event.request_context.request_id.unwrap_or_default(),
        })
    }

    /// API Gateway's id of the request. Comes from outside when a function is invoked directly: cleaned before it is shown.
    pub(super) fn given_id(&self) -> &str {
        &self.id
    }

    /// What the path names, unless it is none of ours.
    #[must_use]
    pub fn route(&self) -> Option<Route<'_>> {
        Route::of(&self.path)
    }

    /// The path as it came, for the audience of a signed request: only after [`Self::route`] found it to be ours.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query's parameters.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it is not plain form-urlencoded UTF-8, [`Problem::TooLarge`] when there is too much of it.
    pub fn query(&self) -> Result<Query, Problem> {
        Query::parse(&self.query)
    }

    /// The fields of a form that was posted.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn form(&self) -> Result<Query, Problem> {
        Query::parse(self.body_text()?)
    }

    /// The body.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it is not UTF-8.
    pub fn body_text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.body).map_err(|_| Problem::Malformed("body"))
    }

    /// A header's value, if it is there once and readable. API Gateway joins repeats with commas, which no single value of ours has.
    #[must_use]
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body is of this media type, parameters aside.
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

    /// The method, when it is one of those that the path has.
    ///
    /// # Errors
    /// [`Problem::MethodNotAllowed`] with `methods`, as `Allow` lists them.
    pub fn only(&self, methods: &'static str) -> Result<&Method, Problem> {
        let known = methods.split(", ").any(|method| method == self.method.as_str());
        if known {
            Ok(&self.method)
        } else {
            Err(Problem::MethodNotAllowed(methods))
        }
    }

    /// Whether a form came from a page of ours: the browser says our origin, and does not say that another site had it sent.
    ///
    /// # Errors
    /// [`Problem::Form`], also when the browser says nothing.
    pub fn must_be_from_our_page(&self, public_url: &PublicUrl) -> Result<(), Problem> {
        if self
            .headers
            .get(header::ORIGIN)
            .is_none_or(|origin| origin != public_url.as_str())
        {
            return Err(Problem::Form("origin"));
        }
        if self
            .headers
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin")
        {
            return Err(Problem::Form("sec-fetch-site"));
        }
        Ok(())
    }

    /// The browser's bindings, as its cookie has them.
    ///
    /// # Errors
    /// As [`Self::cookie`].
    pub fn browser(&self) -> Result<BrowserBindings, Problem> {
        Ok(BrowserBindings::parse(self.cookie(BROWSER_COOKIE)?.unwrap_or_default()))
    }

    /// The language that the browser likes best among ours.
    #[must_use]
    pub fn language(&self) -> Language {
        Language::accepted(self.header(header::ACCEPT_LANGUAGE).unwrap_or_default())
    }

    /// Whether a page of another is to hold the answer in a frame (Fetch Metadata).
    #[must_use]
    pub fn is_for_a_frame(&self) -> bool {
        let destination = self.headers.get("sec-fetch-dest");
        destination.is_some_and(|destination| destination == "iframe" || destination == "frame")
    }

    /// A cookie's value.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it is there twice: one of them may be planted, and nobody can tell which.
    pub fn cookie(&self, name: &str) -> Result<Option<&str>, Problem> {
        let pairs = self.cookies.iter().filter_map(|cookie| cookie.split_once('='));
        let mut values = pairs.filter(|(its_name, _)| *its_name == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(Problem::Malformed("cookie")),
            (value, _) => Ok(value),
        }
    }
}

/// The parameters of a query or a form.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > LONGEST_QUERY {
            return Err(Problem::TooLarge);
        }
        if !is_form_urlencoded(text) {
            return Err(Problem::Malformed("query"));
        }
        let parameters: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        if parameters.len() > MOST_PARAMETERS {
            return Err(Problem::TooLarge);
        }
        // What was not UTF-8 has become U+FFFD; whoever sends that character itself is none of ours either.
        let strange = |text: &String| {
            text.chars()
                .any(|character| character.is_control() || character == '\u{fffd}')
        };
        // What a provider says in words of its own is never read, and some break it into lines (Entra).
        let read = |name: &str| !["error_description", "error_uri"].contains(&name);
        if parameters
            .iter()
            .any(|(name, value)| strange(name) || read(name) && strange(value))
        {
            return Err(Problem::Malformed("query"));
        }
        Ok(Self(parameters))
    }

    /// A parameter's value.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it is there twice (RFC 6749 §3.1), or beside a spelling that other parsers would take for it
    /// (`State`, `state[]`).
    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let alike = |other: &str| {
            other
                .split('[')
                .next()
                .unwrap_or_default()
                .trim()
                .eq_ignore_ascii_case(name)
        };
        let mut alike = self.0.iter().filter(|(other, _)| alike(other));
        match (alike.next(), alike.next()) {
            (None, _) => Ok(None),
            (Some((its_name, value)), None) if its_name == name => Ok(Some(value)),
            _ => Err(Problem::Malformed("query")),
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
        Request::of_event(event).map_err(|_| "refused").unwrap()
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
    fn a_parameter_that_can_be_read_in_two_ways_is_refused() {
        let one = |query: &str| {
            request("/", query, &[])
                .query()
                .and_then(|query| query.one("state").map(|value| value.map(str::to_owned)))
        };
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
        assert!(one(&"x&".repeat(2000)).is_err());
        assert!(one(&format!("state={}", "a".repeat(9000))).is_err());
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_refused() {
        let cookie = |cookies: &[&str]| {
            request("/", "", cookies)
                .cookie("a")
                .map(|value| value.map(str::to_owned))
        };
        assert_eq!(cookie(&["b=2", "a=1=1"]).ok(), Some(Some("1=1".into())));
        assert_eq!(cookie(&["aa=1", "A=1", "a"]).ok(), Some(None));
        assert!(cookie(&["a=1", "a=2"]).is_err());
        assert!(cookie(&["a=1", "a=1"]).is_err());
    }

    proptest! {
        #[test]
        fn no_query_is_a_panic(text: String, name in "[a-z]{0,8}") {
            if let Ok(query) = Query::parse(&text) { let _ = query.one(&name); }
        }

        #[test]
        fn what_is_form_urlencoded_reads_back(pairs in proptest::collection::vec(("[a-z]{1,8}", "[^\\pC\u{fffd}]{0,40}"), 0..10)) {
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            prop_assert_eq!(Query::parse(&text).map_err(|_| "refused").unwrap().0, pairs);
        }

        #[test]
        fn no_event_is_a_panic(path: String, query: String, cookie: String, header in "[ -~]{0,40}", body: Option<String>, encoded: bool) {
            let event = json!({
                "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": [cookie], "headers": {"x": header, "host": header},
                "requestContext": {"http": {"method": "GET"}, "requestId": path}, "body": body, "isBase64Encoded": encoded,
            });
            if let Ok(request) = Request::of_event(event) {
                let _ = (request.route(), request.query().is_ok(), request.form().is_ok(), request.cookie("a").is_ok());
            }
        }
    }
}
