//! What can go wrong with Spotify, and what that says: whether to try again, and whether Spotify has done what it was asked.

use http::StatusCode;

use super::CompletionUrlError;
use crate::{http_client::HttpError, jws::SignError, oauth::token::TokenError, secrets::SecretError};

/// What went wrong between us and Spotify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpotifyError {
    /// At the token endpoint.
    #[error("token endpoint: {0}")]
    Token(#[from] TokenError),
    /// No whole answer of the token endpoint.
    #[error("token endpoint: {0}")]
    NoTokenResponse(#[source] HttpError),
    /// At the Open Access API.
    #[error("open access: {0}")]
    OpenAccess(#[from] OpenAccessError),
    /// A completion URL that is not Spotify's.
    #[error("completion_url: {0}")]
    CompletionUrl(#[from] CompletionUrlError),
    /// No client secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The payload could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl SpotifyError {
    /// Whether it is certain that Spotify has not done what it was asked: it said no, or has never heard of it.
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

    /// Whether the same request may succeed in a moment. A person's code is not sent again all the same.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Token(error) => error.is_transient(),
            Self::NoTokenResponse(error) => is_passing(*error),
            Self::OpenAccess(error) => error.is_transient(),
            Self::CompletionUrl(_) | Self::Secret(_) | Self::Sign(_) => false,
        }
    }
}

/// What Spotify answered other than 200. Its error bodies are undocumented, so the status alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenAccessError {
    /// 401: the token is no longer good.
    #[error("the token was refused")]
    Unauthorized,
    /// 403: the client is not allowed this call, or not for this partner.
    #[error("the client is not allowed this call")]
    Forbidden,
    /// 404: there is no such link.
    #[error("not linked")]
    NotLinked,
    /// 409, reserved for: one of the two accounts is linked to another.
    #[error("conflict")]
    Conflict,
    /// Any other 4xx.
    #[error("refused with {status}")]
    Refused {
        /// Of the answer.
        status: StatusCode,
    },
    /// 429.
    #[error("rate limited")]
    RateLimited {
        /// In seconds, when it was said.
        retry_after: Option<u64>,
    },
    /// 5xx.
    #[error("unavailable with {status}")]
    Unavailable {
        /// Of the answer.
        status: StatusCode,
    },
    /// An answer that this API does not give.
    #[error("nonsense")]
    InvalidResponse,
    /// No whole answer.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl OpenAccessError {
    /// Whether Spotify may have refused it for what it was signed with.
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

    /// Whether what was asked may be done yet, although nobody has said so: nothing came, or a gateway before Spotify has given up waiting.
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
