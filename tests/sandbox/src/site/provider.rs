//! The demo site as an `OpenID` provider, with the functions as its only client.
//!
//! It supports the authorization code flow with PKCE (`OpenID` Connect Core 1.0 §3.1, RFC 7636), and returns `iss` with
//! every authorization response (RFC 9207). `README.md` of this crate lists what it does not support.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use url::form_urlencoded::{Serializer, parse};

use super::sessions::{Fields, Visitor, fields};
use super::{Person, Site, page, redirect, store_visitor};
use crate::clock::Clock;
use crate::options::{Addresses, Options};
use crate::token_source::TokenSource;

/// Lifetime of a code, in seconds.
const CODE_SECONDS: u64 = 60;
/// Lifetime of an ID token, in seconds.
const TOKEN_SECONDS: u64 = 10 * 60;

pub(super) struct Provider {
    issuer: String,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    key: Option<SigningKey>,
    codes: Mutex<HashMap<String, CodeGrant>>,
    rng: TokenSource,
    clock: Clock,
}

struct SigningKey {
    private: EncodingKey,
    public: Jwk,
}

impl SigningKey {
    /// Generates a key for ES256. Returns `None` if the generation fails.
    fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        let private = EncodingKey::from_ec_der(pair.to_pkcs8v1().ok()?.as_ref());
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).ok()?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256).ok()?);
        Some(Self { private, public })
    }
}

/// Grant behind a code. There is only one client and one redirect URI.
struct CodeGrant {
    person: Person,
    nonce: Option<String>,
    challenge: String,
    expires_ms: u64,
}

/// A valid authorization request.
struct AuthorizationRequest {
    state: Option<String>,
    nonce: Option<String>,
    challenge: String,
    /// Whether no page may be shown (`prompt=none`).
    is_silent: bool,
    /// Whether to show the sign-in page even to a signed-in visitor (`prompt=login` or `select_account`).
    asks_again: bool,
}

/// Error of an authorization request.
enum AuthorizationError {
    /// Client or redirect URI is invalid: shown as an error page, without a redirect.
    Page(&'static str),
    /// Error returned to the client, by a redirect to this URL.
    Back(String),
}

impl AuthorizationError {
    fn answer(&self, site: &Site, visitor: &Visitor) -> Response<Body> {
        match self {
            Self::Page(message) => page::refusal(site, visitor, message),
            Self::Back(location) => redirect(location),
        }
    }
}

/// An error of the token endpoint: code and description.
struct TokenError(&'static str, &'static str);

impl Provider {
    pub(super) fn new(options: &Options, addresses: &Addresses, rng: TokenSource, clock: Clock) -> Self {
        Self {
            issuer: addresses.site.clone(),
            client_id: options.oidc.client_id.clone(),
            client_secret: options.oidc.client_secret.clone(),
            redirect_uri: format!("{}/sign-in/callback", options.public_url(addresses)),
            key: SigningKey::generate(),
            codes: Mutex::default(),
            rng,
            clock,
        }
    }

