//! `GET /unlink` and the `POST` of its form.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    cookie::{LINK_TTL, SIGN_IN_TTL},
    errors::{Error, Failure},
    pages::{StatusPage, UnlinkConfirmation},
    partner::PartnerUserId,
    registry::PartnerEntry,
    seal,
    secret::constant_time_eq,
    sign_in::SignInMethod,
    telemetry::Code,
    web::{Request, Response},
};

use crate::{Context, Unlink, UnlinkPartner};

/// The content of the form: who opened it, in which browser, and until when it is valid. Sealed, so that others cannot read or change it.
#[derive(Serialize, Deserialize)]
struct UnlinkForm {
    partner_id: String,
    partner_user_id: String,
    in_session: bool,
    browser_binding: String,
    expires_at: i64,
}

impl Unlink {
    /// Shows a signed-in person the page that asks for confirmation.
    pub(crate) async fn ask_for_confirmation(
        &self,
        request: &Request,
        partner: PartnerEntry<UnlinkPartner>,
    ) -> Result<Response, Failure> {
        let mut context = self.context(request, partner).await?;
        let identity = match self.visitor(&mut context).await? {
            Ok(identity) => identity,
            Err(response) => return Ok(response),
        };
        let binding = context.new_binding(&self.rng)?;
        let form = UnlinkForm {
            partner_id: context.partner_id().as_str().to_owned(),
            partner_user_id: identity.partner_user_id.expose().to_owned(),
            in_session: identity.method == SignInMethod::Session,
            browser_binding: binding.hash(),
            expires_at: context.now.saturating_add(LINK_TTL),
        };
        let form_token = seal::seal(context.keys.current.unlink_form(), &form).ok_or(Error::Internal("unlink form"))?;
        let page = UnlinkConfirmation {
            name: identity.name.as_deref(),
            form_token: &form_token,
        };
        let page = page.html(&context.page());
        let response = Response::html(Code::UnlinkAsked, StatusCode::OK, page);
        Ok(context.with_bindings(response, Some(&binding), LINK_TTL))
    }

    /// Unlinks the person who confirmed on our page.
    pub(crate) async fn unlink_confirmed(
        &self,
        request: &Request,
        partner: PartnerEntry<UnlinkPartner>,
    ) -> Result<Response, Failure> {
        request.require_same_origin(&partner.config.sign_in.config.public_url)?;
        let mut context = self.context(request, partner).await?;
        let form = form(&context)?;
        let partner_user_id =
            PartnerUserId::parse(&form.partner_user_id).map_err(|_| Error::InvalidForm("form_token"))?;
        // A session is required only if the form was opened in one. A session that is present must belong to the same subscriber.
        match context.session().await?.identity() {
            Some(identity) if !identity.matches(&partner_user_id) => {
                return Err(Error::FormSessionChanged("another person").into());
            }
            None if form.in_session => return Err(Error::FormSessionChanged("signed out").into()),
            _ => {}
        }
        context.log_subject(&partner_user_id);
        self.unlink(context.partner_id(), &partner_user_id).await?;
        context.browser.remove(&form.browser_binding);
        let page = StatusPage::Unlinked.html(&context.page());
        let response = Response::html(Code::Unlinked, StatusCode::OK, page);
        Ok(context.with_bindings(response, None, SIGN_IN_TTL))
    }
}

/// Reads the posted form. Rejects it unless it was sealed by us for this partner, opened in this browser, and has not expired.
fn form(context: &Context<'_>) -> Result<UnlinkForm, Error> {
    if !context.request.has_content_type("application/x-www-form-urlencoded") {
        return Err(Error::InvalidForm("content-type"));
    }
    let fields = context.request.form()?;
    let form_token = fields.single("form_token")?.ok_or(Error::InvalidForm("form_token"))?;
    let key = context.keys.current.unlink_form();
    let form: UnlinkForm = seal::unseal(key, &form_token).ok_or(Error::InvalidForm("form_token"))?;
    let is_ours = |binding: &str| constant_time_eq(binding.as_bytes(), form.browser_binding.as_bytes());
    if !context.browser.iter().any(|binding| is_ours(&binding.hash())) {
        return Err(Error::InvalidForm("another browser"));
    }
    if form.expires_at <= context.now || form.partner_id != context.partner_id().as_str() {
        return Err(Error::InvalidForm("expired"));
    }
    Ok(form)
}
