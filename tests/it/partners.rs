//! Many partners under one client of Spotify's, and what operators do about them.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use partners::Partners;
use sandbox::{Fault, bundle};
use serde_json::{Value, json};
use shared::{chance::Chance, worker::Worker as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    published::{Pair, Published},
    world::{Answer, World, parameter, signed},
};

const CREATE: &str = "/api/v1/create-partner";
/// How Ada signs in at the provider.
const ADA: &str = "account=member-1003";
const LOGO: &str = "/api/v1/upload-logo";

async fn operators(world: &World) -> Partners {
    let partners = Partners::start(world.environment(&[]), world.clock.clone(), Chance::System);
    partners.await.unwrap()
}

async fn ask(partners: &Partners, command: Value) -> Value {
    partners.work(&command, Duration::from_mins(1)).await.unwrap()
}

/// The code of an error.
fn refused(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

fn new_partner() -> Value {
    json!({
        "command": "create-partner", "reference": "lunar", "name": "Lunar Industries",
        "settings": {"SIGN_IN": "handoff", "SIGN_IN_URL": "https://lunar.example/sign-in", "BRAND_COLOR": "#1a2b3c"},
    })
}

fn asked(world: &World, path: &str) -> usize {
    world.spotify().requests().to(path).len()
}

#[tokio::test]
async fn a_partner_is_created_once_however_often_it_is_asked_for() {
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
    // Neither under the same reference nor by the same name is there ever another.
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
async fn of_many_operators_at_once_one_asks_spotify() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let answers = crate::link::join_all((0..8).map(|_| ask(&operators, new_partner()))).await;
    assert_eq!(asked(&world, CREATE), 1);
    let created = answers.iter().filter(|answer| answer["partner_id"].is_string()).count();
    assert!(created >= 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer["partner_id"].is_string() || refused(answer) == "uncertain")
    );
}

/// Spotify has done it, and nobody has heard: asking again would make another partner.
#[tokio::test]
async fn a_creation_whose_answer_is_lost_waits_for_an_operator_to_find_out() {
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
        // Until it is known, its people are nobody's.
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
async fn a_creation_that_spotify_has_not_done_can_begin_again() {
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
    // Never by itself.
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
async fn what_is_wrong_with_a_command_is_said_and_nothing_is_done() {
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
    let nobody = json!({"command": "disable-partner", "partner_id": "1111111111111111111111"});
    assert_eq!(refused(&ask(&operators, nobody).await), "not_found");
}

#[tokio::test]
async fn a_partner_is_changed_only_by_whoever_has_seen_it_as_it_is() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let put = |name: &str, version: i64| json!({"command": "put-partner", "partner_id": "2222222222222222222222", "name": name, "version": version});
    assert_eq!(ask(&operators, put("One", 0)).await["version"], 1);
    assert_eq!(refused(&ask(&operators, put("Two", 0)).await), "conflict");
    assert_eq!(ask(&operators, put("Two", 1)).await["version"], 2);
    let disable = json!({"command": "disable-partner", "partner_id": "2222222222222222222222"});
    assert!(ask(&operators, disable).await["disabled_at"].is_i64());
    assert_eq!(refused(&ask(&operators, put("Three", 2)).await), "conflict");
    // Changing a partner does not let its linking go on.
    assert!(ask(&operators, put("Three", 3)).await["disabled_at"].is_i64());
}

/// Sends a person of a partner who is signed out to its site, and answers with a token that `sign` makes of nonce: Spotify's consent, or a page.
async fn handed_over(world: &World, place: &str, sign: impl FnOnce(&str) -> String) -> Answer {
    let mut browser = world.browser();
    let path = format!("/partners/{place}/entrypoint");
    let away = browser.get(&path).await;
    assert!(
        away.location().starts_with("https://lunar.example/sign-in?"),
        "{}",
        away.location()
    );
    let token = sign(&parameter(away.location(), "nonce").unwrap());
    let consent = browser.get(&format!("{path}?token={token}")).await;
    if consent.status != 302 {
        return consent;
    }
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    browser.get(&callback).await
}

/// What one partner's subscriber may hear must not count at another.
#[tokio::test]
async fn a_token_of_the_deployments_own_site_has_to_name_the_partner() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let partner = ask(&operators, new_partner()).await;
    let partner_id = partner["partner_id"].as_str().unwrap();
    let by_site = |named: Option<&str>, jti: &'static str| {
        let named = named.map(str::to_owned);
        let world = &world;
        move |nonce: &str| {
            let mut claims = world.handoff_claims("ada", nonce, jti);
            if let Some(named) = named {
                claims["partner_id"] = named.into();
            }
            world.site_token("soa-handoff+jwt", &claims)
        }
    };
    let own = world.sandbox.options().partner_id.clone();
    for (named, jti) in [(None, "1"), (Some(own.as_str()), "2")] {
        assert_eq!(handed_over(&world, partner_id, by_site(named, jti)).await.status, 401);
    }
    let linked = handed_over(&world, partner_id, by_site(Some(partner_id), "3")).await;
    assert_eq!(linked.status, 302, "{}", linked.body);
    let ada = world.sandbox.options().partner_user_id(partner_id, world.person("ada"));
    assert!(world.spotify().link(partner_id, &ada).is_some());
    assert!(world.linked("ada").is_none());
    // By the reference too, which Spotify was given before there was an id.
    assert_eq!(
        handed_over(&world, "lunar", by_site(Some(partner_id), "4"))
            .await
            .status,
        302
    );
}

