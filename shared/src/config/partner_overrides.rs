//! A partner's settings. They override the deployment's variables of the same names, and the same code reads them.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{
    Config as _, ConfigError, EntitlementsPartnerConfig, EntrypointPartnerConfig, Environment, UnlinkPartnerConfig,
};
use crate::{
    partner::PartnerId,
    urls::{PublicUrl, is_local},
};

/// The variables that a partner may override.
pub const OVERRIDABLE: [&str; 29] = [
    "BACKEND_ISSUER",
    "BACKEND_JWKS_URL",
    "BRAND_COLOR",
    "BRAND_ICON_URL",
    "BRAND_LOGO_URL",
    "BRAND_NAME",
    "DEFAULT_ENTITLEMENTS",
    "ENTITLEMENT_NAMES",
    "FRAME_ORIGIN",
    "LINK_WITHOUT_ENTITLEMENTS",
    "OIDC_CLIENT_AUTHENTICATION",
    "OIDC_CLIENT_ID",
    "OIDC_ENTITLEMENTS_CLAIM",
    "OIDC_ENTITLEMENTS_PREFIX",
    "OIDC_ISSUER",
    "OIDC_PARTNER_ID_CLAIM",
    "OIDC_PARTNER_USER_ID_CLAIM",
    "OIDC_SCOPES",
    "OIDC_SUB_CLAIM",
    "OIDC_TRUSTED_AUDIENCES",
    "RETURN_URL",
    "SESSION_COOKIE",
    "SHOWS",
    "SIGN_IN",
    "SIGN_IN_URL",
    "SITE_ISSUER",
    "SITE_JWKS_URL",
    "SUBSCRIBE_URL",
    "SUPPORT_URL",
];

/// The variables of the deployment's own partner that no other partner inherits.
const NEVER_INHERITED: [&str; 8] = [
    "BRAND_COLOR",
    "BRAND_ICON_URL",
    "BRAND_LOGO_URL",
    "BRAND_NAME",
    "DEFAULT_ENTITLEMENTS",
    "ENTITLEMENT_NAMES",
    "FRAME_ORIGIN",
    "SHOWS",
];

/// Variables that belong together: a partner that overrides one of a group inherits none of that group. Otherwise the deployment's client secret could be sent
/// to a partner's provider, or a partner's issuer could be verified with the deployment's keys.
const INHERITED_TOGETHER: [&[&str]; 3] = [
    PROVIDER,
    &["SITE_ISSUER", "SITE_JWKS_URL"],
    &["BACKEND_ISSUER", "BACKEND_JWKS_URL"],
];

/// The settings of an `OpenID` provider.
const PROVIDER: &[&str] = &[
    "OIDC_CLIENT_AUTHENTICATION",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET_ID",
    "OIDC_ENTITLEMENTS_CLAIM",
    "OIDC_ENTITLEMENTS_PREFIX",
    "OIDC_ISSUER",
    "OIDC_PARTNER_ID_CLAIM",
    "OIDC_PARTNER_USER_ID_CLAIM",
    "OIDC_SCOPES",
    "OIDC_SUB_CLAIM",
    "OIDC_TRUSTED_AUDIENCES",
];

impl Environment {
    /// This environment for another partner with these settings. `name` is its brand name unless the settings contain one.
    #[must_use]
    pub fn for_partner(&self, partner_id: &PartnerId, name: &str, settings: &BTreeMap<String, String>) -> Self {
        let mut variables = self.variables.clone();
        let groups = INHERITED_TOGETHER
            .into_iter()
            .filter(|group| group.iter().any(|name| settings.contains_key(*name)));
        for name in NEVER_INHERITED.iter().chain(groups.flatten()) {
            variables.remove(*name);
        }
        variables.insert("BRAND_NAME".to_owned(), name.to_owned());
        variables.extend(settings.clone());
        variables.insert("PARTNER_ID".to_owned(), partner_id.to_string());
        let mut environment: Self = variables.into_iter().collect();
        environment.errors = local_addresses(settings, self.variables.get("PUBLIC_URL").map(String::as_str));
        environment.overridden = Some(settings.keys().cloned().collect());
        environment
    }

