//! TLS stubs of Secrets Manager, DynamoDB and Spotify's two hosts, on loopback. They answer after a delay and record each call. What they answer is in
//! `job`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs as provider, pki_types::PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::Failed;

/// A host that the functions call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    SecretsManager,
    DynamoDb,
    Accounts,
    OpenAccess,
}

impl Host {
    const ALL: [Self; 4] = [Self::SecretsManager, Self::DynamoDb, Self::Accounts, Self::OpenAccess];
}

/// A call that a stub has answered.
pub(crate) struct Call {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// What was called with which content; `None` for a request that only opens a connection.
    pub(crate) content: Option<String>,
}

/// What a stub answers, and the content of the request. An error if the request is wrong.
pub(crate) type Respond = fn(Host, &Request<Bytes>) -> Result<Answered, Failed>;

/// An answer of a stub.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) content: String,
}

#[derive(Default)]
struct Record {
    calls: Vec<Call>,
    connections: usize,
    errors: Vec<String>,
    delay: Duration,
}

/// The calls since the last look.
pub(crate) struct Seen {
    pub(crate) calls: Vec<Call>,
    /// Number of completed TLS handshakes.
    pub(crate) connections: usize,
}

/// The stubs.
pub(crate) struct Upstreams {
    record: Arc<Mutex<Record>>,
    addresses: Vec<SocketAddr>,
    ca: PathBuf,
}

impl Upstreams {
    /// Starts the stubs, and writes their CA as DER into `folder`.
    pub(crate) async fn start(folder: &Path, respond: Respond) -> Result<Self, Failed> {
        let ca_key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(parameters, ca_key)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &ca)?;
        let ca_file = folder.join("ca.der");
        std::fs::write(&ca_file, ca.der())?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let tls = ServerConfig::builder_with_provider(provider::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        let tls = TlsAcceptor::from(Arc::new(tls));
        let record = Arc::new(Mutex::new(Record::default()));
        let mut addresses = Vec::new();
        for host in Host::ALL {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            addresses.push(listener.local_addr()?);
            tokio::spawn(accept(listener, tls.clone(), host, Arc::clone(&record), respond));
        }
        Ok(Self {
            record,
            addresses,
            ca: ca_file,
        })
    }

    /// The CA as a DER file.
    pub(crate) fn ca(&self) -> &Path {
        &self.ca
    }

    /// The origin of a host.
    pub(crate) fn origin(&self, host: Host) -> String {
        let place = Host::ALL.iter().position(|other| *other == host);
        let address = place.and_then(|place| self.addresses.get(place));
        address.map(|address| format!("https://{address}")).unwrap_or_default()
    }

    /// Sets the time between a request and its answer.
    pub(crate) fn set_delay(&self, delay: Duration) {
        lock(&self.record).delay = delay;
    }

    /// Returns what was called since the last look.
    ///
    /// # Errors
    /// If a request was wrong.
    pub(crate) fn look(&self) -> Result<Seen, Failed> {
        let record = std::mem::take(&mut *lock(&self.record));
        lock(&self.record).delay = record.delay;
        match record.errors.first() {
            Some(error) => Err(error.clone().into()),
            None => Ok(Seen {
                calls: record.calls,
                connections: record.connections,
            }),
        }
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, host: Host, record: Arc<Mutex<Record>>, respond: Respond) {
    while let Ok((tcp, _)) = listener.accept().await {
        let _ = tcp.set_nodelay(true);
        let (tls, record) = (tls.clone(), Arc::clone(&record));
        tokio::spawn(async move {
            // A function that was stopped leaves connections half open.
            let Ok(stream) = tls.accept(tcp).await else { return };
            lock(&record).connections += 1;
            let service = service_fn(|request| handle(host, request, &record, respond));
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    host: Host,
    request: Request<Incoming>,
    record: &Mutex<Record>,
    respond: Respond,
) -> Result<Response<Full<Bytes>>, Failed> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, body.collect().await?.to_bytes());
    let delay = lock(record).delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let answered = if request.method() == http::Method::HEAD {
        None
    } else {
        Some(respond(host, &request))
    };
    let (response, content) = match answered {
        None => (
            Response::builder()
                .status(StatusCode::NOT_FOUND)
                .body(Full::default())?,
            None,
        ),
        Some(Ok(answered)) => {
            let response = Response::builder()
                .status(answered.status)
                .header(header::CONTENT_TYPE, "application/json")
                .header("x-amzn-requestid", "c2a4b5d6-0001-4f00-8a00-aaaaaaaaaaaa")
                .body(Full::from(answered.body))?;
            (response, Some(answered.content))
        }
        Some(Err(error)) => {
            lock(record).errors.push(format!("{host:?} {}: {error}", request.uri()));
            (
                Response::builder()
                    .status(StatusCode::BAD_REQUEST)
                    .body(Full::default())?,
                None,
            )
        }
    };
    let ended = Instant::now();
    lock(record).calls.push(Call { began, ended, content });
    Ok(response)
}
