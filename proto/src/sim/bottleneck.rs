//! Where flows meet: a rate with a buffer before it, and a policer that drops what exceeds its rate.

use super::opportunities::Used;
use super::path::Path;
use super::waits::Waits;
use crate::time::Time;
use crate::token_bucket::TokenBucket;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The state of one bottleneck; what it does stands in the [`Path`]. A clone is the same bottleneck: give it to each direction
/// whose datagrams queue there.
#[derive(Clone, Debug, Default)]
pub struct Bottleneck(Arc<Mutex<BottleneckState>>);

#[derive(Debug, Default)]
struct BottleneckState {
    free_at: Time,
    used: Used,
    policer: TokenBucket,
    /// If there are some, all waits are noted in it.
    waits: Option<Waits>,
}

impl Bottleneck {
    /// When a packet of `size` bytes on the wire that comes at `now` is through; `None` if it is dropped.
    pub fn pass(&self, now: Time, size: u64, path: &Path) -> Option<Time> {
        let mut state = self.state();
        if !state.police(now, size, path) {
            return None;
        }
        let out = state.leave(now, size, path)?;
        if let Some(waits) = &mut state.waits {
            waits.note(out.since(now), size);
        }
        Some(out)
    }

    /// Begins to note how long packets wait, whoever sends them; what was noted before.
    pub fn watch_waits(&self) -> Waits {
        self.state().waits.replace(Waits::default()).unwrap_or_default()
    }

    /// How long a packet that comes at `now` waits.
    pub fn queue(&self, now: Time) -> Duration {
        self.state().free_at.since(now)
    }

    fn state(&self) -> MutexGuard<'_, BottleneckState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BottleneckState {
    /// When a packet is through; `None` if the buffer has no room for it.
    fn leave(&mut self, now: Time, size: u64, path: &Path) -> Option<Time> {
        if let Some(opportunities) = &path.opportunities {
            let mut used = self.used;
            let out = used.take(opportunities, now, size);
            if out.since(now) > path.queue {
                return None;
            }
            (self.used, self.free_at) = (used, out);
            return Some(out);
        }
        let Some(time) = time_of(size, path.rate_at(now)) else { return Some(now) };
        if self.free_at.since(now) > path.queue {
            return None;
        }
        self.free_at = self.free_at.max(now) + time;
        Some(self.free_at)
    }

    /// Without a buffer: what the bucket has no room for is dropped.
    fn police(&mut self, now: Time, size: u64, path: &Path) -> bool {
        match time_of(size, path.policed).zip(time_of(path.bucket, path.policed)) {
            Some((cost, bucket)) => self.policer.take(now, cost, bucket),
            None => true,
        }
    }
}

/// How long `bytes` take at `rate` bytes a second; `None`: no time, as there is no rate.
fn time_of(bytes: u64, rate: u64) -> Option<Duration> {
    bytes.saturating_mul(1_000_000_000).checked_div(rate).map(Duration::from_nanos)
}
