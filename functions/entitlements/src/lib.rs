//! `POST /get-entitlements`, `/add-entitlements`, `/replace-entitlements`, `/delete-entitlements`: signed requests of the partner's backend that read or write
//! entitlements, for 1 to 100 subscribers. A write is durable when the response is sent; sync brings it to Spotify.

mod request;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use shared::{
    clock::Clock,
    config::{Config as _, EntitlementsConfig, EntitlementsPartnerConfig, Environment},
    errors::{Error, Failure},
    jws::RequestId,
    log,
    partner::{self, PartnerId},
    registry::{PartnerEntry, PartnerRegistry},
    rng::Rng,
    runtime::{
        http::HttpFunction,
        startup::{Base, LinkStore, StartError},
    },
    sign_in::BackendVerifier,
    store::{Answered, Change, ChangeRequest, Subscriber, Subscribers},
    telemetry::{self, Code, metrics},
    urls::PublicUrl,
    web::{Request, Response},
};

use self::request::{Operation, SubscriberRequest, Targets, targets};

/// Upper bound of the subscribers of one request that are processed concurrently.
const CONCURRENCY: usize = 10;

/// The entitlements function.
pub struct Entitlements {
    public_url: PublicUrl,
    partners: PartnerRegistry<EntitlementsPartner>,
    link_store: LinkStore,
    subscribers: Subscribers,
    clock: Clock,
}

/// Settings and clients of one partner.
struct EntitlementsPartner {
    /// The partner's backend; without one no signed request is accepted.
    backend: Option<BackendVerifier>,
}

impl Entitlements {
    /// Executes a signed request. The response is the result for one subscriber, or a list of results in the order of the request.
    async fn execute_request(
        &self,
        request: &Request,
        partner: &PartnerEntry<EntitlementsPartner>,
        operation: Operation,
    ) -> Result<Response, Failure> {
        if !request.has_content_type("application/jwt") {
            return Err(Error::ContentType.into());
        }
        let keys = self.link_store.partner_keys.get().await?;
        let audience = self.public_url.join(request.path());
        let partner_id = &partner.partner_id;
        let backend = partner.config.backend.as_ref();
        let backend = backend.ok_or_else(Error::no_backend)?;
        let signed = backend.verify(&keys, request.body_text()?, &audience, partner_id).await;
        let signed = signed.map_err(Error::from)?;
        let targets = targets(&keys, partner_id, operation, &signed.claims, self.clock.now_ms())?;
        match targets {
            Targets::One(wanted) => {
                let pseudonym = keys.current.log_pseudonym(partner_id, &wanted.partner_user_id);
                telemetry::record_subject(partner_id.as_str(), &pseudonym);
                let result = match &wanted.change {
                    None => {
                        self.record(&signed.id).await?;
                        self.read(partner_id, &wanted).await?
                    }
                    Some(change) => self.write(partner_id, &signed.id, &wanted, change).await?,
                };
                Ok(Response::json(
                    result.code(),
                    operation.status(),
                    &result.to_json().into(),
                ))
            }
            Targets::Many(wanted) => {
                // Not an error if it is a repetition: what it has not done yet is done now.
                self.record(&signed.id).await?;
                let (people, errors) = self.execute_all(partner_id, &signed.id, operation, &wanted).await;
                let code = match operation {
                    Operation::Get => Code::EntitlementsRead,
                    _ if errors.is_empty() => Code::EntitlementsWritten,
                    _ => Code::EntitlementsPartlyWritten,
                };
                log_errors(&errors);
                Ok(Response::json(code, operation.status(), &json!({ "people": people })))
            }
        }
    }

    /// Executes the requests for several subscribers. Returns their results in order, and the log codes of the server errors.
    async fn execute_all(
        &self,
        partner_id: &PartnerId,
        request: &RequestId,
        operation: Operation,
        wanted: &[Result<SubscriberRequest, Error>],
    ) -> (Vec<Value>, Vec<Code>) {
        let mut results = Vec::with_capacity(wanted.len());
        let mut errors = Vec::new();
        let wanted: Vec<_> = wanted.iter().enumerate().collect();
        for some in wanted.chunks(CONCURRENCY) {
            let some = some
                .iter()
                .map(|(place, wanted)| self.execute_one(partner_id, request.for_person(*place), operation, wanted));
            for (result, error) in join_all(some).await {
                results.push(result);
                errors.extend(error);
            }
        }
        (results, errors)
    }

    /// Records the request, also if it is a repetition.
    async fn record(&self, id: &RequestId) -> Result<(), Error> {
        let recorded = self.link_store.pending_links.record_request(id).await;
        recorded.map(drop).map_err(Error::of_request_use)
    }

    async fn read(&self, partner_id: &PartnerId, wanted: &SubscriberRequest) -> Result<OperationResult, Error> {
        let read = self.subscribers.get(partner_id, &wanted.partner_user_id).await;
        Ok(OperationResult::Read(Box::new(read?)))
    }

