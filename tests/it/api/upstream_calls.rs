//! The calls of a warm function to Spotify, DynamoDB and Secrets Manager, all of them counted.

use sandbox::{Route, deployment};
use serde_json::{Value, json};
use shared::{encoding::base64, rng::Rng};

use crate::support::{World, parameter, proxy::Proxy};

struct Counted<'a> {
    world: &'a World,
    dynamodb: &'a Proxy,
    routes: Vec<Route>,
}

impl Counted<'_> {
    fn counts(&self) -> (usize, usize, usize, usize, usize) {
        let (token, register_user, unlink_user) = self.world.calls();
        let secrets = self.world.sandbox.secrets_manager().requests().all().len();
        (self.dynamodb.seen(), secrets, token, register_user, unlink_user)
    }

    /// Handles one event. Returns the response and the number of calls: DynamoDB, Secrets Manager, token endpoint, register-user, unlink-user.
    async fn answer(
        &self,
        method: &str,
        path: &str,
        query: &str,
        cookies: &[String],
        body: Option<(&str, &str)>,
    ) -> (Value, (usize, usize, usize, usize, usize)) {
        let before = self.counts();
        let gateway = &self.world.sandbox.addresses().gateway;
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies,
            "headers": {"origin": gateway, "content-type": body.map_or("", |(kind, _)| kind)},
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "counted"},
            "body": body.map(|(_, text)| base64(text)), "isBase64Encoded": true,
        });
        let route = self
            .routes
            .iter()
            .find(|route| route.method == method && route.path == path)
            .unwrap();
        let answer = (route.function)(event).await;
        let after = self.counts();
        (
            answer,
            (
                after.0 - before.0,
                after.1 - before.1,
                after.2 - before.2,
                after.3 - before.3,
                after.4 - before.4,
            ),
        )
    }
}

fn cookie(answer: &Value) -> String {
    answer["cookies"][0]
        .as_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_warm_function_makes_only_the_expected_calls() {
    let world = World::new().await;
    let dynamodb = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    let environment = world.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.origin())]);
    let routes = deployment::routes(&environment, &world.clock, &Rng::System)
        .await
        .unwrap();
    let counted = Counted {
        world: &world,
        dynamodb: &dynamodb,
        routes,
    };
    let session = format!(
        "{}={}",
        world.sandbox.options().session_cookie,
        world.site_token("JWT", &world.session_claims("ada"))
    );

    let (begun, calls) = counted
        .answer("GET", "/entrypoint", "", std::slice::from_ref(&session), None)
        .await;
    assert_eq!(calls, (1, 0, 0, 0, 0), "{begun}");
    let authorize = begun["headers"]["location"].as_str().unwrap();
    let agreed = world.browser().get(&format!("{authorize}&sandbox_account=mara")).await;
    let query = format!(
        "code={}&state={}",
        parameter(agreed.location(), "code").unwrap(),
        parameter(agreed.location(), "state").unwrap()
    );
    let (done, calls) = counted
        .answer("GET", "/callback", &query, &[session.clone(), cookie(&begun)], None)
        .await;
    // Two DynamoDB calls: consume the pending link and, during the token exchange, record the registration.
    assert_eq!(
        (done["statusCode"].as_u64(), calls),
        (Some(302), (2, 0, 1, 1, 0)),
        "{done}"
    );

    // The form: unlink-user and, in parallel, one DynamoDB write. Only the first form needs a service token.
    for token in [1, 0] {
        let (page, calls) = counted
            .answer("GET", "/unlink", "", std::slice::from_ref(&session), None)
            .await;
        assert_eq!(calls, (0, 0, 0, 0, 0));
        let html = page["body"].as_str().unwrap();
        let form_token = html
            .split_once("name=\"form_token\" value=\"")
            .unwrap()
            .1
            .split_once('"')
            .unwrap()
            .0;
        let form = format!("form_token={form_token}");
        let body = ("application/x-www-form-urlencoded", form.as_str());
        let (done, calls) = counted
            .answer("POST", "/unlink", "", &[session.clone(), cookie(&page)], Some(body))
            .await;
        assert_eq!(
            (done["statusCode"].as_u64(), calls),
            (Some(200), (1, 0, token, 0, 1)),
            "{done}"
        );
    }
    // A signed request: one more DynamoDB call records it, and another one that it is done.
    let jws = World::request_token(&world.request_claims("ada", "1"));
    let (done, calls) = counted
        .answer("POST", "/unlink", "", &[], Some(("application/jwt", &jws)))
        .await;
    assert_eq!(
        (done["statusCode"].as_u64(), calls),
        (Some(204), (3, 0, 0, 0, 1)),
        "{done}"
    );
    // Sent again: DynamoDB knows that it is done.
    let (done, calls) = counted
        .answer("POST", "/unlink", "", &[], Some(("application/jwt", &jws)))
        .await;
    assert_eq!(
        (done["statusCode"].as_u64(), calls),
        (Some(204), (1, 0, 0, 0, 0)),
        "{done}"
    );
    // An entitlement write: a read, and one transaction.
    let mut claims = world.request_claims("ada", "2");
    claims["aud"] = world.gateway("/add-entitlements").into();
    claims["entitlements"] = json!(["gold"]);
    let jws = World::request_token(&claims);
    let (done, calls) = counted
        .answer("POST", "/add-entitlements", "", &[], Some(("application/jwt", &jws)))
        .await;
    assert_eq!(
        (done["statusCode"].as_u64(), calls),
        (Some(202), (2, 0, 0, 0, 0)),
        "{done}"
    );
    // A hand-off: one DynamoDB call consumes its `jti` and stores the pending link.
    let (away, calls) = counted.answer("GET", "/entrypoint", "", &[], None).await;
    assert_eq!(calls, (0, 0, 0, 0, 0));
    let nonce = parameter(away["headers"]["location"].as_str().unwrap(), "nonce").unwrap();
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, "1"));
    let (begun, calls) = counted
        .answer("GET", "/entrypoint", &format!("token={token}"), &[cookie(&away)], None)
        .await;
    assert_eq!(
        (begun["statusCode"].as_u64(), calls),
        (Some(302), (1, 0, 0, 0, 0)),
        "{begun}"
    );
}
