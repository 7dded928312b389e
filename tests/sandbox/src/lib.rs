//! A simulated Spotify Open Access and a demo partner for the development and test of integrations.
//!
//! One process on 127.0.0.1 serves Spotify, DynamoDB, Secrets Manager, an API Gateway in front of the functions, and the
//! site of a fictional publisher. This API is for Rust tests; `README.md` of this crate describes the program.
//!
//! ```no_run
//! # async fn example() -> Result<(), sandbox::Error> {
//! use sandbox::{Fault, Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default(), async |_addresses| Ok(Vec::new())).await?;
//! sandbox.spotify().faults().add(Fault::answer("/api/token", 503, "{}"));
//! let seen = sandbox.spotify().requests().to("/api/v1/");
//! # Ok(())
//! # }
//! ```

mod clock;
mod console;
mod control;
mod cookies;
pub mod deployment;
mod dynamodb;
mod event_bus;
pub mod faults;
pub mod function_log;
pub mod gateway;
mod hex;
mod options;
mod origin_guard;
pub mod requests;
pub mod secrets_manager;
pub mod settings;
pub mod site;
pub mod spotify;
pub mod stream;
#[cfg(test)]
#[path = "../tests/it/support.rs"]
mod support;
mod token_source;
mod webkit;
mod wire;

// Unit tests include files of `tests/it`, which refer to this crate by name.
#[cfg(test)]
extern crate self as sandbox;

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use crate::event_bus::EventBus;
pub use crate::faults::{Fault, Faults};
pub use crate::function_log::FunctionLog;
pub use crate::gateway::{Function, Route};
pub use crate::options::{Addresses, Endpoint, Key, Oidc, Options};
pub use crate::requests::{Request, Requests};
pub use crate::secrets_manager::SecretsManager;
pub use crate::settings::{KeySets, Settings, SettingsError};
pub use crate::site::{Person, Publisher, SignIn};
pub use crate::spotify::{Account, Client, Link, Partner, Show, Spotify, Switches};

/// Error of the gateway's routes at start.
pub type RoutesError = Box<dyn std::error::Error + Send + Sync>;

/// Error of the start of a sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port cannot be bound; usually it is in use.
    #[error("127.0.0.1:{port} cannot be listened at for {part}: {source}")]
    Port {
        /// Part of the sandbox.
        part: &'static str,
        /// Requested port.
        port: u16,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The database file cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Database(String),
    /// The functions cannot be configured.
    #[error("the functions cannot be set up: {0}")]
    Routes(RoutesError),
}

/// A running sandbox. Dropping it stops all servers.
#[derive(Debug)]
pub struct Sandbox {
    addresses: Box<Addresses>,
    options: Arc<Options>,
    spotify: Spotify,
    secrets: SecretsManager,
    requests: Requests,
    /// Dropped to stop the servers.
    _stop: watch::Sender<()>,
}

impl Sandbox {
    /// Starts the parts selected by `options`.
    ///
    /// `routes` returns the routes of the gateway. It is called after Spotify, DynamoDB and Secrets Manager have started, and
    /// only if the sandbox serves the gateway.
    ///
    /// # Errors
    ///
    /// Fails if a port cannot be bound, if the database file cannot be opened, or if `routes` fails.
    pub async fn start<R, F>(options: Options, routes: R) -> Result<Self, Error>
    where
        R: FnOnce(Addresses) -> F,
        F: Future<Output = Result<Vec<Route>, RoutesError>>,
    {
        let options = Arc::new(options);
        let gateway = Bound::at("the gateway", &options.gateway).await?;
        let spotify = Bound::at("Spotify", &options.spotify).await?;
        let site = Bound::at("the site", &options.site).await?;
        let dynamodb = Bound::at("DynamoDB", &options.dynamodb).await?;
        let secrets_manager = Bound::at("the Secrets Manager", &options.secrets_manager).await?;
        let addresses = Addresses {
            gateway: gateway.origin,
            spotify: spotify.origin,
            site: site.origin,
            dynamodb: dynamodb.origin,
            secrets: secrets_manager.origin,
        };
        let (stop, stopped) = watch::channel(());

        let simulated = Spotify::new(spotify::Configuration::from_options(&options, &addresses));
        let shared = gateway::Shared::default();
        let secrets = SecretsManager::new(options.seed);
        for (name, value) in &options.secrets {
            secrets.put(name, value);
        }
        if let Some(listener) = spotify.listener {
            let console = console::Console::new(&options, &addresses, &simulated, &secrets, &shared);
            spotify::serve(listener, simulated.clone(), console::routes(console), stopped.clone());
        }
        if let Some(listener) = secrets_manager.listener {
            secrets_manager::serve(listener, secrets.clone(), stopped.clone());
        }
        if let Some(listener) = dynamodb.listener {
            dynamodb::serve(listener, options.db_file.as_deref(), stopped.clone())
                .map_err(|error| Error::Database(error.to_string()))?;
        }
        if let Some(listener) = site.listener {
            let site = site::Site::new(&options, &addresses, simulated.clone(), shared.clock.clone());
            site::serve(listener, site, stopped.clone());
        }
        if let Some(listener) = gateway.listener {
            let routes = routes(addresses.clone()).await.map_err(Error::Routes)?;
            let public_url = options.public_url(&addresses);
            gateway::serve(listener, routes, &public_url, &options, shared.clone(), stopped.clone());
        }
        Ok(Self {
            addresses: Box::new(addresses),
            options,
            spotify: simulated,
            secrets,
            requests: shared.requests,
            _stop: stop,
        })
    }

    /// Returns the origins of all parts.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Returns the options given at start.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the simulated Spotify: links, request log, faults and switches. It is unused if Spotify is external.
    #[must_use]
    pub fn spotify(&self) -> &Spotify {
        &self.spotify
    }

    /// Returns the log of the requests to the functions.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Returns the address of the console, or `None` if Spotify is external.
    #[must_use]
    pub fn console(&self) -> Option<String> {
        self.options.console(&self.addresses)
    }

    /// Returns the simulated Secrets Manager. It is unused if Secrets Manager is external.
    #[must_use]
    pub fn secrets_manager(&self) -> &SecretsManager {
        &self.secrets
    }
}

/// A bound listener, or the origin of an external service.
struct Bound {
    origin: String,
    listener: Option<TcpListener>,
}

impl Bound {
    async fn at(name: &'static str, place: &Endpoint) -> Result<Self, Error> {
        let port = match place {
            Endpoint::External(origin) => {
                return Ok(Self {
                    origin: origin.trim_end_matches('/').to_owned(),
                    listener: None,
                });
            }
            Endpoint::Local(port) => *port,
        };
        let failed = |source| Error::Port {
            part: name,
            port,
            source,
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let origin = format!("http://{}", listener.local_addr().map_err(failed)?);
        Ok(Self {
            origin,
            listener: Some(listener),
        })
    }
}
