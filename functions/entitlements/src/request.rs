//! Reads the signed requests of the four operations, for one subscriber or several.

use std::collections::HashSet;

use http::StatusCode;
use serde_json::{Map, Value};
use shared::{
    errors::Error,
    partner::{self, PartnerId, PartnerUserId},
    secrets::Versions,
    sign_in::{InvalidMember, PartnerKeys, require_known_person_members, subject_id},
    store::{CONTENTION_TIMEOUT, Change, Lane},
};
use tokio::time::Instant;

/// Upper bound of the subscribers in one request.
const MAX_SUBSCRIBERS: usize = 100;

/// The first `as_of` that is a number of milliseconds. As seconds it would be the year 5138.
const FIRST_MS: f64 = 1e11;
/// How far `as_of` may be ahead of our clock.
const MAX_AHEAD_MS: i64 = 60_000;

/// The operation of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    Add,
    Replace,
    Delete,
}

/// A request for one subscriber.
pub(crate) struct SubscriberRequest {
    pub(crate) partner_user_id: PartnerUserId,
    /// The change; `None` for a read.
    pub(crate) change: Option<Change>,
    /// The version that the backend expects, if it named one.
    pub(crate) expected: Option<i64>,
    /// Time at which the backend knew the state, in milliseconds since 1970, if it named one.
    pub(crate) as_of: Option<i64>,
    /// The lane in which the change waits for sync: that of a bulk if the request is for several subscribers.
    pub(crate) lane: Lane,
    /// Time after which a writer that competes with others gives up, the same for all subscribers of a request.
    pub(crate) give_up_at: Instant,
}

impl Operation {
    pub(crate) fn from_route(name: &str) -> Option<Self> {
        Some(match name {
            "get-entitlements" => Self::Get,
            "add-entitlements" => Self::Add,
            "replace-entitlements" => Self::Replace,
            "delete-entitlements" => Self::Delete,
            _ => return None,
        })
    }

    /// Status of the response to a successful request, or of its result for one of several people.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Get => StatusCode::OK,
            Self::Add | Self::Replace | Self::Delete => StatusCode::ACCEPTED,
        }
    }

    fn change(self, entitlements: partner::Entitlements) -> Option<Change> {
        match self {
            Self::Get => None,
            Self::Add => Some(Change::Add(entitlements)),
            Self::Replace => Some(Change::Replace(entitlements)),
            Self::Delete => Some(Change::Delete(entitlements)),
        }
    }
}

/// The subscribers of a request.
pub(crate) enum Targets {
    One(SubscriberRequest),
    /// An error in one does not affect the others.
    Many(Vec<Result<SubscriberRequest, Error>>),
}

/// Reads a request: its subscribers, and the change for each. Members that the operation does not read are ignored, whatever their value.
///
/// # Errors
/// [`Error::InvalidMember`] or [`Error::UnknownMember`] with the path of the member at fault.
pub(crate) fn targets(
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
    operation: Operation,
    claims: &Map<String, Value>,
    now_ms: i64,
) -> Result<Targets, Error> {
    let read =
        |members: &Map<String, Value>, at: &str| subscriber_request(keys, partner_id, operation, members, at, now_ms);
    let Some(people) = claims.get("people") else {
        return Ok(Targets::One(read(claims, "")?));
    };
    let others = ["sub", "partner_user_id", "entitlements", "version"];
    if let Some(other) = others.iter().find(|other| claims.contains_key(**other)) {
        return Err(InvalidMember::new(*other, "must not be beside `people`").into());
    }
    let people = people
        .as_array()
        .filter(|people| (1..=MAX_SUBSCRIBERS).contains(&people.len()));
    let people = people.ok_or_else(|| InvalidMember::new("people", "must be an array of 1 to 100 objects"))?;
    let as_of = match operation {
        Operation::Replace => as_of(claims, "", now_ms)?,
        Operation::Get | Operation::Add | Operation::Delete => None,
    };
    let mut named = HashSet::new();
    let requests = people.iter().enumerate().map(|(place, person)| {
        let place = format!("people[{place}]");
        let person = person.as_object();
        let person = person.ok_or_else(|| InvalidMember::new(&place, "must be an object"))?;
        require_known_person_members(person).map_err(|unknown| {
            let path = unknown.name.map(|name| format!("{place}.{name}"));
            Error::UnknownMember(Some(path.unwrap_or_else(|| place.clone())))
        })?;
        let mut request = read(person, &format!("{place}."))?;
        request.as_of = request.as_of.or(as_of);
        if people.len() > 1 {
            request.lane = Lane::Bulk;
        }
        // Two changes of one subscriber would have no defined order.
        if named.insert(request.partner_user_id.expose().to_owned()) {
            Ok(request)
        } else {
            Err(InvalidMember::new(place, "must not be the same subscriber as another one of `people`").into())
        }
    });
    Ok(Targets::Many(requests.collect()))
}

