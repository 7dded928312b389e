//! Measures how fast sync converges after an outage, and with how many calls. Of `PEOPLE` subscribers (default 10,000), a fifth change during an outage of ten
//! minutes, in which Spotify answers only 503. The simulated clock jumps from sweep to sweep. The rate limiter spaces calls in real time, at `SPOTIFY_RATE`
//! (default 200 a second). The lower bound is the number of changed subscribers divided by that rate.

#![expect(clippy::print_stdout, reason = "the benchmark prints its results")]
#![expect(clippy::indexing_slicing, reason = "a missing JSON member is null")]

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Display,
    str::FromStr,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::StreamSpecification;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::ClientBuilder;
use sandbox::{Addresses, Fault, Key, Link, Options, RoutesError, Sandbox, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    config::Environment,
    http_client::HttpClient,
    partner::{PartnerId, PartnerUserId},
    rng::Rng,
    runtime::worker::EventFunction as _,
    secret::sha256_hex,
    store::Subscribers,
};
use sync::Synchronizer;

type Done<T> = Result<T, Box<dyn Error>>;

/// Interval between two sweeps, in seconds, as in `infra/template.yaml`.
const MINUTE: i64 = 60;
/// A time limit longer than any run.
const LONG: Duration = Duration::from_hours(1);
const GET: &str = "/api/v1/get-entitlements";
const REPLACE: &str = "/api/v1/replace-entitlements";

struct World {
    sandbox: Sandbox,
    clock: Clock,
    sync: Synchronizer,
    subscribers: Subscribers,
    people: Vec<String>,
}

#[tokio::main]
async fn main() -> Done<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let people: usize = variable("PEOPLE", 10_000)?;
    let rate: u32 = variable("SPOTIFY_RATE", 200)?;
    // Boxed: the future holds the whole sandbox and is too large for the stack.
    let world = Box::pin(World::new(people, rate)).await?;
    measured("all subscribers linked and synced", people, world.converge().await?);

    world.sandbox.spotify().requests().clear();
    world.sandbox.spotify().faults().add(Fault {
        status: Some(503),
        times: None,
        ..Fault::on("/api/")
    });
    let changed: Vec<_> = world.people.iter().step_by(5).cloned().collect();
    let wrote = Instant::now();
    world.say(&changed, &["basic", "gold"]).await?;
    measured("a fifth of the subscribers changed", changed.len(), wrote.elapsed());
    for _ in 0..10 {
        world.sweep().await?;
    }
    let failed = world.statuses(REPLACE);
    println!("during the outage of 10 min: {failed:?} answers to replace-entitlements, by status");

    world.sandbox.spotify().requests().clear();
    world.sandbox.spotify().faults().clear();
    let (ended, began) = (world.clock.now(), Instant::now());
    let paced = world.converge().await?;
    measured("all changes synced", changed.len(), paced);
    let floor = Duration::from_secs(changed.len().try_into()?) / rate;
    println!(
        "  {:.2} times the lower bound, {} s of simulated time after the outage",
        began.elapsed().div_duration_f64(floor),
        world.clock.now() - ended
    );
    println!(
        "  answers by status: {:?} to replace-entitlements, {:?} to get-entitlements",
        world.statuses(REPLACE),
        world.statuses(GET)
    );
    let wrong = world.wrong(&changed);
    println!("  subscribers whose entitlements at Spotify differ: {wrong}");
    if wrong > 0 || world.statuses(REPLACE) != BTreeMap::from([(200, changed.len())]) {
        return Err("not every change was synced by exactly one call".into());
    }
    Ok(())
}

