//! The table of errors: the response to a program, the page for a person, and the log code of each.

use http::StatusCode;

use super::{Error, ProviderError, SpotifyOperation};
use crate::{
    http_client::HttpError,
    oauth::token::TokenError,
    pages::StatusPage,
    secrets::SecretError,
    spotify::{OpenAccessError, SpotifyError},
    store::StoreError,
    telemetry::Code,
};

/// One row of the table.
#[derive(Debug)]
pub struct ErrorKind {
    /// The name of the row.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The code for programs: an error code of RFC 6749 or RFC 6750 where one fits.
    pub code: &'static str,
    /// The title of the problem+json, for people who read it.
    pub title: &'static str,
    /// The page for people.
    pub page: StatusPage,
    /// The code in the log.
    pub log: Code,
    /// `Retry-After`, in seconds; `None` sends no header.
    pub retry_after: Option<u64>,
}

impl ErrorKind {
    /// The row with this name; `None` for any other name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().copied().find(|kind| kind.name == name)
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the cause is on our side or upstream, and not the caller's request.
    #[must_use]
    pub fn is_server_error(&self) -> bool {
        self.status >= 500
    }
}

/// Declares the rows, and the list of all of them.
macro_rules! kinds {
    ($($name:ident = $status:literal $code:literal $title:ident $page:ident $log:ident $(retry $seconds:literal)?;)*) => {
        impl ErrorKind {
            /// Every row.
            pub const ALL: &'static [&'static Self] = &[$(&$name,)*];
        }

        $(
            static $name: ErrorKind = ErrorKind {
                name: stringify!($name),
                status: $status,
                code: $code,
                title: $title,
                page: StatusPage::$page,
                log: Code::$log,
                retry_after: kinds!(@retry $($seconds)?),
            };
        )*
    };
    (@retry) => { None };
    (@retry $seconds:literal) => { Some($seconds) };
}

const MALFORMED: &str = "The request is malformed";
const SIZE: &str = "The request is too large";
const MEDIA_TYPE: &str = "The content type is not supported";
const MISSING: &str = "There is no such path or partner";
const METHOD: &str = "The path does not have this method";
const TOKEN: &str = "The token is invalid";
const DENIED: &str = "Access was denied";
const STATE: &str = "The state is invalid, expired, or another browser's";
const LINKED: &str = "One of the two accounts may be linked already";
const LATER: &str = "Temporarily unavailable";
const VERSION: &str = "The version is not the current one";
const FAULT: &str = "Internal error";

