//! The commands of the partners function: create, change and disable a partner, upload a logo, read and release the guard.

use std::collections::BTreeMap;

use partners::Partners;
use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::PartnerId,
    rng::Rng,
    runtime::worker::EventFunction as _,
    store::{CreationStart, PartnerCreation, PartnerRecord, PartnerTable, PartnerWrite},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    World,
    partners_function::{ask, new_partner, operators},
    proxy::{Proxy, Step},
};

const CREATE: &str = "/api/v1/create-partner";

const LOGO: &str = "/api/v1/upload-logo";

/// The code of an error answer.
fn refused(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

fn asked(world: &World, path: &str) -> usize {
    world.spotify().requests().to(path).len()
}

#[tokio::test]
async fn a_repeated_create_request_creates_one_partner() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let partner = ask(&operators, new_partner()).await;
    let partner_id = partner["partner_id"].as_str().unwrap();
    assert_eq!(partner_id.len(), 22, "{partner}");
    assert_eq!(partner["entrypoint_url"], world.gateway("/partners/lunar/entrypoint"));
    let again = ask(&operators, new_partner()).await;
    assert_eq!(
        (&again["partner_id"], again["version"].as_i64()),
        (&partner["partner_id"], Some(1))
    );
    // A second partner with the same reference or the same name is rejected.
    let mut other = new_partner();
    other["name"] = "Another".into();
    assert_eq!(refused(&ask(&operators, other).await), "conflict");
    let mut other = new_partner();
    other["reference"] = "moon".into();
    other["name"] = " lunar  INDUSTRIES ".into();
    assert_eq!(refused(&ask(&operators, other).await), "conflict");
    assert_eq!(asked(&world, CREATE), 1);
    let list = ask(&operators, json!({"command": "list-partners"})).await;
    assert_eq!(list["partners"].as_array().unwrap().len(), 1);
    assert_eq!(list["unfinished"], json!([]));
    assert_eq!(list["partners"][0]["name"], "Lunar Industries");
}

#[tokio::test]
async fn one_of_eight_concurrent_operators_calls_spotify() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let answers = crate::support::join_all((0..8).map(|_| ask(&operators, new_partner()))).await;
    assert_eq!(asked(&world, CREATE), 1);
    let created = answers.iter().filter(|answer| answer["partner_id"].is_string()).count();
    assert!(created >= 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer["partner_id"].is_string() || refused(answer) == "uncertain")
    );
}

/// Spotify may have created the partner, so a retry could create a second one.
#[tokio::test]
async fn a_create_request_with_a_lost_answer_waits_for_an_operator() {
    let faults = [
        Fault {
            after: true,
            reset: true,
            ..Fault::on(CREATE)
        },
        Fault {
            status: Some(503),
            ..Fault::on(CREATE)
        },
        Fault::answer(CREATE, 200, "{}"),
    ];
    for fault in faults {
        let world = World::new().await;
        let operators = operators(&world).await;
        world.spotify().faults().add(Fault {
            times: Some(1),
            ..fault
        });
        assert_eq!(refused(&ask(&operators, new_partner()).await), "uncertain");
        assert_eq!(refused(&ask(&operators, new_partner()).await), "uncertain");
        assert_eq!(asked(&world, CREATE), 1);
        let list = ask(&operators, json!({"command": "list-partners"})).await;
        assert_eq!(list["unfinished"][0]["reference"], "lunar");
        // Until an operator settles the creation, the reference serves no entrypoint.
        assert_eq!(world.browser().get("/partners/lunar/entrypoint").await.status, 404);
        let settle = |more: Value| {
            let mut settle = json!({"command": "settle-creation", "reference": "lunar"});
            settle
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            settle
        };
        assert_eq!(refused(&ask(&operators, settle(json!({}))).await), "invalid_request");
        let found = "0LunarIndustries000000";
        let settled = ask(&operators, settle(json!({"partner_id": found}))).await;
        assert_eq!(settled["partner_id"], found);
        let again = ask(&operators, settle(json!({"partner_id": "1LunarIndustries000000"}))).await;
        assert_eq!(refused(&again), "conflict");
        assert_eq!(ask(&operators, new_partner()).await["partner_id"], found);
        world.advance(60);
        assert_eq!(world.browser().get("/partners/lunar/entrypoint").await.status, 302);
    }
}

#[tokio::test]
async fn a_create_request_that_spotify_did_not_carry_out_can_be_repeated() {
    let world = World::new().await;
    let operators = operators(&world).await;
    for status in [400, 401, 403, 429] {
        world.spotify().faults().add(Fault {
            times: Some(1),
            ..Fault::answer(CREATE, status, "{}")
        });
        assert_eq!(
            refused(&ask(&operators, new_partner()).await),
            "spotify_refused",
            "{status}"
        );
    }
    // The function does not retry by itself.
    assert_eq!(asked(&world, CREATE), 4);
    world.spotify().faults().add(Fault {
        times: Some(1),
        status: Some(500),
        ..Fault::on(CREATE)
    });
    assert_eq!(refused(&ask(&operators, new_partner()).await), "uncertain");
    let settle = json!({"command": "settle-creation", "reference": "lunar", "not_created": true});
    assert_eq!(ask(&operators, settle).await, json!({}));
    assert!(ask(&operators, new_partner()).await["partner_id"].is_string());
}

