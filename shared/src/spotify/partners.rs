//! The two calls about partners. Neither is ever repeated by itself: a partner created twice cannot be taken back. Each asks for a token of its own, which serves
//! once: they are too rare to keep one.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use super::{
    OpenAccessError, SOA_CREATE_PARTNER, SOA_MANAGE_PARTNER, Spotify, SpotifyError,
    calls::{headers, measured},
};
use crate::{jws::sign, partner::PartnerId};

/// For an upload of ten megabytes.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(40);

/// The payload, its members in the documented order.
#[derive(Serialize)]
struct Payload<'a> {
    partner_name: &'a str,
    entrypoint_url: &'a str,
}

impl Spotify {
    /// `create-partner`: the new partner's id. It makes another partner each time it is called.
    ///
    /// # Errors
    /// [`SpotifyError`]; see [`SpotifyError::is_definite_failure`].
    pub async fn create_partner(&self, partner_name: &str, entrypoint_url: &Url) -> Result<PartnerId, SpotifyError> {
        let token = self.request_service_token(SOA_CREATE_PARTNER).await?;
        let payload = Payload {
            partner_name,
            entrypoint_url: entrypoint_url.as_str(),
        };
        let jws = sign(&payload, token.credentials.client_secret().expose())?;
        let answer = self.call("create-partner", &token.access_token, &jws).await?;
        let members: Map<String, Value> =
            serde_json::from_str(answer.body.expose()).map_err(|_| OpenAccessError::InvalidResponse)?;
        let partner_id = members.get("partner_id").and_then(Value::as_str);
        let partner_id = partner_id.and_then(|partner_id| PartnerId::parse(partner_id).ok());
        Ok(partner_id.ok_or(OpenAccessError::InvalidResponse)?)
    }

    /// `upload-logo`: the logo that Spotify shows for a partner, in the place of the one before.
    ///
    /// # Errors
    /// [`SpotifyError`].
    pub async fn upload_logo(
        &self,
        partner_id: &PartnerId,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), SpotifyError> {
        let token = self.request_service_token(SOA_MANAGE_PARTNER).await?;
        let headers = headers(&token.access_token, media_type)?;
        let url = self.endpoint(&format!("upload-logo/{partner_id}"));
        let uploading = self.http.upload(&url, headers, bytes, UPLOAD_TIMEOUT);
        let answer = measured("upload-logo", uploading).await;
        let answer = answer.map_err(OpenAccessError::from)?;
        Ok(OpenAccessError::of_status(answer.status, answer.retry_after).map_or(Ok(()), Err)?)
    }
}
