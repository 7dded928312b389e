//! Test support shared by several areas: the world, servers, clients and builders. Contains no tests.

mod backend;
mod browser_session;
pub(crate) mod chromium;
pub(crate) mod cli;
pub(crate) mod dynamodb_engine;
pub(crate) mod faulty_dynamodb;
pub(crate) mod gate;
pub(crate) mod jwks_server;
pub(crate) mod lambda;
mod log;
pub(crate) mod meter;
mod ministack;
mod oidc_provider;
pub(crate) mod openapi;
pub(crate) mod partners_function;
pub(crate) mod proxy;
mod replay;
pub(crate) mod secret_vault;
pub(crate) mod synchronizer;
pub(crate) mod template;
mod tokens;
pub(crate) mod webkit;
mod world;

use shared::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    store::{Lane, Subscriber, Subscribers},
};

pub(crate) use browser_session::{Browser, TestResponse, parameter, refused, used_before};
pub(crate) use log::{logged, logged_of};
pub(crate) use ministack::Ministack;
pub(crate) use oidc_provider::Provider;
pub(crate) use replay::Replay;
pub(crate) use tokens::{CLOCK_LEEWAY, backend_key, signed};
pub(crate) use world::{NO_PARTNERS_TABLE, World, environment, join_all};

/// Stores a set of entitlements, as an import does. Returns the new record.
pub(crate) async fn set_entitlements(
    subscribers: &Subscribers,
    partner_id: &PartnerId,
    person: &PartnerUserId,
    names: &[&str],
    now: i64,
) -> Subscriber {
    let entitlements = Entitlements::parse(names).unwrap();
    let before = subscribers.get(partner_id, person).await.unwrap();
    let written = subscribers
        .replace_if_unchanged(&before, &entitlements, Lane::Individual, now)
        .await;
    written.unwrap().unwrap()
}
