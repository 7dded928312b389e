//! The console over HTTP: which callers it rejects, and its own calls.

use reqwest::Client;
use sandbox::{Options, Sandbox, deployment};
use serde_json::{Value, json};
use shared::{clock::Clock, config::Environment, rng::Rng};

use super::support::client;

/// Routes under `/_sandbox/`, on Spotify's server and on Secrets Manager's.
const ON_SPOTIFY: [(&str, &str); 9] = [
    ("GET", "/_sandbox/"),
    ("GET", "/_sandbox"),
    ("GET", "/_sandbox/console.js"),
    ("GET", "/_sandbox/console/parts"),
    ("POST", "/_sandbox/console/signed-request"),
    ("GET", "/_sandbox/requests"),
    ("POST", "/_sandbox/faults"),
    ("DELETE", "/_sandbox/links"),
    ("POST", "/_sandbox/reset"),
];
const ON_SECRETS_MANAGER: [(&str, &str); 3] = [
    ("GET", "/_sandbox/events"),
    ("DELETE", "/_sandbox/requests"),
    ("POST", "/_sandbox/faults"),
];

struct Running {
    sandbox: Sandbox,
    http: Client,
}

impl Running {
    /// A sandbox without the functions.
    async fn bare() -> Self {
        Self::with(Options::default(), async |_| Ok(Vec::new())).await
    }

    /// A sandbox with the functions.
    async fn full() -> Self {
        let options = deployment::with_secrets(Options {
            clock: Clock::ahead(),
            ..Options::default()
        });
        let of_functions = options.clone();
        // Boxed: the future is too large for the stack.
        Box::pin(Self::with(options, async move |addresses| {
            let environment: Environment = deployment::variables(&of_functions, &addresses).into_iter().collect();
            deployment::create_tables(&environment).await?;
            deployment::routes(&environment, &of_functions.clock, &Rng::System).await
        }))
        .await
    }

    async fn with<F>(options: Options, routes: impl FnOnce(sandbox::Addresses) -> F) -> Self
    where
        F: Future<Output = Result<Vec<sandbox::Route>, sandbox::RoutesError>>,
    {
        let http = client();
        let sandbox = Sandbox::start(options, routes).await.unwrap();
        Self { sandbox, http }
    }

    fn servers(&self) -> [(&str, &'static [(&'static str, &'static str)]); 2] {
        let addresses = self.sandbox.addresses();
        [
            (&addresses.spotify, &ON_SPOTIFY),
            (&addresses.secrets, &ON_SECRETS_MANAGER),
        ]
    }

    /// Status of a request with these headers.
    async fn status(&self, method: &str, url: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = self.http.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.sandbox.addresses().spotify);
        let answer = self.http.post(url).body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default(),
        )
    }
}

