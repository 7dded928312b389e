//! Signed requests of the partner's backend: their claims, and what they store.

use serde::{Deserialize, Serialize};

use crate::{
    Answer, Error, Event, Field, GC_GRACE_SECS, LEEWAY, Payload, QUIET_PERIOD_SECS, Settings, now, sha256_hex,
};

/// Condition of a new request.
pub const NEW_REQUEST: &str = "attribute_not_exists(id)";
/// Records that an unlink starts.
pub const BEGIN_UNLINK: &str = "SET link_state = :link_state, link_since = :link_since, link_evidence = :link_evidence, next_try_at = :next_try_at, dirty_since \
                                = if_not_exists(dirty_since, :dirty_since), dirty = :dirty REMOVE changed_at, events_at, registered_at, confirmed_at";
/// Condition of [`BEGIN_UNLINK`].
pub const UNLINKABLE: &str = "link_state IN (:pending, :linked, :suspect)";
/// Stores the next version of the entitlements.
pub const CHANGE: &str = "SET partner_id = :partner_id, partner_user_id = :partner_user_id, entitlements = :entitlements, version = :version, as_of = :as_of, \
                          next_try_at = :next_try_at, dirty_since = if_not_exists(dirty_since, :dirty_since), dirty = :dirty, changed_at = :changed_at REMOVE \
                          events_at";
/// Condition of [`CHANGE`]: the record is unchanged since it was read.
pub const CHANGEABLE: &str = "version = :old_version AND as_of = :old_as_of AND link_state = :link_state AND link_since = :link_since AND registered_at = \
                              :registered_at";

/// The claims of a request.
#[derive(Deserialize)]
pub struct RequestClaims {
    iss: String,
    aud: String,
    exp: i64,
    jti: String,
    partner_id: String,
    partner_user_id: String,
    #[serde(default)]
    entitlements: Vec<String>,
}

impl RequestClaims {
    /// Fails unless the request of an event has not expired, and is for its path and for the partner of the settings.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self, event: &Event, settings: &Settings) -> Result<(), Error> {
        let audience = format!("{}{}", settings.get("PUBLIC_URL"), event.raw_path());
        let is_right = self.iss == settings.get("BACKEND_ISSUER")
            && self.aud == audience
            && self.exp + LEEWAY > now()
            && self.partner_id == settings.get("PARTNER_ID");
        if is_right { Ok(()) } else { Err("wrong claims".into()) }
    }

    /// The key of the subscriber.
    #[must_use]
    pub fn subscriber_id(&self) -> String {
        format!("{}#{}", self.partner_id, self.partner_user_id)
    }

    /// The item that records the use of the request `jws`.
    #[must_use]
    pub fn used(&self, jws: &str) -> [(&'static str, Field); 4] {
        let id = sha256_hex(&format!("{}\0{}", self.iss, self.jti));
        let expires_at = self.exp + LEEWAY;
        [
            ("id", Field::Text(format!("jti#request#{id}"))),
            ("token_hash", Field::Text(sha256_hex(jws))),
            ("expires_at", Field::Number(expires_at)),
            ("delete_at", Field::Number(expires_at + GC_GRACE_SECS)),
        ]
    }

    /// The item that records that the request `jws` has had its effect.
    #[must_use]
    pub fn done(&self, jws: &str) -> [(&'static str, Field); 5] {
        let [id, token_hash, expires_at, delete_at] = self.used(jws);
        [id, token_hash, expires_at, delete_at, ("done", Field::Bool(true))]
    }

    /// The values of [`BEGIN_UNLINK`] and [`UNLINKABLE`].
    #[must_use]
    pub fn unlinking() -> [(&'static str, Field); 9] {
        let now = now();
        [
            (":link_state", text("suspect")),
            (":link_since", Field::Number(now)),
            (":link_evidence", text("unlink-user")),
            (":next_try_at", Field::Number(now + QUIET_PERIOD_SECS)),
            (":dirty_since", Field::Number(now)),
            (":dirty", text("0")),
            (":pending", text("pending")),
            (":linked", text("linked")),
            (":suspect", text("suspect")),
        ]
    }

    /// The payload of `unlink-user`.
    #[must_use]
    pub fn payload(&self) -> Payload<'_> {
        Payload {
            partner_id: &self.partner_id,
            partner_user_id: &self.partner_user_id,
            entitlements: None,
        }
    }
}

/// What a change depends on of the stored subscriber.
pub struct Stored {
    /// Version of the entitlements.
    pub version: i64,
    /// Time at which the backend knew them, in milliseconds since 1970.
    pub as_of: i64,
    /// State of the link.
    pub link_state: String,
    /// Start of this state.
    pub link_since: i64,
    /// Time of the last registration.
    pub registered_at: i64,
}

/// The change of a request to replace the entitlements.
pub struct Change {
    claims: RequestClaims,
    before: Stored,
}

impl Change {
    /// The change of `before` that the claims ask for.
    #[must_use]
    pub fn new(claims: RequestClaims, before: Stored) -> Self {
        Self { claims, before }
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &RequestClaims {
        &self.claims
    }

    /// The values of [`CHANGE`] and [`CHANGEABLE`].
    #[must_use]
    pub fn values(&self) -> [(&'static str, Field); 14] {
        let (claims, before) = (&self.claims, &self.before);
        let now = now();
        [
            (":partner_id", text(&claims.partner_id)),
            (":partner_user_id", text(&claims.partner_user_id)),
            (":entitlements", Field::List(claims.entitlements.clone())),
            (":version", Field::Number(before.version + 1)),
            (":as_of", Field::Number((now * 1000).max(before.as_of))),
            (
                ":next_try_at",
                Field::Number(now.max(before.registered_at + QUIET_PERIOD_SECS)),
            ),
            (":dirty_since", Field::Number(now)),
            (":dirty", text("0")),
            (":changed_at", Field::Number(now)),
            (":old_version", Field::Number(before.version)),
            (":old_as_of", Field::Number(before.as_of)),
            (":link_state", text(&before.link_state)),
            (":link_since", Field::Number(before.link_since)),
            (":registered_at", Field::Number(before.registered_at)),
        ]
    }

    /// The answer to the backend.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn answer(self) -> Result<Answer, Error> {
        #[derive(Serialize)]
        struct Changed {
            entitlements: Vec<String>,
            version: i64,
        }
        let changed = Changed {
            entitlements: self.claims.entitlements,
            version: self.before.version + 1,
        };
        Answer::json(202, &changed)
    }
}

fn text(text: &str) -> Field {
    Field::Text(text.to_owned())
}
