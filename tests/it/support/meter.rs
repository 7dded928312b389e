//! A proxy in front of DynamoDB that counts what reaches it: requests, the items that they read and write, and consumed capacity. `tests/benches/scale.rs`
//! uses it too, so it must not panic.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use reqwest::{
    Client, ClientBuilder, RequestBuilder,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

const TARGET: &str = "x-amz-target";
const JSON: &str = "application/x-amz-json-1.0";

/// A running meter. Dropping it stops it.
pub(crate) struct Meter {
    origin: String,
    counts: Arc<Mutex<Counts>>,
    serving: JoinHandle<()>,
}

/// What reached DynamoDB.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Requests, by operation.
    pub(crate) requests: BTreeMap<String, usize>,
    /// Items that were read, also if only to count them or for a filter that drops them.
    pub(crate) items_read: u64,
    /// `id` of each item that was read and returned.
    pub(crate) returned: BTreeSet<String>,
    /// `id` of each item that an update or a put names.
    pub(crate) written: BTreeSet<String>,
    /// Consumed capacity units of reads.
    pub(crate) read_units: f64,
    /// Consumed capacity units of writes, those of the index included.
    pub(crate) write_units: f64,
}

impl Meter {
    /// A meter that forwards all requests to `upstream`.
    pub(crate) async fn in_front_of(upstream: &str) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let counts = Arc::<Mutex<Counts>>::default();
        let http = ClientBuilder::new().no_proxy().build()?;
        let state = (http, upstream.to_owned(), counts.clone());
        let router = Router::new().fallback(forward).with_state(state);
        let serving = tokio::spawn(async move {
            // The server ends only when stopped.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            origin,
            counts,
            serving,
        })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the counts since the last call.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Forwarding = (Client, String, Arc<Mutex<Counts>>);

async fn forward(State((http, upstream, counts)): State<Forwarding>, mut headers: HeaderMap, body: Bytes) -> Response {
    let mut input: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(members) = input.as_object_mut() {
        members.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
    }
    // The body is longer now. The emulator checks no signature.
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    let request = http.post(&upstream).headers(headers.clone());
    let Ok((status, output)) = answer(request.body(input.to_string())).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let target = headers.get(TARGET).and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    let told = serde_json::from_slice(&output).unwrap_or_default();
    counts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .add(operation, &input, &told);
    (status, [(CONTENT_TYPE, JSON)], output).into_response()
}

async fn answer(request: RequestBuilder) -> reqwest::Result<(StatusCode, Bytes)> {
    let response = request.send().await?;
    Ok((response.status(), response.bytes().await?))
}

impl Counts {
    fn add(&mut self, operation: &str, input: &Value, output: &Value) {
        *self.requests.entry(operation.to_owned()).or_default() += 1;
        let id = |item: &Value| Some(item.pointer("/id/S")?.as_str()?.to_owned());
        let written = ["/Key", "/Item"].map(|path| input.pointer(path));
        let units = output
            .pointer("/ConsumedCapacity/CapacityUnits")
            .and_then(Value::as_f64);
        if operation == "UpdateItem" || operation == "PutItem" {
            self.written.extend(written.into_iter().flatten().filter_map(id));
            self.write_units += units.unwrap_or(0.0);
            return;
        }
        self.read_units += units.unwrap_or(0.0);
        let items = output.get("Items").and_then(Value::as_array);
        self.returned
            .extend(items.into_iter().flatten().chain(output.get("Item")).filter_map(id));
        let scanned = output.get("ScannedCount").and_then(Value::as_u64);
        self.items_read += scanned.unwrap_or_else(|| u64::from(output.get("Item").is_some()));
    }
}