#[tokio::test]
async fn a_foreign_host_is_rejected_on_every_route_of_the_sandbox() {
    let running = Running::bare().await;
    for (origin, routes) in running.servers() {
        let port = origin.rsplit(':').next().unwrap();
        for (method, path) in routes {
            for host in ["evil.example", "localhost", "[::1]"] {
                let url = format!("{origin}{path}");
                let host = format!("{host}:{port}");
                assert_eq!(
                    running.status(method, &url, &[("host", &host)]).await,
                    403,
                    "{method} {url} {host}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_origin_is_rejected_on_every_route_of_the_sandbox() {
    let running = Running::bare().await;
    let neighbour = running.sandbox.addresses().site.clone();
    for (own, routes) in running.servers() {
        for (method, path) in routes {
            let url = format!("{own}{path}");
            for origin in ["https://evil.example", "null", &neighbour] {
                assert_eq!(
                    running.status(method, &url, &[("origin", origin)]).await,
                    403,
                    "{method} {url} {origin}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_own_host_and_origin_and_programs_without_one_are_accepted() {
    let running = Running::bare().await;
    for (own, routes) in running.servers() {
        for (method, path) in routes {
            let url = format!("{own}{path}");
            assert_ne!(
                running.status(method, &url, &[("origin", own)]).await,
                403,
                "{method} {url}"
            );
            assert_ne!(running.status(method, &url, &[]).await, 403, "{method} {url}");
        }
    }
}

/// Partners' pages link to Spotify's, and browsers send foreign origins with forms.
#[tokio::test]
async fn other_routes_of_spotify_accept_every_origin() {
    let running = Running::bare().await;
    let url = format!("{}/content-access", running.sandbox.addresses().spotify);
    let foreign = [("origin", "https://evil.example"), ("host", "evil.example")];
    assert_eq!(running.status("GET", &url, &foreign).await, 200);
}

#[tokio::test]
async fn the_page_loads_only_its_own_script_and_style() {
    let running = Running::bare().await;
    let page = running
        .http
        .get(running.sandbox.console().unwrap())
        .send()
        .await
        .unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let body = page.text().await.unwrap();
    assert_eq!(body.matches("<script").count(), 1, "no inline script");
    assert!(!body.contains("<style") && !body.contains(" style=") && !body.contains(" onclick="));
    let options = running.sandbox.options();
    assert!(!body.contains(&options.client_secret));
}

#[tokio::test]
async fn parts_that_the_page_shows_are_not_sent_again() {
    let running = Running::bare().await;
    let parts = format!("{}console/parts", running.sandbox.console().unwrap());
    let first: Value =
        serde_json::from_str(&running.http.get(&parts).send().await.unwrap().text().await.unwrap()).unwrap();
    let again = format!("{parts}?seen={}", first["seen"].as_str().unwrap());
    assert_eq!(running.status("GET", &again, &[]).await, 204);
    running
        .post("/_sandbox/faults", json!({"path": "/api/token", "status": 503}))
        .await;
    assert_eq!(running.status("GET", &again, &[]).await, 200);
}

#[tokio::test]
async fn one_fault_of_several_is_removed_by_its_id() {
    let running = Running::bare().await;
    for status in [500, 503] {
        running
            .post("/_sandbox/faults", json!({"path": "/api/token", "status": status}))
            .await;
    }
    let faults = format!("{}/_sandbox/faults", running.sandbox.addresses().spotify);
    assert_eq!(running.status("DELETE", &format!("{faults}?id=1"), &[]).await, 204);
    assert_eq!(running.status("DELETE", &format!("{faults}?id=1"), &[]).await, 404);
    let left: Vec<_> = running
        .sandbox
        .spotify()
        .faults()
        .all()
        .iter()
        .map(|armed| armed.id)
        .collect();
    assert_eq!(left, [2]);
}

#[tokio::test]
async fn a_signed_request_is_shown_or_sent() {
    let running = Running::full().await;
    let make = async |more: Value| {
        let mut body = json!({"operation": "replace-entitlements", "sub": "member-1003", "entitlements": ["basic"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        running.post("/_sandbox/console/signed-request", body).await
    };
    let (status, shown) = make(json!({})).await;
    assert_eq!((status, shown.get("status")), (200, None), "{shown}");
    assert!(
        shown["curl"]
            .as_str()
            .unwrap()
            .starts_with("curl -sS 'http://127.0.0.1:")
    );
    assert_eq!(shown["claims"]["entitlements"], json!(["basic"]));
    assert!(running.sandbox.requests().all().is_empty(), "nothing was sent");

    let (_, sent) = make(json!({"send": true})).await;
    assert_eq!(
        (&sent["status"], &sent["body"]["version"]),
        (&json!(202), &json!(1)),
        "{sent}"
    );
    let request = running.sandbox.requests().all().pop().unwrap();
    assert_eq!(
        (request.path.as_str(), request.status),
        ("/replace-entitlements", Some(202))
    );
    assert_eq!(request.jws.unwrap().header["typ"], "soa-request+jwt");

    let (_, stale) = make(json!({"send": true, "version": 7})).await;
    assert_eq!(stale["status"], 409, "{stale}");
    for wrong in [
        json!({"operation": "register-user"}),
        json!({"partner_user_id": "0123456789abcdef"}),
        json!({"sub": null}),
        json!({"entitlement": ["typing error"]}),
    ] {
        assert_eq!(make(wrong.clone()).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn all_clocks_advance_together_and_return_to_the_systems_time() {
    let running = Running::full().await;
    let clock = &running.sandbox.options().clock;
    let ahead = || clock.now() - Clock::System.now();
    let change = async |body: Value| running.post("/_sandbox/console/clock", body).await.0;
    assert_eq!(change(json!({"advance_seconds": 600})).await, 204);
    assert!((599..=600).contains(&ahead()));
    let (_, body) = running
        .post(
            "/_sandbox/console/signed-request",
            json!({"operation": "get-entitlements", "sub": "x", "send": true}),
        )
        .await;
    assert_eq!(body["status"], 200, "{body}");
    assert_eq!(change(json!({"reset": {}})).await, 204);
    assert!((-1..=0).contains(&ahead()));
    for wrong in [
        json!({"advance_seconds": -1}),
        json!({"advance": 1}),
        json!({}),
        json!([]),
    ] {
        assert_eq!(change(wrong.clone()).await, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_log_of_calls_shows_site_tokens_decoded_and_hides_codes_and_signatures() {
    let running = Running::full().await;
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZW1iZXIifQ.c2lnbmF0dXJl";
    let gateway = &running.sandbox.addresses().gateway;
    let url = format!("{gateway}/callback?code=the-code&state=the-state&token={token}");
    let cookie = format!("other=1; wickerlight_session={token}");
    running.status("GET", &url, &[("cookie", &cookie)]).await;
    let request = running.sandbox.requests().all().pop().unwrap();
    let places: Vec<_> = request.tokens.iter().map(|token| token.place.as_str()).collect();
    assert_eq!(places, ["query parameter token", "cookie wickerlight_session"]);
    assert_eq!(request.tokens[0].jws.payload["sub"], "member");
    assert_eq!(request.route.as_deref(), Some("GET /callback"));
    let text = serde_json::to_string(&request).unwrap();
    for hidden in ["the-code", "the-state", "c2lnbmF0dXJl"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn the_request_log_says_what_spotify_decided() {
    let running = Running::bare().await;
    let spotify = running.sandbox.addresses().spotify.clone();
    let options = running.sandbox.options();
    let token = |secret: &str| {
        let request = running.http.post(format!("{spotify}/api/token"));
        let media_type = "application/x-www-form-urlencoded";
        let pair = format!("{}:{secret}", options.client_id);
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
        let request = request
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", media_type);
        request
            .body("grant_type=client_credentials&scope=soa-manage-entitlements")
            .send()
    };
    token("wrong").await.unwrap();
    token(&options.client_secret).await.unwrap();
    running.post("/api/v1/get-entitlements", json!({})).await;
    let verdicts: Vec<_> = running
        .sandbox
        .spotify()
        .requests()
        .all()
        .into_iter()
        .map(|request| request.verdict.unwrap())
        .collect();
    assert_eq!(
        verdicts,
        ["invalid_client: Invalid client secret", "accepted", "No token provided"]
    );
}
