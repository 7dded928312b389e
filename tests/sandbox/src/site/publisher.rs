//! A small publisher of our own invention: three shows, two plans, a few people.

use crate::spotify::Show;

/// Who the demo site belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// One sentence about it.
    pub tagline: String,
    /// What it makes.
    pub shows: Vec<Show>,
    /// What it sells.
    pub plans: Vec<Plan>,
    /// Who can sign in.
    pub people: Vec<Person>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub entitlements: Vec<String>,
}

/// Somebody with an account at the publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Name in addresses and element ids: `noor`.
    pub id: String,
    /// First name.
    pub name: String,
    /// The publisher's own account id, `sub` in its tokens.
    pub sub: String,
    /// The plan's name, if any.
    pub plan: Option<String>,
    /// What the person may hear.
    pub entitlements: Vec<String>,
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl Default for Publisher {
    fn default() -> Self {
        let show = |id: &str, name: &str, description: &str, entitlements: &[&str]| Show {
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            entitlements: owned(entitlements),
        };
        let person = |id: &str, name: &str, sub: &str, plan: Option<&str>, entitlements: &[&str]| Person {
            id: id.to_owned(),
            name: name.to_owned(),
            sub: sub.to_owned(),
            plan: plan.map(str::to_owned),
            entitlements: owned(entitlements),
        };
        Self {
            name: "Wickerlight".to_owned(),
            tagline: "Three podcasts from a harbour town that is on no map.".to_owned(),
            shows: vec![
                show(
                    "0SlowTideLedger0000001",
                    "The Slow Tide Ledger",
                    "A harbour master reads from forty years of logbooks.",
                    &["basic", "all-access"],
                ),
                show(
                    "0MossHour0000000000002",
                    "The Moss Hour",
                    "Two gardeners talk about what grows when nobody looks.",
                    &["basic", "all-access"],
                ),
                show(
                    "0BrassAndBarnacle00003",
                    "Brass & Barnacle",
                    "A mystery in six tides, told aboard a lightship.",
                    &["all-access"],
                ),
            ],
            plans: vec![
                Plan {
                    name: "Basic".to_owned(),
                    entitlements: owned(&["basic"]),
                },
                Plan {
                    name: "All access".to_owned(),
                    entitlements: owned(&["all-access", "basic"]),
                },
            ],
            people: vec![
                person("noor", "Noor", "member-1001", None, &[]),
                person("bela", "Béla", "member-1002", Some("Basic"), &["basic"]),
                person(
                    "ada",
                    "Ada",
                    "member-1003",
                    Some("All access"),
                    &["all-access", "basic"],
                ),
                person(
                    "yuki",
                    "Yuki",
                    "member-1004",
                    Some("All access"),
                    &["all-access", "basic"],
                ),
            ],
        }
    }
}
