//! Rotation of the client secret: which version authenticates and signs, and which one is tried after Spotify has refused it. This module
//! rotates nothing itself.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Spotify, SpotifyError};
use crate::{
    oauth::token::TokenError,
    secret::ClientSecret,
    secrets::{SecretValue, Versions, string_member},
};

/// A choice between the current and the previous version of the client secret.
#[derive(Clone)]
pub(super) struct Credentials {
    versions: Arc<Versions<ClientSecret>>,
    use_previous: bool,
}

impl Credentials {
    pub(super) fn current(versions: Arc<Versions<ClientSecret>>) -> Self {
        Self {
            versions,
            use_previous: false,
        }
    }

    pub(super) fn client_secret(&self) -> &ClientSecret {
        match &self.versions.previous {
            Some(previous) if self.use_previous => previous,
            _ => &self.versions.current,
        }
    }

    /// Whether `versions` has this secret as its current one, or is the reading that these credentials were taken from.
    pub(super) fn are_of(&self, versions: &Arc<Versions<ClientSecret>>) -> bool {
        versions.current.ct_eq(self.client_secret()) || Arc::ptr_eq(&self.versions, versions)
    }
}

impl SecretValue for ClientSecret {
    fn from_members(members: &Map<String, Value>) -> Result<Self, String> {
        Self::parse(string_member(members, "client_secret")?).map_err(|weak| format!("member `client_secret` {weak}"))
    }
}

impl Spotify {
    /// The credentials to try after `refused`: the current version in Secrets Manager if it differs, else the previous version.
    pub(super) async fn fallback_credentials(&self, refused: &Credentials) -> Result<Credentials, SpotifyError> {
        let versions = self.client_secret.refresh_after_rejection(&refused.versions).await?;
        let refused = refused.client_secret();
        if !versions.current.ct_eq(refused) {
            return Ok(Credentials::current(versions));
        }
        match &versions.previous {
            Some(previous) if !previous.ct_eq(refused) => Ok(Credentials {
                versions,
                use_previous: true,
            }),
            _ => Err(TokenError::InvalidClient.into()),
        }
    }

    /// The current credentials after Spotify has refused a call signed by `credentials`. Reads the secret again unless the cached one already
    /// differs. Returns `None` if the secret is unchanged or unreadable.
    pub(super) async fn rotated_credentials(&self, credentials: &Credentials) -> Option<Credentials> {
        let refused = credentials.client_secret();
        let known = self.client_secret.get().await.ok()?;
        // The cached reading may be newer than that of `credentials` and still have the same secret.
        let versions = if known.current.ct_eq(refused) {
            self.client_secret.refresh_after_rejection(&known).await.ok()?
        } else {
            known
        };
        (!versions.current.ct_eq(refused)).then_some(Credentials::current(versions))
    }
}
