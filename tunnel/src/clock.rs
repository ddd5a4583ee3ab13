//! The clock that the cores are told, and its name at the runtime.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proto::Time;
use proto::sealed::handshake::terms::UnixMicros;

/// A clock that counts from its start. A session has one for all its links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self::starting(Instant::now())
    }

    /// A clock that starts at that moment.
    pub(crate) const fn starting(start: Instant) -> Self {
        Self { start }
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// The time of a moment of the runtime, zero if it was before the start.
    pub(crate) fn time(&self, at: Instant) -> Time {
        Time::ZERO + at.saturating_duration_since(self.start)
    }

    /// The runtime's name for a moment; `None` for one that never comes.
    pub(crate) fn instant(&self, at: Time) -> Option<Instant> {
        if at == Time::NEVER {
            return None;
        }
        // A moment too far to be named is looked at again in a day.
        let day = Duration::from_secs(86_400);
        Some(self.start.checked_add(at.since(Time::ZERO)).unwrap_or_else(|| Instant::now() + day))
    }

    /// The wall clock, which can jump.
    pub(crate) fn unix() -> UnixMicros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMicros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// The same in milliseconds since 1970.
    pub(crate) fn unix_ms() -> u64 {
        Self::unix().0 / 1_000
    }
}
