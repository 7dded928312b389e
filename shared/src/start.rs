//! Owns the start: what a function works with is put together, read and connected at once, and the one error that is allowed to stop the process
//! says why not. Needs everything that is put together. Refuses to stop at the first error, and to depend on Spotify being up.

use crate::{
    chance::Chance,
    clock::Clock,
    config::{ConfigError, PeersConfig, StorageConfig},
    outbound::{Outbound, OutboundError},
    secrets::{Secret, SecretError},
    sign_in::PartnerKeys,
    spotify::Spotify,
    store::PendingLinks,
};

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

    async fn prepare(&self, outbound: &Outbound) -> Result<(), SecretError> {
        let (loaded, ()) = tokio::join!(self.partner_keys.load(), outbound.open(&self.dynamodb));
        loaded
    }

    /// Reads the partner's keys and opens a connection to DynamoDB.
    ///
    /// # Errors
    /// [`StartError`] when the keys are not what they must be.
    pub async fn start(config: &StorageConfig, clock: &Clock) -> Result<Self, StartError> {
        let outbound = Outbound::new()?;
        let storage = Self::new(config, &outbound, clock);
        StartError::of_all([storage.prepare(&outbound).await])?;
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
    pub async fn start(config: &PeersConfig, clock: &Clock, chance: &Chance) -> Result<Self, StartError> {
        let outbound = Outbound::new()?;
        let storage = Storage::new(&config.storage, &outbound, clock);
        let secrets_manager = config.storage.aws.secrets_manager(&outbound);
        let client_secret = Secret::new(secrets_manager, config.client_secret_id.clone(), clock.clone());
        let spotify = Spotify::new(
            config.spotify.clone(),
            outbound.clone(),
            client_secret,
            clock.clone(),
            chance.clone(),
        );
        // On the heap: what reads two secrets at once is too large for the stack of those who wait for it.
        let preparing = Box::pin(async { tokio::join!(storage.prepare(&outbound), spotify.prepare()) });
        let (storage_ready, spotify_ready) = preparing.await;
        StartError::of_all([storage_ready, spotify_ready])?;
        Ok(Self { spotify, storage })
    }
}

/// Why a function cannot start. Names variables and secrets, never their values.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// One or more secrets.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Secrets(Vec<SecretError>),
    /// The HTTP client.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl StartError {
    /// Every secret's error at once.
    fn of_all<const N: usize>(loaded: [Result<(), SecretError>; N]) -> Result<(), Self> {
        let errors: Vec<_> = loaded.into_iter().filter_map(Result::err).collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self::Secrets(errors))
        }
    }
}
