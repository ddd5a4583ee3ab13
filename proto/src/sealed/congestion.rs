//! How fast to send: a model of the path's rate, its delay and its own losses.
//!
//! The rate is what was delivered over whole round trips; the delay is the lowest seen. What sets this controller apart
//! is what it makes of loss. Loss that comes whatever the rate (radio, a bad cable, a policy that drops at random) is
//! no sign of a full queue, so it is paid for: packets leave at the delivered rate divided by the share that survives.
//! Loss that grows with the rate (a full queue, a policer) is a limit. The two are told apart by experiment: every
//! cycle has a phase at three quarters of the rate, and only what is lost there as well counts as the path's own.
//!
//! The phases are those of BBR (draft-cardwell-iccrg-bbr-congestion-control): start-up, drain, then cycles of up, down
//! and cruise.

use super::rate;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Start-up sends this much faster than what was delivered: 2/ln 2, the least that doubles every round (BBR).
const STARTUP_GAIN: f64 = 2.885;

/// Drain undoes in one round what start-up put into the queue.
const DRAIN_GAIN: f64 = 1.0 / STARTUP_GAIN;

/// Up looks for more rate; a quarter more builds a queue of a quarter of a round trip where there is none (BBR).
const UP_GAIN: f64 = 1.25;

/// Down empties that queue, and measures the loss at a rate that the path certainly carries.
const DOWN_GAIN: f64 = 0.75;

/// Rounds of cruise between two looks. Shorter finds new rate sooner, longer disturbs less.
const CRUISE_ROUNDS: u32 = 6;

/// The window, in products of rate and lowest delay: one is on the way, one pays for acknowledgements that come late
/// or in clumps (BBR).
const WINDOW_GAIN: f64 = 2.0;

/// Before anything is known: 32 packets. RFC 6928 allows 10; a link is one for all its streams, as a browser's six
/// connections of 10 are.
const INITIAL_PACKETS: u64 = 32;

/// Never fewer: four packets keep acknowledgements coming (BBR).
const MIN_PACKETS: u64 = 4;

/// Rounds that the highest delivered rate counts: a whole cycle and a bit.
const RATE_ROUNDS: usize = 10;

/// A round no shorter than this: on loopback a round trip is shorter than one time slice of the scheduler, and a rate
/// measured over less says who was asleep, not what the path carries.
const MIN_ROUND: Duration = Duration::from_millis(4);

/// The most loss that is paid for. Beyond half, a path is broken, and mistakes double the load.
const MAX_COMPENSATED: f64 = 0.5;

/// Packets over which loss is averaged.
const LOSS_MEMORY: f64 = 2_000.0;

/// A queue of our own shorter than this is left alone: a wake-up of a busy machine takes as long.
const QUEUE_TARGET: Duration = Duration::from_millis(4);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Startup,
    Drain,
    Up,
    Down,
    Cruise,
}

/// Packets that arrived and that were lost, older ones counting less.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    arrived: f64,
    lost: f64,
}

impl Tally {
    fn add(&mut self, arrived: f64, lost: f64) {
        self.arrived += arrived;
        self.lost = (self.lost + lost).max(0.0);
        if self.total() > LOSS_MEMORY {
            self.arrived /= 2.0;
            self.lost /= 2.0;
        }
    }

    fn total(&self) -> f64 {
        self.arrived + self.lost
    }

    /// The share that is lost, 0..=1.
    fn ratio(&self) -> f64 {
        if self.total() < 1.0 { 0.0 } else { self.lost / self.total() }
    }
}

/// What one acknowledgement told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckEvent {
    /// When it came.
    pub(crate) now: Time,
    /// The newest round-trip sample.
    pub(crate) rtt: Duration,
    /// The lowest of the last seconds.
    pub(crate) min_rtt: Duration,
    /// The rate sample, where there is one.
    pub(crate) sample: Option<rate::Sample>,
    /// UDP payload bytes delivered so far.
    pub(crate) delivered: u64,
    /// UDP payload bytes in flight after it.
    pub(crate) in_flight: u64,
}

/// The controller of one path.
#[derive(Debug)]
pub(crate) struct Controller {
    phase: Phase,
    /// Rises with each change of phase; packets carry it.
    epoch: u32,
    /// The phase of the packets of recent epochs, oldest first.
    epochs: VecDeque<(u32, Phase)>,
    mtu: u64,
    min_rtt: Option<Duration>,
    /// Delivered bytes a second of the last rounds, newest last.
    rates: VecDeque<u64>,
    round: Round,
    phase_rounds: u32,
    /// Start-up: the rate to beat, and rounds that did not.
    full_rate: u64,
    full_rounds: u32,
    /// Rounds in a row far below the rate.
    slow_rounds: u32,
    low: Tally,
    level: Tally,
    /// Share of packets that the path loses whatever the rate.
    own_loss: f64,
    /// Packets of this epoch and before left into a dead path: their loss says nothing.
    blind_before: u32,
}

