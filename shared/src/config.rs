//! Owns the configuration: the only reader of the environment. Needs nothing. Refuses to start a function that lacks something, and then
//! names every variable that is missing or wrong, not only the first. The environment holds names and URLs, never secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use aws_credential_types::Credentials;
use url::{Host, Url};

use crate::{
    aws::Aws,
    clock::Clock,
    partner::{PartnerId, ShowUri},
    sign_in::{SignIn, SignInKind},
    spotify::SpotifySettings,
};

/// The variables of a process, and what was found wrong with them so far.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    asked: BTreeSet<&'static str>,
    problems: BTreeMap<&'static str, &'static str>,
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

    /// The value; an empty one counts as not set, for a template cannot leave a variable out.
    fn optional(&mut self, name: &'static str) -> Option<String> {
        self.asked.insert(name);
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
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

    fn sign_in(&mut self, clock: &Clock) -> Option<SignIn> {
        let public_url = self.public_url();
        let kind = self.required("SIGN_IN");
        let kind = self.parsed(
            "SIGN_IN",
            kind,
            |kind| match kind {
                "session" => Some(SignInKind::Session),
                "handoff" => Some(SignInKind::Handoff),
                _ => None,
            },
            "must be `session` or `handoff`",
        );
        let session_cookie = self.optional("SESSION_COOKIE");
        let rule = "must be a cookie's name, and not ours";
        let session_cookie = match session_cookie {
            None if kind == Some(SignInKind::Session) => self.required("SESSION_COOKIE"),
            given => self.parsed("SESSION_COOKIE", given, parse_cookie_name, rule),
        };
        let site_issuer = self.required("SITE_ISSUER");
        Some(SignIn {
            kind: kind?,
            sign_in_url: None,
            session_cookie,
            site_issuer: site_issuer?,
            public_url: public_url?,
            clock: clock.clone(),
        })
    }

    /// As [`Self::sign_in`], for a function that sends people to the partner's sign-in.
    fn sign_in_with_url(&mut self, clock: &Clock) -> Option<SignIn> {
        let sign_in = self.sign_in(clock);
        // Looked at by itself: what else is wrong must not hide that this is missing.
        if self.optional("SIGN_IN").as_deref() == Some("handoff") {
            self.required("SIGN_IN_URL");
        }
        let sign_in_url = self.url("SIGN_IN_URL");
        Some(SignIn {
            sign_in_url,
            ..sign_in?
        })
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
        Pages {
            brand_name: self.optional("BRAND_NAME"),
            return_url: self.url("RETURN_URL"),
            support_url: self.parsed("SUPPORT_URL", support_url, mailto, "must be an https or mailto URL"),
        }
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
    /// `PUBLIC_URL`, `SIGN_IN`, `SIGN_IN_URL`, `SESSION_COOKIE`, `SITE_ISSUER`.
    pub sign_in: SignIn,
    /// `BRAND_NAME`, `RETURN_URL`, `SUPPORT_URL`.
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
    /// `PUBLIC_URL`, `SIGN_IN`, `SESSION_COOKIE`, `SITE_ISSUER`.
    pub sign_in: SignIn,
    /// `BRAND_NAME`, `RETURN_URL`, `SUPPORT_URL`.
    pub pages: Pages,
    /// Whom it works with.
    pub peers: PeersConfig,
}

/// What the unlink function is told.
#[derive(Clone)]
pub struct UnlinkConfig {
    /// `PARTNER_ID`: whose link it is when the path names nobody.
    pub partner_id: PartnerId,
    /// `BACKEND_ISSUER`: `iss` of the backend's signed requests; without it none are taken.
    pub backend_issuer: Option<String>,
    /// `PUBLIC_URL`, `SIGN_IN`, `SIGN_IN_URL`, `SESSION_COOKIE`, `SITE_ISSUER`.
    pub sign_in: SignIn,
    /// `BRAND_NAME`, `RETURN_URL`, `SUPPORT_URL`.
    pub pages: Pages,
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
    fn read(environment: &mut Environment, clock: &Clock) -> Option<Self>;

    /// Reads the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that is missing or wrong.
    fn from_environment(mut environment: Environment, clock: &Clock) -> Result<Self, ConfigError> {
        let config = Self::read(&mut environment, clock);
        environment.finish(config)
    }

    /// The names of all variables that it reads, the platform's own left out. The template sets exactly these.
    #[must_use]
    fn variables() -> BTreeSet<&'static str> {
        let mut environment = Environment::default();
        Self::read(&mut environment, &Clock::System);
        environment.asked
    }
}

