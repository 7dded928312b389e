//! A simulated AWS Secrets Manager: versions and staging labels over the AWS JSON protocol, without checks of signatures.
//!
//! The simulated EventBridge uses the same protocol and the same address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::control::{self, Control};
use crate::event_bus::EventBus;
use crate::faults::Faults;
use crate::requests::Requests;
use crate::token_source::TokenSource;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// Prefix of the secrets' ARNs.
const ARN_PREFIX: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";

/// A simulated Secrets Manager. Clones share the secrets.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    secrets: Arc<Mutex<BTreeMap<String, Secret>>>,
    event_bus: EventBus,
    rng: TokenSource,
    control: Control,
}

#[derive(Debug)]
struct Secret {
    name: String,
    arn: String,
    created_ms: u64,
    changed_ms: u64,
    description: Option<String>,
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    id: String,
    value: SecretContent,
    stages: Vec<String>,
    created_ms: u64,
}

/// `SecretString` or `SecretBinary` (base64), as received.
#[derive(Clone, PartialEq, Eq)]
enum SecretContent {
    Text(String),
    Binary(String),
}

impl std::fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held(..)")
    }
}

/// An AWS error: type and message.
struct Fail(&'static str, &'static str);

const NOT_FOUND: Fail = Fail(
    "ResourceNotFoundException",
    "Secrets Manager can't find the specified secret.",
);