    /// The partner whose own `OpenID` provider this environment names; `None` for the deployment's provider, which partners may share.
    pub(super) fn provider_partner(&mut self) -> Option<PartnerId> {
        let own = self.overridden.as_ref()?;
        let has_own = PROVIDER.iter().any(|name| own.contains(*name));
        if has_own { self.partner_id() } else { None }
    }

    /// Whether a token must contain the claim `partner_id`: true for a partner that does not override the variable `keys`, because it may share the
    /// deployment's keys. A token for one partner's subscriber must not be valid at another.
    pub(super) fn requires_partner_claim(&self, keys: &str) -> bool {
        self.overridden
            .as_ref()
            .is_some_and(|own: &BTreeSet<String>| !own.contains(keys))
    }
}

/// Whether these settings of a partner name an `OpenID` provider of its own, rather than the deployment's.
#[must_use]
pub fn has_own_provider(settings: &BTreeMap<String, String>) -> bool {
    PROVIDER.iter().any(|name| settings.contains_key(*name))
}

/// The errors for settings with a loopback or link-local address: a partner must not make the functions call their own machine. Empty if `PUBLIC_URL` is such
/// an address, as in development.
fn local_addresses(
    settings: &BTreeMap<String, String>,
    public_url: Option<&str>,
) -> BTreeMap<&'static str, &'static str> {
    let names_local = |url: &str| Url::parse(url).is_ok_and(|url| is_local(&url));
    if public_url.is_some_and(names_local) {
        return BTreeMap::new();
    }
    OVERRIDABLE
        .into_iter()
        .filter(|name| settings.get(*name).is_some_and(|value| names_local(value)))
        .map(|name| (name, "must not name a loopback or link-local address"))
        .collect()
}

