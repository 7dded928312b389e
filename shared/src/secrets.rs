//! Owns secrets that are fetched by name: loaded at the start, kept for at most five minutes, in their current and previous version
//! (`AWSCURRENT`, `AWSPREVIOUS`), read again when a peer says that one is no longer good. Needs Secrets Manager. Refuses to say what a
//! secret holds: an error names the secret and what is wrong with it, never its content.

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

/// How long a secret is kept: one that was withdrawn lives on for an hour at most, while Secrets Manager does not answer.
pub const LIMITS: Policy = Policy {
    max_age: 300,
    stale_if_error: 3600,
    backoff: 5,
    min_refresh_interval: 5,
};

/// A secret, as it is now and as it was before its last rotation.
#[derive(Debug)]
pub struct Versions<T> {
    /// `AWSCURRENT`: what we sign and authenticate with.
    pub current: T,
    /// `AWSPREVIOUS`, when there is one and it is well-formed.
    pub previous: Option<T>,
}

/// A kind of secret: how its JSON is read.
pub trait SecretValue: Sized + Send + Sync {
    /// Takes the members of the secret's JSON object.
    ///
    /// # Errors
    /// What is wrong, by the member's name, without its content.
    fn from_members(members: &Map<String, Value>) -> Result<Self, String>;
}

/// One secret in Secrets Manager.
pub struct ManagedSecret<T> {
    client: Client,
    id: String,
    versions: Cached<Versions<T>>,
}

impl<T: SecretValue> ManagedSecret<T> {
    /// The secret named `id`, not read yet.
    #[must_use]
    pub fn new(client: Client, id: String, clock: Clock) -> Self {
        Self {
            client,
            id,
            versions: Cached::new(LIMITS, clock),
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads it for the first time.
    ///
    /// # Errors
    /// [`SecretError::Malformed`] and [`SecretError::Refused`]: the function must not start. That Secrets Manager does not answer is
    /// none: it is asked again when the secret is needed.
    pub async fn preload(&self) -> Result<(), SecretError> {
        match self.get().await {
            Err(SecretError::Unavailable) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The secret, at most five minutes old; an hour while Secrets Manager does not answer.
    ///
    /// # Errors
    /// [`SecretError`] when there is none young enough.
    pub async fn get(&self) -> Result<Arc<Versions<T>>, SecretError> {
        self.versions.get(|has_value| self.read(has_value)).await
    }

    /// The secret after a peer refused what `refused` holds: read again at once, unless somebody else has just done so.
    ///
    /// # Errors
    /// [`SecretError`] when it cannot be read.
    pub async fn refresh_after_rejection(&self, refused: &Arc<Versions<T>>) -> Result<Arc<Versions<T>>, SecretError> {
        self.versions
            .refresh_unless_newer(refused, |has_value| self.read(has_value))
            .await
    }

    async fn read(&self, has_value: bool) -> Result<Versions<T>, SecretError> {
        let (current, previous) = tokio::join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"));
        // Where a previous version is in use, a reading that could not tell it is no better than none.
        if matches!(previous, Err(SecretError::Unavailable)) && has_value {
            return Err(SecretError::Unavailable);
        }
        // The previous version serves a rotation only. Without it, or with one that was never good, the current one still serves.
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
        // What Secrets Manager itself says no with; anything else, from a proxy's page to throttling, may pass.
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

/// Takes a member that is text.
///
/// # Errors
/// That it is missing or not text.
pub fn string_member<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("member `{name}` is not text")),
        None => Err(format!("lacks the member `{name}`")),
    }
}

/// Why a secret cannot be had. The id is the name the operator gave, from the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager does not answer, or not now.
    #[error("Secrets Manager does not answer")]
    Unavailable,
    /// Secrets Manager says no: it does not exist, or the role may not read it.
    #[error("the secret {id} does not exist or may not be read")]
    Refused {
        /// Of the secret.
        id: String,
    },
    /// It is not what it must be.
    #[error("the secret {id} {what}")]
    Malformed {
        /// Of the secret.
        id: String,
        /// What is wrong, without its content.
        what: String,
    },
}

impl From<InBackoff> for SecretError {
    fn from(_: InBackoff) -> Self {
        Self::Unavailable
    }
}
