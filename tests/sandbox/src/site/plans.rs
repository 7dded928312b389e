//! Plans of subscribers, and the demo backend, which sends every change to the functions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use shared::http_client::{HttpClient, HttpError};

use super::sessions::{Fields, fields};
use super::{Person, Site, page, redirect, signed};
use crate::options::{Addresses, Key, Options};

/// Lifetime of a signed request, in seconds.
const REQUEST_SECONDS: u64 = 60;

pub(super) struct Plans {
    /// Changed subscribers by ID. They override the publisher's list.
    changed: Mutex<HashMap<String, Changed>>,
    /// Held while a change is sent, so that changes reach the functions in order.
    turn: tokio::sync::Mutex<()>,
    replace_url: String,
    partner_id: String,
    key: Key,
}

/// A subscriber after a change of plan.
struct Changed {
    person: Person,
    failure: Option<ChangeFailure>,
}

/// Reason why the functions may have missed a change.
#[derive(Clone, Copy)]
pub(super) enum ChangeFailure {
    /// The functions responded with a status other than 202.
    Status(StatusCode),
    /// The functions did not respond.
    Silence(HttpError),
    /// The request could not be signed and was not sent.
    Unsigned,
}

impl Plans {
    pub(super) fn new(options: &Options, addresses: &Addresses) -> Self {
        Self {
            changed: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            replace_url: format!("{}/replace-entitlements", options.public_url(addresses)),
            partner_id: options.partner_id.clone(),
            key: options.backend_key.clone(),
        }
    }

    fn changed(&self) -> MutexGuard<'_, HashMap<String, Changed>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a subscriber of the publisher's list with the current plan.
    pub(super) fn now(&self, listed: &Person) -> Person {
        let changed = self.changed();
        changed
            .get(&listed.id)
            .map_or(listed, |changed| &changed.person)
            .clone()
    }

    /// Returns the failure of the subscriber's last change, or `None` if the functions accepted it.
    pub(super) fn last_failure(&self, person: &Person) -> Option<ChangeFailure> {
        self.changed().get(&person.id)?.failure
    }

    fn store(&self, person: Person, failure: Option<ChangeFailure>) {
        let id = person.id.clone();
        self.changed().insert(id, Changed { person, failure });
    }
}

/// Returns the subscriber with the chosen plan, or without one after a cancellation. Returns `None` for an unknown plan.
fn with_chosen_plan(site: &Site, form: &Fields, person: Person) -> Option<Person> {
    let (plan, entitlements) = if form.contains_key("cancel") {
        (None, Vec::new())
    } else {
        let name = form.get("plan")?;
        let plan = site.0.publisher.plans.iter().find(|plan| plan.name == *name)?;
        (Some(plan.name.clone()), plan.entitlements.clone())
    };
    Some(Person {
        plan,
        entitlements,
        ..person
    })
}

/// Replaces the subscriber's entitlements at the functions with a signed request, as the demo backend.
async fn replace_entitlements(site: &Site, person: &Person) -> Result<(), ChangeFailure> {
    let (plans, now) = (&site.0.plans, site.0.clock.now());
    let claims: Value = json!({
        "iss": site.0.issuer,
        "aud": plans.replace_url,
        "iat": now,
        "exp": now + REQUEST_SECONDS,
        "jti": site.0.rng.token(),
        "partner_id": plans.partner_id,
        "sub": person.sub,
        "entitlements": person.entitlements,
    });
    let request = signed(&plans.key, "soa-request+jwt", &claims).ok_or(ChangeFailure::Unsigned)?;
    let media_type = HeaderValue::from_static("application/jwt");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
    let http = HttpClient::new().map_err(ChangeFailure::Silence)?;
    let answer = http.post(&plans.replace_url, headers, request).await;
    match answer.map_err(ChangeFailure::Silence)?.status {
        StatusCode::ACCEPTED => Ok(()),
        other => Err(ChangeFailure::Status(other)),
    }
}

/// Changes or cancels the plan of the signed-in subscriber. The link with Spotify is not changed.
pub(super) async fn change(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let visitor = site.visitor(&headers);
    let Some(person) = site.person(&visitor) else {
        return redirect("/sign-in");
    };
    let Some(person) = with_chosen_plan(&site, &fields(&body), person) else {
        return page::refusal(&site, &visitor, "There is no such plan.");
    };
    let _turn = site.0.plans.turn.lock().await;
    // The change of plan is valid even if the functions do not accept it.
    site.0.plans.store(person.clone(), None);
    if let Err(failure) = replace_entitlements(&site, &person).await {
        site.0.plans.store(person, Some(failure));
    }
    site.with_session(redirect("/account"), &visitor, &headers)
}
