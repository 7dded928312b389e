//! Sections that the configurations of several functions share.

use aws_credential_types::Credentials;
use url::Url;

use super::Environment;
use crate::{
    aws::AwsConfig,
    cookie,
    pages::{Branding, Color},
    partner::PartnerId,
    sign_in::{BackendConfig, SignInConfig, SignInMethod},
    spotify::SpotifyConfig,
    store::RevocationLimits,
    urls::{PublicUrl, parse_url},
};

/// The location of the partner's keys and of the pending links.
#[derive(Clone)]
pub struct LinkStoreConfig {
    /// `PARTNER_KEYS_ID`: id of the secret.
    pub partner_keys_id: String,
    /// `PENDING_LINKS_TABLE`: name of the table.
    pub pending_links_table: String,
    /// Region, credentials and endpoints, as Lambda sets them.
    pub aws: AwsConfig,
}

/// What a function needs to call Spotify for a subscriber.
#[derive(Clone)]
pub struct SpotifyAccessConfig {
    /// `SPOTIFY_CLIENT_ID`, `SPOTIFY_ACCOUNTS_URL`, `SPOTIFY_OPEN_ACCESS_URL`, `SPOTIFY_JWS_CONTENT_TYPE`.
    pub spotify: SpotifyConfig,
    /// `SPOTIFY_CLIENT_SECRET_ID`: id of the secret.
    pub client_secret_id: String,
    /// The location of the partner's keys and of the pending links.
    pub link_store: LinkStoreConfig,
}

impl Environment {
    pub(super) fn partner_id(&mut self) -> Option<PartnerId> {
        let value = self.required("PARTNER_ID");
        let rule = "must be 1 to 64 characters of 0-9, A-Z, a-z";
        self.parsed("PARTNER_ID", value, |id| PartnerId::parse(id).ok(), rule)
    }

    pub(super) fn public_url(&mut self) -> Option<PublicUrl> {
        let value = self.required("PUBLIC_URL");
        let rule = "must be an https origin without a path; http only for a loopback IP literal, and not `localhost`";
        self.parsed("PUBLIC_URL", value, PublicUrl::parse, rule)
    }

    /// How subscribers sign in, for a function that never redirects to the sign-in.
    pub(super) fn sign_in(&mut self) -> Option<SignInConfig> {
        let public_url = self.public_url();
        let method = self.required("SIGN_IN");
        let rule = "must be `session`, `handoff` or `oidc`";
        let method = self.parsed("SIGN_IN", method, SignInMethod::parse, rule);
        let rule = "must be a valid cookie name other than `__Host-soa_link` and `__Host-soa_visit`";
        let session_cookie = match self.optional("SESSION_COOKIE") {
            None if method == Some(SignInMethod::Session) => self.required("SESSION_COOKIE"),
            given => self.parsed("SESSION_COOKIE", given, cookie::parse_session_cookie_name, rule),
        };
        let site_issuer = match self.optional("SITE_ISSUER") {
            // With an OpenID provider there are no site tokens.
            None if method == Some(SignInMethod::Oidc) => Some(String::new()),
            None => self.required("SITE_ISSUER"),
            given => given,
        };
        let site_jwks_url = self.url("SITE_JWKS_URL");
        let keys = match method {
            Some(SignInMethod::Oidc) => "OIDC_ISSUER",
            _ => "SITE_JWKS_URL",
        };
        Some(SignInConfig {
            method: method?,
            sign_in_url: None,
            requires_partner_claim: self.requires_partner_claim(keys),
            session_cookie,
            site_issuer: site_issuer?,
            site_jwks_url,
            public_url: public_url?,
        })
    }

    /// Like [`Self::sign_in`], for a function that redirects to the partner's sign-in.
    pub(super) fn sign_in_with_url(&mut self) -> Option<SignInConfig> {
        let sign_in = self.sign_in();
        // Read separately, so that another error does not hide a missing variable.
        let method = self.optional("SIGN_IN");
        if method.as_deref() == Some("handoff") {
            self.required("SIGN_IN_URL");
        }
        // With an OpenID provider there is no hand-off.
        let sign_in_url = self.url("SIGN_IN_URL").filter(|_| method.as_deref() != Some("oidc"));
        Some(SignInConfig {
            sign_in_url,
            ..sign_in?
        })
    }

    /// The partner's backend; `None` if no issuer is set, which rejects all signed requests.
    pub(super) fn backend(&mut self) -> Option<BackendConfig> {
        let issuer = self.optional("BACKEND_ISSUER");
        let jwks_url = self.url("BACKEND_JWKS_URL");
        Some(BackendConfig {
            issuer: issuer?,
            jwks_url,
        })
    }

    pub(super) fn spotify(&mut self) -> Option<SpotifyConfig> {
        let client_id = self.client_id();
        let accounts_url = self.accounts_url();
        let open_access_url = self.origin_or("SPOTIFY_OPEN_ACCESS_URL", "https://open-access.spotify.com");
        let parse = |text: &str| {
            let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
            graphic.then(|| text.to_owned())
        };
        let content_type = self.parsed_or(
            "SPOTIFY_JWS_CONTENT_TYPE",
            "jwt",
            parse,
            "must be a media type in visible ASCII, without white space",
        );
        Some(SpotifyConfig {
            client_id: client_id?,
            accounts_url: accounts_url?,
            open_access_url: open_access_url?,
            jws_content_type: content_type?,
        })
    }

    pub(super) fn client_id(&mut self) -> Option<String> {
        let value = self.required("SPOTIFY_CLIENT_ID");
        let parse = |id: &str| id.bytes().all(|byte| byte.is_ascii_graphic()).then(|| id.to_owned());
        let rule = "must be printable ASCII without white space";
        self.parsed("SPOTIFY_CLIENT_ID", value, parse, rule)
    }

