//! What the handlers of one request share: the partner, its keys, the browser, and what the person came for.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    clock::Clock,
    cookie::{BROWSER_COOKIE, SIGN_IN_TTL, VISIT_COOKIE},
    errors::{Error, Failure},
    jws::{JwsError, JwtId},
    log,
    oauth::browser_binding::{BrowserBinding, BrowserBindings},
    pages::{Branding, PageContext},
    partner::{PartnerId, PartnerUserId},
    registry::PartnerEntry,
    rng::Rng,
    secrets::{ManagedSecret, Versions},
    sign_in::{Identity, PartnerKeys, SignIn, SignInError, SignInMethod},
    telemetry::{self, Code},
    urls::PublicUrl,
    web::{Destination, Request, RequestError, Response, ReturnTo},
};

/// A partner's settings, as every function with pages needs them.
pub trait PartnerSite {
    /// How its subscribers sign in.
    fn sign_in(&self) -> &SignIn;

    /// The partner's brand and links on pages.
    fn branding(&self) -> &Branding;

    /// The origin of the functions.
    fn public_url(&self) -> &PublicUrl {
        &self.sign_in().config.public_url
    }
}

/// Who opened one of our pages.
pub enum Visitor {
    /// A person who is signed in.
    SignedIn(Identity),
    /// A person whom the partner's site has sent with a hand-off token. The caller must store its `jti` to make the token single-use.
    HandedOff(Identity, JwtId),
    /// A person who is not signed in.
    SignedOut,
}

/// The context that the handlers of one request share.
pub struct RequestContext<'a, P> {
    /// The request.
    pub request: &'a Request,
    /// The partner.
    pub partner: PartnerEntry<P>,
    /// What the person came for.
    pub return_to: ReturnTo,
    /// The partner's keys.
    pub keys: Arc<Versions<PartnerKeys>>,
    /// The bindings in the browser cookie that are ours.
    pub browser: BrowserBindings,
    /// Whether there is a session cookie that is not valid; known after [`Self::visitor`].
    pub has_rejected_session: bool,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// The bindings in the browser cookie, authentic or not.
///
/// # Errors
/// [`RequestError::Malformed`] if the cookie appears twice.
pub fn browser_bindings(request: &Request) -> Result<BrowserBindings, RequestError> {
    Ok(BrowserBindings::parse(
        request.cookie(BROWSER_COOKIE)?.unwrap_or_default(),
    ))
}

impl<'a, P: PartnerSite> RequestContext<'a, P> {
    /// Reads what the person came for, the partner's keys, and the browser cookie.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a query or cookie that cannot be read in exactly one way, [`Error::Secret`] if the keys are not available.
    pub async fn load(
        request: &'a Request,
        partner: PartnerEntry<P>,
        partner_keys: &ManagedSecret<PartnerKeys>,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let return_to = ReturnTo::from_request(request)?;
        let keys = partner_keys.get().await?;
        let browser = browser_bindings(request)?.retain_authentic(keys.current.browser_binding());
        Ok(Self {
            request,
            partner,
            return_to,
            keys,
            browser,
            has_rejected_session: false,
            now: clock.now(),
        })
    }

    /// The partner's id at Spotify.
    #[must_use]
    pub fn partner_id(&self) -> &PartnerId {
        &self.partner.partner_id
    }

