//! The client of Spotify: the token endpoint, and the signed calls of Spotify Open Access. It stores nothing, and knows neither incoming
//! requests nor pages.

mod calls;
mod completion_url;
mod credentials;
mod error;
mod open_access;
mod partners;
mod service_tokens;
mod token_endpoint;

use std::sync::Arc;

use tokio::sync::Mutex;
use url::Url;

pub use completion_url::{CompletionUrl, CompletionUrlError, CompletionUrlPolicy};
pub use error::{OpenAccessError, SpotifyError};
pub use partners::UPLOAD_TIMEOUT;
pub use token_endpoint::TokenEndpoint;

use self::{credentials::Credentials, service_tokens::ServiceToken};
use crate::{
    clock::Clock,
    http_client::HttpClient,
    oauth::{
        authorize::AuthorizationCode,
        pkce::CodeVerifier,
        token::{AccessToken, Grant},
    },
    rng::Rng,
    secret::ClientSecret,
    secrets::{ManagedSecret, SecretError},
};

/// User scope of `register-user`. Never requested together with a service scope (Open Access Concepts).
pub const USER_SOA_LINK: &str = "user-soa-link";
/// Service scope of `unlink-user`, despite the prefix `user`.
pub const USER_SOA_UNLINK: &str = "user-soa-unlink";
/// Service scope of `get-entitlements` and `replace-entitlements`.
pub const SOA_MANAGE_ENTITLEMENTS: &str = "soa-manage-entitlements";
/// Service scope of `create-partner`, granted to platform partners only (Scopes).
pub const SOA_CREATE_PARTNER: &str = "soa-create-partner";
/// Service scope of `upload-logo`.
pub const SOA_MANAGE_PARTNER: &str = "soa-manage-partner";

/// Client id, addresses and content type of the calls to Spotify.
#[derive(Clone, Debug)]
pub struct SpotifyConfig {
    /// `client_id`.
    pub client_id: String,
    /// Origin of the authorization and token endpoints.
    pub accounts_url: Url,
    /// Origin of the Open Access API.
    pub open_access_url: Url,
    /// `Content-Type` of signed bodies. Spotify documents none; its sample integration sends `jwt`.
    pub jws_content_type: String,
}

/// A client of Spotify, with cached service tokens.
pub struct Spotify {
    settings: SpotifyConfig,
    token_endpoint: TokenEndpoint,
    http: HttpClient,
    client_secret: ManagedSecret<ClientSecret>,
    clock: Clock,
    rng: Rng,
    unlink_token: Mutex<Option<Arc<ServiceToken>>>,
    entitlements_token: Mutex<Option<Arc<ServiceToken>>>,
}

/// A user token, with the version of the client secret that obtained it and signs the calls made with it.
pub struct UserToken {
    access_token: AccessToken,
    credentials: Credentials,
}

impl Spotify {
    /// Builds the client. It reads no secret and opens no connection.
    #[must_use]
    pub fn new(
        settings: SpotifyConfig,
        http: HttpClient,
        client_secret: ManagedSecret<ClientSecret>,
        clock: Clock,
        rng: Rng,
    ) -> Self {
        Self {
            token_endpoint: TokenEndpoint::new(&http, &settings.accounts_url, &settings.client_id),
            settings,
            http,
            client_secret,
            clock,
            rng,
            unlink_token: Mutex::new(None),
            entitlements_token: Mutex::new(None),
        }
    }

    /// Reads the client secret and connects to both of Spotify's hosts, concurrently. An unreachable Spotify is not an error.
    ///
    /// # Errors
    /// [`SecretError`] if the client secret is refused or malformed, as in [`ManagedSecret::preload`]. A retry does not help.
    pub async fn preload(&self) -> Result<(), SecretError> {
        let open = |url: &Url| {
            let origin = url.to_string();
            async move { self.http.preconnect(&origin).await }
        };
        let (loaded, (), ()) = tokio::join!(
            self.client_secret.preload(),
            open(&self.settings.accounts_url),
            open(&self.settings.open_access_url)
        );
        loaded
    }

    /// Reads the client secret if the cached one is too old, so that a later call does not wait for it.
    pub async fn refresh_client_secret(&self) {
        // The next call that needs the secret reports the error.
        drop(self.client_secret.get().await);
    }

    /// Exchanges a code for a user token (RFC 6749 §4.1.3). The code is sent once. If Spotify answers `invalid_client`, it has not consumed
    /// the code, which is then sent again with the rotated or previous secret.
    ///
    /// # Errors
    /// [`SpotifyError`] if there is no token. A retry with the same code is never safe: the subscriber must start a new journey.
    pub async fn exchange_code(
        &self,
        code: AuthorizationCode,
        code_verifier: Option<CodeVerifier>,
        redirect_uri: &str,
    ) -> Result<UserToken, SpotifyError> {
        let grant = Grant::AuthorizationCode {
            code: &code,
            redirect_uri,
            code_verifier: code_verifier.as_ref(),
        };
        let (token, credentials) = self.request_token_with_fallback(&grant, USER_SOA_LINK).await?;
        Ok(UserToken {
            access_token: token.access_token,
            credentials,
        })
    }
}
