//! Fifty mistakes of an engineer who connects a backend, and what the response says about each.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use shared::encoding::base64url;

use crate::support::{TestResponse, World, backend_key, signed};

const REPLACE: &str = "/replace-entitlements";

/// One mistake: its name, the response to it, and the expected status, code and detail.
struct Row {
    mistake: &'static str,
    response: TestResponse,
    status: u16,
    code: &'static str,
    detail: String,
}

/// Sends requests with one mistake each, and collects the rows of the table.
struct Table {
    world: World,
    rows: Vec<Row>,
}

const UNVERIFIED: &str = "No key of the backend verifies the signature. Check the key and the headers `alg` and `kid`, the key set \
     `backend` or `BACKEND_JWKS_URL`, and that `BACKEND_ISSUER` is set.";
const MEDIA_TYPE: &str = "The `Content-Type` must be `application/jwt`, and the body a compact JWS.";
const IAT: &str = "`iat` must be the time of signing in seconds since 1970, not in milliseconds or as text.";
const EXP: &str =
    "`exp` must be in seconds since 1970, not in milliseconds or as text, after `iat`, and at most 300 s after it.";
const JTI: &str = "`jti` must be a string of 1 to 255 bytes, a new one for each request.";
const PAYLOAD: &str = "The payload must be a JSON object in which no member is repeated.";
const NOT_THREE: &str = "The body is no compact JWS: it needs three parts, separated by two dots.";
const NAME: &str = "must be a string that matches ^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$.";
const MEMBERS: &str = "Beside the claims of a JWT it has `partner_id`, `sub` or `partner_user_id`, `entitlements`, `version`, `as_of` and \
     `people`; each of the people has `sub` or `partner_user_id`, `entitlements`, `version` and `as_of`.";

impl Table {
    fn claims(&self) -> Value {
        self.claims_with(&json!({}))
    }

