//! `GET /sign-in` and its callbacks: to the partner's `OpenID` provider and back.

use std::sync::Arc;

use shared::{
    context::{RequestContext, browser_bindings},
    cookie::SIGN_IN_TTL,
    errors::{Error, Failure, ProviderError},
    jws::JwsError,
    oauth::{
        authorize::AuthorizationError,
        browser_binding::{BrowserBinding, BrowserBindings},
        nonce::Nonce,
        pkce::CodeVerifier,
        state::State,
    },
    partner::PartnerId,
    secrets::{SecretError, Versions},
    sign_in::{Identity, PartnerKeys, SignInMethod},
    store::{Consumption, PendingSignIn},
    telemetry::Code,
    urls::PublicUrl,
    web::{Destination, Query, Request, Response, ReturnTo},
};

use crate::{Entrypoint, EntrypointPartner, oidc::OidcClient};

type Context<'a> = RequestContext<'a, EntrypointPartner>;
type Keys = Result<Arc<Versions<PartnerKeys>>, SecretError>;

impl Entrypoint {
    fn public_url(&self) -> &PublicUrl {
        &self.config.partner.sign_in.public_url
    }

    /// Redirects a person to the partner's `OpenID` provider, which returns them to the page in `return_to`.
    pub(crate) async fn begin_sign_in(&self, request: &Request) -> Result<Response, Failure> {
        let query = request.query()?;
        let return_to = query.single("return_to")?.unwrap_or_default();
        let return_to = ReturnTo::parse(&return_to, self.public_url()).ok_or(Error::Malformed("return_to"))?;
        let partner = self.partners.resolve(return_to.partner_id.as_ref()).await?;
        let prompts = query.single("prompt")?.as_deref() == Some("login");
        let site = partner.config.clone();
        let oidc = site.oidc.as_ref().ok_or(Error::NotFound)?;
        let keys = self.link_store.partner_keys.get().await?;
        let browser = browser_bindings(request)?.retain_authentic(keys.current.browser_binding());
        let context = RequestContext {
            request,
            partner,
            return_to,
            keys,
            browser,
            has_rejected_session: false,
            now: self.clock.now(),
        };
        let response = self.redirect_to_provider(&context, oidc, prompts).await?;
        // "Not you?": the visit ends here, also if the next person does not sign in.
        Ok(if prompts {
            response.with_visit_cookie(None)
        } else {
            response
        })
    }

    /// Stores a pending sign-in, and redirects the person to the partner's `OpenID` provider. With `prompts`, the provider asks for the account even if a
    /// person is signed in there.
    pub(crate) async fn redirect_to_provider(
        &self,
        context: &Context<'_>,
        oidc: &OidcClient,
        prompts: bool,
    ) -> Result<Response, Failure> {
        let state = State::generate(&self.rng)?;
        let nonce = Nonce::generate(&self.rng)?;
        let code_verifier = CodeVerifier::generate(&self.rng)?;
        let binding = context.new_binding(&self.rng)?;
        let language = context.return_to.language;
        let location = oidc
            .authorization_url(&state, &nonce, &code_verifier, language, prompts)
            .await;
        let location = location.map_err(|error| Failure::from(error).with_return_to(context.return_to.clone()))?;
        let pending = PendingSignIn {
            redirect_uri: oidc.redirect_uri().to_owned(),
            return_to: self.public_url().join(&context.return_to.path()),
            code_verifier,
            nonce,
            browser_binding: binding.hash(),
            expires_at: context.now.saturating_add(SIGN_IN_TTL),
        };
        let pending_links = &self.link_store.pending_links;
        pending_links.put_sign_in(&state.hash(), &pending).await?;
        let response = Response::redirect(Code::SignInSent, &location);
        let response = response.ok_or(Error::Internal("authorization endpoint"))?;
        Ok(context.with_bindings(response, Some(&binding), SIGN_IN_TTL))
    }

