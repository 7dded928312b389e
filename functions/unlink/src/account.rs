//! `GET /account`: the state of a person's link.

use http::{StatusCode, header};
use shared::{
    errors::{Error, Failure, SpotifyOperation},
    pages::{AccountPage, LinkStatus, StatusPage},
    registry::PartnerEntry,
    telemetry::Code,
    web::{Request, Response},
};

use crate::{Context, Unlink, UnlinkPartner};

impl Unlink {
    /// Shows a signed-in person the state of their link, as Spotify reports it now.
    pub(crate) async fn account(
        &self,
        request: &Request,
        partner: PartnerEntry<UnlinkPartner>,
    ) -> Result<Response, Failure> {
        let mut context = self.context(request, partner).await?;
        let site = context.partner.config.clone();
        let frame_origin = site.config.frame_origin.as_ref();
        let framed = |response: Response| match frame_origin {
            Some(origin) => response.allow_frame_from(origin),
            None => response,
        };
        let identity = match self.visitor(&mut context).await? {
            Ok(identity) => identity,
            Err(response) if response.code == Code::SignInNeeded && frame_origin.is_some() && request.is_framed() => {
                return Ok(framed(signed_out_in_frame(&context)));
            }
            // A browser may check the policy of a redirect in a frame too.
            Err(response) => return Ok(framed(response)),
        };
        let entitlements = self
            .spotify
            .get_entitlements(context.partner_id(), &identity.partner_user_id)
            .await;
        let link = match entitlements {
            Ok(Some(entitlements)) => LinkStatus::Linked(entitlements.known()),
            Ok(None) => LinkStatus::NotLinked,
            Err(error) => {
                // The page shows the state as unknown; nothing else on it depends on Spotify.
                Error::Spotify(SpotifyOperation::Lookup, error).log();
                LinkStatus::Unknown
            }
        };
        let page = AccountPage {
            name: identity.name.as_deref(),
            reference: &context.log_pseudonym(&identity.partner_user_id),
            link,
            shows: &site.config.shows,
        };
        let page = page.html(&context.page());
        Ok(framed(Response::html(Code::AccountShown, StatusCode::OK, page)))
    }
}

/// The signed-out page for a frame: 401 with the challenge that RFC 9110 §15.5.2 requires.
fn signed_out_in_frame(context: &Context<'_>) -> Response {
    let page = StatusPage::signed_out_in_frame(&context.page());
    Response::html(Code::SignInNeeded, StatusCode::UNAUTHORIZED, page).with_header(header::WWW_AUTHENTICATE, "Bearer")
}
