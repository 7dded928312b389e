//! The fictional publisher of the demo: three shows, two plans and four subscribers.

use crate::spotify::Show;

/// The publisher of the demo site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// Name of the publisher.
    pub name: String,
    /// One-sentence description.
    pub tagline: String,
    /// Shows of the publisher.
    pub shows: Vec<Show>,
    /// Plans on sale.
    pub plans: Vec<Plan>,
    /// Subscribers who can sign in.
    pub people: Vec<Person>,
}

/// A subscription plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Name of the plan.
    pub name: String,
    /// Entitlements of the plan.
    pub entitlements: Vec<String>,
}

/// A subscriber with an account at the publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// ID in URLs and element IDs: `noor`.
    pub id: String,
    /// First name.
    pub name: String,
    /// Account ID at the publisher, `sub` in its tokens.
    pub sub: String,
    /// Name of the plan. `None` without a subscription.
    pub plan: Option<String>,
    /// Entitlements of the subscriber.
    pub entitlements: Vec<String>,
}

fn to_strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl Publisher {
    /// What subscribers call the entitlements, as in `ENTITLEMENT_NAMES`: each has the name of the smallest plan with it.
    #[must_use]
    pub fn entitlement_names(&self) -> String {
        let mut plans: Vec<_> = self.plans.iter().collect();
        plans.sort_by_key(|plan| plan.entitlements.len());
        let mut names: Vec<(&str, &str)> = Vec::new();
        for plan in plans {
            for entitlement in &plan.entitlements {
                if names.iter().all(|(named, _)| named != entitlement) {
                    names.push((entitlement, &plan.name));
                }
            }
        }
        let names = names.into_iter().filter(|(_, name)| !name.contains(';'));
        let entries = names.map(|(entitlement, name)| format!("{entitlement}={name}"));
        entries.collect::<Vec<_>>().join(";")
    }
}

impl Default for Publisher {
    fn default() -> Self {
        Self {
            name: "Wickerlight".to_owned(),
            tagline: "Three podcasts from a harbour town that is on no map.".to_owned(),
            shows: demo_shows(),
            plans: demo_plans(),
            people: demo_people(),
        }
    }
}

fn demo_shows() -> Vec<Show> {
    let show = |id: &str, name: &str, description: &str, entitlements: &[&str]| Show {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        entitlements: to_strings(entitlements),
    };
    vec![
        show(
            "0SlowTideLedger0000001",
            "The Slow Tide Ledger",
            "A harbour master reads from forty years of logbooks.",
            &["basic", "all-access"],
        ),
        show(
            "0MossHour0000000000002",
            "The Moss Hour",
            "Two gardeners talk about what grows in the shade.",
            &["basic", "all-access"],
        ),
        show(
            "0BrassAndBarnacle00003",
            "Brass & Barnacle",
            "A mystery in six tides, told aboard a lightship.",
            &["all-access"],
        ),
    ]
}

fn demo_plans() -> Vec<Plan> {
    let plan = |name: &str, entitlements: &[&str]| Plan {
        name: name.to_owned(),
        entitlements: to_strings(entitlements),
    };
    vec![plan("Basic", &["basic"]), plan("All access", &["all-access", "basic"])]
}

fn demo_people() -> Vec<Person> {
    let person = |id: &str, name: &str, sub: &str, plan: Option<&str>, entitlements: &[&str]| Person {
        id: id.to_owned(),
        name: name.to_owned(),
        sub: sub.to_owned(),
        plan: plan.map(str::to_owned),
        entitlements: to_strings(entitlements),
    };
    let all = ["all-access", "basic"];
    vec![
        person("noor", "Noor", "member-1001", None, &[]),
        person("bela", "Béla", "member-1002", Some("Basic"), &["basic"]),
        person("ada", "Ada", "member-1003", Some("All access"), &all),
        person("yuki", "Yuki", "member-1004", Some("All access"), &all),
    ]
}
