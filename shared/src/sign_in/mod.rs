//! Owns who is asking: a subscriber by the partner's session cookie, hand-off token or `OpenID` provider, a backend by its signed request. Needs `jws`
//! and the partner's keys. Refuses to take anybody's word: every claim comes out of a verified token.

mod keys;
#[cfg(test)]
mod tests;
mod visit;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    clock::Clock,
    config::SignInConfig,
    jws::{JwsError, KeySet, Kind, UnverifiedJws, Verified, Verifier},
    oauth::browser_binding::BrowserBindings,
    outbound::Outbound,
    partner::{Entitlements, PartnerId, PartnerUserId},
    secret::same,
    secrets::Versions,
    store::{SignedInBy, UsedJti},
};

pub use keys::{NoKeys, PartnerKeys, PublishedKeys};
pub use visit::{VISIT, VISIT_COOKIE};

/// Which of the ways a person proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInKind {
    /// A cookie that the partner's site sets on the parent domain.
    Session,
    /// A token that the partner's site sends them back with.
    Handoff,
    /// The partner's `OpenID` provider, whose client we are.
    Oidc,
}

/// How the partner's people are known.
#[derive(Debug)]
pub struct SignIn {
    /// What we were told.
    pub config: SignInConfig,
    clock: Clock,
    site_keys: Option<PublishedKeys>,
}

/// A subscriber who proved who they are.
#[derive(Debug)]
pub struct Person {
    /// To Spotify.
    pub partner_user_id: PartnerUserId,
    /// What the token said they may hear, if it said so.
    pub entitlements: Option<Entitlements>,
    /// What the token calls them, to show to themselves alone.
    pub name: Option<String>,
    /// How.
    pub signed_in_by: SignedInBy,
}

/// What a token says about a person.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// The partner's own account id.
    pub sub: String,
    /// Of the partner whom it is for, when the site serves several.
    pub partner_id: Option<String>,
    /// Already in Spotify's format.
    pub partner_user_id: Option<String>,
    /// What they may hear.
    pub entitlements: Option<Vec<String>>,
    /// To show to themselves.
    pub name: Option<Value>,
    /// Of a hand-off.
    pub nonce: Option<String>,
}

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// It is not known whether it is.
    #[error(transparent)]
    Keys(#[from] NoKeys),
}

impl SignIn {
    /// As `config` says.
    #[must_use]
    pub fn new(config: SignInConfig, outbound: &Outbound, clock: &Clock) -> Self {
        let published = |url: &Url| PublishedKeys::new(url.to_string(), outbound.clone(), clock.clone());
        let site_keys = config.site_jwks_url.as_ref().map(published);
        Self {
            config,
            clock: clock.clone(),
            site_keys,
        }
    }

    /// Fetches published keys ahead of need. That they cannot be had is no error: they are asked for again when they are needed.
    pub async fn prepare(&self) {
        if let Some(keys) = &self.site_keys {
            // Whoever needs them next hears of the error.
            drop(keys.get().await);
        }
    }

    /// Whether anybody could sign in with these keys.
    #[must_use]
    pub fn can_verify(&self, keys: &PartnerKeys) -> bool {
        self.config.kind == SignInKind::Oidc || self.site_keys.is_some() || !keys.site.is_empty()
    }

    /// Who the session cookie says is signed in, when sessions are in use and there is one.
    ///
    /// # Errors
    /// [`SignInError`] when the cookie is not good, or that cannot be told.
    pub async fn session(
        &self,
        keys: &Versions<PartnerKeys>,
        cookie: Option<&str>,
        partner_id: &PartnerId,
    ) -> Result<Option<Person>, SignInError> {
        let Some(token) = cookie.filter(|_| self.config.kind == SignInKind::Session) else {
            return Ok(None);
        };
        let verified = self.verify(keys, token, Kind::Session).await?;
        let person = self.person(keys, verified.claims, partner_id, SignedInBy::Session)?;
        Ok(Some(person))
    }

