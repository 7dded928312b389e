//! Configuration. The only module that reads the environment, which contains names and URLs, never secrets. A function with an incomplete configuration does
//! not start, and the error names every variable that is missing or wrong.

mod callback;
mod entitlements;
mod entrypoint;
mod environment;
mod partner_overrides;
mod partners;
mod sections;
mod sync;
#[cfg(test)]
mod tests;
mod unlink;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

pub use callback::{CallbackConfig, CallbackPartnerConfig};
pub use entitlements::{EntitlementsConfig, EntitlementsPartnerConfig};
pub use entrypoint::{ClaimPath, EntrypointConfig, EntrypointPartnerConfig, OidcConfig};
pub use environment::Environment;
pub use partner_overrides::{OVERRIDABLE, check_partner_settings, has_own_provider};
pub use partners::PartnersConfig;
pub use sections::{LinkStoreConfig, SpotifyAccessConfig};
pub use sync::SyncConfig;
pub use unlink::{UnlinkConfig, UnlinkPartnerConfig};

/// The configuration of one function, or the part of it that each partner may override.
pub trait Config: Sized {
    /// Reads every variable, even after a wrong one, so that `environment` collects all errors. Returns `None` if a variable is missing or wrong.
    fn read(environment: &mut Environment) -> Option<Self>;

    /// Reads the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that is missing or wrong. A retry fails again until the environment has changed.
    fn from_environment(mut environment: Environment) -> Result<Self, ConfigError> {
        let config = Self::read(&mut environment);
        environment.finish(config)
    }

    /// The names of all variables that [`Config::read`] reads, except those that Lambda sets. The template sets exactly these.
    #[must_use]
    fn variable_names() -> BTreeSet<&'static str> {
        let mut environment = Environment::default();
        Self::read(&mut environment);
        let _ = environment.metrics_namespace();
        environment.into_read_names()
    }
}

/// Every variable that is missing or wrong, with the rule it breaks. Never contains a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    errors: BTreeMap<&'static str, &'static str>,
}

impl ConfigError {
    /// The names of these variables.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> {
        self.errors.keys().copied()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|(name, rule)| format!("{name} {rule}"))
            .collect();
        formatter.write_str(&errors.join("; "))
    }
}
