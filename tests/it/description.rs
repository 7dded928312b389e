//! infra/openapi.json is what the functions do: `world` has every answer to a described operation looked at here, and what was asked when it was granted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use reqwest::Request;
use sandbox::{Options, Route, Sandbox};
use serde_json::{Map, Value, json};
use shared::{
    clock::Clock,
    encoding::{base64url, from_base64url},
};
use url::form_urlencoded;

use crate::world::{Answer, World};

/// The description, and those of its schemas that have been needed so far.
struct Description {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// What was sent.
struct Asked<'a> {
    content_type: &'a str,
    body: &'a str,
}

/// Fails unless the answer to a request is as the description says. What is no operation of it is left alone, and so is what is sent elsewhere than to `gateway`.
pub(crate) fn must_allow(gateway: &str, request: &Request, answer: &Answer) {
    let Some(path) = request.url().as_str().strip_prefix(gateway) else {
        return;
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let description = Description::of_the_routes();
    let Some(operation) = description.operation(request.method().as_str(), path) else {
        return;
    };
    let content_type = request.headers().get("content-type");
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let asked = Asked {
        content_type: content_type.map_or("", |value| value.to_str().unwrap_or_default()),
        body: std::str::from_utf8(body).unwrap_or_default(),
    };
    if let Err(why) = description.allows(&operation, &asked, answer) {
        panic!(
            "infra/openapi.json does not say so of {operation}, {}: {why}",
            answer.status
        );
    }
}

impl Description {
    fn of_the_routes() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| Self {
            document: serde_json::from_str(include_str!("../../infra/openapi.json")).unwrap(),
            validators: Mutex::default(),
        })
    }

    /// Where the operation of a request is described.
    fn operation(&self, method: &str, path: &str) -> Option<String> {
        let templates = self.document["paths"].as_object().unwrap().keys();
        let template = templates.into_iter().find(|template| is_of(template, path))?;
        let place = format!("/paths/{}/{}", escaped(template), method.to_lowercase());
        self.document.pointer(&place).map(|_| place)
    }

    /// Whether an operation may answer so, and grants what was asked; else why not, in words that hold nothing of either.
    fn allows(&self, operation: &str, asked: &Asked<'_>, answer: &Answer) -> Result<(), String> {
        let described = |status: &str| self.at(&format!("{operation}/responses/{status}"));
        if let Some(response) = described(&answer.status.to_string()) {
            self.answered(&response, answer)?;
        } else {
            let others = described("default").ok_or("the status is not listed")?;
            let allowed = self.answered(&others, answer);
            allowed.map_err(|why| format!("the status is not listed, and of others: {why}"))?;
        }
        if (200..300).contains(&answer.status) {
            self.granted(&format!("{operation}/requestBody"), asked, answer)?;
        }
        Ok(())
    }

    fn answered(&self, response: &str, answer: &Answer) -> Result<(), String> {
        for name in self.members(&format!("{response}/headers")).keys() {
            let header = self.at(&format!("{response}/headers/{name}")).unwrap();
            let Some(text) = answer.header(name) else {
                if self.document.pointer(&format!("{header}/required")) == Some(&json!(true)) {
                    return Err(format!("no header {name}"));
                }
                continue;
            };
            let value = text
                .parse()
                .map_or_else(|_| Value::from(text), |number: i64| number.into());
            self.fits(&format!("{header}/schema"), &value)
                .map_err(|why| format!("header {name}: {why}"))?;
        }
        let content = format!("{response}/content");
        match (self.document.pointer(&content), answer.header("content-type")) {
            // API Gateway gives a type to an empty body too.
            (None, _) if answer.body.is_empty() => Ok(()),
            (None, _) => Err("there is to be no body".to_owned()),
            (Some(_), content_type) => {
                let media_type = self.media_type(&content, content_type.unwrap_or_default())?;
                if !media_type.ends_with("json") {
                    return Ok(());
                }
                let body = serde_json::from_str(&answer.body).map_err(|_| "the body is no JSON")?;
                self.fits(&format!("{media_type}/schema"), &body)
            }
        }
    }

    /// Whether what was granted is what the description would have one ask.
    fn granted(&self, request: &str, asked: &Asked<'_>, answer: &Answer) -> Result<(), String> {
        if self.document.pointer(request).is_none() {
            return Ok(());
        }
        let media_type = self.media_type(&format!("{request}/content"), asked.content_type)?;
        let (schema, value) = if media_type.ends_with("jwt") {
            let claims = asked.body.split('.').nth(1).and_then(from_base64url);
            let claims = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
            let Some(claims) = without_refused(claims.ok_or("the request is no JWS of JSON")?, answer) else {
                return Ok(());
            };
            (format!("{media_type}/schema/contentSchema"), claims)
        } else {
            let fields = form_urlencoded::parse(asked.body.as_bytes());
            let fields: Map<_, _> = fields
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect();
            (format!("{media_type}/schema"), fields.into())
        };
        self.fits(&schema, &value).map_err(|why| format!("the request: {why}"))
    }

    /// Where the media type of a header is described.
    fn media_type(&self, content: &str, header: &str) -> Result<String, String> {
        let media_type = header.split(';').next().unwrap_or_default().trim().to_lowercase();
        let known = self.members(content);
        if known.contains_key(&media_type) {
            Ok(format!("{content}/{}", escaped(&media_type)))
        } else {
            let known: Vec<_> = known.keys().map(String::as_str).collect();
            Err(format!("the content type is none of {}", known.join(", ")))
        }
    }

    /// Whether a value is one of the schema at a place.
    fn fits(&self, schema: &str, value: &Value) -> Result<(), String> {
        let validator = self.validator(schema);
        let mut errors = validator.iter_errors(value);
        errors.next().map_or(Ok(()), |error| {
            Err(format!("at \"{}\": {}", error.instance_path(), error.masked()))
        })
    }

    fn validator(&self, schema: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(schema.to_owned()).or_insert_with(|| {
            // In the document itself, for there its references lead. At its root that has no keyword of JSON Schema.
            let mut root = self.members("");
            let schema = self.document.pointer(schema).and_then(Value::as_object);
            root.extend(schema.unwrap().clone());
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            Arc::new(options.build(&root.into()).unwrap())
        });
        validator.clone()
    }

    /// The place itself or, where there is a reference, the one that it names.
    fn at(&self, place: &str) -> Option<String> {
        let referred = self.document.pointer(place)?.get("$ref").and_then(Value::as_str);
        Some(referred.map_or(place, |there| there.trim_start_matches('#')).to_owned())
    }

    fn members(&self, place: &str) -> Map<String, Value> {
        let members = self.document.pointer(place).and_then(Value::as_object);
        members.cloned().unwrap_or_default()
    }
}