    fn claims_with(&self, more: &Value) -> Value {
        let row = self.rows.len();
        let mut claims = self.world.to(
            REPLACE,
            "ada",
            &json!({"entitlements": ["gold"], "jti": format!("row {row}")}),
        );
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn expect(&mut self, mistake: &'static str, response: TestResponse, status: u16, detail: &str) {
        let code = match status {
            401 => "invalid_token",
            409 => "version_mismatch",
            _ => "invalid_request",
        };
        let detail = detail.to_owned();
        self.rows.push(Row {
            mistake,
            response,
            status,
            code,
            detail,
        });
    }

    /// A correct request in all but its content type.
    async fn typed(&mut self, mistake: &'static str, content_type: Option<&str>, path: &str) {
        let mut claims = self.claims();
        claims["aud"] = self.world.gateway(path).into();
        let headers: Vec<_> = content_type.map(|kind| ("content-type", kind)).into_iter().collect();
        let url = self.world.gateway(path);
        let jws = World::request_token(&claims);
        let response = self.world.browser().send("POST", &url, &headers, Some(&jws)).await;
        assert_eq!(response.header("accept"), Some("application/jwt"), "{mistake}");
        self.expect(mistake, response, 415, MEDIA_TYPE);
    }

    async fn body(&mut self, mistake: &'static str, body: &str, status: u16, detail: &str) {
        let response = self.world.backend_call(REPLACE, body).await;
        self.expect(mistake, response, status, detail);
    }

    /// A request with these claims changed; `null` removes a claim.
    async fn with(&mut self, mistake: &'static str, more: Value, status: u16, detail: &str) {
        let jws = World::request_token(&self.claims_with(&more));
        self.body(mistake, &jws, status, detail).await;
    }

    /// A request with this header, signed by the backend's key.
    async fn header(&mut self, mistake: &'static str, header: &Value, detail: &str) {
        let input = format!(
            "{}.{}",
            base64url(header.to_string()),
            base64url(self.claims().to_string())
        );
        let key = EncodingKey::from_secret(&backend_key().secret);
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
        self.body(mistake, &format!("{input}.{signature}"), 401, detail).await;
    }

    /// A payload that is signed as it is.
    async fn payload(&mut self, mistake: &'static str, payload: &str) {
        let header = json!({"alg": "HS256", "typ": "soa-request+jwt"});
        let input = format!("{}.{}", base64url(header.to_string()), base64url(payload));
        let key = EncodingKey::from_secret(&backend_key().secret);
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
        self.body(mistake, &format!("{input}.{signature}"), 401, PAYLOAD).await;
    }
}

#[tokio::test]
async fn each_of_fifty_mistakes_gets_an_answer_that_says_what_to_fix() {
    let world = World::new().await;
    let (now, gateway) = (world.clock.now(), world.gateway(""));
    let issuer = world.sandbox.options().site_issuer(world.sandbox.addresses());
    let partner_id = world.sandbox.options().partner_id.clone();
    let mut table = Table {
        world,
        rows: Vec::new(),
    };
    let aud = format!(
        "`aud` must be \"{gateway}{REPLACE}\", exactly the URL called: a string, or an array of this string alone."
    );
    let iss = format!("`iss` must be \"{issuer}\", the value of `BACKEND_ISSUER`.");
    let partner = format!("`partner_id` must be \"{partner_id}\", the partner of the URL called.");

    // The request.
    table.typed("no content type", None, REPLACE).await;
    table
        .typed("a JSON content type", Some("application/json"), REPLACE)
        .await;
    table
        .typed(
            "curl's content type",
            Some("application/x-www-form-urlencoded"),
            REPLACE,
        )
        .await;
    table
        .typed("the content type of JOSE", Some("application/jose"), REPLACE)
        .await;
    table
        .typed("a JSON content type, to /unlink", Some("application/json"), "/unlink")
        .await;
    table
        .typed(
            "curl's content type, to /unlink",
            Some("application/x-www-form-urlencoded"),
            "/unlink",
        )
        .await;
    let path = "/partners/1111111111111111111111/replace-entitlements";
    let response = table
        .world
        .backend_call(path, &World::request_token(&table.claims()))
        .await;
    let unknown = "No partner has the id in the path, or the partner is disabled.";
    table.expect("an unknown partner", response, 404, unknown);
    let url = table.world.gateway(REPLACE);
    let response = table
        .world
        .browser()
        .send("PUT", &url, &[("accept", "application/json")], None)
        .await;
    table.expect("another method", response, 405, "This path has the methods HEAD, POST.");
    let response = table.world.backend_call("/replace-entitlement", "x").await;
    table.expect(
        "a misspelt path",
        response,
        404,
        "There is no such path. `infra/openapi.json` lists all paths.",
    );

    // Before the signature is verified: only what the sender can compute.
    table
        .body("an empty body", "", 401, "The body is empty. It must be a compact JWS.")
        .await;
    let json = "The body is JSON. It must be a compact JWS: sign the claims, and send `header.payload.signature`.";
    table
        .body("claims that are not signed", &table.claims().to_string(), 401, json)
        .await;
    let jws = World::request_token(&table.claims());
    let quoted = "The body begins with a quote. It must be the JWS alone.";
    table
        .body("the JWS as a JSON string", &format!("\"{jws}\""), 401, quoted)
        .await;
    let bearer = "The body begins with `Bearer`. It must be the JWS alone.";
    table
        .body("the JWS with Bearer", &format!("Bearer {jws}"), 401, bearer)
        .await;
    let field = "The body is no compact JWS. It must be the JWS alone, not a form field.";
    table
        .body("the JWS as a form field", &format!("token={jws}"), 401, field)
        .await;
    let (input, signature) = jws.rsplit_once('.').unwrap();
    table.body("a JWS without its signature", input, 401, NOT_THREE).await;
    table.body("a JWE", &format!("{jws}.e30.e30"), 401, NOT_THREE).await;
    let empty = "The signature is empty. The JWS must be signed.";
    table.body("an empty signature", &format!("{input}."), 401, empty).await;
    let padded = "The three parts must be base64url without padding: no `=`, `+` or `/`.";
    table.body("base64 with padding", &format!("{jws}="), 401, padded).await;
    let large = "The body must have at most 61,440 bytes. Send fewer people in one request.";
    table
        .body("more people than fit", &"x".repeat(61_441), 413, large)
        .await;
    let typ = "The header `typ` must be \"soa-request+jwt\".";
    table.header("no typ", &json!({"alg": "HS256"}), typ).await;
    table
        .header("the typ of a JWT", &json!({"alg": "HS256", "typ": "JWT"}), typ)
        .await;
    table
        .header(
            "the typ of a hand-off",
            &json!({"alg": "HS256", "typ": "soa-handoff+jwt"}),
            typ,
        )
        .await;
    let parameters = "The header parameters `crit`, `b64`, `cty`, `zip` and `enc` are not supported.";
    let crit = json!({"alg": "HS256", "typ": "soa-request+jwt", "crit": ["exp"], "exp": 1});
    table
        .header("a header that must be understood", &crit, parameters)
        .await;

    // The same answer whatever is wrong with the key.
    let typ = "soa-request+jwt";
    table
        .header(
            "an unknown kid",
            &json!({"alg": "HS256", "typ": typ, "kid": "unknown"}),
            UNVERIFIED,
        )
        .await;
    table
        .header(
            "another algorithm",
            &json!({"alg": "HS512", "typ": typ, "kid": "backend"}),
            UNVERIFIED,
        )
        .await;
    table.header("no algorithm", &json!({"typ": typ}), UNVERIFIED).await;
    table
        .header("the algorithm none", &json!({"alg": "none", "typ": typ}), UNVERIFIED)
        .await;
    let site = signed(&table.world.sandbox.options().site_key, typ, &table.claims());
    table.body("the key of the site", &site, 401, UNVERIFIED).await;
    let forged = jsonwebtoken::encode(
        &Header {
            typ: Some(typ.to_owned()),
            kid: Some(backend_key().kid),
            ..Header::new(Algorithm::HS256)
        },
        &table.claims_with(&json!({"iss": "elsewhere"})),
        &EncodingKey::from_secret(&[7; 32]),
    );
    table
        .body("another key, and another issuer", &forged.unwrap(), 401, UNVERIFIED)
        .await;
    let other_claims = table.claims_with(&json!({"entitlements": ["other"]}));
    let (other, _) = World::request_token(&other_claims)
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    table
        .body(
            "a signature of other claims",
            &format!("{other}.{signature}"),
            401,
            UNVERIFIED,
        )
        .await;

    // The claims, once the signature is verified.
    table.payload("a payload that is text", "hello").await;
    table.payload("a payload that is an array", "[]").await;
    table.payload("a repeated member", r#"{"iss": "a", "iss": "b"}"#).await;
    table.with("no iss", json!({"iss": null}), 401, &iss).await;
    table
        .with("another iss", json!({"iss": "https://elsewhere.example"}), 401, &iss)
        .await;
    table.with("no aud", json!({"aud": null}), 401, &aud).await;
    table
        .with("the origin as aud", json!({"aud": gateway}), 401, &aud)
        .await;
    table
        .with(
            "the aud of another call",
            json!({"aud": format!("{gateway}/add-entitlements")}),
            401,
            &aud,
        )
        .await;
    table
        .with(
            "a slash at the end of aud",
            json!({"aud": format!("{gateway}{REPLACE}/")}),
            401,
            &aud,
        )
        .await;
    let two = json!([format!("{gateway}{REPLACE}"), format!("{gateway}/unlink")]);
    table.with("two audiences", json!({"aud": two}), 401, &aud).await;
    table.with("no iat", json!({"iat": null}), 401, IAT).await;
    table
        .with("iat in milliseconds", json!({"iat": now * 1000}), 401, IAT)
        .await;
    table
        .with("iat as text", json!({"iat": now.to_string()}), 401, IAT)
        .await;
    table.with("no exp", json!({"exp": null}), 401, EXP).await;
    table
        .with("exp in milliseconds", json!({"exp": (now + 60) * 1000}), 401, EXP)
        .await;
    table
        .with("a lifetime of an hour", json!({"exp": now + 3600}), 401, EXP)
        .await;
    table.with("exp before iat", json!({"exp": now - 1}), 401, EXP).await;
    let expired = "`exp` has passed by 60 s or more: sign the request just before you send it, and check your clock.";
    table
        .with(
            "an old request",
            json!({"iat": now - 200, "exp": now - 60}),
            401,
            expired,
        )
        .await;
    let ahead = "`iat` or `nbf` is more than 60 s ahead of our clock: check your clock.";
    table
        .with(
            "a clock that is ahead",
            json!({"iat": now + 61, "exp": now + 100}),
            401,
            ahead,
        )
        .await;
    table
        .with("nbf in the future", json!({"nbf": now + 61}), 401, ahead)
        .await;
    let nbf = "`nbf` must be in seconds since 1970, not in milliseconds or as text.";
    table.with("nbf as text", json!({"nbf": "now"}), 401, nbf).await;
    table.with("no jti", json!({"jti": null}), 401, JTI).await;
    table.with("jti as a number", json!({"jti": 7}), 401, JTI).await;
    table
        .with("no partner_id", json!({"partner_id": null}), 401, &partner)
        .await;
    table
        .with(
            "the reference as partner_id",
            json!({"partner_id": "my-show"}),
            401,
            &partner,
        )
        .await;

    // The members of the call.
    let subject = "`partner_user_id or sub` must be present.";
    table.with("no subscriber", json!({"sub": null}), 400, subject).await;
    let both = "`partner_user_id or sub` must be present, not both.";
    table
        .with(
            "a subscriber named twice",
            json!({"partner_user_id": "0123456789abcdef"}),
            400,
            both,
        )
        .await;
    let sub = "`sub` must be a string of 1 to 255 bytes without control characters.";
    table.with("sub as a number", json!({"sub": 1003}), 400, sub).await;
    let id = "`partner_user_id` must match ^[0-9a-f]{16,128}$.";
    let upper = json!({"sub": null, "partner_user_id": "0123456789ABCDEF"});
    table.with("a Partner User ID in upper case", upper, 400, id).await;
    let required = "`entitlements` is required: an array of at most 500 names.";
    table
        .with("no entitlements", json!({"entitlements": null}), 400, required)
        .await;
    let array = "`entitlements` must be an array of at most 500 names.";
    table
        .with("entitlements as text", json!({"entitlements": "gold"}), 400, array)
        .await;
    let many: Vec<_> = (0..501).map(|n| format!("e{n}")).collect();
    table
        .with("501 entitlements", json!({"entitlements": many}), 400, array)
        .await;
    let name = format!("`entitlements[1]` {NAME}");
    table
        .with(
            "a name with a space",
            json!({"entitlements": ["a", "all access"]}),
            400,
            &name,
        )
        .await;
    let version = "`version` must be a whole number, 0 or more.";
    table
        .with("version as text", json!({"version": "1"}), 400, version)
        .await;
    let misspelt = format!("`verison` is no member of this request. {MEMBERS}");
    table
        .with("a misspelt member", json!({"verison": 1}), 400, &misspelt)
        .await;
    let unknown = format!("The request has an unknown member. {MEMBERS}");
    table.with("an unusual member", json!({"<b>": 1}), 400, &unknown).await;
    let as_of = "`as_of` must be a number of seconds or milliseconds since 1970.";
    table
        .with("as_of as text", json!({"as_of": "2026-11-29"}), 400, as_of)
        .await;
    let as_of = "`as_of` must be at most 60 s ahead of our clock.";
    table
        .with("as_of in the future", json!({"as_of": now + 61}), 400, as_of)
        .await;
    let one = json!([{"sub": "a", "entitlements": []}]);
    let people = "`people` must be an array of 1 to 100 objects.";
    table
        .with(
            "an empty people",
            json!({"sub": null, "entitlements": null, "people": []}),
            400,
            people,
        )
        .await;
    let beside = "`sub` must not be beside `people`.";
    table
        .with(
            "sub beside people",
            json!({"entitlements": null, "people": one}),
            400,
            beside,
        )
        .await;
    let other = "`version` must be the current version of the subscriber. Read it with `/get-entitlements`.";
    table.with("another version", json!({"version": 7}), 409, other).await;
    let jws = World::request_token(&table.claims_with(&json!({"jti": "again"})));
    assert_eq!(table.world.backend_call(REPLACE, &jws).await.status, 202);
    let again = "Another request has used this `jti`: take a new one for each request. Only the identical bytes may be sent again.";
    table
        .with(
            "the same jti again",
            json!({"jti": "again", "entitlements": []}),
            401,
            again,
        )
        .await;

    assert!(table.rows.len() >= 50, "{}", table.rows.len());
    let values = [
        "elsewhere",
        "row ",
        "my-show",
        "all access",
        "2026-11-29",
        "0123456789ABCDEF",
        "unknown\"",
    ];
    for Row {
        mistake,
        response,
        status,
        code,
        detail,
    } in &table.rows
    {
        let problem = response.problem();
        assert_eq!(
            (response.status, problem["code"].as_str(), problem["detail"].as_str()),
            (*status, Some(*code), Some(detail.as_str())),
            "{mistake}"
        );
        let challenge = response.header("www-authenticate");
        assert_eq!(challenge, (*status == 401).then_some("Signed-Request"), "{mistake}");
        // No value of the request is repeated.
        assert!(
            values.iter().all(|value| !response.body.contains(value)),
            "{mistake}: {}",
            response.body
        );
    }
    assert_eq!(table.world.read_entitlements("ada").await["version"], 1);
}

/// Mistakes about one of several people.
#[tokio::test]
async fn an_error_of_one_of_the_people_says_what_to_fix() {
    let world = World::new().await;
    let people = json!([
        {"sub": "a", "entitlements": ["gold"]},
        {"sub": "a", "entitlements": ["gold"]},
        {"sub": "b", "entitlements": ["no good"]},
        {"sub": "c", "entitlements": [], "version": -1},
        {"sub": "d", "entitlements": [], "verison": 1},
        {"entitlements": []},
        "e",
        {"sub": "f", "entitlements": [], "version": 3},
    ]);
    let answer = world
        .asks(
            REPLACE,
            &world.to(REPLACE, "ada", &json!({"sub": null, "people": people})),
        )
        .await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let details: Vec<_> = body["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["detail"].as_str())
        .collect();
    assert_eq!(
        details,
        [
            None,
            Some("`people[1]` must not be the same subscriber as another one of `people`."),
            Some(&*format!("`people[2].entitlements[0]` {NAME}")),
            Some("`people[3].version` must be a whole number, 0 or more."),
            Some(&*format!("`people[4].verison` is no member of this request. {MEMBERS}")),
            Some("`people[5].partner_user_id or sub` must be present."),
            Some("`people[6]` must be an object."),
            Some("`version` must be the current version of the subscriber. Read it with `/get-entitlements`."),
        ]
    );
}

/// A deployment without `BACKEND_ISSUER` answers as one whose keys do not fit.
#[tokio::test]
async fn without_a_backend_issuer_the_answer_is_that_of_an_unknown_key() {
    let world = World::with(sandbox::Options::default(), &[("BACKEND_ISSUER", "")]).await;
    for path in [REPLACE, "/unlink"] {
        let mut claims = world.request_claims("ada", path);
        claims["aud"] = world.gateway(path).into();
        let answer = world.asks(path, &claims).await;
        assert_eq!(
            (answer.status, answer.problem()["detail"].as_str()),
            (401, Some(UNVERIFIED))
        );
    }
}
