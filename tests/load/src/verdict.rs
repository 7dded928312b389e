//! The facts that must have the same count in every place that counts them.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::Link;
use shared::{
    store::{LinkState, Subscriber},
    telemetry::{Code, metrics::Metric},
};

use crate::{
    driver::Tally,
    ledger::{Fact, Ledger},
    metrics::Metrics,
    person::Person,
    spotify::Record,
    tables::PendingLinks,
};

/// The calls of Open Access that the functions make.
const CALLS: [(&str, &str); 4] = [
    ("register-user", "calls of register-user"),
    ("unlink-user", "calls of unlink-user"),
    ("get-entitlements", "calls of get-entitlements"),
    ("replace-entitlements", "calls of replace-entitlements"),
];

/// What each place knows at the end.
pub(crate) struct Evidence<'a> {
    pub(crate) tally: Tally,
    pub(crate) people: &'a [Person],
    pub(crate) subscribers: &'a [Subscriber],
    pub(crate) pending_links: PendingLinks,
    pub(crate) record: Record,
    pub(crate) links: &'a [Link],
    pub(crate) metrics: &'a Metrics,
}

impl Evidence<'_> {
    /// Counts the facts.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for fact in self.linking().into_iter().chain(self.changes()).chain(self.outcome()) {
            ledger.add(fact);
        }
        ledger
    }

    fn linking(&self) -> [Fact; 9] {
        let (tally, pending, record, metrics) = (&self.tally, &self.pending_links, &self.record, self.metrics);
        let failed = |code: Code| metrics.sum_by(Metric::LinkFailed, code.as_str());
        let known = failed(Code::SessionChanged) + failed(Code::StateRejected);
        [
            Fact::new("entrypoints opened")
                .driver(tally.entrypoints)
                .metrics(metrics.sum(Metric::EntrypointReached)),
            Fact::new("consents asked for")
                .driver(tally.consents)
                .tables(pending.stored)
                .spotify(record.to("/authorize"))
                .metrics(metrics.sum(Metric::ConsentSent)),
            Fact::new("consents refused")
                .driver(tally.consents_refused)
                .tables(pending.consents_refused)
                .spotify(record.consents_refused())
                .metrics(metrics.sum(Metric::ConsentRefused)),
            Fact::new("sessions lost")
                .driver(tally.sessions_changed)
                .tables(pending.sessions_changed)
                .metrics(failed(Code::SessionChanged)),
            Fact::new("callbacks repeated")
                .driver(tally.callbacks_repeated)
                .metrics(failed(Code::StateRejected)),
            Fact::new("pending links consumed")
                .driver(tally.consents_refused + tally.sessions_changed + tally.links_registered)
                .tables(pending.consumed),
            Fact::new("links registered")
                .driver(tally.links_registered)
                .spotify(record.accepted("/api/v1/register-user"))
                .metrics(metrics.sum(Metric::Registered)),
            Fact::new("journeys completed")
                .driver(tally.links_registered)
                .spotify(record.codes_exchanged())
                .metrics(metrics.sum(Metric::Completed)),
            Fact::new("other failures of linking")
                .driver(0)
                .tables(pending.other_failures)
                .metrics(metrics.sum(Metric::LinkFailed) - known),
        ]
    }

    fn changes(&self) -> Vec<Fact> {
        let (tally, record, metrics) = (&self.tally, &self.record, self.metrics);
        let versions: i64 = self.subscribers.iter().map(|subscriber| subscriber.version).sum();
        let calls = |call: &str| metrics.values_by(Metric::SpotifyLatency, call);
        let mut facts = vec![
            Fact::new("signed requests")
                .driver(tally.signed_requests)
                .tables(self.pending_links.used_tokens),
            Fact::new("changes of entitlements")
                .driver(tally.changes)
                .tables(versions.unsigned_abs()),
            Fact::new("unlinks")
                .driver(tally.unlinks)
                .spotify(record.accepted("/api/v1/unlink-user")),
            Fact::new("calls of the token endpoint")
                .spotify(record.to("/api/token"))
                .metrics(calls("token")),
            Fact::new("calls that Spotify accepted")
                .spotify(record.calls(2))
                .metrics(metrics.sum_by(Metric::SpotifyCalls, "2xx")),
            Fact::new("calls that Spotify refused")
                .spotify(record.calls(4))
                .metrics(metrics.sum_by(Metric::SpotifyCalls, "4xx")),
            Fact::new("calls that Spotify did not answer")
                .spotify(record.calls(5))
                .metrics(metrics.sum(Metric::SpotifyUnanswered)),
        ];
        facts.extend(CALLS.map(|(call, name)| {
            let recorded = record.to(&format!("/api/v1/{call}"));
            Fact::new(name).spotify(recorded).metrics(calls(call))
        }));
        facts
    }

    fn outcome(&self) -> Vec<Fact> {
        let metrics = self.metrics;
        let people: BTreeMap<_, _> = self
            .people
            .iter()
            .map(|person| (person.partner_user_id(), person))
            .collect();
        let in_state = |state| {
            let driver = count(self.people, |person| person.link == state);
            let tables = count(self.subscribers, |subscriber| subscriber.link.state == state);
            (driver, tables)
        };
        let (linked, linked_in_tables) = in_state(LinkState::Linked);
        let (unlinked, unlinked_in_tables) = in_state(LinkState::Unlinked);
        let (never, never_in_tables) = in_state(LinkState::None);
        let is_desired_in_tables = |subscriber: &Subscriber| {
            people.get(subscriber.partner_user_id.expose()).is_some_and(|person| {
                let desired = subscriber
                    .desired()
                    .is_some_and(|desired| same(desired.iter(), &person.entitlements));
                desired && subscriber.version == person.version && subscriber.link.state == person.link
            })
        };
        let is_desired_at_spotify = |link: &Link| {
            people.get(&link.partner_user_id).is_some_and(|person| {
                let entitlements = link.entitlements.iter().map(String::as_str);
                link.account == person.account() && same(entitlements, &person.entitlements)
            })
        };
        vec![
            Fact::new("people who are linked")
                .driver(linked)
                .tables(linked_in_tables)
                .spotify(self.links.len() as u64),
            Fact::new("people who are unlinked")
                .driver(unlinked)
                .tables(unlinked_in_tables),
            Fact::new("people who were never linked")
                .driver(never)
                .tables(never_in_tables),
            Fact::new("people in the desired state")
                .driver(self.people.len() as u64)
                .tables(count(self.subscribers, is_desired_in_tables)),
            Fact::new("links with the desired entitlements")
                .driver(linked)
                .tables(count(self.subscribers, is_synced))
                .spotify(count(self.links, is_desired_at_spotify)),
            Fact::new("links lost").driver(0).metrics(metrics.sum(Metric::LinkLost)),
            Fact::new("drift at Spotify")
                .driver(0)
                .metrics(metrics.sum(Metric::Drift)),
            Fact::new("faults of functions")
                .driver(0)
                .metrics(metrics.sum(Metric::Faults)),
        ]
    }
}

/// Whether the table says that Spotify has the desired entitlements.
fn is_synced(subscriber: &Subscriber) -> bool {
    let observed = subscriber.observed.as_ref();
    let is_linked = subscriber.link.state == LinkState::Linked;
    is_linked && observed.is_some_and(|observed| subscriber.is_satisfied_by(observed)) && subscriber.lane.is_none()
}

fn same<'a>(entitlements: impl Iterator<Item = &'a str>, expected: &[&'a str]) -> bool {
    entitlements.collect::<BTreeSet<_>>() == expected.iter().copied().collect()
}

fn count<T>(all: &[T], is_counted: impl Fn(&T) -> bool) -> u64 {
    all.iter().filter(|one| is_counted(one)).count() as u64
}