/// What was asked and granted: of many people in one request some may be refused, or all.
fn without_refused(mut claims: Value, answer: &Answer) -> Option<Value> {
    let answers: Option<Value> = serde_json::from_str(&answer.body).ok();
    let answers = answers.as_ref().and_then(|answers| answers["people"].as_array());
    if let (Some(Value::Array(people)), Some(answers)) = (claims.get_mut("people"), answers) {
        let mut granted = answers.iter().map(|answer| answer["status"].as_u64() < Some(300));
        people.retain(|_| granted.next() == Some(true));
        if people.is_empty() {
            return None;
        }
    }
    Some(claims)
}

/// Whether a path is of a template.
fn is_of(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

/// As one part of a JSON Pointer (RFC 6901 §3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn answer(status: u16, headers: &[(&str, &str)], body: &Value) -> Answer {
    let headers = headers.iter();
    Answer {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_str().map_or_else(|| body.to_string(), str::to_owned),
    }
}

/// The claims of a signed request about one person.
fn claims() -> Value {
    json!({
        "iss": "backend", "aud": "https://link.example.com/get-entitlements", "iat": 1, "exp": 2, "jti": "secret", "partner_id": "a",
        "sub": "secret",
    })
}

fn with(value: &Value, place: &str, new: Value) -> Value {
    let mut value = value.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[name] = new;
    value
}

