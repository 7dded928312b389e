//! The signed calls (Spotify Open Access reference): each a `POST` whose whole body is one JWS, signed with the client secret.

use std::{sync::Arc, time::Duration};

use lambda_http::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    CompletionUrl, Credentials, Landing, SOA_MANAGE_ENTITLEMENTS, Spotify, SpotifyError, USER_SOA_UNLINK, UserToken,
    measured,
    service_token::{self, ServiceToken},
};
use crate::{
    jws::{SignedJws, sign},
    oauth::token::{AccessToken, Grant},
    outbound::{Answer, OutboundError},
    partner::{Entitlement, Entitlements, PartnerId, PartnerUserId},
};

const REPLACE_ENTITLEMENTS: &str = "replace-entitlements";

/// The payload of a signed call, its members in the documented order and no others.
#[derive(Serialize)]
struct Payload<'a> {
    partner_id: &'a PartnerId,
    partner_user_id: &'a PartnerUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlements: Option<&'a Entitlements>,
}

/// What the client's own token is for: one scope each (least privilege).
#[derive(Clone, Copy)]
enum Service {
    Unlink,
    Entitlements,
}

#[derive(Deserialize)]
struct Held {
    entitlements: Vec<String>,
}

#[derive(Deserialize)]
struct Registered {
    completion_url: String,
}

