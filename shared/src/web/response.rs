//! Responses: redirects, pages, JSON and empty ones, all with the same security headers and a Content-Security-Policy.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lambda_http::aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use url::Url;

use crate::{cookie, telemetry::Code};

const NO_FRAME: &str = "frame-ancestors 'none'";
/// The Content-Security-Policy of every response but a page: loads nothing, and is shown in no frame.
const NO_CONTENT: &str = "default-src 'none'; frame-ancestors 'none'";

/// A response.
#[derive(Debug)]
pub struct Response {
    /// What happened, for the log.
    pub code: Code,
    status: StatusCode,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: String,
}

/// A page, with what its Content-Security-Policy must allow.
#[derive(Debug)]
pub struct Html {
    /// The whole document.
    pub document: String,
    /// The SHA-256 of its style sheet, in base64.
    pub style_hash: String,
    /// The sources of its images: origins, and `data:` for an icon in the page itself.
    pub image_sources: Vec<String>,
    /// Its language (BCP 47).
    pub language: &'static str,
}

impl Response {
    fn new(code: Code, status: StatusCode) -> Self {
        let response = Self {
            code,
            status,
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            body: String::new(),
        };
        response.with_header(header::CONTENT_SECURITY_POLICY, NO_CONTENT)
    }

    /// A 302 to `location`, unchanged. Never a 307, which would forward a form (RFC 9700 §4.12). Returns `None` if `location` cannot be a header's value.
    #[must_use]
    pub fn redirect(code: Code, location: &str) -> Option<Self> {
        let location = HeaderValue::try_from(location).ok()?;
        let mut response = Self::new(code, StatusCode::FOUND);
        response.headers.insert(header::LOCATION, location);
        Some(response)
    }

    /// A JSON response.
    #[must_use]
    pub fn json(code: Code, status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(code, status).with_body("application/json", value.to_string())
    }

    /// An error for a program: problem+json (RFC 9457).
    #[must_use]
    pub fn problem_json(code: Code, status: StatusCode, problem: &serde_json::Value) -> Self {
        Self::new(code, status).with_body("application/problem+json", problem.to_string())
    }

    /// An empty response with status 204.
    #[must_use]
    pub fn no_content(code: Code) -> Self {
        Self::new(code, StatusCode::NO_CONTENT)
    }

    /// An empty response with status 425 (RFC 8470 §5.2): the request came before the person asked for it.
    #[must_use]
    pub fn too_early(code: Code) -> Self {
        Self::new(code, StatusCode::TOO_EARLY)
    }

    /// A page. Its Content-Security-Policy allows only its style sheet and its images: no script, no frame.
    #[must_use]
    pub fn html(code: Code, status: StatusCode, page: Html) -> Self {
        let images = match page.image_sources.as_slice() {
            [] => String::new(),
            origins => format!("img-src {}; ", origins.join(" ")),
        };
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; {images}form-action 'self'; base-uri 'none'; {NO_FRAME}",
            page.style_hash
        );
        Self::new(code, status)
            .with_body("text/html; charset=utf-8", page.document)
            .with_header(header::CONTENT_LANGUAGE, page.language)
            .with_header(header::CONTENT_SECURITY_POLICY, &policy)
    }

    fn with_body(mut self, content_type: &'static str, body: String) -> Self {
        self.headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body;
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, which may be empty.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Sets the browser's bindings to `value` for `seconds`; `None` removes them.
    #[must_use]
    pub fn with_browser_cookie(self, value: Option<&str>, seconds: i64) -> Self {
        self.with_cookie(cookie::set_browser_cookie(value, seconds))
    }

    /// Sets the visit cookie; `None` removes it.
    #[must_use]
    pub fn with_visit_cookie(self, value: Option<&str>) -> Self {
        self.with_cookie(cookie::set_visit_cookie(value))
    }

    /// Adds a `Set-Cookie` header.
    #[must_use]
    pub fn with_cookie(mut self, set_cookie: String) -> Self {
        self.cookies.push(set_cookie);
        self
    }

    /// Sets a header. A value that is not valid in a header is dropped.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Allows pages of this origin to show the response in a frame.
    #[must_use]
    pub fn allow_frame_from(self, origin: &Url) -> Self {
        let Some(policy) = self.headers.get(header::CONTENT_SECURITY_POLICY) else {
            return self;
        };
        let origin = origin.origin().ascii_serialization();
        let policy = policy.to_str().unwrap_or_default();
        let policy = policy.replace(NO_FRAME, &format!("frame-ancestors {origin}"));
        self.with_header(header::CONTENT_SECURITY_POLICY, &policy)
    }

    /// The response in API Gateway's format, with the common security headers.
    #[must_use]
    pub fn into_event(mut self) -> ApiGatewayV2httpResponse {
        const ALWAYS: [(HeaderName, &str); 4] = [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
        ];
        self.headers
            .extend(ALWAYS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        let has_body = !self.body.is_empty();
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = self.status.as_u16().into();
        response.headers = self.headers;
        response.body = Some(Body::Text(self.body)).filter(|_| has_body);
        response.cookies = self.cookies;
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(response: Response) -> String {
        let event = response.into_event();
        let policies: Vec<_> = event.headers.get_all(header::CONTENT_SECURITY_POLICY).iter().collect();
        assert_eq!(policies.len(), 1);
        policies[0].to_str().unwrap().to_owned()
    }

    fn page(image_origins: &[&str]) -> Response {
        let page = Html {
            document: "<!DOCTYPE html>".to_owned(),
            style_hash: "hash".to_owned(),
            image_sources: image_origins.iter().map(|origin| (*origin).to_owned()).collect(),
            language: "en",
        };
        Response::html(Code::AccountShown, StatusCode::OK, page)
    }

    fn others() -> [Response; 4] {
        let (code, empty) = (Code::Started, json!({}));
        [
            Response::redirect(code, "/account").unwrap(),
            Response::json(code, StatusCode::OK, &empty),
            Response::problem_json(code, StatusCode::BAD_REQUEST, &empty),
            Response::no_content(code),
        ]
    }

    #[test]
    fn a_response_without_a_page_may_load_nothing() {
        for response in others() {
            let kind = format!("{response:?}");
            assert_eq!(policy(response), "default-src 'none'; frame-ancestors 'none'", "{kind}");
        }
    }

    #[test]
    fn a_page_may_load_only_its_style_and_images() {
        let rest = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        let style = "default-src 'none'; style-src 'sha256-hash'; ";
        assert_eq!(policy(page(&[])), format!("{style}{rest}"));
        let images = page(&["https://a.example", "https://b.example"]);
        assert_eq!(
            policy(images),
            format!("{style}img-src https://a.example https://b.example; {rest}")
        );
    }

    #[test]
    fn a_frame_is_allowed_only_from_the_given_origin() {
        let origin = Url::parse("https://www.example.com/account").unwrap();
        for response in others().into_iter().chain([page(&[])]) {
            let before = format!("{response:?}");
            let policy = policy(response.allow_frame_from(&origin));
            assert!(
                policy.ends_with("; frame-ancestors https://www.example.com"),
                "{before} {policy}"
            );
            assert!(policy.starts_with("default-src 'none'; "), "{before} {policy}");
        }
    }
}
