//! The client (relying party) of a partner's `OpenID` provider: discovery, authorization code flow with PKCE, `state` and `nonce`, and verification of the ID
//! token (`OpenID` Connect Core 1.0 §3.1).

mod claims;

mod token;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use shared::{
    cache::{Cached, Policy},
    clock::Clock,
    config::OidcConfig,
    errors::{Error, ProviderError},
    http_client::HttpClient,
    i18n::Language,
    jws::{IdTokenVerifier, JwsError, MAX_ID_TOKEN_BYTES, UnverifiedJws},
    oauth::{authorize, nonce, pkce, state::State},
    partner::PartnerId,
    secrets::{ManagedSecret, SecretError, SecretValue, Versions, string_member},
    sign_in::{DiscoveryFailure, IdentityClaims, ProviderMetadata},
    web::Query,
};

use self::token::{ClientAuthentication, CodeExchange, GrantedTokens, INVALID_CLIENT};

/// Upper bound of the time for all calls to the provider after the browser has returned: token and, after a rotation, metadata and keys.
const SIGN_IN_TIMEOUT: Duration = Duration::from_millis(7500);
/// Upper bound of one call to the provider. Some take seconds for the first response after a pause.
const PROVIDER_CALL_TIMEOUT: Duration = Duration::from_millis(6500);

/// The client secret at the provider: any visible ASCII, because providers issue different formats.
pub(crate) struct ProviderSecret(String);

impl SecretValue for ProviderSecret {
    fn from_members(members: &Map<String, Value>) -> Result<Self, String> {
        let secret = string_member(members, "client_secret")?;
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("member `client_secret` is not visible ASCII without white space".to_owned());
        }
        Ok(Self(secret.to_owned()))
    }
}

/// The client of one provider.
pub(crate) struct OidcClient {
    config: OidcConfig,
    client_secret: Option<ManagedSecret<ProviderSecret>>,
    provider: Cached<ProviderMetadata>,
    http: HttpClient,
    clock: Clock,
}

impl OidcClient {
    /// The client that `config` describes.
    pub(crate) fn new(
        config: OidcConfig,
        client_secret: Option<ManagedSecret<ProviderSecret>>,
        http: &HttpClient,
        clock: &Clock,
    ) -> Self {
        Self {
            config,
            client_secret,
            provider: Cached::new(Policy::PUBLISHED, clock.clone()),
            http: http.clone(),
            clock: clock.clone(),
        }
    }

    /// Fetches metadata and keys, and reads the client secret, ahead of need.
    ///
    /// # Errors
    /// [`SecretError`] if the client secret is malformed or missing. An unreachable provider is not an error.
    pub(crate) async fn preload(&self) -> Result<(), SecretError> {
        let secret = async {
            match &self.client_secret {
                Some(secret) => secret.preload().await,
                None => Ok(()),
            }
        };
        let (loaded, provider) = tokio::join!(secret, self.provider());
        if let Err(error) = provider {
            // The next call fetches again. Until then it reports only that the provider has failed, so this line has the reason.
            Error::from(error).log();
        }
        loaded
    }

