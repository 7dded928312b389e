//! The command `explain`: the state of one subscriber, for support.

use serde_json::{Map, Value, json};
use shared::{
    partner::{Entitlements, PartnerId},
    sign_in::subject_id,
    store::Subscriber,
};

use crate::{CommandError, Partners, command::Explain};

impl Partners {
    /// Returns what is stored about a subscriber, and what Spotify answers now. An error of Spotify is part of the result.
    pub(crate) async fn explain(&self, ask: Explain) -> Result<Value, CommandError> {
        let partner_id = ask.partner_id.as_deref().map(PartnerId::parse).transpose()?;
        let partner_id = partner_id.unwrap_or_else(|| self.config.partner_id.clone());
        let claims = [("sub", ask.sub), ("partner_user_id", ask.partner_user_id)];
        let claims = claims
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let keys = self.partner_keys.get().await?;
        let person = subject_id(&keys, &partner_id, &claims.collect());
        let person = person.map_err(|invalid| CommandError::Invalid(format!("{} {}", invalid.path, invalid.rule)))?;
        let (subscriber, spotify, guard, brake, partner) = tokio::join!(
            self.subscribers.get(&partner_id, &person),
            Box::pin(self.spotify.get_entitlements(&partner_id, &person)),
            self.guard.state(&partner_id, self.clock.now()),
            self.brake.state(&partner_id, self.clock.now()),
            self.table.get(&partner_id),
        );
        let spotify = match spotify {
            Ok(Some(entitlements)) => json!({"linked": true, "entitlements": entitlements}),
            Ok(None) => json!({"linked": false}),
            Err(error) => json!({"error": error.to_string()}),
        };
        let mut explained = subscriber_json(&subscriber?);
        explained.extend([
            ("partner_id".to_owned(), partner_id.as_str().into()),
            (
                "person".to_owned(),
                keys.current.log_pseudonym(&partner_id, &person).into(),
            ),
            ("spotify".to_owned(), spotify),
            ("guard_held_since".to_owned(), guard?.on_hold_since.into()),
            ("unlinks_held_since".to_owned(), brake?.on_hold_since.into()),
            (
                "partner_disabled".to_owned(),
                partner?.is_some_and(|partner| partner.disabled_at.is_some()).into(),
            ),
            ("now".to_owned(), self.clock.now().into()),
        ]);
        Ok(explained.into())
    }
}

/// A subscriber's record as JSON.
fn subscriber_json(subscriber: &Subscriber) -> Map<String, Value> {
    let link = &subscriber.link;
    let known = json!({
        "desired": subscriber.desired().map(names), "token_entitlements": subscriber.token_entitlements.as_ref().map(names),
        "version": subscriber.version, "synced_version": subscriber.synced_version, "synced_at": subscriber.synced_at,
        "observed_entitlements": subscriber.observed, "last_error": subscriber.last_error, "attempts": subscriber.attempts,
        "next_try_at": subscriber.next_try_at, "registered_at": subscriber.registered_at,
        "link": {"state": link.state.as_str(), "since": link.since, "evidence": link.evidence},
    });
    known.as_object().cloned().unwrap_or_default()
}

fn names(entitlements: &Entitlements) -> Vec<&str> {
    entitlements.iter().collect()
}
