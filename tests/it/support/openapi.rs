//! Checks requests and responses against `infra/openapi.json`: [`must_allow`] checks each response to a described operation, and each granted request.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use reqwest::Request;
use serde_json::{Map, Value, json};
use shared::encoding::from_base64url;
use url::form_urlencoded;

use crate::support::TestResponse;

/// The description, and a cache of its compiled schemas.
pub(crate) struct Description {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The request that was sent.
pub(crate) struct Asked<'a> {
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a str,
}

/// Panics unless the description allows the response. Ignores requests to other hosts than `gateway`, and requests that match no described operation.
pub(crate) fn must_allow(gateway: &str, request: &Request, answer: &TestResponse) {
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
            "infra/openapi.json does not allow this response of {operation}, {}: {why}",
            answer.status
        );
    }
}

impl Description {
    pub(crate) fn of_the_routes() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| Self::of(serde_json::from_str(include_str!("../../../infra/openapi.json")).unwrap()))
    }

    pub(crate) fn of(document: Value) -> Self {
        Self {
            document,
            validators: Mutex::default(),
        }
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// JSON Pointers to all that has an example: parameters, headers, and the media types of requests and responses.
    pub(crate) fn exemplified(&self) -> BTreeSet<String> {
        let below = |place: &str| -> Vec<String> {
            match self.document.pointer(place) {
                Some(Value::Array(items)) => (0..items.len()).map(|item| format!("{place}/{item}")).collect(),
                Some(Value::Object(members)) => members
                    .keys()
                    .map(|name| format!("{place}/{}", escaped(name)))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let mut places = BTreeSet::new();
        for operation in below("/paths").iter().flat_map(|path| below(path)) {
            let responses = below(&format!("{operation}/responses"))
                .into_iter()
                .filter_map(|place| self.at(&place));
            let messages: Vec<_> = responses.chain([format!("{operation}/requestBody")]).collect();
            places.extend(below(&format!("{operation}/parameters")));
            for message in messages {
                places.extend(below(&format!("{message}/content")));
                places.extend(below(&format!("{message}/headers")));
            }
        }
        places.into_iter().filter_map(|place| self.at(&place)).collect()
    }

    /// The examples at a JSON Pointer that [`Self::exemplified`] returned.
    pub(crate) fn examples(&self, place: &str) -> Vec<&Value> {
        let examples = self
            .document
            .pointer(&format!("{place}/examples"))
            .and_then(Value::as_object);
        let keys = examples.into_iter().flat_map(Map::keys);
        let named = keys.filter_map(|name| self.at(&format!("{place}/examples/{}", escaped(name))));
        let named = named.filter_map(|example| self.document.pointer(&format!("{example}/value")));
        self.document
            .pointer(&format!("{place}/example"))
            .into_iter()
            .chain(named)
            .collect()
    }

    /// Whether the examples at a JSON Pointer fit the schema there; there must be at least one. Those of a signed request are compared with the examples of their
    /// claims.
    pub(crate) fn check_examples(&self, place: &str) -> Result<(), String> {
        let examples = self.examples(place);
        if examples.is_empty() {
            return Err("no example".to_owned());
        }
        for example in &examples {
            self.fits(&format!("{place}/schema"), example)?;
        }
        if !place.ends_with("jwt") {
            return Ok(());
        }
        let claims: Vec<_> = examples
            .iter()
            .map(|jws| claims(jws.as_str().unwrap_or_default()).ok_or("the example is not a JWS of JSON"))
            .collect::<Result<_, _>>()?;
        let schema = format!("{place}/schema/contentSchema");
        for claims in &claims {
            self.fits(&schema, claims)?;
        }
        if self.document.pointer(&format!("{schema}/examples")) == Some(&claims.into()) {
            Ok(())
        } else {
            Err("the examples of the claims are not those of the requests".to_owned())
        }
    }

    /// JSON Pointer to the operation of a request. Returns `None` if no operation matches.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<String> {
        let templates = self.document["paths"].as_object().unwrap().keys();
        let template = templates.into_iter().find(|template| is_of(template, path))?;
        let place = format!("/paths/{}/{}", escaped(template), method.to_lowercase());
        self.document.pointer(&place).map(|_| place)
    }

    /// Checks the response of an operation and, if it was granted, its request. The error repeats no value of either.
    pub(crate) fn allows(&self, operation: &str, asked: &Asked<'_>, answer: &TestResponse) -> Result<(), String> {
        let described = |status: &str| self.at(&format!("{operation}/responses/{status}"));
        if let Some(response) = described(&answer.status.to_string()) {
            self.answered(&response, answer)?;
        } else {
            let others = described("default").ok_or("the status is not listed")?;
            let allowed = self.answered(&others, answer);
            allowed.map_err(|why| format!("the status is not listed, and the default response differs: {why}"))?;
        }
        if (200..300).contains(&answer.status) {
            self.granted(&format!("{operation}/requestBody"), asked, answer)?;
        }
        Ok(())
    }

    fn answered(&self, response: &str, answer: &TestResponse) -> Result<(), String> {
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
            // API Gateway sets a content type on empty bodies too.
            (None, _) if answer.body.is_empty() => Ok(()),
            (None, _) => Err("the response must have no body".to_owned()),
            (Some(_), content_type) => {
                let media_type = self.media_type(&content, content_type.unwrap_or_default())?;
                if !media_type.ends_with("json") {
                    return Ok(());
                }
                let body = serde_json::from_str(&answer.body).map_err(|_| "the body is not JSON")?;
                self.fits(&format!("{media_type}/schema"), &body)
            }
        }
    }

    /// Checks a granted request against the described request body.
    fn granted(&self, request: &str, asked: &Asked<'_>, answer: &TestResponse) -> Result<(), String> {
        if self.document.pointer(request).is_none() {
            return Ok(());
        }
        let media_type = self.media_type(&format!("{request}/content"), asked.content_type)?;
        let (schema, value) = if media_type.ends_with("jwt") {
            let claims = claims(asked.body).ok_or("the request is not a JWS of JSON")?;
            let Some(claims) = without_refused(claims, answer) else {
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

    /// JSON Pointer to the description of the media type in `header`.
    fn media_type(&self, content: &str, header: &str) -> Result<String, String> {
        let media_type = header.split(';').next().unwrap_or_default().trim().to_lowercase();
        let known = self.members(content);
        if known.contains_key(&media_type) {
            Ok(format!("{content}/{}", escaped(&media_type)))
        } else {
            let known: Vec<_> = known.keys().map(String::as_str).collect();
            Err(format!("the content type is not one of {}", known.join(", ")))
        }
    }

    /// Validates `value` against the schema at a JSON Pointer.
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
            // References resolve against the whole document, whose root has no JSON Schema keywords.
            let mut root = self.members("");
            let schema = self.document.pointer(schema).and_then(Value::as_object);
            root.extend(schema.unwrap().clone());
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            Arc::new(options.build(&root.into()).unwrap())
        });
        validator.clone()
    }

    /// Resolves a `$ref` at `place`. Returns `None` if nothing is there.
    fn at(&self, place: &str) -> Option<String> {
        let referred = self.document.pointer(place)?.get("$ref").and_then(Value::as_str);
        Some(referred.map_or(place, |there| there.trim_start_matches('#')).to_owned())
    }

    fn members(&self, place: &str) -> Map<String, Value> {
        let members = self.document.pointer(place).and_then(Value::as_object);
        members.cloned().unwrap_or_default()
    }
}

/// The payload of a compact JWS of JSON, whose signature is not verified.
fn claims(jws: &str) -> Option<Value> {
    let payload = jws.split('.').nth(1).and_then(from_base64url)?;
    serde_json::from_slice(&payload).ok()
}

/// Removes the rejected people of a batch from its claims. Returns `None` if all were rejected.
fn without_refused(mut claims: Value, answer: &TestResponse) -> Option<Value> {
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

/// Whether `path` matches a path template.
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

/// Escapes `name` as one token of a JSON Pointer (RFC 6901 §3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
