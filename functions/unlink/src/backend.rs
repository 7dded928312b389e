//! `POST /unlink` with a signed request of the partner's backend.

use shared::{
    errors::{Error, Failure},
    jws::JwsError,
    registry::PartnerEntry,
    sign_in::subject_id,
    telemetry::{self, Code},
    web::{Request, Response},
};

use crate::{Unlink, UnlinkPartner};

impl Unlink {
    /// Unlinks the subscriber of a signed request. Marks the request as used first, so that a replay has no effect.
    pub(crate) async fn unlink_for_backend(
        &self,
        request: &Request,
        partner: &PartnerEntry<UnlinkPartner>,
    ) -> Result<Response, Failure> {
        let keys = self.link_store.partner_keys.get().await?;
        let (partner_id, site) = (&partner.partner_id, &partner.config);
        let audience = site.config.sign_in.public_url.join(request.path());
        let backend = site.backend.as_ref().ok_or(Error::Token(JwsError::UnknownKey))?;
        let signed = backend
            .verify(&keys, request.body_text()?, &audience, partner_id)
            .await?;
        let partner_user_id = subject_id(&keys, partner_id, &signed.claims).map_err(Error::from)?;
        let pseudonym = keys.current.log_pseudonym(partner_id, &partner_user_id);
        telemetry::record_subject(partner_id.as_str(), &pseudonym);
        let invocation = self.invocation()?;
        let pending_links = &self.link_store.pending_links;
        pending_links.record_use(&signed.jti, &invocation).await?;
        self.unlink(partner_id, &partner_user_id).await?;
        Ok(Response::no_content(Code::Unlinked))
    }
}
