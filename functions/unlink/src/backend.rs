//! `POST /unlink` with a signed request of the partner's backend.

use shared::{
    errors::{Error, Failure},
    registry::PartnerEntry,
    sign_in::subject_id,
    store::RequestUse,
    telemetry::{self, Code},
    web::{Request, Response},
};

use crate::{Unlink, UnlinkPartner};

impl Unlink {
    /// Unlinks the subscriber of a signed request. A repetition of a request that has succeeded has no effect; of one that has not, it is the next attempt.
    pub(crate) async fn unlink_for_backend(
        &self,
        request: &Request,
        partner: &PartnerEntry<UnlinkPartner>,
    ) -> Result<Response, Failure> {
        let keys = self.link_store.partner_keys.get().await?;
        let (partner_id, site) = (&partner.partner_id, &partner.config);
        let audience = site.config.sign_in.public_url.join(request.path());
        let backend = site.backend.as_ref().ok_or_else(Error::no_backend)?;
        let signed = backend
            .verify(&keys, request.body_text()?, &audience, partner_id)
            .await?;
        let partner_user_id = subject_id(&keys, partner_id, &signed.claims).map_err(Error::from)?;
        let pseudonym = keys.current.log_pseudonym(partner_id, &partner_user_id);
        telemetry::record_subject(partner_id.as_str(), &pseudonym);
        let pending_links = &self.link_store.pending_links;
        let request_use = pending_links.record_request(&signed.id).await;
        if request_use.map_err(Error::of_request_use)? == (RequestUse::Repeated { done: true }) {
            return Ok(Response::no_content(Code::RequestRepeated));
        }
        self.unlink(partner_id, &partner_user_id).await?;
        if let Err(error) = pending_links.record_done(&signed.id).await {
            // A repetition then unlinks again.
            Error::Store(error).log();
        }
        Ok(Response::no_content(Code::Unlinked))
    }
}