    /// The `redirect_uri` registered with this provider and with no other.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.config.redirect_uri
    }

    /// The URL of the authorization request (`OpenID` Connect Core 1.0 §3.1.2.1), to which a person is redirected to sign in. With `prompts`,
    /// the provider must ask the person to sign in, even if one is signed in there.
    ///
    /// # Errors
    /// [`Error::Provider`] if the metadata are not available. A retry is safe.
    pub(crate) async fn authorization_url(
        &self,
        state: &State,
        nonce: &nonce::Nonce,
        code_verifier: &pkce::CodeVerifier,
        language: Option<Language>,
        prompts: bool,
    ) -> Result<String, Error> {
        let provider = self.provider().await?;
        let scopes = self.config.scopes.iter().map(String::as_str);
        let scopes: Vec<_> = std::iter::once("openid")
            .chain(scopes.filter(|scope| *scope != "openid"))
            .collect();
        let mut url = provider.authorization_endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", &self.config.redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", state.expose())
            .append_pair("nonce", nonce.expose())
            .append_pair("code_challenge", &code_verifier.challenge())
            .append_pair("code_challenge_method", "S256");
        if prompts {
            query.append_pair("prompt", "login");
        }
        if let Some(language) = language {
            query.append_pair("ui_locales", language.tag());
        }
        drop(query);
        Ok(url.into())
    }

    /// Reads an authorization response. If the provider's metadata announce `iss`, it is required and checked before anything else is used (RFC 9207 §2.4).
    ///
    /// # Errors
    /// [`Error::Malformed`] if the response cannot be read in exactly one way, or if `iss` is missing or another provider's. [`Error::Provider`] if the
    /// metadata are not available.
    pub(crate) async fn response(&self, query: &Query) -> Result<authorize::AuthorizationResponse, Error> {
        let [state, code, error, iss] = ["state", "code", "error", "iss"].map(|name| query.single(name));
        let names_itself = self.provider().await?.sends_iss;
        let iss = iss?;
        if names_itself && iss.is_none() {
            return Err(Error::Malformed("iss"));
        }
        let code = code?
            .as_deref()
            .and_then(authorize::AuthorizationCode::parse_visible_ascii);
        let (state, error) = (state?, error?);
        let issuer = &self.config.issuer;
        authorize::AuthorizationResponse::parse(state.as_deref(), code, error.as_deref(), iss.as_deref(), issuer)
            .ok_or(Error::Malformed("query"))
    }

    /// Exchanges the code and returns the identity in the ID token.
    ///
    /// # Errors
    /// [`Error::Provider`], [`Error::Token`] or [`Error::Secret`]. A code must not be sent again: a retry needs a new sign-in.
    pub(crate) async fn sign_in(
        &self,
        code: &authorize::AuthorizationCode,
        code_verifier: &pkce::CodeVerifier,
        nonce: &nonce::Nonce,
        partner_id: &PartnerId,
    ) -> Result<IdentityClaims, Error> {
        let exchange = self.exchange(code, code_verifier, nonce, partner_id);
        // A person is waiting, and the response must be sent before Lambda's timeout.
        tokio::time::timeout(SIGN_IN_TIMEOUT, exchange)
            .await
            .unwrap_or(Err(ProviderError::Unavailable("sign-in not finished in time").into()))
    }

    async fn exchange(
        &self,
        code: &authorize::AuthorizationCode,
        code_verifier: &pkce::CodeVerifier,
        nonce: &nonce::Nonce,
        partner_id: &PartnerId,
    ) -> Result<IdentityClaims, Error> {
        let (provider, secret) = tokio::join!(self.provider(), self.secret());
        let (provider, versions) = (provider?, secret?);
        let secret = versions.as_ref().map(|versions| &versions.current);
        let granted = match self.grant(&provider, secret, code, code_verifier).await {
            // The secret was rotated after we read it, or the provider does not know the new one yet.
            Err(ProviderError::ClientRefused(INVALID_CLIENT)) => {
                let other = self.other_secret(versions.as_ref()).await?;
                let other = other.ok_or(ProviderError::ClientRefused(INVALID_CLIENT))?;
                self.grant(&provider, Some(&other), code, code_verifier).await?
            }
            granted => granted?,
        };
        let id_token = parse(&granted.id_token)?;
        let access_token = granted.access_token.as_deref();
        let verify = |provider: &ProviderMetadata| self.verify(provider, &id_token, access_token, nonce);
        let claims = match verify(&provider) {
            // The provider may have rotated its keys since they were fetched.
            Err(JwsError::UnknownKey | JwsError::Signature | JwsError::Algorithm) => {
                let newer = self.provider.refresh_unless_newer(&provider, |_| self.discover()).await;
                let provider = newer.unwrap_or(provider);
                verify(&provider)
            }
            outcome => outcome,
        };
        let claims = Value::Object(claims.map_err(id_token_error)?);
        self.claims(&claims, partner_id)
            .map_err(|error| ProviderError::Claims(error).into())
    }

    /// Exchanges a code for tokens, with this client secret.
    async fn grant(
        &self,
        provider: &ProviderMetadata,
        secret: Option<&ProviderSecret>,
        code: &authorize::AuthorizationCode,
        code_verifier: &pkce::CodeVerifier,
    ) -> Result<GrantedTokens, ProviderError> {
        let exchange = CodeExchange {
            code,
            redirect_uri: &self.config.redirect_uri,
            code_verifier,
        };
        let client = ClientAuthentication {
            client_id: &self.config.client_id,
            client_secret: secret.map(|secret| secret.0.as_str()),
            in_body: self
                .config
                .client_secret_in_body
                .unwrap_or(provider.wants_secret_in_body),
        };
        let endpoint = provider.token_endpoint.as_str();
        exchange
            .send(&self.http, endpoint, &client, PROVIDER_CALL_TIMEOUT)
            .await
    }

    fn verify(
        &self,
        provider: &ProviderMetadata,
        id_token: &UnverifiedJws<'_>,
        access_token: Option<&str>,
        nonce: &nonce::Nonce,
    ) -> Result<Map<String, Value>, JwsError> {
        let verifier = IdTokenVerifier {
            keys: &provider.keys,
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            trusted_audiences: &self.config.trusted_audiences,
            nonce: nonce.expose(),
        };
        verifier.verify(id_token, access_token, self.clock.now())
    }

    async fn secret(&self) -> Result<Option<Arc<Versions<ProviderSecret>>>, SecretError> {
        match &self.client_secret {
            Some(secret) => secret.get().await.map(Some),
            None => Ok(None),
        }
    }

    /// The secret to try after the provider refused the current one of `refused`: a newer version in Secrets Manager, otherwise the previous version. Returns
    /// `None` if there is no other secret.
    async fn other_secret(
        &self,
        refused: Option<&Arc<Versions<ProviderSecret>>>,
    ) -> Result<Option<ProviderSecret>, SecretError> {
        let (Some(secret), Some(refused)) = (&self.client_secret, refused) else {
            return Ok(None);
        };
        let versions = secret.refresh_after_rejection(refused).await?;
        let mut candidates = [Some(&versions.current), versions.previous.as_ref()]
            .into_iter()
            .flatten();
        // No constant-time comparison: both secrets are ours.
        let other = candidates.find(|candidate| candidate.0 != refused.current.0);
        Ok(other.map(|secret| ProviderSecret(secret.0.clone())))
    }

    async fn provider(&self) -> Result<Arc<ProviderMetadata>, ProviderError> {
        self.provider
            .get(|_| self.discover())
            .await
            .map_err(|DiscoveryFailure(why)| ProviderError::Unavailable(why))
    }

    async fn discover(&self) -> Result<ProviderMetadata, DiscoveryFailure> {
        let discovering = ProviderMetadata::fetch(&self.http, &self.config.issuer, PROVIDER_CALL_TIMEOUT);
        // One timeout for both documents, metadata and keys.
        let discovered = tokio::time::timeout(PROVIDER_CALL_TIMEOUT, discovering).await;
        discovered.map_err(|_| DiscoveryFailure("discovery: no response in time"))?
    }
}

