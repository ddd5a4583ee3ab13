//! How long this end of a link waits for its turn on its own machine.
//!
//! A machine that serves a thousand busy links comes to each of them some five times a second. What a round trip then says of the path is
//! mostly when we looked, and what was to leave meanwhile leaves at once or not at all. No acknowledgement tells that: ten packets in
//! each turn look like a path that passes ten packets in that time. Whoever runs the link knows it.

use crate::time::Time;
use std::time::Duration;

/// A time slice of the scheduler: what is no longer is usual on any machine.
const USUAL: Duration = Duration::from_millis(10);

/// No longer wait counts: what may leave at once because of it is a queue where the path is slower than it was.
const MOST: Duration = Duration::from_millis(250);

/// A busy link is told ten times a second. What is older than this is of another hour of the machine.
const LASTS: Duration = Duration::from_secs(2);

/// The last two waits.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waits: [Duration; 2],
    noted_at: Time,
}

impl Turns {
    /// This end could have gone on for so long, and others were served.
    pub(super) const fn on_turn(&mut self, now: Time, wait: Duration) {
        *self = Self { waits: [wait, self.waits[0]], noted_at: now };
    }

    /// Whether there were waits, and long ago.
    pub(super) fn are_over(&self, now: Time) -> bool {
        !self.waits[0].is_zero() && now.since(self.noted_at) > LASTS
    }

    /// Whether one of them was longer than usual: round trips of late may have such a wait in them, and tell nothing of a queue. Of the turns
    /// of a busy machine some come at once.
    pub(super) fn are_long(&self) -> bool {
        self.waits.iter().any(|wait| *wait > USUAL)
    }

    /// How long it waits each time, up to 250 ms; no time where that is usual. Of a single long wait, which may be chance, nothing may leave at once.
    pub(super) fn wait(&self) -> Duration {
        let wait = self.waits[0].min(self.waits[1]);
        if wait > USUAL { wait.min(MOST) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_long_waits_in_a_row_count_and_no_more_than_a_quarter_of_a_second() {
        let mut turns = Turns::default();
        assert!(!turns.are_long());
        for (wait, expected) in [(40, 0), (60, 40), (3, 0), (900, 0), (800, 250), (10, 0), (11, 0), (11, 11)]
        {
            turns.on_turn(Time::ZERO, Duration::from_millis(wait));
            assert_eq!(turns.wait(), Duration::from_millis(expected), "after {wait} ms");
            assert!(turns.are_long(), "{wait} ms, or those before");
        }
        (0..2).for_each(|_| turns.on_turn(Time::ZERO, USUAL));
        assert!(!turns.are_long());
    }

    #[test]
    fn waits_of_before_a_pause_are_over() {
        let mut turns = Turns::default();
        assert!(!turns.are_over(Time::ZERO + 2 * LASTS), "there were none");
        turns.on_turn(Time::ZERO + LASTS, 2 * USUAL);
        assert!(!turns.are_over(Time::ZERO + 2 * LASTS));
        assert!(turns.are_over(Time::ZERO + 2 * LASTS + Duration::from_nanos(1)));
    }
}
