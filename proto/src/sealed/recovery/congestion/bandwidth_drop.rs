//! When a path counts as slower than it was.

use super::round::RoundSample;
use crate::time::Time;
use std::time::Duration;

/// Rates must stay low for this long before the path counts as slower: short rounds may just have been slept through.
const SLOW_FOR: Duration = Duration::from_millis(200);

/// And for this many rounds: fewer may be an accident.
const SLOW_ROUNDS: u32 = 3;

/// Rounds in a row far below the known rate.
#[derive(Debug, Default)]
pub(super) struct BandwidthDrop {
    rounds: u32,
    /// The end of the last round that was not.
    since: Time,
}

impl BandwidthDrop {
    /// A round is over that was sent at the full rate, which is `known`. `choked`: more than a round trip of queue
    /// stands. If the path has become slower, the number of rounds whose rates still count.
    pub(super) fn on_round(&mut self, sample: &RoundSample, known: u64, choked: bool) -> Option<usize> {
        if sample.rate >= known / 4 * 3 {
            *self = Self { rounds: 0, since: sample.at };
            return None;
        }
        self.rounds += 1;
        let lasting = self.rounds >= SLOW_ROUNDS && sample.at.since(self.since) >= SLOW_FOR;
        if !lasting && !choked {
            return None;
        }
        let counting = if choked { 1 } else { SLOW_ROUNDS as usize };
        self.rounds = 0;
        Some(counting)
    }

    /// What has been seen says nothing.
    pub(super) const fn forget(&mut self) {
        self.rounds = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::loss::LossTally;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn sample(at: Duration, rate: u64) -> RoundSample {
        let (limited, lowest_rtt, tally) = (false, MS, LossTally::default());
        RoundSample { at: Time::ZERO + at, rate, limited, lowest_rtt, tally }
    }

    #[test]
    fn three_low_rounds_and_enough_time_make_a_slower_path() {
        let mut slower = BandwidthDrop::default();
        slower.on_round(&sample(100 * MS, 1_000), 1_000, false);
        assert_eq!(slower.on_round(&sample(150 * MS, 500), 1_000, false), None);
        assert_eq!(slower.on_round(&sample(200 * MS, 500), 1_000, false), None);
        assert_eq!(slower.on_round(&sample(250 * MS, 500), 1_000, false), None, "not long enough");
        assert_eq!(slower.on_round(&sample(300 * MS, 500), 1_000, false), Some(3));
    }

    #[test]
    fn one_good_round_between_begins_anew() {
        let mut slower = BandwidthDrop::default();
        for round in 1..20u32 {
            let rate = if round % 3 == 0 { 750 } else { 500 };
            assert_eq!(slower.on_round(&sample(100 * MS * round, rate), 1_000, false), None);
        }
    }

    #[test]
    fn a_long_queue_shows_it_at_once() {
        assert_eq!(BandwidthDrop::default().on_round(&sample(MS, 500), 1_000, true), Some(1));
        assert_eq!(
            BandwidthDrop::default().on_round(&sample(MS, 900), 1_000, true),
            None,
            "a queue, but no less rate"
        );
    }
}
