//! `soa-link keys` and `soa-link token`.

use sandbox::deployment;
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient};

use crate::support::cli::CliHarness;

/// As a new partner's engineer would: keys made, put into the secret, and tried.
#[tokio::test]
async fn a_key_that_was_made_and_added_signs_what_the_functions_take_until_it_is_removed() {
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
        // A key that is there is not written over.
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
            // Into a pipe nothing is written but the token, and what a file or `echo` adds to it does no harm.
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
        // The functions read the secret again; the command signs by the machine's clock, which is just not too far behind.
        world.advance(301);
        assert_eq!(asks().await, 200);
        let (code, said) = desk.says(&[&["keys", "list"], &id[..]].concat()).await;
        assert!(code == 0 && said.contains(alg), "{said}");
        // Another beside it, in one step; and nothing is left behind when it cannot be added.
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
        assert!(code == 2 && said.contains("there is a key of this name"), "{said}");
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
        // All else is as it was.
        assert_eq!(secret(&desk).await, before);
    }
}

/// The functions take the version before as well, so that one removal is not enough.
#[tokio::test]
async fn a_key_that_is_removed_at_once_is_in_no_version_that_the_functions_take() {
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
    // Removed in good time, and found to have leaked only then.
    let (code, said) = keys(&["remove", "backend", "old"]).await;
    assert!(code == 0 && said.contains("--at-once"), "{said}");
    assert!(has("AWSPREVIOUS", "old").await);
    assert_eq!(keys(&["remove", "backend", "old"]).await.0, 2);
    assert_eq!(keys(&["remove", "backend", "old", "--at-once"]).await.0, 0);
    for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
        assert_eq!(version(&desk, stage).await.as_ref(), Some(&before), "{stage}");
    }
    let (code, said) = keys(&["remove", "backend", "old", "--at-once"]).await;
    assert!(code == 2 && said.contains("there is no key of this name"), "{said}");
}

/// The secret of the partner's keys, as it is now.
async fn secret(desk: &CliHarness) -> Value {
    version(desk, "AWSCURRENT").await.unwrap()
}

/// A version of it, where there is one.
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
