//! How fast a sender may go that nobody acknowledges.

use std::time::{Duration, Instant};

use proto::token_bucket::TokenBucket;

use crate::clock::Clock;
use crate::number::widen;

/// Hands out permission to send at a steady rate, with a bounded burst.
///
/// Sending is allowed while the bucket is not empty, and may overdraw it once: the debt is waited for afterwards, so a
/// batch never has to be cut to what is left.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes a second.
    rate: u64,
    /// How much sending time may be saved up.
    burst: Duration,
    bucket: TokenBucket,
    clock: Clock,
}

impl Pace {
    /// How much sending time may be saved up. Timers of the runtime wake within about two milliseconds, so a smaller
    /// bucket could not keep the rate; a larger one would hand the peer's socket a larger burst.
    const BURST: Duration = Duration::from_millis(4);
    /// The shortest wait: the clock's unit.
    const INSTANT: Duration = Duration::from_nanos(1);

    /// A full bucket of `rate` bytes a second, at least 1.
    pub(super) fn new(rate: u64, now: Instant) -> Self {
        let rate = rate.max(1);
        // One byte at least.
        let burst = Self::BURST.max(time_of(1, rate));
        Self { rate, burst, bucket: TokenBucket::default(), clock: Clock::starting(now) }
    }

    /// How long to wait until the next send; zero if it may happen at `now`.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let left_over = self.bucket.debt(self.clock.time(now)) + Self::INSTANT;
        left_over.saturating_sub(self.burst)
    }

    /// Notes that `bytes` were sent at `now`.
    pub(super) fn spend(&mut self, now: Instant, bytes: usize) {
        let cost = time_of(bytes, self.rate);
        self.bucket.charge(self.clock.time(now), cost);
    }
}

/// How long `bytes` take at `rate` bytes a second.
fn time_of(bytes: usize, rate: u64) -> Duration {
    let nanos = u128::from(widen(bytes)) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_over_a_second() {
        let start = Instant::now();
        let (mut now, mut sent) = (start, 0);
        let mut pace = Pace::new(1_000_000, start);
        while now < start + Duration::from_secs(1) {
            let wait = pace.wait(now);
            if wait.is_zero() {
                pace.spend(now, 1_402);
                sent += 1_402;
            }
            now += wait;
        }
        assert!((1_000_000..=1_008_000).contains(&sent), "{sent} bytes");
    }

    #[test]
    fn what_is_saved_up_is_bounded() {
        let start = Instant::now();
        let mut pace = Pace::new(1_000_000, start);
        let later = start + Duration::from_secs(60);
        pace.spend(start, 4_000);
        assert_eq!(pace.wait(later), Duration::ZERO);
        pace.spend(later, 4_000);
        assert!(!pace.wait(later).is_zero(), "a minute of rest must not allow a minute of burst");
    }

    #[test]
    fn an_overdraft_is_waited_for() {
        let start = Instant::now();
        let mut pace = Pace::new(1_000_000, start);
        pace.spend(start, 4_000 + 64_000);
        let wait = pace.wait(start);
        assert!(wait >= Duration::from_millis(64) && wait < Duration::from_millis(65), "{wait:?}");
        assert_eq!(pace.wait(start + wait), Duration::ZERO);
    }

    #[test]
    fn the_lowest_rate_lets_a_byte_through_each_second() {
        let start = Instant::now();
        let mut pace = Pace::new(0, start);
        assert_eq!(pace.wait(start), Duration::ZERO);
        pace.spend(start, 1);
        assert_eq!(pace.wait(start + Duration::from_millis(1)), Duration::ZERO);
        assert!(!pace.wait(start).is_zero());
    }
}
