//! How much public-key work handshakes may cost: a token bucket whose last parts are not for everybody.

use std::time::Duration;

use crate::Time;
use crate::token_bucket::TokenBucket;

/// A bucket that holds a quarter of a second's worth of handshakes, and never less than [`LEAST`].
pub(crate) struct WorkBudget {
    /// What one handshake costs in time: a second divided by the rate.
    cost: Duration,
    /// The bucket's size in time.
    size: Duration,
    bucket: TokenBucket,
}

/// How much is left in the bucket, and so for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Load {
    /// At least three quarters: even those who have no valid ticket are told so.
    Idle,
    /// At least half: every handshake is welcome.
    Light,
    /// Less: only who proves its address and keeps within its share.
    Heavy,
    /// Less than three eighths: only addresses that have asked little for some time, because those that ask much are too
    /// many together, and addresses that a link is at.
    Severe,
    /// Less than a quarter: only addresses that a link is at.
    Reserved,
    /// Nothing.
    Full,
}

/// What was done of a handshake, in operations on Curve25519. They are nearly all of its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// proxy2's own public key, and two agreements: the client is known, or the message was forged. Where the first agreement
    /// shows that, it cost less; one whose forger knows the public key costs all of it.
    Opened = 3,
    /// An ephemeral key and two agreements more: it has a response.
    Answered = 6,
}

/// Implementation: what the bucket holds, as a part of a second's worth: a burst may keep the thread that also reads for
/// running links for a quarter of the CPU share that handshakes have in a second, and no longer.
const BURST: u32 = 4;
/// Implementation: handshakes that the smallest bucket holds, so that each of the parts holds at least one. Without that
/// a flood of others would take each one the moment that it comes back.
const LEAST: u32 = 8;
const SECOND: Duration = Duration::from_secs(1);

impl WorkBudget {
    /// A full bucket for `rate` whole handshakes a second; a rate of 0 counts as 1.
    pub(crate) fn new(rate: u32) -> Self {
        let cost = SECOND / rate.max(1);
        Self { cost, size: (SECOND / BURST).max(cost * LEAST), bucket: TokenBucket::default() }
    }

    /// How much is left at `now`.
    pub(crate) fn load(&self, now: Time) -> Load {
        let debt = self.bucket.debt(now);
        let eighth = self.size / 8;
        if debt <= eighth * 2 {
            Load::Idle
        } else if debt <= eighth * 4 {
            Load::Light
        } else if debt <= eighth * 5 {
            Load::Heavy
        } else if debt <= eighth * 6 {
            Load::Severe
        } else if self.bucket.allows(now, self.cost, self.size) {
            Load::Reserved
        } else {
            Load::Full
        }
    }

    /// Takes the cost of that work, also where there is nothing left.
    pub(crate) fn take(&mut self, now: Time, work: Work) {
        let cost = self.cost / Work::Answered as u32 * work as u32;
        self.bucket.drain(now, cost, self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(budget: &mut WorkBudget, now: Time, parts: &[(u32, Load)], work: Work) {
        for (handshakes, expected) in parts {
            for _ in 0..*handshakes {
                assert_eq!(budget.load(now), *expected);
                budget.take(now, work);
            }
        }
    }

    const PARTS: [(u32, Load); 6] = [
        (3, Load::Idle),
        (2, Load::Light),
        (1, Load::Heavy),
        (1, Load::Severe),
        (1, Load::Reserved),
        (1, Load::Full),
    ];

    #[test]
    fn the_bucket_empties_and_fills() {
        let start = Time::ZERO;
        let mut budget = WorkBudget::new(12);
        take_all(&mut budget, start, &PARTS, Work::Answered);
        let twelfth = Duration::from_micros(83_334);
        for (after, expected) in [(1, Load::Reserved), (2, Load::Severe), (4, Load::Light), (600, Load::Idle)]
        {
            assert_eq!(budget.load(start + twelfth * after), expected, "after {after}");
        }
    }

    #[test]
    fn what_is_found_out_early_costs_less() {
        let mut budget = WorkBudget::new(12);
        let parts = PARTS.map(|(handshakes, load)| (handshakes * 2 - u32::from(load == Load::Idle), load));
        take_all(&mut budget, Time::ZERO, &parts[..4], Work::Opened);
    }

    #[test]
    fn a_rate_of_one_keeps_room_for_the_proven() {
        let start = Time::ZERO;
        let mut budget = WorkBudget::new(0);
        take_all(&mut budget, start, &PARTS[..2], Work::Answered);
        // What comes back each second is for them alone, as long as others ask more often.
        assert_eq!(budget.load(start), Load::Heavy);
        assert_eq!(budget.load(start + SECOND / 2), Load::Heavy);
        assert_eq!(budget.load(start + SECOND), Load::Light);
    }
}
