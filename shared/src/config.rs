//! Owns the configuration: the only reader of the environment. Needs nothing. Refuses to start a function that lacks something, and then
//! names every variable that is missing or wrong, not only the first. The environment holds names and URLs, never secrets.

mod of_partner;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use aws_credential_types::Credentials;
use serde_json::Value;
use url::{Host, Url};

pub use of_partner::{PARTNER_SETTINGS, check_partner_settings, has_own_provider};

use crate::{
    aws::Aws,
    partner::{Entitlements, PartnerId, ShowUri},
    sign_in::SignInKind,
    spotify::SpotifySettings,
    store::Limits,
};

/// The variables of a process, and what was found wrong with them so far.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    asked: BTreeSet<&'static str>,
    problems: BTreeMap<&'static str, &'static str>,
    /// The names of the settings that are a partner's own, when it is the environment of one.
    own_settings: Option<BTreeSet<String>>,
}

impl Environment {
    /// Of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        // A variable that is not UTF-8 is none that we know.
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Whether a variable is set, and not empty.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| !value.is_empty())
    }

    /// The value; an empty one counts as not set, for a template cannot leave a variable out.
    fn optional(&mut self, name: &'static str) -> Option<String> {
        self.asked.insert(name);
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// Under which name CloudWatch has what the process counts: of each deployment another. No function needs one to start.
    #[must_use]
    pub(crate) fn metrics_namespace(&mut self) -> String {
        self.optional("METRICS_NAMESPACE")
            .unwrap_or_else(|| "soa-link".to_owned())
    }

    fn required(&mut self, name: &'static str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.problems.insert(name, "is missing");
        }
        value
    }

    /// `value` as `parse` takes it, else a problem noted.
    fn parsed<T>(
        &mut self,
        name: &'static str,
        value: Option<String>,
        parse: fn(&str) -> Option<T>,
        rule: &'static str,
    ) -> Option<T> {
        let parsed = parse(&value?);
        if parsed.is_none() {
            self.problems.insert(name, rule);
        }
        parsed
    }

    fn origin(&mut self, name: &'static str, default: &str) -> Option<Url> {
        let value = self.optional(name).or_else(|| Some(default.to_owned()));
        self.parsed(
            name,
            value,
            parse_origin,
            "must be an https origin without a path; http only for a loopback IP literal",
        )
    }

    fn url(&mut self, name: &'static str) -> Option<Url> {
        let value = self.optional(name);
        self.parsed(
            name,
            value,
            parse_url,
            "must be an https URL; http only for a loopback IP literal",
        )
    }

    fn partner_id(&mut self) -> Option<PartnerId> {
        let value = self.required("PARTNER_ID");
        self.parsed(
            "PARTNER_ID",
            value,
            |id| PartnerId::parse(id).ok(),
            "must be 1 to 64 characters of 0-9, A-Z, a-z",
        )
    }

    fn public_url(&mut self) -> Option<PublicUrl> {
        let value = self.required("PUBLIC_URL");
        let rule = "must be an https origin without a path; http only for a loopback IP literal, and not `localhost`";
        self.parsed("PUBLIC_URL", value, PublicUrl::parse, rule)
    }

    fn sign_in(&mut self) -> Option<SignInConfig> {
        let public_url = self.public_url();
        let kind = self.required("SIGN_IN");
        let kind = self.parsed(
            "SIGN_IN",
            kind,
            |kind| match kind {
                "session" => Some(SignInKind::Session),
                "handoff" => Some(SignInKind::Handoff),
                "oidc" => Some(SignInKind::Oidc),
                _ => None,
            },
            "must be `session`, `handoff` or `oidc`",
        );
        let session_cookie = self.optional("SESSION_COOKIE");
        let rule = "must be a cookie's name, and not ours";
        let session_cookie = match session_cookie {
            None if kind == Some(SignInKind::Session) => self.required("SESSION_COOKIE"),
            given => self.parsed("SESSION_COOKIE", given, parse_cookie_name, rule),
        };
        let site_issuer = match self.optional("SITE_ISSUER") {
            // There are no tokens of the site's.
            None if kind == Some(SignInKind::Oidc) => Some(String::new()),
            None => self.required("SITE_ISSUER"),
            given => given,
        };
        let site_jwks_url = self.url("SITE_JWKS_URL");
        let keys = if kind == Some(SignInKind::Oidc) {
            "OIDC_ISSUER"
        } else {
            "SITE_JWKS_URL"
        };
        let must_name_partner = self.must_name_partner(keys);
        Some(SignInConfig {
            kind: kind?,
            sign_in_url: None,
            must_name_partner,
            session_cookie,
            site_issuer: site_issuer?,
            site_jwks_url,
            public_url: public_url?,
        })
    }

    /// As [`Self::sign_in`], for a function that sends people to the partner's sign-in.
    fn sign_in_with_url(&mut self) -> Option<SignInConfig> {
        let sign_in = self.sign_in();
        // Looked at by itself: what else is wrong must not hide that this is missing.
        let kind = self.optional("SIGN_IN");
        if kind.as_deref() == Some("handoff") {
            self.required("SIGN_IN_URL");
        }
        // People of an OpenID provider are never handed over.
        let sign_in_url = self.url("SIGN_IN_URL").filter(|_| kind.as_deref() != Some("oidc"));
        Some(SignInConfig {
            sign_in_url,
            ..sign_in?
        })
    }

    /// The provider's, when `SIGN_IN` is `oidc`.
    fn oidc(&mut self) -> Option<OidcConfig> {
        let wanted = self.optional("SIGN_IN").as_deref() == Some("oidc");
        let read = |environment: &mut Self, name| {
            if wanted {
                environment.required(name)
            } else {
                environment.optional(name)
            }
        };
        let issuer = read(self, "OIDC_ISSUER");
        let issuer = self.parsed(
            "OIDC_ISSUER",
            issuer,
            |issuer| {
                parse_url(issuer)
                    .filter(|url| url.query().is_none())
                    .map(|_| issuer.to_owned())
            },
            "must be an https URL without a query; http only for a loopback IP literal",
        );
        let client_id = read(self, "OIDC_CLIENT_ID");
        let client_secret_id = self.optional("OIDC_CLIENT_SECRET_ID");
        let authentication = self.optional("OIDC_CLIENT_AUTHENTICATION");
        let is_public = authentication.as_deref() == Some("none");
        let client_secret_in_body = self.parsed(
            "OIDC_CLIENT_AUTHENTICATION",
            authentication.filter(|_| !is_public),
            |method| match method {
                "client_secret_basic" => Some(false),
                "client_secret_post" => Some(true),
                _ => None,
            },
            "must be `client_secret_basic`, `client_secret_post` or `none`",
        );
        if client_secret_in_body.is_some() && client_secret_id.is_none() {
            self.problems.insert(
                "OIDC_CLIENT_SECRET_ID",
                "is missing: OIDC_CLIENT_AUTHENTICATION needs it",
            );
        }
        let scopes = self.optional("OIDC_SCOPES").unwrap_or_else(|| "openid".to_owned());
        let claim = |environment: &mut Self, name, default: &str| {
            let value = environment.optional(name).or_else(|| Some(default.to_owned()));
            environment.parsed(
                name,
                value.filter(|value| !value.is_empty()),
                ClaimName::parse,
                "must be a claim's name, or a JSON Pointer that begins with `/`",
            )
        };
        let sub = claim(self, "OIDC_SUB_CLAIM", "sub");
        let entitlements = claim(self, "OIDC_ENTITLEMENTS_CLAIM", "entitlements");
        let entitlements_prefix = self.optional("OIDC_ENTITLEMENTS_PREFIX").unwrap_or_default();
        let partner_user_id = claim(self, "OIDC_PARTNER_USER_ID_CLAIM", "");
        let partner_id = claim(self, "OIDC_PARTNER_ID_CLAIM", "partner_id");
        let redirect_uri = self
            .public_url()
            .map(|url| url.sign_in_redirect_uri(self.provider_partner().as_ref()));
        Some(OidcConfig {
            redirect_uri: redirect_uri?,
            issuer: issuer?,
            client_id: client_id?,
            client_secret_id: client_secret_id.filter(|_| !is_public),
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

    fn spotify(&mut self) -> Option<SpotifySettings> {
        let client_id = self.client_id();
        let accounts_url = self.accounts_url();
        let open_access_url = self.origin("SPOTIFY_OPEN_ACCESS_URL", "https://open-access.spotify.com");
        let content_type = self
            .optional("SPOTIFY_JWS_CONTENT_TYPE")
            .or_else(|| Some("jwt".to_owned()));
        let content_type = self.parsed(
            "SPOTIFY_JWS_CONTENT_TYPE",
            content_type,
            |text| {
                text.bytes()
                    .all(|byte| byte.is_ascii_graphic())
                    .then(|| text.to_owned())
            },
            "must be a media type",
        );
        Some(SpotifySettings {
            client_id: client_id?,
            accounts_url: accounts_url?,
            open_access_url: open_access_url?,
            jws_content_type: content_type?,
        })
    }

    fn client_id(&mut self) -> Option<String> {
        let value = self.required("SPOTIFY_CLIENT_ID");
        let graphic = |id: &str| id.bytes().all(|byte| byte.is_ascii_graphic()).then(|| id.to_owned());
        self.parsed(
            "SPOTIFY_CLIENT_ID",
            value,
            graphic,
            "must be printable ASCII without white space",
        )
    }

    fn accounts_url(&mut self) -> Option<Url> {
        self.origin("SPOTIFY_ACCOUNTS_URL", "https://accounts.spotify.com")
    }

    fn pages(&mut self) -> Pages {
        let support_url = self.optional("SUPPORT_URL");
        let mailto = |url: &str| {
            Url::parse(url)
                .ok()
                .filter(|url| url.scheme() == "mailto")
                .or_else(|| parse_url(url))
        };
        let return_url = self.url("RETURN_URL");
        // A host name needs no translation, and says to whom one has come.
        let host = |url: &Url| url.host_str().map(str::to_owned);
        let public_url = self.optional("PUBLIC_URL").and_then(|url| Url::parse(&url).ok());
        let host = return_url
            .as_ref()
            .and_then(host)
            .or_else(|| public_url.as_ref().and_then(host));
        let brand_color = self.optional("BRAND_COLOR");
        Pages {
            brand_name: self.optional("BRAND_NAME").or(host).unwrap_or_default(),
            brand_logo_url: self.url("BRAND_LOGO_URL"),
            brand_color: self.parsed(
                "BRAND_COLOR",
                brand_color,
                Color::parse,
                "must be a colour like `#1a2b3c`",
            ),
            spotify_logo_url: self.url("SPOTIFY_LOGO_URL"),
            return_url,
            support_url: self.parsed("SUPPORT_URL", support_url, mailto, "must be an https or mailto URL"),
            ..Pages::default()
        }
    }

    fn content_access_url(&mut self) -> Option<Url> {
        self.origin("SPOTIFY_CONTENT_ACCESS_URL", "https://content-access.spotify.com")
    }

    /// `on` or `off`.
    fn switch(&mut self, name: &'static str, default: &str) -> Option<bool> {
        let value = self.optional(name).or_else(|| Some(default.to_owned()));
        self.parsed(
            name,
            value,
            |value| match value {
                "on" => Some(true),
                "off" => Some(false),
                _ => None,
            },
            "must be `on` or `off`",
        )
    }

    fn storage(&mut self) -> Option<StorageConfig> {
        let partner_keys_id = self.required("PARTNER_KEYS_ID");
        let pending_links_table = self.required("PENDING_LINKS_TABLE");
        let aws = self.aws();
        Some(StorageConfig {
            partner_keys_id: partner_keys_id?,
            pending_links_table: pending_links_table?,
            aws: aws?,
        })
    }

    fn guard(&mut self) -> Option<Limits> {
        let people = self.optional("GUARD_PEOPLE").or_else(|| Some("100".to_owned()));
        let people = self.parsed(
            "GUARD_PEOPLE",
            people,
            |people| people.parse().ok().filter(|people| (0..=1000).contains(people)),
            "must be a number of people, 0 to 1000",
        );
        let percent = self.optional("GUARD_PERCENT").or_else(|| Some("5".to_owned()));
        let percent = self.parsed(
            "GUARD_PERCENT",
            percent,
            |percent| percent.parse().ok().filter(|percent| (0..=100).contains(percent)),
            "must be a whole number, 0 to 100",
        );
        Some(Limits {
            people: people?,
            percent: percent?,
        })
    }

    fn partners_table(&mut self) -> Option<String> {
        self.optional("PARTNERS_TABLE")
    }

    fn subscribers_table(&mut self) -> Option<String> {
        self.required("SUBSCRIBERS_TABLE")
    }

    fn peers(&mut self) -> Option<PeersConfig> {
        let spotify = self.spotify();
        let client_secret_id = self.required("SPOTIFY_CLIENT_SECRET_ID");
        let storage = self.storage();
        Some(PeersConfig {
            spotify: spotify?,
            client_secret_id: client_secret_id?,
            storage: storage?,
        })
    }

    /// What Lambda itself sets, and, for emulators, the SDK's own endpoint variables.
    fn aws(&mut self) -> Option<Aws> {
        let platform = |name: &str| self.variables.get(name).filter(|value| !value.is_empty()).cloned();
        let endpoint =
            |service: &str| platform(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| platform("AWS_ENDPOINT_URL"));
        let region = platform("AWS_REGION").or_else(|| platform("AWS_DEFAULT_REGION"));
        let (key_id, key) = (platform("AWS_ACCESS_KEY_ID"), platform("AWS_SECRET_ACCESS_KEY"));
        let (dynamodb_endpoint, secrets_manager_endpoint) = (endpoint("DYNAMODB"), endpoint("SECRETS_MANAGER"));
        let eventbridge_endpoint = endpoint("EVENTBRIDGE");
        let session_token = platform("AWS_SESSION_TOKEN");
        for (name, value) in [
            ("AWS_REGION", &region),
            ("AWS_ACCESS_KEY_ID", &key_id),
            ("AWS_SECRET_ACCESS_KEY", &key),
        ] {
            if value.is_none() {
                self.problems.insert(name, "is missing (Lambda sets it)");
            }
        }
        let credentials = Credentials::new(key_id?, key?, session_token, None, "environment");
        Some(Aws {
            region: region?,
            credentials,
            dynamodb_endpoint,
            secrets_manager_endpoint,
            eventbridge_endpoint,
        })
    }

    fn finish<C>(self, config: Option<C>) -> Result<C, ConfigError> {
        match config {
            Some(config) if self.problems.is_empty() => Ok(config),
            _ => Err(ConfigError {
                problems: self.problems,
            }),
        }
    }
}

impl Aws {
    /// What this environment says of AWS, if it says enough.
    #[must_use]
    pub fn of(environment: &Environment) -> Option<Self> {
        environment.clone().aws()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            ..Self::default()
        }
    }
}

/// What the entrypoint function is told.
#[derive(Clone)]
pub struct EntrypointConfig {
    /// `PARTNER_ID`: whose journey it is when the path names nobody.
    pub partner_id: PartnerId,
    /// `SPOTIFY_CLIENT_ID`.
    pub client_id: String,
    /// `SPOTIFY_ACCOUNTS_URL`.
    pub accounts_url: Url,
    /// `SPOTIFY_CONTENT_ACCESS_URL`.
    pub content_access_url: Url,
    /// `SPOTIFY_PKCE`: `on` unless `off`.
    pub pkce: bool,
    /// `LINK_WITHOUT_ENTITLEMENTS`: whether somebody who may hear nothing yet is linked all the same.
    pub link_without_entitlements: bool,
    /// `DEFAULT_ENTITLEMENTS`: what everybody who links may hear of whom neither the backend nor a token has said anything.
    pub default_entitlements: Entitlements,
    /// `PARTNERS_TABLE`: the partners beside `PARTNER_ID`; without it, any that a path names is taken to be one like it.
    pub partners_table: Option<String>,
    /// Who is signed in.
    pub sign_in: SignInConfig,
    /// The partner's `OpenID` provider, when people sign in there.
    pub oidc: Option<OidcConfig>,
    /// What pages say and link to, `SUBSCRIBE_URL` among it.
    pub pages: Pages,
    /// Where keys and pending links are.
    pub storage: StorageConfig,
}

impl EntrypointConfig {
    /// Spotify's authorization endpoint.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Url {
        let mut url = self.accounts_url.clone();
        url.set_path("/authorize");
        url
    }

    /// Spotify's page that begins a link and remembers a show.
    #[must_use]
    pub fn link_starter(&self, partner_id: &PartnerId, show: &ShowUri) -> String {
        let mut url = self.content_access_url.clone();
        url.set_path(&format!("/link/{partner_id}"));
        url.query_pairs_mut().append_pair("spotifyShowUri", show.as_str());
        url.into()
    }
}

