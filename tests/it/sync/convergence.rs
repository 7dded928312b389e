//! Eventual consistency under random events in any order. Once Spotify works and the changes stop, Spotify has the desired entitlements of every linked
//! subscriber, and no call is made for the others.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sandbox::{Fault, deployment, stream::Stream};
use serde_json::json;
use shared::{
    aws::AwsConfig, http_client::HttpClient, partner::PartnerId, rng::Rng, runtime::worker::EventFunction as _,
    store::UnlinkBrake,
};
use sync::Synchronizer;

use crate::support::{World, template::filtered};

const PEOPLE: [&str; 3] = ["ada", "bela", "yuki"];
const ACCOUNTS: [&str; 3] = ["mara", "jonas", "ines"];
const LONG: Duration = Duration::from_mins(1);
const DAY: i64 = 86_400;

/// A random event.
#[derive(Clone, Debug)]
enum Event {
    /// The backend replaces, adds or deletes entitlements of a person.
    Wanted(usize, usize, Vec<u8>),
    /// The backend replaces entitlements while a sync run waits for a slow call to Spotify.
    Meanwhile(usize, Vec<u8>),
    /// A person links and, if the flag is set, opens the landing page.
    Links(usize, bool),
    /// A person unlinks at Spotify, which sends no notification.
    UnlinksThere(usize),
    /// A person unlinks on our page.
    UnlinksHere(usize),
    /// The entitlements at Spotify change without a call from sync: to a name of ours, or to one that ours may not have.
    Drifts(usize, bool),
    /// The backend replaces the entitlements of everyone in one request.
    Bulk(Vec<u8>),
    /// Enough first 404s of other subscribers turn the brake on.
    Brake,
    /// Spotify fails with a kind of fault, for a number of calls.
    Trouble(usize, u32),
    /// Spotify works again.
    Calm,
    /// A reconciliation (`true`) or a sweep (`false`) that dies after a number of polls.
    Run(bool, usize),
    /// Two concurrent sweeps.
    Two,
    /// A number of seconds pass.
    Passes(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let person = 0..PEOPLE.len();
    prop_oneof![
        4 => (person.clone(), 0..3usize, prop::collection::vec(0..4u8, 0..3)).prop_map(|(person, how, names)| Event::Wanted(person, how, names)),
        3 => (person.clone(), prop::collection::vec(0..4u8, 0..3)).prop_map(|(person, names)| Event::Meanwhile(person, names)),
        3 => (person.clone(), any::<bool>()).prop_map(|(person, lands)| Event::Links(person, lands)),
        1 => person.clone().prop_map(Event::UnlinksThere),
        1 => person.clone().prop_map(Event::UnlinksHere),
        1 => prop::bool::weighted(0.2).prop_flat_map(move |drifts| (person.clone(), any::<bool>()).prop_map(move |(person, foreign)| if drifts { Event::Drifts(person, foreign) } else { Event::UnlinksThere(person) })),
        2 => prop::collection::vec(0..4u8, 0..3).prop_map(Event::Bulk),
        1 => Just(Event::Brake),
        4 => (0..11usize, 1..4u32).prop_map(|(kind, times)| Event::Trouble(kind, times)),
        1 => Just(Event::Calm),
        6 => (any::<bool>(), prop_oneof![Just(usize::MAX), 1..60usize]).prop_map(|(reconcile, steps)| Event::Run(reconcile, steps)),
        2 => Just(Event::Two),
        4 => prop_oneof![Just(1), Just(20), Just(60), Just(300), 1..700i64].prop_map(Event::Passes),
    ]
}

/// A future that ends without a result after a number of polls, like a process that dies.
struct DiesAfter<F>(F, usize);

impl<F: Future + Unpin> Future for DiesAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.1 == 0 {
            return Poll::Ready(None);
        }
        self.1 -= 1;
        Pin::new(&mut self.0).poll(context).map(Some)
    }
}

fn trouble(kind: usize) -> Fault {
    let api = "/api/v1/";
    match kind {
        0 => Fault::answer(api, 500, ""),
        1 => Fault::answer(api, 429, ""),
        2 => Fault::answer("/api/token", 503, ""),
        3 => Fault {
            reset: true,
            ..Fault::on(api)
        },
        // The call is carried out, and its answer is lost.
        4 => Fault {
            reset: true,
            after: true,
            ..Fault::on(api)
        },
        5 => Fault {
            after: true,
            ..Fault::answer(api, 502, "<html>")
        },
        6 => Fault {
            half: true,
            ..Fault::on(api)
        },
        7 => Fault {
            delay_ms: Some(120),
            ..Fault::on(api)
        },
        // The link exists all the same.
        8 => Fault::answer("/api/v1/get-entitlements", 404, ""),
        9 => Fault::answer("/api/v1/replace-entitlements", 404, ""),
        _ => Fault::answer(api, 401, ""),
    }
}

