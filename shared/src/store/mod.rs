//! State in DynamoDB: pending links, the `jti`s of single-use tokens, subscribers, and partners. Callers decide what to store. Preconditions are conditions of
//! the write itself, so concurrent writers cannot break them.

mod error;
mod hold;
mod item;
mod partners;
mod pending_links;
mod rate_limiter;
mod revocation_guard;
mod run_leases;
mod subscribers;
mod unlink_brake;
mod used_tokens;
mod write;

pub use error::StoreError;
pub use hold::HoldStatus;
pub use partners::{CreationStart, PartnerCreation, PartnerRecord, PartnerTable, PartnerWrite};
pub use pending_links::{Consumption, PendingLink, PendingLinks, PendingSignIn, Rejection};
pub use rate_limiter::{Permit, RateLimiter, RateLimiterStatus};
pub use revocation_guard::{RevocationDecision, RevocationGuard, RevocationLimits};
pub use run_leases::RunLeases;
pub use subscribers::{
    Answered, CONTENTION_TIMEOUT, Change, ChangeError, ChangeRequest, DIRTY_INDEX, DIRTY_SHARDS, DuePosition,
    LEASE_SECS, Lane, Link, LinkState, LinkedPage, ReconcileCursor, Subscriber, SubscriberKey, Subscribers,
    SyncOutcome, SyncTrigger,
};
pub use unlink_brake::UnlinkBrake;
pub use used_tokens::RequestUse;