/// What the callback function is told.
#[derive(Clone)]
pub struct CallbackConfig {
    /// `PARTNER_ID`: the deployment's own partner.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: the partners beside it.
    pub partners_table: Option<String>,
    /// Who is signed in.
    pub sign_in: SignInConfig,
    /// What pages say and link to, `SPOTIFY_CONTENT_ACCESS_URL` among it.
    pub pages: Pages,
    /// `SUBSCRIBERS_TABLE`.
    pub subscribers_table: String,
    /// Whom it works with.
    pub peers: PeersConfig,
}

/// What the entitlements function is told.
#[derive(Clone)]
pub struct EntitlementsConfig {
    /// `PUBLIC_URL`: where it is called, for the `aud` of signed requests.
    pub public_url: PublicUrl,
    /// `PARTNER_ID`: whose subscribers they are when the path names nobody.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: the partners beside `PARTNER_ID`.
    pub partners_table: Option<String>,
    /// `BACKEND_ISSUER`: `iss` of the backend's signed requests; without it none are taken.
    pub backend_issuer: Option<String>,
    /// `BACKEND_JWKS_URL`: where the backend publishes its keys, if they are not in the secret.
    pub backend_jwks_url: Option<Url>,
    /// `SUBSCRIBERS_TABLE`.
    pub subscribers_table: String,
    /// Where keys and used `jti`s are.
    pub storage: StorageConfig,
}