/// What a partner's site and backend call themselves that has keys of its own.
const THEIR_ISSUER: &str = "https://lunar.example";

/// A key, where it is published, and a partner whose site signs with it.
async fn publishing() -> (Pair, Published, Value) {
    let key = Pair::new(Algorithm::ES256, "theirs");
    let published = Published::at_first(&[&key]).await;
    let mut partner = new_partner();
    partner["settings"]["SITE_ISSUER"] = THEIR_ISSUER.into();
    partner["settings"]["SITE_JWKS_URL"] = published.url.as_str().into();
    (key, published, partner)
}

/// The table is looked at each minute; what was fetched for a partner that has not changed outlives that, whatever names of nobody are asked for meanwhile.
#[tokio::test]
async fn the_keys_of_a_partner_of_the_table_serve_for_a_day_while_its_url_is_down() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let (key, published, partner) = publishing().await;
    ask(&operators, partner).await;
    let link = async |jti: &str| {
        let by_them = |nonce: &str| {
            let mut claims = world.handoff_claims("ada", nonce, jti);
            claims["iss"] = THEIR_ISSUER.into();
            key.sign("soa-handoff+jwt", &claims)
        };
        handed_over(&world, "lunar", by_them).await.status
    };
    assert_eq!(link("1").await, 302);
    let asked = published.asked();
    world.advance(61);
    assert_eq!((link("2").await, published.asked()), (302, asked));
    published.is_down();
    world.advance(3600);
    assert_eq!(link("3").await, 302);
    let mut browser = world.browser();
    for n in 0..1001 {
        let nobody = browser.get(&format!("/partners/nobody{n}/entrypoint")).await;
        assert_eq!(nobody.status, 404);
    }
    world.advance(61);
    assert_eq!(link("4").await, 302);
}

#[tokio::test]
async fn a_partner_with_keys_of_its_own_takes_no_others_and_they_are_good_nowhere_else() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let (key, published, mut partner) = publishing().await;
    for (name, value) in [
        ("BACKEND_ISSUER", THEIR_ISSUER),
        ("BACKEND_JWKS_URL", &published.url),
        ("DEFAULT_ENTITLEMENTS", "newsletter"),
    ] {
        partner["settings"][name] = value.into();
    }
    let partner_id = ask(&operators, partner).await["partner_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let claims = |nonce: &str| {
        let mut claims = world.handoff_claims("ada", nonce, "jti");
        claims["iss"] = THEIR_ISSUER.into();
        claims.as_object_mut().unwrap().remove("entitlements");
        claims
    };
    let by_us = handed_over(&world, &partner_id, |nonce| {
        world.site_token("soa-handoff+jwt", &claims(nonce))
    })
    .await;
    assert_eq!(by_us.status, 401);
    let by_them = handed_over(&world, &partner_id, |nonce| key.sign("soa-handoff+jwt", &claims(nonce))).await;
    assert_eq!(by_them.status, 302, "{}", by_them.body);
    let ada = world
        .sandbox
        .options()
        .partner_user_id(&partner_id, world.person("ada"));
    // Of whom nobody has said anything: what everybody of this partner's may hear.
    assert_eq!(
        world.spotify().link(&partner_id, &ada).unwrap().entitlements,
        ["newsletter"]
    );
    // Their backend's key is good at their own paths alone, and the deployment's backend's not there.
    let request = |path: &str, iss: &str, of: &str, jti: &str| {
        let now = world.clock.now();
        json!({
            "iss": iss, "aud": world.gateway(path), "iat": now, "exp": now + 300, "jti": jti,
            "partner_id": of, "sub": "someone", "entitlements": ["gold"],
        })
    };
    let theirs = format!("/partners/{partner_id}/replace-entitlements");
    let ours = world.sandbox.options().partner_id.clone();
    let typ = "soa-request+jwt";
    let good = key.sign(typ, &request(&theirs, THEIR_ISSUER, &partner_id, "a"));
    assert_eq!(world.backend_call(&theirs, &good).await.status, 202);
    let at_ours = key.sign(typ, &request("/replace-entitlements", THEIR_ISSUER, &ours, "b"));
    assert_eq!(world.backend_call("/replace-entitlements", &at_ours).await.status, 401);
    let our_issuer = world.sandbox.options().site_issuer(world.sandbox.addresses());
    for iss in [THEIR_ISSUER, our_issuer.as_str()] {
        let by_ours = signed(
            &crate::world::backend_key(),
            typ,
            &request(&theirs, iss, &partner_id, iss),
        );
        assert_eq!(world.backend_call(&theirs, &by_ours).await.status, 401, "{iss}");
    }
}