    async fn write(
        &self,
        partner_id: &PartnerId,
        id: &RequestId,
        wanted: &SubscriberRequest,
        change: &Change,
    ) -> Result<OperationResult, Error> {
        let request = ChangeRequest {
            id,
            partner_id,
            partner_user_id: &wanted.partner_user_id,
            change,
            expected: wanted.expected,
            as_of: wanted.as_of,
            lane: wanted.lane,
            give_up_at: wanted.give_up_at,
        };
        let pending_links = &self.link_store.pending_links;
        let written = self
            .subscribers
            .change(pending_links, request, self.clock.now_ms())
            .await;
        Ok(OperationResult::Written(written?))
    }

    /// Executes the request for one of several subscribers. Returns its result, and the log code if it is a server error.
    async fn execute_one(
        &self,
        partner_id: &PartnerId,
        id: RequestId,
        operation: Operation,
        wanted: &Result<SubscriberRequest, Error>,
    ) -> (Value, Option<Code>) {
        let done = match wanted {
            Ok(wanted) => match &wanted.change {
                None => self.read(partner_id, wanted).await,
                Some(change) => self.write(partner_id, &id, wanted, change).await,
            },
            Err(Error::InvalidMember(invalid)) => Err(Error::InvalidMember(invalid.clone())),
            Err(Error::UnknownMember(member)) => Err(Error::UnknownMember(member.clone())),
            Err(_) => Err(Error::Internal("person")),
        };
        match done {
            Ok(result) => {
                let mut result = result.to_json();
                result.insert("status".to_owned(), operation.status().as_u16().into());
                (result.into(), None)
            }
            Err(error) => {
                let kind = error.kind();
                let mut result = json!({"status": kind.status, "code": kind.code, "detail": error.explanation()});
                if let (Some(member), Some(result)) = (error.member(), result.as_object_mut()) {
                    result.insert("member".to_owned(), member.into());
                }
                (result, kind.is_server_error().then_some(kind.log))
            }
        }
    }
}

/// Logs and counts the errors of a request for several subscribers, because the request's own log line does not contain them.
fn log_errors(errors: &[Code]) {
    for code in Code::ALL {
        let people = errors.iter().filter(|error| *error == code).count();
        if people > 0 {
            log!(error, *code, people);
            metrics::count_fault(*code);
        }
    }
}

/// The result of an operation for one subscriber.
enum OperationResult {
    Read(Box<Subscriber>),
    Written(Answered),
}

impl OperationResult {
    fn code(&self) -> Code {
        match self {
            Self::Read(_) => Code::EntitlementsRead,
            Self::Written(written) if written.repeated => Code::RequestRepeated,
            Self::Written(written) if written.superseded => Code::EntitlementsSuperseded,
            Self::Written(_) => Code::EntitlementsWritten,
        }
    }

    fn to_json(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut insert = |name: &str, value| members.insert(name.to_owned(), value);
        match self {
            Self::Read(subscriber) => {
                let link = &subscriber.link;
                let link = json!({"state": link.state.as_str(), "since": link.since, "evidence": link.evidence});
                insert("entitlements", names(subscriber.desired()));
                insert("version", subscriber.version.into());
                insert("link", link);
            }
            Self::Written(written) => {
                insert("entitlements", names(Some(&written.entitlements)));
                insert("version", written.version.into());
                if written.superseded {
                    insert("superseded", true.into());
                }
            }
        }
        members
    }
}

fn names(entitlements: Option<&partner::Entitlements>) -> Value {
    let names = entitlements.into_iter().flat_map(partner::Entitlements::iter);
    names.collect()
}

impl HttpFunction for Entitlements {
    const NAME: &'static str = "entitlements";

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = EntitlementsConfig::from_environment(environment.clone())?;
        let base = Base::new(environment, clock, rng)?;
        let aws = &config.link_store.aws;
        let (http, clock) = (base.http.clone(), base.clock.clone());
        let build = move |environment| {
            let backend = EntitlementsPartnerConfig::from_environment(environment)?.backend;
            let backend = backend.map(|backend| BackendVerifier::new(backend, &http, &clock));
            Ok(EntitlementsPartner { backend })
        };
        let partners = base.registry(config.partner_id, config.partners_table, aws, build)?;
        let subscribers = Subscribers::new(aws.dynamodb(&base.http), config.subscribers_table.clone());
        let link_store = base.link_store(&config.link_store, None).await?;
        Ok(Self {
            public_url: config.public_url,
            partners,
            link_store,
            subscribers,
            clock: base.clock,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Failure> {
        let route = request.route().ok_or(Error::NotFound)?;
        let operation = Operation::from_route(route.name).ok_or(Error::NotFound)?;
        let partner = self.partners.resolve(route.partner_id.as_ref()).await?;
        self.execute_request(request, &partner, operation).await
    }
}
