//! Ministack, the second opinion beside the sandbox's own services: a process for each test, at a port of its own, with nothing in it.

#![cfg(test)]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared::http_client::HttpClient;

/// A slow machine with other tests running is given this long.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

const NOTES: &str = env!("CARGO_TARGET_TMPDIR");

/// A ministack that runs. Dropping it ends it.
pub(crate) struct Ministack {
    process: Child,
    origin: String,
}

impl Ministack {
    pub(crate) async fn start() -> Self {
        Self::with("dynamodb,dynamodbstreams,events,secretsmanager").await
    }

    /// With these of its services.
    pub(crate) async fn with(services: &str) -> Self {
        let program = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/ministack/bin/ministack"));
        assert!(program.exists(), "ministack is not installed here: run `make setup`");
        // Somebody else may take the free port before ministack does.
        for _ in 0..3 {
            let mut ministack = Self::spawn(program, services);
            if ministack.answers().await {
                return ministack;
            }
        }
        panic!("ministack does not start: run {} to see why", program.display());
    }

    /// Where DynamoDB, its streams, EventBridge and Secrets Manager answer.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    fn spawn(program: &Path, services: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Of the person's own settings none may reach it: it would keep data, or ask for signatures.
        let process = Command::new(program)
            .env_clear()
            .envs([("MINISTACK_HOST", "127.0.0.1"), ("BIND_HOST", "127.0.0.1")])
            .env("SERVICES", services)
            // Where functions that it runs find the other services.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("GATEWAY_PORT", port.to_string())
            .env("TMPDIR", NOTES)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            origin: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Whether it comes to answer, for each of its services: it loads one when that is first called, which takes longer than the SDK waits.
    async fn answers(&mut self) -> bool {
        let http = HttpClient::new().unwrap();
        let started = Instant::now();
        for first_call in [
            "DynamoDB_20120810.ListTables",
            "secretsmanager.ListSecrets",
            "AWSEvents.ListRules",
        ] {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static("x-amz-target"),
                HeaderValue::from_static(first_call),
            )]);
            while http.post(&self.origin, headers.clone(), "{}".to_owned()).await.is_err() {
                if started.elapsed() > STARTS_WITHIN || self.process.try_wait().unwrap().is_some() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        // Else it was somebody else who answered.
        self.process.try_wait().unwrap().is_none()
    }

    /// Where it writes down its process.
    fn note(&self) -> PathBuf {
        let (_, port) = self.origin.rsplit_once(':').unwrap();
        Path::new(NOTES).join(format!("ministack-{port}.pid"))
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(self.note());
    }
}
