//! Start-up: from nothing to the path's rate in a few round trips, without drowning it.
//!
//! The window triples in a round trip: each byte that arrives lets three go. What is new is sent in a third of a round
//! trip, so that each round's packets travel three times as close together as the window alone would make them: they
//! build a queue one round before the window is too large. The growing round trip ends start-up then, and what arrives
//! while that queue stands is the path's rate, exactly.
//!
//! Where a rate is known ([`Startup::begin_again`]) it goes on from the BDP, and the window doubles: the path may be only a little faster.

use super::ack_event::AckEvent;
use super::loss::LossTally;
use super::queue::QUEUE_TARGET;
use super::round::{MIN_ROUND, RoundSample, bytes_in, per_second};
use super::slow_path::SlowPath;
use crate::sealed::recovery::mtu::BLACK_HOLE;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Once a full packet has shown that the path is not slow. RFC 6928 allows 10 packets; a link is one for all its streams, as a browser's six
/// connections of 10 are.
const INITIAL_PACKETS: u64 = 40;

/// Before that (`slow_path.rs`): on a path of 56 kbit/s [`INITIAL_PACKETS`] take eight seconds. A few more than the 10 of RFC 6928, so that one flight is enough
/// to show that the path does not carry packets of their size (`BLACK_HOLE` in `mtu.rs`).
const UNKNOWN_PACKETS: u64 = 14;
const _: () = assert!(UNKNOWN_PACKETS > BLACK_HOLE as u64);

/// On a longer path as many as make 5 Mbit/s: half the rate of [`INITIAL_PACKETS`] over 50 ms.
const INITIAL_RATE: u64 = 625_000;

/// Yet no more than this: 4 % of what a path of 20 Mbit/s over a satellite has on its way.
const MAX_INITIAL_PACKETS: u64 = 128;

/// On a slow path what fills it and makes this queue, and no less than so many packets.
const QUEUE: Duration = Duration::from_millis(200);
const LEAST_PACKETS: u64 = 4;

/// The window grows by this much for each byte that arrives.
const STEP: u64 = 2;

/// The same where a rate is known: the path's may be only little higher than it.
const STEP_AGAIN: u64 = 1;

/// Packets of one round before their loss is compared with that of others.
const TELLING: f64 = 50.0;

/// Losses that end start-up at once, and not at the end of the round, if they are too many.
const TELLING_LOST: f64 = 32.0;

/// Loss beyond that of the rounds before by this much is a limit: a full queue or a policer.
const EXCESS: f64 = 0.08;

/// Round trips of which the lowest tells the queue: enough that one late packet does not.
const RECENT: usize = 4;

/// And in no more round trips than this: what was seen before a silence is no queue of now.
const FRESH: u32 = 4;

/// The rate of arrivals is measured over spans of up to this; on a long path of this part of a round trip, as its divisor.
const MOST_MEASURED: Duration = Duration::from_millis(20);
const MEASURED_PART: u32 = 8;

/// Packets over which the rate of arrivals is measured: an error of one acknowledgement is a tenth of them.
const TRAIN: u64 = 32;

/// Rounds that did not bring a quarter more before the top is taken to be reached (BBR).
const FLAT_ROUNDS: u32 = 3;

/// The same where a rate is known. What arrives in the first round left before.
const FLAT_ROUNDS_AGAIN: u32 = 2;

/// Packets that stand for what is known of losses.
const KNOWN: f64 = 200.0;

/// Acknowledgements that are kept of that time: each new one is compared with all of them, and a peer may send one for each packet.
const MOST_KEPT: u32 = 64;

/// What start-up knows.
#[derive(Debug, Default)]
pub(super) struct Startup {
    /// The window it began with where a rate was known.
    again: Option<u64>,
    /// The window beyond the initial one.
    grown: u64,
    /// The newest acknowledgements: when, bytes delivered.
    recent: VecDeque<(Time, u64)>,
    /// The newest [`RECENT`] round trips, and when they were seen.
    round_trips: VecDeque<(Time, Duration)>,
    /// How far round trips differ from the ones before, on average; and what that was when the round began. Taken from
    /// those that are shorter: a queue that grows makes them only longer, jitter does both alike.
    jitter_now: Duration,
    jitter: Duration,
    /// How much later than others packets come on average.
    late: Duration,
    /// Loss of whole rounds.
    early: LossTally,
    /// The rate of the best round, and rounds that did not beat it.
    best: u64,
    flat_rounds: u32,
}

