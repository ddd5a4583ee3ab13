//! Counts of one task, told to whoever listens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::metrics::{Count, Counters, SealedCounts};

/// The sum of what all tasks of a session count.
pub(super) type Total = Arc<watch::Sender<Counters>>;

/// What one task counts. What it has counted is told at once where somebody may wait for it (links, streams), else
/// at most ten times a second.
#[derive(Debug)]
pub(super) struct Tally {
    own: SealedCounts,
    told: SealedCounts,
    told_at: Instant,
    total: Total,
}

impl Tally {
    const PERIOD: Duration = Duration::from_millis(100);

    /// Nothing counted.
    pub(super) fn new(total: Total) -> Self {
        Self { own: SealedCounts::default(), told: SealedCounts::default(), told_at: Instant::now(), total }
    }

    /// Counts `number` more.
    pub(super) const fn add(&mut self, what: Count, number: u64) {
        self.own.add(what, number);
    }

    /// Counts one more.
    pub(super) const fn one(&mut self, what: Count) {
        self.own.add(what, 1);
    }

    /// Counts one less of what is there now.
    pub(super) const fn one_less(&mut self, what: Count) {
        self.own.subtract(what, 1);
    }

    /// Sets what another has counted.
    pub(super) const fn set(&mut self, what: Count, number: u64) {
        self.own.set(what, number);
    }

    /// Tells what has changed. If that has to wait, says until when.
    pub(super) fn tell(&mut self, now: Instant) -> Option<Instant> {
        if self.own == self.told {
            return None;
        }
        let due = self.told_at + Self::PERIOD;
        if due > now && !self.is_urgent() {
            return Some(due);
        }
        self.tell_all(now);
        None
    }

    /// Tells everything.
    pub(super) fn tell_all(&mut self, now: Instant) {
        self.told_at = now;
        let (old, new) = (std::mem::replace(&mut self.told, self.own), self.own);
        self.total.send_modify(|counters| counters.add_sealed(&old, &new));
    }

    fn is_urgent(&self) -> bool {
        const URGENT: [Count; 14] = [
            Count::LinksUp,
            Count::StreamsNow,
            Count::Links,
            Count::Opened,
            Count::Closed,
            Count::Reset,
            Count::Refused,
            Count::Unreachable,
            Count::TimedOut,
            Count::Forbidden,
            Count::Limit,
            Count::Moved,
            Count::Restarted,
            Count::HandshakesRefused,
        ];
        URGENT.iter().any(|&what| self.own.get(what) != self.told.get(what))
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.tell_all(Instant::now());
    }
}
