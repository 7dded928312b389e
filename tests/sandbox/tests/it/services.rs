//! Start, ports, Secrets Manager and database of a sandbox.

use sandbox::{Addresses, Endpoint, Fault, Options, Route, Sandbox};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::client;

async fn aws(address: &str, target: &str, input: serde_json::Value) -> (u16, serde_json::Value) {
    let request = client()
        .post(address)
        .header("x-amz-target", target)
        .body(input.to_string());
    let request = request.header("content-type", "application/x-amz-json-1.0");
    // DynamoDB requires a signature but does not verify it. Secrets Manager ignores it.
    let request = request.header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
    );
    let answer = request.header("x-amz-date", "20260101T000000Z").send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn routes_are_created_after_the_other_services_have_started() {
    let options = Options {
        secrets: [("client".to_owned(), "s3cret".to_owned())].into(),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options, async |addresses: Addresses| {
        let input = json!({"SecretId": "client"});
        let (status, answer) = aws(&addresses.secrets, "secretsmanager.GetSecretValue", input).await;
        assert_eq!((status, answer["SecretString"].as_str()), (200, Some("s3cret")));
        let (status, tables) = aws(&addresses.dynamodb, "DynamoDB_20120810.ListTables", json!({})).await;
        assert_eq!((status, tables), (200, json!({"TableNames": []})));
        let page = client()
            .get(format!("{}/content-access", addresses.spotify))
            .send()
            .await?;
        assert_eq!(page.status(), 200);
        Ok(vec![Route::new(
            "GET",
            "/entrypoint",
            async |_| json!({"statusCode": 204}),
        )])
    })
    .await
    .unwrap();
    let gateway = &sandbox.addresses().gateway;
    let answer = client().get(format!("{gateway}/entrypoint")).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let seen = sandbox.secrets_manager().requests().all();
    assert_eq!(seen[0].action.as_deref(), Some("secretsmanager.GetSecretValue"));
    assert_eq!(seen[0].secret_id.as_deref(), Some("client"));
}

#[tokio::test]
async fn the_secrets_manager_returns_aws_errors_and_injected_faults() {
    let sandbox = Sandbox::start(Options::default(), async |_| Ok(Vec::new()))
        .await
        .unwrap();
    let get = || {
        aws(
            &sandbox.addresses().secrets,
            "secretsmanager.GetSecretValue",
            json!({"SecretId": "x"}),
        )
    };
    let (status, answer) = get().await;
    assert_eq!(
        (status, answer["__type"].as_str()),
        (400, Some("ResourceNotFoundException"))
    );
    sandbox
        .secrets_manager()
        .faults()
        .add(Fault::answer("/", 500, r#"{"__type":"InternalServiceError"}"#));
    assert_eq!(get().await, (500, json!({"__type": "InternalServiceError"})));
}

#[tokio::test]
async fn a_dropped_sandbox_frees_its_ports() {
    let sandbox = Sandbox::start(Options::default(), async |_| Ok(Vec::new()))
        .await
        .unwrap();
    let addresses = sandbox.addresses().clone();
    drop(sandbox);
    for origin in [
        addresses.gateway,
        addresses.spotify,
        addresses.site,
        addresses.dynamodb,
        addresses.secrets,
    ] {
        let port = origin.rsplit_once(':').unwrap().1.parse().unwrap();
        let mut tries = 0;
        while TcpListener::bind(("127.0.0.1", port)).await.is_err() {
            tries += 1;
            assert!(tries < 100, "{origin} is still taken");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_in_the_error() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = Options {
        spotify: Endpoint::Local(port),
        ..Options::default()
    };
    let error = Sandbox::start(options, async |_| Ok(Vec::new()))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("127.0.0.1:{port} cannot be listened at for Spotify")),
        "{error}"
    );
}

#[tokio::test]
async fn a_sandbox_does_not_start_if_its_functions_fail_to_start() {
    let error = Sandbox::start(Options::default(), async |_| Err("PARTNER_ID is missing".into())).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the functions cannot be set up: PARTNER_ID is missing"
    );
}

#[tokio::test]
async fn a_database_file_keeps_its_tables_across_restarts() {
    let folder = std::env::temp_dir().join(format!("soa-link-sandbox-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("demo.db");
    let start = || async {
        let options = Options {
            db_file: Some(file.clone()),
            ..Options::default()
        };
        Sandbox::start(options, async |_| Ok(Vec::new())).await.unwrap()
    };
    let sandbox = start().await;
    let table = json!({
        "TableName": "things",
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    let (status, answer) = aws(&sandbox.addresses().dynamodb, "DynamoDB_20120810.CreateTable", table).await;
    assert_eq!(status, 200, "{answer}");
    drop(sandbox);
    let sandbox = start().await;
    let (_, tables) = aws(&sandbox.addresses().dynamodb, "DynamoDB_20120810.ListTables", json!({})).await;
    assert_eq!(tables, json!({"TableNames": ["things"]}));
    // A failure only leaves a temporary directory behind.
    let _ = std::fs::remove_dir_all(&folder);
}
