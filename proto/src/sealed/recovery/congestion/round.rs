//! One round: from one moment until what left then has been acknowledged.

use super::ack_event::AckEvent;
use super::loss::LossTally;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// A round no shorter than this: on loopback a round trip is shorter than one time slice of the scheduler, and a rate
/// measured over less says who was asleep, not what the path carries.
pub(super) const MIN_ROUND: Duration = Duration::from_millis(10);

/// Rounds that are measured together at the most.
const MEASURED: usize = 8;

/// Which acknowledgements fall inside a span is uncertain at both ends where packets come late. This part, as its divisor, of the mean lateness,
/// added to the span, makes the highest rate of ten rounds about the path's (measured at 100 ms of jitter).
const EDGE: u32 = 5;

/// The round that is under way.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Its beginning, behind those of the rounds before it that are measured with it.
    began: VecDeque<Beginning>,
    /// It ends when a packet arrives that left after this many bytes had been delivered.
    ends_at: u64,
    app_limited: bool,
    lowest_rtt: Option<Duration>,
    /// What became of packets in it.
    pub(super) tally: LossTally,
}

#[derive(Clone, Copy, Debug)]
struct Beginning {
    at: Time,
    delivered: u64,
    /// The application may have kept the round before it slow.
    after_limited: bool,
}

/// What a whole round showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundSample {
    /// When it ended.
    pub(super) at: Time,
    /// Bytes delivered a second.
    pub(super) rate: u64,
    /// The application, not the path, may have kept it low.
    pub(super) limited: bool,
    /// The lowest round trip.
    pub(super) lowest_rtt: Duration,
    /// What became of packets.
    pub(super) tally: LossTally,
}

impl Round {
    /// Whatever its rate turns out to be, it is no limit of the path.
    pub(super) const fn excuse(&mut self) {
        self.app_limited = true;
    }

    /// Takes in an acknowledgement; at the end of the round, what it showed. The first round of a controller is not
    /// whole and shows nothing: `Some(None)`.
    pub(super) fn on_ack(&mut self, ack: &AckEvent) -> Option<Option<RoundSample>> {
        let lowest = self.lowest_rtt.get_or_insert(ack.rtt);
        *lowest = ack.rtt.min(*lowest);
        let sample = ack.sample?;
        self.app_limited |= sample.app_limited;
        let is_short = self.began.back().is_some_and(|began| ack.now.since(began.at) < MIN_ROUND);
        if sample.prior_delivered < self.ends_at || is_short {
            return None;
        }
        let sample = self.measure(ack);
        let began = Beginning { at: ack.now, delivered: ack.delivered, after_limited: self.app_limited };
        let mut earlier = std::mem::take(&mut self.began);
        earlier.push_back(began);
        *self = Self { began: earlier, ends_at: ack.delivered, ..Self::default() };
        Some(sample)
    }

    /// Where packets overtake each other, how many of them arrive in a round trip is half chance: the rate is that of as many rounds
    /// as nearly all of them take.
    fn measure(&mut self, ack: &AckEvent) -> Option<RoundSample> {
        let enough =
            |began: &Beginning| ack.late.is_zero() || ack.now.since(began.at) >= ack.min_rtt + 2 * ack.late;
        while self.began.len() > MEASURED || self.began.get(1).is_some_and(enough) {
            self.began.pop_front();
        }
        let began = self.began.front()?;
        Some(RoundSample {
            at: ack.now,
            rate: per_second(ack.delivered - began.delivered, ack.now.since(began.at) + ack.late / EDGE),
            limited: self.app_limited || self.began.iter().skip(1).any(|round| round.after_limited),
            lowest_rtt: self.lowest_rtt.unwrap_or(ack.rtt),
            tally: self.tally,
        })
    }
}

/// What `rate` bytes a second bring in `time`.
pub(super) fn bytes_in(rate: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(rate) * time.as_nanos() / 1_000_000_000).unwrap_or(u64::MAX)
}

/// How long `bytes` take at `rate` bytes a second.
pub(super) fn time_of(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / rate.max(1))
}

/// `bytes` in `took`, as bytes a second.
pub(super) fn per_second(bytes: u64, took: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / took.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::ack;
    use super::*;

    #[test]
    fn a_round_lasts_until_what_left_in_it_arrives() {
        let mut round = Round::default();
        assert!(matches!(round.on_ack(&ack(50, 10_000, 0, 50)), Some(None)), "the first is not whole");
        assert!(round.on_ack(&ack(80, 40_000, 9_999, 53)).is_none(), "it left before the round began");
        let sample = round.on_ack(&ack(100, 60_000, 10_000, 55)).flatten().unwrap();
        assert_eq!((sample.rate, sample.limited), (1_000_000, false), "50,000 bytes in 50 ms");
        assert_eq!(sample.lowest_rtt, Duration::from_millis(53));
    }

    #[test]
    fn a_round_is_no_shorter_than_the_scheduler_sleeps() {
        let mut round = Round::default();
        round.on_ack(&ack(50, 10_000, 0, 1));
        assert!(round.on_ack(&ack(55, 20_000, 15_000, 1)).is_none());
        assert!(round.on_ack(&ack(60, 30_000, 25_000, 1)).is_some());
    }

    #[test]
    fn what_the_application_held_back_is_marked() {
        let mut round = Round::default();
        round.on_ack(&ack(50, 10_000, 0, 50));
        round.excuse();
        assert!(round.on_ack(&ack(100, 20_000, 10_000, 50)).flatten().unwrap().limited);
        assert!(!round.on_ack(&ack(150, 30_000, 20_000, 50)).flatten().unwrap().limited, "only that round");
    }
}
