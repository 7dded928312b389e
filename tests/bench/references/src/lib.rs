//! What both references share: their settings, the content of their calls, and their answers. They do the work of `entrypoint` and `callback`, and that of
//! `unlink` and `entitlements` for the partner's backend, with the same upstream calls. They verify the
//! same signatures as ours, because an answer without that would be another job, and otherwise validate only what they need. How they call is in `bin`.

mod backend;

use std::{
    collections::{BTreeMap, HashMap},
    error,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs as provider};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::form_urlencoded;

pub use backend::{BEGIN_UNLINK, CHANGE, CHANGEABLE, Change, NEW_REQUEST, RequestClaims, Stored, UNLINKABLE};

/// Any error; a reference explains none.
pub type Error = Box<dyn error::Error + Send + Sync>;

/// Lifetime of a pending link, in seconds.
const LINK_TTL: i64 = 600;
/// Time between the expiry of a pending link and its deletion, in seconds.
const GC_GRACE_SECS: i64 = 3600;
/// Time before sync may ask Spotify about a registration, in seconds.
const QUIET_PERIOD_SECS: i64 = 20;

/// Difference between two clocks that is allowed, in seconds.
const LEEWAY: i64 = 60;

/// Condition of a new pending link.
pub const NEW_LINK: &str =
    "attribute_not_exists(id) OR (browser_binding = :binding AND attribute_not_exists(consumed_by))";
/// Consumes a pending link.
pub const CONSUME: &str = "SET consumed_by = :owner";
/// Condition of consuming a pending link.
pub const CONSUMABLE: &str = "attribute_exists(id) AND expires_at > :now AND browser_binding IN (:binding) AND (attribute_not_exists(consumed_by) OR \
                              consumed_by = :owner)";
/// Records that a registration starts.
pub const BEGIN_REGISTRATION: &str = "SET link_state = :link_state, link_since = :link_since, link_evidence = :link_evidence, next_try_at = :next_try_at, \
                                      dirty_since = if_not_exists(dirty_since, :dirty_since), partner_id = :partner_id, partner_user_id = \
                                      :partner_user_id, registered_at = :registered_at, dirty = :dirty, token_entitlements = :token_entitlements REMOVE \
                                      changed_at, events_at";

/// The function whose work a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// `GET /entrypoint`
    Entrypoint,
    /// `GET /callback`
    Callback,
    /// `POST /unlink` with a signed request
    Unlink,
    /// `POST /replace-entitlements`
    Entitlements,
}

impl Job {
    /// Whether the function calls Spotify, and so needs the client secret.
    #[must_use]
    pub fn calls_spotify(self) -> bool {
        matches!(self, Self::Callback | Self::Unlink)
    }
}

/// The settings, from the variables of our functions.
pub struct Settings {
    variables: HashMap<String, String>,
}

impl Settings {
    /// The variables of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "not one of the functions, which read the environment in `shared::config`"
    )]
    pub fn from_env() -> Self {
        Self {
            variables: std::env::vars().collect(),
        }
    }

    /// The value of a variable; empty if it is not set.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    /// The job of this process.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn job(&self) -> Result<Job, Error> {
        match self.get("_HANDLER") {
            "entrypoint" => Ok(Job::Entrypoint),
            "callback" => Ok(Job::Callback),
            "unlink" => Ok(Job::Unlink),
            "entitlements" => Ok(Job::Entitlements),
            other => Err(format!("no job {other}").into()),
        }
    }

    /// The TLS configuration: the compiled-in roots and the CA of the stubs.
    ///
    /// # Errors
    /// If the CA cannot be read.
    pub fn tls(&self) -> Result<ClientConfig, Error> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        roots.add(std::fs::read(self.get("SOA_LINK_MEASURE_CA"))?.into())?;
        Ok(ClientConfig::builder_with_provider(provider::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }

    /// The body of the token request.
    #[must_use]
    pub fn token_form(&self, code: &str, code_verifier: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("code_verifier", code_verifier)
            .finish()
    }

    /// The body of the request for the service token of `unlink-user`.
    #[must_use]
    pub fn service_token_form() -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", "user-soa-unlink")
            .finish()
    }

    /// Basic authentication with the client secret.
    #[must_use]
    pub fn basic(&self, client_secret: &str) -> String {
        let credentials = BASE64_STANDARD.encode(format!("{}:{client_secret}", self.get("SPOTIFY_CLIENT_ID")));
        format!("Basic {credentials}")
    }

    /// The redirect to Spotify's consent, and the answer that carries it.
    #[must_use]
    pub fn consent(&self, begun: &Begun) -> Answer {
        let mut location = format!("{}/authorize?", self.get("SPOTIFY_ACCOUNTS_URL"));
        let start = location.len();
        let mut query = form_urlencoded::Serializer::for_suffix(&mut location, start);
        query
            .append_pair("client_id", self.get("SPOTIFY_CLIENT_ID"))
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", "user-soa-link")
            .append_pair("state", &begun.state)
            .append_pair(
                "code_challenge",
                &BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, begun.code_verifier.as_bytes())),
            )
            .append_pair("code_challenge_method", "S256");
        Answer::redirect(
            location,
            format!(
                "__Host-soa_link={}; Max-Age={LINK_TTL}; Path=/; Secure; HttpOnly; SameSite=Lax",
                begun.binding
            ),
        )
    }

    fn redirect_uri(&self) -> String {
        format!("{}/callback", self.get("PUBLIC_URL"))
    }
}

