//! Secrets in Secrets Manager. Each secret is cached in its current and previous version (`AWSCURRENT`, `AWSPREVIOUS`), and read again
//! after a peer has refused it. An error names the secret and the fault, never the content.

use std::sync::Arc;

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use serde_json::{Map, Value};

use crate::{
    cache::{Cached, InBackoff, Policy},
    clock::Clock,
};

/// Cache policy of secrets. A withdrawn secret stays in use for at most five minutes, or one hour while Secrets Manager does not answer.
pub const LIMITS: Policy = Policy {
    max_age: 300,
    stale_if_error: 3600,
    backoff: 5,
    min_refresh_interval: 5,
};

/// The two versions of a secret.
#[derive(Debug)]
pub struct Versions<T> {
    /// `AWSCURRENT`: the version that signs and authenticates.
    pub current: T,
    /// `AWSPREVIOUS`, the version before the last rotation. `None` if it is missing, malformed or unreadable.
    pub previous: Option<T>,
}

/// A type that is stored as a secret in JSON.
pub trait SecretValue: Sized + Send + Sync {
    /// Parses the members of the secret's JSON object.
    ///
    /// # Errors
    /// A text that names the invalid member and its fault, without the content. A retry does not help.
    fn from_members(members: &Map<String, Value>) -> Result<Self, String>;
}

/// One secret in Secrets Manager, cached.
pub struct ManagedSecret<T> {
    client: Client,
    id: String,
    versions: Cached<Versions<T>>,
}

impl<T: SecretValue> ManagedSecret<T> {
    /// The secret named `id`. It is read on first use.
    #[must_use]
    pub fn new(client: Client, id: String, clock: Clock) -> Self {
        Self {
            client,
            id,
            versions: Cached::new(LIMITS, clock),
        }
    }

    /// The secret's name or ARN, as configured.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the secret at start-up. An unreachable Secrets Manager is not an error, because the secret is read again when it is needed.
    ///
    /// # Errors
    /// [`SecretError::Malformed`] or [`SecretError::Refused`]. Both need an operator, so the function must not start.
    pub async fn preload(&self) -> Result<(), SecretError> {
        match self.get().await {
            Err(SecretError::Unavailable) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The secret, at most five minutes old, or one hour while reading fails.
    ///
    /// # Errors
    /// [`SecretError`] if reading fails and no cached version is recent enough. A retry is safe, and helps after
    /// [`SecretError::Unavailable`].
    pub async fn get(&self) -> Result<Arc<Versions<T>>, SecretError> {
        self.versions.get(|has_value| self.read(has_value)).await
    }

    /// Reads the secret again after a peer has refused `refused`. Returns the cached secret if it is newer, or was read again within
    /// the last five seconds.
    ///
    /// # Errors
    /// [`SecretError`] if reading fails. A retry is safe, and helps after [`SecretError::Unavailable`].
    pub async fn refresh_after_rejection(&self, refused: &Arc<Versions<T>>) -> Result<Arc<Versions<T>>, SecretError> {
        self.versions
            .refresh_unless_newer(refused, |has_value| self.read(has_value))
            .await
    }

    async fn read(&self, has_value: bool) -> Result<Versions<T>, SecretError> {
        let (current, previous) = tokio::join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"));
        // The cached value may have a previous version, which this incomplete one would discard.
        if matches!(previous, Err(SecretError::Unavailable)) && has_value {
            return Err(SecretError::Unavailable);
        }
        // Only a rotation needs the previous version, so its errors do not matter.
        Ok(Versions {
            current: current?,
            previous: previous.ok(),
        })
    }

    async fn version(&self, stage: &str) -> Result<T, SecretError> {
        let read = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .version_stage(stage)
            .send()
            .await;
        let value = read.map_err(|error| self.error(&error))?;
        let malformed = |what: &str| SecretError::Malformed {
            id: self.id.clone(),
            what: what.to_owned(),
        };
        let text = value.secret_string().ok_or_else(|| malformed("is not text"))?;
        let Ok(Value::Object(members)) = serde_json::from_str(text) else {
            return Err(malformed("is not a JSON object"));
        };
        T::from_members(&members).map_err(|what| malformed(&what))
    }

    fn error(&self, error: &SdkError<GetSecretValueError>) -> SecretError {
        // Every other error, such as throttling, is taken as transient.
        const REFUSALS: [&str; 6] = [
            "ResourceNotFoundException",
            "AccessDeniedException",
            "InvalidParameterException",
            "InvalidRequestException",
            "DecryptionFailure",
            "UnrecognizedClientException",
        ];
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(code) if REFUSALS.contains(&code) => SecretError::Refused { id: self.id.clone() },
            _ => SecretError::Unavailable,
        }
    }
}

/// The text of the member `name`.
///
/// # Errors
/// A text that says whether the member is missing or not a string. A retry does not help.
pub fn string_member<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("member `{name}` is not text")),
        None => Err(format!("lacks the member `{name}`")),
    }
}

/// Why a secret cannot be read. The `id` is the configured name or ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not answer, failed or throttled the call.
    #[error("Secrets Manager does not answer")]
    Unavailable,
    /// Secrets Manager refused: the secret does not exist, or the role may not read it.
    #[error("the secret {id} does not exist or may not be read")]
    Refused {
        /// Name or ARN of the secret.
        id: String,
    },
    /// The content is invalid.
    #[error("the secret {id} {what}")]
    Malformed {
        /// Name or ARN of the secret.
        id: String,
        /// The fault, without the content.
        what: String,
    },
}

impl From<InBackoff> for SecretError {
    fn from(_: InBackoff) -> Self {
        Self::Unavailable
    }
}