struct Case {
    world: World,
    sync: Synchronizer,
    other: Synchronizer,
}

impl Case {
    async fn new() -> Self {
        let world = World::new().await;
        world
            .spotify()
            .set_switches(|switches| switches.a16_pending_until_landing = true);
        let start = || async {
            let environment = world.environment(&[("SPOTIFY_RATE", "1000")]);
            Synchronizer::start(environment, world.clock.clone(), Rng::System)
                .await
                .unwrap()
        };
        let (sync, other) = (start().await, start().await);
        Self { world, sync, other }
    }

    fn brake(&self) -> (UnlinkBrake, PartnerId) {
        let aws = AwsConfig::from_env(&self.world.environment(&[])).unwrap();
        let dynamodb = aws.dynamodb(&HttpClient::new().unwrap());
        let partner_id = PartnerId::parse(&self.world.sandbox.options().partner_id).unwrap();
        (
            UnlinkBrake::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned()),
            partner_id,
        )
    }

    async fn wanted(&self, person: usize, how: &str, names: &[u8]) {
        let names: Vec<_> = names.iter().map(|name| format!("e{name}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        self.world.write_entitlements(how, PEOPLE[person], &names).await;
    }

    async fn happens(&self, event: &Event) {
        let world = &self.world;
        let partner_id = &world.sandbox.options().partner_id;
        match event {
            Event::Wanted(person, how, names) => self.wanted(*person, ["replace", "add", "delete"][*how], names).await,
            Event::Meanwhile(person, names) => {
                self.wanted(*person, "add", &[9]).await;
                world.spotify().faults().add(Fault {
                    delay_ms: Some(60),
                    times: Some(1),
                    ..Fault::on("/api/v1/replace-entitlements")
                });
                let task = json!({"task": "sweep"});
                let change = async {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    self.wanted(*person, "replace", names).await;
                };
                let both = async { tokio::join!(self.sync.handle(&task, LONG), change) };
                let _ = tokio::time::timeout(Duration::from_millis(600), both).await;
            }
            Event::Links(person, lands) => {
                let mut browser = world.signed_in(PEOPLE[*person]);
                let answer = browser.link(ACCOUNTS[*person]).await;
                if *lands && answer.status == 302 {
                    browser.get(answer.location()).await;
                }
            }
            Event::UnlinksThere(person) => world
                .spotify()
                .remove_link(partner_id, &world.partner_user_id(PEOPLE[*person])),
            Event::UnlinksHere(person) => {
                let mut browser = world.signed_in(PEOPLE[*person]);
                let form = format!("form_token={}", browser.get("/unlink").await.form_token());
                browser.post("/unlink", &form).await;
            }
            Event::Drifts(person, foreign) => {
                if let Some(mut link) = world
                    .spotify()
                    .link(partner_id, &world.partner_user_id(PEOPLE[*person]))
                {
                    let name = if *foreign { "Ältere Rechte" } else { "drifted" };
                    link.entitlements.push(name.to_owned());
                    world.spotify().force_link(link);
                }
            }
            Event::Bulk(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("e{name}")).collect();
                let people = PEOPLE.map(|person| json!({"sub": world.person(person).sub, "entitlements": names}));
                world.replace_for_many(&people).await;
            }
            Event::Brake => {
                let (brake, partner_id) = self.brake();
                for _ in 0..11 {
                    brake.count_first_404(&partner_id, world.clock.now()).await.unwrap();
                }
            }
            Event::Trouble(kind, times) => world.spotify().faults().add(Fault {
                times: Some(*times),
                ..trouble(*kind)
            }),
            Event::Calm => world.spotify().faults().clear(),
            Event::Run(reconcile, steps) => {
                let task = json!({"task": if *reconcile { "reconcile" } else { "sweep" }});
                // The dead run's worker is used again, because a new process would find the same revoked token or pause.
                let run = pin!(self.sync.handle(&task, LONG));
                let run = tokio::time::timeout(Duration::from_millis(400), DiesAfter(run, *steps));
                let _ = run.await;
            }
            Event::Two => {
                let task = json!({"task": "sweep"});
                let both = async { tokio::join!(self.sync.handle(&task, LONG), self.other.handle(&task, LONG)) };
                let _ = tokio::time::timeout(Duration::from_millis(400), both).await;
            }
            Event::Passes(seconds) => world.advance(*seconds),
        }
    }

    /// Clears all faults, lets the schedules run on, and asserts the final state.
    async fn ends(&self, drifted: bool) {
        let run = async |task: &str| self.sync.handle(&json!({"task": task}), LONG).await.unwrap();
        self.world.spotify().faults().clear();
        for _ in 0..3 {
            self.world.advance(4000);
            run("sweep").await;
        }
        // Without drift at Spotify, sweeps suffice and no reconciliation is needed.
        for person in PEOPLE.into_iter().filter(|_| !drifted) {
            let heard = self.world.read_entitlements(person).await;
            if let Some((_, entitlements)) = self.world.linked(person)
                && heard["link"]["state"] == "linked"
                && heard["version"] != 0
            {
                assert_eq!(
                    json!(entitlements),
                    heard["entitlements"],
                    "{person}, before the reconciliation"
                );
            }
        }
        // While the brake is on, nothing that exists ends, and the checks find it. They go on for a week after an end.
        let (brake, partner_id) = self.brake();
        for _ in 0..2 {
            for _ in 0..9 {
                self.world.advance(DAY);
                run("sweep").await;
                run("reconcile").await;
                self.world.advance(1200);
                run("sweep").await;
            }
            let until = self.world.clock.now() + 10 * DAY;
            brake.release(&partner_id, until).await.unwrap();
        }
        let partner_id = &self.world.sandbox.options().partner_id;
        self.world.spotify().requests().clear();
        for person in PEOPLE {
            let heard = self.world.read_entitlements(person).await;
            let state = heard["link"]["state"].as_str().unwrap().to_owned();
            let link = self
                .world
                .spotify()
                .link(partner_id, &self.world.partner_user_id(person));
            let landed = link.filter(|link| !link.pending);
            match &landed {
                Some(link) => {
                    assert_eq!(state, "linked", "{person}");
                    if heard["version"] != 0 {
                        assert_eq!(json!(link.entitlements), heard["entitlements"], "{person}");
                    } else {
                        assert_eq!(link.entitlements, self.world.person(person).entitlements, "{person}");
                    }
                }
                None => assert!(["none", "unlinked"].contains(&state.as_str()), "{person} {state}"),
            }
        }
        // Sync makes no further call for subscribers who are not linked.
        self.world.advance(DAY);
        for task in ["sweep", "reconcile"] {
            self.sync.handle(&json!({"task": task}), LONG).await.unwrap();
        }
        let called = self.world.spotify().requests().to("/api/v1/");
        let linked = self.world.spotify().links().iter().filter(|link| !link.pending).count();
        assert_eq!(
            called.len(),
            linked,
            "the reconciliation checks each linked subscriber once and corrects nothing"
        );
    }
}