/// The parts of API Gateway's event that the references read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    raw_path: String,
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: String,
}

impl Event {
    /// The value of a parameter of the query; empty without it.
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        let mut pairs = form_urlencoded::parse(self.raw_query_string.as_bytes());
        pairs
            .find(|pair| pair.0 == name)
            .map(|pair| pair.1.into_owned())
            .unwrap_or_default()
    }

    /// The value of a cookie; empty without it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> &str {
        let pair = self
            .cookies
            .iter()
            .find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='));
        pair.unwrap_or_default()
    }

    /// The path.
    #[must_use]
    pub fn raw_path(&self) -> &str {
        &self.raw_path
    }

    /// The body, as API Gateway encodes that of a signed request.
    ///
    /// # Errors
    /// If it is not base64 of text.
    pub fn decoded_body(&self) -> Result<String, Error> {
        Ok(String::from_utf8(BASE64_STANDARD.decode(&self.body)?)?)
    }
}

/// The claims of a session.
#[derive(Deserialize)]
pub struct SessionClaims {
    iss: String,
    aud: String,
    exp: i64,
    /// Partner User ID.
    pub partner_user_id: String,
    /// Entitlements.
    pub entitlements: Vec<String>,
}

impl SessionClaims {
    /// Fails unless the session has not expired, and is of the site and for us.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self, settings: &Settings) -> Result<(), Error> {
        let is_right = self.iss == settings.get("SITE_ISSUER")
            && self.aud == settings.get("PUBLIC_URL")
            && self.exp + LEEWAY > now();
        if is_right { Ok(()) } else { Err("wrong claims".into()) }
    }
}

/// The first key of `role`, `site` or `backend`, in the text of a secret.
///
/// # Errors
/// If the secret has no such key.
pub fn key_of(role: &str, secret: &str) -> Result<Vec<u8>, Error> {
    let members: Value = serde_json::from_str(secret)?;
    let key = members.pointer(&format!("/{role}/keys/0/k")).and_then(Value::as_str);
    Ok(BASE64_URL_SAFE_NO_PAD.decode(key.ok_or("no key")?)?)
}

/// A DynamoDB value of the kinds that the calls use.
pub enum Field {
    /// `S`
    Text(String),
    /// `N`
    Number(i64),
    /// `L` of `S`
    List(Vec<String>),
    /// `BOOL`
    Bool(bool),
}

/// A begun journey.
pub struct Begun {
    state: String,
    code_verifier: String,
    binding: String,
}

impl Begun {
    /// Draws the random values of a journey.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self {
            state: random()?,
            code_verifier: random()?,
            binding: random()? + &"A".repeat(22),
        })
    }

    /// The hash of the browser binding.
    #[must_use]
    pub fn binding_hash(&self) -> String {
        sha256_hex(&self.binding)
    }

    /// The attributes of the pending link.
    #[must_use]
    pub fn item(&self, claims: SessionClaims, settings: &Settings) -> [(&'static str, Field); 9] {
        let expires_at = now() + LINK_TTL;
        [
            ("id", Field::Text(format!("link#{}", sha256_hex(&self.state)))),
            ("partner_id", Field::Text(settings.get("PARTNER_ID").to_owned())),
            ("partner_user_id", Field::Text(claims.partner_user_id)),
            ("sign_in_method", Field::Text("session".to_owned())),
            ("browser_binding", Field::Text(self.binding_hash())),
            ("expires_at", Field::Number(expires_at)),
            ("delete_at", Field::Number(expires_at + GC_GRACE_SECS)),
            ("entitlements", Field::List(claims.entitlements)),
            ("code_verifier", Field::Text(self.code_verifier.clone())),
        ]
    }
}

