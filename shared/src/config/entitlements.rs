//! The configuration of the entitlements function.

use super::{Config, Environment, LinkStoreConfig};
use crate::{partner::PartnerId, sign_in::BackendConfig, urls::PublicUrl};

/// The configuration of the entitlements function.
#[derive(Clone)]
pub struct EntitlementsConfig {
    /// `PUBLIC_URL`: the origin in the `aud` of signed requests.
    pub public_url: PublicUrl,
    /// `PARTNER_ID`: the deployment's own partner, for paths without a Partner ID.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: name of the table of all other partners; `None` if there are no others.
    pub partners_table: Option<String>,
    /// `SUBSCRIBERS_TABLE`: name of the table.
    pub subscribers_table: String,
    /// The location of the partner's keys and of the used `jti`s.
    pub link_store: LinkStoreConfig,
    /// The settings of `PARTNER_ID`.
    pub partner: EntitlementsPartnerConfig,
}

/// The settings that each partner may override.
#[derive(Clone)]
pub struct EntitlementsPartnerConfig {
    /// The partner's backend; `None` rejects all signed requests.
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
