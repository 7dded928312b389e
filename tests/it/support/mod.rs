//! Test support shared by several areas: the world, servers, clients and builders. Contains no tests.

mod backend;
mod browser_session;
pub(crate) mod chromium;
pub(crate) mod cli;
pub(crate) mod dynamodb_engine;
pub(crate) mod faulty_dynamodb;
pub(crate) mod jwks_server;
pub(crate) mod lambda;
mod log;
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

pub(crate) use browser_session::{Browser, TestResponse, parameter, refused, used_before};
pub(crate) use log::{logged, logged_of};
pub(crate) use ministack::Ministack;
pub(crate) use oidc_provider::Provider;
pub(crate) use replay::Replay;
pub(crate) use tokens::{CLOCK_LEEWAY, backend_key, signed};
pub(crate) use world::{NO_PARTNERS_TABLE, World, environment, join_all};
