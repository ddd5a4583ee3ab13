//! A rate limit whose state is a single time: the generic cell rate algorithm (GCRA, ITU-T I.371).

use std::time::Duration;

use crate::Time;

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
}

/// When all that was taken under a limit has come back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Debt(Time);

impl Debt {
    /// Whether one more may be taken.
    pub(crate) fn allows(self, now: Time, limit: RateLimit) -> bool {
        self.0.since(now) <= limit.every * (limit.burst - 1)
    }

    /// One is taken.
    pub(crate) fn add(&mut self, now: Time, limit: RateLimit) {
        // No further ahead than the burst is large: what was allowed for another reason is no debt for ever.
        self.0 = (self.0.max(now) + limit.every).min(now + limit.every * limit.burst);
    }

    /// Takes one if it may.
    pub(crate) fn take(&mut self, now: Time, limit: RateLimit) -> bool {
        let may = self.allows(now, limit);
        if may {
            self.add(now, limit);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let limit = RateLimit::part(1_000, 10, 2);
        let mut debt = Debt::default();
        let start = Time::ZERO + Duration::from_secs(9);
        assert_eq!((0..1_000).filter(|_| debt.take(start, limit)).count(), 200);
        let taken = (0..10_000).filter(|at| debt.take(start + Duration::from_millis(*at), limit)).count();
        assert!((998..=1_001).contains(&taken), "{taken} in ten seconds at 100 a second");
    }

    #[test]
    fn the_lowest_limit_is_one_a_second() {
        let (limit, mut debt) = (RateLimit::part(1, 64, 4), Debt::default());
        assert_eq!((0..10).filter(|second| debt.take(Time::ZERO + SLOWEST * *second, limit)).count(), 10);
    }
}
