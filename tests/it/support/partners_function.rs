//! The partners function, and the partner that most of its tests create.

use std::time::Duration;

use partners::Partners;
use serde_json::{Value, json};
use shared::{rng::Rng, runtime::worker::EventFunction as _};

use crate::support::World;

pub(crate) async fn operators(world: &World) -> Partners {
    let partners = Partners::start(world.environment(&[]), world.clock.clone(), Rng::System);
    partners.await.unwrap()
}

pub(crate) async fn ask(partners: &Partners, command: Value) -> Value {
    partners.handle(&command, Duration::from_mins(1)).await.unwrap()
}

pub(crate) fn new_partner() -> Value {
    json!({
        "command": "create-partner", "reference": "lunar", "name": "Lunar Industries",
        "settings": {"SIGN_IN": "handoff", "SIGN_IN_URL": "https://lunar.example/sign-in", "BRAND_COLOR": "#1a2b3c"},
    })
}
