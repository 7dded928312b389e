//! Entitlements that the partner's backend writes and reads.

use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::deployment;
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient};

use crate::support::{World, backend_key, join_all, logged, signed};

fn told(entitlements: &[&str], version: i64) -> Value {
    json!({"entitlements": entitlements, "version": version})
}

#[tokio::test]
async fn each_entitlement_change_increments_the_version() {
    let world = World::new().await;
    let none = json!({"state": "none", "since": null, "evidence": null});
    assert_eq!(
        world.read_entitlements("ada").await,
        json!({"entitlements": [], "version": 0, "link": none})
    );
    assert_eq!(
        world.write_entitlements("replace", "ada", &["b", "a", "b"]).await,
        told(&["a", "b"], 1)
    );
    assert_eq!(
        world.write_entitlements("add", "ada", &["c", "a"]).await,
        told(&["a", "b", "c"], 2)
    );
    assert_eq!(
        world.write_entitlements("delete", "ada", &["b", "z"]).await,
        told(&["a", "c"], 3)
    );
    assert_eq!(
        world.read_entitlements("ada").await,
        json!({"entitlements": ["a", "c"], "version": 3, "link": none})
    );
    assert_eq!(world.write_entitlements("replace", "ada", &[]).await, told(&[], 4));
    // Other people are unchanged.
    assert_eq!(world.read_entitlements("bela").await["version"], 0);
    // Names are case-sensitive.
    assert_eq!(world.write_entitlements("add", "ada", &["A"]).await, told(&["A"], 5));
}

#[tokio::test]
async fn an_unchanged_set_keeps_its_version_except_on_the_first_write() {
    let world = World::new().await;
    // An empty set is a write too.
    assert_eq!(world.write_entitlements("replace", "ada", &[]).await, told(&[], 1));
    for (operation, entitlements) in [("replace", &[][..]), ("delete", &["a"]), ("add", &[])] {
        assert_eq!(
            world.write_entitlements(operation, "ada", entitlements).await,
            told(&[], 1),
            "{operation}"
        );
    }
    assert_eq!(
        world.write_entitlements("replace", "ada", &["a"]).await,
        told(&["a"], 2)
    );
    assert_eq!(world.write_entitlements("add", "ada", &["a"]).await, told(&["a"], 2));
    assert_eq!(
        world.write_entitlements("replace", "ada", &["a"]).await,
        told(&["a"], 2)
    );
}

#[tokio::test]
async fn a_request_names_a_person_by_sub_or_partner_user_id() {
    let world = World::new().await;
    world.write_entitlements("replace", "ada", &["a"]).await;
    let by_id = json!({"sub": null, "partner_user_id": world.partner_user_id("ada")});
    let answer = world
        .asks("/get-entitlements", &world.to("/get-entitlements", "ada", &by_id))
        .await;
    assert!(answer.body.contains("\"entitlements\":[\"a\"]"), "{}", answer.body);
    assert!(!answer.body.contains(&world.partner_user_id("ada")));
}

#[tokio::test]
async fn a_change_for_another_version_is_rejected() {
    let world = World::new().await;
    let path = "/replace-entitlements";
    let change = |version: i64, name: &str| world.to(path, "ada", &json!({"entitlements": [name], "version": version}));
    assert_eq!(
        world.asks(path, &change(1, "a")).await.problem()["code"],
        "version_mismatch"
    );
    assert_eq!(world.asks(path, &change(0, "b")).await.status, 202);
    let late = world.asks(path, &change(0, "c")).await;
    assert_eq!(
        (
            late.status,
            world.read_entitlements("ada").await["entitlements"].clone()
        ),
        (409, json!(["b"]))
    );
    assert_eq!(world.asks(path, &change(1, "d")).await.status, 202);
}