impl SecretsManager {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self {
            secrets: Arc::default(),
            event_bus: EventBus::default(),
            // A separate sequence, so that draws here do not shift Spotify's ids.
            rng: TokenSource::new(seed.map(|seed| seed ^ 0x7365_6372)),
            control: Control {
                logged: &["/"],
                ..Control::default()
            },
        }
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the request log.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.control.requests
    }

    /// Returns the versions of a secret with their staging labels. They change with each rotation. Empty if there is no such secret.
    pub(crate) fn versions(&self, name: &str) -> Vec<(String, Vec<String>)> {
        let secrets = self.secrets();
        let secret = secrets.values().find(|secret| secret.name == name);
        let versions = secret.into_iter().flat_map(|secret| &secret.versions);
        versions
            .map(|version| (version.id.clone(), version.stages.clone()))
            .collect()
    }

    /// Returns the bus of the simulated EventBridge.
    #[must_use]
    pub fn event_bus(&self) -> &EventBus {
        &self.event_bus
    }

    /// Returns the faults. Their path is `/`.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.control.faults
    }

    /// Creates a secret or adds a current version. The former current version becomes `AWSPREVIOUS`.
    pub fn put(&self, name: &str, value: &str) {
        let now = self.control.clock.now_ms();
        let mut secrets = self.secrets();
        let secret = secrets
            .entry(name.to_owned())
            .or_insert_with(|| self.new_secret(name, now));
        let version = Version {
            id: self.rng.uuid(),
            value: SecretContent::Text(value.to_owned()),
            stages: Vec::new(),
            created_ms: now,
        };
        secret.add(version, &[CURRENT.to_owned()]);
    }

    /// Removes a secret and all its versions.
    pub fn remove(&self, name: &str) {
        self.secrets().remove(name);
    }

    fn new_secret(&self, name: &str, now: u64) -> Secret {
        Secret {
            name: name.to_owned(),
            arn: format!("{ARN_PREFIX}{name}-{}", self.rng.base62(6)),
            created_ms: now,
            changed_ms: now,
            description: None,
            versions: Vec::new(),
        }
    }

    fn call(&self, action: &str, input: &Map<String, Value>) -> Result<Value, Fail> {
        match action {
            "CreateSecret" => self.create(input),
            "GetSecretValue" => self.get(input),
            "PutSecretValue" => self.put_value(input),
            "DescribeSecret" => self.describe(input),
            "UpdateSecretVersionStage" => self.move_stage(input),
            _ => Err(Fail(
                "UnknownOperationException",
                "The sandbox's Secrets Manager does not know this operation.",
            )),
        }
    }

    fn create(&self, input: &Map<String, Value>) -> Result<Value, Fail> {
        let name = text(input, "Name").ok_or(Fail("InvalidParameterException", "You must provide a name."))?;
        let now = self.control.clock.now_ms();
        let mut secrets = self.secrets();
        if secrets.contains_key(name) {
            return Err(Fail(
                "ResourceExistsException",
                "The operation failed because the secret already exists.",
            ));
        }
        let mut secret = self.new_secret(name, now);
        secret.description = text(input, "Description").map(str::to_owned);
        let mut answer = json!({"ARN": secret.arn, "Name": name});
        if let Some(value) = content_of(input)? {
            let id = self.version_id(input);
            answer = json!({"ARN": secret.arn, "Name": name, "VersionId": id});
            secret.add(
                Version {
                    id,
                    value,
                    stages: Vec::new(),
                    created_ms: now,
                },
                &[CURRENT.to_owned()],
            );
        }
        secrets.insert(name.to_owned(), secret);
        Ok(answer)
    }

    fn version_id(&self, input: &Map<String, Value>) -> String {
        text(input, "ClientRequestToken").map_or_else(|| self.rng.uuid(), str::to_owned)
    }

    fn get(&self, input: &Map<String, Value>) -> Result<Value, Fail> {
        let mut secrets = self.secrets();
        let secret = find(&mut secrets, input)?;
        let (id, stage) = (text(input, "VersionId"), text(input, "VersionStage"));
        let version = secret
            .versions
            .iter()
            .find(|version| match (id, stage) {
                (Some(id), Some(stage)) => version.id == id && version.has(stage),
                (Some(id), None) => version.id == id,
                (None, stage) => version.has(stage.unwrap_or(CURRENT)),
            })
            .ok_or(Fail(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret value for the version or staging label.",
            ))?;
        let (member, value) = match &version.value {
            SecretContent::Text(value) => ("SecretString", value),
            SecretContent::Binary(value) => ("SecretBinary", value),
        };
        Ok(json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": version.id,
            "VersionStages": version.stages,
            "CreatedDate": seconds(version.created_ms),
            member: value,
        }))
    }

    fn put_value(&self, input: &Map<String, Value>) -> Result<Value, Fail> {
        let now = self.control.clock.now_ms();
        let value = content_of(input)?.ok_or(Fail(
            "InvalidRequestException",
            "You must provide either SecretString or SecretBinary.",
        ))?;
        let stages = match input.get("VersionStages") {
            None | Some(Value::Null) => vec![CURRENT.to_owned()],
            Some(stages) => serde_json::from_value(stages.clone())
                .map_err(|_| Fail("InvalidParameterException", "VersionStages is not a list of strings."))?,
        };
        let id = self.version_id(input);
        let mut secrets = self.secrets();
        let secret = find(&mut secrets, input)?;
        match secret.versions.iter().find(|version| version.id == id) {
            // A repeated request.
            Some(version) if version.value == value => {}
            Some(_) => {
                return Err(Fail(
                    "ResourceExistsException",
                    "You can't use ClientRequestToken again with a different secret value.",
                ));
            }
            None => secret.add(
                Version {
                    id: id.clone(),
                    value,
                    stages: Vec::new(),
                    created_ms: now,
                },
                &stages,
            ),
        }
        let stages = secret
            .versions
            .iter()
            .find(|version| version.id == id)
            .map(|version| version.stages.clone());
        Ok(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages}))
    }

    fn describe(&self, input: &Map<String, Value>) -> Result<Value, Fail> {
        let mut secrets = self.secrets();
        let secret = find(&mut secrets, input)?;
        let stages: Map<String, Value> = secret
            .versions
            .iter()
            .filter(|version| !version.stages.is_empty())
            .map(|version| (version.id.clone(), version.stages.clone().into()))
            .collect();
        let mut answer = json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "CreatedDate": seconds(secret.created_ms),
            "LastChangedDate": seconds(secret.changed_ms),
            "VersionIdsToStages": stages,
        });
        if let (Some(members), Some(description)) = (answer.as_object_mut(), &secret.description) {
            members.insert("Description".to_owned(), description.clone().into());
        }
        Ok(answer)
    }

    fn move_stage(&self, input: &Map<String, Value>) -> Result<Value, Fail> {
        let stage = text(input, "VersionStage")
            .ok_or(Fail("InvalidParameterException", "You must provide a staging label."))?
            .to_owned();
        let (from, to) = (text(input, "RemoveFromVersionId"), text(input, "MoveToVersionId"));
        let mut secrets = self.secrets();
        let secret = find(&mut secrets, input)?;
        let holder = secret
            .versions
            .iter()
            .find(|version| version.has(&stage))
            .map(|version| version.id.clone());
        let is_known = |id: &str| secret.versions.iter().any(|version| version.id == id);
        if [from, to].into_iter().flatten().any(|id| !is_known(id)) {
            return Err(Fail(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified version.",
            ));
        }
        if holder.as_deref() != from && !(from.is_none() && holder.as_deref() == to) && holder.is_some() {
            return Err(Fail(
                "InvalidParameterException",
                "The parameter RemoveFromVersionId can't be empty or another version than the one with the label.",
            ));
        }
        if to.is_none() && stage == CURRENT {
            return Err(Fail(
                "InvalidParameterException",
                "You can't remove AWSCURRENT without moving it.",
            ));
        }
        secret.detach_stage(&stage);
        if let Some(to) = to {
            secret.attach_stage(to, &stage);
            if let Some(before) = holder.filter(|before| stage == CURRENT && before != to) {
                secret.detach_stage(PREVIOUS);
                secret.attach_stage(&before, PREVIOUS);
            }
        }
        secret.changed_ms = self.control.clock.now_ms();
        Ok(json!({"ARN": secret.arn, "Name": secret.name}))
    }
}

