//! The redirect to Spotify's consent, and the pending link that the callback consumes.

use shared::{
    context::RequestContext,
    cookie::{LINK_TTL, VISIT_COOKIE},
    errors::{Error, Failure},
    jws::JwtId,
    oauth::{authorize::AuthorizationRequest, browser_binding::BrowserBinding, pkce::CodeVerifier, state::State},
    partner::Entitlements,
    sign_in::{Identity, SignInMethod},
    spotify::USER_SOA_LINK,
    store::PendingLink,
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
    web::Response,
};

use crate::{Entrypoint, EntrypointPartner};

type Context<'a> = RequestContext<'a, EntrypointPartner>;

impl Entrypoint {
    /// Stores a pending link, and redirects the person to Spotify's consent. The same write marks the hand-off token with the `jti` `handoff` as used.
    pub(crate) async fn redirect_to_consent(
        &self,
        context: &Context<'_>,
        identity: Identity,
        handoff: Option<JwtId>,
    ) -> Result<Response, Failure> {
        context.log_subject(&identity.partner_user_id);
        metrics::count(Metric::SignedIn);
        let entitlements = initial_entitlements(context, &identity)?;
        let state = State::generate(&self.rng)?;
        let code_verifier = if self.config.pkce {
            Some(CodeVerifier::generate(&self.rng)?)
        } else {
            None
        };
        let binding = context.new_binding(&self.rng)?;
        let location = self.authorization_url(context, &state, code_verifier.as_ref());
        // Without a session on the partner's site, the visit cookie identifies the person on our own pages. With one, that of an earlier visitor must not.
        let visit = match identity.method {
            SignInMethod::Session => None,
            _ => identity.to_visit_cookie(&context.keys.current, context.partner_id(), context.now),
        };
        let is_visit_to_end = visit.is_none() && context.request.has_cookie(VISIT_COOKIE);
        let pending = pending_link(context, identity, entitlements, code_verifier, &binding);
        let (pending_links, state) = (&self.link_store.pending_links, state.hash());
        match handoff {
            Some(jti) => pending_links.put_with_jwt_id(&state, &pending, &jti).await?,
            None => pending_links.put(&state, &pending).await?,
        }
        let response = Response::redirect(Code::ConsentSent, &location).ok_or(Error::Internal("authorize URL"))?;
        let response = context.with_bindings(response, Some(&binding), LINK_TTL);
        Ok(if visit.is_some() || is_visit_to_end {
            response.with_visit_cookie(visit.as_deref())
        } else {
            response
        })
    }

    fn authorization_url(&self, context: &Context<'_>, state: &State, code_verifier: Option<&CodeVerifier>) -> String {
        AuthorizationRequest {
            endpoint: &self.config.authorization_endpoint(),
            client_id: &self.config.client_id,
            redirect_uri: &context.partner.config.sign_in.config.public_url.redirect_uri(),
            scope: USER_SOA_LINK,
            state,
            code_verifier,
            show_dialog: context.return_to.show_dialog,
        }
        .url()
    }
}

/// The entitlements that the token names, otherwise the partner's default ones. An error if there are none and the partner requires some.
fn initial_entitlements(context: &Context<'_>, identity: &Identity) -> Result<Option<Entitlements>, Failure> {
    let config = &context.partner.config.config;
    let default = Some(&config.default_entitlements).filter(|names| !names.is_empty());
    let entitlements = identity.entitlements.clone().or_else(|| default.cloned());
    let has_none = entitlements.as_ref().is_none_or(Entitlements::is_empty);
    if has_none && !config.link_without_entitlements {
        return Err(Failure::from(Error::NoEntitlements).with_return_to(context.return_to.clone()));
    }
    Ok(entitlements)
}

fn pending_link(
    context: &Context<'_>,
    identity: Identity,
    entitlements: Option<Entitlements>,
    code_verifier: Option<CodeVerifier>,
    binding: &BrowserBinding,
) -> PendingLink {
    let return_to = &context.return_to;
    PendingLink {
        partner_id: context.partner_id().clone(),
        partner_user_id: identity.partner_user_id,
        show: return_to.show.clone(),
        language: return_to.language.map(|language| language.tag().to_owned()),
        entitlements,
        code_verifier,
        sign_in_method: identity.method,
        browser_binding: binding.hash(),
        expires_at: context.now.saturating_add(LINK_TTL),
    }
}
