//! A server that replays recorded responses to a browser.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::TestResponse;

const LOGO: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 200 40'><rect width='40' height='40' rx='9' fill='#0b6e4f'/>\
<path d='M20 8 L28 30 H12 Z' fill='#ffd166'/><text x='50' y='28' font-family='sans-serif' font-size='22' font-weight='700' fill='#0b8f66'>Wickerlight</text></svg>";

/// A server of recorded responses at `/<name>`, and of a logo at `/logo.svg`.
pub(crate) struct Replay {
    pub(crate) origin: String,
    pub(crate) answers: Arc<Mutex<BTreeMap<String, TestResponse>>>,
}

impl Replay {
    /// Serves `html` at `/<name>`.
    pub(crate) fn shows(&self, name: &str, html: &str) {
        let answer = TestResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: html.to_owned(),
        };
        self.answers.lock().unwrap().insert(name.to_owned(), answer);
    }

    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(BTreeMap::<String, TestResponse>::new()));
        let known = answers.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let known = known.clone();
                tokio::spawn(async move {
                    let mut request = vec![0; 8192];
                    let length = connection.read(&mut request).await.unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..length]).into_owned();
                    let name = request
                        .split(' ')
                        .nth(1)
                        .unwrap_or_default()
                        .trim_start_matches('/')
                        .to_owned();
                    let answer = known.lock().unwrap().get(&name).cloned();
                    let (status, headers, body) = match answer {
                        Some(answer) => (answer.status, answer.headers, answer.body),
                        None if name == "logo.svg" => (
                            200,
                            vec![("content-type".to_owned(), "image/svg+xml".to_owned())],
                            LOGO.to_owned(),
                        ),
                        None => (404, Vec::new(), String::new()),
                    };
                    let mut head = format!(
                        "HTTP/1.1 {status} Replayed\r\nconnection: close\r\ncontent-length: {}\r\n",
                        body.len()
                    );
                    let ours = [
                        "content-type",
                        "content-security-policy",
                        "content-language",
                        "referrer-policy",
                        "x-content-type-options",
                    ];
                    for (name, value) in headers.iter().filter(|(name, _)| ours.contains(&name.as_str())) {
                        head.extend([name, ": ", value, "\r\n"]);
                    }
                    let _ = connection.write_all(format!("{head}\r\n{body}").as_bytes()).await;
                });
            }
        });
        Self { origin, answers }
    }
}
