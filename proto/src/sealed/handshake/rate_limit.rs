//! A rate and a burst of handshakes, for the token buckets of sources and tickets.

use std::time::Duration;

use crate::Time;
use crate::token_bucket::TokenBucket;

/// A rate and a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    /// One in this time.
    pub(crate) every: Duration,
    /// 1 or more.
    pub(crate) burst: u32,
}

/// Implementation: no limit is lower than one in this time, and a few of them at once.
const SLOWEST: Duration = Duration::from_secs(1);
const FEWEST: u32 = 4;

impl RateLimit {
    /// One part of `parts` of `rate` a second, of which a few seconds' worth may be had at once.
    pub(crate) fn part(rate: u32, parts: u32, seconds: u32) -> Self {
        let every = (Duration::from_secs(1) * parts / rate.max(1)).min(SLOWEST);
        Self { every, burst: (rate.saturating_mul(seconds) / parts).max(FEWEST) }
    }

    /// The same with no fewer at once.
    pub(crate) fn or_burst(self, fewest: u32) -> Self {
        Self { burst: self.burst.max(fewest), ..self }
    }

    /// As much as that many of it.
    pub(crate) fn times(self, number: u32) -> Self {
        Self { every: self.every / number, burst: self.burst.saturating_mul(number) }
    }

    /// Whether one more may be taken.
    pub(crate) fn allows(self, now: Time, bucket: TokenBucket) -> bool {
        bucket.allows(now, self.every, self.size())
    }

    /// Takes one, or what is left: what was allowed for another reason is no debt for ever.
    pub(crate) fn drain(self, now: Time, bucket: &mut TokenBucket) {
        bucket.drain(now, self.every, self.size());
    }

    /// Takes one if it may.
    pub(crate) fn take(self, now: Time, bucket: &mut TokenBucket) -> bool {
        bucket.take(now, self.every, self.size())
    }

    fn size(self) -> Duration {
        self.every * self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let limit = RateLimit::part(1_000, 10, 2);
        let mut bucket = TokenBucket::default();
        let start = Time::ZERO + Duration::from_secs(9);
        assert_eq!((0..1_000).filter(|_| limit.take(start, &mut bucket)).count(), 200);
        let taken =
            (0..10_000).filter(|at| limit.take(start + Duration::from_millis(*at), &mut bucket)).count();
        assert!((998..=1_001).contains(&taken), "{taken} in ten seconds at 100 a second");
    }

    #[test]
    fn the_lowest_limit_is_one_a_second() {
        let (limit, mut bucket) = (RateLimit::part(1, 64, 4), TokenBucket::default());
        assert_eq!(
            (0..10).filter(|second| limit.take(Time::ZERO + SLOWEST * *second, &mut bucket)).count(),
            10
        );
    }
}