/// What the sync function is told.
#[derive(Clone)]
pub struct SyncConfig {
    /// `SUBSCRIBERS_TABLE`.
    pub subscribers_table: String,
    /// `SPOTIFY_RATE`: calls per second at the most.
    pub rate: f64,
    /// `GUARD_PEOPLE` and `GUARD_PERCENT`: from how many people of a partner rights may be taken away within an hour.
    pub guard: Limits,
    /// `EVENT_BUS`: where others are told what happens; without one, nobody is.
    pub event_bus: Option<String>,
    /// `SPOTIFY_CLIENT_SECRET_ID`.
    pub client_secret_id: String,
    /// Where Spotify is and who we are to it.
    pub spotify: SpotifySettings,
    /// What Lambda sets.
    pub aws: Aws,
}

/// What the partners function is told.
#[derive(Clone)]
pub struct PartnersConfig {
    /// `PARTNER_ID`: the deployment's own partner.
    pub partner_id: PartnerId,
    /// `PUBLIC_URL`: where people reach the other functions.
    pub public_url: PublicUrl,
    /// `PARTNERS_TABLE`.
    pub partners_table: String,
    /// `SUBSCRIBERS_TABLE`.
    pub subscribers_table: String,
    /// `GUARD_PEOPLE` and `GUARD_PERCENT`.
    pub guard: Limits,
    /// `PARTNER_KEYS_ID`: for the key that makes a Partner User ID of an account id.
    pub partner_keys_id: String,
    /// `SPOTIFY_CLIENT_SECRET_ID`.
    pub client_secret_id: String,
    /// Where Spotify is and who we are to it.
    pub spotify: SpotifySettings,
    /// What Lambda sets.
    pub aws: Aws,
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

/// What the unlink function is told.
#[derive(Clone)]
pub struct UnlinkConfig {
    /// `PARTNER_ID`: whose link it is when the path names nobody.
    pub partner_id: PartnerId,
    /// `PARTNERS_TABLE`: the partners beside `PARTNER_ID`.
    pub partners_table: Option<String>,
    /// `BACKEND_ISSUER`: `iss` of the backend's signed requests; without it none are taken.
    pub backend_issuer: Option<String>,
    /// `BACKEND_JWKS_URL`: where the backend publishes its keys, if they are not in the secret.
    pub backend_jwks_url: Option<Url>,
    /// `SHOWS`: what the account page lists.
    pub shows: Vec<Show>,
    /// `FRAME_ORIGIN`: whose pages may hold the account page in a frame.
    pub frame_origin: Option<Url>,
    /// Who is signed in.
    pub sign_in: SignInConfig,
    /// What pages say and link to.
    pub pages: Pages,
    /// `SUBSCRIBERS_TABLE`.
    pub subscribers_table: String,
    /// Whom it works with.
    pub peers: PeersConfig,
}

/// Where a function finds the partner's keys and the pending links.
#[derive(Clone)]
pub struct StorageConfig {
    /// `PARTNER_KEYS_ID`.
    pub partner_keys_id: String,
    /// `PENDING_LINKS_TABLE`.
    pub pending_links_table: String,
    /// What Lambda sets.
    pub aws: Aws,
}

/// Whom a function that acts at Spotify works with.
#[derive(Clone)]
pub struct PeersConfig {
    /// `SPOTIFY_CLIENT_ID`, `SPOTIFY_ACCOUNTS_URL`, `SPOTIFY_OPEN_ACCESS_URL`, `SPOTIFY_JWS_CONTENT_TYPE`.
    pub spotify: SpotifySettings,
    /// `SPOTIFY_CLIENT_SECRET_ID`.
    pub client_secret_id: String,
    /// Where keys and pending links are.
    pub storage: StorageConfig,
}

/// A configuration of one function.
pub trait Config: Sized {
    /// Reads every variable, also after one was found wrong.
    fn read(environment: &mut Environment) -> Option<Self>;