#[tokio::test]
async fn an_invalid_command_is_rejected_without_effect() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let with = |name: &str, value: Value| {
        let mut command = new_partner();
        command[name] = value;
        command
    };
    let own = &world.sandbox.options().partner_id;
    for command in [
        json!({}),
        json!({"command": "delete-partner"}),
        json!("create-partner"),
        with("entrypoint", json!("https://lunar.example")),
        with("reference", json!("a b")),
        with("name", json!("")),
        with("name", json!("two\nlines")),
        with("entrypoint_url", json!("http://lunar.example/entrypoint")),
        with("settings", json!({"SIGN_IN": "handoff"})),
        with("settings", json!({"SPOTIFY_OPEN_ACCESS_URL": "https://evil.example"})),
        with("settings", json!({"BRAND_NAME": 1})),
        json!({"command": "put-partner", "partner_id": own, "name": "x"}),
        json!({"command": "release-guard", "partner_id": own, "seconds": 100_000}),
        json!({"command": "upload-logo", "partner_id": own, "logo_url": "http://lunar.example/logo.png"}),
        json!({"command": "explain"}),
        json!({"command": "explain", "sub": "a", "partner_user_id": "0123456789abcdef"}),
    ] {
        assert_eq!(
            refused(&ask(&operators, command.clone()).await),
            "invalid_request",
            "{command}"
        );
    }
    assert_eq!(asked(&world, CREATE), 0);
    let list = ask(&operators, json!({"command": "list-partners"})).await;
    assert_eq!(list, json!({"partners": [], "unfinished": []}));
    let unknown = json!({"command": "disable-partner", "partner_id": "1111111111111111111111"});
    assert_eq!(refused(&ask(&operators, unknown).await), "not_found");
}

#[tokio::test]
async fn a_partner_changes_only_with_its_current_version() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let put = |name: &str, version: i64| json!({"command": "put-partner", "partner_id": "2222222222222222222222", "name": name, "version": version});
    assert_eq!(ask(&operators, put("One", 0)).await["version"], 1);
    assert_eq!(refused(&ask(&operators, put("Two", 0)).await), "conflict");
    assert_eq!(ask(&operators, put("Two", 1)).await["version"], 2);
    let disable = json!({"command": "disable-partner", "partner_id": "2222222222222222222222"});
    assert!(ask(&operators, disable).await["disabled_at"].is_i64());
    assert_eq!(refused(&ask(&operators, put("Three", 2)).await), "conflict");
    // A change of a disabled partner does not enable it.
    assert!(ask(&operators, put("Three", 3)).await["disabled_at"].is_i64());
}

/// Serves a file over HTTP and returns its URL.
async fn served(file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/logo", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                file.len()
            );
            let _ = connection.write_all(&[head.as_bytes(), &file].concat()).await;
        }
    });
    url
}

/// The header of a square PNG, padded to `bytes` bytes.
fn png(side: u32, bytes: usize) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    png.resize(bytes, 0);
    png
}

#[tokio::test]
async fn only_a_valid_logo_of_up_to_ten_megabytes_is_uploaded() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let own = world.sandbox.options().partner_id.clone();
    let upload = async |file: Vec<u8>| {
        let url = served(file).await;
        ask(
            &operators,
            json!({"command": "upload-logo", "partner_id": own, "logo_url": url}),
        )
        .await
    };
    for bad in [
        png(999, 1000),
        png(8001, 1000),
        png(2000, 10_000_001),
        b"<svg/>".to_vec(),
        Vec::new(),
    ] {
        assert_eq!(refused(&upload(bad).await), "invalid_request");
    }
    assert_eq!(asked(&world, LOGO), 0);
    let taken = upload(png(2000, 10_000_000)).await;
    assert_eq!(taken["media_type"], "image/png", "{taken}");
    assert_eq!(asked(&world, LOGO), 1);
    // The function does not repeat an upload by itself.
    world.spotify().faults().add(Fault {
        status: Some(503),
        times: Some(1),
        ..Fault::on(LOGO)
    });
    assert_eq!(refused(&upload(png(2000, 1000)).await), "spotify_unavailable");
    assert_eq!(asked(&world, LOGO), 2);
}

/// Paths may name a partner by its reference, but its records use Spotify's id.
#[tokio::test]
async fn a_reference_and_a_partner_id_are_not_interchangeable() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let create = |reference: &str| json!({"command": "create-partner", "reference": reference, "name": reference});
    let lunar = ask(&operators, create("lunar")).await;
    let id = lunar["partner_id"].as_str().unwrap();
    for command in [
        json!({"command": "put-partner", "partner_id": "lunar", "name": "Lunar"}),
        json!({"command": "release-guard", "partner_id": "lunar"}),
    ] {
        let refused = ask(&operators, command).await;
        assert!(refused["error"]["message"].as_str().unwrap().contains(id), "{refused}");
    }
    for reference in [id, world.sandbox.options().partner_id.as_str()] {
        assert_eq!(refused(&ask(&operators, create(reference)).await), "conflict");
    }
    // A repeated request with its own reference returns the same partner.
    assert_eq!(ask(&operators, create("lunar")).await["partner_id"], id);
}