    pub(super) fn accounts_url(&mut self) -> Option<Url> {
        self.origin_or("SPOTIFY_ACCOUNTS_URL", "https://accounts.spotify.com")
    }

    pub(super) fn content_access_url(&mut self) -> Option<Url> {
        self.origin_or("SPOTIFY_CONTENT_ACCESS_URL", "https://content-access.spotify.com")
    }

    pub(super) fn branding(&mut self) -> Branding {
        let return_url = self.url("RETURN_URL");
        // The default name is the host name of the partner's site or of ours, which needs no translation.
        let host = |url: &Url| url.host_str().map(str::to_owned);
        let public_url = self.optional("PUBLIC_URL").and_then(|url| Url::parse(&url).ok());
        let host = return_url
            .as_ref()
            .and_then(host)
            .or_else(|| public_url.as_ref().and_then(host));
        let parse_support = |url: &str| {
            let mailto = Url::parse(url).ok().filter(|url| url.scheme() == "mailto");
            mailto.or_else(|| parse_url(url))
        };
        let support_url = self.optional("SUPPORT_URL");
        let support_url = self.parsed(
            "SUPPORT_URL",
            support_url,
            parse_support,
            "must be an https or mailto URL",
        );
        let brand_color = self.optional("BRAND_COLOR");
        let brand_color = self.parsed(
            "BRAND_COLOR",
            brand_color,
            Color::parse,
            "must be a colour like `#1a2b3c`",
        );
        Branding {
            brand_name: self.optional("BRAND_NAME").or(host).unwrap_or_default(),
            brand_logo_url: self.url("BRAND_LOGO_URL"),
            brand_icon_url: self.url("BRAND_ICON_URL"),
            brand_color,
            spotify_logo_url: self.url("SPOTIFY_LOGO_URL"),
            return_url,
            support_url,
            ..Branding::default()
        }
    }

    pub(super) fn link_store(&mut self) -> Option<LinkStoreConfig> {
        let partner_keys_id = self.required("PARTNER_KEYS_ID");
        let pending_links_table = self.required("PENDING_LINKS_TABLE");
        let aws = self.aws();
        Some(LinkStoreConfig {
            partner_keys_id: partner_keys_id?,
            pending_links_table: pending_links_table?,
            aws: aws?,
        })
    }

    pub(super) fn spotify_access(&mut self) -> Option<SpotifyAccessConfig> {
        let spotify = self.spotify();
        let client_secret_id = self.required("SPOTIFY_CLIENT_SECRET_ID");
        let link_store = self.link_store();
        Some(SpotifyAccessConfig {
            spotify: spotify?,
            client_secret_id: client_secret_id?,
            link_store: link_store?,
        })
    }

    /// `GUARD_PEOPLE` and `GUARD_PERCENT`: limits of the revocation guard.
    pub(super) fn guard(&mut self) -> Option<RevocationLimits> {
        let parse_people = |people: &str| people.parse().ok().filter(|people| (0..=1000).contains(people));
        let rule = "must be a number of people, 0 to 1000";
        let people = self.parsed_or("GUARD_PEOPLE", "100", parse_people, rule);
        let parse_percent = |percent: &str| percent.parse().ok().filter(|percent| (0..=100).contains(percent));
        let rule = "must be a whole number of percent, 0 to 100";
        let percent = self.parsed_or("GUARD_PERCENT", "5", parse_percent, rule);
        Some(RevocationLimits {
            people: people?,
            percent: percent?,
        })
    }

    pub(super) fn partners_table(&mut self) -> Option<String> {
        self.optional("PARTNERS_TABLE")
    }

    pub(super) fn subscribers_table(&mut self) -> Option<String> {
        self.required("SUBSCRIBERS_TABLE")
    }

    /// Region and credentials, as Lambda sets them, and the AWS SDK's endpoint variables, for emulators.
    pub(super) fn aws(&mut self) -> Option<AwsConfig> {
        let platform = |name: &str| self.variables.get(name).filter(|value| !value.is_empty()).cloned();
        let endpoint =
            |service: &str| platform(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| platform("AWS_ENDPOINT_URL"));
        let region = platform("AWS_REGION").or_else(|| platform("AWS_DEFAULT_REGION"));
        let (key_id, key) = (platform("AWS_ACCESS_KEY_ID"), platform("AWS_SECRET_ACCESS_KEY"));
        let (dynamodb_endpoint, secrets_manager_endpoint) = (endpoint("DYNAMODB"), endpoint("SECRETS_MANAGER"));
        let (eventbridge_endpoint, sqs_endpoint) = (endpoint("EVENTBRIDGE"), endpoint("SQS"));
        let session_token = platform("AWS_SESSION_TOKEN");
        for (name, value) in [
            ("AWS_REGION", &region),
            ("AWS_ACCESS_KEY_ID", &key_id),
            ("AWS_SECRET_ACCESS_KEY", &key),
        ] {
            if value.is_none() {
                self.errors.insert(name, "is missing (Lambda sets it)");
            }
        }
        let credentials = Credentials::new(key_id?, key?, session_token, None, "environment");
        Some(AwsConfig {
            region: region?,
            credentials,
            dynamodb_endpoint,
            secrets_manager_endpoint,
            eventbridge_endpoint,
            sqs_endpoint,
        })
    }
}

impl AwsConfig {
    /// The AWS configuration in this environment; `None` if the region or the credentials are missing.
    #[must_use]
    pub fn from_env(environment: &Environment) -> Option<Self> {
        environment.clone().aws()
    }
}
