//! The token bucket behind every limit of a rate: of handshakes, of log lines, of ports, of a classic link's bytes.
//!
//! What paces a sealed link is a bucket of its own, see `sealed::recovery::pacing`.

use std::time::Duration;

use crate::Time;

/// A token bucket whose whole state is one moment: when all that was taken will have come back (the generic cell rate algorithm, ITU-T
/// I.371, which calls it the theoretical arrival time). A new one is full.
///
/// Its tokens are time, so nothing has to be filled in and no fraction gets lost: at a rate of 100 a second one costs 10 ms, and
/// a bucket of 20 of them has a size of 200 ms. Whoever uses it brings cost and size, which should not change while something is
/// taken: what was taken under another rate comes back as if it had been taken under this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenBucket {
    full_at: Time,
}

impl TokenBucket {
    /// What has been taken and has not come back.
    pub const fn debt(self, now: Time) -> Duration {
        self.full_at.since(now)
    }

    /// Whether `cost` may be taken from a bucket of that size.
    pub fn allows(self, now: Time, cost: Duration, size: Duration) -> bool {
        self.debt(now).saturating_add(cost) <= size
    }

    /// Takes `cost`, also where there is less: what follows then waits for longer.
    pub fn charge(&mut self, now: Time, cost: Duration) {
        self.full_at = self.full_at.max(now) + cost;
    }

    /// Takes `cost`, or what there is in a bucket of that size.
    pub fn drain(&mut self, now: Time, cost: Duration, size: Duration) {
        self.charge(now, cost);
        self.full_at = self.full_at.min(now + size);
    }

    /// Takes `cost` if a bucket of that size has it; whether it had.
    pub fn take(&mut self, now: Time, cost: Duration, size: Duration) -> bool {
        let allowed = self.allows(now, cost, size);
        if allowed {
            self.charge(now, cost);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(10);
    const SIZE: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_full_bucket_holds_its_size_and_then_the_rate() {
        let mut bucket = TokenBucket::default();
        assert_eq!((0..100).filter(|_| bucket.take(at(1_000), COST, SIZE)).count(), 5);
        let taken = (1_000..2_000).filter(|&now| bucket.take(at(now), COST, SIZE)).count();
        assert_eq!(taken, 99, "one every 10 ms, the first after 10 ms");
    }

    #[test]
    fn rest_saves_up_no_more_than_the_size() {
        let mut bucket = TokenBucket::default();
        bucket.charge(at(0), SIZE);
        assert_eq!((0..100).filter(|_| bucket.take(at(60_000), COST, SIZE)).count(), 5);
    }

    #[test]
    fn an_overdraft_is_waited_for_and_a_drained_bucket_owes_nothing() {
        let (mut overdrawn, mut drained) = (TokenBucket::default(), TokenBucket::default());
        overdrawn.charge(at(0), SIZE * 3);
        drained.drain(at(0), SIZE * 3, SIZE);
        assert!(!overdrawn.allows(at(109), COST, SIZE) && overdrawn.allows(at(110), COST, SIZE));
        assert!(!drained.allows(at(9), COST, SIZE) && drained.allows(at(10), COST, SIZE));
    }
}
