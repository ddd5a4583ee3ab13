//! How much later than its neighbours a packet may come before it counts as lost (RFC 8985 section 6.2 step 4).

use crate::sealed::recovery::rtt::{GRANULARITY, Rtt};
use crate::time::Time;
use std::time::Duration;

/// After this many round trips without a packet that was thought lost and arrived, the window narrows (RFC 8985
/// section 6.2 step 4 says 16 recoveries).
const CALM_ROUNDS: u32 = 16;

/// The reordering window. It follows what the path does.
#[derive(Debug, Default)]
pub(crate) struct ReorderingWindow {
    /// Beyond the least window: how much later than others packets came.
    seen: Duration,
    seen_at: Time,
}

impl ReorderingWindow {
    /// How long beyond a round trip a packet may take while later ones arrive.
    pub(crate) fn window(&self, rtt: &Rtt) -> Duration {
        (rtt.lowest() / 8).max(GRANULARITY).max(self.seen)
    }

    /// A packet that was thought lost arrived after `took`: the next ones get an eighth more time than it needed, but no
    /// more than a round trip.
    pub(crate) fn on_late(&mut self, now: Time, took: Duration, rtt: &Rtt) {
        let late = took.saturating_sub(rtt.smoothed());
        self.seen = self.seen.max(late + late / 8).min(rtt.smoothed());
        self.seen_at = now;
    }

    /// Narrows the window by half where nothing has come late for long.
    pub(crate) fn calm_down(&mut self, now: Time, rtt: &Rtt) {
        if self.seen > Duration::ZERO && now.since(self.seen_at) > rtt.smoothed() * CALM_ROUNDS {
            self.seen /= 2;
            self.seen_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rtt() -> Rtt {
        let mut rtt = Rtt::default();
        rtt.update(Time::ZERO, 80 * MS, Duration::ZERO);
        rtt
    }

    #[test]
    fn at_first_an_eighth_of_a_round_trip_is_given() {
        assert_eq!(ReorderingWindow::default().window(&rtt()), 10 * MS);
    }

    #[test]
    fn what_comes_late_widens_it_up_to_a_round_trip() {
        let mut disorder = ReorderingWindow::default();
        disorder.on_late(Time::ZERO, 112 * MS, &rtt());
        assert_eq!(disorder.window(&rtt()), 36 * MS);
        disorder.on_late(Time::ZERO, 96 * MS, &rtt());
        assert_eq!(disorder.window(&rtt()), 36 * MS, "less late than before");
        disorder.on_late(Time::ZERO, 900 * MS, &rtt());
        assert_eq!(disorder.window(&rtt()), 80 * MS);
    }

    #[test]
    fn calm_narrows_it_again() {
        let (mut disorder, rtt) = (ReorderingWindow::default(), rtt());
        disorder.on_late(Time::ZERO, 112 * MS, &rtt);
        disorder.calm_down(Time::ZERO + 80 * MS * CALM_ROUNDS, &rtt);
        assert_eq!(disorder.window(&rtt), 36 * MS, "not yet");
        disorder.calm_down(Time::ZERO + 80 * MS * CALM_ROUNDS + MS, &rtt);
        assert_eq!(disorder.window(&rtt), 18 * MS);
    }
}
