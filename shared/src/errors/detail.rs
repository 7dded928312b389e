//! What a program can do about an error: the member `detail` of its problem+json (RFC 9457 §3.1.4).

use std::borrow::Cow;

use super::{Error, ProviderError};
use crate::jws::JwsError;

/// Detail of an error on our side. A repetition of the identical request is safe, because it has its effect once.
const LATER: &str = "Send the identical request again, after a pause that grows with each attempt.";
const LOGGED: &str = "The fault is not in the request. The log line with this `request_id` names it.";

impl Error {
    /// Names the member, the rule and the expectation, and never a value of the request.
    pub(super) fn detail(&self) -> Cow<'static, str> {
        let text = match self {
            Self::InvalidMember(invalid) => return format!("`{}` {}.", invalid.path, invalid.rule).into(),
            Self::UnknownMember(Some(path)) => {
                return format!("`{path}` is no member of this request. {MEMBERS}").into();
            }
            Self::UnknownMember(None) => return format!("The request has an unknown member. {MEMBERS}").into(),
            Self::RequestRejected(_, detail) => return detail.clone().into(),
            Self::Malformed(part) => return format!("The {part} is missing, repeated or unreadable.").into(),
            Self::MethodNotAllowed(methods) => return format!("This path has the methods {methods}.").into(),
            Self::ContentType => "The `Content-Type` must be `application/jwt`, and the body a compact JWS.",
            Self::TooLarge => "The body must have at most 61,440 bytes. Send fewer people in one request.",
            Self::VersionMismatch => {
                "`version` must be the current version of the subscriber. Read it with `/get-entitlements`."
            }
            Self::NotFound => "There is no such path. `infra/openapi.json` lists all paths.",
            Self::UnknownPartner => "No partner has the id in the path, or the partner is disabled.",
            Self::PathMapped(_) => "The custom domain maps a path to this API. Map the whole domain.",
            Self::Token(JwsError::Replayed) => "The token was used before. Sign a new one for each attempt.",
            Self::Token(_) | Self::HandoffRejected(_) => {
                "The token is invalid. The log line with this `request_id` names the rule."
            }
            Self::SignedOut | Self::SessionRejected | Self::SessionChanged | Self::FormSessionChanged(_) => {
                "The person must sign in at the partner's site."
            }
            Self::State(_)
            | Self::StateSpent(_)
            | Self::ConsentRefused
            | Self::Provider(ProviderError::CodeRefused | ProviderError::Cancelled) => {
                "The journey must begin again at `/entrypoint`."
            }
            Self::InvalidForm(_) => "The form must be sent by the page `/unlink`. A backend sends a signed request.",
            Self::NoEntitlements => "The person has no entitlements, and `LINK_WITHOUT_ENTITLEMENTS` is `off`.",
            Self::Provider(ProviderError::Unavailable(_))
            | Self::Keys(_)
            | Self::ConsentUnavailable
            | Self::Timeout => LATER,
            Self::Provider(ProviderError::ClientRefused(_) | ProviderError::Claims(_))
            | Self::ConsentFailed
            | Self::Rng(_)
            | Self::Internal(_) => LOGGED,
            Self::Spotify(..) | Self::Store(_) | Self::Secret(_) => {
                if self.kind().code == "temporarily_unavailable" {
                    LATER
                } else {
                    LOGGED
                }
            }
        };
        text.into()
    }
}

/// The members that a backend's request may have.
const MEMBERS: &str = "Beside the claims of a JWT it has `partner_id`, `sub` or `partner_user_id`, `entitlements`, `version`, `as_of` and \
     `people`; each of the people has `sub` or `partner_user_id`, `entitlements`, `version` and `as_of`.";