impl Startup {
    /// Start-up on a path that has shown `rate`, and that it loses a share of `lost`, from a window of so many bytes on: it doubles in a round trip.
    pub(super) fn begin_again(&mut self, window: u64, rate: u64, lost: f64) {
        self.again = Some(window);
        (self.grown, self.best, self.flat_rounds) = (0, rate, 0);
        self.recent.clear();
        self.early = LossTally::new(KNOWN * (1.0 - lost), KNOWN * lost);
    }

    /// Whether a rate was known when it began.
    pub(super) const fn is_again(&self) -> bool {
        self.again.is_some()
    }

    /// `bytes` arrived while the window was in use.
    pub(super) const fn on_arrived(&mut self, bytes: u64) {
        self.grown += bytes * self.step();
    }

    const fn step(&self) -> u64 {
        if self.is_again() { STEP_AGAIN } else { STEP }
    }

    /// Bytes that may be in flight.
    pub(super) fn cwnd(&self, mtu: u64, min_rtt: Duration, path: SlowPath) -> u64 {
        let initial = match (self.again, path) {
            (Some(window), _) => window,
            (None, SlowPath::Unknown) => UNKNOWN_PACKETS * mtu,
            (None, SlowPath::Rate(rate)) => {
                bytes_in(rate, min_rtt + QUEUE).clamp(LEAST_PACKETS * mtu, INITIAL_PACKETS * mtu)
            }
            (None, SlowPath::NotSlow) => {
                bytes_in(INITIAL_RATE, min_rtt).clamp(INITIAL_PACKETS * mtu, MAX_INITIAL_PACKETS * mtu)
            }
        };
        initial + self.grown
    }

    /// How fast they may leave, in bytes a second: what comes new in a round trip leaves in a third of it, or in half of it where the window doubles.
    pub(super) fn pacing_rate(&self, window: u64, smoothed_rtt: Duration) -> u64 {
        per_second(window * (1 + self.step()), smoothed_rtt.max(Duration::from_micros(100)))
    }

    /// The loss of its whole rounds.
    pub(super) const fn early(&self) -> &LossTally {
        &self.early
    }

    /// Takes in an acknowledgement.
    pub(super) fn on_ack(&mut self, ack: &AckEvent, mtu: u64) {
        self.on_round_trip(ack);
        let span = MOST_MEASURED.max(ack.min_rtt / MEASURED_PART);
        let before = self.recent.len().checked_sub(2).and_then(|place| self.recent.get(place));
        if before.is_some_and(|(at, _)| ack.now.since(*at) < span / MOST_KEPT) {
            self.recent.pop_back();
        }
        self.recent.push_back((ack.now, ack.delivered));
        while self.recent.len() > RECENT
            && let Some((at, delivered)) = self.recent.get(1)
            && ack.now.since(*at) >= span
            && ack.delivered - delivered >= TRAIN * mtu
        {
            self.recent.pop_front();
        }
    }

    /// Takes in its round trip alone.
    pub(super) fn on_round_trip(&mut self, ack: &AckEvent) {
        self.late = ack.late;
        // A round trip that is told twice is one: where packets overtake each other, that happens with every other.
        if !ack.rtt_is_new && !self.late.is_zero() {
            return;
        }
        let (now, rtt) = (ack.now, ack.rtt);
        let fall = self.round_trips.back().map_or(Duration::ZERO, |(_, last)| last.saturating_sub(rtt));
        self.jitter_now = (self.jitter_now * 7 + fall * 2) / 8;
        self.round_trips.push_back((now, rtt));
        if self.round_trips.len() > RECENT {
            self.round_trips.pop_front();
        }
    }

