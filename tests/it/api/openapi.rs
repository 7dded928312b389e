//! The checks against `infra/openapi.json` detect what is not described.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sandbox::{Options, Route, Sandbox};
use serde_json::{Value, json};
use shared::{clock::Clock, encoding::base64url, errors::ErrorKind};

use crate::support::{
    TestResponse, World,
    openapi::{Asked, Description},
};

fn answer(status: u16, headers: &[(&str, &str)], body: &Value) -> TestResponse {
    let headers = headers.iter();
    TestResponse {
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

/// Checks a signed request and its response against the description. `found`: text of the expected error, which must repeat no value. `None`: no error.
fn must_find(operation: &str, claims: &Value, answer: &TestResponse, found: Option<&str>) {
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
fn an_undescribed_answer_is_detected() {
    let known =
        json!({"entitlements": ["a"], "version": 1, "link": {"state": "none", "since": null, "evidence": null}});
    let problem = json!({
        "type": "urn:soa-link:problem:invalid_token", "title": "", "status": 401, "code": "invalid_token", "detail": "", "request_id": "",
    });
    let (nothing, message) = (json!(""), json!({"message": "Too Many Requests"}));
    let typed = |content_type| ("content-type", content_type);
    let (json, problems) = (typed("application/json"), typed("application/problem+json"));
    let (html, bearer) = (
        typed("text/html; charset=utf-8"),
        ("www-authenticate", "Signed-Request"),
    );
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
        (200, &[json], &json!("secret"), Some("not JSON")),
        (200, &[], &known, Some("the content type is not one of")),
        (200, &[html], &nothing, Some("the content type is not one of")),
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
            &with(&problem, "/more", json!("secret")),
            Some("not allowed"),
        ),
        (401, &[html, bearer], &nothing, Some("the content type is not one of")),
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
fn an_undescribed_granted_request_is_detected() {
    let json = [("content-type", "application/json")];
    let (one, refused) = (
        json!({"status": 202, "entitlements": [], "version": 1}),
        json!({"status": 400, "code": "invalid_request", "detail": ""}),
    );
    let written = answer(202, &json, &json!({"entitlements": [], "version": 1}));
    let many = |people: &[&Value]| answer(202, &json, &json!({"people": people}));
    let asked = with(&claims(), "/entitlements", json!(["a"]));
    let mut of_many = claims();
    of_many.as_object_mut().unwrap().remove("sub");
    of_many["people"] = json!([{"sub": "a", "entitlements": []}, {"sub": "a", "entitlements": ["secret !"]}]);
    for (claims, answer, found) in [
        (&asked, &written, None),
        (&with(&asked, "/nbf", json!(1)), &written, None),
        (
            &with(&asked, "/more", json!("secret")),
            &written,
            Some("the request: at \"\""),
        ),
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

/// The key that signed the examples of requests, as the description says.
const EXAMPLE_KEY: &str = "an example key of 32 bytes or more";

#[test]
fn each_request_and_response_has_an_example_that_fits_its_schema() {
    let description = Description::of_the_routes();
    let places = description.exemplified();
    assert!(places.len() > 100, "{places:?}");
    for place in &places {
        if let Err(why) = description.check_examples(place) {
            panic!("{place}: {why}");
        }
    }
    let known: BTreeSet<_> = ErrorKind::ALL
        .iter()
        .map(|kind| json!([kind.status, kind.code, kind.title]))
        .map(|kind| kind.to_string())
        .collect();
    for place in places.iter().filter(|place| place.ends_with("problem+json")) {
        for problem in description.examples(place) {
            let kind = json!([problem["status"], problem["code"], problem["title"]]).to_string();
            assert!(known.contains(&kind), "{place}: {kind}");
            let status = place.split('/').nth(5).unwrap();
            // The components of responses have names in place of a status.
            assert!(
                problem["status"] == status.parse::<u64>().unwrap_or_default() || place.starts_with("/components"),
                "{place}"
            );
            assert_eq!(
                problem["type"],
                json!(format!("urn:soa-link:problem:{}", problem["code"].as_str().unwrap()))
            );
        }
    }
}

#[test]
fn the_examples_of_requests_are_signed_for_their_urls() {
    let description = Description::of_the_routes();
    assert!(
        description.document()["info"]["description"]
            .as_str()
            .unwrap()
            .contains(EXAMPLE_KEY)
    );
    let partner_id = &description.document()["components"]["parameters"]["partner_id"]["example"];
    let places = description.exemplified();
    let requests: Vec<_> = places.iter().filter(|place| place.ends_with("jwt")).collect();
    assert_eq!(requests.len(), 10);
    for place in requests {
        let path = place.split('/').nth(2).unwrap().replace("~1", "/");
        let path = path.replace("{partner_id}", partner_id.as_str().unwrap());
        for example in description.examples(place) {
            let mut rules = Validation::new(Algorithm::HS256);
            rules.set_audience(&[format!("https://link.example.com{path}")]);
            // Examples have expired.
            rules.validate_exp = false;
            let key = DecodingKey::from_secret(EXAMPLE_KEY.as_bytes());
            let verified = jsonwebtoken::decode::<Value>(example.as_str().unwrap(), &key, &rules);
            let token = verified.unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(token.header.typ.as_deref(), Some("soa-request+jwt"));
            assert_eq!(token.claims["partner_id"], *partner_id);
        }
    }
}

/// The twins of the check above.
#[test]
fn an_example_that_is_missing_or_wrong_is_detected() {
    let request = "/paths/~1add-entitlements/post/requestBody/content/application~1jwt";
    let response = "/paths/~1add-entitlements/post/responses/202/content/application~1json";
    let (header, parameter) = ("/components/headers/retry-after", "/components/parameters/partner_id");
    for (place, changed, new, found) in [
        (request, format!("{request}/examples"), json!({}), "no example"),
        (response, format!("{response}/examples"), json!({}), "no example"),
        (header, format!("{header}/example"), json!(0), "at \"\""),
        (header, format!("{header}/schema"), json!({"type": "string"}), "at \"\""),
        (parameter, format!("{parameter}/example"), json!("a partner"), "at \"\""),
        (
            response,
            "/components/examples/Written".to_owned(),
            json!({"value": {"entitlements": ["not a name"], "version": 1}}),
            "at \"\"",
        ),
        (
            request,
            format!("{request}/schema/contentSchema/examples"),
            json!([]),
            "the examples of the claims are not those of the requests",
        ),
        (
            request,
            format!("{request}/examples/oneSubscriber"),
            json!({"value": "e30.e30.e30"}),
            "at \"\"",
        ),
        (
            request,
            format!("{request}/examples/oneSubscriber"),
            json!({"value": "not a JWS"}),
            "not a JWS",
        ),
    ] {
        let document = with(Description::of_the_routes().document(), &changed, new);
        let checked = Description::of(document).check_examples(place);
        assert!(
            checked.as_ref().is_err_and(|why| why.contains(found)),
            "{changed}: {checked:?}"
        );
    }
}

#[test]
fn a_path_outside_the_description_is_not_checked() {
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
#[should_panic(
    expected = "infra/openapi.json does not allow this response of /paths/~1link/get, 418: the status is not listed"
)]
async fn every_gateway_answer_is_checked() {
    World::prepare();
    let odd = Route::new("GET", "/link", async |_| json!({"statusCode": 418}));
    let sandbox = Sandbox::start(Options::default(), async |_| Ok(vec![odd]));
    let world = World::of(sandbox.await.unwrap(), Clock::System);
    world.browser().get("/link?show=secret").await;
}