/// Checks a partner's settings before they are stored, for a deployment at `public_url`.
///
/// # Errors
/// [`ConfigError`] with every wrong setting.
pub fn check_partner_settings(settings: &BTreeMap<String, String>, public_url: &PublicUrl) -> Result<(), ConfigError> {
    let mut errors = local_addresses(settings, Some(public_url.as_str()));
    for name in settings.keys() {
        if !OVERRIDABLE.contains(&name.as_str()) {
            // The name comes from outside, so the error does not contain it.
            errors.insert("settings", "contain a name that a partner cannot override");
        }
    }
    let mut environment: Environment = settings.clone().into_iter().collect();
    // A missing variable is inherited from the deployment, unless another setting requires it.
    EntrypointPartnerConfig::read(&mut environment);
    UnlinkPartnerConfig::read(&mut environment);
    EntitlementsPartnerConfig::read(&mut environment);
    let required_by_sign_in = ["SIGN_IN_URL", "SESSION_COOKIE", "OIDC_ISSUER", "OIDC_CLIENT_ID"];
    for (name, error) in environment.errors {
        if settings.contains_key(name) || (settings.contains_key("SIGN_IN") && required_by_sign_in.contains(&name)) {
            errors.entry(name).or_insert(error);
        }
    }
    for (keys, issuer) in [("SITE_JWKS_URL", "SITE_ISSUER"), ("BACKEND_JWKS_URL", "BACKEND_ISSUER")] {
        if settings.contains_key(keys) && !settings.contains_key(issuer) {
            errors.insert(issuer, "is missing: a partner with its own keys needs its own issuer");
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ConfigError { errors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
        settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn of_partner(own: &[(&str, &str)]) -> EntrypointPartnerConfig {
        let deployment: Environment = [
            ("PUBLIC_URL", "https://link.example.com"),
            ("PARTNER_ID", "0000000000000000000000"),
            ("SPOTIFY_CLIENT_ID", "client"),
            ("PARTNER_KEYS_ID", "soa-link/partner-keys"),
            ("PENDING_LINKS_TABLE", "pending-links"),
            ("SIGN_IN", "oidc"),
            ("SIGN_IN_URL", "https://example.com/sign-in"),
            ("SITE_ISSUER", "https://example.com"),
            ("SITE_JWKS_URL", "https://example.com/jwks"),
            ("OIDC_ISSUER", "https://id.example.com"),
            ("OIDC_CLIENT_ID", "soa-link"),
            ("OIDC_CLIENT_SECRET_ID", "soa-link/oidc"),
            ("DEFAULT_ENTITLEMENTS", "everything"),
            ("BRAND_NAME", "The platform"),
            ("BRAND_LOGO_URL", "https://example.com/logo.png"),
            ("SUPPORT_URL", "https://example.com/help"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ]
        .into_iter()
        .collect();
        let partner_id = PartnerId::parse("1111111111111111111111").unwrap();
        EntrypointPartnerConfig::from_environment(deployment.for_partner(&partner_id, "Another", &settings(own)))
            .unwrap()
    }

    #[test]
    fn a_partner_inherits_the_support_url_but_not_the_brand() {
        let config = of_partner(&[("BRAND_COLOR", "#1a2b3c")]);
        assert_eq!(config.branding.brand_name, "Another");
        assert_eq!(config.branding.brand_logo_url, None);
        assert!(config.branding.brand_color.is_some() && config.branding.support_url.is_some());
        // Default entitlements are never inherited.
        assert!(config.default_entitlements.is_empty());
    }

    #[test]
    fn the_deployments_client_secret_never_goes_to_a_partners_provider() {
        let config = of_partner(&[
            ("OIDC_ISSUER", "https://id.another.example"),
            ("OIDC_CLIENT_ID", "theirs"),
        ]);
        let oidc = config.oidc.unwrap();
        assert_eq!(
            (oidc.issuer.as_str(), oidc.client_secret_id),
            ("https://id.another.example", None)
        );
        assert_eq!(
            oidc.redirect_uri,
            "https://link.example.com/partners/1111111111111111111111/sign-in/callback"
        );
        assert!(!config.sign_in.requires_partner_claim);
        // At the deployment's provider, a token must name the partner.
        let shared = of_partner(&[]);
        assert!(shared.sign_in.requires_partner_claim);
        assert_eq!(
            shared.oidc.unwrap().redirect_uri,
            "https://link.example.com/sign-in/callback"
        );
    }

    #[test]
    fn a_token_signed_with_the_deployments_keys_must_name_the_partner() {
        let handoff = [
            ("SIGN_IN", "handoff"),
            ("SIGN_IN_URL", "https://another.example/sign-in"),
        ];
        let config = of_partner(&handoff);
        assert!(config.sign_in.requires_partner_claim && config.sign_in.site_jwks_url.is_some());
        let own = [
            ("SITE_ISSUER", "https://another.example"),
            ("SITE_JWKS_URL", "https://another.example/jwks"),
        ];
        let config = of_partner(&[handoff, own].concat());
        assert!(!config.sign_in.requires_partner_claim);
        assert_eq!(config.sign_in.site_issuer, "https://another.example");
        // With its own issuer but no keys, the partner does not inherit the deployment's published keys.
        let config = of_partner(&[&handoff[..], &[("SITE_ISSUER", "https://another.example")]].concat());
        assert!(config.sign_in.requires_partner_claim && config.sign_in.site_jwks_url.is_none());
    }

    /// S-MIX-4: a partner must not make a function call its own machine, such as Lambda's runtime API.
    #[test]
    fn local_addresses_in_a_partners_settings_are_rejected() {
        let local = [
            "http://127.0.0.1:9001/2018-06-01/runtime",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0.0.0.0/",
            "https://169.254.169.254/latest/meta-data",
            "https://169.254.100.1:2000/",
            "http://[::1]:9001/",
            "https://[::]/",
            "https://[fe80::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[fd00:ec2::254]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
        ];
        let elsewhere = [
            "https://id.example.com/",
            "https://10.0.0.1/",
            "https://[2001:db8::1]/",
            "https://localhost.example/",
        ];
        let on = |public_url: &str, name: &str, url: &str| {
            let public_url = PublicUrl::parse(public_url).unwrap();
            let error = check_partner_settings(
                &settings(&[(name, url), ("SITE_ISSUER", "x"), ("BACKEND_ISSUER", "x")]),
                &public_url,
            );
            error.is_err_and(|error| error.variables().any(|variable| variable == name))
        };
        for name in [
            "OIDC_ISSUER",
            "SITE_JWKS_URL",
            "BACKEND_JWKS_URL",
            "SIGN_IN_URL",
            "RETURN_URL",
            "SUPPORT_URL",
        ] {
            for url in local {
                assert!(on("https://link.example.com", name, url), "{name} {url}");
            }
            for url in elsewhere {
                assert!(!on("https://link.example.com", name, url), "{name} {url}");
            }
            assert!(!on("http://127.0.0.1:9000", name, "http://127.0.0.1:9200/x"), "{name}");
        }
        // Settings that are already stored are rejected too.
        let deployment: Environment = [("PUBLIC_URL".to_owned(), "https://link.example.com".to_owned())]
            .into_iter()
            .collect();
        let partner_id = PartnerId::parse("1111111111111111111111").unwrap();
        let stored = settings(&[("SITE_JWKS_URL", "http://127.0.0.1:9001/")]);
        let error = EntrypointPartnerConfig::from_environment(deployment.for_partner(&partner_id, "Another", &stored))
            .err()
            .unwrap();
        assert!(error.variables().any(|name| name == "SITE_JWKS_URL"));
    }

    #[test]
    fn wrong_settings_are_named_before_they_are_stored() {
        let wrong = |own: &[(&str, &str)]| -> Vec<&str> {
            check_partner_settings(&settings(own), &PublicUrl::parse("https://link.example.com").unwrap())
                .err()
                .map_or_else(Vec::new, |error| error.variables().collect())
        };
        assert!(wrong(&[]).is_empty());
        assert!(wrong(&[("SIGN_IN", "handoff"), ("SIGN_IN_URL", "https://a.example/")]).is_empty());
        assert_eq!(wrong(&[("SIGN_IN", "handoff")]), ["SIGN_IN_URL"]);
        assert_eq!(wrong(&[("SIGN_IN", "oidc")]), ["OIDC_CLIENT_ID", "OIDC_ISSUER"]);
        assert_eq!(wrong(&[("SIGN_IN_URL", "http://a.example/")]), ["SIGN_IN_URL"]);
        assert_eq!(
            wrong(&[("BRAND_COLOR", "red"), ("SHOWS", "x")]),
            ["BRAND_COLOR", "SHOWS"]
        );
        assert_eq!(wrong(&[("SITE_JWKS_URL", "https://a.example/jwks")]), ["SITE_ISSUER"]);
        assert_eq!(
            wrong(&[("BACKEND_JWKS_URL", "https://a.example/jwks")]),
            ["BACKEND_ISSUER"]
        );
        assert_eq!(wrong(&[("DEFAULT_ENTITLEMENTS", "gold -x")]), ["DEFAULT_ENTITLEMENTS"]);
        for name in [
            "OIDC_CLIENT_SECRET_ID",
            "SPOTIFY_OPEN_ACCESS_URL",
            "PARTNER_KEYS_ID",
            "PUBLIC_URL",
        ] {
            assert_eq!(wrong(&[(name, "https://evil.example")]), ["settings"]);
        }
    }
}