/// Parses an ID token.
fn parse(id_token: &str) -> Result<UnverifiedJws<'_>, ProviderError> {
    UnverifiedJws::parse_with_limit(MAX_ID_TOKEN_BYTES, id_token).map_err(|_| {
        if id_token.matches('.').count() == 4 {
            // An encrypted token has five parts (RFC 7516 §3.1). The provider encrypts because of its settings for our client.
            ProviderError::Claims(JwsError::Header)
        } else if id_token.ends_with('.') {
            // An unsigned token, with `alg` `none`.
            ProviderError::Claims(JwsError::Algorithm)
        } else if id_token.len() > MAX_ID_TOKEN_BYTES {
            ProviderError::Unavailable("token endpoint: the id_token is larger than 64 KiB")
        } else {
            ProviderError::Unavailable("token endpoint: the id_token is malformed")
        }
    })
}

/// Whether an ID token is rejected because of this sign-in, or because no ID token of this provider can be accepted as it is configured. Signing in again helps
/// only in the first case.
fn id_token_error(error: JwsError) -> Error {
    match error {
        JwsError::Expired
        | JwsError::NotYetValid
        | JwsError::Signature
        | JwsError::BrowserMismatch
        | JwsError::Replayed
        | JwsError::Claim("at_hash") => Error::Token(error),
        JwsError::Malformed
        | JwsError::Payload
        | JwsError::Header
        | JwsError::Typ
        | JwsError::Algorithm
        | JwsError::UnknownKey
        | JwsError::Claim(_) => ProviderError::Claims(error).into(),
    }
}
