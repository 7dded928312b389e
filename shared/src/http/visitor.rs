//! Who opened one of our pages: somebody signed in, or somebody to be sent to the partner's sign-in first.

use super::{Failure, Outcome, Problem, Request, redirect};
use crate::{
    chance::Chance,
    oauth::binding::{BrowserBinding, BrowserBindings},
    partner::PartnerId,
    secrets::Versions,
    sign_in::{PartnerKeys, Person, SignIn},
    store::UsedJti,
    telemetry::Code,
};

/// Who opened a page.
pub enum Visitor {
    /// Somebody signed in, and, when a hand-off says so, the token that is to be spent.
    SignedIn(Person, Option<UsedJti>),
    /// Somebody who is sent to sign in and to come back.
    SentToSignIn(Outcome),
}

impl SignIn {
    /// Who is signed in by the session cookie. A session that is not, or no longer, good is none.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when the cookie is there twice.
    pub fn in_session(
        &self,
        request: &Request,
        keys: &Versions<PartnerKeys>,
        partner_id: &PartnerId,
    ) -> Result<Option<Person>, Problem> {
        let Some(name) = self.session_cookie.as_deref() else {
            return Ok(None);
        };
        let cookie = request.cookie(name)?;
        Ok(self.session(keys, cookie, partner_id).ok().flatten())
    }

    /// Finds out who opened the page: by session cookie, else by hand-off token, else by asking the partner's site, which sends them back to
    /// `return_to`. A session that is no longer good is none.
    ///
    /// # Errors
    /// [`Problem::Token`] for a hand-off token that is not good, [`Problem::SignedOut`] when there is no sign-in to send them to.
    pub fn visitor(
        &self,
        request: &Request,
        keys: &Versions<PartnerKeys>,
        browser: &mut BrowserBindings,
        partner_id: &PartnerId,
        return_to: &str,
        chance: &Chance,
    ) -> Result<Visitor, Failure> {
        if let Some(person) = self.in_session(request, keys, partner_id)? {
            return Ok(Visitor::SignedIn(person, None));
        }
        if self.sign_in_url.is_none() {
            return Err(Problem::SignedOut.into());
        }
        if let Some(token) = request.query()?.one("token")? {
            let (person, jti, browser_binding) =
                self.handoff(keys, token, browser, partner_id).map_err(Problem::from)?;
            browser.forget(&browser_binding);
            return Ok(Visitor::SignedIn(person, Some(jti)));
        }
        let binding = BrowserBinding::generate(chance, keys.current.browser_binding())?;
        let sign_in_at = self.sign_in_at(return_to, &binding.nonce()).ok_or(Problem::SignedOut)?;
        let answer = redirect(&sign_in_at).ok_or(Problem::Fault("SIGN_IN_URL"))?;
        let answer = answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref());
        Ok(Visitor::SentToSignIn(Outcome {
            code: Code::SignInNeeded,
            answer,
        }))
    }
}