    /// Signs in a person who returns from the partner's `OpenID` provider, and redirects them to what they came for.
    pub(crate) async fn finish_sign_in(
        &self,
        request: &Request,
        named: Option<&PartnerId>,
    ) -> Result<Response, Failure> {
        let query = request.query()?;
        let mut browser = browser_bindings(request)?;
        let redirect_uri = self.public_url().sign_in_redirect_uri(named.map(PartnerId::as_str));
        // Boxed: calls of two clients make a large future.
        let consuming = Box::pin(self.consume_sign_in(&query, &browser, &redirect_uri));
        let (pending, keys) = consuming.await?;
        let return_to = ReturnTo::parse(&pending.return_to, self.public_url()).ok_or(Error::Internal("return_to"))?;
        if let Ok(keys) = &keys {
            browser = browser.retain_authentic(keys.current.browser_binding());
        }
        browser.remove(&pending.browser_binding);
        let cookie = browser.to_cookie(None);
        // From here on the state is used: after a failure the person begins again.
        let partner = self.partners.resolve(return_to.partner_id.as_ref()).await?;
        let site = partner.config.clone();
        let finish = async {
            let context = RequestContext {
                request,
                partner,
                return_to: return_to.clone(),
                keys: keys?,
                browser,
                has_rejected_session: false,
                now: self.clock.now(),
            };
            let identity = self.identify(&context, &query, &pending).await?;
            self.continue_signed_in(&context, identity).await
        };
        finish.await.map_err(|failure: Failure| {
            failure
                .with_browser_cookie(cookie.as_deref())
                .with_branding(&site.config.branding)
                .with_return_to(return_to)
        })
    }

    /// Consumes the pending sign-in of a response that arrived at `redirect_uri`, and reads the partner's keys in parallel.
    async fn consume_sign_in(
        &self,
        query: &Query,
        browser: &BrowserBindings,
        redirect_uri: &str,
    ) -> Result<(PendingSignIn, Keys), Failure> {
        let state = State::parse(&query.single("state")?.unwrap_or_default()).ok_or(Error::Malformed("state"))?;
        // Checked first, so that a response that cannot be read in exactly one way consumes nothing.
        for name in ["code", "error", "iss"] {
            query.single(name)?;
        }
        let bindings: Vec<_> = browser.iter().map(BrowserBinding::hash).collect();
        let invocation = shared::encoding::hex(&self.rng.bytes::<16>()?);
        let (state, now) = (state.hash(), self.clock.now());
        let pending_links = &self.link_store.pending_links;
        let (consumed, keys) = tokio::join!(
            pending_links.consume_sign_in(&state, redirect_uri, &bindings, &invocation, now),
            self.link_store.partner_keys.get(),
        );
        match consumed? {
            Consumption::Granted(pending) => Ok((pending, keys)),
            Consumption::Rejected(rejection) => {
                let failure = Failure::from(Error::State(rejection.reason));
                let pending = rejection.pending.as_ref();
                let return_to = pending.and_then(|pending| ReturnTo::parse(&pending.return_to, self.public_url()));
                Err(match return_to {
                    Some(return_to) => failure.with_return_to(return_to),
                    None => failure,
                })
            }
        }
    }

    /// Exchanges the provider's code, and reads the identity in the ID token.
    async fn identify(&self, context: &Context<'_>, query: &Query, pending: &PendingSignIn) -> Result<Identity, Error> {
        let site = &context.partner.config;
        let oidc = site.oidc.as_ref().ok_or(Error::NotFound)?;
        // The partner's provider may have been replaced while the browser was away.
        if oidc.redirect_uri() != pending.redirect_uri {
            return Err(Error::State("another provider's"));
        }
        let response = oidc.response(query).await?;
        let code = response.outcome.map_err(|error| match error {
            AuthorizationError::AccessDenied => ProviderError::Cancelled,
            AuthorizationError::Transient => ProviderError::Unavailable("authorization endpoint: temporary error"),
            AuthorizationError::Other => ProviderError::ClientRefused("authorization endpoint: permanent error"),
        })?;
        let partner_id = context.partner_id();
        let claims = oidc
            .sign_in(&code, &pending.code_verifier, &pending.nonce, partner_id)
            .await?;
        let identity = site
            .sign_in
            .identity(&context.keys, claims, partner_id, SignInMethod::Oidc);
        identity.map_err(|error| match error {
            // A subscriber of another partner. All other errors are configuration errors.
            JwsError::Claim("partner_id") => Error::Token(error),
            error => ProviderError::Claims(error).into(),
        })
    }

    /// Redirects a person who has just signed in to Spotify's consent, or to another page of ours.
    async fn continue_signed_in(&self, context: &Context<'_>, identity: Identity) -> Result<Response, Failure> {
        if context.return_to.destination == Destination::Entrypoint {
            if context.partner.disabled {
                return Err(Error::NotFound.into());
            }
            return self.redirect_to_consent(context, identity, None).await;
        }
        context.log_subject(&identity.partner_user_id);
        let visit = identity.to_visit_cookie(&context.keys.current, context.partner_id(), context.now);
        let visit = visit.ok_or(Error::Internal("visit"))?;
        let response = Response::redirect(Code::SignedIn, &context.return_to.path());
        let response = response.ok_or(Error::Internal("return_to"))?;
        Ok(context
            .with_bindings(response, None, SIGN_IN_TTL)
            .with_visit_cookie(Some(&visit)))
    }
}