impl Version {
    fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|one| one == stage)
    }
}

impl Secret {
    /// Adds a version and moves labels to it. The first version always becomes current.
    fn add(&mut self, version: Version, stages: &[String]) {
        let id = version.id.clone();
        let is_first = self.versions.is_empty();
        self.changed_ms = version.created_ms;
        self.versions.push(version);
        let before = self
            .versions
            .iter()
            .find(|version| version.has(CURRENT))
            .map(|version| version.id.clone());
        for stage in stages {
            self.detach_stage(stage);
            self.attach_stage(&id, stage);
        }
        if is_first {
            self.detach_stage(CURRENT);
            self.attach_stage(&id, CURRENT);
        }
        if let Some(before) = before.filter(|_| stages.iter().any(|stage| stage == CURRENT)) {
            self.detach_stage(PREVIOUS);
            self.attach_stage(&before, PREVIOUS);
        }
    }

    fn detach_stage(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.retain(|one| one != stage);
        }
    }

    fn attach_stage(&mut self, id: &str, stage: &str) {
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.push(stage.to_owned());
        }
    }
}

fn text<'a>(input: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn content_of(input: &Map<String, Value>) -> Result<Option<SecretContent>, Fail> {
    match (text(input, "SecretString"), text(input, "SecretBinary")) {
        (Some(_), Some(_)) => Err(Fail(
            "InvalidParameterException",
            "You can't specify both a binary secret value and a string value.",
        )),
        (Some(value), None) => Ok(Some(SecretContent::Text(value.to_owned()))),
        (None, Some(value)) => Ok(Some(SecretContent::Binary(value.to_owned()))),
        (None, None) => Ok(None),
    }
}

/// Finds a secret by name, by ARN, or by ARN without its random suffix.
fn find<'a>(secrets: &'a mut BTreeMap<String, Secret>, input: &Map<String, Value>) -> Result<&'a mut Secret, Fail> {
    let id = text(input, "SecretId").ok_or(Fail("InvalidParameterException", "You must provide a SecretId."))?;
    let fits = |secret: &Secret| {
        secret.name == id
            || secret.arn == id
            || secret
                .arn
                .rsplit_once('-')
                .is_some_and(|(without_suffix, _)| without_suffix == id)
    };
    secrets.values_mut().find(|secret| fits(secret)).ok_or(NOT_FOUND)
}

/// Formats an AWS timestamp: seconds with a fraction.
fn seconds(ms: u64) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds stay exact for the next two hundred thousand years"
    )]
    let seconds = ms as f64 / 1000.0;
    seconds.into()
}

async fn operate(State(manager): State<SecretsManager>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let action = target.strip_prefix("secretsmanager.").unwrap_or_default();
    let outcome = match (target, serde_json::from_slice(&body)) {
        ("AWSEvents.PutEvents", Ok(Value::Object(input))) => {
            let put = manager.event_bus.put(&input, || manager.rng.uuid());
            put.map_err(|message| Fail("ValidationException", message))
        }
        (_, Ok(Value::Object(input))) => manager.call(action, &input),
        _ => Err(Fail("SerializationException", "The request is not a JSON object.")),
    };
    let (status, answer) = match outcome {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Fail(kind, message)) => (StatusCode::BAD_REQUEST, json!({"__type": kind, "Message": message})),
    };
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    if let Ok(request_id) = HeaderValue::try_from(manager.rng.uuid()) {
        headers.insert("x-amzn-requestid", request_id);
    }
    response
}

async fn list_events(State(manager): State<SecretsManager>) -> Json<Value> {
    Json(json!({"events": manager.event_bus.all()}))
}

async fn clear_events(State(manager): State<SecretsManager>) -> StatusCode {
    manager.event_bus.clear();
    StatusCode::NO_CONTENT
}

