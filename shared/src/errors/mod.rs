//! The errors of a request, and the response to each: a page for people, problem+json (RFC 9457) for programs, and a log code.

mod detail;
mod kinds;

use http::{StatusCode, header};
use serde_json::json;
use url::Url;

pub use kinds::ErrorKind;

use crate::{
    cookie::{self, SIGN_IN_TTL},
    jws::JwsError,
    log,
    pages::{Branding, PageContext},
    registry::LookupError,
    rng::RngError,
    secrets::SecretError,
    sign_in::{BackendError, InvalidMember, KeysUnavailable, REPLAYED, SignInError, UNVERIFIED},
    spotify::SpotifyError,
    store::{ChangeError, StoreError},
    web::{RequestError, Response, ReturnTo},
};

/// The challenge of a 401 (RFC 9110 §11.6.1): soa-link authenticates programs by signed requests.
pub const CHALLENGE: &str = "Signed-Request";

/// Why a request failed. The log contains the text, so it must not include anything from outside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the request cannot be read in exactly one way.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A member of a program's request is missing or invalid.
    #[error("{0}")]
    InvalidMember(#[from] InvalidMember),
    /// A program's request has a member that no call knows. Contains its path for the response, if that may be repeated; the log never does, because the name
    /// is from outside.
    #[error("unknown member")]
    UnknownMember(Option<String>),
    /// A signed request has another content type.
    #[error("content type")]
    ContentType,
    /// A hand-off token can never be accepted: a new one of the same site would be rejected too.
    #[error("hand-off: {0}")]
    HandoffRejected(JwsError),
    /// A signed request of the partner's backend was rejected. Contains the explanation for the backend, which may name what was expected.
    #[error("request: {0}")]
    RequestRejected(#[source] JwsError, String),
    /// The request exceeds our bounds.
    #[error("too large")]
    TooLarge,
    /// The caller's version of a subscriber is not the current one.
    #[error("version mismatch")]
    VersionMismatch,
    /// No such path.
    #[error("no such path")]
    NotFound,
    /// No such partner, or a disabled one.
    #[error("no such partner")]
    UnknownPartner,
    /// The custom domain maps this path to the API, which must be at the root of its domain.
    #[error("the custom domain maps the path {0:?} to this API; map the whole domain")]
    PathMapped(String),
    /// The path supports only these methods, listed as in `Allow`.
    #[error("method not allowed")]
    MethodNotAllowed(&'static str),
    /// The person is signed out, and no sign-in is configured.
    #[error("signed out")]
    SignedOut,
    /// The person's session cookie was rejected, and no sign-in is configured.
    #[error("session rejected")]
    SessionRejected,
    /// The sign-in at the partner's `OpenID` provider failed.
    #[error("OpenID provider: {0}")]
    Provider(#[from] ProviderError),
    /// The keys that the partner publishes are not available.
    #[error("{0}")]
    Keys(#[from] KeysUnavailable),
    /// The person has no entitlements, and the partner requires some.
    #[error("no entitlements")]
    NoEntitlements,
    /// A token of the partner is invalid or already used.
    #[error("token: {0}")]
    Token(#[from] JwsError),
    /// A state is unknown, used, expired, or another browser's or provider's. The log says which; the response does not.
    #[error("state: {0}")]
    State(&'static str),
    /// The callback's state was used before. Contains the failure of that first load; `None` if it may have linked the account.
    #[error("state: spent")]
    StateSpent(Option<&'static ErrorKind>),
    /// The person signed out, or another person signed in, since the journey began.
    #[error("session changed")]
    SessionChanged,
    /// The person refused consent at Spotify.
    #[error("consent refused")]
    ConsentRefused,
    /// Spotify's consent ended in a temporary error.
    #[error("consent: temporary error")]
    ConsentUnavailable,
    /// Spotify's consent ended in another error. Its likely cause is our request or registration.
    #[error("consent: permanent error")]
    ConsentFailed,
    /// The person signed out, or another person signed in, since an unlink form was opened.
    #[error("form: {0}")]
    FormSessionChanged(&'static str),
    /// An unlink form did not come from our page, or has expired.
    #[error("form: {0}")]
    InvalidForm(&'static str),
    /// A call to Spotify failed.
    #[error("{1}")]
    Spotify(SpotifyOperation, #[source] SpotifyError),
    /// A call to `DynamoDB` failed.
    #[error("store: {0}")]
    Store(StoreError),
    /// A secret is not available or malformed.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// The operating system supplied no random bytes.
    #[error("{0}")]
    Rng(#[from] RngError),
    /// The time for the response ran out. A retry is safe.
    #[error("out of time")]
    Timeout,
    /// A bug or a wrong setting, which must not occur.
    #[error("fault: {0}")]
    Internal(&'static str),
}

/// Why a sign-in at the partner's `OpenID` provider failed. The texts are our own, never the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The person cancelled there.
    #[error("cancelled")]
    Cancelled,
    /// It is unreachable, or its response is invalid. A retry is safe.
    #[error("{0}")]
    Unavailable(&'static str),
    /// It refused us as its client.
    #[error("{0}")]
    ClientRefused(&'static str),
    /// It refused the code.
    #[error("invalid_grant")]
    CodeRefused,
    /// The ID token is valid, but its claims do not match our configuration.
    #[error("claims: {0}")]
    Claims(JwsError),
}

/// The operation for which Spotify was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpotifyOperation {
    /// Link a subscriber.
    Link,
    /// Unlink a subscriber.
    Unlink,
    /// Look up a link.
    Lookup,
}

impl Error {
    /// The path of the member at fault, for the response to a program; `None` if no member is, or if its name may not be repeated.
    #[must_use]
    pub fn member(&self) -> Option<&str> {
        match self {
            Self::InvalidMember(invalid) => Some(&invalid.path),
            Self::UnknownMember(member) => member.as_deref(),
            _ => None,
        }
    }

    /// A signed request came to a partner without a backend.
    #[must_use]
    pub fn no_backend() -> Self {
        Self::RequestRejected(JwsError::UnknownKey, UNVERIFIED.to_owned())
    }

    /// The use of a signed request was not stored.
    #[must_use]
    pub fn of_request_use(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyUsed => Self::RequestRejected(JwsError::Replayed, REPLAYED.to_owned()),
            error => error.into(),
        }
    }

    /// What a program can do about the error. Never contains a value of the request.
    #[must_use]
    pub fn explanation(&self) -> String {
        self.detail().into_owned()
    }

    /// Whether only a program can have made the mistake, so that the response is problem+json whatever the caller accepts.
    pub(crate) fn is_of_program(&self) -> bool {
        matches!(self, Self::ContentType)
    }

    /// Logs an error that does not change the response.
    pub fn log(&self) {
        log!(warn, self.kind().log, reason = self.to_string());
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Malformed(part) => Self::Malformed(part),
            RequestError::NotFound => Self::NotFound,
            RequestError::TooLarge => Self::TooLarge,
            RequestError::InvalidForm(rule) => Self::InvalidForm(rule),
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Token(error) => Self::Token(error),
            SignInError::Keys(error) => Self::Keys(error),
        }
    }
}

impl From<BackendError> for Error {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Rejected { error, detail } => Self::RequestRejected(error, detail),
            BackendError::TooLarge => Self::TooLarge,
            BackendError::Keys(error) => Self::Keys(error),
            BackendError::UnknownMember(member) => Self::UnknownMember(member.name),
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::OtherVersion => Self::VersionMismatch,
            ChangeError::TooMany => {
                InvalidMember::new("entitlements", "would bring the subscriber to more than 500 names").into()
            }
            ChangeError::Store(error) => Self::of_request_use(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyUsed => Self::Token(JwsError::Replayed),
            error => Self::Store(error),
        }
    }
}

impl From<LookupError> for Error {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::NotFound => Self::UnknownPartner,
            LookupError::Settings => Self::Internal("a partner's settings"),
            LookupError::Store(error) => error.into(),
        }
    }
}

/// An error with what its response needs: the browser cookie, what the person came for, the partner's branding, and the origin that may frame the page.
#[derive(Debug)]
pub struct Failure {
    error: Error,
    set_cookie: Option<String>,
    frame_origin: Option<Box<Url>>,
    return_to: Option<Box<ReturnTo>>,
    branding: Option<Box<Branding>>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            set_cookie: None,
            frame_origin: None,
            return_to: None,
            branding: None,
        }
    }
}

impl Failure {
    /// Sets the browser's bindings to `value`; `None` removes them.
    #[must_use]
    pub fn with_browser_cookie(self, value: Option<&str>) -> Self {
        let set_cookie = Some(cookie::set_browser_cookie(value, SIGN_IN_TTL));
        Self { set_cookie, ..self }
    }

    /// Sets what the person came for, where the page lets them begin again.
    #[must_use]
    pub fn with_return_to(self, return_to: ReturnTo) -> Self {
        let return_to = Some(Box::new(return_to));
        Self { return_to, ..self }
    }

    /// Sets the branding of the page.
    #[must_use]
    pub fn with_branding(self, branding: &Branding) -> Self {
        let branding = Some(Box::new(branding.clone()));
        Self { branding, ..self }
    }

    /// Allows pages of this origin to show the page in a frame.
    #[must_use]
    pub fn allow_frame_from(self, origin: Option<&Url>) -> Self {
        let frame_origin = origin.cloned().map(Box::new);
        Self { frame_origin, ..self }
    }

    /// The text of the error, for the log.
    #[must_use]
    pub fn reason(&self) -> String {
        self.error.to_string()
    }

    /// Its row of the table.
    #[must_use]
    pub fn kind(&self) -> &'static ErrorKind {
        self.error.kind()
    }

    /// Whether only a program can have made the mistake.
    pub(crate) fn is_of_program(&self) -> bool {
        self.error.is_of_program()
    }

    /// The response to a program (RFC 9457).
    #[must_use]
    pub fn to_problem_json(&self, request_id: &str) -> Response {
        let ErrorKind {
            status,
            code,
            title,
            log,
            ..
        } = self.kind();
        let mut problem = json!({
            "type": format!("urn:soa-link:problem:{code}"), "title": title, "status": status, "code": code,
            "detail": self.error.detail(), "request_id": request_id,
        });
        if let (Some(member), Some(problem)) = (self.error.member(), problem.as_object_mut()) {
            problem.insert("member".to_owned(), member.into());
        }
        self.finish(Response::problem_json(*log, self.status(), &problem))
    }

    /// The response to a person. `context` supplies what this failure does not set.
    #[must_use]
    pub fn to_page(&self, context: &PageContext<'_>) -> Response {
        let return_to = self.return_to.as_deref().unwrap_or(context.return_to);
        let context = PageContext {
            return_to,
            language: return_to.language.unwrap_or(context.language),
            branding: self.branding.as_deref().unwrap_or(context.branding),
            ..*context
        };
        let page = self.error.page().html(&context);
        self.finish(Response::html(self.kind().log, self.status(), page))
    }

    fn status(&self) -> StatusCode {
        self.kind().status()
    }

    fn finish(&self, mut response: Response) -> Response {
        if let Some(set_cookie) = &self.set_cookie {
            response = response.with_cookie(set_cookie.clone());
        }
        if let Some(origin) = &self.frame_origin {
            response = response.allow_frame_from(origin);
        }
        if let Some(seconds) = self.error.retry_after() {
            response = response.with_header(header::RETRY_AFTER, &seconds.to_string());
        }
        match &self.error {
            Error::MethodNotAllowed(methods) => response.with_header(header::ALLOW, methods),
            // RFC 9110 §15.5.16: the types that would have been accepted.
            Error::ContentType => response.with_header(header::ACCEPT, "application/jwt"),
            _ if self.kind().status == 401 => response.with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            _ => response,
        }
    }
}
