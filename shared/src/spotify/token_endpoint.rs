//! Spotify's token endpoint, for functions and operators. The only module that requests tokens from Spotify. It caches none.

use url::Url;

use super::{Spotify, SpotifyError, calls::measured, credentials::Credentials};
use crate::{
    http_client::HttpClient,
    oauth::token::{self, Grant, Token, TokenError},
    secret::ClientSecret,
    telemetry::metrics::{self, Metric},
};

/// The token endpoint, for one client id.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    http: HttpClient,
    url: String,
    client_id: String,
}

impl TokenEndpoint {
    /// The endpoint at the origin `accounts_url`.
    #[must_use]
    pub fn new(http: &HttpClient, accounts_url: &Url, client_id: impl Into<String>) -> Self {
        let mut url = accounts_url.clone();
        url.set_path("/api/token");
        Self {
            http: http.clone(),
            url: url.into(),
            client_id: client_id.into(),
        }
    }

    /// Sends one request for a token with `scope`, with the client's Basic authentication.
    ///
    /// # Errors
    /// [`SpotifyError::Token`] if the endpoint grants no token; its variant says why. [`SpotifyError::NoTokenResponse`] if no complete
    /// response arrived. A retry is safe for client credentials, but never for a code.
    pub async fn request(
        &self,
        client_secret: &ClientSecret,
        grant: &Grant<'_>,
        scope: &str,
    ) -> Result<Token, SpotifyError> {
        let headers = token::headers(&self.client_id, client_secret)?;
        let answering = self.http.post(&self.url, headers, token::form(grant, scope));
        let answer = measured("token", answering)
            .await
            .map_err(SpotifyError::NoTokenResponse)?;
        let token = token::parse(answer.status, answer.retry_after, answer.body.expose(), scope)?;
        Ok(token)
    }
}

impl Spotify {
    /// Requests a token with the current secret, and after `invalid_client` once more with the rotated or previous one.
    pub(super) async fn request_token_with_fallback(
        &self,
        grant: &Grant<'_>,
        scope: &str,
    ) -> Result<(Token, Credentials), SpotifyError> {
        let credentials = Credentials::current(self.client_secret.get().await?);
        match self.request_token(&credentials, grant, scope).await {
            Err(SpotifyError::Token(TokenError::InvalidClient)) => {
                let again = async {
                    let credentials = self.fallback_credentials(&credentials).await?;
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
    ) -> Result<Token, SpotifyError> {
        let client_secret = credentials.client_secret();
        self.token_endpoint.request(client_secret, grant, scope).await
    }
}
