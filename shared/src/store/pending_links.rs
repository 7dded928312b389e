//! The pending-links table: partition key `id`, time to live on `delete_at`. Time to live is garbage collection that may lag by days;
//! `expires_at`, compared in the condition, is expiry.

use aws_sdk_dynamodb::{
    Client,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    StoreError,
    error::store_error,
    item::{Item, ItemExt as _, list, number, text},
    write::{Condition, ConditionalWrite, Write},
};
use crate::{
    oauth::{nonce::Nonce, pkce::CodeVerifier, state::StateHash},
    partner::{Entitlements, PartnerId, PartnerUserId, ShowUri},
    sign_in::SignInMethod,
};

/// How long, in seconds, an item outlives its use, so that garbage collection never precedes expiry.
pub(super) const GC_GRACE_SECS: i64 = 3600;

/// The second half holds when the SDK repeats a write whose answer was lost; a repeat that comes late must not undo a claim.
pub(super) const NEW_LINK: &str =
    "attribute_not_exists(id) OR (browser_binding = :binding AND attribute_not_exists(consumed_by))";

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
    pub sign_in_method: SignInMethod,
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
pub enum Consumption<T> {
    /// It is ours, and nobody else's.
    Granted(T),
    /// It is not.
    Rejected(Rejection<T>),
}

/// Why a claim was refused, for the log, and what it would have been of, for the way back: whoever was refused must not go on with it.
#[derive(Debug)]
pub struct Rejection<T> {
    /// In a word.
    pub reason: &'static str,
    /// What is stored there, if anything is.
    pub pending: Option<T>,
}

impl<T> Consumption<T> {
    /// What was claimed.
    #[must_use]
    pub fn granted(self) -> Option<T> {
        match self {
            Self::Granted(pending) => Some(pending),
            Self::Rejected(_) => None,
        }
    }
}

/// The table of pending links, pending sign-ins and used `jti`s.
#[derive(Clone, Debug)]
pub struct PendingLinks {
    pub(super) client: Client,
    pub(super) table: String,
}

impl PendingLinks {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores the pending link of a state, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, state: &StateHash, pending: &PendingLink) -> Result<(), StoreError> {
        self.put_new(item_of(state, pending), &pending.browser_binding).await
    }

    /// Stores the pending sign-in of a state, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_sign_in(&self, state: &StateHash, pending: &PendingSignIn) -> Result<(), StoreError> {
        self.put_new(sign_in_item(state, pending), &pending.browser_binding)
            .await
    }

    async fn put_new(&self, item: Item, browser_binding: &str) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(NEW_LINK)
            .expression_attribute_values(":binding", text(browser_binding));
        put.send().await.map(drop).map_err(|error| store_error(&error))
    }

    /// Claims the pending link of a state for the invocation `me`, in one conditional write: it exists, it was begun in a browser with one
    /// of `bindings`, it has not expired `now`, and nobody else has claimed it. Of many at once, one gets it; all others are refused.
    ///
    /// # Errors
    /// [`StoreError`] when it is not known who has it: then nobody may go on.
    pub async fn consume(
        &self,
        state: &StateHash,
        bindings: &[String],
        owner: &str,
        now: i64,
    ) -> Result<Consumption<PendingLink>, StoreError> {
        let presented = Presented {
            redirect_uri: None,
            bindings,
            me: owner,
            now,
        };
        self.consume_item(link_id(state), &presented, pending_of).await
    }

    /// Claims the pending sign-in of a state, as [`Self::consume`] does a pending link, on the further condition that the response has arrived at the
    /// `redirect_uri` of the provider that was asked.
    ///
    /// # Errors
    /// As [`Self::consume`].
    pub async fn consume_sign_in(
        &self,
        state: &StateHash,
        redirect_uri: &str,
        bindings: &[String],
        owner: &str,
        now: i64,
    ) -> Result<Consumption<PendingSignIn>, StoreError> {
        let presented = Presented {
            redirect_uri: Some(redirect_uri),
            bindings,
            me: owner,
            now,
        };
        self.consume_item(sign_in_id(state), &presented, sign_in_of).await
    }

    async fn consume_item<T>(
        &self,
        id: String,
        presented: &Presented<'_>,
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Consumption<T>, StoreError> {
        if presented.bindings.is_empty() {
            return Ok(Consumption::Rejected(Rejection {
                reason: "no browser cookie",
                pending: None,
            }));
        }
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&id))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match presented.claim().send(update).await? {
            ConditionalWrite::Done(claimed) => read(&claimed).map(Consumption::Granted),
            ConditionalWrite::Refused(item) => Ok(Consumption::Rejected(Rejection {
                reason: presented.why_refused(item.as_ref()),
                pending: item.and_then(|item| read(&item).ok()),
            })),
        }
    }
}

