//! A DynamoDB that holds each call until the test lets it pass or throttles it.

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

/// A DynamoDB in front of the emulator, which waits at each call for what the test has to say to it.
pub(crate) struct Front {
    pub(crate) address: String,
}

/// The calls that are waiting.
pub(crate) struct Calls {
    waiting: mpsc::UnboundedReceiver<Call>,
}

pub(crate) struct Call {
    operation: String,
    answer: oneshot::Sender<bool>,
}

impl Front {
    #[expect(clippy::disallowed_methods, reason = "the test's own, no function's")]
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
                // Nobody listens any more: all pass.
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
    /// The next call of an operation; others pass.
    pub(crate) async fn next(&mut self, operation: &str) -> Call {
        loop {
            let call = self.waiting.recv().await.unwrap();
            if call.operation == operation {
                return call;
            }
            call.pass();
        }
    }

    /// From now on everything passes.
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
