//! The configuration of the partners function.

use super::{Config, Environment};
use crate::{aws::AwsConfig, partner::PartnerId, spotify::SpotifyConfig, store::RevocationLimits, urls::PublicUrl};

/// The configuration of the partners function.
#[derive(Clone)]
pub struct PartnersConfig {
    /// `PARTNER_ID`: the deployment's own partner.
    pub partner_id: PartnerId,
    /// `PUBLIC_URL`: the origin of the other functions.
    pub public_url: PublicUrl,
    /// `PARTNERS_TABLE`: name of the table.
    pub partners_table: String,
    /// `SUBSCRIBERS_TABLE`: name of the table.
    pub subscribers_table: String,
    /// `GUARD_PEOPLE` and `GUARD_PERCENT`: limits of the revocation guard.
    pub guard: RevocationLimits,
    /// `PARTNER_KEYS_ID`: id of the secret whose key derives a Partner User ID from an account id.
    pub partner_keys_id: String,
    /// `SPOTIFY_CLIENT_SECRET_ID`: id of the secret.
    pub client_secret_id: String,
    /// Spotify's origins and our client id.
    pub spotify: SpotifyConfig,
    /// Region, credentials and endpoints, as Lambda sets them.
    pub aws: AwsConfig,
}

impl Config for PartnersConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let public_url = environment.public_url();
        let partners_table = environment.required("PARTNERS_TABLE");
        let subscribers_table = environment.subscribers_table();
        let guard = environment.guard();
        let partner_keys_id = environment.required("PARTNER_KEYS_ID");
        let client_secret_id = environment.required("SPOTIFY_CLIENT_SECRET_ID");
        let spotify = environment.spotify();
        let aws = environment.aws();
        Some(Self {
            partner_id: partner_id?,
            public_url: public_url?,
            partners_table: partners_table?,
            subscribers_table: subscribers_table?,
            guard: guard?,
            partner_keys_id: partner_keys_id?,
            client_secret_id: client_secret_id?,
            spotify: spotify?,
            aws: aws?,
        })
    }
}
