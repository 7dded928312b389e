//! Options of a sandbox: ports, identities, keys and behaviour. Reads no environment variables; `main` does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::clock::Clock;

use crate::function_log::FunctionLog;
use crate::hex;
use crate::settings::KeySets;
use crate::site::{Person, Publisher, SignIn};
use crate::spotify::{Account, Client, Switches};

/// Location of one part of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Served by the sandbox on this port of 127.0.0.1; 0 selects a free port.
    Local(u16),
    /// Served outside the sandbox at this origin, without a trailing slash: `http://127.0.0.1:8000`.
    External(String),
}

/// Origin of every part, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Origin of the functions.
    pub gateway: String,
    /// Origin of the simulated Spotify: accounts service, Open Access API and content access.
    pub spotify: String,
    /// Origin of the demo partner's site.
    pub site: String,
    /// Origin of DynamoDB.
    pub dynamodb: String,
    /// Origin of Secrets Manager.
    pub secrets: String,
}

/// A symmetric signing key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Key ID.
    pub kid: String,
    /// Key bytes, at least 32.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Key {
    /// Returns the key as a JSON Web Key for HS256.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({"kty": "oct", "use": "sig", "alg": "HS256", "kid": self.kid, "k": URL_SAFE_NO_PAD.encode(&self.secret)})
    }
}

/// Registration of the functions as a client of an `OpenID` provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Issuer of the provider. If `None`, the demo site is the provider.
    pub issuer: Option<String>,
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: String,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: "soa-link".to_owned(),
            client_secret: "a demo secret, known to everybody: oidc".replace([' ', ','], "-"),
        }
    }
}

