//! Sync: Spotify follows what is wanted.

mod convergence;
mod event_bus;
mod follow;
mod guard;
mod metrics;
mod races;
mod reconcile;
mod retry;