    /// Whether the newest round trips show a queue; a long one is what start-up must not go beyond.
    pub(super) fn sees_queue(&self, min_rtt: Duration, long: bool) -> bool {
        let limit = (min_rtt / 16).max(QUEUE_TARGET * 2) + (self.jitter * 3).max(self.late);
        let limit = if long { limit } else { limit / 2 };
        let lowest = self.round_trips.iter().map(|(_, rtt)| *rtt).min().unwrap_or_default();
        let newest = self.round_trips.front().zip(self.round_trips.back());
        let are_fresh = newest.is_some_and(|((first, _), (last, _))| {
            last.since(*first) <= lowest * FRESH || self.late.is_zero()
        });
        self.round_trips.len() == RECENT && are_fresh && lowest.saturating_sub(min_rtt) > limit
    }

    /// Whether so much of the round under way is lost that it must not go on.
    pub(super) fn is_choking(&self, round: &LossTally) -> bool {
        round.lost() >= TELLING_LOST && self.is_excess(round)
    }

    /// Whether a round lost much more than those before.
    fn is_excess(&self, round: &LossTally) -> bool {
        let doubt = round.doubt_of_bursts() + self.early.doubt_of_bursts();
        round.total() >= TELLING && round.ratio() - self.early.ratio() > EXCESS + doubt
    }

    /// The rate of the newest arrivals. While a queue stands, it is what the path carries. Of all spans that end now the slowest counts: acknowledgements that waited
    /// for a host that was busy come together, and a span that begins just before them has more of them than the path delivered in it.
    pub(super) fn rate_of_arrivals(&self, mtu: u64) -> Option<u64> {
        let (longest, (now, delivered)) = (self.recent.front()?, self.recent.back()?);
        let whole = |(_, before): &&(Time, u64)| delivered - before >= TRAIN * mtu;
        let rate = |(began, before): &(Time, u64)| {
            let took = now.since(*began);
            (took >= MIN_ROUND).then(|| per_second(delivered - before, took))
        };
        std::iter::once(longest).chain(self.recent.iter().skip(1).filter(whole)).filter_map(rate).min()
    }

