//! The calls of a warm function to Spotify, DynamoDB and Secrets Manager, on every route: which calls, and how many of them one after another.

use sandbox::{Route, deployment};
use serde_json::{Value, json};
use shared::{encoding::base64, rng::Rng};

use crate::support::{World, gate::Gate, parameter};

const TOKEN: &str = "/api/token";
const REGISTER: &str = "/api/v1/register-user";
const UNLINK: &str = "/api/v1/unlink-user";
const READ: &str = "/api/v1/get-entitlements";
/// A route without calls.
const NOTHING: &[&[&str]] = &[];

/// The functions behind a gate.
struct Functions {
    world: World,
    gate: Gate,
    /// Origin of the gate in front of Spotify.
    spotify: String,
    routes: Vec<Route>,
}

impl Functions {
    async fn start() -> Self {
        let world = World::new().await;
        let gate = Gate::default();
        let addresses = world.sandbox.addresses();
        let spotify = gate.in_front_of(&addresses.spotify).await;
        let environment = world.environment(&[
            (
                "AWS_ENDPOINT_URL_DYNAMODB",
                &gate.in_front_of(&addresses.dynamodb).await,
            ),
            (
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                &gate.in_front_of(&addresses.secrets).await,
            ),
            ("SPOTIFY_ACCOUNTS_URL", &spotify),
            ("SPOTIFY_OPEN_ACCESS_URL", &spotify),
        ]);
        let routes = deployment::routes(&environment, &world.clock, &Rng::System);
        Self {
            routes: routes.await.unwrap(),
            world,
            gate,
            spotify,
        }
    }

    /// Handles one event. Its round trips, each of calls in parallel, must be `calls`.
    async fn answer(&self, request: &Request<'_>, status: u64, calls: &[&[&str]]) -> Value {
        let Request {
            route,
            query,
            cookies,
            body,
        } = request;
        let (method, path) = route.split_once(' ').unwrap();
        let gateway = &self.world.sandbox.addresses().gateway;
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies,
            "headers": {"origin": gateway, "content-type": body.map_or("", |(kind, _)| kind)},
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "counted"},
            "body": body.map(|(_, text)| base64(text)), "isBase64Encoded": true,
        });
        let is_route = |known: &&Route| known.method == method && known.path == path;
        let default = || self.routes.iter().find(|known| known.path == "$default");
        let route = self.routes.iter().find(is_route).or_else(default).unwrap();
        self.gate.expect(calls);
        let answer = (route.function)(event).await;
        assert_eq!(self.gate.seen(), calls, "{method} {path}: {answer}");
        assert_eq!(answer["statusCode"], status, "{method} {path}: {answer}");
        answer
    }

    /// Handles a signed request.
    async fn answer_signed(&self, operation: &str, jws: &str, status: u64, calls: &[&[&str]]) {
        let route = format!("POST /{operation}");
        let request = Request {
            body: Some(("application/jwt", jws)),
            ..Request::new(&route)
        };
        self.answer(&request, status, calls).await;
    }

    /// A signed request about Ada.
    fn signed(&self, operation: &str, jti: &str, more: &Value) -> String {
        let mut claims = self.world.request_claims("ada", jti);
        claims["aud"] = self.world.gateway(&format!("/{operation}")).into();
        let more = more.as_object().unwrap();
        claims.as_object_mut().unwrap().extend(more.clone());
        World::request_token(&claims)
    }

    fn session(&self) -> String {
        let token = self.world.site_token("JWT", &self.world.session_claims("ada"));
        format!("{}={token}", self.world.sandbox.options().session_cookie)
    }

    /// The query with which Spotify's consent returns.
    async fn consent(&self, begun: &Value) -> String {
        let authorize = location(begun).replace(&self.spotify, &self.world.sandbox.addresses().spotify);
        let mut browser = self.world.browser();
        let agreed = browser.get(&format!("{authorize}&sandbox_account=mara")).await;
        let [code, state] = ["code", "state"].map(|name| parameter(agreed.location(), name).unwrap());
        format!("code={code}&state={state}")
    }

    /// Links Ada.
    async fn link(&self) {
        let session = self.session();
        let entry = Request::with_cookies("GET /entrypoint", &[&session]);
        let begun = self.answer(&entry, 302, &[&["PutItem"]]).await;
        let query = self.consent(&begun).await;
        let cookies = [session, cookie(&begun)];
        let returned = Request {
            query: &query,
            ..Request::with_cookies("GET /callback", &cookies.each_ref().map(String::as_str))
        };
        // The registration is recorded while the token is being exchanged.
        let calls: &[&[&str]] = &[&["UpdateItem"], &[TOKEN, "UpdateItem"], &[REGISTER]];
        self.answer(&returned, 302, calls).await;
    }
}

struct Request<'a> {
    /// Method and path.
    route: &'a str,
    query: &'a str,
    cookies: Vec<String>,
    /// Content type and text.
    body: Option<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    fn new(route: &'a str) -> Self {
        Self::with_cookies(route, &[])
    }

    fn with_cookies(route: &'a str, cookies: &[&str]) -> Self {
        Self {
            route,
            query: "",
            cookies: cookies.iter().map(|cookie| (*cookie).to_owned()).collect(),
            body: None,
        }
    }
}

fn location(answer: &Value) -> &str {
    answer["headers"]["location"].as_str().unwrap()
}

fn cookie(answer: &Value) -> String {
    let cookie = answer["cookies"][0].as_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn linking_takes_one_round_trip_and_three() {
    Functions::start().await.link().await;
}

#[tokio::test]
async fn a_handoff_takes_one_round_trip() {
    let functions = Functions::start().await;
    let away = functions.answer(&Request::new("GET /entrypoint"), 302, NOTHING).await;
    let nonce = parameter(location(&away), "nonce").unwrap();
    let world = &functions.world;
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, "1"));
    let returned = Request {
        query: &format!("token={token}"),
        ..Request::with_cookies("GET /entrypoint", &[&cookie(&away)])
    };
    // One transaction stores the `jti` and the pending link.
    functions.answer(&returned, 302, &[&["TransactWriteItems"]]).await;
}

