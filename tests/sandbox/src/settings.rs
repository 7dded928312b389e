//! Settings of an engineer's own site: from the environment, and from one TOML file. The environment wins.
//!
//! Reads no environment variables itself; `main` passes a function that does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use shared::config::OVERRIDABLE;
use shared::jws::KeySet;
use shared::partner::ShowUri;
use url::Url;

use crate::options::{Endpoint, Options};
use crate::site::{Person, Plan, SignIn};
use crate::spotify::Show;

/// Settings beside those that a partner may override.
const MORE: [&str; 14] = [
    "BACKEND_JWKS_FILE",
    "GUARD_PEOPLE",
    "GUARD_PERCENT",
    "OIDC_CLIENT_SECRET",
    "PARTNER_ID",
    "PLANS",
    "PUBLIC_URL",
    "RECONCILE_HOURS",
    "SITE_JWKS_FILE",
    "SPOTIFY_CLIENT_ID",
    "SPOTIFY_JWS_CONTENT_TYPE",
    "SPOTIFY_LOGO_URL",
    "SPOTIFY_PKCE",
    "SPOTIFY_RATE",
];
/// Settings that `Options` has a field for. All others are passed to the functions as they are.
const IN_OPTIONS: [&str; 14] = [
    "BACKEND_JWKS_FILE",
    "BRAND_NAME",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_ISSUER",
    "PARTNER_ID",
    "PLANS",
    "PUBLIC_URL",
    "SESSION_COOKIE",
    "SHOWS",
    "SIGN_IN",
    "SITE_ISSUER",
    "SITE_JWKS_FILE",
    "SPOTIFY_CLIENT_ID",
];
/// Settings that name a file, relative to the settings file.
const FILES: [&str; 2] = ["SITE_JWKS_FILE", "BACKEND_JWKS_FILE"];

/// Everything that is wrong with the settings. Each part names the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SettingsError(Vec<String>);

impl SettingsError {
    fn one(text: String) -> Self {
        Self(vec![text])
    }
}

/// Settings of an engineer's own site. The default is the demo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    shows: Option<Vec<ShowEntry>>,
    plans: Option<Vec<PlanEntry>>,
    people: Option<Vec<PersonEntry>>,
}

/// A show in the settings file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowEntry {
    id: String,
    name: String,
    #[serde(default)]
    description: String,
    /// Entitlements that unlock it, each on its own. If `None`, those of all plans.
    entitlements: Option<Vec<String>>,
}

/// A plan in the settings file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanEntry {
    name: String,
    entitlements: Vec<String>,
}

/// A subscriber in the settings file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    sub: String,
    name: Option<String>,
    plan: Option<String>,
}

impl Settings {
    /// Reads the settings file, if there is one, and the variables of the same names. `variable` returns a variable of the
    /// environment, or `None` if it is not set.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is not TOML, or has a name that is unknown or a value of a wrong type.
    pub fn read(file: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = match file {
            Some(file) => {
                let error = |error: &dyn std::fmt::Display| {
                    SettingsError::one(format!("SANDBOX_CONFIG {}: {error}", file.display()))
                };
                let text = std::fs::read_to_string(file).map_err(|cause| error(&cause))?;
                Self::parse(&text, file.parent().unwrap_or(Path::new(""))).map_err(|cause| error(&cause))?
            }
            None => Self::default(),
        };
        for name in names() {
            if let Some(value) = variable(name) {
                settings.variables.insert(name.to_owned(), value);
                match name {
                    "SHOWS" => settings.shows = None,
                    "PLANS" => settings.plans = None,
                    _ => {}
                }
            }
        }
        Ok(settings)
    }

