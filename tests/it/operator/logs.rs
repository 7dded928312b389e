//! `soa-link logs`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, http::StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::cli::CliHarness;

/// CloudWatch Logs throttles above a few calls a second and answers slowly for large log groups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_throttled_log_groups_are_read_and_failures_come_last() {
    let line = |function: &str| {
        let line =
            json!({"level": "WARN", "code": "SYNC_STOPPED", "message": "said so", "span": {"function": function}});
        json!({"events": [{"timestamp": 1, "message": line.to_string()}]}).to_string()
    };
    let throttles = Arc::new(AtomicUsize::new(3));
    let serve = move |body: Bytes| {
        let throttles = throttles.clone();
        async move {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let refused = |why: &str| (StatusCode::BAD_REQUEST, json!({"__type": why}).to_string());
            match asked["logGroupName"].as_str().unwrap().rsplit('-').next().unwrap() {
                "callback" => {
                    // Longer than the timeout of a function's call.
                    tokio::time::sleep(Duration::from_millis(3_300)).await;
                    (StatusCode::OK, line("callback"))
                }
                "sync" => {
                    let left = throttles.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
                    left.map_or_else(|_| (StatusCode::OK, line("sync")), |_| refused("ThrottlingException"))
                }
                "unlink" => refused("AccessDeniedException"),
                _ => (StatusCode::OK, json!({"events": []}).to_string()),
            }
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(serve);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let desk = CliHarness::new("logs").await;
    let mut command = desk.command(&["logs", "--stack", "soa-link-test", "--code", "SYNC_STOPPED"]);
    let output = command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", address).output();
    let output = output.await.unwrap();
    let [found, failed] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    for function in ["callback", "sync"] {
        assert!(found.contains(&format!("function={function}")), "{found} {failed}");
    }
    assert_eq!(output.status.code(), Some(2));
    assert!(
        failed.contains("results are incomplete: cannot read the log group /aws/lambda/soa-link-test-unlink")
            && failed.contains("AccessDenied"),
        "{failed}"
    );
}
