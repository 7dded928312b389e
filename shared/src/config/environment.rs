//! The variables of a process, and the primitives to read them.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::ConfigError;
use crate::urls::{parse_origin, parse_url};

/// The variables of a process, and the errors found so far.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub(super) variables: BTreeMap<String, String>,
    read_names: BTreeSet<&'static str>,
    pub(super) errors: BTreeMap<&'static str, &'static str>,
    /// The names of the settings that a partner overrides; `None` in the deployment's own environment.
    pub(super) overridden: Option<BTreeSet<String>>,
}

impl Environment {
    /// The environment of this process. Skips variables that are not UTF-8; all of ours are.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn from_env() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Whether a variable is set and not empty.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| !value.is_empty())
    }

    /// The value; `None` if it is not set or empty, because a template cannot omit a variable.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<String> {
        self.read_names.insert(name);
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// The value; `None` with an error if it is missing.
    pub(super) fn required(&mut self, name: &'static str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.errors.insert(name, "is missing");
        }
        value
    }

    /// Parses `value`. Records `rule` as the error of `name` if `parse` returns `None`.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        value: Option<String>,
        parse: fn(&str) -> Option<T>,
        rule: &'static str,
    ) -> Option<T> {
        let parsed = parse(&value?);
        if parsed.is_none() {
            self.errors.insert(name, rule);
        }
        parsed
    }

    /// Like [`Self::parsed`], for the value of the variable, or for `default` if it is not set.
    pub(super) fn parsed_or<T>(
        &mut self,
        name: &'static str,
        default: &str,
        parse: fn(&str) -> Option<T>,
        rule: &'static str,
    ) -> Option<T> {
        let value = self.optional(name).unwrap_or_else(|| default.to_owned());
        self.parsed(name, Some(value), parse, rule)
    }

    /// An https origin.
    pub(super) fn origin_or(&mut self, name: &'static str, default: &str) -> Option<Url> {
        let rule = "must be an https origin without a path; http only for a loopback IP literal";
        self.parsed_or(name, default, parse_origin, rule)
    }

    /// An https URL, if the variable is set.
    pub(super) fn url(&mut self, name: &'static str) -> Option<Url> {
        let value = self.optional(name);
        let rule = "must be an https URL; http only for a loopback IP literal";
        self.parsed(name, value, parse_url, rule)
    }

    /// `on` or `off`.
    pub(super) fn switch_or(&mut self, name: &'static str, default: &str) -> Option<bool> {
        let parse = |value: &str| match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        self.parsed_or(name, default, parse, "must be `on` or `off`")
    }

    /// The CloudWatch namespace of the metrics, a different one in each deployment; `soa-link` by default, so that no function needs it to start.
    #[must_use]
    pub(crate) fn metrics_namespace(&mut self) -> String {
        self.optional("METRICS_NAMESPACE")
            .unwrap_or_else(|| "soa-link".to_owned())
    }

    pub(super) fn finish<C>(self, config: Option<C>) -> Result<C, ConfigError> {
        match config {
            Some(config) if self.errors.is_empty() => Ok(config),
            _ => Err(ConfigError { errors: self.errors }),
        }
    }

    pub(super) fn into_read_names(self) -> BTreeSet<&'static str> {
        self.read_names
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            ..Self::default()
        }
    }
}
