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
    /// `RECONCILE_HOURS`: time from the start of a reconciliation round to the start of the next, in hours.
    pub reconcile_hours: i64,
    /// `EVENT_BUS`: name of the EventBridge bus; `None` publishes no events.
    pub event_bus: Option<String>,
    /// `DEAD_LETTER_QUEUE_URL`: URL of the SQS queue for records that can never succeed; `None` only logs them.
    pub dead_letter_queue_url: Option<String>,
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
        let parse_hours = |hours: &str| hours.parse().ok().filter(|hours| (1..=720).contains(hours));
        let rule = "must be a whole number of hours, 1 to 720";
        let reconcile_hours = environment.parsed_or("RECONCILE_HOURS", "24", parse_hours, rule);
        let event_bus = environment.optional("EVENT_BUS");
        let dead_letter_queue_url = environment.optional("DEAD_LETTER_QUEUE_URL");
        let client_secret_id = environment.required("SPOTIFY_CLIENT_SECRET_ID");
        let spotify = environment.spotify();
        let aws = environment.aws();
        Some(Self {
            subscribers_table: subscribers_table?,
            rate: rate?,
            guard: guard?,
            reconcile_hours: reconcile_hours?,
            event_bus,
            dead_letter_queue_url,
            client_secret_id: client_secret_id?,
            spotify: spotify?,
            aws: aws?,
        })
    }
}
