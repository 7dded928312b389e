//! The simulated Spotify: accounts, Open Access API and content access on one origin.
//!
//! What it holds is in memory. Every rule of Spotify's is in `state`; the other modules read requests and write answers.

mod account_pages;
mod authorize;
mod client;
mod content_access;
mod control_api;
mod form;
mod logo;
mod open_access;
mod page;
mod signed;
mod state;
mod switches;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::client::{Account, Client, Partner, Show};
use self::state::State;
pub use self::switches::{ErrorBody, Pkce, Stop, Switches};
use crate::chance::TokenSource;
use crate::control::{self, Control};
use crate::faults::Faults;
use crate::options::{Addresses, Options};
use crate::requests::Requests;

/// The one user scope of Open Access.
pub const USER_SCOPE: &str = "user-soa-link";
/// The service scopes.
pub const SERVICE_SCOPES: [&str; 4] = [
    "user-soa-unlink",
    "soa-manage-entitlements",
    "soa-manage-partner",
    "soa-create-partner",
];

/// What the simulated Spotify begins with, and goes back to on a reset.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Its own origin, without a slash at the end.
    pub origin: String,
    /// The clients it knows.
    pub clients: Vec<Client>,
    /// The people who have an account.
    pub accounts: Vec<Account>,
    /// Its behaviour where the contract leaves it open.
    pub switches: Switches,
    /// Makes codes, tokens and ids repeat.
    pub seed: Option<u64>,
}

impl Configuration {
    /// The demo's Spotify.
    #[must_use]
    pub fn from_options(options: &Options, addresses: &Addresses) -> Self {
        let public_url = options.public_url(addresses);
        let entrypoint_url = options
            .entrypoint_url
            .clone()
            .unwrap_or_else(|| format!("{public_url}/entrypoint"));
        let redirect_uris = if options.redirect_uris.is_empty() {
            vec![format!("{public_url}/callback")]
        } else {
            options.redirect_uris.clone()
        };
        let mut partners = vec![Partner {
            id: options.partner_id.clone(),
            name: options.publisher.name.clone(),
            entrypoint_url,
            shows: options.publisher.shows.clone(),
        }];
        partners.extend(options.more_partners.iter().map(|(id, name)| Partner {
            id: id.clone(),
            name: name.clone(),
            entrypoint_url: format!("{public_url}/partners/{id}/entrypoint"),
            shows: Vec::new(),
        }));
        let client = Client {
            id: options.client_id.clone(),
            secret: options.client_secret.clone(),
            previous_secret: options.previous_client_secret.clone(),
            description: options.client_description.clone(),
            redirect_uris,
            service_scopes: SERVICE_SCOPES.map(str::to_owned).to_vec(),
            partners,
        };
        Self {
            origin: addresses.spotify.clone(),
            clients: std::iter::once(client)
                .chain(options.other_clients.iter().cloned())
                .collect(),
            accounts: options.accounts.clone(),
            switches: options.switches.clone(),
            seed: options.seed,
        }
    }
}

/// The pairing of a Spotify account with a partner's person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The partner.
    pub partner_id: String,
    /// The partner's person.
    pub partner_user_id: String,
    /// The Spotify account.
    pub account: String,
    /// What the person is entitled to.
    #[serde(default)]
    pub entitlements: Vec<String>,
    /// Registered, but (A16) the landing page has not been loaded.
    #[serde(default)]
    pub pending: bool,
    /// Since when, in milliseconds since 1970.
    #[serde(default)]
    pub since_ms: u64,
}

/// The simulated Spotify. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Spotify {
    configuration: Arc<Configuration>,
    state: Arc<Mutex<State>>,
    control: Control,
}

impl Spotify {
    /// One that nobody can reach yet.
    #[must_use]
    pub fn new(configuration: Configuration) -> Self {
        let control = Control {
            logged: &["/api/", "/authorize"],
            ..Control::default()
        };
        let state = State::new(
            &configuration,
            TokenSource::new(configuration.seed),
            control.clock.clone(),
        );
        Self {
            configuration: Arc::new(configuration),
            state: Arc::new(Mutex::new(state)),
            control,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn origin(&self) -> &str {
        &self.configuration.origin
    }

    /// Its request log: everything to `/api/` and `/authorize`.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.control.requests
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.control.faults
    }

    /// All links, the pending ones too, in the order they were made.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.state().links.clone()
    }

    /// The link of a partner's person.
    #[must_use]
    pub fn link(&self, partner_id: &str, partner_user_id: &str) -> Option<Link> {
        self.state().link(partner_id, partner_user_id).cloned()
    }

    /// Makes a link behind the partner's back, or moves one: whatever else either side was linked to is gone.
    pub fn force_link(&self, link: Link) {
        self.state().force(link);
    }

    /// Removes a link behind the partner's back, as a person does on the Content Access page.
    pub fn remove_link(&self, partner_id: &str, partner_user_id: &str) {
        self.state().unlink(partner_id, partner_user_id);
    }

    /// Its behaviour as it is now.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.state().switches.clone()
    }

    /// Changes its behaviour.
    pub fn set_switches(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.state().switches);
    }

    /// Gives a client another secret, as the dashboard does. The old one is dead unless switch A12 says otherwise.
    pub fn rotate_secret(&self, client_id: &str, secret: &str) {
        self.state().rotate_secret(client_id, secret);
    }

    /// Makes every token issued so far unknown.
    pub fn revoke_tokens(&self) {
        self.state().revoke_tokens(None);
    }

    /// Lets time pass for codes and tokens.
    pub fn advance_clock(&self, by: Duration) {
        self.control.clock.advance(by);
    }

    /// Everything back to the start: no links, codes, tokens, faults or log; switches, secrets, clock and seed as configured.
    pub fn reset(&self) {
        self.control.faults.clear();
        self.control.requests.clear();
        self.control.clock.back_to_the_machine();
        let mut state = self.state();
        state.rng.rewind();
        let (rng, clock) = (state.rng.clone(), self.control.clock.clone());
        *state = State::new(&self.configuration, rng, clock);
    }
}

/// All that it serves.
fn router(spotify: Spotify) -> Router {
    let control = spotify.control.clone();
    let simulated = Router::new()
        .route("/authorize", get(authorize::ask).post(authorize::decide))
        .route("/api/token", post(token::token))
        .route("/api/v1/register-user", post(open_access::register_user))
        .route("/api/v1/unlink-user", post(open_access::unlink_user))
        .route("/api/v1/get-entitlements", post(open_access::get_entitlements))
        .route("/api/v1/add-entitlements", post(open_access::add_entitlements))
        .route("/api/v1/replace-entitlements", post(open_access::replace_entitlements))
        .route("/api/v1/delete-entitlements", post(open_access::delete_entitlements))
        .route("/api/v1/create-partner", post(open_access::create_partner))
        .route("/api/v1/upload-logo/{partner_id}", post(open_access::upload_logo))
        .route("/link/{partner_id}", get(content_access::start))
        .route("/oauth/success", get(content_access::landing))
        .route("/", get(account_pages::show))
        .route("/content-access", get(account_pages::show))
        .route("/content-access/account", post(account_pages::choose))
        .route("/content-access/unlink", post(account_pages::unlink))
        .fallback(page::not_found)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(spotify.clone());
    simulated
        .layer(middleware::from_fn_with_state(control.clone(), control::observe))
        .merge(control::routes(control))
        .merge(control_api::routes(spotify))
}

pub(crate) fn serve(listener: TcpListener, spotify: Spotify, stop: watch::Receiver<()>) {
    crate::wire::serve(listener, router(spotify), stop);
}
