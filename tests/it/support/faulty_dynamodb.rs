//! A DynamoDB proxy that delays each call until the test passes or throttles it.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

/// A proxy in front of the emulator that waits for the test's decision on each call.
pub(crate) struct Front {
    pub(crate) address: String,
}

/// The waiting calls.
pub(crate) struct Calls {
    waiting: mpsc::UnboundedReceiver<Call>,
}

pub(crate) struct Call {
    operation: String,
    answer: oneshot::Sender<bool>,
}

impl Front {
    #[expect(clippy::disallowed_methods, reason = "a client of the test, not of a function")]
    pub(crate) async fn of(dynamodb: &str) -> (Self, Calls) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (calls, waiting) = mpsc::unbounded_channel();
        let (client, dynamodb) = (reqwest::Client::new(), dynamodb.to_owned());
        let serve = move |headers: HeaderMap, body: Bytes| {
            let (calls, client, dynamodb) = (calls.clone(), client.clone(), dynamodb.clone());
            async move {
                let target = headers["x-amz-target"].to_str().unwrap();
                let operation = target.rsplit('.').next().unwrap().to_owned();
                let (answer, passes) = oneshot::channel();
                // Without a receiver every call passes.
                let _ = calls.send(Call { operation, answer });
                if passes.await == Ok(false) {
                    let throttled =
                        json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"});
                    return (StatusCode::BAD_REQUEST, throttled.to_string());
                }
                let answer = client.post(dynamodb).headers(headers).body(body).send().await.unwrap();
                (answer.status(), answer.text().await.unwrap())
            }
        };
        let router = Router::new().fallback(serve);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (Self { address }, Calls { waiting })
    }
}

impl Calls {
    /// Waits for the next call of `operation`; passes all others.
    pub(crate) async fn next(&mut self, operation: &str) -> Call {
        loop {
            let call = self.waiting.recv().await.unwrap();
            if call.operation == operation {
                return call;
            }
            call.pass();
        }
    }

    /// Lets every later call pass.
    pub(crate) fn pass_all(self) {
        drop(self);
    }
}

impl Call {
    pub(crate) fn pass(self) {
        self.answer.send(true).unwrap();
    }

    pub(crate) fn throttle(self) {
        self.answer.send(false).unwrap();
    }
}