/// Reads the request for one subscriber; `at` is the prefix of the member paths in errors.
fn subscriber_request(
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
    operation: Operation,
    claims: &Map<String, Value>,
    at: &str,
    now_ms: i64,
) -> Result<SubscriberRequest, Error> {
    let partner_user_id = subject_id(keys, partner_id, claims).map_err(|invalid| invalid.within(at))?;
    let mut request = SubscriberRequest {
        partner_user_id,
        change: None,
        expected: None,
        as_of: None,
        lane: Lane::Individual,
        give_up_at: Instant::now() + CONTENTION_TIMEOUT,
    };
    if operation == Operation::Get {
        return Ok(request);
    }
    if let Some(version) = claims.get("version") {
        let version = version.as_i64().filter(|version| *version >= 0);
        let invalid = || InvalidMember::new("version", "must be a whole number, 0 or more").within(at);
        request.expected = Some(version.ok_or_else(invalid)?);
    }
    if operation == Operation::Replace {
        request.as_of = as_of(claims, at, now_ms)?;
    }
    request.change = operation.change(names(claims.get("entitlements"), at)?);
    Ok(request)
}

/// Reads the time at which the backend knew the state, in milliseconds since 1970. Smaller numbers are seconds, which may have a fraction.
fn as_of(claims: &Map<String, Value>, at: &str, now_ms: i64) -> Result<Option<i64>, InvalidMember> {
    let Some(as_of) = claims.get("as_of") else {
        return Ok(None);
    };
    let invalid = |rule| InvalidMember::new("as_of", rule).within(at);
    let number = as_of.as_f64().filter(|number| *number >= 0.0);
    let number = number.ok_or_else(|| invalid("must be a number of seconds or milliseconds since 1970"))?;
    let ms = if number < FIRST_MS { number * 1000.0 } else { number };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number that is too large becomes the largest, which is too far ahead"
    )]
    let ms = ms as i64;
    if ms > now_ms.saturating_add(MAX_AHEAD_MS) {
        return Err(invalid("must be at most 60 s ahead of our clock"));
    }
    Ok(Some(ms))
}

/// Reads a set of entitlements; the error names the malformed member.
fn names(entitlements: Option<&Value>, at: &str) -> Result<partner::Entitlements, InvalidMember> {
    let invalid = |rule| InvalidMember::new("entitlements", rule).within(at);
    let names = entitlements.ok_or_else(|| invalid("is required: an array of at most 500 names"))?;
    let names = names.as_array();
    let names = names.ok_or_else(|| invalid("must be an array of at most 500 names"))?;
    let mut good = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let name = name.as_str().filter(|name| partner::Entitlement::parse(name).is_ok());
        good.push(name.ok_or_else(|| InvalidMember::new(format!("{at}entitlements[{place}]"), NAME))?);
    }
    partner::Entitlements::parse(good).map_err(|_| invalid("must be an array of at most 500 names"))
}

const NAME: &str = "must be a string that matches ^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$";
