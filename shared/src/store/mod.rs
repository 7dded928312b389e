//! State in DynamoDB: pending links, the `jti`s of single-use tokens, subscribers, and partners. Callers decide what to store. Preconditions are conditions of
//! the write itself, so concurrent writers cannot break them.

mod error;
mod item;
mod partners;
mod pending_links;
mod rate_limiter;
mod revocation_guard;
mod subscribers;
mod used_tokens;
mod write;

pub use error::StoreError;
pub use partners::{CreationStart, PartnerCreation, PartnerRecord, PartnerTable};
pub use pending_links::{Consumption, PendingLink, PendingLinks, PendingSignIn, Rejection};
pub use rate_limiter::{Permit, RateLimiter};
pub use revocation_guard::{GuardStatus, RevocationDecision, RevocationGuard, RevocationLimits};
pub use subscribers::{
    Change, ChangeError, DIRTY_INDEX, DIRTY_SHARDS, DuePosition, LEASE_SECS, Link, LinkState, ReconcileCursor,
    Subscriber, SubscriberKey, Subscribers, SyncOutcome, SyncTrigger,
};
