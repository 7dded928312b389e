//! An emulator of the Lambda Runtime API for one function process. Knows nothing of the events that it hands over.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use crate::Failed;

/// Time that a function has for an event, in milliseconds.
const TIMEOUT_MS: u128 = 10_000;

/// The emulator.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    ready: mpsc::Receiver<Instant>,
    events: mpsc::Sender<Bytes>,
    answers: mpsc::Receiver<(Instant, Result<Bytes, Bytes>)>,
    server: JoinHandle<()>,
}

struct Channels {
    ready: mpsc::Sender<Instant>,
    events: Mutex<mpsc::Receiver<Bytes>>,
    answers: mpsc::Sender<(Instant, Result<Bytes, Bytes>)>,
}

impl RuntimeApi {
    /// Starts an emulator on a free port.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> Result<Self, Failed> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (ready_sender, ready) = mpsc::channel(1);
        let (events, event_receiver) = mpsc::channel(1);
        let (answer_sender, answers) = mpsc::channel(1);
        let channels = Arc::new(Channels {
            ready: ready_sender,
            events: Mutex::new(event_receiver),
            answers: answer_sender,
        });
        let server = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let channels = Arc::clone(&channels);
                let _ = tcp.set_nodelay(true);
                let service = service_fn(move |request| handle(Arc::clone(&channels), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
        Ok(Self {
            address,
            ready,
            events,
            answers,
            server,
        })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The time at which the function asked for its next event.
    ///
    /// # Errors
    /// If the emulator has ended.
    pub async fn ready(&mut self) -> Result<Instant, Failed> {
        self.ready.recv().await.ok_or_else(|| "the emulator has ended".into())
    }

    /// Hands over an event. Returns the answer and the time at which it arrived.
    ///
    /// # Errors
    /// If the function answers with an error, or the emulator has ended.
    pub async fn invoke(&mut self, event: Bytes) -> Result<(Instant, Bytes), Failed> {
        self.events.send(event).await?;
        let (arrived, answer) = self.answers.recv().await.ok_or("the emulator has ended")?;
        let answer = answer.map_err(|error| format!("the function failed: {}", String::from_utf8_lossy(&error)))?;
        Ok((arrived, answer))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(channels: Arc<Channels>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failed> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET && path.ends_with("/invocation/next") {
        channels.ready.send(Instant::now()).await?;
        let event = channels.events.lock().await.recv().await.ok_or("no event")?;
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("lambda-runtime-deadline-ms", (now_ms() + TIMEOUT_MS).to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:bench",
            )
            .header(
                "lambda-runtime-trace-id",
                "Root=1-6b05f0db-8dc2f6b1735abc0de7a4ff51;Sampled=0",
            );
        return Ok(response.body(Full::new(event))?);
    }
    let is_response = path.ends_with("/response");
    let body = request.into_body().collect().await?.to_bytes();
    channels
        .answers
        .send((Instant::now(), if is_response { Ok(body) } else { Err(body) }))
        .await?;
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?)
}

#[expect(clippy::disallowed_methods, reason = "the benchmark reads the time itself")]
fn now_ms() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}