/// Options of a sandbox. `Options::default()` is the demo on free ports.
#[derive(Clone, Debug)]
pub struct Options {
    /// The simulated API Gateway in front of the functions.
    pub gateway: Endpoint,
    /// The simulated Spotify.
    pub spotify: Endpoint,
    /// The demo partner's site.
    pub site: Endpoint,
    /// The DynamoDB emulator.
    pub dynamodb: Endpoint,
    /// The Secrets Manager endpoint.
    pub secrets_manager: Endpoint,
    /// Upper bound of the time in which a function must answer a request to the gateway; 30 seconds for an integration of an HTTP API.
    pub integration_timeout: Duration,
    /// Seed that makes ids, codes and tokens the same at every start.
    pub seed: Option<u64>,
    /// File for DynamoDB's data. If `None`, the data is kept in memory.
    pub db_file: Option<PathBuf>,
    /// Client ID of the partner at Spotify.
    pub client_id: String,
    /// Client secret of the partner at Spotify.
    pub client_secret: String,
    /// Previous client secret that Spotify still accepts.
    pub previous_client_secret: Option<String>,
    /// Description of the client on Spotify's consent page.
    pub client_description: String,
    /// Partner ID.
    pub partner_id: String,
    /// Other partners of the same client: partner ID and name.
    pub more_partners: Vec<(String, String)>,
    /// Other clients registered at Spotify.
    pub other_clients: Vec<Client>,
    /// Public origin of the functions. If `None`, the gateway's origin.
    pub public_url: Option<String>,
    /// Redirect URIs registered at Spotify. If empty, `<public URL>/callback`.
    pub redirect_uris: Vec<String>,
    /// Entrypoint URL registered at Spotify. If `None`, `<public URL>/entrypoint`.
    pub entrypoint_url: Option<String>,
    /// Spotify accounts offered on the consent page.
    pub accounts: Vec<Account>,
    /// Behaviour of Spotify where its documentation is ambiguous.
    pub switches: Switches,
    /// The demo publisher: shows, plans and subscribers.
    pub publisher: Publisher,
    /// Whether the functions' pages have the publisher's colour, logo and links, the names of its plans, and what unlocks each show.
    pub is_branded: bool,
    /// Method by which the functions identify a signed-in subscriber.
    pub sign_in: SignIn,
    /// Provider and client registration for `SignIn::Oidc`.
    pub oidc: Oidc,
    /// Name of the site's session cookie, for `SignIn::Session`.
    pub session_cookie: String,
    /// `iss` of the site's tokens. If `None`, the site's origin.
    pub site_issuer: Option<String>,
    /// Key that signs the site's tokens.
    pub site_key: Key,
    /// Key that signs the requests of the partner's backend.
    pub backend_key: Key,
    /// Key that derives Partner User IDs. The site uses it to find the link of the signed-in subscriber.
    pub partner_user_id_key: Vec<u8>,
    /// Keys of the partner's own site and backend, which replace the demo's.
    pub key_sets: KeySets,
    /// Variables of the functions that differ from the demo's.
    pub variables: BTreeMap<String, String>,
    /// Initial secrets in Secrets Manager: name and value.
    pub secrets: BTreeMap<String, String>,
    /// Log of the functions, which the console shows. The caller makes the functions write to it.
    pub log: FunctionLog,
    /// Clock of the functions, which the console advances. The system's clock cannot be advanced.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gateway: Endpoint::Local(0),
            spotify: Endpoint::Local(0),
            site: Endpoint::Local(0),
            dynamodb: Endpoint::Local(0),
            secrets_manager: Endpoint::Local(0),
            integration_timeout: Duration::from_secs(30),
            seed: None,
            db_file: None,
            client_id: "c0ffee00c0ffee00c0ffee00c0ffee00".to_owned(),
            client_secret: "0123456789abcdef0123456789abcdef".to_owned(),
            previous_client_secret: None,
            client_description: "Wickerlight podcasts on Spotify".to_owned(),
            partner_id: "0WickerlightSandbox000".to_owned(),
            more_partners: Vec::new(),
            other_clients: Vec::new(),
            public_url: None,
            redirect_uris: Vec::new(),
            entrypoint_url: None,
            accounts: Account::fictional(),
            switches: Switches::default(),
            publisher: Publisher::default(),
            is_branded: false,
            sign_in: SignIn::default(),
            oidc: Oidc::default(),
            session_cookie: "wickerlight_session".to_owned(),
            site_issuer: None,
            site_key: Key {
                kid: "site-demo".to_owned(),
                secret: b"a demo key, known to everybody: site".to_vec(),
            },
            backend_key: Key {
                kid: "backend-demo".to_owned(),
                secret: b"a demo key, known to everybody: back".to_vec(),
            },
            partner_user_id_key: b"a demo key, known to everybody: puid".to_vec(),
            key_sets: KeySets::default(),
            variables: BTreeMap::new(),
            secrets: BTreeMap::new(),
            log: FunctionLog::default(),
            clock: Clock::System,
        }
    }
}

impl Options {
    /// Returns the public origin of the functions.
    #[must_use]
    pub fn public_url(&self, addresses: &Addresses) -> String {
        self.public_url.clone().unwrap_or_else(|| addresses.gateway.clone())
    }

    /// Returns `iss` of the backend's requests.
    #[must_use]
    pub fn backend_issuer(&self, addresses: &Addresses) -> String {
        let set = self.variables.get("BACKEND_ISSUER").filter(|issuer| !issuer.is_empty());
        set.cloned().unwrap_or_else(|| self.site_issuer(addresses))
    }

    /// Returns `iss` of the site's tokens.
    #[must_use]
    pub fn site_issuer(&self, addresses: &Addresses) -> String {
        self.site_issuer.clone().unwrap_or_else(|| addresses.site.clone())
    }

    /// Returns the address of the console, or `None` if Spotify is external.
    #[must_use]
    pub(crate) fn console(&self, addresses: &Addresses) -> Option<String> {
        let is_ours = matches!(self.spotify, Endpoint::Local(_));
        is_ours.then(|| format!("{}/_sandbox/", addresses.spotify))
    }

    /// Derives the Partner User ID of a subscriber of the demo.
    #[must_use]
    pub fn partner_user_id(&self, partner_id: &str, person: &Person) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.partner_user_id_key);
        let message = [partner_id.as_bytes(), &[0], person.sub.as_bytes()].concat();
        hex::encode(hmac::sign(&key, &message).as_ref())
    }
}
