//! The Postman collection in `infra/postman`, run by newman, which executes its signing script as Postman does.

use std::{collections::BTreeSet, path::PathBuf, process::Output};

use sandbox::Options;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{World, backend_key, logged};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/postman");

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(format!("{ROOT}/infra/{name}")).unwrap()).unwrap()
}

/// The requests of the collection.
fn requests() -> Vec<Value> {
    let collection = read("postman/soa-link.postman_collection.json");
    let folders = collection["item"].as_array().unwrap().iter();
    let items = folders.flat_map(|folder| folder["item"].as_array().unwrap().clone());
    items.map(|item| item["request"].clone()).collect()
}

/// Runs the collection as a demo person's backend, signed with the key `jwk`.
async fn run(world: &World, jwk: &Value) -> Output {
    let options = world.sandbox.options();
    let values = [
        ("public_url", world.gateway("")),
        ("backend_issuer", options.site_issuer(world.sandbox.addresses())),
        ("backend_key", jwk.to_string()),
    ];
    Command::new("node")
        .arg(format!("{ROOT}/tests/peers/node_modules/newman/bin/newman.js"))
        .args(["run", &format!("{FOLDER}/soa-link.postman_collection.json")])
        .args(["--environment", &format!("{FOLDER}/sandbox.postman_environment.json")])
        .args(
            values
                .iter()
                .flat_map(|(name, value)| ["--env-var".to_owned(), format!("{name}={value}")]),
        )
        .args(["--color", "off", "--reporters", "cli"])
        .current_dir(PathBuf::from(env!("CARGO_TARGET_TMPDIR")))
        .kill_on_drop(true)
        .output()
        .await
        .expect("node does not start: run `make setup`")
}

#[tokio::test]
async fn the_collection_signs_and_sends_each_call() {
    let world = World::new().await;
    assert_eq!(world.signed_in("bela").link("mara").await.status, 302);
    let output = run(&world, &backend_key().jwk()).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(said.matches("POST http").count(), requests().len(), "{said}");
    // The request that is sent again is the identical one.
    assert_eq!(logged().matches("\"REQUEST_REPEATED\"").count(), 1);
    // Unlinked, and what the last change of each folder left: the requests were executed in order.
    assert_eq!(world.linked("bela"), None);
    let known = world.read_entitlements("bela").await;
    assert_eq!(known["entitlements"], json!(["all-access", "basic"]), "{said}");
    assert_eq!(
        world.read_entitlements("ada").await["entitlements"],
        json!([]),
        "{said}"
    );
}

/// The twin: a run fails if the requests are rejected.
#[tokio::test]
async fn the_collection_fails_with_a_key_that_is_not_accepted() {
    let world = World::new().await;
    let another = Options::default().backend_key.jwk();
    let output = run(&world, &another).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("401"), "{said}");
    // A key of another kind signs nothing.
    let output = run(&world, &json!({"kty": "EC", "kid": "backend", "alg": "ES256"})).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("backend_key must be the JWK of an HS256 key"), "{said}");
    assert_eq!(world.read_entitlements("bela").await["version"], json!(0));
}

#[test]
fn the_collection_has_each_call_of_a_backend() {
    let description = read("openapi.json");
    let paths = description["paths"].as_object().unwrap().iter();
    let described: BTreeSet<_> = paths
        .filter(|(_, operations)| !operations["post"]["requestBody"]["content"]["application/jwt"].is_null())
        .map(|(path, _)| path.clone())
        .collect();
    let collected: BTreeSet<_> = requests()
        .iter()
        .filter_map(|request| {
            request["url"]
                .as_str()
                .unwrap()
                .strip_prefix("{{public_url}}")
                .map(str::to_owned)
        })
        .map(|path| path.replace("{{partner_id}}", "{partner_id}"))
        .collect();
    assert_eq!(described.len(), 10);
    assert_eq!(collected, described);
}

#[test]
fn the_environments_have_the_same_variables_and_those_of_the_sandbox() {
    let values = |name: &str| -> Vec<(String, Value)> {
        let environment = read(&format!("postman/{name}.postman_environment.json"));
        let values = environment["values"].as_array().unwrap().iter();
        values
            .map(|value| (value["key"].as_str().unwrap().to_owned(), value["value"].clone()))
            .collect()
    };
    let names = |values: &[(String, Value)]| -> Vec<_> { values.iter().map(|(name, _)| name.clone()).collect() };
    let (sandbox, deployment) = (values("sandbox"), values("deployment"));
    assert_eq!(names(&sandbox), names(&deployment));
    let value = |wanted: &str| {
        sandbox
            .iter()
            .find(|(name, _)| name == wanted)
            .unwrap()
            .1
            .as_str()
            .unwrap()
    };
    let options = Options::default();
    let key: Value = serde_json::from_str(value("backend_key")).unwrap();
    let demo = options.backend_key.jwk();
    assert_eq!((&key["kid"], &key["k"]), (&demo["kid"], &demo["k"]));
    assert_eq!(value("partner_id"), options.partner_id);
    // The repository has no key of a deployment.
    let secret = deployment.iter().find(|(name, _)| name == "backend_key").unwrap();
    assert_eq!(secret.1, json!(""));
}