    /// Whom the site's hand-off token is for, if it was made for this browser and this partner, and the hash of the browser's binding it was made for. The token
    /// is spent by whoever stores the `jti`.
    ///
    /// # Errors
    /// [`SignInError`] when the token is not good, or another browser's, or that cannot be told.
    pub async fn handoff(
        &self,
        keys: &Versions<PartnerKeys>,
        token: &str,
        browser: &BrowserBindings,
        partner_id: &PartnerId,
    ) -> Result<(Person, UsedJti, String), SignInError> {
        let verified = self.verify(keys, token, Kind::Handoff).await?;
        let nonce = verified.claims.nonce.as_deref().ok_or(JwsError::Claim("nonce"))?;
        let mut its_own = browser
            .iter()
            .filter(|binding| same(binding.nonce(partner_id.as_str()).as_bytes(), nonce.as_bytes()));
        let browser_binding = its_own.next().ok_or(JwsError::OtherBrowser)?.hash();
        let jti = verified.jti.ok_or(JwsError::Claim("jti"))?;
        let jti = UsedJti::handoff(&self.config.site_issuer, &jti, verified.expires_at);
        Ok((
            self.person(keys, verified.claims, partner_id, SignedInBy::Handoff)?,
            jti,
            browser_binding,
        ))
    }

    /// Whom verified claims are about, to this partner.
    ///
    /// # Errors
    /// [`JwsError::Claim`] for a claim that is not what it must be: `partner_id` where it must be there, or is another's.
    pub fn person(
        &self,
        keys: &Versions<PartnerKeys>,
        claims: Claims,
        partner_id: &PartnerId,
        signed_in_by: SignedInBy,
    ) -> Result<Person, JwsError> {
        // A site that serves several partners says which one it means; what one partner's token says must not count at another.
        match &claims.partner_id {
            Some(claimed) if claimed != partner_id.as_str() => Err(JwsError::Claim("partner_id")),
            None if self.config.must_name_partner => Err(JwsError::Claim("partner_id")),
            _ => Person::of(keys, claims, partner_id, signed_in_by),
        }
    }

    /// Where a signed-out person is sent, to come back to `return_to` with a token for `nonce`.
    #[must_use]
    pub fn sign_in_at(&self, return_to: &str, nonce: &str) -> Option<String> {
        let mut url = self.config.sign_in_url.clone()?;
        url.query_pairs_mut()
            .append_pair("return_to", return_to)
            .append_pair("nonce", nonce);
        Some(url.into())
    }

    async fn verify(
        &self,
        keys: &Versions<PartnerKeys>,
        token: &str,
        kind: Kind,
    ) -> Result<Verified<Claims>, SignInError> {
        let expected = Expected {
            kind,
            issuer: &self.config.site_issuer,
            audience: self.config.public_url.as_str(),
        };
        let now = self.clock.now();
        verify(keys, |keys| &keys.site, self.site_keys.as_ref(), &expected, token, now).await
    }
}

/// A request that the partner's backend signed, verified.
#[derive(Debug)]
pub struct BackendRequest {
    /// What it says. Whom it is about, and what is to be done, is for whoever asked for it to read.
    pub claims: Map<String, Value>,
    /// What it is known by, to work once.
    pub jti: UsedJti,
}

impl BackendRequest {
    /// The longest one read, in bytes: a hundred people with a few names each.
    const LONGEST: usize = 60 * 1024;
}

/// Whom a backend means: exactly one of `partner_user_id` and `sub`. Two that might differ are nobody.
///
/// # Errors
/// [`JwsError::Claim`], naming what is wrong.
pub fn person_meant(
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
    claims: &Map<String, Value>,
) -> Result<PartnerUserId, JwsError> {
    match (claims.get("partner_user_id"), claims.get("sub")) {
        (Some(id), None) => {
            let id = id.as_str().and_then(|id| PartnerUserId::parse(id).ok());
            id.ok_or(JwsError::Claim("partner_user_id"))
        }
        (None, Some(sub)) => derived(keys, partner_id, sub.as_str().ok_or(JwsError::Claim("sub"))?),
        _ => Err(JwsError::Claim("partner_user_id or sub")),
    }
}

/// How requests of the partner's backend are known.
#[derive(Debug)]
pub struct Backend {
    issuer: String,
    keys: Option<PublishedKeys>,
    clock: Clock,
}

impl Backend {
    /// The backend whose `iss` is `issuer`; its keys are in the partner's secret, or published at `jwks_url`.
    #[must_use]
    pub fn new(issuer: String, jwks_url: Option<&Url>, outbound: &Outbound, clock: &Clock) -> Self {
        let published = |url: &Url| PublishedKeys::new(url.to_string(), outbound.clone(), clock.clone());
        Self {
            issuer,
            keys: jwks_url.map(published),
            clock: clock.clone(),
        }
    }

