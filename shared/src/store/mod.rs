//! Owns what outlives one invocation: pending links, the `jti`s of tokens that work once, subscribers, and partners. Needs DynamoDB. Refuses to decide anything:
//! what must be true for a write to succeed is a condition of that write.

mod dynamodb;
mod guard;
mod pace;
mod partners;
mod subscribers;

pub use crate::{jws::JwtId as UsedJti, sign_in::SignInMethod as SignedInBy};
pub use dynamodb::PendingLinks;
pub use guard::{Guard, GuardState, Limits, Removal};
pub use pace::{Pace, Turn};
pub use partners::{Begun, Creation, Partner, Partners};
pub use subscribers::{
    Change, ChangeError, DIRTY_INDEX, DIRTY_SHARDS, DueKey, LEASE, Link, LinkState, Outcome, Round, Subscriber,
    SubscriberKey, Subscribers, Why,
};

use crate::{
    oauth::{nonce::Nonce, pkce::CodeVerifier},
    partner::{Entitlements, PartnerId, PartnerUserId, ShowUri},
};

/// A journey that has begun: who is to be linked, and what the browser must bring back.
#[derive(Debug)]
pub struct PendingLink {
    /// The partner.
    pub partner_id: PartnerId,
    /// The subscriber.
    pub partner_user_id: PartnerUserId,
    /// The show they came from, for the way back.
    pub show: Option<ShowUri>,
    /// The language they read, as its tag, if they or the partner's site chose one.
    pub language: Option<String>,
    /// What the partner's token said they may hear, if it said so.
    pub entitlements: Option<Entitlements>,
    /// Whose challenge was sent, if PKCE is on.
    pub code_verifier: Option<CodeVerifier>,
    /// How they proved who they are, for the same must hold at the end.
    pub signed_in_by: SignedInBy,
    /// Hash of the browser's binding.
    pub browser_binding: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
}

/// A detour to the partner's `OpenID` provider that has begun.
#[derive(Debug)]
pub struct PendingSignIn {
    /// The `redirect_uri` of the provider that they were sent to. A response counts only if it arrives there (RFC 9700 §4.4.2.2).
    pub redirect_uri: String,
    /// Where they go when they are signed in: an address of ours.
    pub return_to: String,
    /// Whose challenge was sent.
    pub code_verifier: CodeVerifier,
    /// What the ID token must bring back.
    pub nonce: Nonce,
    /// Hash of the browser's binding.
    pub browser_binding: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
}

/// What came of a claim.
#[derive(Debug)]
pub enum Claim<T> {
    /// It is ours, and nobody else's.
    Granted(T),
    /// It is not.
    Refused(Refusal<T>),
}

/// Why a claim was refused, for the log, and what it would have been of, for the way back: whoever was refused must not go on with it.
#[derive(Debug)]
pub struct Refusal<T> {
    /// In a word.
    pub why: &'static str,
    /// What is stored there, if anything is.
    pub pending: Option<T>,
}

impl<T> Claim<T> {
    /// What was claimed.
    #[must_use]
    pub fn granted(self) -> Option<T> {
        match self {
            Self::Granted(pending) => Some(pending),
            Self::Refused(_) => None,
        }
    }
}

/// Why the store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The token was used before.
    #[error("used before")]
    Used,
    /// Throttled, in trouble, or silent. Nothing may be assumed.
    #[error("DynamoDB does not answer")]
    Unavailable,
    /// DynamoDB says that we ask wrongly: no such table, not allowed.
    #[error("DynamoDB refused the call")]
    Refused,
    /// An item that we did not write.
    #[error("an item is not what it must be")]
    Malformed,
}
