//! The signed calls about subscribers (Open Access reference). Each is a `POST` whose body is one JWS, signed with the client secret. This
//! module decides neither when to call nor what to grant.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    CompletionUrl, CompletionUrlPolicy, OpenAccessError, Spotify, SpotifyError, UserToken,
    calls::REPLACE_ENTITLEMENTS,
    credentials::Credentials,
    service_tokens::{ServiceScope, ServiceToken},
};
use crate::{
    http_client::HttpResponse,
    jws::sign,
    partner::{Entitlements, ObservedEntitlements, PartnerId, PartnerUserId},
};

/// The payload of a signed call: the documented members only, in the documented order.
#[derive(Serialize)]
struct Payload<'a> {
    partner_id: &'a PartnerId,
    partner_user_id: &'a PartnerUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlements: Option<Vec<&'a str>>,
}

#[derive(Deserialize)]
struct EntitlementsResponse {
    entitlements: Vec<String>,
}

#[derive(Deserialize)]
struct RegisterUserResponse {
    completion_url: String,
}

impl Spotify {
    /// `register-user`: links the Spotify account of `user` to `partner_user_id`, and replaces its entitlements with `entitlements`. The call is
    /// idempotent, so a transient error is retried once.
    ///
    /// # Errors
    /// [`SpotifyError`] if Spotify refuses or does not answer, or if its completion URL is rejected. Unless
    /// [`SpotifyError::is_definite_failure`], the link may exist. A retry needs a new user token, and is safe.
    pub async fn register_user(
        &self,
        user: UserToken,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        entitlements: &Entitlements,
    ) -> Result<CompletionUrl, SpotifyError> {
        let payload = Payload {
            partner_id,
            partner_user_id,
            entitlements: Some(entitlements.iter().collect()),
        };
        let register = async |credentials: &Credentials| {
            let jws =
                sign(&payload, credentials.client_secret().expose()).map_err(|_| OpenAccessError::InvalidResponse)?;
            self.call_with_retry("register-user", &user.access_token, &jws).await
        };
        let answer = match register(&user.credentials).await {
            Err(error) if error.may_need_rotated_secret() => match self.rotated_credentials(&user.credentials).await {
                Some(credentials) => register(&credentials).await?,
                None => return Err(error.into()),
            },
            outcome => outcome?,
        };
        let registered: RegisterUserResponse = read(&answer)?;
        Ok(CompletionUrlPolicy {
            open_access_url: &self.settings.open_access_url,
        }
        .check(registered.completion_url)?)
    }

