//! How long this end of a link waits for its turn on its own machine.
//!
//! A machine that serves a thousand busy links comes to each of them some five times a second. What a round trip then says of the path is
//! mostly when we looked, and what was to leave meanwhile leaves at once or not at all. No acknowledgement tells that: ten packets in
//! each turn look like a path that passes ten packets in that time. Whoever runs the link knows it.

use std::time::Duration;

/// A time slice of the scheduler: what is no longer is usual on any machine.
const USUAL: Duration = Duration::from_millis(10);

/// No longer wait counts: what may leave at once because of it is a queue where the path is slower than it was.
const MOST: Duration = Duration::from_millis(250);

/// The last two waits.
#[derive(Debug, Default)]
pub(super) struct Turns([Duration; 2]);

impl Turns {
    /// This end could have gone on for so long, and others were served.
    pub(super) const fn on_turn(&mut self, wait: Duration) {
        self.0 = [wait, self.0[0]];
    }

    /// How long it waits each time, up to 250 ms; no time where that is usual. A single long wait is chance.
    pub(super) fn wait(&self) -> Duration {
        let wait = self.0[0].min(self.0[1]);
        if wait > USUAL { wait.min(MOST) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_long_waits_in_a_row_count_and_no_more_than_a_quarter_of_a_second() {
        let mut turns = Turns::default();
        for (wait, expected) in [(40, 0), (60, 40), (3, 0), (900, 0), (800, 250), (10, 0), (11, 0), (11, 11)]
        {
            turns.on_turn(Duration::from_millis(wait));
            assert_eq!(turns.wait(), Duration::from_millis(expected), "after {wait} ms");
        }
    }
}
