//! The client (relying party) of a partner's `OpenID` provider: discovery, authorization code flow with PKCE, `state` and `nonce`, and verification of the ID
//! token (`OpenID` Connect Core 1.0 §3.1).
//!
//! `openidconnect` implements the protocol. This module supplies time, random values, the HTTP client, the cache of metadata and keys, and the names of claims.

mod claims;
mod errors;

use std::{pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use http::{Request, Response};
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EmptyAdditionalClaims, IssuerUrl, LanguageTag, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, StandardErrorResponse,
    TokenResponse as _,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
        CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreSubjectIdentifierType,
        CoreTokenIntrospectionResponse, CoreTokenResponse,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    cache::{Cached, InBackoff, Policy},
    clock::Clock,
    config::OidcConfig,
    encoding::from_base64url,
    errors::{Error, ProviderError},
    http_client::{CALL_TIMEOUT, HttpClient, HttpError},
    i18n::Language,
    jws::{JwsError, LEEWAY, parse_object},
    oauth::{authorize, nonce, pkce, state::State},
    partner::PartnerId,
    secrets::{ManagedSecret, SecretError, SecretValue, Versions, string_member},
    sign_in::IdentityClaims,
    urls::{is_local, is_secure},
    web::Query,
};
use url::Url;

use self::errors::{INVALID_CLIENT, token_error, token_problem};

/// Upper bound of the time for all calls to the provider after the browser has returned: token and, after a rotation, metadata and keys.
const SIGN_IN_TIMEOUT: Duration = Duration::from_millis(4500);

/// The accepted signature algorithms: asymmetric only, because a symmetric key that verifies can also sign. The type of the key decides among them.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Whether the provider sends `iss` in authorization responses (RFC 9207 §3).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct IssParameterSupport {
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for IssParameterSupport {}

type Metadata = ProviderMetadata<
    IssParameterSupport,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The client that `openidconnect` builds from a provider's metadata: the authorization endpoint is set, token and user info endpoints may be.
type Discovered = Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    CoreTokenResponse,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

/// The client secret at the provider: any visible ASCII, because providers issue different formats.
pub(crate) struct ProviderSecret(ClientSecret);

impl SecretValue for ProviderSecret {
    fn from_members(members: &Map<String, Value>) -> Result<Self, String> {
        let secret = string_member(members, "client_secret")?;
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("member `client_secret` is not visible ASCII without white space".to_owned());
        }
        Ok(Self(ClientSecret::new(secret.to_owned())))
    }
}

/// The client of one provider.
pub(crate) struct OidcClient {
    config: OidcConfig,
    issuer: IssuerUrl,
    redirect_uri: RedirectUrl,
    client_secret: Option<ManagedSecret<ProviderSecret>>,
    provider: Cached<Metadata>,
    http: HttpClient,
    clock: Clock,
}

impl OidcClient {
    /// The client that `config` describes. Returns `None` if issuer or `redirect_uri` is not a URL, which the configuration rules out.
    pub(crate) fn new(
        config: OidcConfig,
        client_secret: Option<ManagedSecret<ProviderSecret>>,
        http: &HttpClient,
        clock: &Clock,
    ) -> Option<Self> {
        Some(Self {
            issuer: IssuerUrl::new(config.issuer.clone()).ok()?,
            redirect_uri: RedirectUrl::new(config.redirect_uri.clone()).ok()?,
            config,
            client_secret,
            provider: Cached::new(Policy::PUBLISHED, clock.clone()),
            http: http.clone(),
            clock: clock.clone(),
        })
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
        // The next call fetches again and reports the error.
        drop(provider);
        loaded
    }

