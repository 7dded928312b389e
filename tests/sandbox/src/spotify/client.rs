//! Clients, partners, shows and accounts known to the simulated Spotify.

use serde::{Deserialize, Serialize};

/// An OAuth client, as registered in the dashboard.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Client ID.
    pub id: String,
    /// Client secret: authenticates the client and signs its payloads.
    pub secret: String,
    /// Previous client secret that is still accepted.
    pub previous_secret: Option<String>,
    /// Description on the consent page.
    pub description: String,
    /// Registered redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Service scopes granted to the client.
    pub service_scopes: Vec<String>,
    /// Partners owned by the client.
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
    /// Returns the accepted secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.secret.as_str()).chain(self.previous_secret.as_deref())
    }

    /// Whether a redirect URI is registered. The match is exact, but a loopback address without a port allows any port.
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
    /// Name of the partner.
    pub name: String,
    /// Entrypoint URL, where linking starts.
    pub entrypoint_url: String,
    /// Shows of the partner.
    #[serde(default)]
    pub shows: Vec<Show>,
}

/// A show with gated episodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    /// Show ID: 22 base-62 characters.
    pub id: String,
    /// Name of the show.
    pub name: String,
    /// One-sentence description.
    #[serde(default)]
    pub description: String,
    /// Entitlements that unlock the show, each on its own. If empty, the show is free.
    #[serde(default)]
    pub entitlements: Vec<String>,
}

impl Show {
    /// Whether a subscriber with these entitlements can play the show.
    #[must_use]
    pub fn opens_with(&self, entitlements: &[String]) -> bool {
        self.entitlements.is_empty() || self.entitlements.iter().any(|wanted| entitlements.contains(wanted))
    }
}

/// A Spotify account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Account ID.
    pub id: String,
    /// Name of its user.
    pub name: String,
}

impl Account {
    /// Returns the four accounts of the demo.
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
    fn only_a_loopback_redirect_uri_without_a_port_allows_any_port() {
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
