//! The sync function: it makes Spotify's entitlements match the desired ones.

mod convergence;
mod dead_letters;
mod event_bus;
mod follow;
mod guard;
mod idle_day;
mod metrics;
mod missing_links;
mod priority;
mod races;
mod reconcile;
mod retry;
mod scale;
