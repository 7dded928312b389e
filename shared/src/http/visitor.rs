//! Who opened one of our pages: somebody signed in, somebody just handed over by the partner's site, or nobody that we know.

use super::{DETOUR, Failure, Intent, Outcome, Place, Problem, Request, redirect};
use crate::{
    chance::Chance,
    oauth::browser_binding::{BrowserBinding, BrowserBindings},
    partner::PartnerId,
    secrets::Versions,
    sign_in::{PartnerKeys, Person, SignIn, SignInError, SignInKind, VISIT_COOKIE},
    store::UsedJti,
    telemetry::Code,
};

/// Who opened a page.
pub enum Visitor {
    /// Somebody signed in.
    SignedIn(Person),
    /// Somebody whom the partner's site has sent with a token, which is to be spent.
    HandedOver(Person, UsedJti),
    /// Nobody that we know.
    SignedOut,
}

impl SignIn {
    /// Who is signed in by the session cookie. A session that is not, or no longer, good is none.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when the cookie is there twice, [`Problem::Keys`] when it cannot be told.
    pub async fn in_session(
        &self,
        request: &Request,
        keys: &Versions<PartnerKeys>,
        partner_id: &PartnerId,
    ) -> Result<Option<Person>, Problem> {
        let Some(name) = self.config.session_cookie.as_deref() else {
            return Ok(None);
        };
        let cookie = request.cookie(name)?;
        match self.session(keys, cookie, partner_id).await {
            Err(SignInError::Token(_)) => Ok(None),
            Err(SignInError::Keys(error)) => Err(error.into()),
            Ok(person) => Ok(person),
        }
    }

    /// Finds out who opened the page of `intent`: by the session cookie, else by a hand-off token, else, where nothing is linked, by the visit that an earlier
    /// hand-off or sign-in began.
    ///
    /// # Errors
    /// [`Problem::Token`] for a hand-off token that is not good, [`Problem::Keys`] when that cannot be told.
    pub async fn visitor(
        &self,
        request: &Request,
        keys: &Versions<PartnerKeys>,
        browser: &mut BrowserBindings,
        partner_id: &PartnerId,
        intent: &Intent,
        now: i64,
    ) -> Result<Visitor, Problem> {
        if let Some(person) = self.in_session(request, keys, partner_id).await? {
            return Ok(Visitor::SignedIn(person));
        }
        let token = request.query()?;
        let token = token.one("token")?.filter(|_| self.config.sign_in_url.is_some());
        if let Some(token) = token {
            let (person, jti, browser_binding) = self.handoff(keys, token, browser, partner_id).await?;
            browser.forget(&browser_binding);
            return Ok(Visitor::HandedOver(person, jti));
        }
        let visit = request
            .cookie(VISIT_COOKIE)?
            .filter(|_| intent.place != Place::Entrypoint);
        let visiting = visit.and_then(|visit| Person::visiting(&keys.current, visit, partner_id, now));
        Ok(visiting.map_or(Visitor::SignedOut, Visitor::SignedIn))
    }

    /// Sends somebody signed out to the partner's sign-in, which returns them to where they wanted to go.
    ///
    /// # Errors
    /// [`Problem::SignedOut`] when there is no sign-in to send them to.
    pub fn send_to_sign_in(
        &self,
        keys: &PartnerKeys,
        browser: &BrowserBindings,
        partner_id: &PartnerId,
        intent: &Intent,
        chance: &Chance,
    ) -> Result<Outcome, Failure> {
        let return_to = self.config.public_url.at(&intent.path());
        let answer = if self.config.kind == SignInKind::Oidc {
            // The provider's client is the entrypoint function.
            let mut url = self.config.public_url.url();
            url.set_path("/sign-in");
            url.query_pairs_mut().append_pair("return_to", &return_to);
            redirect(url.as_str()).ok_or(Problem::Fault("PUBLIC_URL"))?
        } else {
            let binding = BrowserBinding::generate(chance, keys.browser_binding())?;
            let sign_in_at = self
                .sign_in_at(&return_to, &binding.nonce(partner_id.as_str()))
                .ok_or(Problem::SignedOut)?;
            let answer = redirect(&sign_in_at).ok_or(Problem::Fault("SIGN_IN_URL"))?;
            answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref(), DETOUR)
        };
        Ok(Outcome {
            code: Code::SignInNeeded,
            answer,
        })
    }
}
