//! Owns the one HTTP client: for Spotify and, by way of [`crate::aws`], for the AWS SDK, so that there is one TLS configuration, one set
//! of roots and one pool of connections. Needs `reqwest` on rustls with aws-lc. Refuses to follow redirects (they would carry the client
//! secret and signed payloads elsewhere), to wait long, to read much, and to use a proxy from the environment.

use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, header};
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use crate::secret::secret_type;

/// For a connection to stand. Inside [`CALL_TIMEOUT`].
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For a whole call, its answer's body read. Three in a row fit into a function's 10 s (template) with time left to answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// For an operator's call to a function: a little longer than any of ours runs for one (template).
pub const OPERATOR_TIMEOUT: Duration = Duration::from_secs(100);
/// The most of an answer that is read. Spotify's answers have a few hundred bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The longest `Retry-After` that is believed, in seconds: a week.
const MAX_RETRY_AFTER_SECS: u64 = 7 * 24 * 3600;

/// The HTTP client.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// What came back, its body cut at nothing: a longer one is [`HttpError::TooLarge`].
#[derive(Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// Of `Retry-After` in seconds, at most a week; a date, rubbish and zero are nothing.
    pub retry_after: Option<u64>,
    /// The body; it may hold tokens.
    pub body: ResponseBody,
}

secret_type! {
    /// The body of an answer.
    ResponseBody
}

impl HttpClient {
    /// The client. Opens no connection yet.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when TLS cannot be set up.
    pub fn new() -> Result<Self, HttpError> {
        Self::within(CALL_TIMEOUT)
    }

    /// The client of an operator, who waits for a function to end: a call lasts as long as a function may.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn for_operator() -> Result<Self, HttpError> {
        Self::within(OPERATOR_TIMEOUT)
    }

    fn within(call: Duration) -> Result<Self, HttpError> {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let tls = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|_| HttpError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        #[expect(clippy::disallowed_methods, reason = "this is the one place that builds the client")]
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(call)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("soa-link/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| HttpError::Setup)?;
        Ok(Self { client })
    }

    /// `POST`s `body` and reads the answer, once.
    ///
    /// # Errors
    /// [`HttpError`] when no whole answer came. Any status is an answer.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: String) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.post(url).headers(headers).body(body)).await
    }

    /// `GET`s what is at `url` and reads it, once.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn get(&self, url: &str) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.get(url)).await
    }

    /// Sends a request of any kind and reads the answer, once.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self.client.request(parts.method, parts.uri.to_string());
        let mut response = request.headers(parts.headers).body(body).send().await?;
        let mut answer = Response::new(Self::read(&mut response, MAX_RESPONSE_BYTES).await?);
        *answer.status_mut() = response.status();
        std::mem::swap(answer.headers_mut(), response.headers_mut());
        Ok(answer)
    }

    /// What time it is where `url` is, as its `Date` says (RFC 9110 §6.6.1).
    pub async fn server_date(&self, url: &str) -> Option<String> {
        let response = self.client.head(url).send().await.ok()?;
        response.headers().get(header::DATE)?.to_str().ok().map(str::to_owned)
    }

    /// `GET`s a file of at most `most` bytes, within a time of its own.
    ///
    /// # Errors
    /// [`HttpError`] when no whole answer came, [`HttpError::TooLarge`] when it has more bytes. Any status is an answer.
    pub async fn download(&self, url: &str, most: usize, within: Duration) -> Result<Response<Vec<u8>>, HttpError> {
        let mut response = self.client.get(url).timeout(within).send().await?;
        let mut answer = Response::new(Self::read(&mut response, most).await?);
        *answer.status_mut() = response.status();
        Ok(answer)
    }

    /// `POST`s a file, once, within a time of its own.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn upload(
        &self,
        url: &str,
        headers: HeaderMap,
        file: Vec<u8>,
        within: Duration,
    ) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.post(url).headers(headers).timeout(within).body(file)).await
    }

    async fn text(request: reqwest::RequestBuilder) -> Result<HttpResponse, HttpError> {
        let mut response = request.send().await?;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let body = Self::read(&mut response, MAX_RESPONSE_BYTES).await?;
        let body = String::from_utf8(body).map_err(|_| HttpError::NotUtf8)?;
        Ok(HttpResponse {
            status,
            retry_after,
            body: ResponseBody::new(body),
        })
    }

    async fn read(response: &mut reqwest::Response, most: usize) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > most {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Opens a connection and leaves it in the pool, so that the first person does not wait for it. Whether it could is not told:
    /// a peer that is down at the start may be up when it is needed.
    pub async fn preconnect(&self, origin: &str) {
        if let Ok(response) = self.client.head(origin).send().await {
            drop(response.bytes().await);
        }
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse::<u64>()
        .ok()?;
    (seconds > 0).then(|| seconds.min(MAX_RETRY_AFTER_SECS))
}

/// Why no whole answer came. Holds neither the address nor what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// TLS could not be set up.
    #[error("the HTTP client could not be built")]
    Setup,
    /// No connection: nothing was sent.
    #[error("no connection")]
    Connect,
    /// Nothing in time. What was sent may have been done.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke. What was sent may have been done.
    #[error("the connection broke")]
    ConnectionLost,
    /// More than 64 KiB.
    #[error("the answer is too large")]
    TooLarge,
    /// Not UTF-8.
    #[error("the answer is not text")]
    NotUtf8,
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::ConnectionLost
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_taken_in_seconds_and_within_reason() {
        let read = |value: &str| retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]));
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("999999999"), Some(604_800));
        for nothing in [
            "0",
            "-1",
            "soon",
            "",
            "Fri, 31 Dec 2027 23:59:59 GMT",
            "99999999999999999999999",
        ] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }
}
