//! The members of a backend's signed request. A member that no call knows is rejected, because a misspelt `version` that is ignored makes a conditional
//! write unconditional. What one call knows all accept. Must not know which call reads what.

use serde_json::{Map, Value};

/// Members of a request: the claims that a JOSE library may add by itself (RFC 7519 §4.1), and those that some call reads.
const REQUEST_MEMBERS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "partner_id",
    "partner_user_id",
    "entitlements",
    "version",
    "as_of",
    "people",
];

/// Members of each of the `people` of a request.
const PERSON_MEMBERS: [&str; 5] = ["sub", "partner_user_id", "entitlements", "version", "as_of"];

/// Upper bound of the length of an unknown name that is repeated in an error, in bytes.
const MAX_REPEATED_BYTES: usize = 64;

/// A member of a program's request is missing or invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("member {path} {rule}")]
pub struct InvalidMember {
    /// Its path, such as `people[3].entitlements[0]`.
    pub path: String,
    /// What it must be, as the rest of a sentence. Never its value.
    pub rule: &'static str,
}

impl InvalidMember {
    /// The member at `path` breaks `rule`.
    #[must_use]
    pub fn new(path: impl Into<String>, rule: &'static str) -> Self {
        Self {
            path: path.into(),
            rule,
        }
    }

    /// The same member of the object at `prefix`, which ends with a dot or is empty.
    #[must_use]
    pub fn within(self, prefix: &str) -> Self {
        Self {
            path: format!("{prefix}{}", self.path),
            ..self
        }
    }
}

/// A signed request has a member that no call knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown member")]
pub struct UnknownMember {
    /// Its name; `None` if that is not 1 to 64 characters of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`.
    pub name: Option<String>,
}

/// Checks the members of a request.
///
/// # Errors
/// [`UnknownMember`] for the first member that no call knows.
pub(super) fn require_known_members(request: &Map<String, Value>) -> Result<(), UnknownMember> {
    require_known(&REQUEST_MEMBERS, request)
}

/// Checks the members of one of the `people` of a request.
///
/// # Errors
/// [`UnknownMember`] for the first member that no call knows.
pub fn require_known_person_members(person: &Map<String, Value>) -> Result<(), UnknownMember> {
    require_known(&PERSON_MEMBERS, person)
}

fn require_known(known: &[&str], members: &Map<String, Value>) -> Result<(), UnknownMember> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(UnknownMember {
            name: Some(name.clone()).filter(|name| may_be_repeated(name)),
        }),
    }
}

fn may_be_repeated(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=MAX_REPEATED_BYTES).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unknown_of(request: &Value) -> Option<UnknownMember> {
        require_known_members(request.as_object().unwrap()).err()
    }

    #[test]
    fn every_member_that_a_call_knows_is_accepted() {
        let mut request = Map::new();
        for name in REQUEST_MEMBERS {
            request.insert(name.to_owned(), json!(null));
            assert_eq!(require_known_members(&request), Ok(()), "{name}");
        }
        for name in PERSON_MEMBERS {
            assert!(REQUEST_MEMBERS.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_persons_members_are_not_all_members_of_a_request() {
        for name in ["iss", "aud", "exp", "nbf", "iat", "jti", "partner_id", "people"] {
            let person = Map::from_iter([("sub".to_owned(), json!("a")), (name.to_owned(), json!(1))]);
            let unknown = require_known_person_members(&person).err();
            assert_eq!(unknown.and_then(|unknown| unknown.name).as_deref(), Some(name));
        }
    }

    #[test]
    fn an_unknown_member_is_named_only_if_its_name_is_plain() {
        let longest = "a".repeat(64);
        for name in ["verison", "Version", "version.", "_", "a-b.c_9", &longest] {
            let unknown = unknown_of(&json!({"sub": "ada", name: 1}));
            assert_eq!(unknown.and_then(|unknown| unknown.name).as_deref(), Some(name));
        }
        let too_long = "a".repeat(65);
        for name in [
            "",
            " version",
            "version\n",
            "a b",
            "a/b",
            "a[0]",
            "vers\u{131}on",
            "<b>",
            &too_long,
        ] {
            assert_eq!(
                unknown_of(&json!({"sub": "ada", name: 1})),
                Some(UnknownMember { name: None }),
                "{name:?}"
            );
        }
    }
}