#[tokio::test]
async fn an_operator_reads_and_releases_the_guard() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let own = &world.sandbox.options().partner_id;
    let state = ask(&operators, json!({"command": "guard-state", "partner_id": own})).await;
    assert_eq!(
        (state["people"].as_i64(), state["limit"].as_i64()),
        (Some(0), Some(100))
    );
    let released = ask(&operators, json!({"command": "release-guard", "partner_id": own})).await;
    assert_eq!(released["released_until"], world.clock.now() + 3600);
    world.advance(3600);
    let state = ask(&operators, json!({"command": "guard-state", "partner_id": own})).await;
    assert!(state["released_until"].is_null());
}

/// Paths name partners by id or by reference. Two operators use one id at the same time, as both.
#[tokio::test]
async fn an_id_never_becomes_both_reference_and_partner() {
    let world = World::new().await;
    let operators = operators(&world).await;
    for n in 0..20 {
        let id = format!("race{n}");
        let create = json!({"command": "create-partner", "reference": id, "name": format!("Created {n}")});
        let put = json!({"command": "put-partner", "partner_id": id, "name": format!("Put {n}")});
        let (created, put) = tokio::join!(ask(&operators, create), ask(&operators, put));
        let succeeded = [&created, &put]
            .iter()
            .filter(|answer| answer["error"].is_null())
            .count();
        assert_eq!(succeeded, 1, "{created} {put}");
    }
}

/// Each operator has checked the id before the other one has written it.
#[tokio::test]
async fn the_write_itself_checks_that_an_id_is_not_taken() {
    let world = World::new().await;
    let environment = world.environment(&[]);
    let dynamodb = AwsConfig::from_env(&environment)
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let table = PartnerTable::new(dynamodb, deployment::PARTNERS_TABLE.to_owned());
    let id = |id: &str| PartnerId::parse(id).unwrap();
    let creation = |reference: &str| PartnerCreation {
        reference: id(reference),
        name: format!("Name of {reference}"),
        entrypoint_url: "https://example.com".to_owned(),
        settings: BTreeMap::new(),
        requested_at: 1,
        partner_id: None,
    };
    let partner = |partner_id: &str| PartnerRecord {
        partner_id: id(partner_id),
        name: "Name".to_owned(),
        entrypoint_url: None,
        settings: BTreeMap::new(),
        disabled_at: None,
        version: 0,
    };
    assert_eq!(table.put(&partner("first")).await.unwrap(), PartnerWrite::Stored);
    assert_eq!(
        table.start_creation(&creation("first")).await.unwrap(),
        CreationStart::IsPartner
    );
    assert_eq!(table.put(&partner("first")).await.unwrap(), PartnerWrite::OtherVersion);
    assert_eq!(
        table.start_creation(&creation("second")).await.unwrap(),
        CreationStart::Started
    );
    assert_eq!(table.put(&partner("second")).await.unwrap(), PartnerWrite::IsReference);
}

/// Spotify's answer is lost, and the operator settles the creation with an id that is the reference of another one.
#[tokio::test]
async fn a_creation_is_not_settled_with_the_reference_of_another() {
    let world = World::new().await;
    let operators = operators(&world).await;
    for (reference, name) in [("first", "First"), ("second", "Second")] {
        world.spotify().faults().add(Fault {
            status: Some(503),
            times: Some(1),
            ..Fault::on(CREATE)
        });
        let create = json!({"command": "create-partner", "reference": reference, "name": name});
        assert_eq!(refused(&ask(&operators, create).await), "uncertain");
    }
    let settle = |id: &str| json!({"command": "settle-creation", "reference": "first", "partner_id": id});
    assert_eq!(refused(&ask(&operators, settle("second")).await), "conflict");
    assert!(ask(&operators, settle("1111111111111111111111")).await["error"].is_null());
}

/// DynamoDB stores the partner, and its answer is lost. The retry finds its own write.
#[tokio::test]
async fn a_lost_answer_to_the_write_of_a_created_partner_is_no_conflict() {
    let world = World::new().await;
    let proxy = Proxy::in_front_of(&world.sandbox.addresses().dynamodb).await;
    let environment = world.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", proxy.origin())]);
    let operators = Partners::start(environment, world.clock.clone(), Rng::System)
        .await
        .unwrap();
    // The first transaction starts the creation, the second stores its result.
    proxy.matching("SET partner_id = :partner_id", Some(Step::Lose), 1);
    let created = ask(&operators, new_partner()).await;
    assert_eq!(created["partner_id"].as_str().map(str::len), Some(22), "{created}");
    assert_eq!(asked(&world, CREATE), 1);
}