fn router(manager: SecretsManager) -> Router {
    let control = manager.control.clone();
    Router::new()
        .route("/", post(operate))
        .route("/_sandbox/events", get(list_events).delete(clear_events))
        .with_state(manager)
        .layer(middleware::from_fn_with_state(control.clone(), control::observe))
        .merge(control::routes(control))
}

pub(crate) fn serve(listener: TcpListener, manager: SecretsManager, stop: watch::Receiver<()>) {
    crate::wire::serve_guarded(listener, router(manager), stop);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the inputs are written where they are used"
    )]
    fn call(manager: &SecretsManager, action: &str, input: Value) -> Result<Value, &'static str> {
        manager
            .call(action, input.as_object().unwrap())
            .map_err(|Fail(kind, _)| kind)
    }

    fn value(manager: &SecretsManager, stage: &str) -> Result<Value, &'static str> {
        call(
            manager,
            "GetSecretValue",
            json!({"SecretId": "s", "VersionStage": stage}),
        )
        .map(|answer| answer["SecretString"].clone())
    }

    #[test]
    fn a_new_secret_value_becomes_current_and_the_old_one_previous() {
        let manager = SecretsManager::new(Some(1));
        call(&manager, "CreateSecret", json!({"Name": "s", "SecretString": "one"})).unwrap();
        assert_eq!(value(&manager, PREVIOUS), Err("ResourceNotFoundException"));
        call(
            &manager,
            "PutSecretValue",
            json!({"SecretId": "s", "SecretString": "two"}),
        )
        .unwrap();
        call(
            &manager,
            "PutSecretValue",
            json!({"SecretId": "s", "SecretString": "three"}),
        )
        .unwrap();
        assert_eq!(value(&manager, CURRENT), Ok("three".into()));
        assert_eq!(value(&manager, PREVIOUS), Ok("two".into()));
    }

    #[test]
    fn a_pending_secret_value_becomes_current_when_its_label_moves() {
        let manager = SecretsManager::new(None);
        manager.put("s", "one");
        let pending = json!({"SecretId": "s", "SecretString": "two", "VersionStages": ["AWSPENDING"]});
        let to = call(&manager, "PutSecretValue", pending).unwrap()["VersionId"].clone();
        assert_eq!(value(&manager, CURRENT), Ok("one".into()));
        let from = call(&manager, "GetSecretValue", json!({"SecretId": "s"})).unwrap()["VersionId"].clone();
        let mut step = json!({"SecretId": "s", "VersionStage": CURRENT, "MoveToVersionId": to});
        assert_eq!(
            call(&manager, "UpdateSecretVersionStage", step.clone()),
            Err("InvalidParameterException")
        );
        step["RemoveFromVersionId"] = from;
        call(&manager, "UpdateSecretVersionStage", step).unwrap();
        assert_eq!(value(&manager, CURRENT), Ok("two".into()));
        assert_eq!(value(&manager, PREVIOUS), Ok("one".into()));
    }

    #[test]
    fn a_secret_is_found_by_name_arn_and_arn_without_suffix() {
        let manager = SecretsManager::new(None);
        manager.put("s", "one");
        let arn = call(&manager, "DescribeSecret", json!({"SecretId": "s"})).unwrap()["ARN"].clone();
        let short = arn.as_str().unwrap().rsplit_once('-').unwrap().0.to_owned();
        for id in [arn, short.into()] {
            assert_eq!(
                call(&manager, "GetSecretValue", json!({"SecretId": id})).unwrap()["Name"],
                "s"
            );
        }
        assert_eq!(
            call(&manager, "GetSecretValue", json!({"SecretId": "x"})),
            Err("ResourceNotFoundException")
        );
    }

    #[test]
    fn a_request_token_accepts_only_one_secret_value() {
        let manager = SecretsManager::new(None);
        manager.put("s", "one");
        let put = |value: &str| {
            let token = "11111111-1111-4111-8111-111111111111";
            let input = json!({"SecretId": "s", "SecretString": value, "ClientRequestToken": token});
            call(&manager, "PutSecretValue", input)
        };
        put("two").unwrap();
        put("two").unwrap();
        assert_eq!(put("three"), Err("ResourceExistsException"));
        assert_eq!(value(&manager, PREVIOUS), Ok("one".into()));
    }

    #[test]
    fn creating_a_secret_twice_is_refused() {
        let manager = SecretsManager::new(None);
        call(&manager, "CreateSecret", json!({"Name": "s"})).unwrap();
        assert_eq!(
            call(&manager, "CreateSecret", json!({"Name": "s"})),
            Err("ResourceExistsException")
        );
        assert_eq!(value(&manager, CURRENT), Err("ResourceNotFoundException"));
    }
}