    fn codes(&self) -> MutexGuard<'_, HashMap<String, CodeGrant>> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, query: &str) -> Result<AuthorizationRequest, AuthorizationError> {
        let parameters = fields(query.as_bytes());
        let given = |name: &str| parameters.get(name).map(String::as_str);
        if given("client_id") != Some(&self.client_id) {
            return Err(AuthorizationError::Page("The client_id is unknown."));
        }
        if given("redirect_uri") != Some(&self.redirect_uri) {
            return Err(AuthorizationError::Page("The redirect_uri is not the client's."));
        }
        let state = given("state");
        let refused = |error, description| {
            let outcome = [("error", error), ("error_description", description)];
            Err(AuthorizationError::Back(self.redirect_url(state, &outcome)))
        };
        if is_repetitive(query.as_bytes()) {
            return refused("invalid_request", "A parameter was sent more than once");
        }
        for (name, error) in [
            ("request", "request_not_supported"),
            ("request_uri", "request_uri_not_supported"),
        ] {
            if given(name).is_some() {
                return refused(error, "Request objects are not supported");
            }
        }
        match given("response_type") {
            Some("code") => {}
            Some(_) => return refused("unsupported_response_type", "response_type must be code"),
            None => return refused("invalid_request", "response_type must be supplied"),
        }
        if !matches!(given("response_mode"), None | Some("query")) {
            return refused("invalid_request", "response_mode must be query");
        }
        if !given("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid")) {
            return refused("invalid_scope", "scope must contain openid");
        }
        let challenge = given("code_challenge").filter(|challenge| is_challenge(challenge));
        let (Some(challenge), Some("S256")) = (challenge, given("code_challenge_method")) else {
            return refused("invalid_request", "A code_challenge with method S256 is required");
        };
        let prompt =
            |wanted: &[&str]| given("prompt").is_some_and(|all| all.split(' ').any(|one| wanted.contains(&one)));
        Ok(AuthorizationRequest {
            state: state.map(str::to_owned),
            nonce: given("nonce").map(str::to_owned),
            challenge: challenge.to_owned(),
            is_silent: prompt(&["none"]),
            asks_again: prompt(&["login", "select_account"]),
        })
    }

    /// Builds the redirect URL with the given parameters, `state` and `iss`.
    fn redirect_url(&self, state: Option<&str>, outcome: &[(&str, &str)]) -> String {
        let mut answer = Serializer::new(String::new());
        answer.extend_pairs(outcome);
        if let Some(state) = state {
            answer.append_pair("state", state);
        }
        answer.append_pair("iss", &self.issuer);
        format!("{}?{}", self.redirect_uri, answer.finish())
    }

    /// Issues a code for a subscriber and returns the redirect URL.
    fn grant(&self, authorization: &AuthorizationRequest, person: &Person) -> String {
        let (code, now) = (self.rng.token(), self.clock.now_ms());
        let grant = CodeGrant {
            person: person.clone(),
            nonce: authorization.nonce.clone(),
            challenge: authorization.challenge.clone(),
            expires_ms: now + CODE_SECONDS * 1000,
        };
        let mut codes = self.codes();
        codes.retain(|_, grant| grant.expires_ms > now);
        codes.insert(code.clone(), grant);
        self.redirect_url(authorization.state.as_deref(), &[("code", &code)])
    }

    fn exchange(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, TokenError> {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(TokenError("invalid_request", "The body is not form-encoded"));
        }
        if is_repetitive(body) {
            return Err(TokenError("invalid_request", "A parameter was sent more than once"));
        }
        let form = fields(body);
        self.authenticate(headers, &form)?;
        let given = |name: &str, missing| form.get(name).ok_or(TokenError("invalid_request", missing));
        if given("grant_type", "grant_type must be supplied")? != "authorization_code" {
            return Err(TokenError(
                "unsupported_grant_type",
                "grant_type must be authorization_code",
            ));
        }
        let code = given("code", "code must be supplied")?;
        let redirect_uri = given("redirect_uri", "redirect_uri must be supplied")?;
        let verifier = given("code_verifier", "code_verifier must be supplied")?;
        // A code is spent at its first use, even if the exchange fails.
        let grant = self
            .codes()
            .remove(code)
            .filter(|grant| grant.expires_ms > self.clock.now_ms());
        let grant = grant.ok_or(TokenError("invalid_grant", "The code is unknown, spent or too old"))?;
        if *redirect_uri != self.redirect_uri {
            return Err(TokenError(
                "invalid_grant",
                "The redirect_uri differs from that of the authorization request",
            ));
        }
        if URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) != grant.challenge {
            return Err(TokenError("invalid_grant", "The code_verifier was incorrect"));
        }
        let id_token = self.id_token(&grant);
        let id_token = id_token.ok_or(TokenError("server_error", "The ID token cannot be signed"))?;
        Ok(json!({
            "access_token": self.rng.token(),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": "openid",
            "id_token": id_token,
        }))
    }

    /// Authenticates the client with `client_secret_basic` or `client_secret_post`, but not both (RFC 6749 §2.3).
    fn authenticate(&self, headers: &HeaderMap, form: &Fields) -> Result<(), TokenError> {
        let in_body = form.get("client_id").cloned();
        let (client_id, client_secret) = match (headers.get(header::AUTHORIZATION), form.get("client_secret")) {
            (Some(_), Some(_)) => return Err(TokenError("invalid_request", "The client has authenticated twice")),
            (Some(basic), None) => basic_credentials(basic).unwrap_or_default(),
            (None, client_secret) => (in_body.clone(), client_secret.cloned()),
        };
        let is_client = client_id.as_ref() == Some(&self.client_id) && in_body.is_none_or(|id| id == self.client_id);
        if is_client && client_secret.as_ref() == Some(&self.client_secret) {
            Ok(())
        } else {
            Err(TokenError(
                "invalid_client",
                "The client or its secret is wrong, or missing",
            ))
        }
    }

    fn id_token(&self, grant: &CodeGrant) -> Option<String> {
        let key = self.key.as_ref()?;
        let now = self.clock.now();
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": grant.person.sub,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "name": grant.person.name,
            "entitlements": grant.person.entitlements,
        });
        if let (Some(claims), Some(nonce)) = (claims.as_object_mut(), &grant.nonce) {
            claims.insert("nonce".to_owned(), nonce.as_str().into());
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid.clone_from(&key.public.common.key_id);
        jsonwebtoken::encode(&header, &claims, &key.private).ok()
    }
}

