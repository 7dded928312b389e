//! The jobs that functions are measured with: their variables, their events, what the stubs answer, and what makes a request and an answer right.

#![expect(clippy::indexing_slicing, reason = "a missing JSON member is null")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{digest, hmac};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use http::{Request, StatusCode, header};
use hyper::body::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{
    Failed,
    upstream::{Answered, Host, Upstreams},
};

const PARTNER_ID: &str = "0000000000000000000000";
const PARTNER_USER_ID: &str = "63e6d54b993a447fa1e81d25dd5f09ac";
const CLIENT_ID: &str = "00000000000000000000000000000000";
const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";
const SITE_KEY: &[u8] = b"the site's key, 32 bytes or more";
const BACKEND_KEY: &[u8] = b"the backend's key, 32 bytes or more";
const SITE: &str = "https://members.example.com";
const PUBLIC_URL: &str = "https://link.example.com";
const PENDING_LINKS_TABLE: &str = "pending-links";
const SUBSCRIBERS_TABLE: &str = "subscribers";
const PARTNERS_TABLE: &str = "partners";
const ACCESS_TOKEN: &str = "NgCXRKc0MzYjw0NgCXRKc0MzYjw0NgCXRKc0MzYjw0";
const COMPLETION_URL: &str =
    "https://content-access.spotify.com/oauth/success?partnerId=0000000000000000000000&state=ok";
/// Version of the entitlements of the stored subscriber.
const VERSION: i64 = 3;
/// The entitlements that replace those of the stored subscriber.
const NEW_ENTITLEMENTS: [&str; 2] = ["tier-a", "tier-c"];
const STATE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a function is measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// A person who is signed in is redirected to Spotify's consent.
    Entrypoint,
    /// A person returns from Spotify's consent, and the link is registered.
    Callback,
    /// The partner's backend unlinks a subscriber with a signed request. The service token is cached after the first event.
    Unlink,
    /// The partner's backend replaces the entitlements of a linked subscriber with a signed request.
    Entitlements,
    /// The stream reports one change of a linked subscriber, which Spotify is told.
    Sync,
    /// An operator lists the partners, of which there are none.
    Partners,
}

impl Job {
    pub(crate) const ALL: [Self; 6] = [
        Self::Callback,
        Self::Entrypoint,
        Self::Unlink,
        Self::Entitlements,
        Self::Sync,
        Self::Partners,
    ];