#[test]
fn spotify_converges_on_the_desired_entitlements() {
    check(24, &async |case, events| {
        for event in events {
            case.happens(event).await;
        }
    });
}

/// As on AWS, the table's stream feeds a worker while the schedules run the others.
#[test]
fn spotify_converges_while_the_table_stream_feeds_a_worker() {
    check(8, &async |case, events| {
        let aws = AwsConfig::from_env(&case.world.environment(&[])).unwrap();
        let stream = Stream::of_table(&aws, deployment::SUBSCRIBERS_TABLE).await.unwrap();
        let fed = Synchronizer::start(
            case.world.environment(&[("SPOTIFY_RATE", "1000")]),
            case.world.clock.clone(),
            Rng::System,
        );
        let fed = fed.await.unwrap();
        let story = async {
            for event in events {
                case.happens(event).await;
                // The stream needs time to deliver the record.
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
        };
        tokio::select! {
            ended = stream.feed(async |event| match filtered(&event) {
                Some(event) => fed.handle(&event, LONG).await.ok(),
                None => Some(json!({"batchItemFailures": []})),
            }) => panic!("{ended:?}"),
            () = story => {}
        }
    });
}

/// Runs `story` on `cases` random sequences of events and checks the final state of each.
fn check(cases: u32, story: &impl AsyncFn(&Case, &[Event])) {
    let config = Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(config);
    let events = prop::collection::vec(event(), 1..40);
    runner
        .run(&events, |events| {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.block_on(async {
                    let case = Case::new().await;
                    // Two people are linked at the start.
                    let before = [Event::Links(0, true), Event::Links(1, true), Event::Passes(20)];
                    for event in before.iter().chain([&Event::Run(false, usize::MAX)]) {
                        case.happens(event).await;
                    }
                    story(&case, &events).await;
                    let drifted = events.iter().any(|event| matches!(event, Event::Drifts(..)));
                    case.ends(drifted).await;
                });
            }));
            outcome.map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                TestCaseError::fail(text)
            })
        })
        .unwrap();
}
