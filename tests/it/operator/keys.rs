//! `soa-link keys` and `soa-link token`.

use sandbox::deployment;
use serde_json::{Value, json};
use shared::{aws::AwsConfig, encoding::from_base64url, http_client::HttpClient};

use crate::support::cli::CliHarness;

/// The steps of a new partner's engineer: generate a key, add it to the secret, and sign a request.
#[tokio::test]
async fn an_added_key_signs_accepted_requests_and_can_be_removed() {
    for alg in ["es256", "eddsa"] {
        let desk = CliHarness::new(alg).await;
        let (world, before) = (&desk.world, secret(&desk).await);
        let (issuer, url) = (
            world.sandbox.options().site_issuer(world.sandbox.addresses()),
            world.gateway("/get-entitlements"),
        );
        let pem = desk.folder.join("backend.pem").to_str().unwrap().to_owned();
        let made = desk
            .run(&["keys", "new", "--kid", alg, "--alg", alg, "--output", &pem])
            .await;
        let jwk = String::from_utf8(made.stdout).unwrap();
        assert!(jwk.contains("\"use\":\"sig\"") && !jwk.contains("\"d\""), "{jwk}");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&pem).unwrap().permissions()) & 0o777,
            0o600
        );
        // An existing key file is not overwritten.
        let (code, said) = desk.says(&["keys", "new", "--kid", alg, "--output", &pem]).await;
        assert!(code == 2 && said.contains("exists"), "{said}");

        let asks = async || {
            let request = [
                "token",
                "request",
                "--key",
                &pem,
                "--alg",
                alg,
                "--kid",
                alg,
                "--iss",
                &issuer,
                "--aud",
                &url,
                "--sub",
                "member-1003",
            ];
            // Into a pipe only the token is written, and the function accepts whitespace around it.
            let token = String::from_utf8(desk.run(&request).await.stdout).unwrap();
            assert_eq!(token.trim(), token);
            let body = format!(" \r\n{token}\t\n");
            world.backend_call("/get-entitlements", &body).await.status
        };
        assert_eq!(asks().await, 401);
        let jwk = desk.file("backend.jwk.json", &jwk);
        let id = ["--partner-keys-id", deployment::PARTNER_KEYS_ID];
        let (code, said) = desk
            .says(&[&["keys", "add"], &id[..], &["backend", &jwk]].concat())
            .await;
        assert_eq!(code, 0, "{said}");
        // The functions read the secret again. The command uses the system clock, whose difference of 301 s is still accepted.
        world.advance(301);
        assert_eq!(asks().await, 200);
        let (code, said) = desk.says(&[&["keys", "list"], &id[..]].concat()).await;
        assert!(code == 0 && said.contains(alg), "{said}");
        // `keys rotate` adds a second key. If it cannot be added, no file is left behind.
        let next = desk.folder.join("next.pem").to_str().unwrap().to_owned();
        let rotate = |kid: &'static str| {
            [
                &["keys", "rotate"],
                &id[..],
                &["backend", "--kid", kid, "--output", &next],
            ]
            .concat()
        };
        let (code, said) = desk.says(&rotate(alg)).await;
        assert!(
            code == 2 && said.contains("the secret already has a key with this kid"),
            "{said}"
        );
        assert!(!std::fs::exists(&next).unwrap());
        let (code, said) = desk.says(&rotate("next")).await;
        assert!(
            code == 0 && said.contains(&format!("soa-link keys remove backend {alg}")),
            "{said}"
        );
        let (_, said) = desk.says(&[&["keys", "list"], &id[..]].concat()).await;
        assert!(said.contains(alg) && said.contains("next"), "{said}");
        let (code, said) = desk
            .says(&[&["keys", "remove"], &id[..], &["backend", "next"]].concat())
            .await;
        assert_eq!(code, 0, "{said}");

        for bad in [
            "{\"kid\": \"x\"}",
            "{\"kty\": \"oct\", \"k\": \"AAAA\", \"kid\": \"x\"}",
            "[]",
            "x",
            &std::fs::read_to_string(&jwk).unwrap(),
        ] {
            let bad = desk.file("bad.jwk.json", bad);
            assert_eq!(
                desk.says(&[&["keys", "add"], &id[..], &["backend", &bad]].concat())
                    .await
                    .0,
                2
            );
        }
        let (code, said) = desk
            .says(&[&["keys", "remove"], &id[..], &["backend", alg]].concat())
            .await;
        assert_eq!(code, 0, "{said}");
        // The other keys of the secret are unchanged.
        assert_eq!(secret(&desk).await, before);
    }
}