    /// The name of our function.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Entrypoint => "entrypoint",
            Self::Callback => "callback",
            Self::Unlink => "unlink",
            Self::Entitlements => "entitlements",
            Self::Sync => "sync",
            Self::Partners => "partners",
        }
    }

    /// Whether the references do this job too. They do what a person or a backend waits for.
    pub(crate) fn has_references(self) -> bool {
        !matches!(self, Self::Sync | Self::Partners)
    }

    /// Number of upstream requests of a warm event. An answer alone does not show that everything was done.
    pub(crate) fn warm_requests(self) -> usize {
        match self {
            Self::Entrypoint | Self::Partners => 1,
            Self::Entitlements => 2,
            Self::Callback | Self::Unlink | Self::Sync => 4,
        }
    }

    /// The variables of a function, as Lambda and the template set them.
    pub(crate) fn variables(self, upstreams: &Upstreams, runtime_api: String) -> Vec<(String, String)> {
        let origin = |host| upstreams.origin(host);
        let variables = [
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", self.name().to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
            ("_HANDLER", self.name().to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            (
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            ),
            ("AWS_ENDPOINT_URL_DYNAMODB", origin(Host::DynamoDb)),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", origin(Host::SecretsManager)),
            ("SPOTIFY_ACCOUNTS_URL", origin(Host::Accounts)),
            ("SPOTIFY_OPEN_ACCESS_URL", origin(Host::OpenAccess)),
            ("SOA_LINK_MEASURE_CA", upstreams.ca().display().to_string()),
            ("PUBLIC_URL", PUBLIC_URL.to_owned()),
            ("PARTNER_ID", PARTNER_ID.to_owned()),
            ("SPOTIFY_CLIENT_ID", CLIENT_ID.to_owned()),
            ("SPOTIFY_CLIENT_SECRET_ID", "client-secret".to_owned()),
            ("PARTNER_KEYS_ID", "partner-keys".to_owned()),
            ("PENDING_LINKS_TABLE", PENDING_LINKS_TABLE.to_owned()),
            ("SUBSCRIBERS_TABLE", SUBSCRIBERS_TABLE.to_owned()),
            ("PARTNERS_TABLE", PARTNERS_TABLE.to_owned()),
            ("SIGN_IN", "session".to_owned()),
            ("SIGN_IN_URL", format!("{SITE}/sign-in")),
            ("SESSION_COOKIE", "site_session".to_owned()),
            ("SITE_ISSUER", SITE.to_owned()),
            ("BACKEND_ISSUER", SITE.to_owned()),
            ("RETURN_URL", format!("{SITE}/account")),
            ("BRAND_NAME", "Example FM".to_owned()),
        ];
        variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// An event that was never sent before, because a signed request is valid once.
    pub(crate) fn event(self) -> Result<Bytes, Failed> {
        let text = match self {
            Self::Entrypoint => include_str!("../../events/entrypoint-signed-in.json"),
            Self::Callback => include_str!("../../events/callback.json"),
            Self::Unlink => include_str!("../../events/unlink-signed.json"),
            Self::Entitlements => include_str!("../../events/replace-entitlements.json"),
            Self::Sync => include_str!("../../events/stream.json"),
            Self::Partners => r#"{"command": "list-partners"}"#,
        };
        let gaps = match self {
            Self::Entrypoint | Self::Callback => vec![
                ("{{session}}", session()?),
                ("{{cookie}}", binding()),
                ("{{code}}", "NApCCgBkWtQNApCCgBkWtQ".to_owned()),
                ("{{state}}", STATE.to_owned()),
            ],
            Self::Unlink => request_gaps("/unlink", None)?,
            Self::Entitlements => request_gaps("/replace-entitlements", Some(&NEW_ENTITLEMENTS))?,
            Self::Sync => vec![("{{id}}", subscriber_id())],
            Self::Partners => Vec::new(),
        };
        let text = gaps
            .iter()
            .fold(text.to_owned(), |text, (gap, value)| text.replace(gap, value));
        Ok(text.into())
    }

    /// Fails unless the answer is the right one. `accounts` is the origin of Spotify's consent.
    pub(crate) fn verify(self, answer: &[u8], accounts: &str) -> Result<(), Failed> {
        let answer: Value = serde_json::from_slice(answer)?;
        let location = answer["headers"]["location"].as_str().unwrap_or_default();
        let cookie = answer["cookies"][0].as_str().unwrap_or_default();
        let is_right = match self {
            Self::Callback => {
                answer["statusCode"] == 302
                    && location == COMPLETION_URL
                    && cookie.starts_with("__Host-soa_link=; Max-Age=0;")
            }
            Self::Entrypoint => {
                let url = Url::parse(location)?;
                let parameter = |name: &str| {
                    url.query_pairs()
                        .find(|pair| pair.0 == name)
                        .map(|pair| pair.1.into_owned())
                };
                let has = |name: &str, length| parameter(name).is_some_and(|value| value.len() == length);
                answer["statusCode"] == 302
                    && location.starts_with(&format!("{accounts}/authorize?"))
                    && parameter("client_id").as_deref() == Some(CLIENT_ID)
                    && parameter("redirect_uri").as_deref() == Some("https://link.example.com/callback")
                    && has("state", 43)
                    && has("code_challenge", 43)
                    && cookie.starts_with("__Host-soa_link=")
                    && cookie.contains("Max-Age=600")
            }
            Self::Unlink => answer["statusCode"] == 204,
            Self::Entitlements => {
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
                let changed = json!({"entitlements": NEW_ENTITLEMENTS, "version": VERSION + 1});
                answer["statusCode"] == 202 && body == changed
            }
            Self::Sync => answer == json!({"batchItemFailures": []}),
            Self::Partners => answer == json!({"partners": [], "unfinished": []}),
        };
        if is_right {
            Ok(())
        } else {
            Err(format!("{} answered {answer}", self.name()).into())
        }
    }
}

/// Answers a request to `host` as the real service does.
pub(crate) fn respond(host: Host, request: &Request<Bytes>) -> Result<Answered, Failed> {
    let answered = |status, body: &Value, content| {
        Ok(Answered {
            status,
            body: body.to_string(),
            content,
        })
    };
    match host {
        Host::SecretsManager => {
            let (target, body) = signed_call(request)?;
            let (id, stage) = (text(&body, "SecretId")?, text(&body, "VersionStage")?);
            let content = format!("{target} {id} {stage}");
            // The secret was never rotated.
            if stage == "AWSPREVIOUS" {
                let error = json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret value."});
                return answered(StatusCode::BAD_REQUEST, &error, content);
            }
            let secret = json!({
                "ARN": format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{id}-AbCdEf"),
                "CreatedDate": 1_795_551_451.12,
                "Name": id,
                "SecretString": secret(&id).to_string(),
                "VersionId": "c2a4b5d6-0001-4f00-8a00-aaaaaaaaaaaa",
                "VersionStages": ["AWSCURRENT"],
            });
            answered(StatusCode::OK, &secret, content)
        }
        Host::DynamoDb => {
            let (target, body) = signed_call(request)?;
            let operation = target.trim_start_matches("DynamoDB_20120810.");
            let table = body["TableName"].as_str().unwrap_or_default();
            let answer = match (operation, table) {
                ("PutItem", PENDING_LINKS_TABLE) | ("TransactWriteItems", _) => json!({}),
                ("UpdateItem", SUBSCRIBERS_TABLE) if body["ReturnValues"] == "NONE" => json!({}),
                ("UpdateItem", PENDING_LINKS_TABLE) => json!({"Attributes": pending_link()}),
                ("UpdateItem", SUBSCRIBERS_TABLE) => json!({"Attributes": subscriber()}),
                ("GetItem", SUBSCRIBERS_TABLE) => json!({"Item": subscriber()}),
                ("Scan", PARTNERS_TABLE) => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
                _ => return Err(format!("unexpected {operation} of {table}").into()),
            };
            answered(StatusCode::OK, &answer, dynamodb_content(operation, &body))
        }
        Host::Accounts => {
            require(request, header::AUTHORIZATION.as_str(), |value| {
                value.starts_with("Basic ")
            })?;
            let form: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
            let names: Vec<_> = form.iter().map(|(name, _)| name.as_str()).collect();
            let scope = form.iter().find(|(name, _)| name == "scope");
            let scope = scope.map_or("user-soa-link", |(_, scope)| scope);
            let token =
                json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "scope": scope, "expires_in": 3600});
            answered(
                StatusCode::OK,
                &token,
                format!("{} {}", request.uri().path(), names.join(" ")),
            )
        }
        Host::OpenAccess => {
            require(request, header::AUTHORIZATION.as_str(), |value| {
                value == format!("Bearer {ACCESS_TOKEN}")
            })?;
            let path = request.uri().path();
            let content = format!("{path} {}", verified_payload(request.body())?);
            let answer = match path {
                "/api/v1/register-user" => json!({"completion_url": COMPLETION_URL}),
                "/api/v1/unlink-user" | "/api/v1/replace-entitlements" => json!({}),
                _ => return Err("unexpected call".into()),
            };
            answered(StatusCode::OK, &answer, content)
        }
    }
}