/// Whether what was answered to a signed request, and asked by it, is found to be otherwise than described: by these words, and none of what was in it.
fn must_find(operation: &str, claims: &Value, answer: &Answer, found: Option<&str>) {
    let (method, path) = operation.split_once(' ').unwrap();
    let description = Description::of_the_routes();
    let asked = Asked {
        content_type: "application/jwt",
        body: &format!("e30.{}.", base64url(claims.to_string())),
    };
    let allowed = description.allows(&description.operation(method, path).unwrap(), &asked, answer);
    let why = allowed.err().unwrap_or_default();
    let as_expected = found.map_or(why.is_empty(), |found| why.contains(found));
    assert!(as_expected && !why.contains("secret"), "{operation} {answer:?}: {why}");
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let known =
        json!({"entitlements": ["a"], "version": 1, "link": {"state": "none", "since": null, "evidence": null}});
    let problem = json!({
        "type": "urn:soa-link:problem:invalid_token", "title": "", "status": 401, "code": "invalid_token", "request_id": "",
    });
    let (nothing, message) = (json!(""), json!({"message": "Too Many Requests"}));
    let typed = |content_type| ("content-type", content_type);
    let (json, problems) = (typed("application/json"), typed("application/problem+json"));
    let (html, bearer) = (typed("text/html; charset=utf-8"), ("www-authenticate", "Bearer"));
    for (status, headers, body, found) in [
        (200, &[json][..], &known, None),
        (202, &[json], &known, Some("the status is not listed")),
        (204, &[], &nothing, Some("the status is not listed")),
        (200, &[json], &with(&known, "/more", json!("secret")), Some("at \"\"")),
        (200, &[json], &with(&known, "/link/more", json!(1)), Some("at \"\"")),
        (
            200,
            &[json],
            &with(&known, "/version", json!("secret")),
            Some("at \"\""),
        ),
        (
            200,
            &[json],
            &with(&known, "/entitlements", json!([1])),
            Some("at \"\""),
        ),
        (200, &[json], &json!("secret"), Some("no JSON")),
        (200, &[], &known, Some("the content type is none of")),
        (200, &[html], &nothing, Some("the content type is none of")),
        (401, &[problems, bearer], &problem, None),
        (401, &[problems], &problem, Some("no header www-authenticate")),
        (
            401,
            &[problems, ("www-authenticate", "secret")],
            &problem,
            Some("header www-authenticate"),
        ),
        (401, &[problems, bearer], &json!({}), Some("required property")),
        (
            401,
            &[problems, bearer],
            &with(&problem, "/code", json!("secret")),
            Some("at \"/code\""),
        ),
        (
            401,
            &[problems, bearer],
            &with(&problem, "/detail", json!("secret")),
            Some("not allowed"),
        ),
        (401, &[html, bearer], &nothing, Some("the content type is none of")),
        (429, &[json], &message, None),
        (429, &[json], &problem, Some("the status is not listed")),
    ] {
        must_find(
            "POST /get-entitlements",
            &claims(),
            &answer(status, headers, body),
            found,
        );
    }
    let location = ("location", "https://spotify.example/authorize?state=secret");
    for (status, headers, body, found) in [
        (302, &[location][..], "", None),
        (302, &[], "", Some("no header location")),
        (302, &[("location", "/secret page")], "", Some("header location")),
        (302, &[location], "secret", Some("no body")),
        (307, &[location], "", Some("the status is not listed")),
        (503, &[html, ("retry-after", "5")], "", None),
        (503, &[html], "", Some("no header retry-after")),
        (503, &[html, ("retry-after", "soon")], "", Some("header retry-after")),
    ] {
        let answer = answer(status, headers, &json!(body));
        must_find("GET /partners/a/entrypoint", &json!({}), &answer, found);
    }
}

#[test]
fn a_request_that_is_granted_and_not_described_is_found() {
    let json = [("content-type", "application/json")];
    let (one, refused) = (
        json!({"status": 202, "entitlements": [], "version": 1}),
        json!({"status": 400, "code": "invalid_request"}),
    );
    let written = answer(202, &json, &json!({"entitlements": [], "version": 1}));
    let many = |people: &[&Value]| answer(202, &json, &json!({"people": people}));
    let asked = with(&claims(), "/entitlements", json!(["a"]));
    let mut of_many = claims();
    of_many.as_object_mut().unwrap().remove("sub");
    of_many["people"] = json!([{"sub": "a", "entitlements": []}, {"sub": "a", "entitlements": ["secret !"]}]);
    for (claims, answer, found) in [
        (&asked, &written, None),
        (&with(&asked, "/more", json!(1)), &written, None),
        (&claims(), &written, Some("the request: ")),
        (
            &with(&asked, "/exp", json!("secret")),
            &written,
            Some("the request: at \"/exp\""),
        ),
        (
            &with(&asked, "/entitlements", json!(["secret !"])),
            &written,
            Some("the request: at \"/entitlements/0\""),
        ),
        (&json!("secret"), &written, Some("the request: ")),
        (&of_many, &many(&[&one, &refused]), None),
        (&of_many, &many(&[&refused, &refused]), None),
        (
            &of_many,
            &many(&[&one, &one]),
            Some("the request: at \"/people/1/entitlements/0\""),
        ),
    ] {
        must_find("POST /add-entitlements", claims, answer, found);
    }
}

#[test]
fn what_is_no_operation_is_left_alone() {
    let description = Description::of_the_routes();
    for (method, path) in [
        ("HEAD", "/entrypoint"),
        ("FOO", "/entrypoint"),
        ("GET", "/entrypoint/"),
        ("GET", "/partners//entrypoint"),
        ("GET", "/partners/a/b/entrypoint"),
        ("GET", "/partners/a/callback"),
        ("PARAMETERS", "/"),
        ("GET", ""),
    ] {
        assert_eq!(description.operation(method, path), None, "{method} {path}");
    }
    let one = |path| description.operation("GET", path);
    assert_eq!(one("/sign-in/callback").unwrap(), "/paths/~1sign-in~1callback/get");
    assert_eq!(
        one("/partners/a/unlink").unwrap(),
        "/paths/~1partners~1{partner_id}~1unlink/get"
    );
}

#[tokio::test]
#[should_panic(expected = "infra/openapi.json does not say so of /paths/~1link/get, 418: the status is not listed")]
async fn each_answer_of_the_gateway_is_looked_at() {
    World::prepare();
    let odd = Route::new("GET", "/link", async |_| json!({"statusCode": 418}));
    let sandbox = Sandbox::start(Options::default(), async |_| Ok(vec![odd]));
    let world = World::of(sandbox.await.unwrap(), Clock::System);
    world.browser().get("/link?show=secret").await;
}
