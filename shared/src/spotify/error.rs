//! Errors of calls to Spotify. They say whether a retry may succeed, and whether Spotify may have processed the request. This module does not
//! know how callers react.

use http::StatusCode;

use super::CompletionUrlError;
use crate::{http_client::HttpError, jws::SignError, oauth::token::TokenError, secrets::SecretError};

/// Why a call to Spotify failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpotifyError {
    /// The token endpoint granted no token.
    #[error("token endpoint: {0}")]
    Token(#[from] TokenError),
    /// No complete response from the token endpoint.
    #[error("token endpoint: {0}")]
    NoTokenResponse(#[source] HttpError),
    /// The Open Access API refused or did not answer.
    #[error("open access: {0}")]
    OpenAccess(#[from] OpenAccessError),
    /// The completion URL was rejected.
    #[error("completion_url: {0}")]
    CompletionUrl(#[from] CompletionUrlError),
    /// The client secret could not be read. Nothing was sent.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The payload could not be signed. Nothing was sent.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl SpotifyError {
    /// Whether Spotify certainly has not processed the call, because it refused the request or never received it.
    #[must_use]
    pub fn is_definite_failure(&self) -> bool {
        match self {
            Self::Token(_) | Self::NoTokenResponse(_) | Self::Secret(_) | Self::Sign(_) => true,
            Self::OpenAccess(error) => match error {
                OpenAccessError::Unauthorized
                | OpenAccessError::Forbidden
                | OpenAccessError::NotLinked
                | OpenAccessError::Conflict
                | OpenAccessError::Refused { .. }
                | OpenAccessError::RateLimited { .. } => true,
                OpenAccessError::Http(error) => matches!(error, HttpError::Connect | HttpError::Setup),
                OpenAccessError::Unavailable { .. } | OpenAccessError::InvalidResponse => false,
            },
            Self::CompletionUrl(_) => false,
        }
    }

    /// Whether the same request may succeed after a short pause. A code must not be sent again regardless.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Token(error) => error.is_transient(),
            Self::NoTokenResponse(error) => is_passing(*error),
            Self::OpenAccess(error) => error.is_transient(),
            Self::CompletionUrl(_) | Self::Secret(_) | Self::Sign(_) => false,
        }
    }
}

/// Why a call of the Open Access API failed. Error bodies are undocumented, so only the status decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenAccessError {
    /// 401: the token is invalid. Spotify documents no meaning.
    #[error("the token was refused")]
    Unauthorized,
    /// 403: the client may not make this call, or not for this partner.
    #[error("the client is not allowed this call")]
    Forbidden,
    /// 404: the subscriber has no link (Account Linking).
    #[error("not linked")]
    NotLinked,
    /// 409: one of the two accounts is already linked to another. Spotify documents no meaning.
    #[error("conflict")]
    Conflict,
    /// Any other 4xx, except 408.
    #[error("refused with {status}")]
    Refused {
        /// HTTP status of the response.
        status: StatusCode,
    },
    /// 429: too many requests.
    #[error("rate limited")]
    RateLimited {
        /// `Retry-After` in seconds, if present.
        retry_after: Option<u64>,
    },
    /// 5xx or 408: Spotify or a gateway failed.
    #[error("unavailable with {status}")]
    Unavailable {
        /// HTTP status of the response.
        status: StatusCode,
    },
    /// A status or body outside the documentation, or a request that could not be built.
    #[error("invalid response")]
    InvalidResponse,
    /// No complete response.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl OpenAccessError {
    /// Whether Spotify may have refused the call because its secret was rotated.
    pub(super) fn may_need_rotated_secret(self) -> bool {
        matches!(
            self,
            Self::Unauthorized
                | Self::Refused {
                    status: StatusCode::BAD_REQUEST
                }
        )
    }

    pub(super) fn of_status(status: StatusCode, retry_after: Option<u64>) -> Option<Self> {
        match status.as_u16() {
            200..=299 => None,
            401 => Some(Self::Unauthorized),
            403 => Some(Self::Forbidden),
            404 => Some(Self::NotLinked),
            409 => Some(Self::Conflict),
            429 => Some(Self::RateLimited { retry_after }),
            408 | 500..=599 => Some(Self::Unavailable { status }),
            400..=499 => Some(Self::Refused { status }),
            _ => Some(Self::InvalidResponse),
        }
    }

    /// Whether Spotify may still process the request, because no response arrived or a gateway gave up waiting.
    #[must_use]
    pub fn may_be_in_flight(self) -> bool {
        match self {
            Self::Http(error) => matches!(error, HttpError::Timeout | HttpError::ConnectionLost),
            Self::Unavailable { status } => matches!(status.as_u16(), 408 | 502 | 504),
            _ => false,
        }
    }

    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Http(error) => is_passing(error),
            _ => false,
        }
    }
}

fn is_passing(error: HttpError) -> bool {
    matches!(error, HttpError::Connect | HttpError::ConnectionLost)
}
