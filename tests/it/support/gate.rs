//! Proxies in front of all upstreams, which hold calls until those are there that a test expects to be made in parallel. So the number of round trips is
//! counted without a clock: a function that makes such calls one after another waits until its own timeout, and fails.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, Uri},
};
use tokio::{net::TcpListener, sync::oneshot};

/// The gate.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Numbers of parallel calls of the next round trips.
    expected: VecDeque<usize>,
    /// The held calls.
    held: Vec<(String, oneshot::Sender<()>)>,
    /// The calls of each round trip so far, in alphabetical order.
    seen: Vec<Vec<String>>,
}

impl Gate {
    /// Starts a proxy in front of `upstream`. Returns its origin, which also replaces that of the upstream in answers.
    #[expect(clippy::disallowed_methods, reason = "a client of the test, not of a function")]
    pub(crate) async fn in_front_of(&self, upstream: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let (gate, upstream, own) = (self.clone(), upstream.to_owned(), origin.clone());
        let serve = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (gate, client, upstream, own) = (gate.clone(), client.clone(), upstream.clone(), own.clone());
            async move {
                gate.pass(name(&uri, &headers)).await;
                let url = format!("{upstream}{uri}");
                let sent = client.request(method, url).headers(headers).body(body).send().await;
                let answer = sent.unwrap();
                (answer.status(), answer.text().await.unwrap().replace(&upstream, &own))
            }
        };
        let router = Router::new().fallback(serve);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        origin
    }

    /// Expects round trips with these calls, and forgets earlier ones. Further calls pass at once, each as a round trip of its own.
    pub(crate) fn expect(&self, round_trips: &[&[&str]]) {
        *self.state.lock().unwrap() = State {
            expected: round_trips.iter().map(|calls| calls.len()).collect(),
            ..State::default()
        };
    }

    /// The calls of each round trip. Those that are still held come last.
    pub(crate) fn seen(&self) -> Vec<Vec<String>> {
        let mut state = self.state.lock().unwrap();
        if !state.held.is_empty() {
            state.open();
        }
        state.seen.clone()
    }

    async fn pass(&self, call: String) {
        let opened = {
            let mut state = self.state.lock().unwrap();
            let (open, opened) = oneshot::channel();
            state.held.push((call, open));
            if state.held.len() >= state.expected.front().copied().unwrap_or(1) {
                state.expected.pop_front();
                state.open();
            }
            opened
        };
        opened.await.unwrap();
    }
}

impl State {
    /// Lets the held calls pass.
    fn open(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (mut calls, gates): (Vec<_>, Vec<_>) = held.into_iter().unzip();
        calls.sort();
        self.seen.push(calls);
        for gate in gates {
            // The caller may have given up.
            let _ = gate.send(());
        }
    }
}

/// The operation of an AWS service, or the path.
fn name(uri: &Uri, headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next());
    operation.unwrap_or(uri.path()).to_owned()
}
