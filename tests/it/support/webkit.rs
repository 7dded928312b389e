//! A real WebKitGTK, the engine of Safari in Debian's MiniBrowser, controlled by `WebKitWebDriver`.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// A running `WebKitWebDriver` with a screen of its own. Dropping it ends both, and with the screen the browser.
pub(crate) struct Driver {
    driver: Child,
    screen: Child,
}

impl Drop for Driver {
    fn drop(&mut self) {
        for process in [&mut self.driver, &mut self.screen] {
            // Errors are expected if the process has already exited.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Driver {
    fn start(port: u16) -> Self {
        let mut screen = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb does not start: run `make setup`");
        let mut display = String::new();
        let printed = BufReader::new(screen.stdout.take().unwrap()).read_line(&mut display);
        assert!(printed.is_ok_and(|bytes| bytes > 0), "Xvfb prints no display");
        let driver = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("DISPLAY", format!(":{}", display.trim()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("WebKitWebDriver does not start: run `make setup`");
        Self { driver, screen }
    }
}

/// Starts a WebKit with a window of this size, in CSS pixels.
pub(crate) async fn start(width: u32, height: u32) -> (Client, Driver) {
    // The driver cannot choose a port itself.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let driver = Driver::start(port);
    let connect = async || {
        ClientBuilder::new(HttpConnector::new())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
    };
    let mut connected = connect().await;
    for _ in 0..100 {
        if connected.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        connected = connect().await;
    }
    let page = connected.expect("WebKit does not start: run `make setup`");
    page.set_window_size(width, height).await.unwrap();
    (page, driver)
}
