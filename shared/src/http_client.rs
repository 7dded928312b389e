//! The HTTP client for Spotify, partners and, through [`crate::aws`], the AWS SDK. All share one TLS configuration, set of root certificates
//! and connection pool. It follows no redirects, which could carry the client secret elsewhere, and ignores proxies of the environment.
//! Time and response size are bounded. This module does not know what it sends.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, header};
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use crate::secret::secret_type;

/// Upper bound of connecting, in seconds; part of [`CALL_TIMEOUT`].
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Upper bound of a call including the response body, in seconds. Three calls in a row fit into a function's timeout of 10 s.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Upper bound of an operator's call to a function, in seconds. Longer than the timeout of the `partners` function, 90 s.
pub const OPERATOR_TIMEOUT: Duration = Duration::from_secs(100);
/// Upper bound of a response body, in bytes. Spotify's responses have a few hundred.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
/// Upper bound of an accepted `Retry-After`, in seconds: one week.
const MAX_RETRY_AFTER_SECS: u64 = 7 * 24 * 3600;

/// The HTTP client. Clones share the connection pool.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// A complete response. A body that is too long is an [`HttpError::TooLarge`], never truncated.
#[derive(Debug)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: StatusCode,
    /// `Retry-After` in seconds, at most one week. `None` if it is absent, zero or not a number.
    pub retry_after: Option<u64>,
    /// Response body, which may contain tokens.
    pub body: ResponseBody,
}

secret_type! {
    /// The text of a response body.
    ResponseBody
}

impl HttpClient {
    /// Builds the client for functions, with [`CALL_TIMEOUT`]. Opens no connection.
    ///
    /// # Errors
    /// [`HttpError::Setup`] if TLS cannot be set up. A retry does not help.
    pub fn new() -> Result<Self, HttpError> {
        Self::within(CALL_TIMEOUT)
    }

    /// Builds the client for operators, with [`OPERATOR_TIMEOUT`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn for_operator() -> Result<Self, HttpError> {
        Self::within(OPERATOR_TIMEOUT)
    }

    fn within(call: Duration) -> Result<Self, HttpError> {
        let tls = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|_| HttpError::Setup)?
            .with_root_certificates(roots()?)
            .with_no_client_auth();
        #[expect(clippy::disallowed_methods, reason = "only this module builds the client")]
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

    /// Sends one `POST` and reads the response. Any status counts as a response.
    ///
    /// # Errors
    /// [`HttpError`] if no complete response arrived. A retry is safe only after [`HttpError::Connect`], or if the request is idempotent.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: String) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.post(url).headers(headers).body(body)).await
    }

    /// Sends one `GET` and reads the response.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn get(&self, url: &str) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.get(url)).await
    }

    /// As [`Self::post`], with the timeout `within`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn post_within(
        &self,
        url: &str,
        headers: HeaderMap,
        body: String,
        within: Duration,
    ) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.post(url).headers(headers).timeout(within).body(body)).await
    }

    /// As [`Self::get`], with the timeout `within`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn get_within(&self, url: &str, within: Duration) -> Result<HttpResponse, HttpError> {
        Self::text(self.client.get(url).timeout(within)).await
    }

    /// The `Date` header of a `HEAD` response from `url` (RFC 9110 §6.6.1). Returns `None` if there is no response or no such header.
    pub async fn server_date(&self, url: &str) -> Option<String> {
        let response = self.client.head(url).send().await.ok()?;
        response.headers().get(header::DATE)?.to_str().ok().map(str::to_owned)
    }

    /// Sends one `GET` for a file of at most `most` bytes, with the timeout `within`. Any status counts as a response.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] if the file has more bytes, else [`HttpError`] if no complete response arrived. A retry is safe.
    pub async fn download(&self, url: &str, most: usize, within: Duration) -> Result<Response<Vec<u8>>, HttpError> {
        let mut response = self.client.get(url).timeout(within).send().await?;
        let mut answer = Response::new(Self::read(&mut response, most).await?);
        *answer.status_mut() = response.status();
        Ok(answer)
    }

    /// Sends a file by one `POST`, with the timeout `within`.
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

    /// Opens a connection ahead of the first call and leaves it in the pool. A failure is ignored, because the first call reports it.
    pub async fn preconnect(&self, origin: &str) {
        if let Ok(response) = self.client.head(origin).send().await {
            drop(response.bytes().await);
        }
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }
}

/// The compiled-in root certificates; the machine's are not read.
#[cfg(not(feature = "measure"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "with the feature `measure`, reading the CA can fail"
)]
fn roots() -> Result<RootCertStore, HttpError> {
    Ok(compiled_in_roots())
}

/// The compiled-in root certificates and, in a benchmark, the CA of the stubs: the DER file at `SOA_LINK_MEASURE_CA`.
#[cfg(feature = "measure")]
#[expect(
    clippy::disallowed_methods,
    reason = "no configuration of a function, and absent from releases"
)]
fn roots() -> Result<RootCertStore, HttpError> {
    let mut roots = compiled_in_roots();
    if let Some(path) = std::env::var_os("SOA_LINK_MEASURE_CA") {
        let ca = std::fs::read(path).map_err(|_| HttpError::Setup)?;
        roots.add(ca.into()).map_err(|_| HttpError::Setup)?;
    }
    Ok(roots)
}

fn compiled_in_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
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

/// Why there is no complete response. Contains neither the URL nor the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// TLS could not be set up. Nothing was sent.
    #[error("the HTTP client could not be built")]
    Setup,
    /// No connection could be opened. Nothing was sent.
    #[error("no connection")]
    Connect,
    /// The timeout elapsed. The server may have processed the request.
    #[error("no answer in time")]
    Timeout,
    /// The connection was lost. The server may have processed the request.
    #[error("connection lost")]
    ConnectionLost,
    /// The body exceeds the limit of the call.
    #[error("response too large")]
    TooLarge,
    /// The body is not UTF-8.
    #[error("response is not UTF-8")]
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
    fn retry_after_is_read_in_seconds_and_capped() {
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
