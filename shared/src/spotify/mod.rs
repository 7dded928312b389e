//! Owns what we say to Spotify as its client: the token endpoint with our secret, and the signed calls of Spotify Open Access. Needs
//! `oauth`, `jws`, `partner`, `secrets` and the outbound client. Refuses to store, to know a request, and to decide what a person sees.

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

/// The scope a person consents to (Open Access Concepts). Never asked for together with a service scope.
pub const USER_SOA_LINK: &str = "user-soa-link";
/// The service scope of `unlink-user`. It begins with "user" and is a service scope all the same.
pub const USER_SOA_UNLINK: &str = "user-soa-unlink";
/// The service scope of the calls about entitlements.
pub const SOA_MANAGE_ENTITLEMENTS: &str = "soa-manage-entitlements";
/// The service scope of `create-partner`, which platform partners alone are granted.
pub const SOA_CREATE_PARTNER: &str = "soa-create-partner";
/// The service scope of `upload-logo`.
pub const SOA_MANAGE_PARTNER: &str = "soa-manage-partner";

/// Where Spotify is and who we are to it.
#[derive(Clone, Debug)]
pub struct SpotifyConfig {
    /// `client_id`.
    pub client_id: String,
    /// The origin of the authorization and token endpoints.
    pub accounts_url: Url,
    /// The origin of the Open Access API.
    pub open_access_url: Url,
    /// `Content-Type` of signed bodies. Spotify prescribes none; its newest sample sends `jwt`.
    pub jws_content_type: String,
}

/// Spotify, as its client sees it.
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

/// A person's token and the secret that it was granted to, which signs what goes with it.
pub struct UserToken {
    access_token: AccessToken,
    credentials: Credentials,
}

impl Spotify {
    /// Spotify, with a client secret that is not read yet.
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

    /// Reads the client secret and opens connections to Spotify's two hosts, all at once.
    ///
    /// # Errors
    /// [`SecretError`] when the client secret is not what it must be. Spotify being down is none.
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

    /// Has the client secret read again when it has become too old, so that this need not be waited for later.
    pub async fn refresh_client_secret(&self) {
        // Whoever needs it next hears of the error.
        drop(self.client_secret.get().await);
    }

    /// Exchanges a person's code for their token (RFC 6749 §4.1.3). The code is sent once. Only when Spotify did not look at it, because
    /// the client secret had been rotated, is it sent with the other version of the secret.
    ///
    /// # Errors
    /// [`SpotifyError`].
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