/// The id of a pending link, and the values of [`CONSUMABLE`].
pub type Consumption = (String, [(&'static str, Field); 3]);

/// The consumption of the pending link of an event.
///
/// # Errors
/// If there are no random bytes.
pub fn consumption(event: &Event) -> Result<Consumption, Error> {
    let values = [
        (":owner", Field::Text(random()?)),
        (":now", Field::Number(now())),
        (":binding", Field::Text(sha256_hex(event.cookie("__Host-soa_link")))),
    ];
    Ok((format!("link#{}", sha256_hex(&event.parameter("state"))), values))
}

/// A consumed pending link.
pub struct PendingLink {
    /// Partner ID.
    pub partner_id: String,
    /// Partner User ID.
    pub partner_user_id: String,
    /// Entitlements of the token.
    pub entitlements: Vec<String>,
    /// PKCE code verifier.
    pub code_verifier: String,
}

impl PendingLink {
    /// The key of the subscriber.
    #[must_use]
    pub fn subscriber_id(&self) -> String {
        format!("{}#{}", self.partner_id, self.partner_user_id)
    }

    /// The values of [`BEGIN_REGISTRATION`].
    #[must_use]
    pub fn registration(&self) -> [(&'static str, Field); 10] {
        let now = now();
        let text = |text: &str| Field::Text(text.to_owned());
        [
            (":link_state", text("pending")),
            (":link_since", Field::Number(now)),
            (":link_evidence", text("register-user")),
            (":next_try_at", Field::Number(now + QUIET_PERIOD_SECS)),
            (":dirty_since", Field::Number(now)),
            (":partner_id", text(&self.partner_id)),
            (":partner_user_id", text(&self.partner_user_id)),
            (":registered_at", Field::Number(now)),
            (":dirty", text("0")),
            (":token_entitlements", Field::List(self.entitlements.clone())),
        ]
    }

    /// The payload of `register-user`.
    #[must_use]
    pub fn payload<'a>(&'a self, entitlements: &'a [String]) -> Payload<'a> {
        Payload {
            partner_id: &self.partner_id,
            partner_user_id: &self.partner_user_id,
            entitlements: Some(entitlements),
        }
    }
}

/// The payload of `register-user` or, without entitlements, of `unlink-user`.
#[derive(Serialize)]
pub struct Payload<'a> {
    partner_id: &'a str,
    partner_user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlements: Option<&'a [String]>,
}

/// The response of the token endpoint.
#[derive(Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: String,
}

/// The response of `register-user`.
#[derive(Deserialize)]
pub struct Registered {
    completion_url: String,
}

impl Registered {
    /// The redirect to the completion URL.
    #[must_use]
    pub fn answer(self) -> Answer {
        Answer::redirect(
            self.completion_url,
            "__Host-soa_link=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax".to_owned(),
        )
    }
}

/// An answer to API Gateway.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    headers: BTreeMap<&'static str, String>,
    cookies: Vec<String>,
    body: Option<String>,
    is_base64_encoded: bool,
}

impl Answer {
    /// An answer without content.
    #[must_use]
    pub fn no_content() -> Self {
        Self::new(204)
    }

    fn new(status_code: u16) -> Self {
        let header = |name, value: &str| (name, value.to_owned());
        let headers = [
            header("cache-control", "no-store"),
            header("content-security-policy", "default-src 'none'"),
            header("referrer-policy", "no-referrer"),
            header("x-content-type-options", "nosniff"),
        ];
        Self {
            status_code,
            headers: headers.into(),
            cookies: Vec::new(),
            body: None,
            is_base64_encoded: false,
        }
    }

    fn redirect(location: String, cookie: String) -> Self {
        let mut answer = Self::new(302);
        answer.headers.insert("location", location);
        answer.cookies.push(cookie);
        answer
    }

    fn json(status_code: u16, body: &impl Serialize) -> Result<Self, Error> {
        let mut answer = Self::new(status_code);
        answer.headers.insert("content-type", "application/json".to_owned());
        answer.body = Some(serde_json::to_string(body)?);
        Ok(answer)
    }
}

/// The client secret in the text of a secret.
///
/// # Errors
/// If the secret has no such member.
pub fn client_secret(secret: &str) -> Result<String, Error> {
    let members: Map<String, Value> = serde_json::from_str(secret)?;
    let text = members.get("client_secret").and_then(Value::as_str);
    Ok(text.ok_or("no client secret")?.to_owned())
}

fn random() -> Result<String, Error> {
    let mut bytes = [0; 32];
    #[expect(
        clippy::disallowed_methods,
        reason = "not one of the functions, which take their random bytes as an argument"
    )]
    rand::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn sha256_hex(text: &str) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .flat_map(digits)
        .collect()
}

/// The current time, in seconds since 1970.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "not one of the functions, which read the time in `shared::clock`"
)]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}
