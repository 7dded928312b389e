//! Responses: redirects, pages, JSON and empty ones, all with the same security headers.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lambda_http::aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use url::Url;

use crate::{cookie, telemetry::Code};

const NO_FRAME: &str = "frame-ancestors 'none'";

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
    /// The origins of its images.
    pub image_origins: Vec<String>,
    /// Its language (BCP 47).
    pub language: &'static str,
}

impl Response {
    fn new(code: Code, status: StatusCode) -> Self {
        Self {
            code,
            status,
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            body: String::new(),
        }
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

    /// A page. Its Content-Security-Policy allows only its style sheet and its images: no script, no frame.
    #[must_use]
    pub fn html(code: Code, status: StatusCode, page: Html) -> Self {
        let images = match page.image_origins.as_slice() {
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

    /// Sets the visit cookie.
    #[must_use]
    pub fn with_visit_cookie(self, value: &str) -> Self {
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

    /// Allows pages of this origin to show the page in a frame.
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
