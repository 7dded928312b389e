//! Translates the errors of `openidconnect` into ours.

use openidconnect::{RequestTokenError, StandardErrorResponse, core::CoreErrorResponseType};
use shared::{errors::ProviderError, http_client::HttpError, jws::JwsError};

/// The error code for a failed client authentication (RFC 6749 §5.2).
pub(super) const INVALID_CLIENT: &str = "invalid_client";

/// Translates an error of the token endpoint (RFC 6749 §5.2): the code is refused, our client is refused, or the provider is unavailable.
pub(super) fn token_problem(
    error: &RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> ProviderError {
    let RequestTokenError::ServerResponse(refusal) = error else {
        return ProviderError::Unavailable(match error {
            RequestTokenError::Request(HttpError::Timeout) => "token endpoint: no response in time",
            RequestTokenError::Request(_) => "token endpoint: no usable response",
            _ => "token endpoint: invalid response",
        });
    };
    match refusal.error() {
        CoreErrorResponseType::InvalidGrant => ProviderError::CodeRefused,
        CoreErrorResponseType::InvalidClient => ProviderError::ClientRefused(INVALID_CLIENT),
        CoreErrorResponseType::UnauthorizedClient => ProviderError::ClientRefused("unauthorized_client"),
        CoreErrorResponseType::InvalidScope => ProviderError::ClientRefused("invalid_scope"),
        CoreErrorResponseType::InvalidRequest => ProviderError::ClientRefused("invalid_request"),
        CoreErrorResponseType::UnsupportedGrantType => ProviderError::ClientRefused("unsupported_grant_type"),
        CoreErrorResponseType::Extension(_) => ProviderError::Unavailable("token endpoint: unknown error code"),
    }
}

/// Translates an error of an ID token into the error of our own token verification.
pub(super) fn token_error(error: &openidconnect::ClaimsVerificationError) -> JwsError {
    use openidconnect::{ClaimsVerificationError as Claim, SignatureVerificationError as Signature};
    match error {
        Claim::Expired(_) => JwsError::Expired,
        Claim::InvalidAudience(_) => JwsError::Claim("aud"),
        Claim::InvalidIssuer(_) => JwsError::Claim("iss"),
        Claim::InvalidNonce(_) => JwsError::Claim("nonce"),
        Claim::InvalidSubject(_) => JwsError::Claim("sub"),
        Claim::SignatureVerification(Signature::NoMatchingKey | Signature::AmbiguousKeyId(_)) => JwsError::UnknownKey,
        Claim::SignatureVerification(
            Signature::DisallowedAlg(_) | Signature::NoSignature | Signature::UnsupportedAlg(_),
        ) => JwsError::Algorithm,
        Claim::SignatureVerification(_) => JwsError::Signature,
        Claim::Unsupported(_) => JwsError::Header,
        _ => JwsError::Malformed,
    }
}
