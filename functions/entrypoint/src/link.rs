//! `GET /entrypoint` and `GET /link`: where linking begins.

use shared::{
    context::{RequestContext, Visitor},
    errors::{Error, Failure},
    partner::ShowUri,
    registry::PartnerEntry,
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
    web::{Request, Response},
};

use crate::{Entrypoint, EntrypointPartner};

impl Entrypoint {
    /// Redirects a person to Spotify's consent, or to the sign-in if they are not signed in.
    pub(crate) async fn begin_link(
        &self,
        request: &Request,
        partner: PartnerEntry<EntrypointPartner>,
    ) -> Result<Response, Failure> {
        let partner_keys = &self.link_store.partner_keys;
        let mut context = RequestContext::load(request, partner, partner_keys, &self.clock).await?;
        let visitor = context.visitor().await?;
        // A person who returns from the site's sign-in has been counted before.
        if request.query()?.single("token")?.is_none() {
            metrics::count(Metric::EntrypointReached);
        }
        match (visitor, &context.partner.config.oidc) {
            (Visitor::SignedIn(identity), _) => self.redirect_to_consent(&context, identity, None).await,
            (Visitor::HandedOff(identity, jti), _) => self.redirect_to_consent(&context, identity, Some(jti)).await,
            (Visitor::SignedOut, Some(oidc)) => self.redirect_to_provider(&context, oidc, false).await,
            (Visitor::SignedOut, None) => context.redirect_to_sign_in(&self.rng),
        }
    }

    /// Redirects a person to Spotify's link starter, which remembers the show and shows it first on its landing page.
    pub(crate) fn start_at_spotify(
        &self,
        request: &Request,
        partner: &PartnerEntry<EntrypointPartner>,
    ) -> Result<Response, Failure> {
        let query = request.query()?;
        let show = ShowUri::parse(&query.single("show")?.unwrap_or_default()).map_err(|_| Error::Malformed("show"))?;
        let url = self.config.link_starter(&partner.partner_id, &show);
        Ok(Response::redirect(Code::ShowChosen, &url).ok_or(Error::Internal("link starter URL"))?)
    }
}