    /// A round is over, and `rate` the highest so far. True if start-up is over: three rounds (two where a rate was known) did not
    /// bring a quarter more, or one lost much more than those before.
    pub(super) fn on_round(&mut self, sample: &RoundSample, rate: u64) -> bool {
        self.jitter = self.jitter_now;
        if rate > self.best + self.best / 4 {
            self.early.add(&sample.tally);
            (self.best, self.flat_rounds) = (rate, 0);
            return false;
        }
        let excess = self.is_excess(&sample.tally);
        self.flat_rounds += u32::from(excess || !sample.limited || self.is_again());
        excess || self.flat_rounds >= if self.is_again() { FLAT_ROUNDS_AGAIN } else { FLAT_ROUNDS }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ack;
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const MTU: u64 = 1_000;

    fn sample(limited: bool, tally: LossTally) -> RoundSample {
        RoundSample { at: Time::ZERO, rate: 0, limited, lowest_rtt: MS, tally }
    }

    #[test]
    fn the_window_triples_and_leaves_in_a_third_of_a_round_trip() {
        let mut startup = Startup::default();
        assert_eq!(startup.cwnd(MTU, 50 * MS, SlowPath::NotSlow), 40_000);
        assert_eq!(startup.pacing_rate(40_000, 50 * MS), 40_000 * 20 * 3);
        startup.on_arrived(40_000);
        assert_eq!(startup.cwnd(MTU, 50 * MS, SlowPath::NotSlow), 120_000);
    }

    #[test]
    fn before_a_full_packet_has_arrived_the_window_is_small() {
        let startup = Startup::default();
        assert_eq!(startup.cwnd(MTU, 900 * MS, SlowPath::Unknown), 14_000);
    }

    #[test]
    fn where_a_rate_is_known_the_window_doubles_from_there() {
        let mut startup = Startup::default();
        startup.on_arrived(40_000);
        startup.begin_again(100_000, 2_000_000, 0.2);
        assert_eq!(startup.cwnd(MTU, 50 * MS, SlowPath::NotSlow), 100_000);
        assert_eq!(startup.pacing_rate(100_000, 50 * MS), 4_000_000);
        startup.on_arrived(100_000);
        assert_eq!(startup.cwnd(MTU, 50 * MS, SlowPath::NotSlow), 200_000);
        assert!(
            !startup.on_round(&sample(false, LossTally::new(80.0, 20.0)), 2_400_000),
            "a fifth was lost before"
        );
        assert!(startup.on_round(&sample(true, LossTally::new(80.0, 20.0)), 2_400_000), "no more came twice");
    }

    #[test]
    fn a_longer_path_begins_at_five_megabits_up_to_a_limit() {
        let startup = Startup::default();
        assert_eq!(startup.cwnd(MTU, 100 * MS, SlowPath::NotSlow), 62_500);
        assert_eq!(startup.cwnd(MTU, 900 * MS, SlowPath::NotSlow), 128_000);
    }

    #[test]
    fn a_slow_path_begins_at_its_rate_and_a_short_queue() {
        let startup = Startup::default();
        for (rate, cwnd) in [(7_000, 4_000), (40_000, 10_000), (1_000_000, 40_000)] {
            assert_eq!(startup.cwnd(MTU, 50 * MS, SlowPath::Rate(rate)), cwnd);
        }
    }

    #[test]
    fn a_train_through_a_queue_shows_the_paths_rate() {
        let mut startup = Startup::default();
        for tick in 1..=8u32 {
            let tick64 = u64::from(tick);
            startup.on_ack(&ack(100 + 4 * tick64, 8_000 * tick64, 0, 50 + 2 * tick64), MTU);
        }
        assert!(startup.sees_queue(50 * MS, true), "8 ms and more");
        assert_eq!(startup.rate_of_arrivals(MTU), Some(2_000_000), "8,000 bytes every 4 ms");
    }

    #[test]
    fn acknowledgements_that_waited_for_their_host_are_no_higher_rate() {
        let (mut startup, mut highest) = (Startup::default(), 0);
        for at in 0..200u64 {
            // Packets of 1 ms; the host looks each 7 ms, then after 4, and finds all that came meanwhile.
            let seen = at / 11 * 11 + if at % 11 < 4 { 4 } else { 11 };
            startup.on_ack(&ack(100 + seen, 2_000 * at, 0, 50), MTU);
            let rate = startup.rate_of_arrivals(MTU).filter(|_| at > 50);
            highest = highest.max(rate.unwrap_or(0));
        }
        assert!((1_700_000..=2_100_000).contains(&highest), "{highest} instead of 2,000,000");
    }

    #[test]
    fn one_late_packet_is_no_queue_and_no_rate() {
        let mut startup = Startup::default();
        for rtt in [50, 50, 90, 90, 90] {
            startup.on_ack(&ack(100, 8_000, 0, rtt), MTU);
        }
        assert!(!startup.sees_queue(50 * MS, true));
        assert_eq!(startup.rate_of_arrivals(MTU), None, "they came at one moment");
    }

    #[test]
    fn jitter_that_was_there_before_is_no_queue() {
        let mut startup = Startup::default();
        for at in 0..50u64 {
            startup.on_ack(&ack(100 + at, 1_000 * at, 0, if at % 2 == 0 { 50 } else { 65 }), MTU);
        }
        startup.on_round(&sample(false, LossTally::default()), 1);
        (50..60).for_each(|at| startup.on_ack(&ack(100 + at, 1_000 * at, 0, 70), MTU));
        assert!(!startup.sees_queue(50 * MS, true));
    }

    #[test]
    fn three_rounds_without_more_end_it_unless_the_application_was_idle() {
        let mut startup = Startup::default();
        assert!(!startup.on_round(&sample(false, LossTally::default()), 1_000));
        assert!(!(0..10).any(|_| startup.on_round(&sample(true, LossTally::default()), 1_000)));
        let ends: Vec<bool> =
            (0..3).map(|_| startup.on_round(&sample(false, LossTally::default()), 1_200)).collect();
        assert_eq!(ends, [false, false, true]);
    }

    #[test]
    fn loss_that_grows_ends_it_and_loss_that_was_there_does_not() {
        let mut startup = Startup::default();
        startup.on_round(&sample(false, LossTally::new(160.0, 40.0)), 1_000);
        assert!(!startup.is_choking(&LossTally::new(156.0, 44.0)), "20 % before, 22 % now");
        assert!(startup.is_choking(&LossTally::new(100.0, 100.0)));
        assert!(!startup.is_choking(&LossTally::new(10.0, 10.0)), "too few to tell");
        assert!(startup.on_round(&sample(false, LossTally::new(100.0, 100.0)), 1_100));
    }
}