#[tokio::test]
async fn a_partner_that_is_unknown_or_disabled_links_nobody_and_unlinks_all_the_same() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let partner = ask(&operators, new_partner()).await;
    let partner_id = partner["partner_id"].as_str().unwrap();
    let path = |name: &str| format!("/partners/{partner_id}/{name}");
    let show = "link?show=0MossHour0000000000002";
    for unknown in ["1111111111111111111111", "moon", "Lunar"] {
        for page in ["entrypoint", show, "unlink", "account"] {
            assert_eq!(
                world.browser().get(&format!("/partners/{unknown}/{page}")).await.status,
                404,
                "{unknown} {page}"
            );
        }
    }
    let mut browser = world.browser();
    assert_eq!(browser.get(&path(show)).await.status, 302);
    // A page of this partner's has its brand, and not the deployment's.
    let page = browser.get(&path("entrypoint?token=x")).await;
    assert_eq!(page.status, 401);
    assert!(
        page.body.contains("Lunar Industries") && page.body.contains("#1a2b3c"),
        "{}",
        page.body
    );
    assert!(!page.body.contains(&world.sandbox.options().publisher.name));

    // A journey that is under way when the partner is disabled ends before anybody is linked.
    let away = browser.get(&path("entrypoint")).await;
    let mut claims = world.handoff_claims("ada", &parameter(away.location(), "nonce").unwrap(), "jti");
    claims["partner_id"] = partner_id.into();
    let token = world.site_token("soa-handoff+jwt", &claims);
    let consent = browser.get(&format!("{}?token={token}", path("entrypoint"))).await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    let disable = json!({"command": "disable-partner", "partner_id": partner_id});
    assert!(ask(&operators, disable).await["disabled_at"].is_i64());
    world.advance(60);
    assert_eq!(browser.get(&callback).await.status, 404);
    assert_eq!(world.calls().1, 0);
    for page in ["entrypoint", show] {
        assert_eq!(browser.get(&path(page)).await.status, 404, "{page}");
    }
    assert_eq!(browser.get(&path("unlink")).await.status, 200);
    let enable = json!({"command": "enable-partner", "partner_id": partner_id});
    assert!(ask(&operators, enable).await["disabled_at"].is_null());
    world.advance(60);
    assert_eq!(browser.get(&path("entrypoint")).await.status, 302);
}

/// A URL at which a file is.
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

/// Of an image that ends after its header, filled up to this many bytes.
fn png(side: u32, bytes: usize) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    png.resize(bytes, 0);
    png
}

#[tokio::test]
async fn a_logo_of_ten_megabytes_reaches_spotify_and_one_that_it_would_refuse_does_not() {
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
    // Never again by itself.
    world.spotify().faults().add(Fault {
        status: Some(503),
        times: Some(1),
        ..Fault::on(LOGO)
    });
    assert_eq!(refused(&upload(png(2000, 1000)).await), "spotify_unavailable");
    assert_eq!(asked(&world, LOGO), 2);
}

