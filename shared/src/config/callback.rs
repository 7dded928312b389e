//! The configuration of the callback function.

use super::{Config, Environment, SpotifyAccessConfig};
use crate::{pages::Branding, partner::PartnerId, sign_in::SignInConfig};

/// The configuration of the callback function.
#[derive(Clone)]
pub struct CallbackConfig {
    /// `PARTNER_ID`: the deployment's own partner, for paths without a Partner ID.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: name of the table of all other partners; `None` if there are no others.
    pub partners_table: Option<String>,
    /// `SUBSCRIBERS_TABLE`: name of the table.
    pub subscribers_table: String,
    /// Spotify, the partner's keys and the pending links.
    pub spotify_access: SpotifyAccessConfig,
    /// The settings of `PARTNER_ID`.
    pub partner: CallbackPartnerConfig,
}

/// The settings that each partner may override.
#[derive(Clone)]
pub struct CallbackPartnerConfig {
    /// How its subscribers sign in.
    pub sign_in: SignInConfig,
    /// The partner's brand and links on pages, with `SPOTIFY_CONTENT_ACCESS_URL`.
    pub branding: Branding,
}

impl Config for CallbackConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let partners_table = environment.partners_table();
        let subscribers_table = environment.subscribers_table();
        let spotify_access = environment.spotify_access();
        let partner = CallbackPartnerConfig::read(environment);
        Some(Self {
            partner_id: partner_id?,
            partners_table,
            subscribers_table: subscribers_table?,
            spotify_access: spotify_access?,
            partner: partner?,
        })
    }
}

impl Config for CallbackPartnerConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let sign_in = environment.sign_in();
        let branding = Branding {
            content_access_url: environment.content_access_url(),
            ..environment.branding()
        };
        Some(Self {
            sign_in: sign_in?,
            branding,
        })
    }
}