    /// The context of this request's pages.
    #[must_use]
    pub fn page(&self) -> PageContext<'_> {
        PageContext {
            branding: self.partner.config.branding(),
            public_url: self.partner.config.public_url(),
            language: self.return_to.language.unwrap_or_else(|| self.request.language()),
            return_to: &self.return_to,
            has_provider: self.partner.config.sign_in().config.method == SignInMethod::Oidc,
            request_id: self.request.request_id(),
        }
    }

    /// The pseudonym of a subscriber in the log.
    #[must_use]
    pub fn log_pseudonym(&self, partner_user_id: &PartnerUserId) -> String {
        self.keys.current.log_pseudonym(self.partner_id(), partner_user_id)
    }

    /// Adds partner and subscriber to the log lines of this request.
    pub fn log_subject(&self, partner_user_id: &PartnerUserId) {
        telemetry::record_subject(self.partner_id().as_str(), &self.log_pseudonym(partner_user_id));
    }

    /// A new binding for this browser.
    ///
    /// # Errors
    /// [`Error::Rng`] if the operating system supplies no random bytes.
    pub fn new_binding(&self, rng: &Rng) -> Result<BrowserBinding, Error> {
        Ok(BrowserBinding::generate(rng, self.keys.current.browser_binding())?)
    }

    /// Sets the browser's bindings, with `new` added, for `seconds` on `response`.
    #[must_use]
    pub fn with_bindings(&self, response: Response, new: Option<&BrowserBinding>, seconds: i64) -> Response {
        response.with_browser_cookie(self.browser.to_cookie(new).as_deref(), seconds)
    }

    /// Reads the session cookie.
    ///
    /// # Errors
    /// [`Error::Keys`] if it cannot be verified.
    pub async fn session(&self) -> Result<Session, Error> {
        let sign_in = self.partner.config.sign_in();
        session(self.request, sign_in, &self.keys, self.partner_id()).await
    }

    /// Who opened the page: by session cookie, by hand-off token or, on pages that link nothing, by visit cookie.
    ///
    /// # Errors
    /// [`Error::Token`] or [`Error::HandoffRejected`] for an invalid hand-off token, [`Error::Keys`] if a token cannot be verified.
    pub async fn visitor(&mut self) -> Result<Visitor, Error> {
        match self.session().await? {
            Session::Valid(identity) => return Ok(Visitor::SignedIn(identity)),
            Session::Rejected => self.has_rejected_session = true,
            Session::Absent => {}
        }
        let sign_in = self.partner.config.sign_in();
        let query = self.request.query()?;
        let token = query.single("token")?.filter(|_| sign_in.config.sign_in_url.is_some());
        if let Some(token) = token {
            let handoff = sign_in.handoff(&self.keys, &token, &self.browser, &self.partner.partner_id);
            let (identity, jti, browser_binding) = handoff.await.map_err(handoff_error)?;
            self.browser.remove(&browser_binding);
            return Ok(Visitor::HandedOff(identity, jti));
        }
        let visit = self.request.cookie(VISIT_COOKIE)?;
        let visit = visit.filter(|_| self.return_to.destination != Destination::Entrypoint);
        let visiting =
            visit.and_then(|visit| Identity::from_visit_cookie(&self.keys.current, visit, self.partner_id(), self.now));
        Ok(visiting.map_or(Visitor::SignedOut, Visitor::SignedIn))
    }

    /// Why the person has to sign in.
    fn signed_out(&self) -> Error {
        if self.has_rejected_session {
            Error::SessionRejected
        } else {
            Error::SignedOut
        }
    }

    /// Redirects a person to the partner's sign-in, which returns them to what they came for.
    ///
    /// # Errors
    /// [`Error::SignedOut`] or [`Error::SessionRejected`] if no sign-in is configured.
    pub fn redirect_to_sign_in(&self, rng: &Rng) -> Result<Response, Failure> {
        let sign_in = self.partner.config.sign_in();
        let public_url = self.partner.config.public_url();
        let return_to = public_url.join(&self.return_to.path());
        if sign_in.config.method == SignInMethod::Oidc {
            // The entrypoint function is the provider's client.
            let mut url = public_url.url();
            url.set_path("/sign-in");
            url.query_pairs_mut().append_pair("return_to", &return_to);
            let response = Response::redirect(Code::SignInNeeded, url.as_str());
            return Ok(response.ok_or(Error::Internal("PUBLIC_URL"))?);
        }
        let binding = self.new_binding(rng)?;
        let url = sign_in
            .handoff_url(&return_to, &binding.nonce(self.partner_id().as_str()))
            .ok_or_else(|| self.signed_out())?;
        let response = Response::redirect(Code::SignInNeeded, &url).ok_or(Error::Internal("SIGN_IN_URL"))?;
        Ok(self.with_bindings(response, Some(&binding), SIGN_IN_TTL))
    }
}

/// The error of a hand-off token. After some, a new sign-in brings a good token; after the others, the site makes the same mistake again.
fn handoff_error(error: SignInError) -> Error {
    match error {
        SignInError::Token(
            error @ (JwsError::Expired | JwsError::NotYetValid | JwsError::Replayed | JwsError::BrowserMismatch),
        ) => Error::Token(error),
        SignInError::Token(error) => Error::HandoffRejected(error),
        SignInError::Keys(error) => error.into(),
    }
}

/// Upper bound of the values of a repeated session cookie that are verified.
const MAX_SESSIONS: usize = 4;

/// What the session cookie says.
pub enum Session {
    /// This person is signed in.
    Valid(Identity),
    /// There is a cookie, but it is not valid. The log says why.
    Rejected,
    /// There is no cookie.
    Absent,
}

impl Session {
    /// The person who is signed in; `None` if there is no valid session.
    #[must_use]
    pub fn identity(self) -> Option<Identity> {
        match self {
            Self::Valid(identity) => Some(identity),
            Self::Rejected | Self::Absent => None,
        }
    }
}

/// Reads the session cookie, for a handler without a [`RequestContext`]. A cookie that was set for two domains or paths arrives twice: the valid value counts, and
/// two people are none.
///
/// # Errors
/// [`Error::Keys`] if it cannot be verified.
pub async fn session(
    request: &Request,
    sign_in: &SignIn,
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
) -> Result<Session, Error> {
    let Some(name) = sign_in.config.session_cookie.as_deref() else {
        return Ok(Session::Absent);
    };
    let tokens: BTreeSet<_> = request.cookie_values(name).filter(|token| !token.is_empty()).collect();
    if tokens.is_empty() {
        return Ok(Session::Absent);
    }
    let mut sessions: Vec<Identity> = Vec::new();
    for token in tokens.into_iter().take(MAX_SESSIONS) {
        match sign_in.session(keys, token, partner_id).await {
            Err(SignInError::Token(error)) => log!(warn, Code::SessionRejected, reason = error.to_string()),
            Err(SignInError::Keys(error)) => return Err(error.into()),
            Ok(identity) => sessions.extend(identity),
        }
    }
    let Some(identity) = sessions.pop() else {
        return Ok(Session::Rejected);
    };
    if sessions.iter().any(|other| !other.matches(&identity.partner_user_id)) {
        log!(warn, Code::SessionRejected, reason = "two people");
        return Ok(Session::Rejected);
    }
    Ok(Session::Valid(identity))
}
