//! The client secret and its rotation: which version authenticates and signs, and which one is tried after Spotify refused it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Spotify, SpotifyError};
use crate::{
    oauth::token::TokenError,
    secret::ClientSecret,
    secrets::{SecretValue, Versions, string_member},
};

/// One of the two versions of the client secret.
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

    /// Whether `versions` has the same current secret, or is what these were taken from.
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
    /// The secret to try after one was refused: what Secrets Manager has now, else the previous version.
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

    /// What signs now, if that is another secret than `credentials` are of: read again, because Spotify refused what those had signed.
    pub(super) async fn rotated_credentials(&self, credentials: &Credentials) -> Option<Credentials> {
        let refused = credentials.client_secret();
        let known = self.client_secret.get().await.ok()?;
        // The one at hand may be a later reading of the same secret.
        let versions = if known.current.ct_eq(refused) {
            self.client_secret.refresh_after_rejection(&known).await.ok()?
        } else {
            known
        };
        (!versions.current.ct_eq(refused)).then_some(Credentials::current(versions))
    }
}
