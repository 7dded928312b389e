//! DynamoDB, emulated by `dynoxide`: the DynamoDB protocol over `SQLite`.

use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves a database, in memory or in a file, until the sender behind `stop` is dropped.
///
/// # Errors
///
/// Fails if the file cannot be opened as a database.
pub(crate) fn serve(listener: TcpListener, file: Option<&Path>, mut stop: watch::Receiver<()>) -> dynoxide::Result<()> {
    let database = match file {
        None => Database::memory()?,
        Some(file) => Database::new(&file.to_string_lossy())?,
    };
    tokio::spawn(async move {
        let stopped = async move {
            // The sender never sends. Its drop ends the wait with an error, which is the signal.
            let _ = stop.changed().await;
        };
        // The server ends only when stopped.
        let _ = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
    });
    Ok(())
}