#[tokio::test]
async fn an_error_names_the_invalid_member_but_not_its_value() {
    let world = World::new().await;
    let many: Vec<_> = (0..501).map(|n| format!("e{n}")).collect();
    let path = "/replace-entitlements";
    for (more, member) in [
        (json!({}), "entitlements"),
        (json!({"entitlements": "a"}), "entitlements"),
        (json!({"entitlements": {"a": 1}}), "entitlements"),
        (json!({"entitlements": ["a", "b b"]}), "entitlements[1]"),
        (json!({"entitlements": ["a", 1]}), "entitlements[1]"),
        (json!({"entitlements": [""]}), "entitlements[0]"),
        (json!({"entitlements": ["a".repeat(129)]}), "entitlements[0]"),
        (json!({"entitlements": many}), "entitlements"),
        (json!({"entitlements": [], "sub": null}), "partner_user_id or sub"),
        (
            json!({"entitlements": [], "partner_user_id": "0123456789abcdef"}),
            "partner_user_id or sub",
        ),
        (
            json!({"entitlements": [], "sub": null, "partner_user_id": "0123456789ABCDEF"}),
            "partner_user_id",
        ),
        (json!({"entitlements": [], "sub": ""}), "sub"),
        (json!({"entitlements": [], "version": -1}), "version"),
        (json!({"entitlements": [], "version": "1"}), "version"),
        (json!({"entitlements": null, "people": []}), "sub"),
        (json!({"sub": null, "people": []}), "people"),
        (json!({"sub": null, "people": {}}), "people"),
        (
            json!({"sub": null, "people": vec![json!({"sub": "a", "entitlements": []}); 101]}),
            "people",
        ),
    ] {
        let answer = world.asks(path, &world.to(path, "ada", &more)).await;
        let problem = answer.problem();
        assert_eq!(
            (answer.status, &problem["code"], &problem["member"]),
            (400, &json!("invalid_request"), &json!(member)),
            "{more}"
        );
        assert!(!answer.body.contains("0123456789"));
    }
    // Each request is within the limit; together they exceed it.
    let half: Vec<_> = (0..300).map(|n| format!("f{n}")).collect();
    let half: Vec<_> = half.iter().map(String::as_str).collect();
    world.write_entitlements("replace", "bela", &half).await;
    let more: Vec<_> = (0..300).map(|n| format!("g{n}")).collect();
    let answer = world
        .asks(
            "/add-entitlements",
            &world.to("/add-entitlements", "bela", &json!({"entitlements": more})),
        )
        .await;
    assert_eq!(
        (answer.status, &answer.problem()["member"]),
        (400, &json!("entitlements"))
    );
    assert_eq!(world.read_entitlements("bela").await["version"], 1);
    assert_eq!(world.read_entitlements("ada").await["version"], 0);
}

#[tokio::test]
async fn each_person_of_a_batch_has_a_separate_result() {
    let world = World::new().await;
    world.write_entitlements("replace", "bela", &["kept"]).await;
    let path = "/add-entitlements";
    let mut people: Vec<_> = (0..96)
        .map(|n| json!({"sub": format!("member-{n}"), "entitlements": ["basic"]}))
        .collect();
    people.push(json!({"sub": world.person("bela").sub, "entitlements": ["basic"], "version": 7}));
    people.push(json!({"sub": "member-0", "entitlements": ["twice"]}));
    people.push(json!({"sub": "other", "entitlements": ["basic", "no good"]}));
    people.push(json!("not an object"));
    let claims = world.to(path, "ada", &json!({"sub": null, "people": people}));
    let answer = world.asks(path, &claims).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let results = answer["people"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    for one in &results[..96] {
        assert_eq!(*one, json!({"status": 202, "entitlements": ["basic"], "version": 1}));
    }
    for (result, status, code, member) in [
        (&results[96], 409, "version_mismatch", None),
        (&results[97], 400, "invalid_request", Some("people[97]")),
        (&results[98], 400, "invalid_request", Some("people[98].entitlements[1]")),
        (&results[99], 400, "invalid_request", Some("people[99]")),
    ] {
        assert_eq!(
            (&result["status"], &result["code"], result["member"].as_str()),
            (&json!(status), &json!(code), member)
        );
    }
    let people: Vec<_> = ["member-1", "other"].map(|sub| json!({"sub": sub})).into();
    let claims = world.to("/get-entitlements", "ada", &json!({"sub": null, "people": people}));
    let read: Value = serde_json::from_str(&world.asks("/get-entitlements", &claims).await.body).unwrap();
    assert_eq!(read["people"][0]["entitlements"], json!(["basic"]));
    assert_eq!(
        (&read["people"][1]["version"], &read["people"][1]["link"]["state"]),
        (&json!(0), &json!("none"))
    );
}

/// A batch is answered 202 even if a write fails, so only the log tells the operator.
#[tokio::test]
async fn a_failed_write_in_a_batch_is_logged_as_an_error() {
    let world = World::new().await;
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let id = format!(
        "{}#{}",
        world.sandbox.options().partner_id,
        world.partner_user_id("bela")
    );
    let put = dynamodb.put_item().table_name(deployment::SUBSCRIBERS_TABLE);
    let put = put
        .item("id", AttributeValue::S(id))
        .item("version", AttributeValue::S("x".into()));
    put.send().await.unwrap();
    let path = "/add-entitlements";
    let people: Vec<_> = ["ada", "bela"]
        .map(|person| json!({"sub": world.person(person).sub, "entitlements": ["gold"]}))
        .into();
    let claims = world.to(path, "ada", &json!({"sub": null, "people": people}));
    let answer = world.asks(path, &claims).await;
    let result: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (
            answer.status,
            &result["people"][0]["status"],
            &result["people"][1]["status"]
        ),
        (202, &json!(202), &json!(500))
    );
    let logged = logged();
    let lines: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |code: &str| lines.iter().find(|line| line["code"] == code).unwrap();
    assert_eq!(
        (&line("FAULT")["level"], &line("FAULT")["people"]),
        (&json!("ERROR"), &json!(1))
    );
    assert_eq!(line("ENTITLEMENTS_PARTLY_WRITTEN")["status"], 202);
}

