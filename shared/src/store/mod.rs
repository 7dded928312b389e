//! Owns what outlives one invocation: pending links, the `jti`s of tokens that work once, subscribers, and partners. Needs DynamoDB. Refuses to decide anything:
//! what must be true for a write to succeed is a condition of that write.

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
