//! What one task counts, and how others come to know of it.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Registry;
use crate::metrics::{Counters, DESCRIPTORS};

/// The values of one task as others may read them. Only that task writes.
#[derive(Debug)]
pub(super) struct Published([AtomicU64; Counters::NUMBER]);

impl Default for Published {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Counters::NUMBER])
    }
}

impl Published {
    pub(super) fn load(&self) -> Counters {
        let mut counters = Counters::default();
        for (place, value) in counters.places().into_iter().zip(&self.0) {
            *place = value.load(Ordering::Relaxed);
        }
        counters
    }

    /// Replaces `old`, what stands there, by `new`. Most values are the same, and nobody has them in a cache for that.
    fn replace(&self, old: &[u64; Counters::NUMBER], new: &[u64; Counters::NUMBER]) {
        for (place, (old, new)) in self.0.iter().zip(old.iter().zip(new)) {
            if old != new {
                place.store(*new, Ordering::Relaxed);
            }
        }
    }
}

/// All bits of the counters that are published at once, none of the others. As numbers: the task of a link looks at all of its
/// counters each turn.
static AT_ONCE: [u64; Counters::NUMBER] = {
    let mut at_once = [0; Counters::NUMBER];
    let mut number = 0;
    while number < Counters::NUMBER {
        if DESCRIPTORS[number].is_published_at_once() {
            at_once[number] = u64::MAX;
        }
        number += 1;
    }
    at_once
};

/// What has changed since it was published.
struct News {
    any: bool,
    /// Somebody may wait for some of it.
    at_once: bool,
}

/// What one task counts: it adds to the fields, then publishes them. Dropped, they are published for the last time.
#[derive(Debug)]
pub(crate) struct OwnCounters {
    now: Counters,
    published: Arc<Published>,
    /// What stands there: only this task writes.
    last: [u64; Counters::NUMBER],
    published_at: Instant,
    registry: Registry,
    link: Option<u64>,
    peer: Option<SocketAddr>,
}

impl OwnCounters {
    /// How long what moves with each packet remains unpublished while its task has turns.
    const PERIOD: Duration = Duration::from_millis(100);
    /// How long it remains so where nothing else wakes the task. Of the wake-ups of a thousand busy links more than a quarter were alarms for nothing
    /// but this while it was no longer than [`Self::PERIOD`].
    const LATEST: Duration = Duration::from_secs(1);

    /// Counts nothing yet, for `link` of the registry if for one, whose peer is there. What it publishes stands in `published`.
    pub(super) fn new(
        registry: Registry,
        published: Arc<Published>,
        link: Option<u64>,
        peer: Option<SocketAddr>,
    ) -> Self {
        let (now, published_at) = (Counters::default(), Instant::now());
        let last = now.values();
        Self { now, published, last, published_at, registry, link, peer }
    }

    /// Publishes what has changed: at once where somebody may wait for it, else ten times a second if asked so often. If that has to
    /// wait, says until when at the latest.
    pub(crate) fn publish_due(&mut self, now: Instant) -> Option<Instant> {
        let news = self.news();
        if !news.any {
            return None;
        }
        if now < self.published_at + Self::PERIOD && !news.at_once {
            return Some(self.published_at + Self::LATEST);
        }
        self.publish(now);
        None
    }

    /// What has changed, in one pass without a branch: the task of a link asks for each message.
    fn news(&self) -> News {
        let values = self.now.values();
        let all = values.iter().zip(&self.last).zip(&AT_ONCE);
        let (any, at_once) = all.fold((0, 0), |(any, now), ((new, old), at_once)| {
            let changed = new ^ old;
            (any | changed, now | (changed & at_once))
        });
        News { any: any != 0, at_once: at_once != 0 }
    }

    /// Publishes everything.
    pub(crate) fn publish(&mut self, now: Instant) {
        let at_once = self.news().at_once;
        self.published_at = now;
        let new = self.now.values();
        self.published.replace(&self.last, &new);
        self.registry.add_change(&self.last, &new, at_once);
        self.last = new;
    }

    /// Says where the link's peer is now.
    pub(crate) fn set_peer(&mut self, peer: Option<SocketAddr>) {
        if std::mem::replace(&mut self.peer, peer) == peer {
            return;
        }
        let mut links = self.registry.lock();
        if let Some(link) = self.link.and_then(|link| links.living.get_mut(&link)) {
            link.labels.peer = peer;
        }
    }
}

impl Deref for OwnCounters {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.now
    }
}

impl DerefMut for OwnCounters {
    fn deref_mut(&mut self) -> &mut Counters {
        &mut self.now
    }
}

impl Drop for OwnCounters {
    fn drop(&mut self) {
        self.now.clear_gauges();
        self.publish(Instant::now());
        if let Some(link) = self.link {
            self.registry.lock().end(link);
        }
    }
}

/// Counters that several tasks count in, now and then. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct SharedCounters(Arc<Mutex<OwnCounters>>);

impl SharedCounters {
    /// Counts, and publishes that.
    pub(crate) fn count(&self, count: impl FnOnce(&mut Counters)) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut counters);
        counters.publish(Instant::now());
    }
}

impl From<OwnCounters> for SharedCounters {
    fn from(counters: OwnCounters) -> Self {
        Self(Arc::new(Mutex::new(counters)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_with_each_packet_is_published_now_and_then_and_the_rest_at_once() {
        let registry = Registry::default();
        let mut own = registry.of_process();
        let now = own.published_at;
        assert_eq!(own.publish_due(now), None, "there is nothing to publish");
        own.sent_bytes = 5;
        let due = own.publish_due(now);
        assert_eq!(
            (due, registry.totals().sent_bytes),
            (Some(now + OwnCounters::LATEST), 0),
            "no alarm for it soon"
        );
        own.streams_opened = 1;
        assert_eq!(own.publish_due(now), None);
        assert_eq!((registry.totals().streams_opened, registry.totals().sent_bytes), (1, 5));
        own.sent_bytes = 6;
        assert_eq!(own.publish_due(now + OwnCounters::PERIOD), None);
        assert_eq!(registry.totals().sent_bytes, 6);
    }
}
