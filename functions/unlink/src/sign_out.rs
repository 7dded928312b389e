//! `GET /sign-out`: ends the visit to our pages. The partner's site links or redirects to it when a person signs out there.

use http::StatusCode;
use shared::{
    context::RequestContext,
    cookie::SIGN_IN_TTL,
    errors::{Error, Failure},
    i18n::Language,
    oauth::browser_binding::BrowserBindings,
    pages::StatusPage,
    registry::PartnerEntry,
    telemetry::Code,
    web::{Destination, Request, Response, ReturnTo},
};

use crate::{Unlink, UnlinkPartner};

impl Unlink {
    /// Forgets who visited our pages in this browser, and the journeys that they began. Redirects to the partner's site, or shows a page if that is not
    /// configured.
    pub(crate) async fn end_visit(
        &self,
        request: &Request,
        partner: PartnerEntry<UnlinkPartner>,
    ) -> Result<Response, Failure> {
        let language = request.query()?.single("lang")?;
        let route = request.route().ok_or(Error::NotFound)?;
        let context = RequestContext {
            request,
            partner,
            return_to: ReturnTo {
                language: language.as_deref().and_then(Language::parse),
                ..ReturnTo::new(Destination::Account, route.partner_id)
            },
            keys: self.link_store.partner_keys.get().await?,
            browser: BrowserBindings::default(),
            has_rejected_session: false,
            now: self.clock.now(),
        };
        let site = &context.partner.config.config.branding.return_url;
        let response = match site {
            Some(url) => Response::redirect(Code::VisitEnded, url.as_str()).ok_or(Error::Internal("RETURN_URL"))?,
            None => Response::html(
                Code::VisitEnded,
                StatusCode::OK,
                StatusPage::VisitEnded.html(&context.page()),
            ),
        };
        Ok(context
            .with_bindings(response, None, SIGN_IN_TTL)
            .with_visit_cookie(None))
    }
}
