//! Functions whose keys are never old. On AWS a function caches the partner's keys for minutes; here it is started again as
//! soon as a key has changed, so that its next request sees the change.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::config::Environment;
use shared::http_client::HttpClient;
use shared::rng::Rng;
use tokio::sync::Mutex;

use super::{PARTNER_KEYS_ID, Settings, partner_keys, routes};
use crate::{Options, Route, RoutesError, SecretsManager};

/// Timeout of the look at published keys before a request.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// Functions that are started again when the partner's keys change: in the key files, at the URLs of published keys, or in Secrets Manager.
#[derive(Clone)]
pub struct FreshFunctions(Arc<Inner>);

struct Inner {
    options: Options,
    settings: Settings,
    environment: Environment,
    clock: Clock,
    rng: Rng,
    http: HttpClient,
    /// URLs at which the partner publishes keys.
    urls: Vec<String>,
    /// Set once the sandbox runs.
    secrets: OnceLock<SecretsManager>,
    running: Mutex<Running>,
}

/// The functions as they run, and the keys with which they started.
struct Running {
    routes: Vec<Route>,
    /// Content of each URL, `None` before its first response.
    published: Vec<Option<String>>,
    /// The secret as made from the settings.
    secret: String,
    /// Versions of the secret in Secrets Manager. Empty before the first request.
    versions: Vec<(String, Vec<String>)>,
    /// Whether the last start failed.
    failed: bool,
}

impl FreshFunctions {
    /// Starts the functions.
    ///
    /// # Errors
    /// Fails if a function cannot start. The error names every missing or invalid variable or secret.
    pub async fn start(
        options: &Options,
        settings: &Settings,
        environment: &Environment,
        rng: &Rng,
    ) -> Result<Self, RoutesError> {
        let urls = ["SITE_JWKS_URL", "BACKEND_JWKS_URL"];
        let urls = urls.iter().filter_map(|name| options.variables.get(*name));
        let urls: Vec<_> = urls.filter(|url| !url.is_empty()).cloned().collect();
        let running = Running {
            routes: routes(environment, &options.clock, rng).await?,
            published: vec![None; urls.len()],
            secret: partner_keys(options, &options.key_sets),
            versions: Vec::new(),
            failed: false,
        };
        Ok(Self(Arc::new(Inner {
            options: options.clone(),
            settings: settings.clone(),
            environment: environment.clone(),
            clock: options.clock.clone(),
            rng: rng.clone(),
            http: HttpClient::new()?,
            urls,
            secrets: OnceLock::new(),
            running: Mutex::new(running),
        })))
    }

    /// Watches the partner's keys in `secrets`, and writes those of the key files there.
    pub fn watch(&self, secrets: &SecretsManager) {
        // A second call has no effect.
        let _ = self.0.secrets.set(secrets.clone());
    }

    /// Returns the routes of the functions. Each request goes to functions with the current keys.
    pub async fn routes(&self) -> Vec<Route> {
        let running = self.0.running.lock().await;
        let fresh = |(place, route): (usize, &Route)| {
            let functions = self.clone();
            Route::new(&route.method, &route.path, move |event: Value| {
                let functions = functions.clone();
                async move {
                    match functions.current(place).await {
                        Ok(Some(route)) => (route.function)(event).await,
                        Ok(None) => json!({"statusCode": 404}),
                        Err(error) => not_started(&error),
                    }
                }
            })
        };
        running.routes.iter().enumerate().map(fresh).collect()
    }

    /// Returns a route of functions that have the current keys.
    async fn current(&self, place: usize) -> Result<Option<Route>, RoutesError> {
        let inner = &*self.0;
        let key_sets = inner.settings.key_sets()?;
        let mut found = Vec::with_capacity(inner.urls.len());
        for url in &inner.urls {
            found.push(inner.look(url).await);
        }
        // Held while the functions start, so that they start once for each change.
        let mut running = inner.running.lock().await;
        let secret = partner_keys(&inner.options, &key_sets);
        let mut is_old = running.failed;
        if let Some(secrets) = inner.secrets.get() {
            if secret != running.secret {
                secrets.put(PARTNER_KEYS_ID, &secret);
                running.secret = secret;
            }
            let versions = secrets.versions(PARTNER_KEYS_ID);
            is_old |= versions != running.versions;
            running.versions = versions;
        }
        for (published, found) in running.published.iter_mut().zip(found) {
            if found.is_some() && *published != found {
                *published = found;
                is_old = true;
            }
        }
        if is_old {
            // Until the start succeeds, each request tries again.
            running.failed = true;
            running.routes = routes(&inner.environment, &inner.clock, &inner.rng).await?;
            running.failed = false;
        }
        Ok(running.routes.get(place).cloned())
    }
}

impl Inner {
    /// Returns the keys that are published at a URL. `None` if there is no response or an error, which is no change: the functions go on with
    /// the keys they have, as on AWS.
    async fn look(&self, url: &str) -> Option<String> {
        let response = self.http.get_within(url, LOOK_TIMEOUT).await.ok()?;
        (response.status == StatusCode::OK).then(|| response.body.expose().to_owned())
    }
}

/// The response while the functions cannot start.
fn not_started(error: &RoutesError) -> Value {
    json!({
        "statusCode": 500,
        "headers": {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"},
        "body": format!("The functions cannot start with the changed keys: {error}\n"),
    })
}