/// One round: from one moment until what left then has been acknowledged.
#[derive(Debug, Default)]
struct Round {
    began: Time,
    delivered: u64,
    /// It ends when a packet arrives that left after this many bytes had been delivered.
    ends_at: u64,
    app_limited: bool,
    lowest_rtt: Option<Duration>,
    /// Queueing delay of the last whole round: its lowest round trip above the path's.
    queue: Duration,
}

impl Controller {
    /// A controller for a path with packets of `mtu` bytes of UDP payload.
    pub(crate) fn new(mtu: u16) -> Self {
        Self::starting_at(mtu, 0)
    }

    /// A controller for a new path under a link whose last controller gave its packets tags below `tag`.
    pub(crate) fn starting_at(mtu: u16, tag: u32) -> Self {
        Self {
            phase: Phase::Startup,
            epoch: tag,
            epochs: VecDeque::from([(tag, Phase::Startup)]),
            mtu: u64::from(mtu),
            min_rtt: None,
            rates: VecDeque::new(),
            round: Round::default(),
            phase_rounds: 0,
            full_rate: 0,
            full_rounds: 0,
            slow_rounds: 0,
            low: Tally::default(),
            level: Tally::default(),
            own_loss: 0.0,
            blind_before: tag,
        }
    }

    /// Packets have another size from now on.
    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        self.mtu = u64::from(mtu);
    }

    /// The tag for packets that leave now.
    pub(crate) const fn tag(&self) -> u32 {
        self.epoch
    }

    /// The highest delivered rate of the last rounds, bytes a second; 0 before the first round.
    pub(crate) fn rate(&self) -> u64 {
        self.rates.iter().copied().max().unwrap_or(0)
    }

    /// The share of packets that the path loses whatever the rate, 0..=0.5.
    pub(crate) const fn own_loss(&self) -> f64 {
        self.own_loss
    }

    /// A packet with `tag` arrived.
    pub(crate) fn on_packet_acked(&mut self, tag: u32) {
        self.count(tag, 1.0, 0.0);
    }

    /// A packet with `tag` was lost.
    pub(crate) fn on_packet_lost(&mut self, tag: u32) {
        self.count(tag, 0.0, 1.0);
    }

    /// A packet with `tag` that was thought lost arrived after all.
    pub(crate) fn on_spurious(&mut self, tag: u32) {
        self.count(tag, 1.0, -1.0);
    }

    fn count(&mut self, tag: u32, arrived: f64, lost: f64) {
        if tag < self.blind_before {
            return;
        }
        match self.epochs.iter().rev().find(|(epoch, _)| *epoch == tag).map(|(_, phase)| phase) {
            Some(Phase::Down | Phase::Drain) => self.low.add(arrived, lost),
            Some(Phase::Cruise) => self.level.add(arrived, lost),
            Some(Phase::Startup | Phase::Up) | None => {}
        }
    }

    /// The path is dead: what is in flight will be lost, and that says nothing about its rate.
    pub(crate) fn on_blackout(&mut self) {
        let phase = if self.rate() == 0 { Phase::Startup } else { Phase::Cruise };
        self.enter(phase);
        self.blind_before = self.epoch;
        self.round.app_limited = true;
        self.slow_rounds = 0;
    }

    /// Takes in an acknowledgement.
    pub(crate) fn on_ack(&mut self, ack: &AckEvent) {
        self.min_rtt = Some(ack.min_rtt);
        let lowest = self.round.lowest_rtt.get_or_insert(ack.rtt);
        *lowest = ack.rtt.min(*lowest);
        let Some(sample) = ack.sample else { return };
        self.round.app_limited |= sample.app_limited;
        let took = ack.now.since(self.round.began);
        if sample.prior_delivered >= self.round.ends_at && took >= MIN_ROUND {
            self.end_round(ack, took);
        }
    }

    fn end_round(&mut self, ack: &AckEvent, took: Duration) {
        let bytes = u128::from(ack.delivered - self.round.delivered);
        let rate = u64::try_from(bytes * 1_000_000_000 / took.as_nanos().max(1)).unwrap_or(u64::MAX);
        let first = self.round.began == Time::ZERO;
        let limited = self.round.app_limited;
        let lowest = self.round.lowest_rtt.take().unwrap_or(ack.rtt);
        self.round = Round {
            began: ack.now,
            delivered: ack.delivered,
            ends_at: ack.delivered,
            app_limited: false,
            lowest_rtt: None,
            queue: lowest.saturating_sub(ack.min_rtt),
        };
        if !first {
            self.note_rate(rate, limited);
        }
        self.phase_rounds += 1;
        self.advance(limited, ack.in_flight);
    }

    /// A rate that the application held down only counts if it is higher than what is known.
    fn note_rate(&mut self, rate: u64, limited: bool) {
        let known = self.rate();
        if limited && rate < known {
            return;
        }
        self.rates.push_back(rate);
        if self.rates.len() > RATE_ROUNDS {
            self.rates.pop_front();
        }
        // A path that became slower shows at once: three rounds far below the rate are no accident.
        self.slow_rounds = if rate < known / 4 * 3 { self.slow_rounds + 1 } else { 0 };
        if self.slow_rounds >= 3 && self.phase != Phase::Startup {
            let keep = self.rates.len().saturating_sub(3);
            self.rates.drain(..keep);
            self.slow_rounds = 0;
            (self.low, self.level) = (Tally::default(), Tally::default());
        }
    }

    fn advance(&mut self, limited: bool, in_flight: u64) {
        match self.phase {
            Phase::Startup => self.look_for_the_top(limited),
            Phase::Drain => {
                if in_flight as f64 <= self.product() || self.phase_rounds >= 4 {
                    self.enter(Phase::Cruise);
                }
            }
            Phase::Up => {
                let grew = self.rate() > self.full_rate + self.full_rate / 8;
                self.full_rate = self.rate().max(self.full_rate);
                if !grew && self.phase_rounds >= 2 || self.round.queue > self.queue_limit() {
                    self.enter(Phase::Down);
                }
            }
            Phase::Down => {
                if in_flight as f64 <= self.product() || self.phase_rounds >= 3 {
                    self.judge_loss();
                    self.enter(Phase::Cruise);
                }
            }
            Phase::Cruise => {
                if self.phase_rounds >= CRUISE_ROUNDS {
                    self.full_rate = self.rate();
                    self.enter(Phase::Up);
                }
            }
        }
    }

    /// Start-up is over when three rounds did not bring a quarter more (BBR).
    fn look_for_the_top(&mut self, limited: bool) {
        if limited {
            return;
        }
        if self.rate() > self.full_rate + self.full_rate / 4 {
            self.full_rate = self.rate();
            self.full_rounds = 0;
            return;
        }
        self.full_rounds += 1;
        if self.full_rounds >= 3 {
            self.enter(Phase::Drain);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.phase_rounds = 0;
        self.epoch += 1;
        self.epochs.push_back((self.epoch, phase));
        if self.epochs.len() > 32 {
            self.epochs.pop_front();
        }
    }

    /// Compares what survives at the full rate with what survives at three quarters of it. Where the lower rate saves
    /// nothing, the loss is the path's own.
    fn judge_loss(&mut self) {
        if self.low.total() < 20.0 {
            return;
        }
        let (low, level) = (self.low.ratio(), self.level.ratio());
        let both = (self.low.lost + self.level.lost) / (self.low.total() + self.level.total());
        // Three standard deviations of the smaller sample, and losses come in bursts: twice that.
        let doubt = 6.0 * (both * (1.0 - both) / self.low.total().min(self.level.total().max(1.0))).sqrt();
        let own = if level - low <= doubt.min(0.1) { both } else { low };
        self.own_loss = own.min(MAX_COMPENSATED);
    }

    /// The queue of our own that ends a look for more.
    fn queue_limit(&self) -> Duration {
        (self.min_rtt.unwrap_or_default() / 8).max(QUEUE_TARGET)
    }

    fn gain(&self) -> f64 {
        match self.phase {
            Phase::Startup => STARTUP_GAIN,
            Phase::Drain => DRAIN_GAIN,
            Phase::Up => UP_GAIN,
            Phase::Down => DOWN_GAIN,
            Phase::Cruise if self.round.queue > self.queue_limit() => 0.95,
            Phase::Cruise => 1.0,
        }
    }

    /// Bytes to send for each byte that is to arrive.
    fn price(&self) -> f64 {
        1.0 / (1.0 - self.own_loss)
    }

    /// Rate times lowest delay: what is on its way when the path is full and its queues are empty, with what it loses.
    fn product(&self) -> f64 {
        let delay = self.min_rtt.unwrap_or_default();
        self.rate() as f64 * self.price() * delay.as_secs_f64()
    }

    /// How many bytes may be in flight.
    pub(crate) fn window(&self) -> u64 {
        if self.rates.is_empty() {
            return INITIAL_PACKETS * self.mtu;
        }
        let gain = if self.phase == Phase::Startup { STARTUP_GAIN } else { WINDOW_GAIN };
        // What gathers while a busy machine does not wake us is no queue of the path.
        let late = self.rate() as f64 * MIN_ROUND.as_secs_f64() / 2.0;
        let window = whole(self.product() * gain + late) + 3 * self.mtu;
        if self.phase == Phase::Startup {
            window.max(INITIAL_PACKETS * self.mtu)
        } else {
            window.max(MIN_PACKETS * self.mtu)
        }
    }

    /// How fast packets may leave, in bytes a second of UDP payload.
    pub(crate) fn pacing_rate(&self, smoothed_rtt: Duration) -> u64 {
        if self.rates.is_empty() {
            let window = (INITIAL_PACKETS * self.mtu) as f64;
            return whole(window * STARTUP_GAIN / smoothed_rtt.as_secs_f64().max(1e-4));
        }
        whole(self.rate() as f64 * self.gain() * self.price()).max(self.mtu)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate or size below 2^53; the cast saturates"
)]
fn whole(value: f64) -> u64 {
    value as u64
}
