//! When to make another link after proxy2 has ended one, broken the protocol, or asked for another.

use std::time::Duration;

use proto::Time;

/// Waits that double with each link that did not last, with jitter: proxy1s that lost their proxy2 together must not
/// come back together.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Links in a row that did not last.
    failures: u32,
    up_since: Option<Time>,
}

impl Backoff {
    /// The longest first wait: not noticed beside the second that a restart of proxy2 takes.
    const FIRST: Duration = Duration::from_millis(100);
    /// The longest wait: a user waits as long for a proxy2 that was repaired, and no line of the log comes more often.
    const MAX: Duration = Duration::from_secs(5);
    /// How long a link must be up to count as good.
    const GOOD: Duration = Duration::from_secs(10);

    /// The link has keys.
    pub(crate) fn came_up(&mut self, now: Time) {
        self.up_since.get_or_insert(now);
    }

    /// The link is over: how long to wait before the next, between half and all of the wait whose turn it is.
    pub(crate) fn next(&mut self, now: Time, random: u64) -> Duration {
        if self.up_since.take().is_some_and(|up| now.since(up) >= Self::GOOD) {
            self.failures = 0;
        }
        let wait =
            Self::FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(Self::MAX);
        self.failures = self.failures.saturating_add(1);
        let half = wait / 2;
        let jitter = random % u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(jitter)
    }

    /// proxy2 wants another link instead of this one: how long that waits. Not at all where this one has lasted, as names are unknown
    /// meanwhile; but a proxy2 that wants one after the other must not get a thousand a second.
    pub(crate) fn replaced(&mut self, now: Time, random: u64) -> Duration {
        let wait = self.next(now, random);
        if self.failures == 1 { Duration::ZERO } else { wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_has_lasted_is_replaced_at_once_and_others_after_longer_and_longer() {
        let mut backoff = Backoff::default();
        let mut now = Time::ZERO;
        for seconds in [10, 60] {
            backoff.came_up(now);
            now += Duration::from_secs(seconds);
            assert_eq!(backoff.replaced(now, 7), Duration::ZERO);
        }
        let mut longest = Duration::from_millis(200);
        for number in 0..10 {
            backoff.came_up(now);
            let wait = backoff.replaced(now, number * 7_919);
            assert!(wait >= longest / 2 && wait <= longest, "{number}: {wait:?} of {longest:?}");
            longest = (longest * 2).min(Backoff::MAX);
        }
    }

    #[test]
    fn waits_double_up_to_five_seconds_and_a_good_link_forgets_them() {
        let mut backoff = Backoff::default();
        let mut now = Time::ZERO;
        let mut longest = Duration::from_millis(100);
        for number in 0..40 {
            backoff.came_up(now);
            let wait = backoff.next(now, number * 7_919);
            assert!(wait >= longest / 2 && wait <= longest, "{number}: {wait:?} of {longest:?}");
            longest = (longest * 2).min(Backoff::MAX);
        }
        backoff.came_up(now);
        now += Duration::from_secs(10);
        backoff.came_up(now);
        assert!(backoff.next(now, 0) <= Duration::from_millis(100), "it was up for ten seconds");
    }
}
