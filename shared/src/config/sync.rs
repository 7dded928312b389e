//! The configuration of the sync function.

use super::{Config, Environment};
use crate::{aws::AwsConfig, spotify::SpotifyConfig, store::RevocationLimits};

/// The configuration of the sync function.
#[derive(Clone)]
pub struct SyncConfig {
    /// `SUBSCRIBERS_TABLE`: name of the table.
    pub subscribers_table: String,
    /// `SPOTIFY_RATE`: upper bound of calls to Spotify's Open Access API, per second.
    pub rate: f64,
    /// `GUARD_PEOPLE` and `GUARD_PERCENT`: limits of the revocation guard.
    pub guard: RevocationLimits,
    /// `EVENT_BUS`: name of the EventBridge bus; `None` publishes no events.
    pub event_bus: Option<String>,
    /// `SPOTIFY_CLIENT_SECRET_ID`: id of the secret.
    pub client_secret_id: String,
    /// Spotify's origins and our client id.
    pub spotify: SpotifyConfig,
    /// Region, credentials and endpoints, as Lambda sets them.
    pub aws: AwsConfig,
}

impl Config for SyncConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let subscribers_table = environment.subscribers_table();
        let parse_rate = |rate: &str| {
            let number = rate.strip_suffix("/s").unwrap_or(rate);
            number.parse().ok().filter(|rate| (0.1..=1000.0).contains(rate))
        };
        let rate = environment.parsed_or("SPOTIFY_RATE", "5", parse_rate, "must be calls per second, 0.1 to 1000");
        let guard = environment.guard();
        let event_bus = environment.optional("EVENT_BUS");
        let client_secret_id = environment.required("SPOTIFY_CLIENT_SECRET_ID");
        let spotify = environment.spotify();
        let aws = environment.aws();
        Some(Self {
            subscribers_table: subscribers_table?,
            rate: rate?,
            guard: guard?,
            event_bus,
            client_secret_id: client_secret_id?,
            spotify: spotify?,
            aws: aws?,
        })
    }
}
