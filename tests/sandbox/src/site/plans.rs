//! What people subscribe to, and the partner's backend, which tells the functions whenever that changes.

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

const REQUEST_SECONDS: u64 = 60;

pub(super) struct Plans {
    /// By the person's id, over what the publisher's list says.
    changed: Mutex<HashMap<String, Changed>>,
    /// Held by the change that is being told, so that the functions hear of the last one last.
    turn: tokio::sync::Mutex<()>,
    replace_url: String,
    partner_id: String,
    key: Key,
}

/// Somebody after a change.
struct Changed {
    person: Person,
    trouble: Option<Trouble>,
}

/// Why the functions may not know of a change.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// They answered something else than 202.
    Status(StatusCode),
    /// They did not answer.
    Silence(HttpError),
    /// They were not called.
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

    /// Somebody of the publisher's list as they are by now.
    pub(super) fn now(&self, listed: &Person) -> Person {
        let changed = self.changed();
        changed
            .get(&listed.id)
            .map_or(listed, |changed| &changed.person)
            .clone()
    }

    /// What came of telling the functions of the person's last change.
    pub(super) fn trouble(&self, person: &Person) -> Option<Trouble> {
        self.changed().get(&person.id)?.trouble
    }

    fn keep(&self, person: Person, trouble: Option<Trouble>) {
        let id = person.id.clone();
        self.changed().insert(id, Changed { person, trouble });
    }
}

/// The person with the plan that they chose, or without any.
fn chosen(site: &Site, form: &Fields, person: Person) -> Option<Person> {
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

/// Tells the functions what somebody may hear, all of it, as the partner's backend.
async fn tell(site: &Site, person: &Person) -> Result<(), Trouble> {
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
    let request = signed(&plans.key, "soa-request+jwt", &claims).ok_or(Trouble::Unsigned)?;
    let media_type = HeaderValue::from_static("application/jwt");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
    let http = HttpClient::new().map_err(Trouble::Silence)?;
    let answer = http.post(&plans.replace_url, headers, request).await;
    match answer.map_err(Trouble::Silence)?.status {
        StatusCode::ACCEPTED => Ok(()),
        other => Err(Trouble::Status(other)),
    }
}

/// Another plan, or none; the link with Spotify stays either way.
pub(super) async fn change(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let visitor = site.visitor(&headers);
    let Some(person) = site.person(&visitor) else {
        return redirect("/sign-in");
    };
    let Some(person) = chosen(&site, &fields(&body), person) else {
        return page::refusal(&site, &visitor, "There is no such plan.");
    };
    let _turn = site.0.plans.turn.lock().await;
    // It is what the person pays from now on, whether the functions hear of it or not.
    site.0.plans.keep(person.clone(), None);
    if let Err(trouble) = tell(&site, &person).await {
        site.0.plans.keep(person, Some(trouble));
    }
    site.with_session(redirect("/account"), &visitor, &headers)
}
