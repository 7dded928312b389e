//! Owns why a function cannot start: the one error that is allowed to stop the process. Needs the errors of what it starts with. Refuses to
//! stop at the first.

use crate::{config::ConfigError, outbound::OutboundError, secrets::SecretError};

/// Why a function cannot start. Names variables and secrets, never their values.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// One or more secrets.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Secrets(Vec<SecretError>),
    /// The HTTP client.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl From<SecretError> for StartError {
    fn from(error: SecretError) -> Self {
        Self::Secrets(vec![error])
    }
}

impl StartError {
    /// Every secret's error at once.
    ///
    /// # Errors
    /// [`StartError::Secrets`] when there is one.
    pub fn of_all<const N: usize>(loaded: [Result<(), SecretError>; N]) -> Result<(), Self> {
        let errors: Vec<_> = loaded.into_iter().filter_map(Result::err).collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self::Secrets(errors))
        }
    }
}
