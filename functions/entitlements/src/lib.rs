//! `POST /get-entitlements`, `/add-entitlements`, `/replace-entitlements`, `/delete-entitlements`: the partner's backend asks, or says, what people may hear, by
//! a signed request about one person or up to a hundred. What is answered is durable; Spotify follows.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, ConfigError, EntitlementsConfig, Environment, Pages, PublicUrl},
    directory::{Directory, Site},
    encoding::hex,
    http::{Failure, Function, Outcome, Problem, Request, StatusCode, json as answer},
    jws::JwsError,
    log,
    outbound::Outbound,
    partner::{self, PartnerId, PartnerUserId},
    secrets::Versions,
    sign_in::{Backend, PartnerKeys, person_meant},
    start::{StartError, Storage},
    store::{Change, Subscriber, Subscribers},
    telemetry::{Code, metrics},
};

/// The most people of one request.
const MOST_PEOPLE: usize = 100;
/// How many of them are written at once.
const AT_ONCE: usize = 10;

/// The function and what it works with.
pub struct Entitlements {
    public_url: PublicUrl,
    /// Each partner's backend; without one no signed request is taken.
    partners: Directory<Option<Backend>>,
    storage: Storage,
    subscribers: Subscribers,
    pages: Pages,
    clock: Clock,
    chance: Chance,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Get,
    Add,
    Replace,
    Delete,
}

/// One person of a request, and what is to be done about them.
struct Task {
    partner_user_id: PartnerUserId,
    /// Nothing: to be read.
    change: Option<Change>,
    /// The version that the backend has seen.
    expected: Option<i64>,
}

