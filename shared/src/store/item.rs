//! Reads and writes attributes of DynamoDB items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::StoreError;
use crate::partner::{Entitlements, ObservedEntitlements};

/// Upper bound of the names that [`observed_list`] stores, in bytes. More than any set of [`Entitlements`] has, and far below DynamoDB's limit for an item.
const MAX_OBSERVED_BYTES: usize = 100 * 1024;

pub(super) type Item = HashMap<String, AttributeValue>;

/// Typed access to the attributes of an item.
pub(super) trait ItemExt {
    /// A string attribute; `None` if it is missing or of another type.
    fn text(&self, name: &str) -> Option<&str>;

    /// A required string attribute. [`StoreError::Malformed`] if it is missing or of another type.
    fn required(&self, name: &str) -> Result<&str, StoreError> {
        self.text(name).ok_or(StoreError::Malformed)
    }

    /// A string attribute, parsed by `parse`; `None` if it is missing. [`StoreError::Malformed`] if `parse` rejects the string.
    fn parse<'a, T, E>(
        &'a self,
        name: &str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let value = self.text(name).map(parse).transpose();
        value.map_err(|_| StoreError::Malformed)
    }

    /// An integer attribute; `None` if it is missing. [`StoreError::Malformed`] if the value is not an integer.
    fn integer(&self, name: &str) -> Result<Option<i64>, StoreError>;

    /// A list of entitlement names; `None` if it is missing. [`StoreError::Malformed`] if the value is anything else.
    fn entitlements(&self, name: &str) -> Result<Option<Entitlements>, StoreError>;

    /// A list of names that Spotify holds; `None` if it is missing. [`StoreError::Malformed`] if the value is anything else.
    fn names(&self, name: &str) -> Result<Option<ObservedEntitlements>, StoreError>;

    /// A map attribute; `None` if it is missing or of another type.
    fn map(&self, name: &str) -> Option<&Item>;
}

impl ItemExt for Item {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_s().ok().map(String::as_str)
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
        number.map(Some).ok_or(StoreError::Malformed)
    }

    fn entitlements(&self, name: &str) -> Result<Option<Entitlements>, StoreError> {
        let Some(names) = self.names(name)? else {
            return Ok(None);
        };
        let entitlements = Entitlements::parse(names.iter());
        entitlements.map(Some).map_err(|_| StoreError::Malformed)
    }

    fn names(&self, name: &str) -> Result<Option<ObservedEntitlements>, StoreError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let names = value.as_l().map_err(|_| StoreError::Malformed)?;
        let names: Option<_> = names.iter().map(|name| name.as_s().ok()).collect();
        names.map(Some).ok_or(StoreError::Malformed)
    }

    fn map(&self, name: &str) -> Option<&Item> {
        self.get(name)?.as_m().ok()
    }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn list(entitlements: &Entitlements) -> AttributeValue {
    AttributeValue::L(entitlements.iter().map(text).collect())
}

/// The names that Spotify holds; `None` if they exceed [`MAX_OBSERVED_BYTES`]. Without the attribute, Spotify is asked again before the next change.
pub(super) fn observed_list(observed: &ObservedEntitlements) -> Option<AttributeValue> {
    let bytes: usize = observed.iter().map(str::len).sum();
    (bytes <= MAX_OBSERVED_BYTES).then(|| AttributeValue::L(observed.iter().map(text).collect()))
}
