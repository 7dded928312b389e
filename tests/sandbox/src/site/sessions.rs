//! The site's own sessions, stored in memory under a random ID in a cookie.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::SignIn;
use crate::token_source::TokenSource;

/// Name of the visitor cookie. It must be unique, because all ports of 127.0.0.1 share their cookies.
pub(super) const VISITOR_COOKIE: &str = "wickerlight_visitor";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// ID of the signed-in subscriber.
    pub(super) person: Option<String>,
    pub(super) sign_in: SignIn,
}

pub(super) struct Visitors {
    known: Mutex<HashMap<String, Visitor>>,
    rng: TokenSource,
}

impl Visitors {
    pub(super) fn new(rng: TokenSource) -> Self {
        Self {
            known: Mutex::default(),
            rng,
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Visitor>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: &str) -> Option<Visitor> {
        self.known().get(id).cloned()
    }

    /// Stores a visitor under a new ID and removes the old one.
    pub(super) fn put(&self, old: Option<&str>, visitor: Visitor) -> String {
        let id = self.rng.token();
        let mut known = self.known();
        if let Some(old) = old {
            known.remove(old);
        }
        known.insert(id.clone(), visitor);
        id
    }
}

/// Fields of a form or query: the first of repeated fields, without empty ones.
pub(super) type Fields = BTreeMap<String, String>;

pub(super) fn fields(encoded: &[u8]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in url::form_urlencoded::parse(encoded).filter(|(_, value)| !value.is_empty()) {
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    fields
}
