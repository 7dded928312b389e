//! The error type of every command: a message for the operator.

use std::{error::Error, fmt, io};

use shared::http_client::HttpError;

/// Why a command failed, as one line for the operator.
#[derive(Debug)]
pub(crate) struct CliError(String);

impl CliError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An AWS error and its causes, prefixed with `what`. AWS messages are safe to print: they name only the operator's resources and actions.
    pub(crate) fn aws(what: &str, error: &dyn Error) -> Self {
        let mut message = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Self(message)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for CliError {}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<HttpError> for CliError {
    fn from(error: HttpError) -> Self {
        Self(error.to_string())
    }
}
