//! Owns the start: what a function works with is put together, read and connected at once, and the one error that is allowed to stop the process
//! says why not. Needs everything that is put together. Refuses to stop at the first error, and to depend on Spotify being up.

use std::{fmt::Display, pin::Pin};

use crate::{
    chance::Chance,
    clock::Clock,
    config::{ConfigError, Environment, PeersConfig, StorageConfig},
    log,
    outbound::{Outbound, OutboundError},
    secrets::{Secret, SecretError},
    sign_in::{PartnerKeys, SignIn},
    spotify::Spotify,
    store::PendingLinks,
    telemetry::{self, Code, metrics},
};

/// Builds a function as its process begins: the log is set up first, and says how it went.
///
/// # Errors
/// When it cannot be built; the log has named why.
pub(crate) async fn in_process<T, E: Display>(
    name: &'static str,
    build: impl Future<Output = Result<T, E>>,
) -> Result<T, lambda_runtime::Error> {
    telemetry::init();
    metrics::init(Environment::of_process().metrics_namespace());
    // Boxed: the futures of a function with two SDK clients are too deep to be laid out as one.
    let building: Pin<Box<dyn Future<Output = Result<T, E>>>> = Box::pin(build);
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

/// The partner's keys and the pending links.
pub struct Storage {
    /// The partner's keys.
    pub partner_keys: Secret<PartnerKeys>,
    /// The pending links.
    pub pending_links: PendingLinks,
    dynamodb: String,
}

impl Storage {
    fn new(config: &StorageConfig, outbound: &Outbound, clock: &Clock) -> Self {
        let secrets_manager = config.aws.secrets_manager(outbound);
        Self {
            partner_keys: Secret::new(secrets_manager, config.partner_keys_id.clone(), clock.clone()),
            pending_links: PendingLinks::new(config.aws.dynamodb(outbound), config.pending_links_table.clone()),
            dynamodb: config.aws.dynamodb_origin(),
        }
    }

    /// Reads the partner's keys, wherever they are, and opens a connection to DynamoDB.
    async fn prepare(&self, sign_in: &SignIn, outbound: &Outbound) -> Result<(), StartError> {
        let (loaded, (), ()) = tokio::join!(
            self.partner_keys.load(),
            sign_in.prepare(),
            outbound.open(&self.dynamodb)
        );
        loaded?;
        match self.partner_keys.get().await {
            Ok(keys) if !sign_in.can_verify(&keys.current) => Err(StartError::NoSiteKeys {
                id: self.partner_keys.id().to_owned(),
            }),
            // When Secrets Manager does not answer, it is asked again when the keys are needed.
            _ => Ok(()),
        }
    }

    /// Reads the partner's keys and opens a connection to DynamoDB.
    ///
    /// # Errors
    /// [`StartError`] when the keys are not what they must be.
    pub async fn start(
        config: &StorageConfig,
        sign_in: &SignIn,
        outbound: &Outbound,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let storage = Self::new(config, outbound, clock);
        storage.prepare(sign_in, outbound).await?;
        Ok(storage)
    }

    /// As [`Self::start`], for a function that nobody signs in at.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_for_backend(
        config: &StorageConfig,
        outbound: &Outbound,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let storage = Self::new(config, outbound, clock);
        let (loaded, ()) = tokio::join!(storage.partner_keys.load(), outbound.open(&storage.dynamodb));
        loaded?;
        Ok(storage)
    }
}

/// Whom a function that acts at Spotify works with.
pub struct Peers {
    /// Spotify.
    pub spotify: Spotify,
    /// The partner's keys and the pending links.
    pub storage: Storage,
}

impl Peers {
    /// Reads both secrets and opens all connections.
    ///
    /// # Errors
    /// [`StartError`] when a secret is not what it must be. Spotify being down is none.
    pub async fn start(
        config: &PeersConfig,
        sign_in: &SignIn,
        outbound: &Outbound,
        clock: &Clock,
        chance: &Chance,
    ) -> Result<Self, StartError> {
        let storage = Storage::new(&config.storage, outbound, clock);
        let secrets_manager = config.storage.aws.secrets_manager(outbound);
        let client_secret = Secret::new(secrets_manager, config.client_secret_id.clone(), clock.clone());
        let spotify = Spotify::new(
            config.spotify.clone(),
            outbound.clone(),
            client_secret,
            clock.clone(),
            chance.clone(),
        );
        // On the heap: what reads two secrets at once is too large for the stack of those who wait for it.
        let preparing = Box::pin(async {
            tokio::join!(storage.prepare(sign_in, outbound), async {
                spotify.prepare().await.map_err(StartError::from)
            })
        });
        match preparing.await {
            (Ok(()), Ok(())) => Ok(Self { spotify, storage }),
            (storage, spotify) => Err(StartError::all([storage.err(), spotify.err()])),
        }
    }
}

/// Why a function cannot start. Names variables and secrets, never their values.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No token of the site's could be verified.
    #[error("the secret {id} member `site` has no key, and SITE_JWKS_URL is not set: nobody could sign in")]
    NoSiteKeys {
        /// Of the secret.
        id: String,
    },
    /// The HTTP client.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// Several of these at once.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    All(Vec<Self>),
}

impl StartError {
    /// Those of several that there are.
    #[must_use]
    pub fn all<const N: usize>(errors: [Option<Self>; N]) -> Self {
        Self::All(errors.into_iter().flatten().collect())
    }
}
