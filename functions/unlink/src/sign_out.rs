//! `GET /sign-out`: ends the visit to our pages. The partner's site links or redirects to it when a person signs out there.

use http::StatusCode;
use shared::{
    context::PartnerSite as _,
    cookie::SIGN_IN_TTL,
    errors::{Error, Failure},
    i18n::Language,
    pages::{PageContext, StatusPage},
    registry::PartnerEntry,
    telemetry::Code,
    web::{Destination, Request, Response, ReturnTo},
};

use crate::{Unlink, UnlinkPartner};

impl Unlink {
    /// Forgets who visited our pages in this browser, and the journeys that they began. Redirects to the partner's site, or shows a page if that is not
    /// configured. Needs no secret, so that it works while Secrets Manager is unavailable.
    pub(crate) fn end_visit(request: &Request, partner: &PartnerEntry<UnlinkPartner>) -> Result<Response, Failure> {
        let branding = partner.config.branding();
        let response = if let Some(url) = &branding.return_url {
            Response::redirect(Code::VisitEnded, url.as_str()).ok_or(Error::Internal("RETURN_URL"))?
        } else {
            let language = request.query()?.single("lang")?;
            let language = language.as_deref().and_then(Language::parse);
            let route = request.route().ok_or(Error::NotFound)?;
            let page = StatusPage::VisitEnded.html(&PageContext {
                branding,
                public_url: partner.config.public_url(),
                language: language.unwrap_or_else(|| request.language()),
                return_to: &ReturnTo {
                    language,
                    ..ReturnTo::new(Destination::Account, route.partner_id)
                },
                has_provider: false,
                request_id: request.request_id(),
            });
            Response::html(Code::VisitEnded, StatusCode::OK, page)
        };
        Ok(response.with_browser_cookie(None, SIGN_IN_TTL).with_visit_cookie(None))
    }
}
