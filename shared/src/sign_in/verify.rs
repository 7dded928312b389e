//! Verifies a token with the keys of the secret, or with those that the partner publishes.

use super::{PartnerKeys, RemoteKeys, SignInError};
use crate::{
    jws::{JwsError, KeySet, TokenKind, UnverifiedJws, Verified, Verifier},
    secrets::Versions,
};

/// The kind, issuer and audience that a token must have, and the time `now` at which it must be valid, in seconds since 1970.
pub(super) struct Expected<'a> {
    pub(super) kind: TokenKind,
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) now: i64,
}

/// Upper bound of a backend's signed request, in bytes. Enough for 100 subscribers with a few entitlements each.
pub(super) const MAX_REQUEST_BYTES: usize = 60 * 1024;

/// Verifies with the published keys if a URL is configured, otherwise with those of the secret. If no key fits, the partner may be rotating its keys: published
/// keys are fetched again, or the previous version of the secret is tried.
pub(super) async fn verify<C: serde::de::DeserializeOwned>(
    keys: &Versions<PartnerKeys>,
    of_secret: fn(&PartnerKeys) -> &KeySet,
    remote: Option<&RemoteKeys>,
    expected: &Expected<'_>,
    token: &str,
) -> Result<Verified<C>, SignInError> {
    let jws = match expected.kind {
        TokenKind::Request => UnverifiedJws::parse_with_limit(MAX_REQUEST_BYTES, token)?,
        TokenKind::Session | TokenKind::Handoff => UnverifiedJws::parse(token)?,
    };
    let with = |keys: &KeySet| {
        let verifier = Verifier {
            keys,
            kind: expected.kind,
            issuer: expected.issuer,
            audience: expected.audience,
        };
        verifier.verify(&jws, expected.now)
    };
    if let Some(remote) = remote {
        let known = remote.get().await?;
        return Ok(match with(&known) {
            Err(error) if jws.may_use_rotated_key(error) => with(&*remote.refresh(&known).await)?,
            outcome => outcome?,
        });
    }
    Ok(match (with(of_secret(&keys.current)), &keys.previous) {
        (Err(JwsError::UnknownKey | JwsError::Algorithm | JwsError::Signature), Some(previous)) => {
            with(of_secret(previous))?
        }
        (outcome, _) => outcome?,
    })
}