    /// Verifies a signed request, made for the URL `audience` and the partner of that URL. White space around the JWS is not part of it: a file or a pipe often
    /// ends with a line break.
    ///
    /// # Errors
    /// [`SignInError`] when it is not good, or that cannot be told.
    pub async fn request(
        &self,
        keys: &Versions<PartnerKeys>,
        jws: &str,
        audience: &str,
        partner_id: &PartnerId,
    ) -> Result<BackendRequest, SignInError> {
        let expected = Expected {
            kind: Kind::Request,
            issuer: &self.issuer,
            audience,
        };
        let now = self.clock.now();
        let verified: Verified<Map<String, Value>> = verify(
            keys,
            |keys| &keys.backend,
            self.keys.as_ref(),
            &expected,
            jws.trim_ascii(),
            now,
        )
        .await?;
        if verified.claims.get("partner_id").and_then(Value::as_str) != Some(partner_id.as_str()) {
            return Err(JwsError::Claim("partner_id").into());
        }
        let jti = verified.jti.ok_or(JwsError::Claim("jti"))?;
        Ok(BackendRequest {
            claims: verified.claims,
            jti: UsedJti::request(&self.issuer, &jti, verified.expires_at),
        })
    }
}

struct Expected<'a> {
    kind: Kind,
    issuer: &'a str,
    audience: &'a str,
}

/// Verifies with the published keys where there are some, else with those of the secret. When neither knows the key, the partner may be rotating it:
/// published keys are fetched anew, and of the secret its previous version is asked.
async fn verify<C: serde::de::DeserializeOwned>(
    keys: &Versions<PartnerKeys>,
    of_secret: fn(&PartnerKeys) -> &KeySet,
    published: Option<&PublishedKeys>,
    expected: &Expected<'_>,
    token: &str,
    now: i64,
) -> Result<Verified<C>, SignInError> {
    let jws = match expected.kind {
        Kind::Request => UnverifiedJws::parse_up_to(BackendRequest::LONGEST, token)?,
        Kind::Session | Kind::Handoff => UnverifiedJws::parse(token)?,
    };
    let with = |keys: &KeySet| {
        let verifier = Verifier {
            keys,
            kind: expected.kind,
            issuer: expected.issuer,
            audience: expected.audience,
        };
        verifier.verify(&jws, now)
    };
    if let Some(published) = published {
        let known = published.get().await?;
        return Ok(match with(&known) {
            Err(error) if jws.may_be_of_another_key(error) => with(&*published.newer_than(&known).await)?,
            outcome => outcome?,
        });
    }
    Ok(match (with(of_secret(&keys.current)), &keys.previous) {
        (Err(JwsError::UnknownKey | JwsError::Algorithm | JwsError::Signature), Some(previous)) => {
            with(of_secret(previous))?
        }
        (outcome, _) => outcome?,
    })
}

impl Person {
    fn of(
        keys: &Versions<PartnerKeys>,
        claims: Claims,
        partner_id: &PartnerId,
        signed_in_by: SignedInBy,
    ) -> Result<Self, JwsError> {
        let derived = derived(keys, partner_id, &claims.sub)?;
        let partner_user_id = match claims.partner_user_id {
            Some(id) => PartnerUserId::parse(&id).map_err(|_| JwsError::Claim("partner_user_id"))?,
            None => derived,
        };
        let entitlements = claims
            .entitlements
            .map(Entitlements::parse)
            .transpose()
            .map_err(|_| JwsError::Claim("entitlements"))?;
        let sub = claims.sub;
        Ok(Self {
            partner_user_id,
            entitlements,
            // An account id is no name, and is shown to nobody.
            name: claims
                .name
                .as_ref()
                .and_then(Value::as_str)
                .filter(|name| is_a_name(name) && *name != sub)
                .map(str::to_owned),
            signed_in_by,
        })
    }
}

impl Person {
    /// Whether this is the subscriber of that id, in constant time.
    #[must_use]
    pub fn is(&self, partner_user_id: &PartnerUserId) -> bool {
        same(
            self.partner_user_id.expose().as_bytes(),
            partner_user_id.expose().as_bytes(),
        )
    }
}

/// Whether a text can stand on a page as a name: a line of at most 100 characters.
fn is_a_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Always by the current key: a subscriber's id must never change, so this key is never rotated.
fn derived(keys: &Versions<PartnerKeys>, partner_id: &PartnerId, sub: &str) -> Result<PartnerUserId, JwsError> {
    if sub.is_empty() || sub.len() > 255 || sub.chars().any(char::is_control) {
        return Err(JwsError::Claim("sub"));
    }
    Ok(PartnerUserId::derive(&keys.current.partner_user_id, partner_id, sub))
}
