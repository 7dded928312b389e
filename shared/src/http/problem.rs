//! The one table: what went wrong, and what that is to a program, to a person, and in the log.

use lambda_http::http::{HeaderValue, StatusCode, header};
use serde_json::json;
use url::Url;

use super::{
    DETOUR, Intent,
    answer::{Answer, browser_cookie},
    page::{Page, Reader},
};
use crate::{
    chance::NoChance,
    config::Pages,
    jws::JwsError,
    log,
    oauth::token::TokenError,
    outbound::OutboundError,
    secrets::SecretError,
    sign_in::{NoKeys, SignInError},
    spotify::{OpenAccessError, SpotifyError},
    store::{ChangeError, StoreError},
    telemetry::Code,
};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A part of the request that cannot be read, or not in one way.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A member of a program's request that is not what it must be, by its place.
    #[error("member {0}")]
    Member(String),
    /// More than we read.
    #[error("too large")]
    TooLarge,
    /// What a program has seen is no longer so.
    #[error("another version")]
    OtherVersion,
    /// No such path.
    #[error("no such path")]
    NotFound,
    /// The path has other methods, as `Allow` says them.
    #[error("method not allowed")]
    MethodNotAllowed(&'static str),
    /// Nobody is signed in.
    #[error("signed out")]
    SignedOut,
    /// Between us and the partner's `OpenID` provider.
    #[error("OpenID provider: {0}")]
    Provider(#[from] ProviderError),
    /// The keys that the partner publishes cannot be had.
    #[error("{0}")]
    Keys(#[from] NoKeys),
    /// They may hear nothing yet, and the partner wants nobody linked who may not.
    #[error("no entitlements")]
    NothingToHear,
    /// A token of the partner's that is not good.
    #[error("token: {0}")]
    Token(#[from] JwsError),
    /// A state that is unknown, spent, expired or another browser's, as the log says: one answer for all.
    #[error("state: {0}")]
    State(&'static str),
    /// Another person, or nobody, is signed in since the journey began.
    #[error("session changed")]
    SessionChanged,
    /// The person refused consent.
    #[error("consent refused")]
    ConsentRefused,
    /// Spotify's consent ended in another error.
    #[error("consent failed")]
    ConsentFailed,
    /// An unlink form that is not ours.
    #[error("form: {0}")]
    Form(&'static str),
    /// Between us and Spotify.
    #[error("{1}")]
    Spotify(Step, #[source] SpotifyError),
    /// Between us and DynamoDB.
    #[error("store: {0}")]
    Store(StoreError),
    /// Between us and Secrets Manager.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// No random bytes.
    #[error("{0}")]
    Chance(#[from] NoChance),
    /// No time left.
    #[error("out of time")]
    OutOfTime,
    /// Something that cannot be.
    #[error("fault: {0}")]
    Fault(&'static str),
}

/// Why nobody was signed in at the partner's `OpenID` provider. Holds our own words for what the provider did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The person turned back there.
    #[error("cancelled")]
    Cancelled,
    /// It does not answer, or not what a provider answers.
    #[error("{0}")]
    Down(&'static str),
    /// It refused us as its client.
    #[error("{0}")]
    ClientRefused(&'static str),
    /// It refused the code.
    #[error("invalid_grant")]
    CodeRefused,
    /// Its ID token is good, but its claims are not what they must be by our configuration.
    #[error("claims: {0}")]
    Claims(JwsError),
}

/// What Spotify was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Linking.
    Link,
    /// Unlinking.
    Unlink,
    /// Looking whether there is a link.
    Look,
}

impl Problem {
    /// Writes it down, where it does not decide the answer.
    pub fn log(&self) {
        log!(warn, verdict(self).log, reason = self.to_string());
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Token(error) => Self::Token(error),
            SignInError::Keys(error) => Self::Keys(error),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::OtherVersion => Self::OtherVersion,
            ChangeError::TooMany => Self::Member("entitlements".to_owned()),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl Problem {
    /// What it is to a program: the status and the code, for an answer in which it is one of many.
    #[must_use]
    pub fn told(&self) -> (StatusCode, &'static str) {
        let Verdict { status, code, .. } = verdict(self);
        (status, code)
    }

    /// The code by which it is logged.
    #[must_use]
    pub fn log_code(&self) -> Code {
        verdict(self).log
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Used => Self::Token(JwsError::Used),
            error => Self::Store(error),
        }
    }
}

/// A problem, the browser cookie that goes with its answer, what the person came for, if the request does not say so, and whose frame its page may stand in.
#[derive(Debug)]
pub struct Failure {
    problem: Problem,
    cookie: Option<String>,
    frame: Option<Box<Url>>,
    intent: Option<Box<Intent>>,
    pages: Option<Box<Pages>>,
}

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Self {
            problem: problem.into(),
            cookie: None,
            frame: None,
            intent: None,
            pages: None,
        }
    }
}

impl Failure {
    /// With the browser's bindings set to `value`, or taken away when there are none.
    #[must_use]
    pub fn with_browser_cookie(self, value: Option<&str>) -> Self {
        Self {
            cookie: Some(browser_cookie(value, DETOUR)),
            ..self
        }
    }

    /// On the way to what a person came for, at which they may begin again.
    #[must_use]
    pub fn on_the_way_to(self, intent: Intent) -> Self {
        Self {
            intent: Some(Box::new(intent)),
            ..self
        }
    }

    /// On pages of the partner concerned.
    #[must_use]
    pub fn on_pages_of(self, pages: &Pages) -> Self {
        Self {
            pages: Some(Box::new(pages.clone())),
            ..self
        }
    }

    /// Allowed in a frame of this origin's pages.
    #[must_use]
    pub fn framed_by(self, origin: Option<&Url>) -> Self {
        Self {
            frame: origin.cloned().map(Box::new),
            ..self
        }
    }

    /// What went wrong, for the log: our own words, nothing from outside.
    pub(super) fn reason(&self) -> String {
        self.problem.to_string()
    }

    pub(super) fn verdict(&self) -> Verdict {
        verdict(&self.problem)
    }

    /// The answer to a program: RFC 9457.
    pub(super) fn to_program(&self, request_id: &str) -> Answer {
        let Verdict {
            status, code, title, ..
        } = self.verdict();
        let mut body = json!({
            "type": format!("urn:soa-link:problem:{code}"), "title": title, "status": status.as_u16(), "code": code, "request_id": request_id,
        });
        if let (Problem::Member(member), Some(body)) = (&self.problem, body.as_object_mut()) {
            body.insert("member".to_owned(), member.as_str().into());
        }
        let headers = [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        )]
        .into_iter()
        .collect();
        self.finished(Answer {
            status,
            headers,
            cookies: Vec::new(),
            body: body.to_string(),
        })
    }

    /// The answer to a person; `reader` is who they are as far as the request says.
    pub(super) fn to_person(&self, reader: &Reader<'_>) -> Answer {
        let Verdict { status, page, .. } = self.verdict();
        let intent = self.intent.as_deref().unwrap_or(reader.intent);
        let reader = Reader {
            intent,
            language: intent.language.unwrap_or(reader.language),
            pages: self.pages.as_deref().unwrap_or(reader.pages),
            ..*reader
        };
        self.finished(page.answer(status, &reader))
    }

    fn finished(&self, mut answer: Answer) -> Answer {
        answer.cookies.extend(self.cookie.clone());
        if let Some(origin) = &self.frame {
            answer = answer.framed_by(origin);
        }
        if let Some(seconds) = self.verdict().retry_after {
            answer = answer.with_header(header::RETRY_AFTER, &seconds.to_string());
        }
        match &self.problem {
            Problem::MethodNotAllowed(methods) => answer.with_header(header::ALLOW, methods),
            // RFC 6750 §3.1: no error is named to whoever showed no token.
            Problem::SignedOut => answer.with_header(header::WWW_AUTHENTICATE, "Bearer"),
            Problem::Token(_) => answer.with_header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""),
            _ => answer,
        }
    }
}

/// What a problem is to each of those who hear of it.
pub(super) struct Verdict {
    pub(super) status: StatusCode,
    /// To programs: RFC 6749 and 6750 words where one fits.
    pub(super) code: &'static str,
    /// To programs, in words.
    title: &'static str,
    pub(super) page: Page,
    pub(super) log: Code,
    retry_after: Option<u64>,
}

impl Verdict {
    /// Whether somebody should look: ours or Spotify's fault, not the asker's.
    pub(super) fn is_an_error(&self) -> bool {
        self.status.is_server_error()
    }
}

/// A verdict whose title is that of its code.
fn tell(status: StatusCode, code: &'static str, page: Page, log: Code) -> Verdict {
    let title = match code {
        "invalid_request" => "The request is malformed",
        "invalid_token" => "The token is not good",
        "access_denied" => "Access was denied",
        "state_mismatch" => "The state does not belong to this browser, or no longer",
        "already_linked" => "One of the two accounts may be linked to another",
        "temporarily_unavailable" => "Not just now",
        "version_mismatch" => "The version is not the one that was expected",
        _ => "A fault on our side",
    };
    Verdict {
        status,
        code,
        title,
        page,
        log,
        retry_after: None,
    }
}

fn verdict(problem: &Problem) -> Verdict {
    match problem {
        Problem::Malformed(_) | Problem::Member(_) => tell(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            Page::Malformed,
            Code::RequestMalformed,
        ),
        Problem::OtherVersion => tell(
            StatusCode::CONFLICT,
            "version_mismatch",
            Page::Malformed,
            Code::OtherVersion,
        ),
        Problem::TooLarge => tell(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            Page::Malformed,
            Code::RequestMalformed,
        ),
        Problem::NotFound => tell(
            StatusCode::NOT_FOUND,
            "invalid_request",
            Page::NotFound,
            Code::RequestMalformed,
        ),
        Problem::MethodNotAllowed(_) => tell(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            Page::NotFound,
            Code::RequestMalformed,
        ),
        Problem::SignedOut => tell(
            StatusCode::UNAUTHORIZED,
            "access_denied",
            Page::SignedOut,
            Code::SignInNeeded,
        ),
        Problem::Provider(error) => provider_verdict(*error),
        Problem::Keys(_) => Verdict {
            page: Page::SignInDown,
            ..busy(Code::KeysUnavailable)
        },
        Problem::NothingToHear => tell(
            StatusCode::FORBIDDEN,
            "access_denied",
            Page::NothingToHear,
            Code::NothingToHear,
        ),
        Problem::Token(_) => tell(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            Page::SignInRefused,
            Code::TokenRefused,
        ),
        Problem::State(_) => tell(
            StatusCode::BAD_REQUEST,
            "state_mismatch",
            Page::Expired,
            Code::StateRefused,
        ),
        Problem::SessionChanged => tell(
            StatusCode::BAD_REQUEST,
            "state_mismatch",
            Page::Expired,
            Code::SessionChanged,
        ),
        Problem::ConsentRefused => tell(StatusCode::FORBIDDEN, "access_denied", Page::Cancelled, Code::Cancelled),
        Problem::ConsentFailed => tell(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            Page::Expired,
            Code::ConsentFailed,
        ),
        Problem::Form(_) => tell(
            StatusCode::FORBIDDEN,
            "access_denied",
            Page::FormRefused,
            Code::FormRefused,
        ),
        Problem::Spotify(step, error) => spotify_verdict(*step, error),
        Problem::Secret(error) => secret_verdict(error),
        Problem::Store(StoreError::Unavailable) => busy(Code::StoreUnavailable),
        Problem::Store(StoreError::Used | StoreError::Refused | StoreError::Malformed)
        | Problem::Chance(_)
        | Problem::Fault(_) => tell(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            Page::WentWrong,
            Code::Fault,
        ),
        Problem::OutOfTime => Verdict {
            status: StatusCode::GATEWAY_TIMEOUT,
            ..busy(Code::OutOfTime)
        },
    }
}

/// Passing trouble: 503, with a time to come back at.
fn busy(log: Code) -> Verdict {
    Verdict {
        retry_after: Some(5),
        ..tell(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            Page::Busy,
            log,
        )
    }
}

fn provider_verdict(error: ProviderError) -> Verdict {
    match error {
        ProviderError::Cancelled => tell(
            StatusCode::FORBIDDEN,
            "access_denied",
            Page::SignInCancelled,
            Code::SignInCancelled,
        ),
        ProviderError::Down(_) => Verdict {
            page: Page::SignInDown,
            ..busy(Code::SignInDown)
        },
        ProviderError::ClientRefused(_) => tell(
            StatusCode::BAD_GATEWAY,
            "server_error",
            Page::WentWrong,
            Code::SignInRefused,
        ),
        ProviderError::Claims(_) => tell(
            StatusCode::BAD_GATEWAY,
            "server_error",
            Page::WentWrong,
            Code::SignInClaims,
        ),
        ProviderError::CodeRefused => tell(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            Page::Expired,
            Code::CodeRefused,
        ),
    }
}

fn secret_verdict(error: &SecretError) -> Verdict {
    match error {
        SecretError::Unavailable => busy(Code::SecretsUnavailable),
        SecretError::Refused { .. } | SecretError::Malformed { .. } => tell(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            Page::WentWrong,
            Code::Fault,
        ),
    }
}

fn spotify_verdict(step: Step, error: &SpotifyError) -> Verdict {
    let trouble = |status: StatusCode, log: Code| Verdict {
        status,
        page: Page::SpotifyDown,
        retry_after: None,
        ..busy(log)
    };
    // Our client's fault, or our own: not theirs who asked.
    let ours = |log: Code| tell(StatusCode::BAD_GATEWAY, "server_error", Page::WentWrong, log);
    let limited = |retry_after: &Option<u64>| Verdict {
        // Who asks may look again after an hour.
        retry_after: Some(retry_after.unwrap_or(5).min(3600)),
        ..trouble(StatusCode::SERVICE_UNAVAILABLE, Code::SpotifyLimited)
    };
    let outbound = |error: &OutboundError| match error {
        OutboundError::Timeout => trouble(StatusCode::GATEWAY_TIMEOUT, Code::SpotifyUnavailable),
        OutboundError::Connect | OutboundError::Broken => trouble(StatusCode::BAD_GATEWAY, Code::SpotifyUnavailable),
        OutboundError::TooLarge | OutboundError::NotText => trouble(StatusCode::BAD_GATEWAY, Code::SpotifyNonsense),
        OutboundError::Client => ours(Code::Fault),
    };
    // A refusal to link has no documented status: what is likely is said as likely, whatever the number.
    let could_not_link =
        |status: StatusCode, code: &'static str| tell(status, code, Page::CouldNotLink, Code::Conflict);
    match error {
        SpotifyError::Token(TokenError::InvalidGrant) => tell(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            Page::Expired,
            Code::CodeRefused,
        ),
        SpotifyError::Token(TokenError::InvalidClient | TokenError::ScopeMissing | TokenError::Refused { .. })
        | SpotifyError::OpenAccess(OpenAccessError::Unauthorized | OpenAccessError::Forbidden) => {
            ours(Code::SpotifyRefused)
        }
        SpotifyError::Token(TokenError::RateLimited { retry_after })
        | SpotifyError::OpenAccess(OpenAccessError::RateLimited { retry_after }) => limited(retry_after),
        SpotifyError::Token(TokenError::Unavailable { .. })
        | SpotifyError::OpenAccess(OpenAccessError::Unavailable { .. }) => {
            trouble(StatusCode::BAD_GATEWAY, Code::SpotifyUnavailable)
        }
        SpotifyError::Token(TokenError::Nonsense(_)) | SpotifyError::OpenAccess(OpenAccessError::Nonsense) => {
            trouble(StatusCode::BAD_GATEWAY, Code::SpotifyNonsense)
        }
        SpotifyError::NoTokenResponse(error) | SpotifyError::OpenAccess(OpenAccessError::Outbound(error)) => {
            outbound(error)
        }
        SpotifyError::OpenAccess(OpenAccessError::Conflict) if step == Step::Link => {
            could_not_link(StatusCode::CONFLICT, "already_linked")
        }
        SpotifyError::OpenAccess(OpenAccessError::NotLinked | OpenAccessError::Refused { .. })
            if step == Step::Link =>
        {
            could_not_link(StatusCode::BAD_GATEWAY, "server_error")
        }
        SpotifyError::OpenAccess(
            OpenAccessError::Conflict | OpenAccessError::NotLinked | OpenAccessError::Refused { .. },
        ) => ours(Code::SpotifyRefused),
        SpotifyError::CompletionUrl(_) => ours(Code::CompletionRefused),
        SpotifyError::Secret(error) => secret_verdict(error),
        SpotifyError::Sign(_) => ours(Code::Fault),
    }
}