#[tokio::test]
async fn the_form_unlinks_in_one_round_trip() {
    let functions = Functions::start().await;
    functions.link().await;
    let session = functions.session();
    // Only the first one needs a service token, with which the record is written in parallel.
    let first: &[&[&str]] = &[&[TOKEN, "UpdateItem"], &[UNLINK]];
    for calls in [first, &[&[UNLINK, "UpdateItem"]]] {
        let ask = Request::with_cookies("GET /unlink", &[&session]);
        let page = functions.answer(&ask, 200, NOTHING).await;
        let html = page["body"].as_str().unwrap();
        let (_, form_token) = html.split_once("name=\"form_token\" value=\"").unwrap();
        let form = format!("form_token={}", form_token.split_once('"').unwrap().0);
        let confirmed = Request {
            body: Some(("application/x-www-form-urlencoded", &form)),
            ..Request::with_cookies("POST /unlink", &[&session, &cookie(&page)])
        };
        functions.answer(&confirmed, 200, calls).await;
    }
}

#[tokio::test]
async fn a_signed_unlink_takes_three_round_trips_and_a_repetition_one() {
    let functions = Functions::start().await;
    functions.link().await;
    for (jti, unlink) in [
        ("1", &[&[TOKEN, "UpdateItem"][..], &[UNLINK]][..]),
        ("2", &[&[UNLINK, "UpdateItem"]]),
    ] {
        let jws = functions.signed("unlink", jti, &json!({}));
        // The request is recorded before, and that it is done after.
        let calls = [&[&["PutItem"][..]], unlink, &[&["PutItem"]]].concat();
        functions.answer_signed("unlink", &jws, 204, &calls).await;
        functions.answer_signed("unlink", &jws, 204, &[&["PutItem"]]).await;
    }
}

#[tokio::test]
async fn a_change_of_entitlements_takes_two_round_trips() {
    let functions = Functions::start().await;
    let changes = ["add-entitlements", "replace-entitlements", "delete-entitlements"];
    for (jti, operation) in ["1", "2", "3"].into_iter().zip(changes) {
        let jws = functions.signed(operation, jti, &json!({"entitlements": ["gold"]}));
        // A read, and a transaction that records the request too.
        let calls: &[&[&str]] = &[&["GetItem"], &["TransactWriteItems"]];
        functions.answer_signed(operation, &jws, 202, calls).await;
    }
    let jws = functions.signed("get-entitlements", "4", &json!({}));
    let calls: &[&[&str]] = &[&["PutItem"], &["GetItem"]];
    functions.answer_signed("get-entitlements", &jws, 200, calls).await;
}

#[tokio::test]
async fn a_change_for_several_people_takes_as_many_round_trips_as_for_one() {
    let functions = Functions::start().await;
    let people = json!({"people": [
        {"sub": "ada", "entitlements": ["gold"]}, {"sub": "ben", "entitlements": []}, {"sub": "cleo", "entitlements": []},
    ]});
    let mut claims = functions.world.request_claims("ada", "1");
    claims["aud"] = functions.world.gateway("/replace-entitlements").into();
    let members = claims.as_object_mut().unwrap();
    members.remove("sub");
    members.remove("partner_user_id");
    members.extend(people.as_object().unwrap().clone());
    let jws = World::request_token(&claims);
    let calls: &[&[&str]] = &[&["PutItem"], &["GetItem"; 3], &["TransactWriteItems"; 3]];
    functions.answer_signed("replace-entitlements", &jws, 202, calls).await;
}

#[tokio::test]
async fn the_account_page_asks_spotify_once_in_a_while() {
    let functions = Functions::start().await;
    functions.link().await;
    let page = Request::with_cookies("GET /account", &[&functions.session()]);
    functions.answer(&page, 200, &[&["GetItem"], &[TOKEN], &[READ]]).await;
    functions.world.advance(31);
    functions.answer(&page, 200, &[&["GetItem"], &[READ]]).await;
    functions.answer(&page, 200, &[&["GetItem"]]).await;
}

#[tokio::test]
async fn other_routes_call_nothing() {
    let functions = Functions::start().await;
    let show = Request {
        query: "show=5AvwZVawapvyhJUIx71pdJ",
        ..Request::new("GET /link")
    };
    functions.answer(&show, 302, NOTHING).await;
    for (route, status) in [
        ("GET /sign-in", 400),
        ("GET /sign-in/callback", 400),
        ("GET /sign-out", 302),
        ("GET /", 302),
        ("GET /nothing", 404),
        ("PUT /callback", 405),
        ("HEAD /entrypoint", 204),
    ] {
        functions.answer(&Request::new(route), status, NOTHING).await;
    }
}

#[tokio::test]
async fn no_route_is_left_out() {
    let routes = Functions::start().await.routes;
    let names = routes.iter().filter_map(|route| route.path.strip_prefix('/'));
    // The same handlers, and the operators' function, which no URL leads to.
    let is_other = |name: &str| name.starts_with("partners/") || name.ends_with("/invocations");
    let own: Vec<_> = names.filter(|name| !is_other(name)).collect();
    assert!(own.len() > 10, "{own:?}");
    for name in own {
        let literals = [format!("\"{name}\""), format!(" /{name}\"")];
        let is_named = literals
            .iter()
            .any(|literal| include_str!("upstream_calls.rs").contains(literal));
        assert!(is_named, "/{name} has no test here");
    }
}
