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

mod loss;
mod top;

use super::rate;
use crate::time::Time;
use loss::{Losses, Tally};
use std::collections::VecDeque;
use std::time::Duration;
use top::Top;

/// Start-up sends this much faster than what was delivered: 2/ln 2, the least that doubles every round (BBR).
const STARTUP_GAIN: f64 = 2.885;

/// Drain undoes in one round what start-up put into the queue.
const DRAIN_GAIN: f64 = 1.0 / STARTUP_GAIN;

/// Up looks for more rate; a quarter more builds a queue of a quarter of a round trip where there is none (BBR).
const UP_GAIN: f64 = 1.25;

/// Each look that found more makes the next one this much bolder, up to [`MAX_UP_GAIN`].
const UP_STEP: f64 = 0.25;

/// The boldest look: doubling, as TCP's slow start does.
const MAX_UP_GAIN: f64 = 2.0;

/// Down empties that queue, and measures the loss at a rate that the path certainly carries.
const DOWN_GAIN: f64 = 0.75;

/// Cruise with a queue of our own in the way: lets it go, slowly, until the next down.
const EASE_GAIN: f64 = 0.95;

/// Rounds of cruise between two looks. Shorter finds new rate sooner, longer disturbs less.
const CRUISE_ROUNDS: u32 = 6;

/// Rounds of down at the most, where the queue does not empty: it is not ours then.
const DOWN_ROUNDS: u32 = 3;

/// The window, in products of rate and lowest delay: one is on the way, one pays for acknowledgements that come late
/// or in clumps (BBR).
const WINDOW_GAIN: f64 = 2.0;

/// Before anything is known: 40 packets, over most of a round trip. RFC 6928 allows 10; a link is one for all its streams, as a browser's six
/// connections of 10 are.
const INITIAL_PACKETS: u64 = 40;

/// Start-up's window grows by this much for each byte that arrives: it triples in a round trip, as the rate would if
/// it were known at once.
const OPENING_STEP: u64 = 2;

/// Start-up's window leaves in two thirds of a round trip, so that pacing is not what holds it back.
const OPENING_PACE: f64 = 1.2;

/// Never fewer: 16 packets keep acknowledgements coming where a burst of losses takes ten of them.
const MIN_PACKETS: u64 = 16;

/// A round no shorter than this: on loopback a round trip is shorter than one time slice of the scheduler, and a rate
/// measured over less says who was asleep, not what the path carries.
const MIN_ROUND: Duration = Duration::from_millis(10);

/// What a busy machine does not wake us for; the window has room for it.
const LATE: Duration = Duration::from_millis(2);

/// Rates must stay low for this long before the path counts as slower: short rounds may just have been slept through.
const SLOW_FOR: Duration = Duration::from_millis(200);

/// A queue of our own shorter than this is left alone: a wake-up of a busy machine takes as long.
const QUEUE_TARGET: Duration = Duration::from_millis(4);

/// Loss beyond the path's own by this much is a limit: a full queue or a policer.
const EXCESS: f64 = 0.08;

/// Packets of one round before their loss is compared with that of others.
const TELLING: f64 = 50.0;

/// The most loss that start-up pays for: what it sees may be its own doing.
const MAX_EARLY: f64 = 0.3;

/// Round trips of which the lowest tells the queue in start-up: enough that one late packet does not.
const RECENT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Startup,
    Drain,
    Up,
    Down,
    Cruise,
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
    /// The mean deviation of round trips.
    pub(crate) variation: Duration,
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
    top: Top,
    round: Round,
    phase_rounds: u32,
    /// The rate to beat: of the best round of start-up, or from before a look for more.
    full_rate: u64,
    /// Start-up: rounds that did not beat it.
    full_rounds: u32,
    /// Looks in a row that found more.
    climbs: u32,
    /// Rounds in a row far below the rate, and the end of the last one that was not.
    slow_rounds: u32,
    slow_since: Time,
    /// Queueing delay of the last whole round: its lowest round trip above the path's.
    queue: Duration,
    /// Of that, what did not go away when we slowed down: the queue of others.
    foreign: Duration,
    /// Start-up's window before rates say more: it grows by what arrives.
    opening: u64,
    /// The mean deviation of round trips when the round began.
    jitter: Duration,
    /// The newest round trips of start-up.
    recent: VecDeque<Duration>,
    losses: Losses,
    /// Loss of start-up before its last round.
    early: Tally,
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
    tally: Tally,
}