kinds! {
    REQUEST_MALFORMED = 400 "invalid_request" MALFORMED Malformed RequestMalformed;
    TOO_LARGE = 413 "invalid_request" SIZE Malformed RequestMalformed;
    CONTENT_TYPE = 415 "invalid_request" MEDIA_TYPE Malformed RequestMalformed;
    NOT_FOUND = 404 "invalid_request" MISSING NotFound RequestMalformed;
    PATH_MAPPED = 404 "invalid_request" MISSING NotFound PathMapped;
    METHOD_NOT_ALLOWED = 405 "invalid_request" METHOD NotFound RequestMalformed;
    VERSION_MISMATCH = 409 "version_mismatch" VERSION Malformed VersionMismatch;
    SIGNED_OUT = 401 "access_denied" DENIED SignedOut SignInNeeded;
    SESSION_REJECTED = 401 "access_denied" DENIED SessionRejected SignInNeeded;
    NO_ENTITLEMENTS = 403 "access_denied" DENIED NoEntitlements NoEntitlements;
    TOKEN_REJECTED = 401 "invalid_token" TOKEN SignInRefused TokenRejected;
    HANDOFF_REJECTED = 401 "invalid_token" TOKEN SignInImpossible TokenRejected;
    STATE_REJECTED = 400 "state_mismatch" STATE Expired StateRejected;
    STATE_SPENT = 400 "state_mismatch" STATE UsedBefore StateRejected;
    SESSION_CHANGED = 400 "state_mismatch" STATE SessionChanged SessionChanged;
    CONSENT_REFUSED = 403 "access_denied" DENIED Cancelled Cancelled;
    CONSENT_UNAVAILABLE = 400 "temporarily_unavailable" LATER SpotifyUnavailable ConsentFailed;
    CONSENT_FAILED = 400 "invalid_request" MALFORMED ConsentFailed ConsentFailed;
    FORM_SESSION_CHANGED = 403 "access_denied" DENIED SessionChanged FormRejected;
    FORM_REJECTED = 403 "access_denied" DENIED FormRefused FormRejected;
    CODE_REFUSED = 400 "invalid_request" MALFORMED Expired CodeRefused;
    KEYS_UNAVAILABLE = 503 "temporarily_unavailable" LATER SignInUnavailable KeysUnavailable retry 5;
    SIGN_IN_CANCELLED = 403 "access_denied" DENIED SignInCancelled SignInCancelled;
    SIGN_IN_UNAVAILABLE = 503 "temporarily_unavailable" LATER SignInUnavailable SignInDown retry 5;
    SIGN_IN_CLIENT_REFUSED = 502 "server_error" FAULT InternalError SignInRefused;
    SIGN_IN_CLAIMS = 502 "server_error" FAULT InternalError SignInClaims;
    STORE_UNAVAILABLE = 503 "temporarily_unavailable" LATER Unavailable StoreUnavailable retry 5;
    SECRETS_UNAVAILABLE = 503 "temporarily_unavailable" LATER Unavailable SecretsUnavailable retry 5;
    INTERNAL = 500 "server_error" FAULT InternalError Fault;
    TIMEOUT = 504 "temporarily_unavailable" LATER Unavailable OutOfTime retry 5;
    SPOTIFY_RATE_LIMITED = 503 "temporarily_unavailable" LATER SpotifyUnavailable SpotifyLimited retry 5;
    SPOTIFY_UNAVAILABLE = 502 "temporarily_unavailable" LATER SpotifyUnavailable SpotifyUnavailable;
    SPOTIFY_TIMEOUT = 504 "temporarily_unavailable" LATER SpotifyUnavailable SpotifyUnavailable;
    SPOTIFY_INVALID_RESPONSE = 502 "temporarily_unavailable" LATER SpotifyUnavailable SpotifyInvalidResponse;
    SPOTIFY_CLIENT_REFUSED = 502 "server_error" FAULT InternalError SpotifyRefused;
    SPOTIFY_INTERNAL = 502 "server_error" FAULT InternalError Fault;
    COMPLETION_URL_REJECTED = 502 "server_error" FAULT InternalError CompletionRefused;
    ALREADY_LINKED = 409 "already_linked" LINKED CouldNotLink Conflict;
    LINK_REFUSED = 502 "server_error" FAULT CouldNotLink Conflict;
}

/// Upper bound of a `Retry-After` that is passed on, in seconds.
const MAX_RETRY_AFTER_SECS: u64 = 3600;

impl Error {
    /// Its row of the table.
    #[must_use]
    pub fn kind(&self) -> &'static ErrorKind {
        match self {
            Self::Malformed(_) | Self::InvalidMember(_) | Self::UnknownMember(_) => &REQUEST_MALFORMED,
            Self::VersionMismatch => &VERSION_MISMATCH,
            Self::TooLarge => &TOO_LARGE,
            Self::ContentType => &CONTENT_TYPE,
            Self::NotFound | Self::UnknownPartner => &NOT_FOUND,
            Self::PathMapped(_) => &PATH_MAPPED,
            Self::MethodNotAllowed(_) => &METHOD_NOT_ALLOWED,
            Self::SignedOut => &SIGNED_OUT,
            Self::SessionRejected => &SESSION_REJECTED,
            Self::Provider(error) => provider_kind(*error),
            Self::Keys(_) => &KEYS_UNAVAILABLE,
            Self::NoEntitlements => &NO_ENTITLEMENTS,
            Self::HandoffRejected(_) => &HANDOFF_REJECTED,
            Self::Token(_) | Self::RequestRejected(..) => &TOKEN_REJECTED,
            Self::State(_) => &STATE_REJECTED,
            Self::StateSpent(_) => &STATE_SPENT,
            Self::SessionChanged => &SESSION_CHANGED,
            Self::ConsentRefused => &CONSENT_REFUSED,
            Self::ConsentUnavailable => &CONSENT_UNAVAILABLE,
            Self::ConsentFailed => &CONSENT_FAILED,
            Self::FormSessionChanged(_) => &FORM_SESSION_CHANGED,
            Self::InvalidForm(_) => &FORM_REJECTED,
            Self::Spotify(operation, error) => spotify_kind(*operation, error),
            Self::Secret(error) => secret_kind(error),
            Self::Store(StoreError::Unavailable) => &STORE_UNAVAILABLE,
            Self::Store(StoreError::AlreadyUsed | StoreError::Rejected | StoreError::Malformed)
            | Self::Rng(_)
            | Self::Internal(_) => &INTERNAL,
            Self::Timeout => &TIMEOUT,
        }
    }

    /// The page for a person: the row's, but a callback that is loaded again shows the page of its first failure.
    pub(super) fn page(&self) -> StatusPage {
        match self {
            Self::StateSpent(Some(first)) => first.page,
            _ => self.kind().page,
        }
    }

    /// `Retry-After`, in seconds: the row's, unless Spotify named one.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let named = match self {
            Self::Spotify(
                _,
                SpotifyError::Token(TokenError::RateLimited { retry_after })
                | SpotifyError::OpenAccess(OpenAccessError::RateLimited { retry_after }),
            ) => *retry_after,
            _ => None,
        };
        let named = named.map(|seconds| seconds.min(MAX_RETRY_AFTER_SECS));
        named.or(self.kind().retry_after)
    }
}

