//! A simulated Spotify Open Access and a demo partner, to develop and test an integration against.
//!
//! One process holds it all, on 127.0.0.1: Spotify's side, a DynamoDB, a Secrets Manager, a front like API Gateway's
//! for the functions, and the site of a publisher that does not exist. `README.md` beside this crate is for those who
//! use it from outside; this is for Rust tests.
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

pub mod bundle;
#[cfg(test)]
mod caller;
mod chance;
mod clock;
mod control;
mod cookies;
mod dynamodb;
mod event_bus;
pub mod faults;
pub mod gateway;
mod hex;
mod options;
pub mod requests;
pub mod secrets_manager;
pub mod site;
pub mod spotify;
pub mod stream;
mod wire;

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use crate::event_bus::EventBus;
pub use crate::faults::{Fault, Faults};
pub use crate::gateway::{Function, Route};
pub use crate::options::{Addresses, Key, Oidc, Options, Place};
pub use crate::requests::{Request, Requests};
pub use crate::secrets_manager::SecretsManager;
pub use crate::site::{Person, Publisher, SignIn};
pub use crate::spotify::{Account, Client, Link, Partner, Show, Spotify, Switches};

/// Why the gateway's routes could not be made.
pub type RoutesError = Box<dyn std::error::Error + Send + Sync>;

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is taken, most likely.
    #[error("127.0.0.1:{port} cannot be listened at for {part}: {source}")]
    Port {
        /// Which part of the sandbox.
        part: &'static str,
        /// The port it was to have.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The database file cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Database(String),
    /// The functions cannot be configured.
    #[error("the functions cannot be set up: {0}")]
    Routes(RoutesError),
}

/// A sandbox that runs. Dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    addresses: Addresses,
    options: Arc<Options>,
    spotify: Spotify,
    secrets: SecretsManager,
    /// The servers run until this is gone.
    _stop: watch::Sender<()>,
}

impl Sandbox {
    /// Starts what `options` ask for.
    ///
    /// `routes` is called once all ports are known, when Spotify, DynamoDB and the Secrets Manager already answer, and
    /// gives what the gateway is to serve. It is not called when the gateway is elsewhere.
    ///
    /// # Errors
    ///
    /// When a port is taken, the database file cannot be opened, or `routes` fails.
    pub async fn start<R, F>(options: Options, routes: R) -> Result<Self, Error>
    where
        R: FnOnce(Addresses) -> F,
        F: Future<Output = Result<Vec<Route>, RoutesError>>,
    {
        let options = Arc::new(options);
        let gateway = Berth::at("the gateway", &options.gateway).await?;
        let spotify = Berth::at("Spotify", &options.spotify).await?;
        let site = Berth::at("the site", &options.site).await?;
        let dynamodb = Berth::at("DynamoDB", &options.dynamodb).await?;
        let secrets_manager = Berth::at("the Secrets Manager", &options.secrets_manager).await?;
        let addresses = Addresses {
            gateway: gateway.origin,
            spotify: spotify.origin,
            site: site.origin,
            dynamodb: dynamodb.origin,
            secrets: secrets_manager.origin,
        };
        let (stop, stopped) = watch::channel(());

        let simulated = Spotify::new(spotify::Configuration::from_options(&options, &addresses));
        if let Some(listener) = spotify.listener {
            spotify::serve(listener, simulated.clone(), stopped.clone());
        }
        let secrets = SecretsManager::new(options.seed);
        for (name, value) in &options.secrets {
            secrets.put(name, value);
        }
        if let Some(listener) = secrets_manager.listener {
            secrets_manager::serve(listener, secrets.clone(), stopped.clone());
        }
        if let Some(listener) = dynamodb.listener {
            dynamodb::serve(listener, options.db_file.as_deref(), stopped.clone())
                .map_err(|error| Error::Database(error.to_string()))?;
        }
        if let Some(listener) = site.listener {
            let site = site::Site::new(&options, &addresses, simulated.clone());
            site::serve(listener, site, stopped.clone());
        }
        if let Some(listener) = gateway.listener {
            let routes = routes(addresses.clone()).await.map_err(Error::Routes)?;
            let public_url = options.public_url(&addresses);
            gateway::serve(listener, routes, &public_url, options.seed, stopped.clone());
        }
        Ok(Self {
            addresses,
            options,
            spotify: simulated,
            secrets,
            _stop: stop,
        })
    }

    /// Where everything is.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What it was started with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The simulated Spotify: its links, request log, faults and switches. Alone and idle when Spotify is elsewhere.
    #[must_use]
    pub fn spotify(&self) -> &Spotify {
        &self.spotify
    }

    /// The Secrets Manager. Alone and idle when it is elsewhere.
    #[must_use]
    pub fn secrets_manager(&self) -> &SecretsManager {
        &self.secrets
    }
}

/// A listener, or the address of somebody else's.
struct Berth {
    origin: String,
    listener: Option<TcpListener>,
}

