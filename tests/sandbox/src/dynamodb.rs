//! DynamoDB, by way of `dynoxide`: `SQLite` behind Amazon's protocol.

use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves a database, in memory or in a file, until the sender behind `stop` is dropped.
///
/// # Errors
///
/// When the file cannot be opened as a database.
pub(crate) fn serve(listener: TcpListener, file: Option<&Path>, mut stop: watch::Receiver<()>) -> dynoxide::Result<()> {
    let database = match file {
        None => Database::memory()?,
        Some(file) => Database::new(&file.to_string_lossy())?,
    };
    tokio::spawn(async move {
        let stopped = async move {
            // Nothing is ever sent; the error that the sender is gone is the signal.
            let _ = stop.changed().await;
        };
        // It ends when it is stopped, and has nothing to say then.
        let _ = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
    });
    Ok(())
}