/// A forged or misdirected request, or one with a used `jti`, writes nothing. `mistakes` has the details of the responses.
#[tokio::test]
async fn an_invalid_request_writes_nothing() {
    let world = World::new().await;
    let path = "/replace-entitlements";
    let now = world.clock.now();
    let good = world.to(path, "ada", &json!({"entitlements": ["a"]}));
    let with = |changes: &Value| {
        let mut claims = world.to(path, "ada", &json!({"entitlements": ["stolen"]}));
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        World::request_token(&claims)
    };
    let token = World::request_token(&good);
    assert_eq!(world.backend_call(path, &token).await.status, 202);
    let (forged, _) = token.rsplit_once('.').unwrap();
    let mut other = good.clone();
    other["entitlements"] = json!(["stolen"]);
    let bad = [
        World::request_token(&other),
        with(&json!({"aud": world.gateway("/add-entitlements")})),
        with(&json!({"aud": world.gateway("/partners/1111111111111111111111/replace-entitlements")})),
        with(&json!({"aud": world.gateway("")})),
        with(&json!({"iat": now - 400, "exp": now - 61})),
        with(&json!({"iat": now + 61, "exp": now + 100})),
        with(&json!({"exp": now + 301})),
        with(&json!({"partner_id": "1111111111111111111111"})),
        with(&json!({"iss": "https://evil.example"})),
        signed(
            &world.sandbox.options().site_key,
            "soa-request+jwt",
            &world.to(path, "ada", &json!({"entitlements": []})),
        ),
        signed(
            &backend_key(),
            "JWT",
            &world.to(path, "ada", &json!({"entitlements": []})),
        ),
        world.site_token("JWT", &world.session_claims("ada")),
        format!("{forged}.AAAA"),
        String::new(),
        "{}".to_owned(),
    ];
    let mut answers = Vec::new();
    for token in &bad {
        let answer = world.backend_call(path, token).await;
        let mut problem = answer.problem();
        problem["request_id"].take();
        problem["detail"].take();
        answers.push((answer.status, problem));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((answers[0].0, &answers[0].1["code"]), (401, &json!("invalid_token")));
    assert_eq!(world.read_entitlements("ada").await["entitlements"], json!(["a"]));
    // The response is JSON even without a content type on the request.
    let mut browser = world.browser();
    for (method, status) in [("POST", 415), ("GET", 404)] {
        let answer = browser.send(method, &world.gateway(path), &[], Some("x")).await;
        assert!([status, 405].contains(&answer.status), "{method} {}", answer.status);
    }
    assert_eq!(
        browser
            .send("POST", &world.gateway(path), &[], Some("x"))
            .await
            .problem()["code"],
        "invalid_request"
    );
    assert_eq!(world.calls(), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_concurrent_change_is_lost() {
    let world = World::new().await;
    let names = ["a", "b", "c", "d", "e"];
    let path = "/add-entitlements";
    let all = names.map(|name| world.to(path, "ada", &json!({"entitlements": [name]})));
    let answers = join_all(all.iter().map(|claims| world.asks(path, claims))).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    let read = world.read_entitlements("ada").await;
    assert_eq!((&read["entitlements"], &read["version"]), (&json!(names), &json!(5)));
}

/// The person was linked with the token's entitlements, and the backend's first write is an addition or a removal.
#[tokio::test]
async fn the_first_change_starts_from_the_tokens_entitlements() {
    let world = World::new().await;
    for (person, account) in [("ada", "mara"), ("bela", "jonas")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
    }
    assert_eq!(
        world.read_entitlements("ada").await["entitlements"],
        json!(["all-access", "basic"])
    );
    assert_eq!(
        world.write_entitlements("delete", "ada", &["basic"]).await["entitlements"],
        json!(["all-access"])
    );
    assert_eq!(
        world.write_entitlements("add", "bela", &["gold"]).await["entitlements"],
        json!(["basic", "gold"])
    );
}

/// Some providers omit an empty claim: that must not keep the old entitlements.
#[tokio::test]
async fn a_newer_token_without_entitlements_clears_the_older_ones() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    let mut claims = world.session_claims("ada");
    claims.as_object_mut().unwrap().remove("entitlements");
    let mut browser = world.browser();
    let cookie = world.site_token("JWT", &claims);
    browser
        .cookies
        .insert(world.sandbox.options().session_cookie.clone(), cookie);
    assert_eq!(browser.link("mara").await.status, 302);
    assert!(world.linked("ada").unwrap().1.is_empty());
    assert_eq!(world.read_entitlements("ada").await["entitlements"], json!([]));
}

/// The token's entitlements apply only until the backend's first write.
#[tokio::test]
async fn linking_prefers_the_backends_entitlements_over_the_tokens() {
    let world = World::new().await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.linked("ada").unwrap().1, ["all-access", "basic"]);
    let link = world.read_entitlements("ada").await["link"].clone();
    assert_eq!(
        (&link["state"], &link["evidence"]),
        (&json!("pending"), &json!("register-user"))
    );

    world.write_entitlements("replace", "ada", &["gold"]).await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert_eq!(world.linked("ada").unwrap().1, ["gold"]);
    // An empty set of the backend counts too.
    world.write_entitlements("replace", "ada", &[]).await;
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    assert!(world.linked("ada").unwrap().1.is_empty());
}
