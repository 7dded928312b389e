//! `soa-link keys` and `soa-link token`.

use sandbox::deployment;
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient};

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