impl Config for EntrypointConfig {
    fn read(environment: &mut Environment, clock: &Clock) -> Option<Self> {
        let partner_id = environment.partner_id();
        let client_id = environment.client_id();
        let accounts_url = environment.accounts_url();
        let content_access_url = environment.origin("SPOTIFY_CONTENT_ACCESS_URL", "https://content-access.spotify.com");
        let pkce = environment.optional("SPOTIFY_PKCE").or_else(|| Some("on".to_owned()));
        let pkce = environment.parsed(
            "SPOTIFY_PKCE",
            pkce,
            |pkce| match pkce {
                "on" => Some(true),
                "off" => Some(false),
                _ => None,
            },
            "must be `on` or `off`",
        );
        let sign_in = environment.sign_in_with_url(clock);
        let pages = environment.pages();
        let storage = environment.storage();
        Some(Self {
            partner_id: partner_id?,
            client_id: client_id?,
            accounts_url: accounts_url?,
            content_access_url: content_access_url?,
            pkce: pkce?,
            sign_in: sign_in?,
            pages,
            storage: storage?,
        })
    }
}

impl Config for CallbackConfig {
    fn read(environment: &mut Environment, clock: &Clock) -> Option<Self> {
        let sign_in = environment.sign_in(clock);
        let pages = environment.pages();
        let peers = environment.peers();
        Some(Self {
            sign_in: sign_in?,
            pages,
            peers: peers?,
        })
    }
}

impl Config for UnlinkConfig {
    fn read(environment: &mut Environment, clock: &Clock) -> Option<Self> {
        let partner_id = environment.partner_id();
        let backend_issuer = environment.optional("BACKEND_ISSUER");
        let sign_in = environment.sign_in_with_url(clock);
        let pages = environment.pages();
        let peers = environment.peers();
        Some(Self {
            partner_id: partner_id?,
            backend_issuer,
            sign_in: sign_in?,
            pages,
            peers: peers?,
        })
    }
}

/// What pages say and link to.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// `BRAND_NAME`: the partner, as its subscribers know it.
    pub brand_name: Option<String>,
    /// `RETURN_URL`: the partner's site.
    pub return_url: Option<Url>,
    /// `SUPPORT_URL`: the partner's help.
    pub support_url: Option<Url>,
}

/// The origin that people reach us at, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Takes an https origin, or an http one on a loopback IP literal: Spotify takes no other redirect URI, `localhost` neither.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        parse_origin(url).map(|url| Self(url.origin().ascii_serialization()))
    }

    /// The origin, which is also the `aud` of the site's tokens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
}

fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let loopback = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => {
            if name == "localhost" || name.ends_with(".localhost") {
                return None;
            }
            false
        }
    };
    let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    (secure && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()).then_some(url)
}

fn parse_origin(text: &str) -> Option<Url> {
    parse_url(text).filter(|url| url.path() == "/" && url.query().is_none())
}

fn parse_cookie_name(name: &str) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (name.bytes().all(token) && name != crate::http::BROWSER_COOKIE).then(|| name.to_owned())
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
        C::from_environment(environment, &Clock::System)
            .err()
            .map(|error| error.variables().collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_complete_environment_is_enough() {
        assert!(EntrypointConfig::from_environment(with(&[]), &Clock::System).is_ok());
        assert!(CallbackConfig::from_environment(with(&[]), &Clock::System).is_ok());
        assert!(UnlinkConfig::from_environment(with(&[]), &Clock::System).is_ok());
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let missing = wrong::<CallbackConfig>(Environment::default());
        let expected = [
            "AWS_ACCESS_KEY_ID",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "PARTNER_KEYS_ID",
            "PENDING_LINKS_TABLE",
            "PUBLIC_URL",
            "SIGN_IN",
            "SITE_ISSUER",
            "SPOTIFY_CLIENT_ID",
            "SPOTIFY_CLIENT_SECRET_ID",
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
        let error = EntrypointConfig::from_environment(environment, &Clock::System)
            .err()
            .unwrap();
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
                if let Err(error) = UnlinkConfig::from_environment(environment, &Clock::System) {
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
