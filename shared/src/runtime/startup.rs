//! Starts a function: reads its secrets and opens its connections in parallel, and reports all errors at once. An unreachable Spotify does not prevent the
//! start.

use std::pin::Pin;

use crate::{
    aws::AwsConfig,
    clock::Clock,
    config::{ConfigError, Environment, LinkStoreConfig, SpotifyAccessConfig},
    http_client::{HttpClient, HttpError},
    log,
    partner::PartnerId,
    registry::PartnerRegistry,
    rng::Rng,
    secrets::{ManagedSecret, SecretError},
    sign_in::{PartnerKeys, SignIn},
    spotify::Spotify,
    store::{PartnerTable, PendingLinks},
    telemetry::{self, Code, metrics},
};

/// Builds a function when its process starts. Sets up log and metrics first, and logs the outcome.
///
/// # Errors
/// If the function cannot be built, which the log explains.
pub(super) async fn start_in_process<T>(
    name: &'static str,
    build: impl Future<Output = Result<T, StartError>>,
) -> Result<T, lambda_runtime::Error> {
    telemetry::init();
    metrics::init(Environment::from_env().metrics_namespace());
    // Boxed: with two SDK clients, the future's type is too deeply nested for the compiler.
    let building: Pin<Box<dyn Future<Output = Result<T, StartError>>>> = Box::pin(build);
    match building.await {
        Ok(function) => {
            log!(info, Code::Started, function = name);
            Ok(function)
        }
        Err(error) => {
            log!(error, Code::NotStarted, function = name, reason = %error);
            Err(format!("{}: {error}", Code::NotStarted).into())
        }
    }
}

/// What every function is built from.
pub struct Base {
    /// The process's variables.
    pub environment: Environment,
    /// The HTTP client, which the AWS SDK uses too.
    pub http: HttpClient,
    /// The clock.
    pub clock: Clock,
    /// The source of random bytes.
    pub rng: Rng,
}

impl Base {
    /// Creates the HTTP client.
    ///
    /// # Errors
    /// [`StartError::Http`] if the client cannot be set up.
    pub fn new(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        Ok(Self {
            environment,
            http: HttpClient::new()?,
            clock,
            rng,
        })
    }

    /// The registry of the partners: the deployment's own, and those of `table`, whose settings override the environment.
    ///
    /// # Errors
    /// [`StartError::Config`] if the deployment's own partner cannot be built.
    pub fn registry<T: 'static>(
        &self,
        partner_id: PartnerId,
        table: Option<String>,
        aws: &AwsConfig,
        build: impl Fn(Environment) -> Result<T, ConfigError> + Send + Sync + 'static,
    ) -> Result<PartnerRegistry<T>, StartError> {
        let own = build(self.environment.clone())?;
        let partners = table.map(|table| PartnerTable::new(aws.dynamodb(&self.http), table));
        let environment = self.environment.clone();
        let build = move |partner: &crate::store::PartnerRecord| {
            let environment = environment.for_partner(&partner.partner_id, &partner.name, &partner.settings);
            build(environment).map_err(|error| error.to_string())
        };
        Ok(PartnerRegistry::new((partner_id, own), partners, build, &self.clock))
    }

    /// The partner's keys and the pending links. Reads the keys, and opens a connection to `DynamoDB`. With `sign_in`, keys for the site's tokens are required.
    ///
    /// # Errors
    /// [`StartError`] if the keys are malformed or missing. An unreachable Secrets Manager is not an error, because the next use reads the keys again.
    pub async fn link_store(
        &self,
        config: &LinkStoreConfig,
        sign_in: Option<&SignIn>,
    ) -> Result<LinkStore, StartError> {
        let secrets_manager = config.aws.secrets_manager(&self.http);
        let store = LinkStore {
            partner_keys: ManagedSecret::new(secrets_manager, config.partner_keys_id.clone(), self.clock.clone()),
            pending_links: PendingLinks::new(config.aws.dynamodb(&self.http), config.pending_links_table.clone()),
        };
        let preload_remote_keys = async {
            if let Some(sign_in) = sign_in {
                sign_in.preload().await;
            }
        };
        let dynamodb = config.aws.dynamodb_origin();
        let (loaded, (), ()) = tokio::join!(
            store.partner_keys.preload(),
            preload_remote_keys,
            self.http.preconnect(&dynamodb)
        );
        loaded?;
        let Some(sign_in) = sign_in else { return Ok(store) };
        match store.partner_keys.get().await {
            Ok(keys) if !sign_in.has_verification_keys(&keys.current) => Err(StartError::NoSiteKeys {
                id: store.partner_keys.id().to_owned(),
            }),
            _ => Ok(store),
        }
    }

    /// The client of Spotify, the partner's keys and the pending links. Connects to all of them in parallel.
    ///
    /// # Errors
    /// [`StartError`] if a secret is malformed or missing. An unreachable Spotify is not an error.
    pub async fn spotify_access(
        &self,
        config: &SpotifyAccessConfig,
        sign_in: &SignIn,
    ) -> Result<(Spotify, LinkStore), StartError> {
        let secrets_manager = config.link_store.aws.secrets_manager(&self.http);
        let client_secret = ManagedSecret::new(secrets_manager, config.client_secret_id.clone(), self.clock.clone());
        let spotify = Spotify::new(
            config.spotify.clone(),
            self.http.clone(),
            client_secret,
            self.clock.clone(),
            self.rng.clone(),
        );
        // Boxed: the future that reads two secrets is too large for the caller's stack.
        let opening =
            Box::pin(async { tokio::join!(self.link_store(&config.link_store, Some(sign_in)), spotify.preload()) });
        match opening.await {
            (Ok(link_store), Ok(())) => Ok((spotify, link_store)),
            (link_store, spotify) => Err(StartError::all([link_store.err(), spotify.err().map(StartError::from)])),
        }
    }
}

/// The partner's keys and the pending links.
pub struct LinkStore {
    /// The partner's keys.
    pub partner_keys: ManagedSecret<PartnerKeys>,
    /// The pending links.
    pub pending_links: PendingLinks,
}

/// Why a function cannot start. The text names variables and secrets, never their values.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret is malformed or missing.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no key for the site's tokens.
    #[error("the secret {id} member `site` has no key, and SITE_JWKS_URL is not set: add a key or set SITE_JWKS_URL")]
    NoSiteKeys {
        /// The id of the secret.
        id: String,
    },
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Several errors.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    All(Vec<Self>),
}

impl StartError {
    /// Combines the errors that occurred.
    #[must_use]
    pub fn all<const N: usize>(errors: [Option<Self>; N]) -> Self {
        Self::All(errors.into_iter().flatten().collect())
    }
}
