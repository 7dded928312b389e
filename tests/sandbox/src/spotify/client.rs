//! Who Spotify knows: clients, their partners and shows, and the people with an account.

use serde::{Deserialize, Serialize};

/// An OAuth client, as the dashboard has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Client ID.
    pub id: String,
    /// Client Secret: authenticates the client, and is the key of its signed payloads.
    pub secret: String,
    /// A secret that is still accepted.
    pub previous_secret: Option<String>,
    /// What people read in the consent page.
    pub description: String,
    /// Registered redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The service scopes that it was granted.
    pub service_scopes: Vec<String>,
    /// The partners that it owns.
    pub partners: Vec<Partner>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("partners", &self.partners)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The secrets that count now.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.secret.as_str()).chain(self.previous_secret.as_deref())
    }

    /// An exact match, but for one exception: a loopback address registered without a port takes any.
    pub(super) fn redirects_to(&self, redirect_uri: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| registered == redirect_uri || any_port(registered, redirect_uri))
    }
}

fn any_port(registered: &str, redirect_uri: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"].into_iter().any(|host| {
        let (Some(path), Some(given)) = (registered.strip_prefix(host), redirect_uri.strip_prefix(host)) else {
            return false;
        };
        let Some(given) = given
            .strip_prefix(':')
            .filter(|_| path.is_empty() || path.starts_with('/'))
        else {
            return false;
        };
        let port_ends = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
        port_ends > 0 && given.get(port_ends..) == Some(path)
    })
}

/// An Open Access partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Partner ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where linking begins on its site.
    pub entrypoint_url: String,
    /// Its shows.
    #[serde(default)]
    pub shows: Vec<Show>,
}

/// A show with gated episodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    /// Show ID: 22 base-62 characters.
    pub id: String,
    /// Its name.
    pub name: String,
    /// One sentence about it.
    #[serde(default)]
    pub description: String,
    /// The entitlements of which any one opens it; with none it is free.
    #[serde(default)]
    pub entitlements: Vec<String>,
}

impl Show {
    /// Whether a person with these entitlements can hear it.
    #[must_use]
    pub fn opens_with(&self, entitlements: &[String]) -> bool {
        self.entitlements.is_empty() || self.entitlements.iter().any(|wanted| entitlements.contains(wanted))
    }
}

/// A Spotify account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// Its person's name.
    pub name: String,
}

impl Account {
    /// The four people of the demo.
    #[must_use]
    pub fn fictional() -> Vec<Self> {
        [("mara", "Mara"), ("jonas", "Jonas"), ("ines", "Inês"), ("teo", "Teo")]
            .map(|(id, name)| Self {
                id: id.to_owned(),
                name: name.to_owned(),
            })
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_redirect_uri_without_a_port_takes_any_port_and_nothing_else_does() {
        assert!(any_port("http://127.0.0.1/callback", "http://127.0.0.1:9000/callback"));
        assert!(!any_port(
            "http://127.0.0.1/callback",
            "http://127.0.0.1:9000/callback/"
        ));
        assert!(!any_port(
            "http://127.0.0.1:8000/callback",
            "http://127.0.0.1:9000/callback"
        ));
        assert!(!any_port(
            "http://127.0.0.1/callback",
            "http://127.0.0.1:@evil.example/callback"
        ));
        assert!(!any_port(
            "https://site.example/callback",
            "https://site.example:9000/callback"
        ));
    }
}
