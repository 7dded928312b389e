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
pub use partners::{Begun, Creation, Partner, Partners};
pub use pending_links::{Claim, PendingLink, PendingLinks, PendingSignIn, Refusal};
pub use rate_limiter::{Pace, Turn};
pub use revocation_guard::{Guard, GuardState, Limits, Removal};
pub use subscribers::{
    Change, ChangeError, DIRTY_INDEX, DIRTY_SHARDS, DueKey, LEASE, Link, LinkState, Outcome, Round, Subscriber,
    SubscriberKey, Subscribers, Why,
};
