//! What Spotify last answered about the links of subscribers, in this process only. Reloading `/account` must not use up Spotify's rate. This module does not
//! know how Spotify is asked, and caches no failure.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared::{
    cache::{Cached, InBackoff, Policy},
    clock::Clock,
    pages::LinkStatus,
    partner::{PartnerId, PartnerUserId},
};

/// An answer is cached for 30 seconds. After a failure, the next request asks again.
const POLICY: Policy = Policy {
    max_age: 30,
    stale_if_error: 0,
    backoff: 0,
    min_refresh_interval: 0,
};

/// Upper bound of cached links. An answer of Spotify has at most 64 KiB, usually less than one.
const MAX_CACHED_LINKS: usize = 500;

/// An answer of Spotify.
#[derive(Debug)]
pub(crate) struct LinkAnswer {
    /// The state of the link, which is not [`LinkStatus::Unknown`].
    pub(crate) status: LinkStatus,
    /// Time before which Spotify was not asked, in seconds since 1970.
    pub(crate) asked_at: i64,
}

/// Spotify gave no answer. The log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered;

impl From<InBackoff> for Unanswered {
    fn from(_: InBackoff) -> Self {
        Self
    }
}

/// The links of the subscribers who were looked up last. Concurrent requests of one subscriber share a slot, and so one answer.
pub(crate) struct LinkCache {
    clock: Clock,
    slots: Mutex<HashMap<String, Arc<Cached<LinkAnswer>>>>,
}

impl LinkCache {
    /// An empty cache.
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            slots: Mutex::default(),
        }
    }

    /// The slot of a subscriber, empty if they were not looked up.
    pub(crate) fn slot(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> Arc<Cached<LinkAnswer>> {
        let key = key(partner_id, partner_user_id);
        let mut slots = self.slots();
        if slots.len() >= MAX_CACHED_LINKS && !slots.contains_key(&key) {
            // In one process, so many lookups take longer than an answer stays cached.
            slots.clear();
        }
        let slot = slots.entry(key);
        slot.or_insert_with(|| Arc::new(Cached::new(POLICY, self.clock.clone())))
            .clone()
    }

    /// Drops what is known about a subscriber, also an answer that is still to come.
    pub(crate) fn forget(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) {
        self.slots().remove(&key(partner_id, partner_user_id));
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Cached<LinkAnswer>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> String {
    format!("{partner_id}#{}", partner_user_id.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriber(number: usize) -> (PartnerId, PartnerUserId) {
        (
            PartnerId::parse("0000000000000000000000").unwrap(),
            PartnerUserId::parse(&format!("{number:032x}")).unwrap(),
        )
    }

    fn slot_of(links: &LinkCache, number: usize) -> Arc<Cached<LinkAnswer>> {
        let (partner_id, partner_user_id) = subscriber(number);
        links.slot(&partner_id, &partner_user_id)
    }

    #[test]
    fn a_subscriber_keeps_their_slot_until_it_is_forgotten() {
        let links = LinkCache::new(&Clock::default());
        let slot = slot_of(&links, 1);
        assert!(Arc::ptr_eq(&slot, &slot_of(&links, 1)));
        assert!(!Arc::ptr_eq(&slot, &slot_of(&links, 2)));
        let other = PartnerId::parse("1111111111111111111111").unwrap();
        assert!(!Arc::ptr_eq(&slot, &links.slot(&other, &subscriber(1).1)));
        let (partner_id, partner_user_id) = subscriber(1);
        links.forget(&partner_id, &partner_user_id);
        assert!(!Arc::ptr_eq(&slot, &slot_of(&links, 1)));
    }

    #[test]
    fn the_number_of_slots_is_bounded() {
        let links = LinkCache::new(&Clock::default());
        for number in 0..MAX_CACHED_LINKS * 3 {
            slot_of(&links, number);
            assert!(links.slots().len() <= MAX_CACHED_LINKS);
        }
        // A known subscriber evicts no other.
        let full = LinkCache::new(&Clock::default());
        let slots: Vec<_> = (0..MAX_CACHED_LINKS).map(|number| slot_of(&full, number)).collect();
        for (number, slot) in slots.iter().enumerate() {
            assert!(Arc::ptr_eq(slot, &slot_of(&full, number)));
        }
    }
}
