//! `GET /account`: the state of a person's link.

use http::{StatusCode, header};
use shared::{
    errors::{CHALLENGE, Error, Failure, SpotifyOperation},
    pages::{AccountPage, LinkStatus, StatusPage},
    partner::{PartnerId, PartnerUserId},
    registry::PartnerEntry,
    store::LinkState,
    telemetry::Code,
    web::{Request, Response},
};

use crate::{
    Context, Unlink, UnlinkPartner,
    link_cache::{LinkAnswer, Unanswered},
};

impl Unlink {
    /// Shows a signed-in person the state of their link, as Spotify reported it within the last 30 seconds.
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
        let link = self.link_status(context.partner_id(), &identity.partner_user_id).await;
        let page = AccountPage {
            name: identity.name.as_deref(),
            reference: &context.log_pseudonym(&identity.partner_user_id),
            link,
            shows: &site.config.shows,
        };
        let page = page.html(&context.page());
        Ok(framed(Response::html(Code::AccountShown, StatusCode::OK, page)))
    }

    /// The state of a link. Asks Spotify at most once in 30 seconds for each subscriber, unless it may have changed since.
    async fn link_status(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> LinkStatus {
        let slot = self.links.slot(partner_id, partner_user_id);
        let mut is_new = false;
        let answer = slot.get(|_| {
            is_new = true;
            self.ask_spotify(partner_id, partner_user_id)
        });
        let answer = match answer.await {
            // A person who has just linked must not read that they are not.
            Ok(answer)
                if !is_new
                    && answer.status == LinkStatus::NotLinked
                    && self
                        .may_be_linked_since(answer.asked_at, partner_id, partner_user_id)
                        .await =>
            {
                slot.refresh_unless_newer(&answer, |_| self.ask_spotify(partner_id, partner_user_id))
                    .await
            }
            answer => answer,
        };
        // The page shows the state as unknown; nothing else on it depends on Spotify.
        answer.map_or(LinkStatus::Unknown, |answer| answer.status.clone())
    }

    async fn ask_spotify(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
    ) -> Result<LinkAnswer, Unanswered> {
        let asked_at = self.clock.now();
        match self.spotify.get_entitlements(partner_id, partner_user_id).await {
            Ok(entitlements) => Ok(LinkAnswer {
                status: entitlements.map_or(LinkStatus::NotLinked, |observed| LinkStatus::Linked(observed.known())),
                asked_at,
            }),
            Err(error) => {
                Error::Spotify(SpotifyOperation::Lookup, error).log();
                Err(Unanswered)
            }
        }
    }

    /// Whether a subscriber who was not linked at `time` has begun to link since, so that Spotify may answer otherwise.
    async fn may_be_linked_since(&self, time: i64, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> bool {
        match self.subscribers.get(partner_id, partner_user_id).await {
            Ok(subscriber) => match subscriber.link.state {
                LinkState::Pending | LinkState::Linked => subscriber.link.since.is_none_or(|since| since >= time),
                LinkState::None | LinkState::Suspect | LinkState::Unlinked => false,
            },
            Err(error) => {
                Error::Store(error).log();
                true
            }
        }
    }
}

/// The signed-out page for a frame: 401 with the challenge that RFC 9110 §15.5.2 requires.
fn signed_out_in_frame(context: &Context<'_>) -> Response {
    let page = StatusPage::signed_out_in_frame(&context.page());
    Response::html(Code::SignInNeeded, StatusCode::UNAUTHORIZED, page).with_header(header::WWW_AUTHENTICATE, CHALLENGE)
}
