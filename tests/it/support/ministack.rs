//! Ministack, a second emulator beside the sandbox's own services: one empty process for each test, on a separate port.

#![cfg(test)]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared::http_client::HttpClient;

/// Maximum time to start; allows for a slow machine that runs other tests.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

const NOTES: &str = env!("CARGO_TARGET_TMPDIR");

/// A running ministack. Dropping it stops the process.
pub(crate) struct Ministack {
    process: Child,
    origin: String,
}

impl Ministack {
    pub(crate) async fn start() -> Self {
        Self::with("dynamodb,dynamodbstreams,events,secretsmanager").await
    }

    /// Starts ministack with these services, separated by commas.
    pub(crate) async fn with(services: &str) -> Self {
        let program = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/ministack/bin/ministack"));
        assert!(program.exists(), "ministack is not installed: run `make setup`");
        // Another process may take the free port first.
        for _ in 0..3 {
            let mut ministack = Self::spawn(program, services);
            if ministack.answers().await {
                return ministack;
            }
        }
        panic!("ministack does not start: run {} to see why", program.display());
    }

    /// Endpoint of DynamoDB, DynamoDB Streams, EventBridge and Secrets Manager.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    fn spawn(program: &Path, services: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Settings of the developer's environment could make it persist data or require signatures.
        let process = Command::new(program)
            .env_clear()
            .envs([("MINISTACK_HOST", "127.0.0.1"), ("BIND_HOST", "127.0.0.1")])
            .env("SERVICES", services)
            // Endpoint of the other services for the functions that it runs.
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

    /// Calls each service until it responds; `false` on a timeout. The first call loads the service, which takes longer than the SDK waits.
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
        // If the process has exited, another one on this port has responded.
        self.process.try_wait().unwrap().is_none()
    }

    /// Path of its pid file.
    fn note(&self) -> PathBuf {
        let (_, port) = self.origin.rsplit_once(':').unwrap();
        Path::new(NOTES).join(format!("ministack-{port}.pid"))
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // Errors are expected if the process has already exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(self.note());
    }
}