/// The operation and the body of a signed request to AWS.
fn signed_call(request: &Request<Bytes>) -> Result<(String, Value), Failed> {
    require(request, header::AUTHORIZATION.as_str(), |value| {
        value.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") && value.contains("Signature=")
    })?;
    let target = require(request, "x-amz-target", |_| true)?;
    Ok((target, serde_json::from_slice(request.body())?))
}

fn require(request: &Request<Bytes>, name: &str, is_right: impl Fn(&str) -> bool) -> Result<String, Failed> {
    let value = request.headers().get(name).and_then(|value| value.to_str().ok());
    let value = value.filter(|value| is_right(value));
    Ok(value.ok_or_else(|| format!("wrong or no header {name}"))?.to_owned())
}

fn text(body: &Value, member: &str) -> Result<String, Failed> {
    Ok(body[member].as_str().ok_or_else(|| format!("no {member}"))?.to_owned())
}

/// What a call to DynamoDB is about, without its random values and times.
fn dynamodb_content(operation: &str, body: &Value) -> String {
    let Some(items) = body["TransactItems"].as_array() else {
        return item_content(operation, body);
    };
    let items = items.iter().filter_map(Value::as_object).flatten();
    let items = items.map(|(operation, body)| item_content(operation, body));
    format!("{operation}: {}", items.collect::<Vec<_>>().join(", "))
}

/// What an operation on one item is about. Expressions with the same effect may have other words.
fn item_content(operation: &str, body: &Value) -> String {
    let names = |member: &str| {
        let mut names: Vec<_> = body[member]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names.join(" ")
    };
    let set = body["UpdateExpression"]
        .as_str()
        .unwrap_or_default()
        .matches(" = ")
        .count();
    let table = body["TableName"].as_str().unwrap_or_default();
    let returned = body["ReturnValues"].as_str().unwrap_or_default();
    format!(
        "{operation} {table} {}{} sets {set} returns {returned}",
        names("Key"),
        names("Item")
    )
}

