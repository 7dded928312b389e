//! URLs in the configuration: https, or http on a loopback IP literal.

use std::net::Ipv4Addr;

use url::{Host, Url};

/// `PUBLIC_URL`: the origin of the functions, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String, Url);

impl PublicUrl {
    /// Parses an https origin, or an http origin on a loopback IP literal. Returns `None` for any other text: Spotify accepts no other redirect URI, and not
    /// `localhost`.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        parse_origin(url).map(|url| Self(url.origin().ascii_serialization(), url))
    }

    /// The origin, which is also the `aud` of the site's tokens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin as a URL.
    #[must_use]
    pub fn url(&self) -> Url {
        self.1.clone()
    }

    /// The URL of one of our paths.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The `redirect_uri` at Spotify, which must be registered exactly like this.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.join("/callback")
    }

    /// The `redirect_uri` at the `OpenID` provider of a partner; `None` is the deployment's provider. Each provider has its own, so that a code of one is never
    /// sent to another's token endpoint (RFC 9700 §4.4.2.2).
    #[must_use]
    pub fn sign_in_redirect_uri(&self, partner_id: Option<&str>) -> String {
        match partner_id {
            None => self.join("/sign-in/callback"),
            Some(partner_id) => self.join(&format!("/partners/{partner_id}/sign-in/callback")),
        }
    }
}

/// Whether requests to the URL are safe from eavesdropping: https, or http on a loopback IP literal. `localhost` is rejected, because a resolver may map it to
/// any address.
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

/// Whether a URL names this machine or a service that only this machine reaches: `localhost`, a loopback, link-local or unspecified address, or EC2's instance
/// services.
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

/// Parses a URL of the configuration: [`is_secure`], with a plain host name, without user, password and fragment. Returns `None` for any other text.
pub(crate) fn parse_url(text: &str) -> Option<Url> {
    // A host name may contain characters that are syntax in a Content-Security-Policy.
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

/// Parses an origin: like [`parse_url`], without path and query.
pub(crate) fn parse_origin(text: &str) -> Option<Url> {
    parse_url(text).filter(|url| url.path() == "/" && url.query().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
