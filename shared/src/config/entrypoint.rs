//! The configuration of the entrypoint function.

use serde_json::Value;
use url::Url;

use super::{Config, Environment, LinkStoreConfig};
use crate::{
    pages::Branding,
    partner::{Entitlements, PartnerId, ShowUri},
    sign_in::SignInConfig,
    urls::parse_url,
};

/// The configuration of the entrypoint function.
#[derive(Clone)]
pub struct EntrypointConfig {
    /// `PARTNER_ID`: the deployment's own partner, for paths without a Partner ID.
    pub partner_id: PartnerId,
    /// `SPOTIFY_CLIENT_ID`: our client id at Spotify.
    pub client_id: String,
    /// `SPOTIFY_ACCOUNTS_URL`: origin of the authorization endpoint.
    pub accounts_url: Url,
    /// `SPOTIFY_CONTENT_ACCESS_URL`: origin of the link starter.
    pub content_access_url: Url,
    /// `SPOTIFY_PKCE`: whether the authorization request uses PKCE; `on` by default.
    pub pkce: bool,
    /// `PARTNERS_TABLE`: name of the table of all other partners. `None` gives every partner in a path the deployment's settings.
    pub partners_table: Option<String>,
    /// The location of the partner's keys and of the pending links.
    pub link_store: LinkStoreConfig,
    /// The settings of `PARTNER_ID`.
    pub partner: EntrypointPartnerConfig,
}

/// The settings that each partner may override.
#[derive(Clone)]
pub struct EntrypointPartnerConfig {
    /// How its subscribers sign in.
    pub sign_in: SignInConfig,
    /// The partner's `OpenID` provider; `None` unless `SIGN_IN` is `oidc`.
    pub oidc: Option<OidcConfig>,
    /// The partner's brand and links on pages, with `SUBSCRIBE_URL`.
    pub branding: Branding,
    /// `LINK_WITHOUT_ENTITLEMENTS`: whether a person without entitlements is linked.
    pub link_without_entitlements: bool,
    /// `DEFAULT_ENTITLEMENTS`: the entitlements of a person for whom neither the backend nor a token names any.
    pub default_entitlements: Entitlements,
}

impl EntrypointConfig {
    /// The URL of Spotify's authorization endpoint.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Url {
        let mut url = self.accounts_url.clone();
        url.set_path("/authorize");
        url
    }

    /// The URL of Spotify's link starter, which remembers a show and redirects to the partner's entrypoint.
    #[must_use]
    pub fn link_starter(&self, partner_id: &PartnerId, show: &ShowUri) -> String {
        let mut url = self.content_access_url.clone();
        url.set_path(&format!("/link/{partner_id}"));
        url.query_pairs_mut().append_pair("spotifyShowUri", show.as_str());
        url.into()
    }
}

impl Config for EntrypointConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let client_id = environment.client_id();
        let accounts_url = environment.accounts_url();
        let content_access_url = environment.content_access_url();
        let pkce = environment.switch_or("SPOTIFY_PKCE", "on");
        let partners_table = environment.partners_table();
        let link_store = environment.link_store();
        let partner = EntrypointPartnerConfig::read(environment);
        Some(Self {
            partner_id: partner_id?,
            client_id: client_id?,
            accounts_url: accounts_url?,
            content_access_url: content_access_url?,
            pkce: pkce?,
            partners_table,
            link_store: link_store?,
            partner: partner?,
        })
    }
}

impl Config for EntrypointPartnerConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let link_without_entitlements = environment.switch_or("LINK_WITHOUT_ENTITLEMENTS", "on");
        let default_entitlements = environment.parsed_or(
            "DEFAULT_ENTITLEMENTS",
            "",
            |names| Entitlements::parse(names.split_ascii_whitespace()).ok(),
            "must be names of entitlements, separated by spaces",
        );
        let sign_in = environment.sign_in_with_url();
        let oidc = environment.oidc();
        let branding = Branding {
            subscribe_url: environment.url("SUBSCRIBE_URL"),
            ..environment.branding()
        };
        Some(Self {
            sign_in: sign_in?,
            oidc,
            branding,
            link_without_entitlements: link_without_entitlements?,
            default_entitlements: default_entitlements?,
        })
    }
}

/// The configuration of a partner's `OpenID` provider.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// The `redirect_uri` registered with this provider and with no other.
    pub redirect_uri: String,
    /// `OIDC_ISSUER`: the provider's issuer, exactly as in its discovery document.
    pub issuer: String,
    /// `OIDC_CLIENT_ID`: our client id at the provider.
    pub client_id: String,
    /// `OIDC_TRUSTED_AUDIENCES`: audiences that an ID token may have beside our client id.
    pub trusted_audiences: Vec<String>,
    /// `OIDC_CLIENT_SECRET_ID`: id of the secret. `None` makes us a public client, as does `OIDC_CLIENT_AUTHENTICATION=none`: PKCE alone protects the code.
    pub client_secret_id: Option<String>,
    /// `OIDC_CLIENT_AUTHENTICATION`: whether the secret is sent in the body instead of the header; `None` follows the provider's metadata.
    pub client_secret_in_body: Option<bool>,
    /// `OIDC_SCOPES`, with or without `openid`.
    pub scopes: Vec<String>,
    /// `OIDC_SUB_CLAIM`: the partner's account id.
    pub sub: ClaimPath,
    /// `OIDC_ENTITLEMENTS_CLAIM`: the person's entitlements.
    pub entitlements: ClaimPath,
    /// `OIDC_ENTITLEMENTS_PREFIX`: names without this prefix are ignored; the others are used without it.
    pub entitlements_prefix: String,
    /// `OIDC_PARTNER_USER_ID_CLAIM`: a Partner User ID in Spotify's format.
    pub partner_user_id: Option<ClaimPath>,
    /// `OIDC_PARTNER_ID_CLAIM`: the partners whose subscriber the person is, where one provider serves several.
    pub partner_id: ClaimPath,
}

