//! The sync function: it makes Spotify's entitlements match the desired ones.

mod convergence;
mod event_bus;
mod follow;
mod guard;
mod metrics;
mod races;
mod reconcile;
mod retry;
