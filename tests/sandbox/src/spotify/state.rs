//! What Spotify holds, and the rules by which it changes. No HTTP here, and no waiting: a rule is decided at once.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::client::{Client, Partner};
use super::switches::{Stop, Switches};
use super::{Configuration, Link, USER_SCOPE};
use crate::chance::TokenSource;
use crate::clock::Clock;

const CODE_LIVES_MS: u64 = 10 * 60 * 1000;
/// How long a consent page may stay open.
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
    /// The second that is being counted, and the calls of each client in it.
    rate: (u64, HashMap<String, u32>),
}

/// An authorization request that waits for a person.
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
    /// Whose it is; a service token is nobody's.
    pub(super) account: Option<String>,
    pub(super) scopes: Vec<String>,
    expires_ms: u64,
}

/// What a completion URL stands for.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) partner_id: String,
    pub(super) partner_user_id: String,
    pub(super) account: String,
}

/// What a token request is answered with.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) access_token: String,
    pub(super) scope: Option<String>,
    pub(super) refresh_token: Option<String>,
}

/// An OAuth error: the code, the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OauthError(pub(super) &'static str, pub(super) &'static str);

/// Why register-user does not link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotLinked {
    /// One of the two is linked to somebody else.
    Conflict,
    /// The account is not on the dashboard's list (A15).
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

    fn is_stopped_at(&self, stop: Stop, account: &str) -> bool {
        self.switches.a15_stops_at == stop && !self.is_listed(account)
    }

    // Consent

    pub(super) fn hold(&mut self, mut consent: Consent) -> String {
        let now = self.clock.now_ms();
        self.consents.retain(|_, held| held.expires_ms > now);
        consent.expires_ms = now.saturating_add(CONSENT_WAITS_MS);
        let id = self.rng.token();
        self.consents.insert(id.clone(), consent);
        id
    }

    /// Takes a held request out: it is decided once.
    pub(super) fn consent(&mut self, id: &str) -> Option<Consent> {
        let now = self.clock.now_ms();
        self.consents.remove(id).filter(|held| held.expires_ms > now)
    }

    pub(super) fn has_approved(&self, client_id: &str, account: &str) -> bool {
        self.approved.contains(&(client_id.to_owned(), account.to_owned()))
    }

    /// The code for a person's yes, or the error where A15 stops them here.
    pub(super) fn approve(&mut self, consent: &Consent, account: &str) -> Result<String, OauthError> {
        if self.is_stopped_at(Stop::Authorize, account) {
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

    /// A code is spent by the first who presents it as its client, whatever comes of it; the second time takes away what the
    /// first had been given.
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
            (Some(challenge), Some(verifier)) if fits(challenge, verifier) => {}
            (Some(_), None) => return Err(OauthError("invalid_grant", "code_verifier required")),
            _ => return Err(OauthError("invalid_grant", "code_verifier was incorrect")),
        }
        let account = held.account.clone();
        if self.is_stopped_at(Stop::Token, &account) {
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

    /// Counts a call; `false` when the client has had its share of this second (A13).
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

    /// The link that entitlement calls see: a pending one is none.
    pub(super) fn confirmed(&mut self, partner_id: &str, partner_user_id: &str) -> Option<&mut Link> {
        self.links
            .iter_mut()
            .find(|link| link.partner_id == partner_id && link.partner_user_id == partner_user_id && !link.pending)
    }

    /// Links, or replaces the entitlements of the same link, and gives the ticket for the completion URL.
    pub(super) fn register(
        &mut self,
        partner_id: &str,
        partner_user_id: &str,
        account: &str,
        entitlements: Vec<String>,
    ) -> Result<String, NotLinked> {
        if self.is_stopped_at(Stop::Register, account) {
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

    /// The landing page was loaded: the link counts from now on.
    pub(super) fn land(&mut self, ticket: &str) -> Option<(Ticket, Link)> {
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

    pub(super) fn keep_logo(&mut self, partner_id: &str, bytes: usize) {
        self.logos.insert(partner_id.to_owned(), bytes);
    }

    /// Size of each partner's logo, in bytes.
    pub(super) fn logos(&self) -> &HashMap<String, usize> {
        &self.logos
    }
}

/// RFC 7636: a verifier of 43 to 128 unreserved characters whose SHA-256 is the challenge.
fn fits(challenge: &str, verifier: &str) -> bool {
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
        assert!(fits(challenge, verifier));
        assert!(!fits(challenge, &verifier.to_lowercase()));
        assert!(!fits(challenge, "short"));
    }
}