impl Operation {
    fn of_route(name: &str) -> Option<Self> {
        Some(match name {
            "get-entitlements" => Self::Get,
            "add-entitlements" => Self::Add,
            "replace-entitlements" => Self::Replace,
            "delete-entitlements" => Self::Delete,
            _ => return None,
        })
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

impl Entitlements {
    /// The function, as this process is configured.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of_process() -> Result<Self, StartError> {
        Self::start(Environment::of_process(), Clock::System, Chance::System).await
    }

    /// The function, its keys read and its connection to DynamoDB open.
    ///
    /// # Errors
    /// [`StartError`] when the configuration or the partner's keys are not what they must be.
    pub async fn start(environment: Environment, clock: Clock, chance: Chance) -> Result<Self, StartError> {
        let config = EntitlementsConfig::from_environment(environment.clone())?;
        let outbound = Outbound::new()?;
        let dynamodb = config.storage.aws.dynamodb(&outbound);
        let (partner_id, table, aws) = (config.partner_id, config.partners_table, &config.storage.aws);
        let partners = Directory::new(partner_id, table, aws, environment, &outbound, &clock, backend)?;
        let subscribers = Subscribers::new(dynamodb, config.subscribers_table.clone());
        let storage = Storage::start_for_backend(&config.storage, &outbound, &clock).await?;
        Ok(Self {
            public_url: config.public_url,
            partners,
            storage,
            subscribers,
            pages: Pages::default(),
            clock,
            chance,
        })
    }

    /// Does what the backend signed: for one person, whose answer is the answer; or for each of `people`, whose answers stand in their order.
    async fn requested(
        &self,
        request: &Request,
        site: &Site<Option<Backend>>,
        operation: Operation,
    ) -> Result<Outcome, Failure> {
        if !request.has_content_type("application/jwt") {
            return Err(Problem::Malformed("content-type").into());
        }
        let keys = self.storage.partner_keys.get().await?;
        let audience = self.public_url.at(request.path());
        let partner_id = &site.partner_id;
        let backend = site.own.as_ref().as_ref().ok_or(Problem::Token(JwsError::UnknownKey))?;
        let asked = backend
            .request(&keys, request.body_text()?, &audience, partner_id)
            .await;
        let asked = asked.map_err(Problem::from)?;
        let people = people(&keys, partner_id, operation, &asked.claims)?;
        // Spent before anything is done: a request that is stolen and sent again has no effect, however it ended.
        let invocation = hex(&self.chance.bytes::<16>()?);
        self.storage.pending_links.use_once(&asked.jti, &invocation).await?;
        let (status, mut code) = match operation {
            Operation::Get => (StatusCode::OK, Code::EntitlementsRead),
            _ => (StatusCode::ACCEPTED, Code::EntitlementsWritten),
        };
        let body = match people {
            People::One(task) => {
                request.is_about(partner_id, &keys.current.log_name(partner_id, &task.partner_user_id));
                told(operation, &self.carry_out(partner_id, &task).await?).into()
            }
            People::Many(tasks) => {
                let mut answers = Vec::with_capacity(tasks.len());
                let mut faults = Vec::new();
                for some in tasks.chunks(AT_ONCE) {
                    let some = some
                        .iter()
                        .map(|task| self.answered(partner_id, operation, status, task));
                    for (answer, fault) in join_all(some).await {
                        answers.push(answer);
                        faults.extend(fault);
                    }
                }
                // A request that came through says nothing of those who did not.
                for fault in Code::ALL {
                    let people = faults.iter().filter(|code| *code == fault).count();
                    if people > 0 {
                        log!(error, *fault, people);
                        metrics::fault(*fault);
                    }
                }
                if !faults.is_empty() && operation != Operation::Get {
                    code = Code::EntitlementsPartlyWritten;
                }
                json!({ "people": answers })
            }
        };
        Ok(Outcome {
            code,
            answer: answer(status, &body),
        })
    }

    async fn carry_out(&self, partner_id: &PartnerId, task: &Task) -> Result<Subscriber, Problem> {
        let (who, subscribers) = (&task.partner_user_id, &self.subscribers);
        match &task.change {
            None => Ok(subscribers.get(partner_id, who).await?),
            Some(change) => {
                let now = self.clock.now();
                Ok(subscribers.change(partner_id, who, change, task.expected, now).await?)
            }
        }
    }

    /// One answer of many; and the code of what kept us from giving another, if something did.
    async fn answered(
        &self,
        partner_id: &PartnerId,
        operation: Operation,
        status: StatusCode,
        task: &Result<Task, Problem>,
    ) -> (Value, Option<Code>) {
        let done = match task {
            Ok(task) => self.carry_out(partner_id, task).await,
            Err(Problem::Member(member)) => Err(Problem::Member(member.clone())),
            Err(_) => Err(Problem::Fault("person")),
        };
        match done {
            Ok(subscriber) => {
                let mut told = told(operation, &subscriber);
                told.insert("status".to_owned(), status.as_u16().into());
                (told.into(), None)
            }
            Err(Problem::Member(member)) => {
                let (status, code) = Problem::Member(String::new()).told();
                let told = json!({"status": status.as_u16(), "code": code, "member": member});
                (told, None)
            }
            Err(problem) => {
                let (status, code) = problem.told();
                let told = json!({"status": status.as_u16(), "code": code});
                (told, status.is_server_error().then(|| problem.log_code()))
            }
        }
    }
}

/// A partner's backend, if it has one.
fn backend(environment: Environment, outbound: &Outbound, clock: &Clock) -> Result<Option<Backend>, ConfigError> {
    let config = EntitlementsConfig::from_environment(environment)?;
    let jwks_url = config.backend_jwks_url.as_ref();
    Ok(config
        .backend_issuer
        .map(|issuer| Backend::new(issuer, jwks_url, outbound, clock)))
}

/// What a request is about.
enum People {
    One(Task),
    /// Each by itself: what is wrong with one is nothing to the others.
    Many(Vec<Result<Task, Problem>>),
}

fn people(
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
    operation: Operation,
    claims: &Map<String, Value>,
) -> Result<People, Problem> {
    let Some(people) = claims.get("people") else {
        return Ok(People::One(task(keys, partner_id, operation, claims, "")?));
    };
    let others = ["sub", "partner_user_id", "entitlements", "version"];
    if let Some(other) = others.iter().find(|other| claims.contains_key(**other)) {
        return Err(Problem::Member((*other).to_owned()));
    }
    let people = people
        .as_array()
        .filter(|people| (1..=MOST_PEOPLE).contains(&people.len()));
    let people = people.ok_or_else(|| Problem::Member("people".to_owned()))?;
    let mut named = HashSet::new();
    let tasks = people.iter().enumerate().map(|(place, person)| {
        let place = format!("people[{place}]");
        let person = person.as_object().ok_or_else(|| Problem::Member(place.clone()))?;
        let task = task(keys, partner_id, operation, person, &format!("{place}."))?;
        // In which order two changes of one person were meant, nobody can tell.
        if named.insert(task.partner_user_id.expose().to_owned()) {
            Ok(task)
        } else {
            Err(Problem::Member(place))
        }
    });
    Ok(People::Many(tasks.collect()))
}

/// Reads what is to be done about one person; `at` is where they stand in the request.
fn task(
    keys: &Versions<PartnerKeys>,
    partner_id: &PartnerId,
    operation: Operation,
    claims: &Map<String, Value>,
    at: &str,
) -> Result<Task, Problem> {
    let partner_user_id = person_meant(keys, partner_id, claims).map_err(|error| match error {
        JwsError::Claim(name) => Problem::Member(format!("{at}{name}")),
        error => Problem::Token(error),
    })?;
    let expected = match claims.get("version") {
        None => None,
        Some(version) => {
            let version = version
                .as_i64()
                .filter(|version| *version >= 0 && operation != Operation::Get);
            Some(version.ok_or_else(|| Problem::Member(format!("{at}version")))?)
        }
    };
    let change = match (operation, claims.get("entitlements")) {
        (Operation::Get, None) => None,
        (Operation::Get, Some(_)) => return Err(Problem::Member(format!("{at}entitlements"))),
        (_, entitlements) => operation.change(names(entitlements, at)?),
    };
    Ok(Task {
        partner_user_id,
        change,
        expected,
    })
}

/// The names of a set, or which of them is none.
fn names(entitlements: Option<&Value>, at: &str) -> Result<partner::Entitlements, Problem> {
    let at_fault = |place: &str| Problem::Member(format!("{at}entitlements{place}"));
    let names = entitlements.and_then(Value::as_array).ok_or_else(|| at_fault(""))?;
    let mut good = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let name = name.as_str().filter(|name| partner::Entitlement::parse(name).is_ok());
        good.push(name.ok_or_else(|| at_fault(&format!("[{place}]")))?);
    }
    partner::Entitlements::parse(good).map_err(|_| at_fault(""))
}

/// What is told of a person: to whoever asked, the link too.
fn told(operation: Operation, subscriber: &Subscriber) -> Map<String, Value> {
    let entitlements: Vec<_> = subscriber
        .wanted()
        .into_iter()
        .flat_map(shared::partner::Entitlements::iter)
        .collect();
    let link = &subscriber.link;
    let link = json!({"state": link.state.as_str(), "since": link.since, "evidence": link.evidence});
    let mut told = Map::from_iter([
        ("entitlements".to_owned(), entitlements.into()),
        ("version".to_owned(), subscriber.version.into()),
    ]);
    if operation == Operation::Get {
        told.insert("link".to_owned(), link);
    }
    told
}

impl Function for Entitlements {
    const NAME: &'static str = "entitlements";
    const FOR_PROGRAMS: bool = true;

    fn pages(&self) -> &Pages {
        &self.pages
    }

    fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, Failure> {
        let route = request.route().ok_or(Problem::NotFound)?;
        let operation = Operation::of_route(route.name).ok_or(Problem::NotFound)?;
        request.only("POST")?;
        let site = self.partners.site(route.partner_id.as_ref()).await?;
        self.requested(request, &site, operation).await
    }
}