impl World {
    async fn new(people: usize, rate: u32) -> Done<Self> {
        let clock = Clock::ahead();
        let options = deployment::with_secrets(Options {
            backend_key: Key {
                kid: "backend".to_owned(),
                secret: b"the backend's key, 32 bytes or more".to_vec(),
            },
            ..Options::default()
        });
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let environment = environment(&options, &addresses, rate);
            deployment::create_tables(&environment).await?;
            without_stream(&environment).await?;
            deployment::routes(&environment, &clock, &Rng::System).await
        });
        let sandbox = sandbox.await?;
        let variables = || environment(&options, sandbox.addresses(), rate);
        let sync = Synchronizer::start(variables(), clock.clone(), Rng::System).await?;
        let aws = AwsConfig::from_env(&variables()).ok_or("no AWS variables")?;
        let subscribers = Subscribers::new(
            aws.dynamodb(&HttpClient::new()?),
            deployment::SUBSCRIBERS_TABLE.to_owned(),
        );
        let people = (0..people).map(|n| format!("{n:064x}")).collect();
        let world = Self {
            sandbox,
            clock,
            sync,
            subscribers,
            people,
        };
        world.link().await?;
        Ok(world)
    }

    /// Links all subscribers at Spotify with the desired entitlements, as after their journeys.
    async fn link(&self) -> Done<()> {
        let partner_id = &self.sandbox.options().partner_id;
        self.say(&self.people, &["basic"]).await?;
        for person in &self.people {
            self.sandbox.spotify().force_link(Link {
                partner_id: partner_id.clone(),
                partner_user_id: person.clone(),
                account: format!("account of {person}"),
                entitlements: vec!["basic".to_owned()],
                pending: false,
                since_ms: 0,
            });
            let (partner_id, person) = (PartnerId::parse(partner_id)?, PartnerUserId::parse(person)?);
            let now = self.clock.now();
            self.subscribers
                .begin_registration(&partner_id, &person, None, now)
                .await?;
        }
        self.clock.advance(MINUTE);
        Ok(())
    }

    /// Replaces entitlements as the partner's backend, with a hundred subscribers in each request.
    async fn say(&self, people: &[String], entitlements: &[&str]) -> Done<()> {
        let options = self.sandbox.options();
        let url = format!("{}/replace-entitlements", self.sandbox.addresses().gateway);
        let header = Header {
            typ: Some("soa-request+jwt".to_owned()),
            kid: Some(options.backend_key.kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let key = EncodingKey::from_secret(&options.backend_key.secret);
        let http = ClientBuilder::new().no_proxy().build()?;
        for hundred in people.chunks(100) {
            let now = self.clock.now();
            let each = hundred
                .iter()
                .map(|person| json!({"partner_user_id": person, "entitlements": entitlements}));
            let claims = json!({
                "iss": options.site_issuer(self.sandbox.addresses()),
                "aud": url,
                "iat": now,
                "exp": now + 300,
                "jti": sha256_hex(&format!("{entitlements:?} {}", hundred.join(" "))),
                "partner_id": options.partner_id,
                "people": each.collect::<Vec<_>>(),
            });
            let request = http.post(&url).header("content-type", "application/jwt");
            let answer = request
                .body(jsonwebtoken::encode(&header, &claims, &key)?)
                .send()
                .await?;
            let answer: Value = serde_json::from_str(&answer.error_for_status()?.text().await?)?;
            let results = answer["people"].as_array().ok_or("no people in the answer")?;
            if results.len() != hundred.len() || results.iter().any(|one| one["status"] != 202) {
                return Err(format!("not all subscribers were accepted: {answer}").into());
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Done<()> {
        self.sync.handle(&json!({"task": "sweep"}), LONG).await?;
        self.clock.advance(MINUTE);
        Ok(())
    }

    /// Sweeps until no subscriber is dirty, and returns the duration of the sweeps.
    async fn converge(&self) -> Done<Duration> {
        let mut took = Duration::ZERO;
        loop {
            if self.subscribers.count_dirty().await? == 0 {
                return Ok(took);
            }
            let began = Instant::now();
            self.sweep().await?;
            took += began.elapsed();
        }
    }

    fn statuses(&self, path: &str) -> BTreeMap<u16, usize> {
        let mut statuses = BTreeMap::new();
        for request in self.sandbox.spotify().requests().to(path) {
            *statuses.entry(request.status.unwrap_or(0)).or_default() += 1;
        }
        statuses
    }

    fn wrong(&self, changed: &[String]) -> usize {
        let partner_id = &self.sandbox.options().partner_id;
        let wanted = |person| -> &[&str] {
            if changed.binary_search(person).is_ok() {
                &["basic", "gold"]
            } else {
                &["basic"]
            }
        };
        let has = |person: &String| {
            self.sandbox
                .spotify()
                .link(partner_id, person)
                .map(|link| link.entitlements)
        };
        let wrong = self
            .people
            .iter()
            .filter(|person| has(person).is_none_or(|has| has != wanted(person)));
        wrong.count()
    }
}

/// Disables the table's stream. The benchmark does not read it, and the emulator scans all of it at each write.
async fn without_stream(environment: &Environment) -> Result<(), RoutesError> {
    let aws = AwsConfig::from_env(environment).ok_or("no AWS variables")?;
    let dynamodb = aws.dynamodb(&HttpClient::new()?);
    let none = StreamSpecification::builder().stream_enabled(false).build()?;
    let table = dynamodb.update_table().table_name(deployment::SUBSCRIBERS_TABLE);
    table.stream_specification(none).send().await?;
    Ok(())
}

fn environment(options: &Options, addresses: &Addresses, rate: u32) -> Environment {
    let mut variables: BTreeMap<_, _> = deployment::variables(options, addresses).into_iter().collect();
    variables.insert("SPOTIFY_RATE".to_owned(), rate.to_string());
    variables.into_iter().collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment of the benchmark, not of a function"
)]
fn variable<T: FromStr<Err: Error + 'static>>(name: &str, default: T) -> Done<T> {
    env::var(name).map_or(Ok(default), |value| Ok(value.parse()?))
}

fn measured(what: impl Display, people: usize, took: Duration) {
    let seconds = took.as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        reason = "the number of people is small enough to be exact"
    )]
    let each = people as f64 / seconds;
    println!("{what}: {people} people in {seconds:.1} s, {each:.0} a second");
}
