//! Where flows meet: a rate with a buffer before it, and a policer that drops what exceeds its rate.

use super::path::Path;
use crate::time::Time;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The state of one bottleneck; what it does stands in the [`Path`]. A clone is the same bottleneck: give it to each direction
/// whose datagrams queue there.
#[derive(Clone, Debug, Default)]
pub struct Bottleneck(Arc<Mutex<BottleneckState>>);

#[derive(Debug, Default)]
struct BottleneckState {
    free_at: Time,
    /// What the policer let through beyond its rate, in bytes; falls with time.
    excess: f64,
    policed_at: Time,
}

impl Bottleneck {
    /// When a packet of `size` bytes on the wire that comes at `now` is through; `None` if it is dropped.
    pub fn pass(&self, now: Time, size: u64, path: &Path) -> Option<Time> {
        let mut state = self.state();
        if !state.police(now, size, path) {
            return None;
        }
        let Some(nanos) = (size * 1_000_000_000).checked_div(path.rate_at(now)) else { return Some(now) };
        if state.free_at.since(now) > path.queue {
            return None;
        }
        state.free_at = state.free_at.max(now) + Duration::from_nanos(nanos);
        Some(state.free_at)
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
    /// A token bucket without a buffer.
    fn police(&mut self, now: Time, size: u64, path: &Path) -> bool {
        if path.policed == 0 {
            return true;
        }
        let fell = now.since(self.policed_at).as_secs_f64() * path.policed as f64;
        self.excess = (self.excess - fell).max(0.0);
        self.policed_at = now;
        let passes = self.excess + size as f64 <= path.bucket as f64;
        if passes {
            self.excess += size as f64;
        }
        passes
    }
}
