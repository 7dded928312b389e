//! The simulated Spotify: accounts service, Open Access API and content access on one origin, with state in memory.
//!
//! `state` contains the rules; the other modules parse requests and write responses.

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
use crate::clock::Clock;
use crate::control::{self, Control};
use crate::faults::Faults;
use crate::options::{Addresses, Options};
use crate::requests::Requests;
use crate::token_source::TokenSource;

/// The user scope of Open Access.
pub const USER_SCOPE: &str = "user-soa-link";
/// The service scopes of Open Access.
pub const SERVICE_SCOPES: [&str; 4] = [
    "user-soa-unlink",
    "soa-manage-entitlements",
    "soa-manage-partner",
    "soa-create-partner",
];

/// Initial state of the simulated Spotify, restored by a reset.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Origin of the simulated Spotify, without a trailing slash.
    pub origin: String,
    /// Registered clients.
    pub clients: Vec<Client>,
    /// Spotify accounts.
    pub accounts: Vec<Account>,
    /// Behaviour where Spotify's documentation is ambiguous.
    pub switches: Switches,
    /// Seed that makes codes, tokens and ids repeatable.
    pub seed: Option<u64>,
}

impl Configuration {
    /// Derives the configuration from the options of a sandbox.
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

/// A link between a Spotify account and a subscriber of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Partner ID.
    pub partner_id: String,
    /// Partner User ID of the subscriber.
    pub partner_user_id: String,
    /// ID of the Spotify account.
    pub account: String,
    /// Entitlements of the subscriber.
    #[serde(default)]
    pub entitlements: Vec<String>,
    /// Whether the landing page has not been loaded yet (switch A16).
    #[serde(default)]
    pub pending: bool,
    /// Time of the link, in milliseconds since 1970.
    #[serde(default)]
    pub since_ms: u64,
}

/// The simulated Spotify. Clones share its state.
#[derive(Clone, Debug)]
pub struct Spotify {
    configuration: Arc<Configuration>,
    state: Arc<Mutex<State>>,
    control: Control,
}

impl Spotify {
    /// Creates a simulated Spotify that is not served yet.
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

    /// Returns the request log of `/api/` and `/authorize`.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.control.requests
    }

    /// Returns the faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.control.faults
    }

    /// Returns all links in order of creation, including pending ones.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.state().links.clone()
    }

    /// Returns the link of a subscriber.
    #[must_use]
    pub fn link(&self, partner_id: &str, partner_user_id: &str) -> Option<Link> {
        self.state().link(partner_id, partner_user_id).cloned()
    }

    /// Creates or moves a link without the partner's knowledge. Replaces other links of the account and of the subscriber.
    pub fn force_link(&self, link: Link) {
        self.state().force(link);
    }

    /// Adds links of subscribers and accounts that have none yet. Unlike [`Self::force_link`], does not look for other links, so that it can add many.
    pub fn add_links(&self, links: impl IntoIterator<Item = Link>) {
        self.state().links.extend(links);
    }

    /// Removes a link without the partner's knowledge, as on the Content Access page.
    pub fn remove_link(&self, partner_id: &str, partner_user_id: &str) {
        self.state().unlink(partner_id, partner_user_id);
    }

    /// Returns the current switches.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.state().switches.clone()
    }

    /// Changes the switches.
    pub fn set_switches(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.state().switches);
    }

    /// Rotates a client secret, as in the dashboard. The old secret is invalid at once, unless switch A12 keeps it.
    pub fn rotate_secret(&self, client_id: &str, secret: &str) {
        self.state().rotate_secret(client_id, secret);
    }

    /// Revokes all tokens.
    pub fn revoke_tokens(&self) {
        self.state().revoke_tokens(None);
    }

    /// Advances the clock of codes and tokens.
    pub fn advance_clock(&self, by: Duration) {
        self.control.clock.advance(by);
    }

    /// Returns the clock of codes and tokens.
    pub(crate) fn clock(&self) -> &Clock {
        &self.control.clock
    }

    /// Returns the accounts offered on the consent page.
    pub(crate) fn accounts(&self) -> &[Account] {
        &self.configuration.accounts
    }

    /// Clears links, codes, tokens, faults and log. Restores switches, secrets, clock and seed as configured.
    pub fn reset(&self) {
        self.control.faults.clear();
        self.control.requests.clear();
        self.control.clock.reset_to_system();
        let mut state = self.state();
        state.rng.rewind();
        let (rng, clock) = (state.rng.clone(), self.control.clock.clone());
        *state = State::new(&self.configuration, rng, clock);
    }
}

/// Returns all routes of the simulated Spotify.
fn router(spotify: Spotify) -> Router {
    let control = spotify.control.clone();
    let simulated = Router::new()
        .route("/authorize", get(authorize::show_consent).post(authorize::decide))
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

/// Serves the simulated Spotify, and the routes of the console beside it.
pub(crate) fn serve(listener: TcpListener, spotify: Spotify, console: Router, stop: watch::Receiver<()>) {
    crate::wire::serve_guarded(listener, router(spotify).merge(console), stop);
}
