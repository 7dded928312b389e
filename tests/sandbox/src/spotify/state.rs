//! State of the simulated Spotify and the rules that change it. Knows nothing of HTTP and never waits.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::client::{Client, Partner};
use super::switches::{Stop, Switches};
use super::{Configuration, Link, USER_SCOPE};
use crate::clock::Clock;
use crate::token_source::TokenSource;

/// Lifetime of an authorization code, in milliseconds.
const CODE_LIVES_MS: u64 = 10 * 60 * 1000;
/// Lifetime of a consent page, in milliseconds.
const CONSENT_WAITS_MS: u64 = 60 * 60 * 1000;

#[derive(Debug)]
pub(super) struct State {
    pub(super) switches: Switches,
    pub(super) clients: Vec<Client>,
    pub(super) links: Vec<Link>,
    pub(super) rng: TokenSource,
    clock: Clock,
    consents: HashMap<String, Consent>,
    codes: HashMap<String, Code>,
    tokens: HashMap<String, Token>,
    tickets: HashMap<String, Ticket>,
    approved: HashSet<(String, String)>,
    logos: HashMap<String, usize>,
    /// Current second, and the number of calls per client in it.
    rate: (u64, HashMap<String, u32>),
}

/// An authorization request that awaits the user's decision.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) expires_ms: u64,
}

#[derive(Debug)]
struct Code {
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
    account: String,
    expires_ms: u64,
    spent: bool,
    token: Option<String>,
}

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) client_id: String,
    /// Spotify account of a user token. `None` for a service token.
    pub(super) account: Option<String>,
    pub(super) scopes: Vec<String>,
    expires_ms: u64,
}

/// The link behind a completion URL.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) partner_id: String,
    pub(super) partner_user_id: String,
    pub(super) account: String,
}

/// Response to a token request.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) access_token: String,
    pub(super) scope: Option<String>,
    pub(super) refresh_token: Option<String>,
}

/// An OAuth error: code and description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OauthError(pub(super) &'static str, pub(super) &'static str);

/// Reason why register-user does not link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotLinked {
    /// The account or the Partner User ID is linked to another one.
    Conflict,
    /// The account is not listed in the dashboard (switch A15).
    NotListed,
}