    /// The `redirect_uri` registered with this provider and with no other.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.config.redirect_uri
    }

    /// The URL of the authorization request (`OpenID` Connect Core 1.0 §3.1.2.1), to which a person is redirected to sign in.
    ///
    /// # Errors
    /// [`Error::Provider`] if the metadata are not available. A retry is safe.
    pub(crate) async fn authorization_url(
        &self,
        state: &State,
        nonce: &nonce::Nonce,
        code_verifier: &pkce::CodeVerifier,
        language: Option<Language>,
    ) -> Result<String, Error> {
        let provider = self.provider().await?;
        let client = self.client(&provider, None);
        let (state, nonce) = (state.expose().to_owned(), nonce.expose().to_owned());
        let code_verifier = PkceCodeVerifier::new(code_verifier.expose().to_owned());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&code_verifier));
        // `openidconnect` adds `openid` itself.
        for scope in self.config.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if let Some(language) = language {
            request = request.add_ui_locale(LanguageTag::new(language.tag().to_owned()));
        }
        Ok(request.url().0.into())
    }

    /// Reads an authorization response. If the provider's metadata announce `iss`, it is required and checked before anything else is used (RFC 9207 §2.4).
    ///
    /// # Errors
    /// [`Error::Malformed`] if the response cannot be read in exactly one way, or if `iss` is missing or another provider's. [`Error::Provider`] if the
    /// metadata are not available.
    pub(crate) async fn response(&self, query: &Query) -> Result<authorize::AuthorizationResponse, Error> {
        let [state, code, error, iss] = ["state", "code", "error", "iss"].map(|name| query.single(name));
        let names_itself = self
            .provider()
            .await?
            .additional_metadata()
            .authorization_response_iss_parameter_supported
            .unwrap_or(false);
        let iss = iss?;
        if names_itself && iss.is_none() {
            return Err(Error::Malformed("iss"));
        }
        let code = code?.and_then(authorize::AuthorizationCode::parse_visible_ascii);
        authorize::AuthorizationResponse::parse(state?, code, error?, iss, &self.config.issuer)
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
        let id_token = granted
            .id_token()
            .ok_or(ProviderError::Unavailable("token endpoint: no ID token"))?;
        let nonce = Nonce::new(nonce.expose().to_owned());
        let claims = match self.verify(&provider, id_token, &granted, &nonce) {
            // The provider may have rotated its keys since they were fetched.
            Err(JwsError::UnknownKey | JwsError::Signature) => {
                let newer = self.provider.refresh_unless_newer(&provider, |_| self.discover()).await;
                let provider = newer.unwrap_or(provider);
                self.verify(&provider, id_token, &granted, &nonce)?
            }
            outcome => outcome?,
        };
        self.claims(&claims, partner_id)
            .map_err(|error| ProviderError::Claims(error).into())
    }

    /// Exchanges a code for tokens, with this client secret.
    async fn grant(
        &self,
        provider: &Metadata,
        secret: Option<&ProviderSecret>,
        code: &authorize::AuthorizationCode,
        code_verifier: &pkce::CodeVerifier,
    ) -> Result<CoreTokenResponse, ProviderError> {
        let client = self.client(provider, secret.map(|secret| secret.0.clone()));
        let exchange = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .map_err(|_| ProviderError::Unavailable("metadata: no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(code_verifier.expose().to_owned()));
        let http = self.http();
        // Boxed, like the discovery: `openidconnect`'s futures are large and rarely needed.
        let granted = Box::pin(exchange.request_async(&http)).await;
        granted.map_err(|error| token_problem(&error))
    }

    fn client(&self, provider: &Metadata, secret: Option<ClientSecret>) -> Discovered {
        let client_id = ClientId::new(self.config.client_id.clone());
        // Basic by default: RFC 6749 §2.3.1 prefers it, and it is the default of the metadata (OpenID Connect Discovery 1.0 §3).
        let as_provided = || {
            provider.token_endpoint_auth_methods_supported().is_some_and(|methods| {
                methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                    && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
            })
        };
        let auth_type = if self.config.client_secret_in_body.unwrap_or_else(as_provided) {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };
        Client::from_provider_metadata(provider.clone(), client_id, secret)
            .set_redirect_uri(self.redirect_uri.clone())
            .set_auth_type(auth_type)
    }

    /// Verifies an ID token (`OpenID` Connect Core 1.0 §3.1.3.7) with `openidconnect`, at our clock's time. Adds the checks that it omits: `azp`, and `at_hash`
    /// if present (§3.1.3.8). Returns the claims as JSON, because `openidconnect` drops those that it does not know.
    fn verify(
        &self,
        provider: &Metadata,
        id_token: &CoreIdToken,
        granted: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<Value, JwsError> {
        let client_id = ClientId::new(self.config.client_id.clone());
        let now = self.clock.now();
        let verifier =
            CoreIdTokenVerifier::new_public_client(client_id.clone(), self.issuer.clone(), provider.jwks().clone())
                .set_allowed_algs(ALGORITHMS)
                .set_time_fn(move || at(now.saturating_sub(LEEWAY)))
                .set_issue_time_verifier_fn(move |issued_at| {
                    if issued_at > at(now.saturating_add(LEEWAY)) {
                        Err("issued in the future".to_owned())
                    } else {
                        Ok(())
                    }
                });
        let claims = id_token.claims(&verifier, nonce).map_err(|error| token_error(&error))?;
        if claims.authorized_party().is_some_and(|party| *party != client_id) {
            return Err(JwsError::Claim("azp"));
        }
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(|_| JwsError::Algorithm)?;
            let key = id_token.signing_key(&verifier).map_err(|_| JwsError::UnknownKey)?;
            let actual = AccessTokenHash::from_token(granted.access_token(), algorithm, key);
            if actual.ok().as_ref() != Some(expected) {
                return Err(JwsError::Claim("at_hash"));
            }
        }
        let text = id_token.to_string();
        let payload = text
            .split('.')
            .nth(1)
            .and_then(from_base64url)
            .ok_or(JwsError::Malformed)?;
        parse_object(&payload).map(Value::Object).ok_or(JwsError::Malformed)
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
        let other = candidates.find(|candidate| candidate.0.secret() != refused.current.0.secret());
        Ok(other.map(|secret| ProviderSecret(secret.0.clone())))
    }

    async fn provider(&self) -> Result<Arc<Metadata>, ProviderError> {
        self.provider
            .get(|_| self.discover())
            .await
            .map_err(|DiscoveryFailure(why)| ProviderError::Unavailable(why))
    }

    async fn discover(&self) -> Result<Metadata, DiscoveryFailure> {
        let http = self.http();
        let discovering = Metadata::discover_async(self.issuer.clone(), &http);
        // One timeout for both documents, metadata and keys.
        let discovered = tokio::time::timeout(CALL_TIMEOUT, Box::pin(discovering)).await;
        let discovered = discovered.map_err(|_| DiscoveryFailure("discovery: no response in time"))?;
        let provider = discovered.map_err(|error| match error {
            DiscoveryError::Request(_) => DiscoveryFailure("discovery: no usable response"),
            DiscoveryError::Validation(_) => DiscoveryFailure("discovery: metadata of another issuer"),
            _ => DiscoveryFailure("discovery: invalid metadata"),
        })?;
        let token_endpoint = provider
            .token_endpoint()
            .ok_or(DiscoveryFailure("metadata: no token endpoint"))?;
        if self.may_be_called(provider.authorization_endpoint().url()) && self.may_be_called(token_endpoint.url()) {
            Ok(provider)
        } else {
            Err(DiscoveryFailure(
                "metadata: an endpoint without TLS or on a local address",
            ))
        }
    }

    /// Whether a URL in the provider's metadata may be called. Otherwise a provider could make this function call services of its own machine.
    fn may_be_called(&self, url: &Url) -> bool {
        may_be_called(self.issuer.url(), url)
    }

    /// The HTTP client for `openidconnect`: ours, which follows no redirects and has short timeouts, restricted to URLs that may be called.
    fn http(&self) -> impl Fn(Request<Vec<u8>>) -> Calling + use<> {
        let (http, issuer) = (self.http.clone(), self.issuer.url().clone());
        move |request| {
            let (http, issuer) = (http.clone(), issuer.clone());
            Box::pin(async move {
                let url = request.uri().to_string();
                if !url.parse().is_ok_and(|url| may_be_called(&issuer, &url)) {
                    return Err(HttpError::Connect);
                }
                http.send(request).await
            })
        }
    }
}

/// Whether a provider with this issuer may make us call `url`. It must be https, or loopback http if the issuer is http. Local addresses need a local issuer.
fn may_be_called(issuer: &Url, url: &Url) -> bool {
    let is_encrypted = url.scheme() == "https" || issuer.scheme() == "http" && is_secure(url);
    is_encrypted && (!is_local(url) || is_local(issuer))
}

type Calling = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, HttpError>> + Send>>;

/// Why the provider's metadata and keys could not be fetched.
struct DiscoveryFailure(&'static str);

impl From<InBackoff> for DiscoveryFailure {
    fn from(_: InBackoff) -> Self {
        Self("discovery: failed a moment ago")
    }
}

/// A time in seconds since 1970, as `openidconnect` takes it.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-MIX-4: a provider must not make a function call its own machine.
    #[test]
    fn local_addresses_in_a_providers_metadata_are_rejected() {
        let may = |issuer: &str, url: &str| may_be_called(&issuer.parse().unwrap(), &url.parse().unwrap());
        for url in [
            "https://127.0.0.1/token",
            "https://169.254.169.254/token",
            "https://[::1]/token",
            "https://localhost/token",
            "http://127.0.0.1:9001/token",
            "http://id.example.com/token",
        ] {
            assert!(!may("https://id.example.com", url), "{url}");
        }
        assert!(may("https://id.example.com", "https://tokens.example.com/token"));
        assert!(may("http://127.0.0.1:9200", "http://127.0.0.1:9200/token"));
        assert!(!may("http://127.0.0.1:9200", "http://id.example.com/token"));
    }
}