    /// Reads the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that is missing or wrong.
    fn from_environment(mut environment: Environment) -> Result<Self, ConfigError> {
        let config = Self::read(&mut environment);
        environment.finish(config)
    }

    /// The names of all variables that it reads, the platform's own left out. The template sets exactly these.
    #[must_use]
    fn variables() -> BTreeSet<&'static str> {
        let mut environment = Environment::default();
        Self::read(&mut environment);
        let _ = environment.metrics_namespace();
        environment.asked
    }
}

impl Config for EntrypointConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let client_id = environment.client_id();
        let accounts_url = environment.accounts_url();
        let content_access_url = environment.content_access_url();
        let pkce = environment.switch("SPOTIFY_PKCE", "on");
        let link_without_entitlements = environment.switch("LINK_WITHOUT_ENTITLEMENTS", "on");
        let default_entitlements = environment
            .optional("DEFAULT_ENTITLEMENTS")
            .or_else(|| Some(String::new()));
        let default_entitlements = environment.parsed(
            "DEFAULT_ENTITLEMENTS",
            default_entitlements,
            |names| Entitlements::parse(names.split_ascii_whitespace()).ok(),
            "must be names of entitlements with spaces between them",
        );
        let partners_table = environment.partners_table();
        let sign_in = environment.sign_in_with_url();
        let oidc = environment.oidc();
        let pages = Pages {
            subscribe_url: environment.url("SUBSCRIBE_URL"),
            ..environment.pages()
        };
        let storage = environment.storage();
        Some(Self {
            partner_id: partner_id?,
            client_id: client_id?,
            accounts_url: accounts_url?,
            content_access_url: content_access_url?,
            pkce: pkce?,
            link_without_entitlements: link_without_entitlements?,
            default_entitlements: default_entitlements?,
            partners_table,
            sign_in: sign_in?,
            oidc,
            pages,
            storage: storage?,
        })
    }
}

