//! Owns what we say to Spotify as its client: the token endpoint with our secret, and the signed calls of Spotify Open Access. Needs
//! `oauth`, `jws`, `partner`, `secrets` and the outbound client. Refuses to store, to know a request, and to decide what a person sees.

mod calls;
mod completion;
mod open_access;
mod partners;
mod service_token;

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

pub(crate) use calls::measured;
pub use completion::{CompletionUrl, CompletionUrlError, Landing};
pub use open_access::OpenAccessError;

use self::service_token::ServiceToken;
use crate::{
    chance::Chance,
    clock::Clock,
    jws::SignError,
    oauth::{
        authorize::AuthorizationCode,
        pkce::CodeVerifier,
        token::{self, AccessToken, Grant, Token, TokenError},
    },
    outbound::Outbound,
    secret::ClientSecret,
    secrets::{Secret, SecretError, SecretValue, Versions, text_member},
    telemetry::metrics::{self, Metric},
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
pub struct SpotifySettings {
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
    settings: SpotifySettings,
    token_endpoint: Url,
    outbound: Outbound,
    client_secret: Secret<ClientSecret>,
    clock: Clock,
    chance: Chance,
    unlink_token: Mutex<Option<Arc<ServiceToken>>>,
    entitlements_token: Mutex<Option<Arc<ServiceToken>>>,
}

/// A person's token and the secret that it was granted to, which signs what goes with it.
pub struct UserToken {
    access_token: AccessToken,
    credentials: Credentials,
}

/// One of the two versions of the client secret.
#[derive(Clone)]
struct Credentials {
    versions: Arc<Versions<ClientSecret>>,
    use_previous: bool,
}

impl Credentials {
    fn client_secret(&self) -> &ClientSecret {
        match &self.versions.previous {
            Some(previous) if self.use_previous => previous,
            _ => &self.versions.current,
        }
    }
}

impl SecretValue for ClientSecret {
    fn from_members(members: &Map<String, Value>) -> Result<Self, String> {
        Self::parse(text_member(members, "client_secret")?).map_err(|weak| format!("member `client_secret` {weak}"))
    }
}

impl Spotify {
    /// Spotify, with a client secret that is not read yet.
    #[must_use]
    pub fn new(
        settings: SpotifySettings,
        outbound: Outbound,
        client_secret: Secret<ClientSecret>,
        clock: Clock,
        chance: Chance,
    ) -> Self {
        let mut token_endpoint = settings.accounts_url.clone();
        token_endpoint.set_path("/api/token");
        Self {
            settings,
            token_endpoint,
            outbound,
            client_secret,
            clock,
            chance,
            unlink_token: Mutex::new(None),
            entitlements_token: Mutex::new(None),
        }
    }

    /// Reads the client secret and opens connections to Spotify's two hosts, all at once.
    ///
    /// # Errors
    /// [`SecretError`] when the client secret is not what it must be. Spotify being down is none.
    pub async fn prepare(&self) -> Result<(), SecretError> {
        let open = |url: &Url| {
            let origin = url.to_string();
            async move { self.outbound.open(&origin).await }
        };
        let (loaded, (), ()) = tokio::join!(
            self.client_secret.load(),
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
        let (token, credentials) = self.authenticated(&grant, USER_SOA_LINK).await?;
        Ok(UserToken {
            access_token: token.access_token,
            credentials,
        })
    }

    /// Asks the token endpoint with the current secret, and once more with another if the first is no longer good.
    async fn authenticated(&self, grant: &Grant<'_>, scope: &str) -> Result<(Token, Credentials), SpotifyError> {
        let credentials = Credentials {
            versions: self.client_secret.get().await?,
            use_previous: false,
        };
        match self.request_token(&credentials, grant, scope).await {
            Err(TokenError::InvalidClient) => {
                let again = async {
                    let credentials = self.other_credentials(&credentials).await?;
                    Ok((self.request_token(&credentials, grant, scope).await?, credentials))
                };
                let granted = again.await;
                if matches!(granted, Err(SpotifyError::Token(TokenError::InvalidClient))) {
                    metrics::count(Metric::ClientRefused);
                }
                granted
            }
            outcome => Ok((outcome?, credentials)),
        }
    }

    async fn request_token(
        &self,
        credentials: &Credentials,
        grant: &Grant<'_>,
        scope: &str,
    ) -> Result<Token, TokenError> {
        let client_secret = credentials.client_secret();
        token::request(
            &self.outbound,
            &self.token_endpoint,
            &self.settings.client_id,
            client_secret,
            grant,
            scope,
        )
        .await
    }

    /// The secret to try after one was refused: what Secrets Manager has now, else the previous version.
    async fn other_credentials(&self, refused: &Credentials) -> Result<Credentials, SpotifyError> {
        let versions = self.client_secret.get_after_refusal(&refused.versions).await?;
        let refused = refused.client_secret();
        if !versions.current.same_as(refused) {
            return Ok(Credentials {
                versions,
                use_previous: false,
            });
        }
        match &versions.previous {
            Some(previous) if !previous.same_as(refused) => Ok(Credentials {
                versions,
                use_previous: true,
            }),
            _ => Err(TokenError::InvalidClient.into()),
        }
    }
}

/// What went wrong between us and Spotify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpotifyError {
    /// At the token endpoint.
    #[error("token endpoint: {0}")]
    Token(#[from] TokenError),
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
