//! The partner registry of a function: resolves the partner that a path names, and caches it with its settings. Must not know what the settings are.

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

/// A partner is cached for 60 seconds, and up to an hour while the partners table is unavailable.
const POLICY: Policy = Policy {
    max_age: 60,
    stale_if_error: 3600,
    backoff: 5,
    min_refresh_interval: 5,
};
/// Upper bound of cached partner ids, including ids that do not exist.
const MAX_CACHED_PARTNERS: usize = 1000;

/// Cache slot of one partner id. The entry is `None` if there is no such partner.
struct CacheSlot<T> {
    entry: Cached<Option<PartnerEntry<T>>>,
    /// The built settings, and the version of the partner record they were built from. Kept until the version changes, because they contain caches of the
    /// partner's keys and provider metadata.
    config: Mutex<Option<(i64, Arc<T>)>>,
}

impl<T> CacheSlot<T> {
    fn config(&self) -> MutexGuard<'_, Option<(i64, Arc<T>)>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Builds the settings of a partner. The error is a text for the log.
type Build<T> = Box<dyn Fn(&PartnerRecord) -> Result<T, String> + Send + Sync>;

/// The partners that a function serves. `T` is the type of a partner's settings.
pub struct PartnerRegistry<T> {
    default_partner: PartnerEntry<T>,
    partners: Option<PartnerTable>,
    build: Build<T>,
    clock: Clock,
    slots: Mutex<HashMap<String, Arc<CacheSlot<T>>>>,
}

/// A partner with its settings.
#[derive(Debug)]
pub struct PartnerEntry<T> {
    /// Partner ID at Spotify.
    pub partner_id: PartnerId,
    /// Whether the partner is disabled: it makes no new links.
    pub disabled: bool,
    /// Settings of this partner.
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
    /// Creates a registry of the deployment's own partner and, if given, the partners of a table. `build` builds the settings of a partner of the table.
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

    /// Resolves the partner that a path names; without a name, the deployment's own partner. Disabled partners are included.
    ///
    /// # Errors
    /// [`LookupError::NotFound`] if the table has no such partner, [`LookupError::Settings`] if its settings are unusable, [`LookupError::Store`] if the table
    /// cannot be read. A retry is safe.
    pub async fn resolve(&self, named: Option<&PartnerId>) -> Result<PartnerEntry<T>, LookupError> {
        let (partners, named) = match (&self.partners, named) {
            (_, None) => return Ok(self.default_partner.clone()),
            (_, Some(named)) if *named == self.default_partner.partner_id => return Ok(self.default_partner.clone()),
            // Without a table, every partner uses the deployment's settings.
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

    /// Like [`Self::resolve`], for a step of linking: a disabled partner is not found.
    ///
    /// # Errors
    /// As for [`Self::resolve`], and [`LookupError::NotFound`] if the partner is disabled.
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
            // Callers can name any id: evict slots without settings first, so that partners keep their cached keys.
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

/// Error of a partner lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such partner, or it is disabled and the request is a step of linking.
    #[error("no such partner")]
    NotFound,
    /// The settings of the partner are unusable; the log says why.
    #[error("unusable partner settings")]
    Settings,
    /// The partners table cannot be read.
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
