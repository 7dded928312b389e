//! The configuration of the entitlements function.

use super::{Config, Environment, LinkStoreConfig};
use crate::{partner::PartnerId, sign_in::BackendConfig, urls::PublicUrl};

/// The configuration of the entitlements function.
#[derive(Clone)]
pub struct EntitlementsConfig {
    /// `PUBLIC_URL`: the origin of the `aud` of signed requests.
    pub public_url: PublicUrl,
    /// `PARTNER_ID`: the partner of paths that name none.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: the partners beside `PARTNER_ID`.
    pub partners_table: Option<String>,
    /// `SUBSCRIBERS_TABLE`.
    pub subscribers_table: String,
    /// Where the partner's keys and the used `jti`s are.
    pub link_store: LinkStoreConfig,
    /// The settings of `PARTNER_ID`.
    pub partner: EntitlementsPartnerConfig,
}

/// The settings that each partner has of its own.
#[derive(Clone)]
pub struct EntitlementsPartnerConfig {
    /// The partner's backend; without one no signed request is accepted.
    pub backend: Option<BackendConfig>,
}

impl Config for EntitlementsConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let public_url = environment.public_url();
        let partner_id = environment.partner_id();
        let partners_table = environment.partners_table();
        let subscribers_table = environment.subscribers_table();
        let link_store = environment.link_store();
        let partner = EntitlementsPartnerConfig::read(environment);
        Some(Self {
            public_url: public_url?,
            partner_id: partner_id?,
            partners_table,
            subscribers_table: subscribers_table?,
            link_store: link_store?,
            partner: partner?,
        })
    }
}

impl Config for EntitlementsPartnerConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        Some(Self {
            backend: environment.backend(),
        })
    }
}