    /// `unlink-user`: removes the link of a subscriber. A subscriber without a link is a success.
    ///
    /// # Errors
    /// [`SpotifyError`] if Spotify refuses or does not answer. A retry is safe.
    pub async fn unlink_user(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
    ) -> Result<(), SpotifyError> {
        let payload = Payload {
            partner_id,
            partner_user_id,
            entitlements: None,
        };
        match self.call_as_client(ServiceScope::Unlink, "unlink-user", &payload).await {
            Ok(_) | Err(SpotifyError::OpenAccess(OpenAccessError::NotLinked)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `get-entitlements`: the entitlements of a subscriber, whatever client set them. Returns `None` if there is no link; this is the documented way to find out
    /// (Account Linking).
    ///
    /// # Errors
    /// [`SpotifyError`] if Spotify refuses or does not answer. A retry is safe.
    pub async fn get_entitlements(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
    ) -> Result<Option<ObservedEntitlements>, SpotifyError> {
        let payload = Payload {
            partner_id,
            partner_user_id,
            entitlements: None,
        };
        let answer = match self
            .call_as_client(ServiceScope::Entitlements, "get-entitlements", &payload)
            .await
        {
            Err(SpotifyError::OpenAccess(OpenAccessError::NotLinked)) => return Ok(None),
            answer => answer?,
        };
        let held: EntitlementsResponse = read(&answer)?;
        Ok(Some(held.entitlements.into_iter().collect()))
    }

    /// `replace-entitlements`: replaces all entitlements of a subscriber. An empty set revokes all of them and keeps the link. The new set may contain names
    /// that another client has set.
    ///
    /// # Errors
    /// [`OpenAccessError::NotLinked`] if there is no link, else [`SpotifyError`] if Spotify refuses or does not answer. A retry is safe, but
    /// after [`OpenAccessError::may_be_in_flight`] only once the first request can no longer arrive.
    pub async fn replace_entitlements(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        entitlements: &ObservedEntitlements,
    ) -> Result<(), SpotifyError> {
        let payload = Payload {
            partner_id,
            partner_user_id,
            entitlements: Some(entitlements.iter().collect()),
        };
        let replaced = self.call_as_client(ServiceScope::Entitlements, REPLACE_ENTITLEMENTS, &payload);
        replaced.await.map(drop)
    }

    /// Makes a signed call with a service token. If the token was revoked or the secret rotated, retries once with a new token.
    async fn call_as_client(
        &self,
        service: ServiceScope,
        endpoint: &'static str,
        payload: &Payload<'_>,
    ) -> Result<HttpResponse, SpotifyError> {
        let token = self.service_token(service, None).await?;
        match self.call_with_token(&token, endpoint, payload).await {
            Err(error) if error.may_need_rotated_secret() => {
                let rotated = self.rotated_credentials(&token.credentials).await.is_some();
                if !rotated && error != OpenAccessError::Unauthorized {
                    return Err(error.into());
                }
                let token = self.service_token(service, Some(&token)).await?;
                Ok(self.call_with_token(&token, endpoint, payload).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn call_with_token(
        &self,
        token: &ServiceToken,
        endpoint: &'static str,
        payload: &Payload<'_>,
    ) -> Result<HttpResponse, OpenAccessError> {
        let jws =
            sign(payload, token.credentials.client_secret().expose()).map_err(|_| OpenAccessError::InvalidResponse)?;
        self.call_with_retry(endpoint, &token.access_token, &jws).await
    }
}

/// Parses a response body. Parsed as an object first, because a derived `Deserialize` also accepts an array.
fn read<T: DeserializeOwned>(answer: &HttpResponse) -> Result<T, OpenAccessError> {
    let members: Map<String, Value> =
        serde_json::from_str(answer.body.expose()).map_err(|_| OpenAccessError::InvalidResponse)?;
    serde_json::from_value(members.into()).map_err(|_| OpenAccessError::InvalidResponse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::from_base64url;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn signed(partner_user_id: &str, entitlements: Option<&[&str]>, secret: &str) -> String {
        let partner_id = PartnerId::parse("0000000000000000000000").unwrap();
        let partner_user_id = PartnerUserId::parse(partner_user_id).unwrap();
        let entitlements = entitlements.map(|entitlements| Entitlements::parse(entitlements).unwrap());
        let payload = Payload {
            partner_id: &partner_id,
            partner_user_id: &partner_user_id,
            entitlements: entitlements.as_ref().map(|entitlements| entitlements.iter().collect()),
        };
        sign(&payload, secret).unwrap().expose().to_owned()
    }

    #[test]
    fn vector_1_a_subscriber_with_two_entitlements() {
        assert_eq!(
            signed("63e6d54b993a447fa1e81d25dd5f09ac", Some(&["tier-a", "tier-b"]), SECRET),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJwYXJ0bmVyX2lkIjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCIsInBhcnRuZXJfdXNlcl9pZCI6IjYzZTZkNTRiOTkzYTQ0N2ZhMWU4MWQyNWRkNWYwOWFjIiwiZW50aXRsZW1lbnRzIjpbInRpZXItYSIsInRpZXItYiJdfQ.63w_jXrf-dRjKOulbpe12pfdOQQmwWtuZig9tDmaLig"
        );
    }

    #[test]
    fn vector_2_a_subscriber_alone() {
        assert_eq!(
            signed("63e6d54b993a447fa1e81d25dd5f09ac", None, SECRET),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJwYXJ0bmVyX2lkIjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCIsInBhcnRuZXJfdXNlcl9pZCI6IjYzZTZkNTRiOTkzYTQ0N2ZhMWU4MWQyNWRkNWYwOWFjIn0.u4YdNm9OZLtL15Z3s5F5XdhnSoRsHtQPl-kECHNK7uE"
        );
    }

    #[test]
    fn vector_3_a_subscriber_with_no_entitlement() {
        assert_eq!(
            signed("63e6d54b993a447fa1e81d25dd5f09ac", Some(&[]), SECRET),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJwYXJ0bmVyX2lkIjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCIsInBhcnRuZXJfdXNlcl9pZCI6IjYzZTZkNTRiOTkzYTQ0N2ZhMWU4MWQyNWRkNWYwOWFjIiwiZW50aXRsZW1lbnRzIjpbXX0.9R1_Vh9kT8qRGLjJ5I2fN5gRRkg2bbcy_ubhXH6LURQ"
        );
    }

    #[test]
    fn vector_4_a_new_partner() {
        #[derive(Serialize)]
        struct Partner {
            partner_name: &'static str,
            entrypoint_url: &'static str,
        }
        let partner = Partner {
            partner_name: "Example FM",
            entrypoint_url: "https://members.example.com/spotify/entrypoint",
        };
        assert_eq!(
            sign(&partner, SECRET).unwrap().expose(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJwYXJ0bmVyX25hbWUiOiJFeGFtcGxlIEZNIiwiZW50cnlwb2ludF91cmwiOiJodHRwczovL21lbWJlcnMuZXhhbXBsZS5jb20vc3BvdGlmeS9lbnRyeXBvaW50In0.Bi3yTYdSnKj4X2Fi72oTmq6Hph4FG-RizTC-6iLJeMg"
        );
    }

    /// The example of the Concepts page. Its `partner_user_id` has dashes, against the page's own rule, so it tests only the signer.
    #[test]
    fn vector_0_the_example_of_the_concepts_page() {
        #[derive(Serialize)]
        struct Example {
            partner_id: &'static str,
            partner_user_id: &'static str,
            entitlements: [&'static str; 2],
        }
        let example = Example {
            partner_id: "0000000000000000000000",
            partner_user_id: "63e6d54b-993a-447f-a1e8-1d25dd5f09ac",
            entitlements: ["entitlement-1", "entitlement-2"],
        };
        assert_eq!(
            sign(&example, "00000000000000000000000000000000").unwrap().expose(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJwYXJ0bmVyX2lkIjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCIsInBhcnRuZXJfdXNlcl9pZCI6IjYzZTZkNTRiLTk5M2EtNDQ3Zi1hMWU4LTFkMjVkZDVmMDlhYyIsImVudGl0bGVtZW50cyI6WyJlbnRpdGxlbWVudC0xIiwiZW50aXRsZW1lbnQtMiJdfQ.22W1Mp9bDHUzg_KwBAWbT2B8aUvRU_5Kefau6LlLzyw"
        );
    }

    #[test]
    fn a_signed_payload_has_the_documented_members_and_no_iat() {
        let jws = signed("0123456789abcdef", Some(&["b", "a"]), SECRET);
        let payload = from_base64url(jws.split('.').nth(1).unwrap()).unwrap();
        assert_eq!(
            String::from_utf8(payload).unwrap(),
            r#"{"partner_id":"0000000000000000000000","partner_user_id":"0123456789abcdef","entitlements":["a","b"]}"#
        );
    }
}