impl Config for CallbackConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let partners_table = environment.partners_table();
        let sign_in = environment.sign_in();
        let pages = Pages {
            content_access_url: environment.content_access_url(),
            ..environment.pages()
        };
        let subscribers_table = environment.subscribers_table();
        let peers = environment.peers();
        Some(Self {
            partner_id: partner_id?,
            partners_table,
            sign_in: sign_in?,
            pages,
            subscribers_table: subscribers_table?,
            peers: peers?,
        })
    }
}

impl Config for EntitlementsConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let public_url = environment.public_url();
        let partner_id = environment.partner_id();
        let partners_table = environment.partners_table();
        let backend_issuer = environment.optional("BACKEND_ISSUER");
        let backend_jwks_url = environment.url("BACKEND_JWKS_URL");
        let subscribers_table = environment.subscribers_table();
        let storage = environment.storage();
        Some(Self {
            public_url: public_url?,
            partner_id: partner_id?,
            partners_table,
            backend_issuer,
            backend_jwks_url,
            subscribers_table: subscribers_table?,
            storage: storage?,
        })
    }
}

impl Config for SyncConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let subscribers_table = environment.subscribers_table();
        let rate = environment.optional("SPOTIFY_RATE").or_else(|| Some("5".to_owned()));
        let rate = environment.parsed(
            "SPOTIFY_RATE",
            rate,
            |rate| {
                let number = rate.strip_suffix("/s").unwrap_or(rate);
                number.parse().ok().filter(|rate| (0.1..=1000.0).contains(rate))
            },
            "must be calls per second, 0.1 to 1000",
        );
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