/// The key that `functions/README.md` recommends: one secret in a file, in the secret of the partner's keys, and nowhere else.
#[tokio::test]
async fn an_hs256_key_signs_accepted_requests_and_is_never_printed() {
    let desk = CliHarness::new("hs256").await;
    let (world, before) = (&desk.world, secret(&desk).await);
    let path = |name: &str| desk.folder.join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first.jwk.json"), path("second.jwk.json"));
    let id = ["--partner-keys-id", deployment::PARTNER_KEYS_ID];
    // Every output so far must not contain a key.
    let mut printed = String::new();
    let mut says = async |arguments: &[&str]| {
        let (code, said) = desk.says(arguments).await;
        printed.push_str(&said);
        (code, said)
    };
    let new = ["keys", "new", "--alg", "hs256", "--kid", "first", "--output", &first];
    let (code, said) = says(&new).await;
    assert!(code == 0 && said.contains("soa-link keys add backend"), "{said}");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&first).unwrap().permissions()) & 0o777,
        0o600
    );
    let (code, said) = says(&new).await;
    assert!(code == 2 && said.contains("exists"), "{said}");

    let asks = async |key: &str| {
        let issuer = world.sandbox.options().site_issuer(world.sandbox.addresses());
        let url = world.gateway("/get-entitlements");
        // The file has the algorithm and the key id.
        let request = [
            "token",
            "request",
            "--key",
            key,
            "--iss",
            &issuer,
            "--aud",
            &url,
            "--sub",
            "member-1003",
        ];
        let token = String::from_utf8(desk.run(&request).await.stdout).unwrap();
        world.backend_call("/get-entitlements", &token).await.status
    };
    assert_eq!(asks(&first).await, 401);
    for owner in ["backend", "site"] {
        let (code, said) = says(&[&["keys", "add"], &id[..], &[owner, &first]].concat()).await;
        assert_eq!(code, 0, "{said}");
    }
    let rotate = ["backend", "--alg", "hs256", "--kid", "second", "--output", &second];
    let (code, said) = says(&[&["keys", "rotate"], &id[..], &rotate].concat()).await;
    assert!(
        code == 0 && said.contains("soa-link keys remove backend first"),
        "{said}"
    );
    world.advance(301);
    assert_eq!((asks(&first).await, asks(&second).await), (200, 200));
    let (_, said) = says(&[&["keys", "list"], &id[..]].concat()).await;
    assert!(
        said.contains("first") && said.contains("second") && said.contains("HS256"),
        "{said}"
    );
    for (owner, kid) in [("backend", "first"), ("backend", "second"), ("site", "first")] {
        let (code, said) = says(&[&["keys", "remove"], &id[..], &[owner, kid]].concat()).await;
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(secret(&desk).await, before);
    for file in [&first, &second] {
        let jwk: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!((&jwk["kty"], &jwk["alg"]), (&json!("oct"), &json!("HS256")));
        let key = jwk["k"].as_str().unwrap();
        assert!(from_base64url(key).unwrap().len() == 32 && !printed.contains(key));
    }
}