#[tokio::test]
async fn a_person_is_explained_by_what_is_wanted_what_was_seen_and_what_spotify_says_now() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let explain = async || {
        ask(
            &operators,
            json!({"command": "explain", "sub": world.person("ada").sub}),
        )
        .await
    };
    let before = explain().await;
    assert_eq!(
        (&before["wanted"], before["link"]["state"].as_str()),
        (&Value::Null, Some("none"))
    );
    assert_eq!(before["spotify"], json!({"linked": false}));
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.says("replace", "ada", &["gold"]).await;
    let linked = explain().await;
    assert_eq!(
        (&linked["wanted"], linked["version"].as_i64()),
        (&json!(["gold"]), Some(1))
    );
    assert_eq!(linked["spotify"]["linked"], true);
    assert_ne!(linked["spotify"]["entitlements"], linked["wanted"]);
    assert_eq!(linked["link"]["state"], "pending");
    assert!(!linked.to_string().contains(&world.partner_user_id("ada")));
    world.spotify().faults().add(Fault {
        status: Some(503),
        ..Fault::on("/api/v1/")
    });
    assert!(explain().await["spotify"]["error"].is_string());
    let by_id = json!({"command": "explain", "partner_user_id": world.partner_user_id("ada")});
    assert_eq!(ask(&operators, by_id).await["person"], linked["person"]);
}

/// Paths may name a partner by its reference; what is kept of it is kept under Spotify's id.
#[tokio::test]
async fn a_reference_is_not_taken_for_an_id_nor_an_id_for_a_reference() {
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
    // Asked again under its own reference, it is told as before.
    assert_eq!(ask(&operators, create("lunar")).await["partner_id"], id);
}

#[tokio::test]
async fn an_operator_sees_the_guard_and_releases_it() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let own = &world.sandbox.options().partner_id;
    let state = ask(&operators, json!({"command": "guard-state", "partner_id": own})).await;
    assert_eq!((state["people"].as_i64(), state["most"].as_i64()), (Some(0), Some(100)));
    let released = ask(&operators, json!({"command": "release-guard", "partner_id": own})).await;
    assert_eq!(released["released_until"], world.clock.now() + 3600);
    world.advance(3600);
    let state = ask(&operators, json!({"command": "guard-state", "partner_id": own})).await;
    assert!(state["released_until"].is_null());
}

/// Its own provider knows us as a public client; the deployment's client secret is not for it.
#[tokio::test]
async fn a_partner_with_a_provider_of_its_own_signs_its_people_in_there() {
    let session = [("PARTNERS_TABLE", bundle::PARTNERS_TABLE), ("SIGN_IN", "session")];
    let partner_id = "1111111111111111111111";
    let client = json!({"client_secret": null, "partner_id": partner_id});
    let (world, provider) = World::oidc(&client, &session, json!({})).await;
    let operators = operators(&world).await;
    let settings = json!({
        "SIGN_IN": "oidc", "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": sandbox::Oidc::default().client_id,
        "OIDC_CLIENT_AUTHENTICATION": "none",
    });
    let command = json!({"command": "put-partner", "partner_id": partner_id, "name": "Lunar", "settings": settings});
    assert_eq!(ask(&operators, command).await["version"], 1);
    let mut browser = world.browser();
    let consent = browser
        .signs_in(&provider, &format!("/partners/{partner_id}/entrypoint"), ADA)
        .await;
    assert_eq!(consent.status, 302, "{}", consent.body);
    let token = &provider.requests("/token").await[0];
    assert_eq!(token["authorization"], Value::Null, "{token}");
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    let ada = world.sandbox.options().partner_user_id(partner_id, world.person("ada"));
    assert!(world.spotify().link(partner_id, &ada).is_some());
    // The pages of the other functions send people there too, and the deployment's own partner has no provider.
    let known = world
        .browser()
        .signs_in(&provider, &format!("/partners/{partner_id}/account"), ADA)
        .await;
    assert_eq!(
        (known.status, known.location()),
        (302, format!("/partners/{partner_id}/account").as_str())
    );
    let ours = world.gateway("/account");
    assert_eq!(
        world.browser().get(&format!("/sign-in?return_to={ours}")).await.status,
        404
    );
}

/// A provider that serves all partners has to say whose subscriber somebody is.
#[tokio::test]
async fn an_id_token_of_the_deployments_provider_has_to_name_the_partner() {
    let (world, provider) = World::oidc(&json!({}), &[("PARTNERS_TABLE", bundle::PARTNERS_TABLE)], json!({})).await;
    let operators = operators(&world).await;
    let mut partner = new_partner();
    partner["settings"] = json!({});
    let partner_id = ask(&operators, partner).await["partner_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = format!("/partners/{partner_id}/entrypoint");
    assert_eq!(world.browser().signs_in(&provider, &page, ADA).await.status, 401);
    let own = &world.sandbox.options().partner_id;
    for (claimed, status) in [(json!(own), 401), (json!([own, partner_id]), 302)] {
        provider
            .tamper(json!({"id_token": {"claims": {"partner_id": claimed}}}))
            .await;
        assert_eq!(
            world.browser().signs_in(&provider, &page, ADA).await.status,
            status,
            "{claimed}"
        );
    }
}