/// The payload of a JWS that is signed with the client secret.
fn verified_payload(jws: &[u8]) -> Result<String, Failed> {
    let jws = std::str::from_utf8(jws)?;
    let (input, signature) = jws.rsplit_once('.').ok_or("no JWS")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    hmac::verify(&key, input.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(signature)?).map_err(|_| "wrong signature")?;
    let (_, payload) = input.split_once('.').ok_or("no JWS")?;
    Ok(String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(payload)?)?)
}

fn secret(id: &str) -> Value {
    if id == "client-secret" {
        return json!({"client_secret": CLIENT_SECRET});
    }
    let key = |kid, key| json!({"kty": "oct", "kid": kid, "alg": "HS256", "k": BASE64_URL_SAFE_NO_PAD.encode(key)});
    json!({
        "site": {"keys": [key("site", SITE_KEY)]},
        "backend": {"keys": [key("backend", BACKEND_KEY)]},
        "partner_user_id_key": BASE64_URL_SAFE_NO_PAD.encode([7; 32]),
    })
}

/// The consumed pending link.
fn pending_link() -> Value {
    let expires_at = now() + 500;
    json!({
        "id": {"S": format!("link#{}", sha256_hex(STATE))},
        "partner_id": {"S": PARTNER_ID},
        "partner_user_id": {"S": PARTNER_USER_ID},
        "sign_in_method": {"S": "session"},
        "browser_binding": {"S": sha256_hex(&binding())},
        "expires_at": {"N": expires_at.to_string()},
        "delete_at": {"N": (expires_at + 3600).to_string()},
        "entitlements": {"L": [{"S": "tier-a"}, {"S": "tier-b"}]},
        "code_verifier": {"S": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
        "consumed_by": {"S": "00000000000000000000000000000000"},
    })
}

/// A linked subscriber, whose entitlements the backend has changed: Spotify lacks one of them.
fn subscriber() -> Value {
    let now = now();
    let linked_at = (now - 86_400).to_string();
    let now = now.to_string();
    json!({
        "id": {"S": subscriber_id()},
        "partner_id": {"S": PARTNER_ID},
        "partner_user_id": {"S": PARTNER_USER_ID},
        "entitlements": {"L": [{"S": "tier-a"}, {"S": "tier-b"}]},
        "token_entitlements": {"L": [{"S": "tier-a"}, {"S": "tier-b"}]},
        "observed_entitlements": {"L": [{"S": "tier-a"}]},
        "version": {"N": VERSION.to_string()},
        "synced_version": {"N": (VERSION - 1).to_string()},
        "as_of": {"N": format!("{linked_at}000")},
        "link_state": {"S": "linked"},
        "link_since": {"N": linked_at},
        "link_evidence": {"S": "get-entitlements"},
        "next_try_at": {"N": now},
        "dirty_since": {"N": now},
        "registered_at": {"N": linked_at},
        "confirmed_at": {"N": linked_at},
        "dirty": {"S": "0"},
    })
}

fn subscriber_id() -> String {
    format!("{PARTNER_ID}#{PARTNER_USER_ID}")
}

/// What fills the event of a signed request to `path`. Each request has its own `jti`.
fn request_gaps(path: &str, entitlements: Option<&[&str]>) -> Result<Vec<(&'static str, String)>, Failed> {
    static JTI: AtomicU64 = AtomicU64::new(0);
    let jti = JTI.fetch_add(1, Ordering::Relaxed);
    let mut claims = json!({
        "iss": SITE,
        "aud": format!("{PUBLIC_URL}{path}"),
        "iat": now(),
        "exp": now() + 120,
        "jti": format!("{jti:032}"),
        "partner_id": PARTNER_ID,
        "partner_user_id": PARTNER_USER_ID,
    });
    if let (Some(entitlements), Some(claims)) = (entitlements, claims.as_object_mut()) {
        claims.insert("entitlements".to_owned(), entitlements.into());
    }
    let jws = signed("soa-request+jwt", "backend", BACKEND_KEY, &claims)?;
    let gaps = [
        ("{{length}}", jws.len().to_string()),
        ("{{jws_base64}}", BASE64_STANDARD.encode(&jws)),
    ];
    Ok(gaps.into())
}

/// The session token of the site.
fn session() -> Result<String, Failed> {
    let claims = json!({
        "iss": SITE,
        "aud": PUBLIC_URL,
        "sub": "member-1001",
        "iat": now(),
        "exp": now() + 86_400,
        "partner_user_id": PARTNER_USER_ID,
        "entitlements": ["tier-a", "tier-b"],
    });
    signed("JWT", "site", SITE_KEY, &claims)
}

fn signed(typ: &str, kid: &str, key: &[u8], claims: &Value) -> Result<String, Failed> {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    Ok(jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key))?)
}