    /// Parses a settings file in `folder`.
    fn parse(text: &str, folder: &Path) -> Result<Self, SettingsError> {
        let file: toml::Table = toml::from_str(text).map_err(|error| SettingsError::one(error.to_string()))?;
        let mut settings = Self::default();
        let mut errors = Vec::new();
        for (name, value) in file {
            let list_error = |error: toml::de::Error| format!("{name}: {}", error.message());
            let outcome = match name.as_str() {
                "shows" => value
                    .try_into()
                    .map(|list| settings.shows = Some(list))
                    .map_err(list_error),
                "plans" => value
                    .try_into()
                    .map(|list| settings.plans = Some(list))
                    .map_err(list_error),
                "people" => value
                    .try_into()
                    .map(|list| settings.people = Some(list))
                    .map_err(list_error),
                known if names().any(|name| name == known) => {
                    let text = match value {
                        toml::Value::String(text) if FILES.contains(&known) && !text.is_empty() => {
                            Ok(folder.join(text).to_string_lossy().into_owned())
                        }
                        toml::Value::String(text) => Ok(text),
                        toml::Value::Integer(number) => Ok(number.to_string()),
                        _ => Err(format!("{known} must be text")),
                    };
                    text.map(|text| {
                        settings.variables.insert(known.to_owned(), text);
                    })
                }
                unknown => Err(format!("{unknown} is no setting of the sandbox")),
            };
            errors.extend(outcome.err());
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError(errors))
        }
    }

    /// Returns a setting. `None` if it is not set or empty.
    fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns `options` with these settings. With `SIGN_IN_URL` the demo site is not started, and its origin becomes the site's.
    ///
    /// # Errors
    /// Fails with every setting of the sandbox that is wrong. The functions check their own variables when they start.
    pub fn apply(&self, mut options: Options) -> Result<Options, SettingsError> {
        let mut errors = Vec::new();
        let set = |field: &mut String, name: &str| {
            if let Some(value) = self.get(name) {
                value.clone_into(field);
            }
        };
        set(&mut options.partner_id, "PARTNER_ID");
        set(&mut options.client_id, "SPOTIFY_CLIENT_ID");
        set(&mut options.session_cookie, "SESSION_COOKIE");
        set(&mut options.oidc.client_id, "OIDC_CLIENT_ID");
        set(&mut options.oidc.client_secret, "OIDC_CLIENT_SECRET");
        options.oidc.issuer = self.get("OIDC_ISSUER").map(str::to_owned);
        options.site_issuer = self.get("SITE_ISSUER").map(str::to_owned);
        options.public_url = self.get("PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned());
        if let Some(name) = self.get("BRAND_NAME") {
            name.clone_into(&mut options.publisher.name);
            options.client_description = format!("{name} podcasts on Spotify");
        }
        if let Some(word) = self.get("SIGN_IN") {
            match SignIn::named(word) {
                Some(sign_in) => options.sign_in = sign_in,
                None => errors.push("SIGN_IN must be session, handoff or oidc".to_owned()),
            }
        }
        let passed_on = self.variables.iter();
        options.variables = passed_on
            .filter(|(name, _)| !IN_OPTIONS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(sign_in_url) = self.get("SIGN_IN_URL") {
            match Url::parse(sign_in_url).map(|url| url.origin()) {
                Ok(origin) if origin.is_tuple() => {
                    let origin = origin.ascii_serialization();
                    // Pages of the demo site, which the engineer's site may not have.
                    for (name, value) in [("RETURN_URL", format!("{origin}/")), ("SUBSCRIBE_URL", String::new())] {
                        options.variables.entry(name.to_owned()).or_insert(value);
                    }
                    options.site = Endpoint::External(origin);
                }
                _ => errors.push("SIGN_IN_URL must be a URL".to_owned()),
            }
        }
        match self.publisher_lists(&mut options) {
            Ok(()) => {}
            Err(SettingsError(more)) => errors.extend(more),
        }
        match self.key_sets() {
            Ok(key_sets) => options.key_sets = key_sets,
            Err(SettingsError(more)) => errors.extend(more),
        }
        if errors.is_empty() {
            Ok(options)
        } else {
            Err(SettingsError(errors))
        }
    }

    /// Sets plans, shows and subscribers.
    fn publisher_lists(&self, options: &mut Options) -> Result<(), SettingsError> {
        let publisher = &mut options.publisher;
        let plans = match (&self.plans, self.get("PLANS")) {
            (Some(plans), _) => Some(plans.clone()),
            (None, Some(text)) => Some(parse_plans(text)?),
            (None, None) => None,
        };
        if let Some(plans) = plans {
            let plan = |PlanEntry { name, entitlements }| Plan { name, entitlements };
            publisher.plans = plans.into_iter().map(plan).collect();
            // Each demo subscriber but the first has one of the plans.
            for (place, person) in publisher.people.iter_mut().enumerate().skip(1) {
                let plan = publisher.plans.iter().cycle().nth(place - 1);
                person.plan = plan.map(|plan| plan.name.clone());
                person.entitlements = plan.map(|plan| plan.entitlements.clone()).unwrap_or_default();
            }
        }
        let shows = match (&self.shows, self.get("SHOWS")) {
            (Some(shows), _) => Some(shows.clone()),
            (None, Some(text)) => Some(parse_shows(text)?),
            (None, None) => None,
        };
        if let Some(shows) = shows {
            let mut of_any_plan: Vec<_> = publisher
                .plans
                .iter()
                .flat_map(|plan| plan.entitlements.clone())
                .collect();
            of_any_plan.sort();
            of_any_plan.dedup();
            let shows = shows.into_iter().map(|show| show.into_show(&of_any_plan));
            publisher.shows = shows.collect::<Result<_, _>>().map_err(SettingsError::one)?;
        }
        match &self.people {
            Some(people) => {
                let people = people.iter().enumerate().map(|(place, person)| {
                    let id = format!("person-{}", place + 1);
                    person.to_person(id, &publisher.plans)
                });
                publisher.people = people.collect::<Result<_, _>>().map_err(SettingsError::one)?;
            }
            // The demo's subscribers do not exist at another site.
            None if self.get("SIGN_IN_URL").is_some() => publisher.people.clear(),
            None => {}
        }
        Ok(())
    }

    /// Reads the key files. They are read again while the sandbox runs.
    ///
    /// # Errors
    /// Fails if a file cannot be read or is not a JWK set, or if a URL is set too.
    pub fn key_sets(&self) -> Result<KeySets, SettingsError> {
        let mut errors = Vec::new();
        let mut read = |name: &str, url: &str| {
            let file = PathBuf::from(self.get(name)?);
            if self.get(url).is_some() {
                errors.push(format!("{name} and {url} cannot both be set"));
                return None;
            }
            match read_key_set(&file) {
                Ok(key_set) => Some(key_set),
                Err(error) => {
                    errors.push(format!("{name}: {} {error}", file.display()));
                    None
                }
            }
        };
        let site = read("SITE_JWKS_FILE", "SITE_JWKS_URL");
        let backend = read("BACKEND_JWKS_FILE", "BACKEND_JWKS_URL");
        if errors.is_empty() {
            Ok(KeySets { site, backend })
        } else {
            Err(SettingsError(errors))
        }
    }
}

/// Keys of the engineer's site, as JWK sets. Where one is `None`, the demo's key counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySets {
    /// Keys of the site's tokens.
    pub site: Option<Value>,
    /// Keys of the backend's requests.
    pub backend: Option<Value>,
}

