//! A real Chromium, driven by chromedriver.

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

/// chromedriver, and the profile folder of its Chromium: all end with it.
pub(crate) struct Driver {
    process: Child,
    port: u16,
    profile: PathBuf,
    /// It stays open, for chromedriver to say more.
    _says: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = process.expect("chromedriver does not start; `make setup` installs it");
        let mut says = BufReader::new(process.stdout.take().unwrap());
        let port = says.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let port: u16 = port.expect("chromedriver says which port it has");
        let profile = std::env::temp_dir().join(format!("soa-link-chromium-{}-{port}", std::process::id()));
        Self {
            process,
            port,
            profile,
            _says: says,
        }
    }

    /// Asks chromedriver to end: killed, it would leave its Chromium behind.
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
        // Whatever does not work here is gone already.
        if self.asks_to_end().is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// What chromedriver has logged since it was asked last: of `browser`, which is the console, or of `performance`, which is the network.
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

/// A command of Chromium's own developer tools, and its parameters.
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

/// Whether pages may run scripts, by the setting that people have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scripts {
    Allowed,
    Blocked,
}

/// A Chromium with a screen of this size.
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
    // No window of Chromium's is as narrow as a phone, so that `--window-size` would not do.
    // No touch either: chromedriver's taps hang where scripts are blocked.
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
        panic!("an object")
    };
    let page = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&format!("http://127.0.0.1:{}", driver.port))
        .await
        .expect("Chromium does not start; `make setup` installs it");
    (page, driver)
}