/// The command applies the functions' rules to a key, and its errors contain no part of it.
#[tokio::test]
async fn an_unusable_hs256_key_is_neither_added_nor_signs() {
    let desk = CliHarness::new("unusable").await;
    let before = secret(&desk).await;
    let pem = desk.folder.join("es256.pem").to_str().unwrap().to_owned();
    let (code, said) = desk.says(&["keys", "new", "--kid", "pair", "--output", &pem]).await;
    assert_eq!(code, 0, "{said}");
    let long = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
    let oct = |k: &str, more: Value| {
        let mut jwk = json!({"kty": "oct", "kid": "x", "k": k});
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        desk.file("key.jwk.json", &jwk.to_string())
    };
    let signs = async |key: &str, more: &[&str]| {
        let request = [
            "token", "request", "--key", key, "--iss", "i", "--aud", "a", "--sub", "s",
        ];
        desk.says(&[&request, more].concat()).await
    };
    let add = |key: &str| {
        [
            "keys",
            "add",
            "--partner-keys-id",
            deployment::PARTNER_KEYS_ID,
            "backend",
            key,
        ]
        .map(str::to_owned)
    };
    for (k, more, why) in [
        (&long[..20], json!({}), "too short"),
        (&long[..40], json!({}), "too short"),
        ("c2VjcmV0+2VjcmV0/2VjcmV0+2VjcmV0/2VjcmV0ZQ", json!({}), "base64url"),
        ("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw==", json!({}), "base64url"),
        (long, json!({"alg": "HS512"}), "HS256"),
        (long, json!({"alg": "ES256"}), "HS256"),
        (long, json!({"kty": "RSA"}), "`kty`: `oct`"),
    ] {
        let key = oct(k, more);
        let (code, said) = signs(&key, &[]).await;
        assert!(code == 2 && said.contains(why) && !said.contains("c2Vj"), "{k}: {said}");
        let add = add(&key);
        let (code, said) = desk.says(&add.each_ref().map(String::as_str)).await;
        assert!(code == 2 && !said.contains("c2Vj"), "{k}: {said}");
    }
    let key = oct(long, json!({}));
    for (key, alg) in [(&key, "es256"), (&key, "eddsa"), (&pem, "hs256"), (&pem, "eddsa")] {
        let (code, said) = signs(key, &["--kid", "x", "--alg", alg]).await;
        assert!(code == 2 && said.contains("--alg"), "{alg}: {said}");
    }
    let (code, said) = signs(&pem, &[]).await;
    assert!(code == 2 && said.contains("--kid"), "{said}");
    assert_eq!(secret(&desk).await, before);
    // The twin: the same key, long enough.
    assert_eq!(signs(&key, &["--alg", "hs256"]).await.0, 0);
    let add = add(&key);
    let (code, said) = desk.says(&add.each_ref().map(String::as_str)).await;
    assert_eq!(code, 0, "{said}");
    assert_ne!(secret(&desk).await, before);
}

/// The functions also accept keys of the previous version, so one removal is not enough.
#[tokio::test]
async fn a_key_removed_at_once_is_in_no_accepted_version() {
    let desk = CliHarness::new("leaked").await;
    let keys = async |arguments: &[&str]| {
        let id = ["--partner-keys-id", deployment::PARTNER_KEYS_ID];
        desk.says(&[&["keys"], arguments, &id].concat()).await
    };
    let has = async |stage: &str, kid: &str| version(&desk, stage).await.unwrap().to_string().contains(kid);
    let before = secret(&desk).await;
    for kid in ["leaked", "old"] {
        let pem = desk.folder.join(format!("{kid}.pem"));
        let pem = pem.to_str().unwrap();
        let (code, said) = keys(&["rotate", "backend", "--kid", kid, "--output", pem]).await;
        assert_eq!(code, 0, "{said}");
    }
    let (code, said) = keys(&["list", "--json"]).await;
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, 0);
    for kid in ["leaked", "old"] {
        let key = json!({"kid": kid, "kty": "EC", "alg": "ES256"});
        assert!(listed["backend"].as_array().unwrap().contains(&key), "{said}");
    }
    assert!(
        !listed["site"].as_array().unwrap().is_empty() && !said.contains("\"k\""),
        "{said}"
    );

    let (code, said) = keys(&["remove", "backend", "leaked", "--at-once"]).await;
    assert!(code == 0 && said.contains("both versions"), "{said}");
    for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert!(!has(stage, "leaked").await && has(stage, "old").await, "{stage}");
    }
    // A key that is found to have leaked after an ordinary removal.
    let (code, said) = keys(&["remove", "backend", "old"]).await;
    assert!(code == 0 && said.contains("--at-once"), "{said}");
    assert!(has("AWSPREVIOUS", "old").await);
    assert_eq!(keys(&["remove", "backend", "old"]).await.0, 2);
    assert_eq!(keys(&["remove", "backend", "old", "--at-once"]).await.0, 0);
    for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert_eq!(version(&desk, stage).await.as_ref(), Some(&before), "{stage}");
    }
    let (code, said) = keys(&["remove", "backend", "old", "--at-once"]).await;
    assert!(
        code == 2 && said.contains("the secret has no key with this kid"),
        "{said}"
    );
}

/// The current version of the secret with the partner's keys.
async fn secret(desk: &CliHarness) -> Value {
    version(desk, "AWSCURRENT").await.unwrap()
}

/// The version with this staging label; `None` if there is no such version.
async fn version(desk: &CliHarness, stage: &str) -> Option<Value> {
    let secrets = AwsConfig::from_env(&desk.world.environment(&[]))
        .unwrap()
        .secrets_manager(&HttpClient::new().unwrap());
    let read = secrets
        .get_secret_value()
        .secret_id(deployment::PARTNER_KEYS_ID)
        .version_stage(stage)
        .send()
        .await
        .ok()?;
    Some(serde_json::from_str(read.secret_string().unwrap()).unwrap())
}