fn provider_kind(error: ProviderError) -> &'static ErrorKind {
    match error {
        ProviderError::Cancelled => &SIGN_IN_CANCELLED,
        ProviderError::Unavailable(_) => &SIGN_IN_UNAVAILABLE,
        ProviderError::ClientRefused(_) => &SIGN_IN_CLIENT_REFUSED,
        ProviderError::Claims(_) => &SIGN_IN_CLAIMS,
        ProviderError::CodeRefused => &CODE_REFUSED,
    }
}

fn secret_kind(error: &SecretError) -> &'static ErrorKind {
    match error {
        SecretError::Unavailable => &SECRETS_UNAVAILABLE,
        SecretError::Refused { .. } | SecretError::Malformed { .. } => &INTERNAL,
    }
}

fn spotify_kind(operation: SpotifyOperation, error: &SpotifyError) -> &'static ErrorKind {
    match error {
        SpotifyError::NoTokenResponse(error) => http_kind(*error),
        SpotifyError::Token(error) => token_kind(error),
        SpotifyError::OpenAccess(error) => open_access_kind(operation, error),
        SpotifyError::CompletionUrl(_) => &COMPLETION_URL_REJECTED,
        SpotifyError::Secret(error) => secret_kind(error),
        SpotifyError::Sign(_) => &SPOTIFY_INTERNAL,
    }
}

fn token_kind(error: &TokenError) -> &'static ErrorKind {
    match error {
        TokenError::InvalidGrant => &CODE_REFUSED,
        TokenError::InvalidClient | TokenError::ScopeMissing | TokenError::Refused { .. } => &SPOTIFY_CLIENT_REFUSED,
        TokenError::RateLimited { .. } => &SPOTIFY_RATE_LIMITED,
        TokenError::Unavailable { .. } => &SPOTIFY_UNAVAILABLE,
        TokenError::InvalidResponse(_) => &SPOTIFY_INVALID_RESPONSE,
    }
}

/// Spotify does not document the status of a refused link, so every refusal leads to the page with the most likely cause.
fn open_access_kind(operation: SpotifyOperation, error: &OpenAccessError) -> &'static ErrorKind {
    let is_link = operation == SpotifyOperation::Link;
    match error {
        OpenAccessError::Unauthorized | OpenAccessError::Forbidden => &SPOTIFY_CLIENT_REFUSED,
        OpenAccessError::RateLimited { .. } => &SPOTIFY_RATE_LIMITED,
        OpenAccessError::Unavailable { .. } => &SPOTIFY_UNAVAILABLE,
        OpenAccessError::InvalidResponse => &SPOTIFY_INVALID_RESPONSE,
        OpenAccessError::Http(error) => http_kind(*error),
        OpenAccessError::Conflict if is_link => &ALREADY_LINKED,
        OpenAccessError::NotLinked | OpenAccessError::Refused { .. } if is_link => &LINK_REFUSED,
        OpenAccessError::Conflict | OpenAccessError::NotLinked | OpenAccessError::Refused { .. } => {
            &SPOTIFY_CLIENT_REFUSED
        }
    }
}

fn http_kind(error: HttpError) -> &'static ErrorKind {
    match error {
        HttpError::Timeout => &SPOTIFY_TIMEOUT,
        HttpError::Connect | HttpError::ConnectionLost => &SPOTIFY_UNAVAILABLE,
        HttpError::TooLarge | HttpError::NotUtf8 => &SPOTIFY_INVALID_RESPONSE,
        HttpError::Setup => &SPOTIFY_INTERNAL,
    }
}
