//! The pending-links table: partition key `id`, TTL attribute `delete_at`. DynamoDB may delete expired items days late, so the condition of
//! consuming an item compares `expires_at`.

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

/// Delay in seconds between the expiry of an item and its deletion by TTL.
pub(super) const GC_GRACE_SECS: i64 = 3600;

/// Condition of a new item. The second half holds if the SDK repeats a write whose response was lost. A late repetition must not restore a consumed item.
pub(super) const NEW_LINK: &str =
    "attribute_not_exists(id) OR (browser_binding = :binding AND attribute_not_exists(consumed_by))";

/// Reason of a rejection: another caller consumed the item.
const SPENT: &str = "spent";

/// A linking journey that waits for Spotify's authorization response.
#[derive(Debug)]
pub struct PendingLink {
    /// Partner ID at Spotify.
    pub partner_id: PartnerId,
    /// Partner User ID of the subscriber.
    pub partner_user_id: PartnerUserId,
    /// Spotify show that the journey started from.
    pub show: Option<ShowUri>,
    /// Language tag, if the subscriber or the partner's site chose a language.
    pub language: Option<String>,
    /// Entitlements from the partner's token, if it contained any.
    pub entitlements: Option<Entitlements>,
    /// PKCE code verifier, if PKCE is on.
    pub code_verifier: Option<CodeVerifier>,
    /// Sign-in method at the start of the journey; the callback uses it to check the session.
    pub sign_in_method: SignInMethod,
    /// Hash of the browser binding.
    pub browser_binding: String,
    /// Expiry, in seconds since 1970.
    pub expires_at: i64,
}

/// A sign-in that waits for the authorization response of the partner's `OpenID` provider.
#[derive(Debug)]
pub struct PendingSignIn {
    /// Redirect URI registered with this provider. Responses at any other URI are rejected (RFC 9700 §4.4.2.2).
    pub redirect_uri: String,
    /// URL of this deployment to continue at after the sign-in.
    pub return_to: String,
    /// PKCE code verifier.
    pub code_verifier: CodeVerifier,
    /// Nonce that the ID token must contain.
    pub nonce: Nonce,
    /// Hash of the browser binding.
    pub browser_binding: String,
    /// Expiry, in seconds since 1970.
    pub expires_at: i64,
}

/// Result of consuming a pending link or sign-in.
#[derive(Debug)]
pub enum Consumption<T> {
    /// The caller has consumed the item; no other caller can.
    Granted(T),
    /// The item was not consumed by this caller.
    Rejected(Rejection<T>),
}

/// Why consuming was rejected. The journey must not continue.
#[derive(Debug)]
pub struct Rejection<T> {
    /// Reason for the log.
    pub reason: &'static str,
    /// The stored item, if there is one; use it only to build the error page.
    pub pending: Option<T>,
    /// The failure of the caller that consumed the item, if it has recorded one.
    pub failure: Option<String>,
}

impl<T> Rejection<T> {
    /// Whether another caller consumed the item.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.reason == SPENT
    }
}

impl<T> Consumption<T> {
    /// The consumed item. Returns `None` if consuming was rejected.
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
    /// Uses the table named `table`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores a pending link under `state`.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. After [`StoreError::Unavailable`] a retry with the same arguments is safe.
    pub async fn put(&self, state: &StateHash, pending: &PendingLink) -> Result<(), StoreError> {
        self.put_new(item_of(state, pending), &pending.browser_binding).await
    }

    /// Stores a pending sign-in under `state`.
    ///
    /// # Errors
    /// As for [`Self::put`].
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

    /// Consumes the pending link stored under `state`; exactly one caller succeeds. The link must not have expired, and must have been started in a browser
    /// with one of `bindings`. `owner` names this invocation, so that the SDK's repetition of the write succeeds too.
    ///
    /// # Errors
    /// [`StoreError`] if it is unknown whether the link was consumed: the journey must not continue. A retry with the same `owner` is safe.
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
            owner,
            now,
        };
        self.consume_item(link_id(state), &presented, pending_of).await
    }

    /// Consumes the pending sign-in stored under `state`, under the conditions of [`Self::consume`]. In addition, the response must have arrived at the stored
    /// `redirect_uri`.
    ///
    /// # Errors
    /// As for [`Self::consume`].
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
            owner,
            now,
        };
        self.consume_item(sign_in_id(state), &presented, sign_in_of).await
    }

    /// Records that the journey of a consumed pending link has failed, so that its page can be shown again.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not confirm the write. A retry is safe.
    pub async fn record_failure(&self, state: &StateHash, failure: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&link_id(state)));
        let write = Write::new()
            .set("failure", text(failure))
            .when(Condition::exists("consumed_by"));
        write.send(update).await.map(drop)
    }

    async fn consume_item<T>(
        &self,
        id: String,
        presented: &Presented<'_>,
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Consumption<T>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(&id))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match presented.consume().send(update).await? {
            ConditionalWrite::Done(consumed) => read(&consumed).map(Consumption::Granted),
            ConditionalWrite::Refused(item) => Ok(Consumption::Rejected(Rejection {
                reason: presented.rejection_reason(item.as_ref()),
                failure: item.as_ref().and_then(|item| item.text("failure")).map(str::to_owned),
                pending: item.and_then(|item| read(&item).ok()),
            })),
        }
    }
}

/// What an authorization response presents, to be compared with the stored item.
struct Presented<'a> {
    /// Redirect URI at which the response arrived; only for a sign-in.
    redirect_uri: Option<&'a str>,
    /// Hashes of the browser bindings.
    bindings: &'a [String],
    /// Name of this invocation.
    owner: &'a str,
    /// Current time, in seconds since 1970.
    now: i64,
}

impl Presented<'_> {
    fn consume(&self) -> Write {
        let owner = || text(self.owner);
        Write::new()
            .set("consumed_by", owner())
            .when(Condition::exists("id"))
            .when(Condition::greater("expires_at", number(self.now)))
            .when(self.is_in_its_browser())
            .when(Condition::absent("consumed_by").or(Condition::equal("consumed_by", owner())))
            .when_all(self.redirect_uri.map(|uri| Condition::equal("redirect_uri", text(uri))))
    }

    /// Without a binding nothing is consumed, but the refusal still tells whether the item was consumed before.
    fn is_in_its_browser(&self) -> Condition {
        let none = [String::from("none")];
        let bindings = if self.bindings.is_empty() { &none } else { self.bindings };
        Condition::one_of("browser_binding", bindings.iter().map(|binding| text(binding)))
    }

    /// Names the part of the condition that did not hold.
    fn rejection_reason(&self, item: Option<&Item>) -> &'static str {
        let Some(item) = item else { return "unknown" };
        if item.contains_key("consumed_by") {
            SPENT
        } else if self.bindings.is_empty() {
            "no browser cookie"
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
