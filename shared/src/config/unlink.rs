//! The configuration of the unlink function.

use url::Url;

use super::{Config, Environment, SpotifyAccessConfig};
use crate::{
    pages::{Branding, EntitlementNames, Show},
    partner::PartnerId,
    sign_in::{BackendConfig, SignInConfig},
    urls::parse_origin,
};

/// The configuration of the unlink function.
#[derive(Clone)]
pub struct UnlinkConfig {
    /// `PARTNER_ID`: the deployment's own partner, for paths without a Partner ID.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: name of the table of all other partners; `None` if there are no others.
    pub partners_table: Option<String>,
    /// `SUBSCRIBERS_TABLE`: name of the table.
    pub subscribers_table: String,
    /// Spotify, the partner's keys and the pending links.
    pub spotify_access: SpotifyAccessConfig,
    /// The settings of `PARTNER_ID`.
    pub partner: UnlinkPartnerConfig,
}

/// The settings that each partner may override.
#[derive(Clone)]
pub struct UnlinkPartnerConfig {
    /// The partner's backend; `None` rejects all signed requests.
    pub backend: Option<BackendConfig>,
    /// `SHOWS`: the shows that the account page lists.
    pub shows: Vec<Show>,
    /// `ENTITLEMENT_NAMES`: what the account page calls the entitlements.
    pub entitlement_names: EntitlementNames,
    /// `FRAME_ORIGIN`: the origin whose pages may hold the account page in a frame.
    pub frame_origin: Option<Url>,
    /// How its subscribers sign in.
    pub sign_in: SignInConfig,
    /// The partner's brand and links on pages, with `SUBSCRIBE_URL`.
    pub branding: Branding,
}

impl Config for UnlinkConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let partners_table = environment.partners_table();
        let subscribers_table = environment.subscribers_table();
        let spotify_access = environment.spotify_access();
        let partner = UnlinkPartnerConfig::read(environment);
        Some(Self {
            partner_id: partner_id?,
            partners_table,
            subscribers_table: subscribers_table?,
            spotify_access: spotify_access?,
            partner: partner?,
        })
    }
}

impl Config for UnlinkPartnerConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let backend = environment.backend();
        let rule = "must be shows like `<show id>=<name>;<show id>=<name>|<entitlement>,<entitlement>`";
        let shows = environment.parsed_or("SHOWS", "", Show::parse_list, rule);
        let rule = "must be names like `<entitlement>=<name>;<entitlement>=<name>`";
        let entitlement_names = environment.parsed_or("ENTITLEMENT_NAMES", "", EntitlementNames::parse, rule);
        let frame_origin = environment.optional("FRAME_ORIGIN");
        let rule = "must be an https origin without a path";
        let frame_origin = environment.parsed("FRAME_ORIGIN", frame_origin, parse_origin, rule);
        let sign_in = environment.sign_in_with_url();
        let branding = Branding {
            subscribe_url: environment.url("SUBSCRIBE_URL"),
            ..environment.branding()
        };
        Some(Self {
            backend,
            shows: shows?,
            entitlement_names: entitlement_names?,
            frame_origin,
            sign_in: sign_in?,
            branding,
        })
    }
}
