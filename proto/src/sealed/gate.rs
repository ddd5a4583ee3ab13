//! How many handshakes may cost public-key work: a token bucket.

use std::time::Duration;

use crate::Time;

/// A bucket that holds one second's worth of handshakes, and never less than [`LEAST`].
pub(super) struct Gate {
    /// What one handshake costs in time: a second divided by the rate.
    cost: Duration,
    /// The bucket's size in time.
    size: Duration,
    /// What was taken and has not come back by `at`; it comes back as time passes.
    debt: Duration,
    at: Time,
}

/// How much is left in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// At least half: every handshake is welcome.
    Light,
    /// Less than half: only who proves its address.
    Heavy,
    /// Nothing.
    Full,
}

/// Handshakes that the smallest bucket holds. With fewer there would be no half that only those get who prove their
/// address, and a flood of others would take each one the moment that it comes back.
const LEAST: u32 = 4;
const SECOND: Duration = Duration::from_secs(1);

impl Gate {
    /// A full bucket for `rate` handshakes a second; a rate of 0 counts as 1.
    pub(super) fn new(rate: u32) -> Self {
        let cost = SECOND / rate.max(1);
        Self { cost, size: SECOND.max(cost * LEAST), debt: Duration::ZERO, at: Time::ZERO }
    }

    /// How much is left at `now`.
    pub(super) fn load(&self, now: Time) -> Load {
        let debt = self.debt_at(now);
        if debt + self.cost > self.size {
            Load::Full
        } else if debt > self.size / 2 {
            Load::Heavy
        } else {
            Load::Light
        }
    }

    /// Takes one handshake's worth, also where there is none left.
    pub(super) fn take(&mut self, now: Time) {
        self.debt = self.size.min(self.debt_at(now) + self.cost);
        self.at = now;
    }

    fn debt_at(&self, now: Time) -> Duration {
        self.debt.saturating_sub(now.since(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_empties_and_fills() {
        let start = Time::ZERO;
        let mut gate = Gate::new(10);
        for taken in 0..10 {
            let expected = if taken <= 5 { Load::Light } else { Load::Heavy };
            assert_eq!(gate.load(start), expected, "after {taken}");
            gate.take(start);
        }
        assert_eq!(gate.load(start), Load::Full);
        assert_eq!(gate.load(start + SECOND / 10), Load::Heavy);
        assert_eq!(gate.load(start + SECOND / 2), Load::Light);
        assert_eq!(gate.load(start + SECOND * 50), Load::Light);
    }

    #[test]
    fn a_rate_of_one_keeps_room_for_the_proven() {
        let start = Time::ZERO;
        let mut gate = Gate::new(0);
        for expected in [Load::Light, Load::Light, Load::Light, Load::Heavy] {
            assert_eq!(gate.load(start), expected);
            gate.take(start);
        }
        assert_eq!(gate.load(start), Load::Full);
        // What comes back each second is for them alone, as long as others ask more often.
        assert_eq!(gate.load(start + SECOND), Load::Heavy);
        assert_eq!(gate.load(start + SECOND * 2), Load::Light);
    }
}
