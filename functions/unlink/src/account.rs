//! `GET /account`: the state of a person's link.

use http::{StatusCode, header};
use shared::{
    errors::{CHALLENGE, Error, Failure, SpotifyOperation},
    pages::{AccountPage, LinkStatus, StatusPage},
    partner::{PartnerId, PartnerUserId},
    registry::PartnerEntry,
    store::{LinkState, Subscriber},
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
        let (partner_id, partner_user_id) = (context.partner_id(), &identity.partner_user_id);
        let subscriber = match self.subscribers.get(partner_id, partner_user_id).await {
            Ok(subscriber) => Some(subscriber),
            Err(error) => {
                Error::Store(error).log();
                None
            }
        };
        let link = self.link_status(partner_id, partner_user_id, subscriber.as_ref()).await;
        let page = AccountPage {
            name: identity.name.as_deref(),
            reference: &context.log_pseudonym(partner_user_id),
            linked_since: subscriber
                .as_ref()
                .and_then(|subscriber| subscriber.confirmed_at.or(subscriber.registered_at)),
            has_pending_change: subscriber.as_ref().is_some_and(Subscriber::has_pending_change),
            desired: subscriber
                .as_ref()
                .and_then(Subscriber::desired)
                .or(identity.entitlements.as_ref()),
            link,
            shows: &site.config.shows,
            entitlement_names: &site.config.entitlement_names,
        };
        let page = page.html(&context.page());
        Ok(framed(Response::html(Code::AccountShown, StatusCode::OK, page)))
    }

    /// The state of a link. Asks Spotify at most once in 30 seconds for each subscriber, unless it may have changed since. `subscriber` is the stored record;
    /// `None` if it cannot be read.
    async fn link_status(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        subscriber: Option<&Subscriber>,
    ) -> LinkStatus {
        let slot = self.links.slot(partner_id, partner_user_id);
        let mut is_new = false;
        let answer = slot.get(|_| {
            is_new = true;
            self.ask_spotify(partner_id, partner_user_id)
        });
        let answer = match answer.await {
            // A person who has just linked must not read that they are not, nor see what they had before a change.
            Ok(answer) if !is_new && may_have_changed_since(&answer, subscriber) => {
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
}

/// Whether Spotify may answer otherwise now: a subscriber who was not linked has begun to link, or `sync` has changed something at Spotify.
fn may_have_changed_since(answer: &LinkAnswer, subscriber: Option<&Subscriber>) -> bool {
    let is_newer = |time: Option<i64>| time.is_some_and(|time| time >= answer.asked_at);
    match (&answer.status, subscriber) {
        (LinkStatus::NotLinked, None) => true,
        (LinkStatus::NotLinked, Some(subscriber)) => match subscriber.link.state {
            LinkState::Pending | LinkState::Linked => {
                subscriber.link.since.is_none() || is_newer(subscriber.link.since)
            }
            LinkState::None | LinkState::Suspect | LinkState::Unlinked => false,
        },
        (_, subscriber) => subscriber.is_some_and(|subscriber| is_newer(subscriber.synced_at)),
    }
}

/// The signed-out page for a frame: 401 with the challenge that RFC 9110 §15.5.2 requires.
fn signed_out_in_frame(context: &Context<'_>) -> Response {
    let page = if context.has_rejected_session {
        StatusPage::SessionRejected
    } else {
        StatusPage::SignedOut
    };
    let page = page.html_in_frame(&context.page());
    Response::html(Code::SignInNeeded, StatusCode::UNAUTHORIZED, page).with_header(header::WWW_AUTHENTICATE, CHALLENGE)
}
