//! Limits for log lines that others can cause.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::token_bucket::TokenBucket;

use crate::clock::Clock;
use crate::metrics::log;

/// The target of a line that only the user of the program causes, in a module whose other lines others may cause too:
/// it is always written.
pub const OWN: &str = "paso_tunnel::own";

/// A [`TokenBucket`] that all threads share: so many units a second on average, and a burst of so many at once.
#[derive(Debug)]
pub struct Bucket {
    per_unit: Duration,
    burst: Duration,
    clock: Clock,
    bucket: Mutex<TokenBucket>,
}

impl Bucket {
    /// A full one. `rate`: units a second, 1 or more.
    pub fn new(now: Instant, rate: u32, burst: u32) -> Self {
        Self::every(now, Duration::from_secs(1) / rate.max(1), burst)
    }

    /// A full one that gets one unit back after each `per_unit`.
    fn every(now: Instant, per_unit: Duration, burst: u32) -> Self {
        Self { per_unit, burst: per_unit * burst, clock: Clock::starting(now), bucket: Mutex::default() }
    }

    /// Whether something may be taken.
    pub fn has_room(&self, now: Instant) -> bool {
        self.lock().debt(self.clock.time(now)) < self.burst
    }

    /// Takes `units`, even more than there are: what follows then waits for longer.
    pub fn charge(&self, now: Instant, units: u32) {
        self.lock().charge(self.clock.time(now), self.per_unit * units);
    }

    /// Takes one unit if there is one.
    pub(crate) fn take(&self, now: Instant) -> bool {
        self.take_units(now, 1)
    }

    /// Takes `units` if there are so many.
    pub(crate) fn take_units(&self, now: Instant, units: u32) -> bool {
        self.lock().take(self.clock.time(now), self.per_unit * units, self.burst)
    }

    fn lock(&self) -> MutexGuard<'_, TokenBucket> {
        // Nothing panics with the lock, and any state of the bucket is a valid one.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a few lines a second through and counts the others: one peer's, so that it leaves room for the lines about
/// others under the limit of the whole process.
#[derive(Debug)]
pub(crate) struct Limit {
    lines: Bucket,
    held_back: Mutex<u64>,
}

impl Limit {
    /// Lines a second on average; about a quarter of what the process writes about all peers.
    const RATE: u32 = 2;
    /// Lines that may come at once.
    const BURST: u32 = 40;

    /// A limit with nothing used up.
    pub(crate) fn new(now: Instant) -> Self {
        Self::of(now, Self::RATE, Self::BURST)
    }

    /// One of so many lines a second on average, and so many at once.
    pub(crate) fn of(now: Instant, rate: u32, burst: u32) -> Self {
        Self::every(now, Duration::from_secs(1) / rate.max(1), burst)
    }

    /// One of a line after each `per_line` on average, and so many at once.
    pub(crate) fn every(now: Instant, per_line: Duration, burst: u32) -> Self {
        Self { lines: Bucket::every(now, per_line, burst), held_back: Mutex::new(0) }
    }

    /// Whether a line may be written now; if so, how many were held back before it, if any.
    pub(crate) fn pass(&self, now: Instant) -> Option<Option<u64>> {
        let mut held_back = self.held_back.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.lines.take(now) {
            *held_back += 1;
            log::add_held_back(1);
            return None;
        }
        let before = std::mem::take(&mut *held_back);
        Some((before > 0).then_some(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let start = Instant::now();
        let limit = Limit::new(start);
        let passed = (0..1_000).filter(|_| limit.pass(start).is_some()).count();
        assert_eq!(passed, 40);
        let second = start + Duration::from_secs(1);
        assert_eq!(limit.pass(second), Some(Some(960)));
        assert_eq!(limit.pass(second), Some(None));
        assert_eq!(limit.pass(second), None);
    }

    #[test]
    fn an_overdrawn_bucket_is_full_again_after_its_time() {
        let start = Instant::now();
        let bucket = Bucket::new(start, 10, 20);
        bucket.charge(start, 30);
        assert!(!bucket.has_room(start + Duration::from_millis(999)));
        assert!(bucket.has_room(start + Duration::from_millis(1_001)));
    }

    #[test]
    fn several_units_are_taken_together_or_not_at_all() {
        let start = Instant::now();
        let bucket = Bucket::new(start, 10, 20);
        assert!(bucket.take_units(start, 15) && !bucket.take_units(start, 6));
        assert!(bucket.take_units(start, 5) && !bucket.take(start));
        assert!(bucket.take_units(start + Duration::from_secs(1), 10));
    }

    #[test]
    fn a_line_may_come_more_seldom_than_each_second() {
        let start = Instant::now();
        let limit = Limit::every(start, Duration::from_secs(60), 5);
        assert_eq!((0..100).filter(|_| limit.pass(start).is_some()).count(), 5);
        assert_eq!(limit.pass(start + Duration::from_secs(59)), None);
        assert_eq!(limit.pass(start + Duration::from_secs(60)), Some(Some(96)));
        assert_eq!(limit.pass(start + Duration::from_secs(60)), None);
    }
}
