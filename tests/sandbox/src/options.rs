//! How a sandbox is set up.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::hex;
use crate::site::{Person, Publisher, SignIn};
use crate::spotify::{Account, Client, Switches};

/// Where one part of the sandbox lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Served by the sandbox at this port of 127.0.0.1; 0 takes any that is free.
    Local(u16),
    /// Left out: somebody else serves it at this origin (`http://127.0.0.1:8000`, without a slash at the end).
    External(String),
}

/// The origin of every part, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The functions.
    pub gateway: String,
    /// The simulated Spotify: accounts, Open Access API and content access in one.
    pub spotify: String,
    /// The demo partner's site.
    pub site: String,
    /// DynamoDB.
    pub dynamodb: String,
    /// Secrets Manager.
    pub secrets: String,
}

/// A symmetric key for tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name among others.
    pub kid: String,
    /// Its bytes, at least 32.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Key {
    /// As a JSON Web Key for HS256.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({"kty": "oct", "use": "sig", "alg": "HS256", "kid": self.kid, "k": URL_SAFE_NO_PAD.encode(&self.secret)})
    }
}

/// The functions as a client of an `OpenID` provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Oidc {
    /// The provider's issuer; without one, the demo site is the provider.
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

/// Everything that can be chosen. `Options::default()` is the demo, on ports that are free.
#[derive(Clone, Debug)]
pub struct Options {
    /// The API-Gateway-shaped front.
    pub gateway: Endpoint,
    /// The simulated Spotify.
    pub spotify: Endpoint,
    /// The demo partner's site.
    pub site: Endpoint,
    /// The DynamoDB emulator.
    pub dynamodb: Endpoint,
    /// The Secrets Manager endpoint.
    pub secrets_manager: Endpoint,
    /// Makes ids, codes and tokens the same at every start.
    pub seed: Option<u64>,
    /// Keeps DynamoDB's data in this file rather than in memory.
    pub db_file: Option<PathBuf>,
    /// The partner's client at Spotify.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// A secret which is still accepted beside it.
    pub previous_client_secret: Option<String>,
    /// What people read in Spotify's consent page.
    pub client_description: String,
    /// The partner.
    pub partner_id: String,
    /// More partners of the same client: partner id and name.
    pub more_partners: Vec<(String, String)>,
    /// Clients which belong to somebody else.
    pub other_clients: Vec<Client>,
    /// Where people reach the functions, when that is not the gateway's own origin.
    pub public_url: Option<String>,
    /// The redirect URIs registered at Spotify; without any, `<public URL>/callback`.
    pub redirect_uris: Vec<String>,
    /// The Entrypoint URL known to Spotify, when that is not `<public URL>/entrypoint`.
    pub entrypoint_url: Option<String>,
    /// The Spotify accounts to choose from.
    pub accounts: Vec<Account>,
    /// How Spotify behaves where its contract leaves it open.
    pub switches: Switches,
    /// The demo partner: shows, plans, people.
    pub publisher: Publisher,
    /// How the functions know who is signed in.
    pub sign_in: SignIn,
    /// Where people sign in, and as which client, when `sign_in` is by OpenID Connect.
    pub oidc: Oidc,
    /// The site's session cookie (`session`).
    pub session_cookie: String,
    /// `iss` of the site's tokens, when that is not the site's origin.
    pub site_issuer: Option<String>,
    /// What the site signs its tokens with.
    pub site_key: Key,
    /// What the partner's backend signs its requests with.
    pub backend_key: Key,
    /// What Partner User IDs are derived with, so that the site can show the link of the person who is signed in.
    pub partner_user_id_key: Vec<u8>,
    /// What lies in the Secrets Manager at the start: name and value.
    pub secrets: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gateway: Endpoint::Local(0),
            spotify: Endpoint::Local(0),
            site: Endpoint::Local(0),
            dynamodb: Endpoint::Local(0),
            secrets_manager: Endpoint::Local(0),
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
            secrets: BTreeMap::new(),
        }
    }
}

impl Options {
    /// The origin at which people reach the functions.
    #[must_use]
    pub fn public_url(&self, addresses: &Addresses) -> String {
        self.public_url.clone().unwrap_or_else(|| addresses.gateway.clone())
    }

    /// `iss` of the site's tokens.
    #[must_use]
    pub fn site_issuer(&self, addresses: &Addresses) -> String {
        self.site_issuer.clone().unwrap_or_else(|| addresses.site.clone())
    }

    /// The Partner User ID that is derived for a person of the demo.
    #[must_use]
    pub fn partner_user_id(&self, partner_id: &str, person: &Person) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.partner_user_id_key);
        let message = [partner_id.as_bytes(), &[0], person.sub.as_bytes()].concat();
        hex::encode(hmac::sign(&key, &message).as_ref())
    }
}