impl Config for UnlinkConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let partner_id = environment.partner_id();
        let partners_table = environment.partners_table();
        let backend_issuer = environment.optional("BACKEND_ISSUER");
        let backend_jwks_url = environment.url("BACKEND_JWKS_URL");
        let shows = environment.optional("SHOWS").or_else(|| Some(String::new()));
        let shows = environment.parsed(
            "SHOWS",
            shows,
            Show::parse_list,
            "must be shows like `<show id>=<name>;<show id>=<name>`",
        );
        let frame_origin = environment.optional("FRAME_ORIGIN");
        let frame_origin = environment.parsed(
            "FRAME_ORIGIN",
            frame_origin,
            parse_origin,
            "must be an https origin without a path",
        );
        let sign_in = environment.sign_in_with_url();
        let pages = environment.pages();
        let subscribers_table = environment.subscribers_table();
        let peers = environment.peers();
        Some(Self {
            partner_id: partner_id?,
            partners_table,
            backend_issuer,
            backend_jwks_url,
            shows: shows?,
            frame_origin,
            sign_in: sign_in?,
            pages,
            subscribers_table: subscribers_table?,
            peers: peers?,
        })
    }
}

/// How the partner's people are known.
#[derive(Clone, Debug)]
pub struct SignInConfig {
    /// `SIGN_IN`: the way.
    pub kind: SignInKind,
    /// `SIGN_IN_URL`: where a signed-out person is sent. Always there for hand-off.
    pub sign_in_url: Option<Url>,
    /// `SESSION_COOKIE`: the session cookie's name. Always there for sessions.
    pub session_cookie: Option<String>,
    /// `SITE_ISSUER`: `iss` of the site's tokens.
    pub site_issuer: String,
    /// `SITE_JWKS_URL`: where the site publishes its keys, if they are not in the secret.
    pub site_jwks_url: Option<Url>,
    /// `PUBLIC_URL`: `aud` of the site's tokens.
    pub public_url: PublicUrl,
    /// Whether a token has to say which partner it means, for its issuer and keys are those of several.
    pub must_name_partner: bool,
}

/// The partner's `OpenID` provider.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// The `redirect_uri` registered with this provider and with no other.
    pub redirect_uri: String,
    /// `OIDC_ISSUER`, letter for letter as its discovery document has it.
    pub issuer: String,
    /// `OIDC_CLIENT_ID`.
    pub client_id: String,
    /// `OIDC_CLIENT_SECRET_ID`: without it, or with `OIDC_CLIENT_AUTHENTICATION` `none`, we are a public client, with PKCE alone.
    pub client_secret_id: Option<String>,
    /// `OIDC_CLIENT_AUTHENTICATION`: whether the secret goes into the body rather than the header; unset, as the provider says.
    pub client_secret_in_body: Option<bool>,
    /// `OIDC_SCOPES`, `openid` among them or not.
    pub scopes: Vec<String>,
    /// `OIDC_SUB_CLAIM`: the partner's own account id.
    pub sub: ClaimName,
    /// `OIDC_ENTITLEMENTS_CLAIM`: what they may hear.
    pub entitlements: ClaimName,
    /// `OIDC_ENTITLEMENTS_PREFIX`: of the names in that claim, those that begin so count, and without it.
    pub entitlements_prefix: String,
    /// `OIDC_PARTNER_USER_ID_CLAIM`: an id already in Spotify's format.
    pub partner_user_id: Option<ClaimName>,
    /// `OIDC_PARTNER_ID_CLAIM`: of the partners whose subscriber the person is, where a provider serves several.
    pub partner_id: ClaimName,
}

/// Where a claim stands: under a plain name, or deeper, at a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName(String);

impl ClaimName {
    /// Takes a plain name, in which every character counts, or a JSON Pointer, which begins with `/`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let escapes_well = name.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        let is_a_line = !name.is_empty() && !name.chars().any(char::is_control);
        (is_a_line && (escapes_well || !name.starts_with('/'))).then(|| Self(name.to_owned()))
    }

    /// The claim, if it is there.
    #[must_use]
    pub fn of<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        if self.0.starts_with('/') {
            claims.pointer(&self.0)
        } else {
            claims.get(&self.0)
        }
    }
}

/// A show that the account page lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// At Spotify.
    pub uri: ShowUri,
    /// As the partner calls it.
    pub name: String,
}

impl Show {
    /// Takes `<show id>=<name>;<show id>=<name>`.
    fn parse_list(text: &str) -> Option<Vec<Self>> {
        let entries = text.split(';').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| {
                let (show, name) = entry.split_once('=')?;
                let (uri, name) = (ShowUri::parse(show.trim()).ok()?, name.trim());
                (!name.is_empty()).then(|| Self {
                    uri,
                    name: name.to_owned(),
                })
            })
            .collect()
    }
}