/// What an authorization response presents, to be compared with what is pending.
struct Presented<'a> {
    /// The `redirect_uri` at which it arrived, for a sign-in.
    redirect_uri: Option<&'a str>,
    /// Hashes of the browser's bindings.
    bindings: &'a [String],
    /// The invocation.
    me: &'a str,
    /// In seconds since 1970.
    now: i64,
}

impl Presented<'_> {
    fn claim(&self) -> Write {
        let me = || text(self.me);
        Write::new()
            .set("consumed_by", me())
            .when(Condition::exists("id"))
            .when(Condition::greater("expires_at", number(self.now)))
            .when(Condition::one_of(
                "browser_binding",
                self.bindings.iter().map(|binding| text(binding)),
            ))
            .when(Condition::absent("consumed_by").or(Condition::equal("consumed_by", me())))
            .when_all(self.redirect_uri.map(|uri| Condition::equal("redirect_uri", text(uri))))
    }

    /// Which part of the condition did not hold.
    fn why_refused(&self, item: Option<&Item>) -> &'static str {
        let Some(item) = item else { return "unknown" };
        if item.contains_key("consumed_by") {
            "spent"
        } else if matches!(item.integer("expires_at"), Ok(Some(expires_at)) if expires_at <= self.now) {
            "expired"
        } else if self
            .redirect_uri
            .is_some_and(|uri| item.text("redirect_uri") != Some(uri))
        {
            "another provider's"
        } else {
            "another browser's"
        }
    }
}

fn link_id(state: &StateHash) -> String {
    format!("link#{}", state.as_str())
}

fn sign_in_id(state: &StateHash) -> String {
    format!("sign-in#{}", state.as_str())
}

pub(super) fn item_of(state: &StateHash, pending: &PendingLink) -> Item {
    let mut item = Item::from([
        ("id".into(), text(&link_id(state))),
        ("partner_id".into(), text(pending.partner_id.as_str())),
        ("partner_user_id".into(), text(pending.partner_user_id.expose())),
        ("sign_in_method".into(), text(pending.sign_in_method.as_str())),
        ("browser_binding".into(), text(&pending.browser_binding)),
        ("expires_at".into(), number(pending.expires_at)),
        (
            "delete_at".into(),
            number(pending.expires_at.saturating_add(GC_GRACE_SECS)),
        ),
    ]);
    if let Some(entitlements) = &pending.entitlements {
        item.insert("entitlements".into(), list(entitlements));
    }
    let optional = [
        (
            "code_verifier",
            pending.code_verifier.as_ref().map(CodeVerifier::expose),
        ),
        ("show", pending.show.as_ref().map(ShowUri::as_str)),
        ("language", pending.language.as_deref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            item.insert(name.into(), text(value));
        }
    }
    item
}

fn sign_in_item(state: &StateHash, pending: &PendingSignIn) -> Item {
    Item::from([
        ("id".into(), text(&sign_in_id(state))),
        ("redirect_uri".into(), text(&pending.redirect_uri)),
        ("return_to".into(), text(&pending.return_to)),
        ("code_verifier".into(), text(pending.code_verifier.expose())),
        ("nonce".into(), text(pending.nonce.expose())),
        ("browser_binding".into(), text(&pending.browser_binding)),
        ("expires_at".into(), number(pending.expires_at)),
        (
            "delete_at".into(),
            number(pending.expires_at.saturating_add(GC_GRACE_SECS)),
        ),
    ])
}

fn expires_at(item: &Item) -> Result<i64, StoreError> {
    item.integer("expires_at")?.ok_or(StoreError::Malformed)
}

fn sign_in_of(item: &Item) -> Result<PendingSignIn, StoreError> {
    Ok(PendingSignIn {
        redirect_uri: item.required("redirect_uri")?.to_owned(),
        return_to: item.required("return_to")?.to_owned(),
        code_verifier: CodeVerifier::new(item.required("code_verifier")?),
        nonce: Nonce::new(item.required("nonce")?),
        browser_binding: item.required("browser_binding")?.to_owned(),
        expires_at: expires_at(item)?,
    })
}

fn pending_of(item: &Item) -> Result<PendingLink, StoreError> {
    let partner_user_id = item.parse("partner_user_id", PartnerUserId::parse)?;
    Ok(PendingLink {
        partner_id: item
            .parse("partner_id", PartnerId::parse)?
            .ok_or(StoreError::Malformed)?,
        partner_user_id: partner_user_id.ok_or(StoreError::Malformed)?,
        show: item.parse("show", ShowUri::parse)?,
        language: item.text("language").map(str::to_owned),
        entitlements: item.entitlements("entitlements")?,
        code_verifier: item.text("code_verifier").map(CodeVerifier::new),
        sign_in_method: SignInMethod::parse(item.required("sign_in_method")?).ok_or(StoreError::Malformed)?,
        browser_binding: item.required("browser_binding")?.to_owned(),
        expires_at: expires_at(item)?,
    })
}
