//! The calls about partners. Neither is retried, because a partner cannot be deleted once created. Their tokens are not cached, because the
//! calls are rare. This module keeps no record of partners.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use super::{
    OpenAccessError, SOA_CREATE_PARTNER, SOA_MANAGE_PARTNER, Spotify, SpotifyError,
    calls::{headers, measured},
};
use crate::{jws::sign, partner::PartnerId};

/// Upper bound of a logo upload, in seconds. A logo has up to ten megabytes.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(40);

/// The payload of `create-partner`: its members in the documented order.
#[derive(Serialize)]
struct Payload<'a> {
    partner_name: &'a str,
    entrypoint_url: &'a str,
}

impl Spotify {
    /// `create-partner`: creates a partner and returns its id. Every call creates another partner.
    ///
    /// # Errors
    /// [`SpotifyError`] if Spotify refuses or does not answer, or its response has no valid id. A retry is safe only if
    /// [`SpotifyError::is_definite_failure`]; otherwise the partner may exist.
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

    /// `upload-logo`: replaces the logo that Spotify shows for a partner.
    ///
    /// # Errors
    /// [`SpotifyError`] if Spotify refuses or does not answer. A retry is safe.
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
