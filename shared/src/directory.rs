//! Owns which partner a request is for, and what is that partner's own in a function: sign-in, brand, keys. Needs the partners table and the configuration. Refuses
//! partners that are not in the table, when there is one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    aws::Aws,
    clock::Clock,
    config::{ConfigError, Environment},
    fetched::{Fetched, Limits, Paused},
    http::Problem,
    log,
    outbound::Outbound,
    partner::PartnerId,
    store::{Partners, StoreError},
    telemetry::Code,
};

/// For so long, in seconds, a change to a partner may not be seen.
const LIMITS: Limits = Limits {
    max_age: 60,
    max_age_unanswered: 3600,
    pause: 5,
    pause_with_value: 5,
};
/// How many partners are remembered, and names of nobody with them.
const MOST: usize = 1000;

/// What a path names: a partner as it was found, or that there is none.
struct Known<T> {
    site: Fetched<Option<Site<T>>>,
    /// What is the partner's own, and of which version of the partner it was made. It outlives a look at the table that finds the same version: the keys and the
    /// metadata in it were fetched from elsewhere, and are to serve while that is down.
    own: Mutex<Option<(i64, Arc<T>)>>,
}

impl<T> Known<T> {
    fn own(&self) -> MutexGuard<'_, Option<(i64, Arc<T>)>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Build<T> = fn(Environment, &Outbound, &Clock) -> Result<T, ConfigError>;

/// The partners of a function; `T` is what is each one's own.
pub struct Directory<T> {
    home: Site<T>,
    partners: Option<Partners>,
    environment: Environment,
    build: Build<T>,
    outbound: Outbound,
    clock: Clock,
    known: Mutex<HashMap<String, Arc<Known<T>>>>,
}

/// A partner, and what is its own.
#[derive(Debug)]
pub struct Site<T> {
    /// The partner, as Spotify names it.
    pub partner_id: PartnerId,
    /// Whether nobody is linked any more.
    pub disabled: bool,
    /// What is its own.
    pub own: Arc<T>,
}

impl<T> Clone for Site<T> {
    fn clone(&self) -> Self {
        Self {
            partner_id: self.partner_id.clone(),
            disabled: self.disabled,
            own: self.own.clone(),
        }
    }
}

impl<T> Directory<T> {
    /// With the deployment's own partner, made of `environment` by `build`, and those of the table of this name, if there is one.
    ///
    /// # Errors
    /// [`ConfigError`] when the environment is not what it must be.
    pub fn new(
        partner_id: PartnerId,
        partners_table: Option<String>,
        aws: &Aws,
        environment: Environment,
        outbound: &Outbound,
        clock: &Clock,
        build: Build<T>,
    ) -> Result<Self, ConfigError> {
        let own = Arc::new(build(environment.clone(), outbound, clock)?);
        Ok(Self {
            home: Site {
                partner_id,
                disabled: false,
                own,
            },
            partners: partners_table.map(|table| Partners::new(aws.dynamodb(outbound), table)),
            environment,
            build,
            outbound: outbound.clone(),
            clock: clock.clone(),
            known: Mutex::default(),
        })
    }

    /// The deployment's own partner.
    #[must_use]
    pub fn home(&self) -> &Site<T> {
        &self.home
    }

    /// The partner that a path names; the deployment's own where it names none.
    ///
    /// # Errors
    /// [`Problem::NotFound`] for one that is not in the table, [`Problem::Store`] when that cannot be told.
    pub async fn site(&self, named: Option<&PartnerId>) -> Result<Site<T>, Problem> {
        let (partners, named) = match (&self.partners, named) {
            (_, None) => return Ok(self.home.clone()),
            (_, Some(named)) if *named == self.home.partner_id => return Ok(self.home.clone()),
            // Without a table each partner is like the deployment's own.
            (None, Some(named)) => {
                return Ok(Site {
                    partner_id: named.clone(),
                    ..self.home.clone()
                });
            }
            (Some(partners), Some(named)) => (partners, named),
        };
        let known = self.known(named);
        let site = known.site.get(|_| self.fetch(partners, named, &known)).await?;
        site.as_ref().clone().ok_or(Problem::NotFound)
    }

    /// The partner that a path names, if people are linked there.
    ///
    /// # Errors
    /// As [`Self::site`]; [`Problem::NotFound`] too when the partner is disabled.
    pub async fn linking_site(&self, named: Option<&PartnerId>) -> Result<Site<T>, Problem> {
        let site = self.site(named).await?;
        if site.disabled {
            Err(Problem::NotFound)
        } else {
            Ok(site)
        }
    }

    fn known(&self, named: &PartnerId) -> Arc<Known<T>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(named.as_str()) {
            // Anybody can ask for names of nobody: a thousand of them do not cost a partner its keys.
            known.retain(|_, known| known.own().is_some());
            if known.len() >= MOST {
                known.clear();
            }
        }
        let known = known.entry(named.to_string());
        known
            .or_insert_with(|| {
                Arc::new(Known {
                    site: Fetched::new(LIMITS, self.clock.clone()),
                    own: Mutex::new(None),
                })
            })
            .clone()
    }

    async fn fetch(
        &self,
        partners: &Partners,
        named: &PartnerId,
        known: &Known<T>,
    ) -> Result<Option<Site<T>>, Unknown> {
        let Some(partner) = partners.get(named).await? else {
            return Ok(None);
        };
        let mut made = known.own();
        let own = match &*made {
            Some((version, own)) if *version == partner.version => own.clone(),
            _ => {
                let environment = self
                    .environment
                    .of_partner(&partner.partner_id, &partner.name, &partner.settings);
                let own = (self.build)(environment, &self.outbound, &self.clock).map_err(|error| {
                    log!(error, Code::PartnerUnusable, partner_id = partner.partner_id.as_str(), reason = %error);
                    Unknown::Settings
                })?;
                made.insert((partner.version, Arc::new(own))).1.clone()
            }
        };
        Ok(Some(Site {
            partner_id: partner.partner_id,
            disabled: partner.disabled_at.is_some(),
            own,
        }))
    }
}

/// Why it cannot be told what a partner is.
enum Unknown {
    Store(StoreError),
    Settings,
}

impl From<StoreError> for Unknown {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Paused> for Unknown {
    fn from(_: Paused) -> Self {
        Self::Store(StoreError::Unavailable)
    }
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Store(error) => error.into(),
            Unknown::Settings => Self::Fault("a partner's settings"),
        }
    }
}