/// Whether `text` has the form of an S256 challenge: the base64url encoding of 32 bytes.
fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a parameter is repeated, which is invalid (RFC 6749 §3.1, §3.2).
fn is_repetitive(encoded: &[u8]) -> bool {
    let mut seen = HashSet::new();
    !parse(encoded).all(|(name, _)| seen.insert(name))
}

/// Returns ID and secret of a Basic header, which are form-encoded (RFC 6749 §2.3.1).
fn basic_credentials(value: &HeaderValue) -> Option<(Option<String>, Option<String>)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let mut pair = fields(format!("id={id}&secret={secret}").as_bytes());
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| (pair.remove("id"), pair.remove("secret")))
}

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/oidc/jwks", get(keys))
        .route("/oidc/authorize", get(authorize))
        .route("/oidc/sign-in", post(signed_in))
        .route("/oidc/token", post(token))
}

async fn configuration(State(site): State<Site>) -> Json<Value> {
    let issuer = &site.0.provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oidc/authorize"),
        "token_endpoint": format!("{issuer}/oidc/token"),
        "jwks_uri": format!("{issuer}/oidc/jwks"),
        "scopes_supported": ["openid"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["iss", "aud", "sub", "iat", "exp", "nonce", "name", "entitlements"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    }))
}

async fn keys(State(site): State<Site>) -> Json<Value> {
    let keys: Vec<&Jwk> = site.0.provider.key.iter().map(|key| &key.public).collect();
    Json(json!({"keys": keys}))
}

async fn authorize(State(site): State<Site>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let (provider, visitor) = (&site.0.provider, site.visitor(&headers));
    let query = query.unwrap_or_default();
    let response = match provider.read(&query) {
        Err(refused) => refused.answer(&site, &visitor),
        Ok(authorization) => match site.person(&visitor) {
            Some(person) if !authorization.asks_again => redirect(&provider.grant(&authorization, &person)),
            _ if authorization.is_silent => {
                redirect(&provider.redirect_url(authorization.state.as_deref(), &[("error", "login_required")]))
            }
            _ => page::sign_in_for_client(&site, &visitor, &query),
        },
    };
    site.with_session(response, &visitor, &headers)
}

/// Handles the form of the sign-in page that `authorize` shows.
async fn signed_in(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let (provider, before) = (&site.0.provider, site.visitor(&headers));
    let form = fields(&body);
    // The form passed through the browser, so the request is validated again.
    let authorization = match provider.read(form.get("authorize").map_or("", String::as_str)) {
        Ok(authorization) => authorization,
        Err(refused) => return refused.answer(&site, &before),
    };
    if form.contains_key("cancel") {
        return redirect(&provider.redirect_url(authorization.state.as_deref(), &[("error", "access_denied")]));
    }
    let Some(person) = form.get("person").and_then(|id| site.subscriber_by_id(id)) else {
        return page::unknown_person(&site, &before);
    };
    let visitor = Visitor {
        person: Some(person.id.clone()),
        ..before
    };
    store_visitor(
        &site,
        redirect(&provider.grant(&authorization, &person)),
        &visitor,
        &headers,
    )
}

async fn token(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let TokenError(error, description) = match site.0.provider.exchange(&headers, &body) {
        Ok(answer) => return (no_store, Json(answer)).into_response(),
        Err(error) => error,
    };
    let answer = Json(json!({"error": error, "error_description": description}));
    match error {
        "invalid_client" => {
            let scheme = [(header::WWW_AUTHENTICATE, "Basic realm=\"token\"")];
            (StatusCode::UNAUTHORIZED, no_store, scheme, answer).into_response()
        }
        "server_error" => (StatusCode::INTERNAL_SERVER_ERROR, no_store, answer).into_response(),
        _ => (StatusCode::BAD_REQUEST, no_store, answer).into_response(),
    }
}
