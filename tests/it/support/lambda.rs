//! The functions as separate processes under cargo-lambda's Lambda emulator.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use sandbox::{Addresses, Endpoint, Options, Sandbox, deployment};
use serde_json::Value;

use crate::support::{World, backend_key, environment, signed};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
pub(crate) const PUBLIC_URL: &str = "https://link.example.com";

/// cargo-lambda's emulator with all functions connected to it.
pub(crate) struct Lambda {
    pub(crate) sandbox: Sandbox,
    port: u16,
    processes: Vec<Child>,
    pub(crate) spotify: World,
}

impl Drop for Lambda {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Errors are expected if the process has already exited.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn cargo_lambda() -> Command {
    let bin = Path::new(ROOT).join(".venv/lambda/bin/cargo-lambda");
    assert!(bin.exists(), "cargo-lambda is not installed: run `make setup`");
    let mut command = Command::new(bin);
    command.arg("lambda").current_dir(ROOT);
    command
}

/// Path of a binary that `cargo build --workspace --bins` (part of `make test`) has built: two folders above this test program.
pub(crate) fn bootstrap(function: &str) -> PathBuf {
    let bin = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join(function);
    assert!(
        bin.exists(),
        "{} does not exist: run `cargo build --workspace --bins`",
        bin.display()
    );
    bin
}

impl Lambda {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        // Only its HTTP client and clock are used, not its functions.
        let spotify = World::new().await;
        let options = Options {
            gateway: Endpoint::External(PUBLIC_URL.to_owned()),
            session_cookie: "site_session".to_owned(),
            backend_key: backend_key(),
            ..options
        };
        let options = deployment::with_secrets(options);
        let sandbox = Sandbox::start(options.clone(), async |_: Addresses| Ok(Vec::new()))
            .await
            .unwrap();
        deployment::create_tables(&environment(&options, sandbox.addresses(), &[]))
            .await
            .unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut processes = Vec::new();
        let watch = [
            "watch",
            "--only-lambda-apis",
            "--disable-cors",
            "-A",
            "127.0.0.1",
            "-P",
            &port.to_string(),
        ]
        .map(str::to_owned);
        processes.push(
            cargo_lambda()
                .args(watch)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let mut lambda = Self {
            sandbox,
            port,
            processes,
            spotify,
        };
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(
                lambda.processes[0].try_wait().unwrap().is_none(),
                "cargo lambda watch has exited"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for function in ["entrypoint", "callback", "unlink", "entitlements", "sync", "partners"] {
            let process = Command::new(bootstrap(function))
                .env_clear()
                .envs(deployment::variables(&options, lambda.sandbox.addresses()))
                .env(
                    "AWS_LAMBDA_RUNTIME_API",
                    format!("http://127.0.0.1:{port}/.rt/{function}"),
                )
                .env("AWS_LAMBDA_FUNCTION_NAME", function)
                .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
                // The roots are built in: a client that read the platform's certificate store would not start.
                .envs([("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/dev/null")])
                .stdout(Stdio::null())
                .spawn();
            lambda.processes.push(process.unwrap());
        }
        lambda
    }

    /// Runs `cargo lambda invoke <function> --data-file <event>` with the placeholders of the event filled in.
    pub(crate) fn invoke(&self, function: &str, event: &str, gaps: &[(&str, &str)]) -> Value {
        let mut text = std::fs::read_to_string(format!("{ROOT}/tests/events/{event}.json")).unwrap();
        for (gap, value) in gaps {
            text = text.replace(&format!("{{{{{gap}}}}}"), value);
        }
        assert!(!text.contains("{{"), "{event} has unfilled placeholders: {text}");
        let file = std::env::temp_dir().join(format!("soa-link-{}-{event}.json", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let mut invoke = cargo_lambda();
        invoke
            .args([
                "invoke",
                function,
                "-A",
                "127.0.0.1",
                "-P",
                &self.port.to_string(),
                "--data-file",
            ])
            .arg(&file);
        let output = invoke.output().unwrap();
        let _ = std::fs::remove_file(&file);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let answer: Value = serde_json::from_str(&text).unwrap();
        let over_http = !["sync", "partners"].contains(&function);
        assert!(
            !over_http || answer["headers"]["cache-control"] == "no-store" && answer["isBase64Encoded"] == false,
            "{answer}"
        );
        answer
    }

    pub(crate) fn session(&self, person: &str) -> String {
        self.session_at(&self.sandbox.options().partner_id, person)
    }

    pub(crate) fn session_at(&self, partner_id: &str, person: &str) -> String {
        let mut claims = self.spotify.session_claims(person);
        claims["partner_id"] = partner_id.into();
        claims["iss"] = self.sandbox.options().site_issuer(self.sandbox.addresses()).into();
        claims["aud"] = PUBLIC_URL.into();
        signed(&self.sandbox.options().site_key, "JWT", &claims)
    }

    pub(crate) fn calls(&self) -> (usize, usize, usize) {
        let to = |path| self.sandbox.spotify().requests().to(path).len();
        (to("/api/token"), to("/api/v1/register-user"), to("/api/v1/unlink-user"))
    }
}