/// The browser binding: a value and its tag, each of which may be any.
fn binding() -> String {
    "B".repeat(65)
}

fn sha256_hex(text: &str) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().flat_map(digits).collect()
}

#[expect(clippy::disallowed_methods, reason = "the benchmark reads the time itself")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(authorization: &str, body: &str) -> Request<Bytes> {
        let request = Request::post("/api/v1/register-user").header(header::AUTHORIZATION, authorization);
        let request = request.header("x-amz-target", "DynamoDB_20120810.PutItem");
        request.body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn an_unsigned_call_to_aws_is_an_error() {
        let body = json!({"TableName": PENDING_LINKS_TABLE, "Item": {"id": {"S": "link#1"}}}).to_string();
        assert!(respond(Host::DynamoDb, &call("Basic QQ==", &body)).is_err());
        let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129, SignedHeaders=host, Signature=0";
        assert!(respond(Host::DynamoDb, &call(signed, &body)).is_ok());
    }

    #[test]
    fn a_body_signed_with_another_secret_is_an_error() {
        let bearer = format!("Bearer {ACCESS_TOKEN}");
        let jws = |secret: &[u8]| {
            let claims = json!({"partner_id": PARTNER_ID});
            jsonwebtoken::encode(
                &Header::new(Algorithm::HS256),
                &claims,
                &EncodingKey::from_secret(secret),
            )
            .unwrap()
        };
        assert!(respond(Host::OpenAccess, &call(&bearer, &jws(b"another"))).is_err());
        let answered = respond(Host::OpenAccess, &call(&bearer, &jws(CLIENT_SECRET.as_bytes()))).unwrap();
        assert!(answered.body.contains(COMPLETION_URL));
    }

    #[test]
    fn calls_with_other_random_values_have_the_same_content() {
        let content = |owner: &str, operation: &str| {
            let body = json!({"TableName": "t", "Key": {"id": {"S": owner}}, "UpdateExpression": "SET a = :a"});
            dynamodb_content(operation, &body)
        };
        assert_eq!(content("one", "UpdateItem"), content("other", "UpdateItem"));
        assert_ne!(content("one", "UpdateItem"), content("one", "PutItem"));
    }

    #[test]
    fn a_transaction_has_the_content_of_all_its_items() {
        let put = json!({"TableName": "t", "Item": {"id": {"S": "1"}}});
        let content = |items: Value| dynamodb_content("TransactWriteItems", &json!({ "TransactItems": items }));
        let one = content(json!([{ "Put": put }]));
        assert_eq!(one, "TransactWriteItems: Put t id sets 0 returns ");
        assert_ne!(content(json!([{ "Put": put }, { "Put": put }])), one);
    }

    #[test]
    fn a_signed_request_is_never_sent_twice() {
        for job in [Job::Unlink, Job::Entitlements] {
            assert_ne!(job.event().unwrap(), job.event().unwrap());
        }
    }

    #[test]
    fn every_event_is_json_without_gaps() {
        for job in Job::ALL {
            let event = job.event().unwrap();
            assert!(serde_json::from_slice::<Value>(&event).is_ok(), "{job:?}");
            assert!(!String::from_utf8_lossy(&event).contains("{{"), "{job:?}");
        }
    }

    #[test]
    fn an_answer_with_another_location_is_wrong() {
        let answer = |location: &str| {
            json!({
                "statusCode": 302,
                "headers": {"location": location},
                "cookies": ["__Host-soa_link=; Max-Age=0; Path=/"],
            })
        };
        let verify = |answer: Value| Job::Callback.verify(answer.to_string().as_bytes(), "");
        assert!(verify(answer(COMPLETION_URL)).is_ok());
        assert!(verify(answer("https://content-access.spotify.com/")).is_err());
        assert!(verify(json!({"statusCode": 400})).is_err());
    }
}