fn read_key_set(file: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    let key_set = serde_json::from_str(&text).map_err(|_| "is not JSON".to_owned())?;
    KeySet::parse(&key_set).map_err(|error| error.to_string())?;
    Ok(key_set)
}

impl ShowEntry {
    fn into_show(self, of_any_plan: &[String]) -> Result<Show, String> {
        let uri = ShowUri::parse(&self.id).map_err(|_| {
            format!(
                "SHOWS: the id of {:?} must be 22 letters and digits, or a link to the show",
                self.name
            )
        })?;
        if self.name.trim().is_empty() || self.name.contains([';', '|']) {
            return Err(format!(
                "SHOWS: {} must have a name without a semicolon or a bar",
                uri.id()
            ));
        }
        Ok(Show {
            id: uri.id().to_owned(),
            name: self.name,
            description: self.description,
            entitlements: self.entitlements.unwrap_or_else(|| of_any_plan.to_vec()),
        })
    }
}

impl PersonEntry {
    fn to_person(&self, id: String, plans: &[Plan]) -> Result<Person, String> {
        let plan = match &self.plan {
            None => None,
            Some(name) => {
                let plan = plans.iter().find(|plan| plan.name == *name);
                Some(plan.ok_or_else(|| format!("people: there is no plan {name:?}"))?)
            }
        };
        Ok(Person {
            id,
            name: self.name.clone().unwrap_or_else(|| self.sub.clone()),
            sub: self.sub.clone(),
            plan: plan.map(|plan| plan.name.clone()),
            entitlements: plan.map(|plan| plan.entitlements.clone()).unwrap_or_default(),
        })
    }
}

/// Returns the names of all settings.
fn names() -> impl Iterator<Item = &'static str> {
    OVERRIDABLE.into_iter().chain(MORE)
}

/// Returns the entries of `<key>=<value>;<key>=<value>`, or `None` if one is malformed.
fn entries(text: &str) -> Option<Vec<(&str, &str)>> {
    let entries = text.split(';').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (key, value) = entry.split_once('=')?;
            Some((key.trim(), value.trim())).filter(|(key, value)| !key.is_empty() && !value.is_empty())
        })
        .collect()
}

fn parse_plans(text: &str) -> Result<Vec<PlanEntry>, SettingsError> {
    let rule = "PLANS must be <name>=<entitlement>,<entitlement>;<name>=<entitlement>";
    let entries = entries(text).ok_or_else(|| SettingsError::one(rule.to_owned()))?;
    let plans = entries.into_iter().map(|(name, entitlements)| PlanEntry {
        name: name.to_owned(),
        entitlements: entitlements.split(',').map(|one| one.trim().to_owned()).collect(),
    });
    Ok(plans.collect())
}

fn parse_shows(text: &str) -> Result<Vec<ShowEntry>, SettingsError> {
    let rule = "SHOWS must be <show id>=<name>;<show id>=<name>|<entitlement>,<entitlement>";
    let entries = entries(text).ok_or_else(|| SettingsError::one(rule.to_owned()))?;
    let shows = entries.into_iter().map(|(id, name)| {
        let (name, unlocked_by) = match name.split_once('|') {
            Some((name, unlocked_by)) => (name.trim(), Some(unlocked_by)),
            None => (name, None),
        };
        ShowEntry {
            id: id.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            entitlements: unlocked_by.map(|names| names.split(',').map(|one| one.trim().to_owned()).collect()),
        }
    });
    Ok(shows.collect())
}