/// The path of a claim: a plain name, or a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// Parses a JSON Pointer, which begins with `/`, or a plain name, which is compared literally. Returns `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let escapes_well = name.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        let is_a_line = !name.is_empty() && !name.chars().any(char::is_control);
        (is_a_line && (escapes_well || !name.starts_with('/'))).then(|| Self(name.to_owned()))
    }

    /// The value of the claim; `None` if it is absent.
    #[must_use]
    pub fn lookup<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        if self.0.starts_with('/') {
            claims.pointer(&self.0)
        } else {
            claims.get(&self.0)
        }
    }
}

impl Environment {
    /// The partner's `OpenID` provider; `None` unless `SIGN_IN` is `oidc`.
    fn oidc(&mut self) -> Option<OidcConfig> {
        let wanted = self.optional("SIGN_IN").as_deref() == Some("oidc");
        let mut read = |name| {
            if wanted {
                self.required(name)
            } else {
                self.optional(name)
            }
        };
        let (issuer, client_id) = (read("OIDC_ISSUER"), read("OIDC_CLIENT_ID"));
        let parse_issuer = |issuer: &str| {
            let url = parse_url(issuer).filter(|url| url.query().is_none());
            url.map(|_| issuer.to_owned())
        };
        let rule = "must be an https URL without a query; http only for a loopback IP literal";
        let issuer = self.parsed("OIDC_ISSUER", issuer, parse_issuer, rule);
        let (client_secret_id, client_secret_in_body) = self.oidc_client_authentication();
        let trusted_audiences = self.optional("OIDC_TRUSTED_AUDIENCES").unwrap_or_default();
        let scopes = self.optional("OIDC_SCOPES").unwrap_or_else(|| "openid".to_owned());
        let sub = self.claim_path("OIDC_SUB_CLAIM", "sub");
        let entitlements = self.claim_path("OIDC_ENTITLEMENTS_CLAIM", "entitlements");
        let entitlements_prefix = self.optional("OIDC_ENTITLEMENTS_PREFIX").unwrap_or_default();
        let partner_user_id = self.claim_path("OIDC_PARTNER_USER_ID_CLAIM", "");
        let partner_id = self.claim_path("OIDC_PARTNER_ID_CLAIM", "partner_id");
        let provider_partner = self.provider_partner();
        let provider_partner = provider_partner.as_ref().map(PartnerId::as_str);
        let redirect_uri = self.public_url().map(|url| url.sign_in_redirect_uri(provider_partner));
        Some(OidcConfig {
            redirect_uri: redirect_uri?,
            issuer: issuer?,
            client_id: client_id?,
            trusted_audiences: trusted_audiences.split_ascii_whitespace().map(str::to_owned).collect(),
            client_secret_id,
            client_secret_in_body,
            scopes: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            sub: sub?,
            entitlements: entitlements?,
            entitlements_prefix,
            partner_user_id,
            partner_id: partner_id?,
        })
        .filter(|_| wanted)
    }

    /// The id of the client secret, `None` for a public client, and whether the secret is sent in the body.
    fn oidc_client_authentication(&mut self) -> (Option<String>, Option<bool>) {
        let client_secret_id = self.optional("OIDC_CLIENT_SECRET_ID");
        let method = self.optional("OIDC_CLIENT_AUTHENTICATION");
        let is_public = method.as_deref() == Some("none");
        let in_body = self.parsed(
            "OIDC_CLIENT_AUTHENTICATION",
            method.filter(|_| !is_public),
            |method| match method {
                "client_secret_basic" => Some(false),
                "client_secret_post" => Some(true),
                _ => None,
            },
            "must be `client_secret_basic`, `client_secret_post` or `none`",
        );
        if in_body.is_some() && client_secret_id.is_none() {
            let rule = "is missing: OIDC_CLIENT_AUTHENTICATION requires it";
            self.errors.insert("OIDC_CLIENT_SECRET_ID", rule);
        }
        (client_secret_id.filter(|_| !is_public), in_body)
    }

    fn claim_path(&mut self, name: &'static str, default: &str) -> Option<ClaimPath> {
        let path = self.optional(name).unwrap_or_else(|| default.to_owned());
        let path = Some(path).filter(|path| !path.is_empty());
        let rule = "must be the name of a claim, or a JSON Pointer (RFC 6901) that begins with `/`";
        self.parsed(name, path, ClaimPath::parse, rule)
    }
}
