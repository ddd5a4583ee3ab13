//! The clocks of a sealed link.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proto::Time;
use proto::sealed::handshake::terms::UnixMicros;

/// A clock that counts from the start of the session, the same for all its links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time since the start.
    pub(super) fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// The runtime's name for a moment; `None` for one that never comes.
    pub(super) fn instant(&self, at: Time) -> Option<Instant> {
        if at == Time::NEVER {
            return None;
        }
        // A moment too far to be named is looked at again in a day.
        let day = Duration::from_secs(86_400);
        Some(self.start.checked_add(at.since(Time::ZERO)).unwrap_or_else(|| Instant::now() + day))
    }

    /// The wall clock, which can jump.
    pub(super) fn unix() -> UnixMicros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMicros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}
