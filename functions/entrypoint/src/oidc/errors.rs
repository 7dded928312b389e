//! What the provider's errors mean to us.

use openidconnect::{RequestTokenError, StandardErrorResponse, core::CoreErrorResponseType};
use shared::{errors::ProviderError, http_client::HttpError, jws::JwsError};

/// RFC 6749 §5.2: the client's authentication failed.
pub(super) const INVALID_CLIENT: &str = "invalid_client";

/// Whose fault it is that there is no token: nobody's but the passing time, ours as its client, or the provider's.
pub(super) fn token_problem(
    error: &RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> ProviderError {
    let RequestTokenError::ServerResponse(refusal) = error else {
        return ProviderError::Unavailable(match error {
            RequestTokenError::Request(HttpError::Timeout) => "no token in time",
            RequestTokenError::Request(_) => "no connection to the token endpoint",
            _ => "nonsense of the token endpoint",
        });
    };
    match refusal.error() {
        CoreErrorResponseType::InvalidGrant => ProviderError::CodeRefused,
        CoreErrorResponseType::InvalidClient => ProviderError::ClientRefused(INVALID_CLIENT),
        CoreErrorResponseType::UnauthorizedClient => ProviderError::ClientRefused("unauthorized_client"),
        CoreErrorResponseType::InvalidScope => ProviderError::ClientRefused("invalid_scope"),
        CoreErrorResponseType::InvalidRequest => ProviderError::ClientRefused("invalid_request"),
        CoreErrorResponseType::UnsupportedGrantType => ProviderError::ClientRefused("unsupported_grant_type"),
        CoreErrorResponseType::Extension(_) => ProviderError::Unavailable("an error of the token endpoint"),
    }
}

/// The same words as for every other token.
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
