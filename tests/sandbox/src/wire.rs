//! TCP connections with faults below HTTP: slow writes, early closes and resets.
//!
//! A handler sets the fault with [`ConnectionControl`]; the connection applies it when bytes are written.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::origin_guard::guarded;

const NEVER: u64 = u64::MAX;

/// Serves `app` until the sender behind `stop` is dropped.
pub(crate) fn serve(listener: TcpListener, app: Router, mut stop: watch::Receiver<()>) {
    let service = app.into_make_service_with_connect_info::<ConnectionControl>();
    tokio::spawn(async move {
        let stopped = async move {
            // The sender never sends. Its drop ends the wait with an error, which is the signal.
            let _ = stop.changed().await;
        };
        // `axum::serve` never returns an error: it retries `accept`.
        let _ = axum::serve(FaultyListener(listener), service)
            .with_graceful_shutdown(stopped)
            .await;
    });
}

/// Like [`serve`], with the routes under `/_sandbox/` protected from web pages of other origins.
pub(crate) fn serve_guarded(listener: TcpListener, app: Router, stop: watch::Receiver<()>) {
    // A bound socket has an address. Without it, the guard rejects every host.
    let authority = listener
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default();
    serve(listener, guarded(app, authority), stop);
}

/// A handler's control of the connection of its request.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionControl(Arc<ControlState>);

#[derive(Debug)]
struct ControlState {
    peer: SocketAddr,
    bytes_left: AtomicU64,
    reset: AtomicBool,
    drip_ms: AtomicU64,
}

impl ConnectionControl {
    fn new(peer: SocketAddr) -> Self {
        Self(Arc::new(ControlState {
            peer,
            bytes_left: AtomicU64::new(NEVER),
            reset: AtomicBool::new(false),
            drip_ms: AtomicU64::new(0),
        }))
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Closes the connection after `bytes` more bytes are written.
    pub(crate) fn close_after(&self, bytes: u64) {
        self.0.bytes_left.store(bytes, Ordering::Relaxed);
    }

    /// Resets the connection at the next write.
    pub(crate) fn reset(&self) {
        self.0.reset.store(true, Ordering::Relaxed);
        self.close_after(0);
    }

    /// Writes one byte per interval. Zero restores normal writes.
    pub(crate) fn drip(&self, interval: Duration) {
        let ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.0.drip_ms.store(ms, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, FaultyListener>> for ConnectionControl {
    fn connect_info(stream: IncomingStream<'_, FaultyListener>) -> Self {
        stream.io().line.clone()
    }
}

pub(crate) struct FaultyListener(TcpListener);

impl Listener for FaultyListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    // Without `TCP_NODELAY`, the kernel would merge single bytes into packets. A failure is harmless.
                    let _ = stream.set_nodelay(true);
                    let connection = Connection {
                        stream,
                        line: ConnectionControl::new(peer),
                        pause: None,
                    };
                    return (connection, peer);
                }
                // Usually out of file descriptors: wait until some connections have ended.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    line: ConnectionControl,
    pause: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(pause) = self.pause.as_mut() {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let left = self.line.0.bytes_left.load(Ordering::Relaxed);
        if left == 0 {
            if self.line.0.reset.load(Ordering::Relaxed) {
                // If this fails, the peer sees a close instead of a reset. Both break the connection.
                let _ = self.stream.set_zero_linger();
            }
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let drip_ms = self.line.0.drip_ms.load(Ordering::Relaxed);
        let most = if drip_ms > 0 {
            1
        } else {
            usize::try_from(left).unwrap_or(usize::MAX)
        };
        let part = buf.get(..most).unwrap_or(buf);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        if left != NEVER {
            let left = left.saturating_sub(u64::try_from(written).unwrap_or(u64::MAX));
            self.line.0.bytes_left.store(left, Ordering::Relaxed);
        }
        if drip_ms > 0 {
            self.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(drip_ms))));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