impl Berth {
    async fn at(name: &'static str, place: &Place) -> Result<Self, Error> {
        let port = match place {
            Place::Elsewhere(origin) => {
                return Ok(Self {
                    origin: origin.trim_end_matches('/').to_owned(),
                    listener: None,
                });
            }
            Place::Here(port) => *port,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn aws(address: &str, target: &str, input: serde_json::Value) -> (u16, serde_json::Value) {
        let request = caller::client()
            .post(address)
            .header("x-amz-target", target)
            .body(input.to_string());
        let request = request.header("content-type", "application/x-amz-json-1.0");
        // DynamoDB looks for credentials but does not check them; the Secrets Manager does neither.
        let request = request.header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
        );
        let answer = request.header("x-amz-date", "20260101T000000Z").send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn the_routes_are_made_when_everything_they_need_already_answers() {
        let options = Options {
            secrets: [("client".to_owned(), "s3cret".to_owned())].into(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options, async |addresses: Addresses| {
            let input = json!({"SecretId": "client"});
            let (status, answer) = aws(&addresses.secrets, "secretsmanager.GetSecretValue", input).await;
            assert_eq!((status, answer["SecretString"].as_str()), (200, Some("s3cret")));
            let (status, tables) = aws(&addresses.dynamodb, "DynamoDB_20120810.ListTables", json!({})).await;
            assert_eq!((status, tables), (200, json!({"TableNames": []})));
            let page = caller::client()
                .get(format!("{}/content-access", addresses.spotify))
                .send()
                .await?;
            assert_eq!(page.status(), 200);
            Ok(vec![Route::new(
                "GET",
                "/entrypoint",
                async |_| json!({"statusCode": 204}),
            )])
        })
        .await
        .unwrap();
        let gateway = &sandbox.addresses().gateway;
        let answer = caller::client()
            .get(format!("{gateway}/entrypoint"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 204);
        let seen = sandbox.secrets_manager().requests().all();
        assert_eq!(seen[0].action.as_deref(), Some("secretsmanager.GetSecretValue"));
        assert_eq!(seen[0].secret_id.as_deref(), Some("client"));
    }

    #[tokio::test]
    async fn the_secrets_manager_errs_and_fails_as_amazons_does() {
        let sandbox = Sandbox::start(Options::default(), async |_| Ok(Vec::new()))
            .await
            .unwrap();
        let get = || {
            aws(
                &sandbox.addresses().secrets,
                "secretsmanager.GetSecretValue",
                json!({"SecretId": "x"}),
            )
        };
        let (status, answer) = get().await;
        assert_eq!(
            (status, answer["__type"].as_str()),
            (400, Some("ResourceNotFoundException"))
        );
        sandbox
            .secrets_manager()
            .faults()
            .add(Fault::answer("/", 500, r#"{"__type":"InternalServiceError"}"#));
        assert_eq!(get().await, (500, json!({"__type": "InternalServiceError"})));
    }

    #[tokio::test]
    async fn a_dropped_sandbox_gives_its_ports_back() {
        let sandbox = Sandbox::start(Options::default(), async |_| Ok(Vec::new()))
            .await
            .unwrap();
        let addresses = sandbox.addresses().clone();
        drop(sandbox);
        for origin in [
            addresses.gateway,
            addresses.spotify,
            addresses.site,
            addresses.dynamodb,
            addresses.secrets,
        ] {
            let port = origin.rsplit_once(':').unwrap().1.parse().unwrap();
            let mut tries = 0;
            while TcpListener::bind(("127.0.0.1", port)).await.is_err() {
                tries += 1;
                assert!(tries < 100, "{origin} is still taken");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let options = Options {
            spotify: Place::Here(port),
            ..Options::default()
        };
        let error = Sandbox::start(options, async |_| Ok(Vec::new()))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("127.0.0.1:{port} cannot be listened at for Spotify")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn functions_that_cannot_be_set_up_stop_the_start() {
        let error = Sandbox::start(Options::default(), async |_| Err("PARTNER_ID is missing".into())).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "the functions cannot be set up: PARTNER_ID is missing"
        );
    }

    #[tokio::test]
    async fn a_database_file_keeps_its_tables() {
        let folder = std::env::temp_dir().join(format!("soa-link-sandbox-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("demo.db");
        let start = || async {
            let options = Options {
                db_file: Some(file.clone()),
                ..Options::default()
            };
            Sandbox::start(options, async |_| Ok(Vec::new())).await.unwrap()
        };
        let sandbox = start().await;
        let table = json!({
            "TableName": "things",
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        });
        let (status, answer) = aws(&sandbox.addresses().dynamodb, "DynamoDB_20120810.CreateTable", table).await;
        assert_eq!(status, 200, "{answer}");
        drop(sandbox);
        let sandbox = start().await;
        let (_, tables) = aws(&sandbox.addresses().dynamodb, "DynamoDB_20120810.ListTables", json!({})).await;
        assert_eq!(tables, json!({"TableNames": ["things"]}));
        // Left behind in the temporary directory at worst.
        let _ = std::fs::remove_dir_all(&folder);
    }
}