impl Spotify {
    /// `register-user`: links the person whose token it is to `partner_user_id`, and replaces what they may hear by `entitlements`. Repeating
    /// it changes nothing, so it is sent once more when Spotify was in trouble.
    ///
    /// # Errors
    /// [`SpotifyError`].
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
            entitlements: Some(entitlements),
        };
        let register = async |credentials: &Credentials| {
            let jws = sign(&payload, credentials.client_secret().expose()).map_err(|_| OpenAccessError::Nonsense)?;
            self.call_twice("register-user", &user.access_token, &jws).await
        };
        let answer = match register(&user.credentials).await {
            Err(error) if error.may_be_of_a_rotated_secret() => match self.rotated_since(&user.credentials).await {
                Some(credentials) => register(&credentials).await?,
                None => return Err(error.into()),
            },
            outcome => outcome?,
        };
        // By way of an object, for a derived reader would take an array of the members too.
        let members: Map<String, Value> =
            serde_json::from_str(answer.body.expose()).map_err(|_| OpenAccessError::Nonsense)?;
        let registered: Registered = serde_json::from_value(members.into()).map_err(|_| OpenAccessError::Nonsense)?;
        Ok(Landing {
            open_access_url: &self.settings.open_access_url,
        }
        .check(registered.completion_url)?)
    }

    /// `unlink-user`, with a token of the service scope. Somebody who is not linked is unlinked: success.
    ///
    /// # Errors
    /// [`SpotifyError`].
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
        match self.call_as_client(Service::Unlink, "unlink-user", &payload).await {
            Ok(_) | Err(SpotifyError::OpenAccess(OpenAccessError::NotLinked)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `get-entitlements`: what a person may hear, or nothing when there is no link. It is also the documented way to learn whether there is one.
    ///
    /// # Errors
    /// [`SpotifyError`].
    pub async fn get_entitlements(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
    ) -> Result<Option<Entitlements>, SpotifyError> {
        let payload = Payload {
            partner_id,
            partner_user_id,
            entitlements: None,
        };
        let answer = match self
            .call_as_client(Service::Entitlements, "get-entitlements", &payload)
            .await
        {
            Err(SpotifyError::OpenAccess(OpenAccessError::NotLinked)) => return Ok(None),
            answer => answer?,
        };
        // By way of an object, as above.
        let members: Map<String, Value> =
            serde_json::from_str(answer.body.expose()).map_err(|_| OpenAccessError::Nonsense)?;
        let held: Held = serde_json::from_value(members.into()).map_err(|_| OpenAccessError::Nonsense)?;
        // Names that we would not send were put there by somebody else.
        let names = held.entitlements.iter().filter(|name| Entitlement::parse(name).is_ok());
        let entitlements = Entitlements::parse(names).map_err(|_| OpenAccessError::Nonsense)?;
        Ok(Some(entitlements))
    }

    /// `replace-entitlements`: what a person may hear, all of it. An empty set takes everything away and keeps the link.
    ///
    /// # Errors
    /// [`SpotifyError`]; [`OpenAccessError::NotLinked`] when there is no link.
    pub async fn replace_entitlements(
        &self,
        partner_id: &PartnerId,
        partner_user_id: &PartnerUserId,
        entitlements: &Entitlements,
    ) -> Result<(), SpotifyError> {
        let payload = Payload {
            partner_id,
            partner_user_id,
            entitlements: Some(entitlements),
        };
        let replaced = self.call_as_client(Service::Entitlements, REPLACE_ENTITLEMENTS, &payload);
        replaced.await.map(drop)
    }

    /// A signed call with the client's own token. When that was withdrawn before its time, or the secret that signs has been rotated: one new token, one more try.
    async fn call_as_client(
        &self,
        service: Service,
        endpoint: &'static str,
        payload: &Payload<'_>,
    ) -> Result<Answer, SpotifyError> {
        let token = self.service_token(service, None).await?;
        match self.call_with(&token, endpoint, payload).await {
            Err(error) if error.may_be_of_a_rotated_secret() => {
                let rotated = self.rotated_since(&token.credentials).await.is_some();
                if !rotated && error != OpenAccessError::Unauthorized {
                    return Err(error.into());
                }
                let token = self.service_token(service, Some(&token)).await?;
                Ok(self.call_with(&token, endpoint, payload).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn call_with(
        &self,
        token: &ServiceToken,
        endpoint: &'static str,
        payload: &Payload<'_>,
    ) -> Result<Answer, OpenAccessError> {
        let jws = sign(payload, token.credentials.client_secret().expose()).map_err(|_| OpenAccessError::Nonsense)?;
        self.call_twice(endpoint, &token.access_token, &jws).await
    }

    /// What signs now, if that is another secret than `credentials` are of: read again, because Spotify refused what those had signed.
    async fn rotated_since(&self, credentials: &Credentials) -> Option<Credentials> {
        let refused = credentials.client_secret();
        let known = self.client_secret.get().await.ok()?;
        // The one at hand may be a later reading of the same secret.
        let versions = if known.current.same_as(refused) {
            self.client_secret.get_after_refusal(&known).await.ok()?
        } else {
            known
        };
        (!versions.current.same_as(refused)).then_some(Credentials {
            versions,
            use_previous: false,
        })
    }

    /// The kept token, unless it is the `refused` one, or was granted to another secret than the current one, as this has been read since: that one must
    /// sign no more.
    async fn service_token(
        &self,
        service: Service,
        refused: Option<&Arc<ServiceToken>>,
    ) -> Result<Arc<ServiceToken>, SpotifyError> {
        let versions = self.client_secret.get().await?;
        let good = |token: &Arc<ServiceToken>| {
            let Credentials { versions: then, .. } = &token.credentials;
            let of_now = versions.current.same_as(token.credentials.client_secret()) || Arc::ptr_eq(then, &versions);
            of_now && !refused.is_some_and(|refused| Arc::ptr_eq(refused, token))
        };
        let (kept, scope) = match service {
            Service::Unlink => (&self.unlink_token, USER_SOA_UNLINK),
            Service::Entitlements => (&self.entitlements_token, SOA_MANAGE_ENTITLEMENTS),
        };
        let request = || self.request_service_token(scope);
        service_token::get(kept, self.clock.now(), good, request).await
    }

    pub(super) async fn request_service_token(&self, scope: &str) -> Result<ServiceToken, SpotifyError> {
        let (token, credentials): (_, Credentials) = match self.authenticated(&Grant::ClientCredentials, scope).await {
            Err(SpotifyError::Token(error)) if error.is_passing() => {
                self.pause().await;
                self.authenticated(&Grant::ClientCredentials, scope).await?
            }
            outcome => outcome?,
        };
        Ok(ServiceToken::new(token, credentials, self.clock.now()))
    }

    /// One call, and a second after a short pause when the first met passing trouble. Not after silence: a person is waiting.
    async fn call_twice(
        &self,
        endpoint: &'static str,
        token: &AccessToken,
        jws: &SignedJws,
    ) -> Result<Answer, OpenAccessError> {
        match self.call(endpoint, token, jws).await {
            // A set that may yet arrive could arrive after another one: whoever sends them waits until it cannot.
            Err(error) if endpoint == REPLACE_ENTITLEMENTS && error.may_be_in_flight() => Err(error),
            Err(error) if error.is_passing() => {
                self.pause().await;
                self.call(endpoint, token, jws).await
            }
            outcome => outcome,
        }
    }

    pub(super) async fn call(
        &self,
        endpoint: &'static str,
        token: &AccessToken,
        jws: &SignedJws,
    ) -> Result<Answer, OpenAccessError> {
        let headers = headers(token, &self.settings.jws_content_type)?;
        let url = self.endpoint(endpoint);
        let answer = measured(endpoint, self.outbound.post(&url, headers, jws.expose().to_owned())).await?;
        OpenAccessError::of_status(answer.status, answer.retry_after).map_or(Ok(answer), Err)
    }

    pub(super) fn endpoint(&self, endpoint: &str) -> String {
        let mut url = self.settings.open_access_url.clone();
        url.set_path(&format!("/api/v1/{endpoint}"));
        url.into()
    }

    /// 50 to 250 ms, so that those who met the same trouble do not come back together.
    async fn pause(&self) {
        let jitter = self.chance.bytes::<1>().map_or(0, |[byte]| u64::from(byte));
        tokio::time::sleep(Duration::from_millis(50 + jitter * 200 / 255)).await;
    }
}

/// Of a call with this token and this body.
pub(super) fn headers(token: &AccessToken, content_type: &str) -> Result<HeaderMap, OpenAccessError> {
    let mut bearer =
        HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| OpenAccessError::Nonsense)?;
    bearer.set_sensitive(true);
    let content_type = HeaderValue::try_from(content_type).map_err(|_| OpenAccessError::Nonsense)?;
    Ok(HeaderMap::from_iter([
        (header::AUTHORIZATION, bearer),
        (header::CONTENT_TYPE, content_type),
    ]))
}

/// What Spotify answered other than 200. Its error bodies are undocumented, so the status alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenAccessError {
    /// 401: the token is no longer good.
    #[error("the token was refused")]
    Unauthorized,
    /// 403: the client is not allowed this call, or not for this partner.
    #[error("the client is not allowed this call")]
    Forbidden,
    /// 404: there is no such link.
    #[error("not linked")]
    NotLinked,
    /// 409, reserved for: one of the two accounts is linked to another.
    #[error("conflict")]
    Conflict,
    /// Any other 4xx.
    #[error("refused with {status}")]
    Refused {
        /// Of the answer.
        status: StatusCode,
    },
    /// 429.
    #[error("rate limited")]
    RateLimited {
        /// In seconds, when it was said.
        retry_after: Option<u64>,
    },
    /// 5xx.
    #[error("unavailable with {status}")]
    Unavailable {
        /// Of the answer.
        status: StatusCode,
    },
    /// An answer that this API does not give.
    #[error("nonsense")]
    Nonsense,
    /// No whole answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl OpenAccessError {
    /// Whether Spotify may have refused it for what it was signed with.
    fn may_be_of_a_rotated_secret(self) -> bool {
        matches!(
            self,
            Self::Unauthorized
                | Self::Refused {
                    status: StatusCode::BAD_REQUEST
                }
        )
    }

    pub(super) fn of_status(status: StatusCode, retry_after: Option<u64>) -> Option<Self> {
        match status.as_u16() {
            200..=299 => None,
            401 => Some(Self::Unauthorized),
            403 => Some(Self::Forbidden),
            404 => Some(Self::NotLinked),
            409 => Some(Self::Conflict),
            429 => Some(Self::RateLimited { retry_after }),
            408 | 500..=599 => Some(Self::Unavailable { status }),
            400..=499 => Some(Self::Refused { status }),
            _ => Some(Self::Nonsense),
        }
    }

    /// Whether what was asked may be done yet, although nobody has said so: nothing came, or a gateway before Spotify has given up waiting.
    #[must_use]
    pub fn may_be_in_flight(self) -> bool {
        match self {
            Self::Outbound(error) => matches!(error, OutboundError::Timeout | OutboundError::Broken),
            Self::Unavailable { status } => matches!(status.as_u16(), 408 | 502 | 504),
            _ => false,
        }
    }

    fn is_passing(self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Outbound(error) => matches!(error, OutboundError::Connect | OutboundError::Broken),
            _ => false,
        }
    }
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
            entitlements: entitlements.as_ref(),
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

    /// The example on Spotify's Concepts page, whose `partner_user_id` has dashes against its own rule: a vector for the signer alone.
    #[test]
    fn vector_0_the_concepts_pages_own_example() {
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