impl State {
    pub(super) fn new(configuration: &Configuration, rng: TokenSource, clock: Clock) -> Self {
        Self {
            switches: configuration.switches.clone(),
            clients: configuration.clients.clone(),
            links: Vec::new(),
            rng,
            clock,
            consents: HashMap::new(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            tickets: HashMap::new(),
            approved: HashSet::new(),
            logos: HashMap::new(),
            rate: (0, HashMap::new()),
        }
    }

    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    pub(super) fn partner(&self, id: &str) -> Option<&Partner> {
        self.clients
            .iter()
            .flat_map(|client| &client.partners)
            .find(|partner| partner.id == id)
    }

    pub(super) fn owns(&self, client_id: &str, partner_id: &str) -> bool {
        self.client(client_id)
            .is_some_and(|client| client.partners.iter().any(|partner| partner.id == partner_id))
    }

    pub(super) fn is_listed(&self, account: &str) -> bool {
        self.switches
            .a15_listed_accounts
            .as_ref()
            .is_none_or(|listed| listed.iter().any(|one| one == account))
    }

    fn stops_at(&self, stop: Stop, account: &str) -> bool {
        self.switches.a15_stops_at == stop && !self.is_listed(account)
    }

    // Consent

    pub(super) fn store_consent(&mut self, mut consent: Consent) -> String {
        let now = self.clock.now_ms();
        self.consents.retain(|_, held| held.expires_ms > now);
        consent.expires_ms = now.saturating_add(CONSENT_WAITS_MS);
        let id = self.rng.token();
        self.consents.insert(id.clone(), consent);
        id
    }

    /// Removes and returns a pending request. Returns `None` if it is unknown or expired.
    pub(super) fn consent(&mut self, id: &str) -> Option<Consent> {
        let now = self.clock.now_ms();
        self.consents.remove(id).filter(|held| held.expires_ms > now)
    }

    pub(super) fn has_approved(&self, client_id: &str, account: &str) -> bool {
        self.approved.contains(&(client_id.to_owned(), account.to_owned()))
    }

    /// Issues a code for an approved request. Fails if switch A15 stops the account at this step.
    pub(super) fn approve(&mut self, consent: &Consent, account: &str) -> Result<String, OauthError> {
        if self.stops_at(Stop::Authorize, account) {
            return Err(OauthError(
                "access_denied",
                "User not registered in the Developer Dashboard",
            ));
        }
        let code = self.rng.token();
        self.codes.insert(
            code.clone(),
            Code {
                client_id: consent.client_id.clone(),
                redirect_uri: consent.redirect_uri.clone(),
                challenge: consent.challenge.clone(),
                account: account.to_owned(),
                expires_ms: self.clock.now_ms().saturating_add(CODE_LIVES_MS),
                spent: false,
                token: None,
            },
        );
        self.approved.insert((consent.client_id.clone(), account.to_owned()));
        Ok(code)
    }

    // Tokens

    fn issue(&mut self, client_id: &str, account: Option<String>, scopes: Vec<String>) -> String {
        let token = self.rng.token();
        let expires_ms = self
            .clock
            .now_ms()
            .saturating_add(self.switches.a11_expires_in.saturating_mul(1000));
        self.tokens.insert(
            token.clone(),
            Token {
                client_id: client_id.to_owned(),
                account,
                scopes,
                expires_ms,
            },
        );
        token
    }

    /// Exchanges a code for a user token. A code is spent at its first use by its client, even if the exchange fails. Its
    /// second use revokes the token of the first (RFC 6749, section 4.1.2).
    pub(super) fn exchange(
        &mut self,
        client_id: &str,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<Grant, OauthError> {
        const INVALID: OauthError = OauthError("invalid_grant", "Invalid authorization code");
        let now = self.clock.now_ms();
        let held = self
            .codes
            .get_mut(code)
            .filter(|held| held.client_id == client_id)
            .ok_or(INVALID)?;
        if held.spent {
            if let Some(token) = held.token.take() {
                self.tokens.remove(&token);
            }
            return Err(INVALID);
        }
        held.spent = true;
        if held.expires_ms <= now {
            return Err(OauthError("invalid_grant", "Authorization code expired"));
        }
        if held.redirect_uri != redirect_uri {
            return Err(OauthError("invalid_grant", "Invalid redirect URI"));
        }
        match (&held.challenge, verifier) {
            (None, None) => {}
            (Some(challenge), Some(verifier)) if matches_challenge(challenge, verifier) => {}
            (Some(_), None) => return Err(OauthError("invalid_grant", "code_verifier required")),
            _ => return Err(OauthError("invalid_grant", "code_verifier was incorrect")),
        }
        let account = held.account.clone();
        if self.stops_at(Stop::Token, &account) {
            return Err(OauthError(
                "access_denied",
                "User not registered in the Developer Dashboard",
            ));
        }
        let token = self.issue(client_id, Some(account), vec![USER_SCOPE.to_owned()]);
        if let Some(held) = self.codes.get_mut(code) {
            held.token = Some(token.clone());
        }
        let refresh_token = Some(self.rng.token());
        Ok(Grant {
            access_token: token,
            scope: Some(USER_SCOPE.to_owned()),
            refresh_token,
        })
    }

    pub(super) fn service_grant(&mut self, client_id: &str, scope: &str) -> Result<Grant, OauthError> {
        const INVALID: OauthError = OauthError("invalid_scope", "Invalid scope");
        let scopes: Vec<String> = scope.split(' ').map(str::to_owned).collect();
        let granted = self
            .client(client_id)
            .map(|client| &client.service_scopes)
            .ok_or(INVALID)?;
        if !scopes.iter().all(|scope| granted.contains(scope)) {
            return Err(INVALID);
        }
        let access_token = self.issue(client_id, None, scopes);
        Ok(Grant {
            access_token,
            scope: None,
            refresh_token: None,
        })
    }

    pub(super) fn token(&self, token: &str) -> Option<&Token> {
        self.tokens
            .get(token)
            .filter(|token| token.expires_ms > self.clock.now_ms())
    }

    pub(super) fn revoke_tokens(&mut self, client_id: Option<&str>) {
        self.tokens
            .retain(|_, token| client_id.is_some_and(|client_id| token.client_id != client_id));
    }

    pub(super) fn rotate_secret(&mut self, client_id: &str, secret: &str) -> bool {
        let keeps_previous = self.switches.a12_previous_secret;
        let Some(client) = self.clients.iter_mut().find(|client| client.id == client_id) else {
            return false;
        };
        let previous = std::mem::replace(&mut client.secret, secret.to_owned());
        client.previous_secret = keeps_previous.then_some(previous);
        if self.switches.a12_rotation_revokes {
            self.revoke_tokens(Some(client_id));
        }
        true
    }

    /// Counts a call. Returns `false` if the client exceeds its rate in this second (switch A13).
    pub(super) fn within_rate(&mut self, client_id: &str) -> bool {
        let Some(most) = self.switches.a13_requests_per_second else {
            return true;
        };
        let second = self.clock.now();
        if self.rate.0 != second {
            self.rate = (second, HashMap::new());
        }
        let calls = self.rate.1.entry(client_id.to_owned()).or_default();
        *calls = calls.saturating_add(1);
        *calls <= most
    }

    // Links

    pub(super) fn link(&self, partner_id: &str, partner_user_id: &str) -> Option<&Link> {
        self.links
            .iter()
            .find(|link| link.partner_id == partner_id && link.partner_user_id == partner_user_id)
    }

    /// Returns the link that entitlement calls can see. A pending link is not visible.
    pub(super) fn confirmed(&mut self, partner_id: &str, partner_user_id: &str) -> Option<&mut Link> {
        self.links
            .iter_mut()
            .find(|link| link.partner_id == partner_id && link.partner_user_id == partner_user_id && !link.pending)
    }

    /// Links, or replaces the entitlements of the same link. Returns the ticket of the completion URL.
    pub(super) fn register(
        &mut self,
        partner_id: &str,
        partner_user_id: &str,
        account: &str,
        entitlements: Vec<String>,
    ) -> Result<String, NotLinked> {
        if self.stops_at(Stop::Register, account) {
            return Err(NotLinked::NotListed);
        }
        let is_same = |link: &Link| link.partner_user_id == partner_user_id && link.account == account;
        let touches = |link: &Link| {
            link.partner_id == partner_id && (link.partner_user_id == partner_user_id || link.account == account)
        };
        let foreign = self.links.iter().any(|link| touches(link) && !is_same(link));
        if foreign && !self.switches.a14_conflict_moves {
            return Err(NotLinked::Conflict);
        }
        self.links.retain(|link| !touches(link) || is_same(link));
        match self.links.iter_mut().find(|link| touches(link)) {
            Some(link) => link.entitlements = entitlements,
            None => self.links.push(Link {
                partner_id: partner_id.to_owned(),
                partner_user_id: partner_user_id.to_owned(),
                account: account.to_owned(),
                entitlements,
                pending: self.switches.a16_pending_until_landing,
                since_ms: self.clock.now_ms(),
            }),
        }
        let ticket = self.rng.token();
        self.tickets.insert(
            ticket.clone(),
            Ticket {
                partner_id: partner_id.to_owned(),
                partner_user_id: partner_user_id.to_owned(),
                account: account.to_owned(),
            },
        );
        Ok(ticket)
    }

    /// Confirms a link, because its landing page was loaded.
    pub(super) fn confirm_landing(&mut self, ticket: &str) -> Option<(Ticket, Link)> {
        let ticket = self.tickets.get(ticket)?.clone();
        let link = self.links.iter_mut().find(|link| {
            link.partner_id == ticket.partner_id
                && link.partner_user_id == ticket.partner_user_id
                && link.account == ticket.account
        })?;
        link.pending = false;
        let link = link.clone();
        Some((ticket, link))
    }

    pub(super) fn unlink(&mut self, partner_id: &str, partner_user_id: &str) -> Option<Link> {
        let place = self
            .links
            .iter()
            .position(|link| link.partner_id == partner_id && link.partner_user_id == partner_user_id)?;
        Some(self.links.remove(place))
    }

    pub(super) fn force(&mut self, mut link: Link) {
        if link.since_ms == 0 {
            link.since_ms = self.clock.now_ms();
        }
        self.links.retain(|other| {
            other.partner_id != link.partner_id
                || (other.partner_user_id != link.partner_user_id && other.account != link.account)
        });
        self.links.push(link);
    }

    // Partners

    pub(super) fn create_partner(&mut self, client_id: &str, name: &str, entrypoint_url: &str) -> Option<String> {
        let id = self.rng.base62(22);
        let client = self.clients.iter_mut().find(|client| client.id == client_id)?;
        client.partners.push(Partner {
            id: id.clone(),
            name: name.to_owned(),
            entrypoint_url: entrypoint_url.to_owned(),
            shows: Vec::new(),
        });
        Some(id)
    }

    pub(super) fn store_logo(&mut self, partner_id: &str, bytes: usize) {
        self.logos.insert(partner_id.to_owned(), bytes);
    }

    /// Returns the size of each partner's logo, in bytes.
    pub(super) fn logos(&self) -> &HashMap<String, usize> {
        &self.logos
    }
}

/// Whether the verifier has 43 to 128 unreserved characters and its SHA-256 is the challenge (RFC 7636, section 4).
fn matches_challenge(challenge: &str, verifier: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_fits_the_challenge_of_rfc_7636() {
        let (verifier, challenge) = (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        );
        assert!(matches_challenge(challenge, verifier));
        assert!(!matches_challenge(challenge, &verifier.to_lowercase()));
        assert!(!matches_challenge(challenge, "short"));
    }
}
