//! How much is acknowledged at once: hosts that are busy with many links, and radio that gathers frames, let
//! acknowledgements come in bursts. With no more than a burst on its way a link waits for each, and late wake-ups make each
//! smaller than the one before; so two may be on the way, and leave at once. The idea is that of BBR's `extra_acked`
//! (draft-cardwell-iccrg-bbr-congestion-control), but what counts is what comes within a millisecond: a rate that is known
//! too low makes no burst of all that comes.

use crate::sealed::recovery::ack;
use crate::sealed::recovery::pacing::BATCH;
use crate::time::Time;
use std::time::Duration;

/// Acknowledgements within this time of the first came at once.
const AT_ONCE: Duration = Duration::from_millis(1);
/// What the rate brings in a five-hundredth of a second, and as many packets as a peer acknowledges together though they
/// came one by one, are no burst but the usual.
const USUAL_PART: u64 = 500;
/// A burst is no more than what arrives in an eighth of a second: two of them are the longest queue that a path which stood
/// still for a moment may get.
const MOST_PART: u64 = 8;
/// And what arrives in a quarter of one at the rate that there is later: rates go up and down while a host is busy.
const LATER_PART: u64 = 4;
/// Rounds in each of two spans; a burst is remembered for one to two of them (BBR).
const SPAN: u32 = 5;

/// The bursts of the last rounds.
#[derive(Debug, Default)]
pub(super) struct AckAggregation {
    /// The burst that may still grow: when it began, how many bytes had been delivered before.
    began: Time,
    before: u64,
    /// Bytes delivered so far; a link's earlier path may have delivered some.
    delivered: Option<u64>,
    /// The largest of this span and of the last.
    largest: [u64; 2],
    rounds: u32,
}

impl AckAggregation {
    /// An acknowledgement came `at` that moment, after which `delivered` bytes have arrived, on a path that delivers `rate`
    /// bytes a second, in packets of `mtu`.
    pub(super) fn on_ack(&mut self, at: Time, delivered: u64, rate: u64, mtu: u64) {
        if at.since(self.began) > AT_ONCE {
            (self.began, self.before) = (at, self.delivered.unwrap_or(delivered));
        }
        self.delivered = Some(delivered);
        let burst = delivered - self.before;
        if burst > u64::from(ack::PACKETS) * mtu + rate / USUAL_PART {
            self.largest[0] = self.largest[0].max(burst.min(BATCH).min(rate / MOST_PART));
        }
    }

    /// A round is over.
    pub(super) fn on_round(&mut self) {
        self.rounds += 1;
        if self.rounds == SPAN {
            (self.largest, self.rounds) = ([0, self.largest[0]], 0);
        }
    }

    /// The largest of the last rounds in bytes, as far as a path that delivers `rate` bytes a second now takes it.
    pub(super) fn largest(&self, rate: u64) -> u64 {
        self.largest[0].max(self.largest[1]).min(rate / LATER_PART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 1_000_000;

    /// Acknowledgements of `bytes` each, `count` of them, at [`RATE`].
    fn fed(bytes: u64, count: u64) -> AckAggregation {
        let mut bursts = AckAggregation { delivered: Some(0), ..AckAggregation::default() };
        for number in 1..=count {
            bursts.on_ack(Time::ZERO + Duration::from_micros(bytes * number), bytes * number, RATE, 1_000);
        }
        bursts
    }

    #[test]
    fn what_comes_evenly_is_no_clump_unless_it_comes_in_large_pieces() {
        assert_eq!(fed(10_000, 500).largest(RATE), 0);
        assert_eq!(fed(40_000, 50).largest(RATE), 40_000);
    }

    #[test]
    fn acknowledgements_in_a_row_are_one_clump() {
        let mut bursts = fed(5_000, 20);
        let late = Time::ZERO + Duration::from_millis(150);
        (101..=150).for_each(|number| bursts.on_ack(late, number * 1_000, RATE, 1_000));
        assert_eq!(bursts.largest(RATE), 50_000);
    }

    #[test]
    fn what_an_earlier_path_delivered_is_no_clump() {
        let mut bursts = AckAggregation::default();
        bursts.on_ack(Time::ZERO + Duration::from_secs(9), 1_000_000, RATE, 1_000);
        assert_eq!(bursts.largest(RATE), 0);
    }

    #[test]
    fn a_clump_is_forgotten_after_ten_rounds_at_the_most() {
        let mut bursts = fed(40_000, 1);
        (0..SPAN).for_each(|_| bursts.on_round());
        assert_eq!(bursts.largest(RATE), 40_000);
        (0..SPAN).for_each(|_| bursts.on_round());
        assert_eq!(bursts.largest(RATE), 0);
    }

    #[test]
    fn a_clump_is_no_more_than_a_batch_nor_than_a_part_of_a_second() {
        for (rate, burst) in [(10 * RATE, BATCH), (RATE / 10, 12_500)] {
            let mut bursts = fed(10_000, 10);
            bursts.on_ack(Time::ZERO + Duration::from_secs(1), 2_000_000, rate, 1_000);
            assert_eq!(bursts.largest(rate), burst);
        }
        let mut bursts = fed(10_000, 10);
        bursts.on_ack(Time::ZERO + Duration::from_secs(1), 2_000_000, RATE, 1_000);
        assert_eq!(bursts.largest(RATE / 10), 25_000, "the path has become slower");
    }

    #[test]
    fn a_millisecond_is_at_once_and_more_is_not() {
        for (micros, burst) in [(900, 14_000), (1_100, 0)] {
            let mut bursts = fed(7_000, 10);
            let at = Time::ZERO + Duration::from_secs(1);
            bursts.on_ack(at, 77_000, RATE, 1_000);
            bursts.on_ack(at + Duration::from_micros(micros), 84_000, RATE, 1_000);
            assert_eq!(bursts.largest(RATE), burst);
        }
    }
}
