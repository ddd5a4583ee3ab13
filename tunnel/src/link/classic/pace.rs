//! A token bucket: how fast a sender may go that nobody acknowledges.

use std::time::{Duration, Instant};

/// Hands out permission to send at a steady rate, with a bounded burst.
///
/// Sending is allowed while the bucket is not empty, and may overdraw it once: the debt is waited for afterwards, so a
/// batch never has to be cut to what is left.
#[derive(Debug)]
pub(super) struct PaceBucket {
    /// Bytes a second.
    rate: u64,
    /// Most bytes that may be saved up.
    burst: i64,
    /// Bytes that may be sent now; negative is debt.
    tokens: i64,
    filled: Instant,
}

impl PaceBucket {
    /// How much sending time may be saved up. Timers of the runtime wake within about two milliseconds, so a smaller
    /// bucket could not keep the rate; a larger one would hand the peer's socket a larger burst.
    const BURST: Duration = Duration::from_millis(4);

    /// A full bucket of `rate` bytes a second, at least 1.
    pub(super) fn new(rate: u64, now: Instant) -> Self {
        let rate = rate.max(1);
        let burst = signed(bytes_in(rate, Self::BURST)).max(1);
        Self { rate, burst, tokens: burst, filled: now }
    }

    /// How long to wait until the next send; zero if it may happen at `now`.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        self.fill(now);
        if self.tokens > 0 {
            return Duration::ZERO;
        }
        let debt = 1 - i128::from(self.tokens);
        let nanos = debt * 1_000_000_000 / i128::from(self.rate) + 1;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Notes that `bytes` were sent.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.tokens = self.tokens.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn fill(&mut self, now: Instant) {
        let gained = bytes_in(self.rate, now.saturating_duration_since(self.filled));
        // A gain of nothing keeps the old time, so that very frequent calls do not lose the fractions.
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(signed(gained)).min(self.burst);
            self.filled = now;
        }
    }
}

/// Bytes that `rate` bytes a second make in `time`.
fn bytes_in(rate: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(rate) * time.as_nanos() / 1_000_000_000).unwrap_or(u64::MAX)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_over_a_second() {
        let start = Instant::now();
        let (mut now, mut sent) = (start, 0);
        let mut bucket = PaceBucket::new(1_000_000, start);
        while now < start + Duration::from_secs(1) {
            let wait = bucket.wait(now);
            if wait.is_zero() {
                bucket.spend(1_402);
                sent += 1_402;
            }
            now += wait;
        }
        assert!((1_000_000..=1_008_000).contains(&sent), "{sent} bytes");
    }

    #[test]
    fn what_is_saved_up_is_bounded() {
        let start = Instant::now();
        let mut bucket = PaceBucket::new(1_000_000, start);
        let later = start + Duration::from_secs(60);
        bucket.spend(4_000);
        assert_eq!(bucket.wait(later), Duration::ZERO);
        bucket.spend(4_000);
        assert!(!bucket.wait(later).is_zero(), "a minute of rest must not allow a minute of burst");
    }

    #[test]
    fn an_overdraft_is_waited_for() {
        let start = Instant::now();
        let mut bucket = PaceBucket::new(1_000_000, start);
        bucket.spend(4_000 + 64_000);
        let wait = bucket.wait(start);
        assert!(wait >= Duration::from_millis(64) && wait < Duration::from_millis(65), "{wait:?}");
        assert_eq!(bucket.wait(start + wait), Duration::ZERO);
    }
}
