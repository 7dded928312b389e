//! Checks of the client secret, the scopes that Spotify grants to the client, and the clock.

use chrono::DateTime;
use shared::{
    clock::Clock,
    oauth::token::{Grant, TokenError},
    secret::ClientSecret,
    spotify::{
        SOA_CREATE_PARTNER, SOA_MANAGE_ENTITLEMENTS, SOA_MANAGE_PARTNER, SpotifyError, TokenEndpoint, USER_SOA_UNLINK,
    },
    urls::PublicUrl,
};

use super::{Checks, Findings, fix_for};

/// Tolerated difference between this machine's clock and Spotify's, in seconds.
const SKEW: i64 = 30;
/// Scopes of client tokens, each with whether every deployment needs it.
const SCOPES: [(&str, bool); 4] = [
    (USER_SOA_UNLINK, true),
    (SOA_MANAGE_ENTITLEMENTS, true),
    (SOA_MANAGE_PARTNER, false),
    (SOA_CREATE_PARTNER, false),
];

impl Checks {
    /// Checks the client secret, and requests a token of each scope.
    pub(super) async fn spotify(&self, findings: &mut Findings) {
        if let Some(url) = self.known("PUBLIC_URL").and_then(PublicUrl::parse) {
            findings.ok(format!(
                "register this redirect URI in Spotify's dashboard, letter for letter: {}",
                url.redirect_uri()
            ));
        }
        let (Some(secret), Some(client_id)) = (
            self.secret::<ClientSecret>("SPOTIFY_CLIENT_SECRET_ID"),
            self.known("SPOTIFY_CLIENT_ID"),
        ) else {
            return;
        };
        let versions = match secret.get().await {
            Ok(versions) => versions,
            Err(error) => {
                const PUT: &str = "store {\"client_secret\": \"…\"} there, with the secret from Spotify's dashboard.";
                findings.fail(&error, fix_for(&error, PUT));
                return;
            }
        };
        findings.ok("client secret: well-formed");
        let accounts = self
            .known("SPOTIFY_ACCOUNTS_URL")
            .unwrap_or("https://accounts.spotify.com");
        let Ok(accounts_url) = accounts.parse() else {
            return;
        };
        let endpoint = TokenEndpoint::new(&self.http, &accounts_url, client_id);
        self.clock(accounts, findings).await;
        for (scope, needed) in SCOPES {
            let token = endpoint.request(&versions.current, &Grant::ClientCredentials, scope);
            match token.await {
                Ok(_) => findings.ok(format!("Spotify grants {scope}")),
                Err(SpotifyError::Token(TokenError::InvalidClient)) => {
                    findings.fail("Spotify refuses the client id or its secret", "compare both with Spotify's dashboard. If the secret was rotated there, run soa-link secret rotate.");
                    return;
                }
                Err(SpotifyError::Token(TokenError::Refused { .. } | TokenError::ScopeMissing)) if needed => {
                    findings.fail(
                        format!("Spotify does not grant {scope}"),
                        "ask Spotify to allow-list the client id for this scope.",
                    );
                }
                Err(SpotifyError::Token(TokenError::Refused { .. } | TokenError::ScopeMissing)) => {
                    findings.ok(format!(
                        "Spotify does not grant {scope}, which only creating partners and uploading logos need"
                    ));
                }
                Err(error) => {
                    findings.fail(
                        format!("Spotify's {error}"),
                        "retry; check Spotify's status page, and that the network reaches Spotify.",
                    );
                    return;
                }
            }
        }
    }

    /// Compares this machine's clock with the `Date` header of Spotify.
    async fn clock(&self, accounts: &str, findings: &mut Findings) {
        let asked = self.http.server_date(accounts).await;
        let there = asked.and_then(|date| DateTime::parse_from_rfc2822(&date).ok());
        let Some(there) = there else { return };
        let apart = (there.timestamp() - Clock::System.now()).abs();
        if apart > SKEW {
            findings.fail(
                format!("this machine's clock differs from Spotify's by {apart} s"),
                "set this machine's clock. Tokens signed here may be rejected; Lambda has its own clock.",
            );
        } else {
            findings.ok("this machine's clock is correct");
        }
    }
}
