//! The commands about holds: the revocation guard holds revocations, and the brake holds the end of links, until an operator releases them.

use serde_json::{Value, json};
use shared::partner::PartnerId;

use crate::{CommandError, Partners, command::Release};

/// Default duration of a guard release, in seconds.
const DEFAULT_RELEASE_SECS: i64 = 3600;
/// Upper bound of a guard release, in seconds.
const MAX_RELEASE_SECS: i64 = 24 * 3600;

/// What is held for a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Revocations, by the revocation guard.
    Guard,
    /// The end of links, by the brake.
    Brake,
}

impl Partners {
    /// Returns the state of a partner's hold.
    pub(crate) async fn hold_state(&self, hold: Hold, partner_id: &PartnerId) -> Result<Value, CommandError> {
        let now = self.clock.now();
        let state = match hold {
            Hold::Guard => self.guard.state(partner_id, now).await?,
            Hold::Brake => self.brake.state(partner_id, now).await?,
        };
        Ok(json!({
            "partner_id": partner_id.as_str(), "on_hold_since": state.on_hold_since, "released_until": state.released_until,
            "people": state.counted, "limit": state.limit,
        }))
    }

    /// Releases a partner's hold for a limited time.
    pub(crate) async fn release(&self, hold: Hold, ask: &Release) -> Result<Value, CommandError> {
        let partner_id = PartnerId::parse(&ask.partner_id)?;
        let seconds = ask.seconds.unwrap_or(DEFAULT_RELEASE_SECS);
        if !(1..=MAX_RELEASE_SECS).contains(&seconds) {
            return Err(CommandError::Invalid("seconds must be 1 to 86400".to_owned()));
        }
        self.reject_reference(&partner_id).await?;
        let until = self.clock.now().saturating_add(seconds);
        match hold {
            Hold::Guard => self.guard.release(&partner_id, until).await?,
            Hold::Brake => self.brake.release(&partner_id, until).await?,
        }
        self.hold_state(hold, &partner_id).await
    }
}