/// What a whole round showed.
#[derive(Clone, Copy, Debug)]
struct Finding {
    /// When it ended.
    at: Time,
    /// Bytes a second.
    rate: u64,
    /// The application, not the path, may have kept it low.
    limited: bool,
    tally: Tally,
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
            top: Top::default(),
            round: Round::default(),
            phase_rounds: 0,
            full_rate: 0,
            full_rounds: 0,
            climbs: 0,
            slow_rounds: 0,
            slow_since: Time::ZERO,
            queue: Duration::ZERO,
            foreign: Duration::ZERO,
            opening: INITIAL_PACKETS * u64::from(mtu),
            jitter: Duration::ZERO,
            recent: VecDeque::new(),
            losses: Losses::default(),
            early: Tally::default(),
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
        self.top.rate()
    }

    /// The share of packets that the path loses whatever the rate, 0..=0.5.
    pub(crate) const fn own_loss(&self) -> f64 {
        self.losses.own()
    }

    /// A packet with `tag` and of `bytes` arrived. `busy`: the window was in use.
    pub(crate) fn on_packet_acked(&mut self, tag: u32, bytes: u64, busy: bool) {
        if self.phase == Phase::Startup && busy {
            self.opening += bytes * OPENING_STEP;
        }
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
        self.round.tally.add(arrived, lost);
        match self.epochs.iter().rev().find(|(epoch, _)| *epoch == tag).map(|(_, phase)| phase) {
            Some(Phase::Down | Phase::Drain) => self.losses.add_low(arrived, lost),
            Some(Phase::Cruise) => self.losses.add_full(arrived, lost),
            Some(Phase::Startup | Phase::Up) | None => {}
        }
    }

    /// The path is dead: what is in flight will be lost, and that says nothing about its rate.
    pub(crate) fn on_blackout(&mut self) {
        let phase = if self.phase == Phase::Startup { Phase::Startup } else { Phase::Cruise };
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
        if self.phase == Phase::Startup {
            self.look_ahead(ack, &sample);
        }
        if self.phase == Phase::Drain && ack.in_flight as f64 <= self.product() {
            self.end_drain();
        }
        let took = ack.now.since(self.round.began);
        if sample.prior_delivered >= self.round.ends_at && took >= MIN_ROUND {
            self.end_round(ack, took);
        }
    }

    /// Start-up grows with each acknowledgement, and ends as soon as it has built a queue.
    fn look_ahead(&mut self, ack: &AckEvent, sample: &rate::Sample) {
        if !sample.app_limited || sample.rate > self.rate() {
            self.top.raise(sample.rate);
        }
        self.recent.push_back(ack.rtt);
        if self.recent.len() <= RECENT {
            return;
        }
        self.recent.pop_front();
        let lowest = self.recent.iter().min().copied().unwrap_or_default();
        if lowest.saturating_sub(ack.min_rtt) > self.startup_queue() {
            self.end_startup();
        }
    }

    fn end_startup(&mut self) {
        self.losses.begin_with(&self.early);
        self.enter(Phase::Drain);
    }

    fn end_round(&mut self, ack: &AckEvent, took: Duration) {
        let bytes = u128::from(ack.delivered - self.round.delivered);
        let first = self.round.began == Time::ZERO;
        let finding = Finding {
            at: ack.now,
            rate: u64::try_from(bytes * 1_000_000_000 / took.as_nanos().max(1)).unwrap_or(u64::MAX),
            limited: self.round.app_limited,
            tally: self.round.tally,
        };
        let lowest = self.round.lowest_rtt.unwrap_or(ack.rtt);
        self.queue = lowest.saturating_sub(ack.min_rtt);
        self.round =
            Round { began: ack.now, delivered: ack.delivered, ends_at: ack.delivered, ..Round::default() };
        self.jitter = ack.variation;
        self.phase_rounds += 1;
        self.losses.judge();
        if !first {
            self.note_rate(&finding);
            self.advance(&finding);
        }
    }

    /// A rate that the application held down only counts if it is higher than what is known.
    fn note_rate(&mut self, finding: &Finding) {
        let known = self.rate();
        if finding.limited && finding.rate < known {
            return;
        }
        self.top.push(finding.rate);
        // A path that became slower shows at once: three rounds far below the rate are no accident, nor is one in
        // which a queue of more than a round trip stands.
        let full = match self.phase {
            Phase::Cruise => self.phase_rounds >= 2,
            Phase::Up => true,
            Phase::Startup | Phase::Drain | Phase::Down => return,
        };
        let slow = full && finding.rate < known / 4 * 3;
        if !slow {
            self.slow_since = finding.at;
        }
        self.slow_rounds = if slow { self.slow_rounds + 1 } else { 0 };
        let choked = slow && self.queue > self.min_rtt.unwrap_or_default().max(QUEUE_TARGET * 4);
        if self.slow_rounds >= 3 && finding.at.since(self.slow_since) >= SLOW_FOR || choked {
            self.top.keep(if choked { 1 } else { 3 });
            self.slow_rounds = 0;
            self.losses.forget();
            self.full_rate = self.rate();
            self.enter(Phase::Down);
        }
    }

    fn advance(&mut self, finding: &Finding) {
        match self.phase {
            Phase::Startup => self.look_for_the_top(finding),
            Phase::Drain => {
                if self.phase_rounds >= 4 {
                    self.end_drain();
                }
            }
            Phase::Up => self.enter(Phase::Down),
            Phase::Down => self.look_back(),
            Phase::Cruise => {
                if self.phase_rounds >= CRUISE_ROUNDS + self.epoch % 3 {
                    self.climbs = 0;
                    self.look_up();
                }
            }
        }
    }

    /// Start-up may have ended on a false alarm: the first look up comes soon.
    fn end_drain(&mut self) {
        self.enter(Phase::Cruise);
        self.phase_rounds = CRUISE_ROUNDS - 2;
    }

    fn look_up(&mut self) {
        self.full_rate = self.rate();
        self.enter(Phase::Up);
    }

    /// The round of down shows what came of the packets of up: a rate well above the one before is worth another look
    /// at once, a bolder one.
    fn look_back(&mut self) {
        if self.phase_rounds == 1 && self.rate() > self.full_rate + self.full_rate / 8 && !self.has_queue() {
            self.climbs += 1;
            return self.look_up();
        }
        let emptied = !self.has_queue();
        if emptied || self.phase_rounds >= DOWN_ROUNDS {
            self.foreign = if emptied { Duration::ZERO } else { self.queue };
            self.enter(Phase::Cruise);
        }
    }

    /// Start-up is over when three rounds did not bring a quarter more (BBR), or one in which much more was lost than
    /// in those before.
    fn look_for_the_top(&mut self, finding: &Finding) {
        let excess = finding.tally.total() >= TELLING
            && finding.tally.ratio() - self.early.ratio()
                > EXCESS + finding.tally.doubt() + self.early.doubt();
        if self.rate() > self.full_rate + self.full_rate / 4 {
            self.early.add(finding.tally.arrived(), finding.tally.lost());
            self.full_rate = self.rate();
            self.full_rounds = 0;
            return;
        }
        if finding.limited && !excess {
            return;
        }
        self.full_rounds += 1;
        if self.full_rounds >= 3 || excess {
            self.end_startup();
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

    /// Whether a queue of our own stands in the way.
    fn has_queue(&self) -> bool {
        self.queue > self.foreign + (self.min_rtt.unwrap_or_default() / 8).max(QUEUE_TARGET)
    }

    /// The queue that ends start-up.
    fn startup_queue(&self) -> Duration {
        (self.min_rtt.unwrap_or_default() / 8).max(QUEUE_TARGET * 2) + self.jitter * 3
    }

    fn gain(&self) -> f64 {
        match self.phase {
            Phase::Startup => STARTUP_GAIN,
            Phase::Drain => DRAIN_GAIN,
            Phase::Up => (UP_GAIN + UP_STEP * f64::from(self.climbs)).min(MAX_UP_GAIN),
            Phase::Down => DOWN_GAIN,
            Phase::Cruise if self.has_queue() => EASE_GAIN,
            Phase::Cruise => 1.0,
        }
    }

    /// Bytes to send for each byte that is to arrive.
    fn price(&self) -> f64 {
        let own =
            if self.phase == Phase::Startup { self.early.ratio().min(MAX_EARLY) } else { self.own_loss() };
        1.0 / (1.0 - own)
    }

    /// Rate times lowest delay: what is on its way when the path is full and its queues are empty, with what it loses.
    fn product(&self) -> f64 {
        let delay = self.min_rtt.unwrap_or_default();
        self.rate() as f64 * self.price() * delay.as_secs_f64()
    }

    /// How many bytes may be in flight.
    pub(crate) fn window(&self) -> u64 {
        if self.phase == Phase::Startup {
            return whole(self.product() * STARTUP_GAIN).max(self.opening);
        }
        // What gathers while a busy machine does not wake us is no queue of the path.
        let late = self.rate() as f64 * LATE.as_secs_f64();
        let window = whole(self.product() * WINDOW_GAIN + late) + 3 * self.mtu;
        window.max(MIN_PACKETS * self.mtu)
    }

    /// How fast packets may leave, in bytes a second of UDP payload.
    pub(crate) fn pacing_rate(&self, smoothed_rtt: Duration) -> u64 {
        let known = self.rate() as f64 * self.gain() * self.price();
        if self.phase == Phase::Startup {
            let opening = self.opening as f64 / smoothed_rtt.as_secs_f64().max(1e-4);
            return whole(known.max(opening * OPENING_PACE));
        }
        whole(known).max(self.mtu)
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