/// What pages say and link to.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// `BRAND_NAME`: the partner, as its subscribers know it; else the host of its site, or ours.
    pub brand_name: String,
    /// `BRAND_LOGO_URL`.
    pub brand_logo_url: Option<Url>,
    /// `BRAND_COLOR`: of buttons.
    pub brand_color: Option<Color>,
    /// `SPOTIFY_LOGO_URL`: the partner's copy of Spotify's full logo, shown beside its own.
    pub spotify_logo_url: Option<Url>,
    /// `RETURN_URL`: the partner's site.
    pub return_url: Option<Url>,
    /// `SUPPORT_URL`: the partner's help.
    pub support_url: Option<Url>,
    /// `SUBSCRIBE_URL`: where somebody who may hear nothing yet buys something.
    pub subscribe_url: Option<Url>,
    /// `SPOTIFY_CONTENT_ACCESS_URL`: where people see and remove their links at Spotify.
    pub content_access_url: Option<Url>,
}

/// A colour on a screen (sRGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Takes `#` and six hexadecimal digits.
    #[must_use]
    pub fn parse(color: &str) -> Option<Self> {
        let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let number = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| !digits.starts_with('+'))?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    #[must_use]
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Black or white, whichever reads better on this colour: at least 4.5 to 1.
    #[must_use]
    pub fn text_on_it(self) -> &'static str {
        let luminance = self.luminance();
        // (1 + 0.05) / (l + 0.05) against (l + 0.05) / (0 + 0.05).
        if (luminance + 0.05) * (luminance + 0.05) > 1.05 * 0.05 {
            "#000"
        } else {
            "#fff"
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The origin that people reach us at, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String, Url);

impl PublicUrl {
    /// Takes an https origin, or an http one on a loopback IP literal: Spotify takes no other redirect URI, `localhost` neither.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        parse_origin(url).map(|url| Self(url.origin().ascii_serialization(), url))
    }

    /// The origin, which is also the `aud` of the site's tokens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin as a URL, to set a path and a query on.
    #[must_use]
    pub fn url(&self) -> Url {
        self.1.clone()
    }

    /// A URL of ours, by its path.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Our `redirect_uri`, to be registered with Spotify exactly so.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.at("/callback")
    }

    /// The `redirect_uri` at an `OpenID` provider: the deployment's own, or that of the partner whose provider it is. Each provider has one of its own, so
    /// that a code of one is never sent to another's token endpoint (RFC 9700 §4.4.2.2).
    #[must_use]
    pub fn sign_in_redirect_uri(&self, partner_id: Option<&PartnerId>) -> String {
        match partner_id {
            None => self.at("/sign-in/callback"),
            Some(partner_id) => self.at(&format!("/partners/{partner_id}/sign-in/callback")),
        }
    }
}

/// Whether what is sent there is read by nobody on the way: https, or http on a loopback IP literal. `localhost` may be anything.
#[must_use]
pub fn is_secure(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => return false,
        Some(Host::Domain(_)) => false,
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

/// Whether a URL names this machine, or what only this machine reaches: `localhost`, a loopback, link-local or unspecified address, or an address of EC2's
/// instance services.
#[must_use]
pub fn is_local(url: &Url) -> bool {
    let is_local_v4 = |address: Ipv4Addr| address.is_loopback() || address.is_link_local() || address.is_unspecified();
    match url.host() {
        Some(Host::Ipv4(address)) => is_local_v4(address),
        Some(Host::Ipv6(address)) => {
            let is_ec2 = matches!(address.segments(), [0xfd00, 0xec2, ..]);
            let is_local_v6 = address.is_loopback() || address.is_unicast_link_local() || is_ec2;
            is_local_v6 || address.to_ipv4().is_some_and(is_local_v4)
        }
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

fn parse_url(text: &str) -> Option<Url> {
    // A host name may hold what a policy header would read as its own syntax.
    let host = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)),
        other => other.is_some(),
    };
    let plain =
        |url: &Url| host(url) && url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    Url::parse(text).ok().filter(|url| is_secure(url) && plain(url))
}

fn parse_origin(text: &str) -> Option<Url> {
    parse_url(text).filter(|url| url.path() == "/" && url.query().is_none())
}

fn parse_cookie_name(name: &str) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (name.bytes().all(token) && ![crate::http::BROWSER_COOKIE, crate::sign_in::VISIT_COOKIE].contains(&name))
        .then(|| name.to_owned())
}

/// Everything that is wrong with an environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    problems: BTreeMap<&'static str, &'static str>,
}

