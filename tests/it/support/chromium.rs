//! A real Chromium, controlled by chromedriver.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

/// A running chromedriver and the profile folder of its Chromium. Dropping it ends and removes both.
pub(crate) struct Driver {
    process: Child,
    port: u16,
    profile: PathBuf,
    /// Standard output of chromedriver, kept open so that it can go on writing.
    _says: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = process.expect("chromedriver does not start: run `make setup`");
        let mut says = BufReader::new(process.stdout.take().unwrap());
        let port = says.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let port: u16 = port.expect("chromedriver does not print its port");
        let profile = std::env::temp_dir().join(format!("soa-link-chromium-{}-{port}", std::process::id()));
        Self {
            process,
            port,
            profile,
            _says: says,
        }
    }

    /// Shuts chromedriver down over HTTP: a killed one would leave its Chromium running.
    fn asks_to_end(&self) -> std::io::Result<()> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            connection,
            "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        connection.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Errors are expected if the process has already exited.
        if self.asks_to_end().is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// A command that reads new entries of a chromedriver log: `browser` (the console) or `performance` (the network).
#[derive(Debug)]
pub(crate) struct Log(pub(crate) &'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": self.0}).to_string()))
    }
}

/// A `DevTools` command and its parameters.
#[derive(Debug)]
pub(crate) struct Devtools(pub(crate) &'static str, pub(crate) Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.0, "params": self.1}).to_string()))
    }
}

/// Whether pages may run scripts, set through Chromium's content settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scripts {
    Allowed,
    Blocked,
}

/// Starts a Chromium with a screen of this size, in CSS pixels.
pub(crate) async fn start(width: u32, height: u32, scripts: Scripts) -> (Client, Driver) {
    let driver = Driver::start();
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];
    let mut arguments: Vec<_> = arguments.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", driver.profile.display()));
    // Emulated, because a Chromium window cannot be as narrow as a phone with `--window-size`.
    // Without touch, because chromedriver's taps hang where scripts are blocked.
    let screen = json!({"deviceMetrics": {"width": width, "height": height, "pixelRatio": 1, "touch": false}});
    let capabilities = json!({
        "goog:chromeOptions": {
            "args": arguments,
            "mobileEmulation": screen,
            "prefs": {"profile.managed_default_content_settings.javascript": if scripts == Scripts::Allowed { 1 } else { 2 }},
        },
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    });
    let Value::Object(capabilities) = capabilities else {
        panic!("not an object")
    };
    let page = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&format!("http://127.0.0.1:{}", driver.port))
        .await
        .expect("Chromium does not start: run `make setup`");
    (page, driver)
}
