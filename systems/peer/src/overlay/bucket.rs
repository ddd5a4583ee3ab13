//! How much of something may happen: so much at once, and then so much a second.

use std::time::Duration;

/// A bucket of tokens, which fills with time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    filled: Duration,
    burst: f64,
    per_second: f64,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(burst: u32, per_second: u32, now: Duration) -> Self {
        Self { tokens: burst.into(), filled: now, burst: burst.into(), per_second: per_second.into() }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        self.take_many(1, now)
    }

    /// Takes so many tokens, or none.
    pub(crate) fn take_many(&mut self, count: u32, now: Duration) -> bool {
        let count = f64::from(count);
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled = self.filled.max(now);
        let has = self.tokens >= count;
        if has {
            self.tokens -= count;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(3, 10, Duration::ZERO);
        let taken = |bucket: &mut Bucket, now| (0..100).filter(|_| bucket.take(now)).count();
        assert_eq!(taken(&mut bucket, Duration::ZERO), 3);
        assert_eq!(taken(&mut bucket, Duration::from_millis(200)), 2);
        assert_eq!(taken(&mut bucket, Duration::from_secs(99)), 3, "no more than its burst");
        assert_eq!(taken(&mut bucket, Duration::ZERO), 0, "nor for a time that goes back");
    }
}