impl ConfigError {
    /// The variables concerned.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> {
        self.problems.keys().copied()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<_> = self
            .problems
            .iter()
            .map(|(name, problem)| format!("{name} {problem}"))
            .collect();
        formatter.write_str(&problems.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn complete() -> Vec<(&'static str, &'static str)> {
        vec![
            ("PUBLIC_URL", "https://link.example.com"),
            ("PARTNER_ID", "0000000000000000000000"),
            ("SPOTIFY_CLIENT_ID", "client"),
            ("SPOTIFY_CLIENT_SECRET_ID", "soa-link/client-secret"),
            ("PARTNER_KEYS_ID", "soa-link/partner-keys"),
            ("PENDING_LINKS_TABLE", "pending-links"),
            ("SUBSCRIBERS_TABLE", "subscribers"),
            ("SIGN_IN", "session"),
            ("SESSION_COOKIE", "session"),
            ("SITE_ISSUER", "https://example.com"),
            ("BACKEND_ISSUER", "https://example.com"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
        ]
    }

    fn with(changes: &[(&'static str, &'static str)]) -> Environment {
        complete().into_iter().chain(changes.iter().copied()).collect()
    }

    fn wrong<C: Config>(environment: Environment) -> Vec<&'static str> {
        C::from_environment(environment)
            .err()
            .map(|error| error.variables().collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_complete_environment_is_enough() {
        assert!(EntrypointConfig::from_environment(with(&[])).is_ok());
        assert!(CallbackConfig::from_environment(with(&[])).is_ok());
        assert!(UnlinkConfig::from_environment(with(&[])).is_ok());
        assert!(EntitlementsConfig::from_environment(with(&[])).is_ok());
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let missing = wrong::<CallbackConfig>(Environment::default());
        let expected = [
            "AWS_ACCESS_KEY_ID",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "PARTNER_ID",
            "PARTNER_KEYS_ID",
            "PENDING_LINKS_TABLE",
            "PUBLIC_URL",
            "SIGN_IN",
            "SITE_ISSUER",
            "SPOTIFY_CLIENT_ID",
            "SPOTIFY_CLIENT_SECRET_ID",
            "SUBSCRIBERS_TABLE",
        ];
        assert_eq!(missing, expected);
        let handoff = Environment::from_iter([("SIGN_IN", "handoff")]);
        assert!(wrong::<EntrypointConfig>(handoff).contains(&"SIGN_IN_URL"));
    }

    #[test]
    fn everything_wrong_is_named_at_once_and_not_shown() {
        let environment = with(&[
            ("PUBLIC_URL", "http://localhost:9000"),
            ("SIGN_IN", "wrong-value"),
            ("SPOTIFY_PKCE", "wrong-value"),
            ("SPOTIFY_ACCOUNTS_URL", "http://accounts.example.com"),
            ("PARTNER_ID", "wrong value"),
            ("RETURN_URL", "javascript:wrong-value"),
            ("SESSION_COOKIE", "__Host-soa_link"),
        ]);
        let error = EntrypointConfig::from_environment(environment).err().unwrap();
        let named: Vec<_> = error.variables().collect();
        let expected = [
            "PARTNER_ID",
            "PUBLIC_URL",
            "RETURN_URL",
            "SESSION_COOKIE",
            "SIGN_IN",
            "SPOTIFY_ACCOUNTS_URL",
            "SPOTIFY_PKCE",
        ];
        assert_eq!(named, expected);
        assert!(!error.to_string().contains("wrong-value") && !error.to_string().contains("9000"));
    }

    #[test]
    fn a_sign_in_kind_needs_its_own_variables() {
        assert_eq!(
            wrong::<EntrypointConfig>(with(&[("SESSION_COOKIE", "")])),
            ["SESSION_COOKIE"]
        );
        assert_eq!(
            wrong::<EntrypointConfig>(with(&[("SIGN_IN", "handoff")])),
            ["SIGN_IN_URL"]
        );
        let handoff = with(&[
            ("SIGN_IN", "handoff"),
            ("SESSION_COOKIE", ""),
            ("SIGN_IN_URL", "https://example.com/sign-in"),
        ]);
        assert!(wrong::<EntrypointConfig>(handoff).is_empty());
    }

    #[test]
    fn a_public_url_is_an_https_origin_or_a_loopback_ip_literal() {
        for good in [
            "https://link.example.com",
            "https://link.example.com/",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
        ] {
            assert_eq!(PublicUrl::parse(good).unwrap().as_str(), good.trim_end_matches('/'));
        }
        let bad = [
            "",
            "localhost",
            "http://localhost",
            "https://localhost",
            "http://link.example.com",
            "http://10.0.0.1",
            "ftp://a",
        ];
        for bad in bad.into_iter().chain([
            "https://a/path",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://",
        ]) {
            assert!(PublicUrl::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_variable_makes_the_configuration_stumble(value in ".{0,60}", origin in "https://[a-z]{1,20}(\\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?") {
            let names = ["PUBLIC_URL", "PARTNER_ID", "SIGN_IN", "SIGN_IN_URL", "SESSION_COOKIE", "SPOTIFY_ACCOUNTS_URL", "SPOTIFY_JWS_CONTENT_TYPE", "SUPPORT_URL"];
            for name in names {
                let environment = complete().into_iter().chain([(name, value.as_str())]).collect();
                if let Err(error) = UnlinkConfig::from_environment(environment) {
                    prop_assert!(error.variables().all(|wrong| names.contains(&wrong)));
                }
            }
            if !origin.contains("localhost") {
                let parsed = PublicUrl::parse(&origin).unwrap();
                prop_assert_eq!(parsed.as_str().trim_end_matches(":443"), origin.trim_end_matches(":443"));
            }
        }
    }

    #[test]
    fn entrypoint_does_not_know_the_client_secret() {
        assert!(!EntrypointConfig::variables().contains("SPOTIFY_CLIENT_SECRET_ID"));
        assert!(CallbackConfig::variables().contains("SPOTIFY_CLIENT_SECRET_ID"));
    }
}
