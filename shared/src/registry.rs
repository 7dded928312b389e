//! The partners of a function: which partner a path names, and the settings that are its own. Must not know how these are configured or built.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    cache::{Cached, InBackoff, Policy},
    clock::Clock,
    log,
    partner::PartnerId,
    store::{PartnerRecord, PartnerTable, StoreError},
    telemetry::Code,
};

/// How long a partner is cached, and serves while the table is down.
const POLICY: Policy = Policy {
    max_age: 60,
    stale_if_error: 3600,
    backoff: 5,
    min_refresh_interval: 5,
};
/// Upper bound of cached partner ids, those that do not exist included.
const MAX_CACHED_PARTNERS: usize = 1000;

/// What is cached for a partner id: the partner, or that there is none.
struct CacheSlot<T> {
    entry: Cached<Option<PartnerEntry<T>>>,
    /// The settings as they were built, and the version of the partner from which. They outlive a lookup that finds the same version: the keys and metadata in
    /// them were fetched from elsewhere, and serve while that is down.
    config: Mutex<Option<(i64, Arc<T>)>>,
}

impl<T> CacheSlot<T> {
    fn config(&self) -> MutexGuard<'_, Option<(i64, Arc<T>)>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Builds a partner's settings. The error is a text for the log.
type Build<T> = Box<dyn Fn(&PartnerRecord) -> Result<T, String> + Send + Sync>;

/// The partners of a function; `T` is what each partner has of its own.
pub struct PartnerRegistry<T> {
    default_partner: PartnerEntry<T>,
    partners: Option<PartnerTable>,
    build: Build<T>,
    clock: Clock,
    slots: Mutex<HashMap<String, Arc<CacheSlot<T>>>>,
}

/// A partner, and what it has of its own.
#[derive(Debug)]
pub struct PartnerEntry<T> {
    /// The partner's id at Spotify.
    pub partner_id: PartnerId,
    /// Whether the partner is disabled: nobody is linked any more.
    pub disabled: bool,
    /// What it has of its own.
    pub config: Arc<T>,
}

impl<T> Clone for PartnerEntry<T> {
    fn clone(&self) -> Self {
        Self {
            partner_id: self.partner_id.clone(),
            disabled: self.disabled,
            config: self.config.clone(),
        }
    }
}

impl<T> PartnerRegistry<T> {
    /// The deployment's own partner, and those of a table, if there is one. `build` makes what a partner of the table has of its own.
    #[must_use]
    pub fn new(
        default_partner: (PartnerId, T),
        partners: Option<PartnerTable>,
        build: impl Fn(&PartnerRecord) -> Result<T, String> + Send + Sync + 'static,
        clock: &Clock,
    ) -> Self {
        let (partner_id, config) = default_partner;
        Self {
            default_partner: PartnerEntry {
                partner_id,
                disabled: false,
                config: Arc::new(config),
            },
            partners,
            build: Box::new(build),
            clock: clock.clone(),
            slots: Mutex::default(),
        }
    }

    /// The deployment's own partner.
    #[must_use]
    pub fn default_partner(&self) -> &PartnerEntry<T> {
        &self.default_partner
    }

    /// The partner that a path names; the deployment's own if it names none.
    ///
    /// # Errors
    /// [`LookupError::NotFound`] if the table has no such partner, [`LookupError::Settings`] if its settings are unusable, [`LookupError::Store`] if the table does
    /// not answer; then a retry is safe.
    pub async fn resolve(&self, named: Option<&PartnerId>) -> Result<PartnerEntry<T>, LookupError> {
        let (partners, named) = match (&self.partners, named) {
            (_, None) => return Ok(self.default_partner.clone()),
            (_, Some(named)) if *named == self.default_partner.partner_id => return Ok(self.default_partner.clone()),
            // Without a table, every partner has the deployment's settings.
            (None, Some(named)) => {
                return Ok(PartnerEntry {
                    partner_id: named.clone(),
                    ..self.default_partner.clone()
                });
            }
            (Some(partners), Some(named)) => (partners, named),
        };
        let slot = self.slot(named);
        let entry = slot.entry.get(|_| self.fetch(partners, named, &slot)).await?;
        entry.as_ref().clone().ok_or(LookupError::NotFound)
    }

    /// As [`Self::resolve`], for a step of linking.
    ///
    /// # Errors
    /// As [`Self::resolve`]; [`LookupError::NotFound`] also if the partner is disabled.
    pub async fn resolve_enabled(&self, named: Option<&PartnerId>) -> Result<PartnerEntry<T>, LookupError> {
        let entry = self.resolve(named).await?;
        if entry.disabled {
            Err(LookupError::NotFound)
        } else {
            Ok(entry)
        }
    }

    fn slot(&self, named: &PartnerId) -> Arc<CacheSlot<T>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_CACHED_PARTNERS && !slots.contains_key(named.as_str()) {
            // Any caller can ask for ids that do not exist: a thousand of them must not cost a partner its keys.
            slots.retain(|_, slot| slot.config().is_some());
            if slots.len() >= MAX_CACHED_PARTNERS {
                slots.clear();
            }
        }
        let slot = slots.entry(named.to_string());
        slot.or_insert_with(|| {
            Arc::new(CacheSlot {
                entry: Cached::new(POLICY, self.clock.clone()),
                config: Mutex::new(None),
            })
        })
        .clone()
    }

    async fn fetch(
        &self,
        partners: &PartnerTable,
        named: &PartnerId,
        slot: &CacheSlot<T>,
    ) -> Result<Option<PartnerEntry<T>>, LookupError> {
        let Some(partner) = partners.get(named).await? else {
            return Ok(None);
        };
        let mut built = slot.config();
        let config = match &*built {
            Some((version, config)) if *version == partner.version => config.clone(),
            _ => {
                let config = (self.build)(&partner).map_err(|reason| {
                    log!(
                        error,
                        Code::PartnerUnusable,
                        partner_id = partner.partner_id.as_str(),
                        reason
                    );
                    LookupError::Settings
                })?;
                built.insert((partner.version, Arc::new(config))).1.clone()
            }
        };
        Ok(Some(PartnerEntry {
            partner_id: partner.partner_id,
            disabled: partner.disabled_at.is_some(),
            config,
        }))
    }
}

/// Why a partner cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such partner, or it is disabled.
    #[error("no such partner")]
    NotFound,
    /// Its settings are unusable; the log says why.
    #[error("a partner's settings")]
    Settings,
    /// The table of partners.
    #[error("{0}")]
    Store(StoreError),
}

impl From<StoreError> for LookupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<InBackoff> for LookupError {
    fn from(_: InBackoff) -> Self {
        Self::Store(StoreError::Unavailable)
    }
}
