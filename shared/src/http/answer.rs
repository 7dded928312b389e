//! Answers: a redirect, a page, nothing; each with the headers that all have.

use lambda_http::{
    aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};

use url::Url;

use super::{BROWSER_COOKIE, DETOUR};
use crate::sign_in::{VISIT, VISIT_COOKIE};

/// What a function answers.
#[derive(Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) cookies: Vec<String>,
    pub(super) body: String,
}

/// A 302 to `location`, as it is: never a 307, which would send a form on. A location that cannot stand in a header is none.
#[must_use]
pub fn redirect(location: &str) -> Option<Answer> {
    let location = HeaderValue::try_from(location).ok()?;
    let headers = HeaderMap::from_iter([(header::LOCATION, location)]);
    Some(Answer {
        status: StatusCode::FOUND,
        headers,
        cookies: Vec::new(),
        body: String::new(),
    })
}

/// JSON, to a program.
#[must_use]
pub fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Answer {
        status,
        headers: headers.into_iter().collect(),
        cookies: Vec::new(),
        body: value.to_string(),
    }
}

/// Nothing more to say: 204.
#[must_use]
pub fn no_content() -> Answer {
    Answer {
        status: StatusCode::NO_CONTENT,
        headers: HeaderMap::new(),
        cookies: Vec::new(),
        body: String::new(),
    }
}

/// A page, with the policy that lets it be nothing else: no script, no frame, no resource of anybody's but images of these origins.
pub(super) fn page(
    status: StatusCode,
    html: String,
    style_hash: &str,
    images: &[String],
    language: &'static str,
) -> Answer {
    let images = match images {
        [] => String::new(),
        origins => format!("img-src {}; ", origins.join(" ")),
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style_hash}'; {images}form-action 'self'; base-uri 'none'; {NO_FRAME}"
    );
    let mut headers = HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(language)),
    ]);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Answer {
        status,
        headers,
        cookies: Vec::new(),
        body: html,
    }
}

const NO_FRAME: &str = "frame-ancestors 'none'";

impl Answer {
    /// With the browser's bindings set to `value` for `seconds`, or taken away when there are none. `Lax`, for the browser must bring them back
    /// from Spotify; `Secure` and `Path` also when they are taken away, else browsers do not listen.
    #[must_use]
    pub fn with_browser_cookie(mut self, value: Option<&str>, seconds: i64) -> Self {
        self.cookies.push(browser_cookie(value, seconds));
        self
    }

    /// With the person known to our own pages for a while.
    #[must_use]
    pub fn with_visit_cookie(mut self, visit: &str) -> Self {
        self.cookies.push(format!(
            "{VISIT_COOKIE}={visit}; Max-Age={VISIT}; Path=/; Secure; HttpOnly; SameSite=Lax"
        ));
        self
    }

    /// Allowed in a frame of this origin's pages.
    #[must_use]
    pub fn framed_by(mut self, origin: &Url) -> Self {
        let origin = origin.origin().ascii_serialization();
        if let Some(policy) = self.headers.get_mut(header::CONTENT_SECURITY_POLICY) {
            let framed = policy
                .to_str()
                .unwrap_or_default()
                .replace(NO_FRAME, &format!("frame-ancestors {origin}"));
            if let Ok(framed) = HeaderValue::try_from(framed) {
                *policy = framed;
            }
        }
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// As API Gateway takes it, with the headers that all answers have.
    pub(super) fn into_event(mut self) -> ApiGatewayV2httpResponse {
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

/// One cookie holds all journeys of a browser: beside another, a short one must not end it.
pub(super) fn browser_cookie(value: Option<&str>, seconds: i64) -> String {
    let several = value.is_some_and(|value| value.contains('.'));
    let seconds = if several { DETOUR } else { seconds };
    let (value, age) = value.map_or(("", 0), |value| (value, seconds));
    format!("{BROWSER_COOKIE}={value}; Max-Age={age}; Path=/; Secure; HttpOnly; SameSite=Lax")
}
