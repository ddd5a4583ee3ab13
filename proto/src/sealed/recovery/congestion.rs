//! How fast to send: a model of the path's rate, its delay and its random loss.
//!
//! The rate is what was delivered over whole round trips; the delay is the lowest seen. What sets this controller apart
//! is what it makes of loss. Loss that comes whatever the rate (radio, a bad cable, a policy that drops at random) is
//! no sign of a full queue, so it is paid for: packets leave at the delivered rate divided by the share that survives.
//! Loss that grows with the rate (a full queue, a policer) is a limit. The two are told apart by experiment: every
//! cycle has a phase at three quarters of the rate, and only what is lost there as well counts as random loss.
//!
//! The phases are those of BBR (draft-cardwell-iccrg-bbr-congestion-control): start-up, drain, then cycles of up, down
//! and cruise. Design, reasons and what was tried: `docs/congestion.md`.

mod ack_aggregation;
mod ack_event;
mod bandwidth_drop;
mod ceiling;
mod delay_window;
mod limits;
mod loss;
mod max_bandwidth;
mod phase;
mod queue;
mod recent;
mod round;
mod slow_path;
mod startup;
#[cfg(test)]
mod tests;
mod turns;

use crate::time::Time;
use ack_aggregation::AckAggregation;
pub(crate) use ack_event::{AckEvent, Newest};
use bandwidth_drop::BandwidthDrop;
use ceiling::{Arrived, Ceiling};
use delay_window::{DISORDER, DelayWindow};
use limits::MIN_PACKETS;
use loss::{LossTally, Losses};
use max_bandwidth::MaxBandwidth;
use phase::{Phase, ProbeCycles};
use queue::QueueEstimate;
use round::{Round, RoundSample};
use slow_path::SlowPath;
use startup::Startup;
use std::time::Duration;
use turns::Turns;

/// Rounds of cruise between two looks. Shorter finds new rate sooner, longer disturbs less.
const CRUISE_ROUNDS: u32 = 6;

/// The same where a look disturbs nobody: nothing was lost and no queue stood since the last one began. A path that became ten times faster is then full
/// within ten rounds.
const CLEAN_CRUISE_ROUNDS: u32 = 2;

/// Random loss of less than this is none.
const LOSSLESS: f64 = 0.001;

/// Rounds of down at the most, where the queue does not empty: it is not ours then.
const DOWN_ROUNDS: u32 = 3;

/// The same where it must show whether losses are random, with as few packets in a round as there may be.
const JUDGING_ROUNDS: u32 = 12;

/// Rounds of drain at the most: what was in flight when start-up ended has long arrived.
const DRAIN_ROUNDS: u32 = 4;

/// What of a rate is doubted, as its divisor, where a round overflowed something at less than it because there was not more to send. Who waits
/// for what was dropped has no more to send: without that a rate that start-up has measured too high would stay for ever.
const OVERFLOW_PART: u64 = 8;

/// A look that finds at least this part of what it asked for has met no limit. Rates of rounds differ by some per cent where packets are lost.
const ALL_OF_IT: f64 = 0.8;

/// Packets of a round that can tell that.
const TELLING_ROUND: f64 = 20.0;

/// Packets of a round of bulk. Of a few messages one that is late would pass for a queue, and their rate for the path's.
const BULK_ROUND: f64 = 50.0;

/// The controller of one path.
#[derive(Debug)]
pub(crate) struct Controller {
    phase: Phase,
    phase_rounds: u32,
    phase_began: Time,
    /// When something was last acknowledged.
    now: Time,
    cycles: ProbeCycles,
    mtu: u64,
    min_rtt: Duration,
    /// How much later than others packets come on average.
    late: Duration,
    startup: Startup,
    max_bandwidth: MaxBandwidth,
    aggregation: AckAggregation,
    turns: Turns,
    round: Round,
    queue: QueueEstimate,
    bandwidth_drop: BandwidthDrop,
    losses: Losses,
    slow_path: SlowPath,
    /// There was no start-up, because a packet has shown that the path is slow.
    skipped_startup: bool,
    delay_window: DelayWindow,
    /// The rate from before a look for more.
    rate_before: u64,
    /// Looks in a row that found more.
    probe_up_streak: u32,
    /// The last round lost more than random loss explains: the queue overflows.
    overflows: bool,
    /// Since the last look began nothing was lost, and no queue stood.
    is_alone: bool,
    /// What marks of the path leave of the window.
    ceiling: Ceiling,
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
            phase_rounds: 0,
            phase_began: Time::ZERO,
            now: Time::ZERO,
            cycles: ProbeCycles::starting_at(tag),
            mtu: u64::from(mtu),
            min_rtt: Duration::ZERO,
            late: Duration::ZERO,
            startup: Startup::default(),
            max_bandwidth: MaxBandwidth::default(),
            aggregation: AckAggregation::default(),
            turns: Turns::default(),
            round: Round::default(),
            queue: QueueEstimate::default(),
            bandwidth_drop: BandwidthDrop::default(),
            losses: Losses::default(),
            delay_window: DelayWindow::default(),
            slow_path: SlowPath::default(),
            skipped_startup: false,
            rate_before: 0,
            probe_up_streak: 0,
            overflows: false,
            is_alone: false,
            ceiling: Ceiling::default(),
        }
    }

    /// Packets have another size from now on.
    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        self.mtu = u64::from(mtu);
    }

    /// The tag for packets that leave now.
    pub(crate) const fn tag(&self) -> u32 {
        self.cycles.newest()
    }

    /// The highest delivered rate of the last rounds, bytes a second; 0 before the first round.
    pub(crate) fn rate(&self) -> u64 {
        self.max_bandwidth.rate()
    }

    /// Random loss: the share of packets that the path loses whatever the rate, 0..=0.5.
    pub(crate) const fn random_loss(&self) -> f64 {
        self.losses.own()
    }

    /// A packet with `tag` and of `bytes` arrived. `cwnd_limited`: the window was in use.
    pub(crate) fn on_packet_acked(&mut self, tag: u32, bytes: u64, cwnd_limited: bool) {
        if self.phase == Phase::Startup && cwnd_limited {
            self.startup.on_arrived(bytes);
        }
        self.count(tag, &LossTally::ARRIVED);
    }

    /// A packet with `tag` was lost. `in_row`: so was the one before it.
    pub(crate) fn on_packet_lost(&mut self, tag: u32, in_row: bool) {
        self.count(tag, if in_row { &LossTally::LOST_IN_ROW } else { &LossTally::LOST });
    }

    /// A packet with `tag` that was thought lost arrived after all.
    pub(crate) fn on_spurious(&mut self, tag: u32) {
        self.count(tag, &LossTally::SPURIOUS);
    }

    /// This end waited so long for its turn on its own machine.
    pub(crate) const fn on_turn(&mut self, now: Time, wait: Duration) {
        self.turns.on_turn(now, wait);
    }

    /// Whether what was said of turns was said too long ago to count.
    pub(crate) fn turns_are_over(&self, now: Time) -> bool {
        self.turns.are_over(now)
    }

    /// This end waits for no turn until the next is noted.
    pub(crate) fn forget_turns(&mut self) {
        self.turns = Turns::default();
    }

    /// Packets of the acknowledgement that is being taken in carry the mark of a queue on the path.
    pub(crate) const fn on_marked(&mut self) {
        self.ceiling.on_marked();
    }

    /// The path does not keep marks as they are: those there were mean nothing.
    pub(crate) fn disregard_marks(&mut self) {
        self.ceiling.disregard();
    }

    /// Whether packets with `tag` left since this path is in use.
    pub(crate) const fn is_own(&self, tag: u32) -> bool {
        self.cycles.are_own(tag)
    }

    fn count(&mut self, tag: u32, packet: &LossTally) {
        if !self.cycles.counts(tag) {
            return;
        }
        self.round.tally.add(packet);
        match self.cycles.phase(tag) {
            Some(Phase::Down | Phase::Drain) => self.losses.add_low(packet),
            Some(Phase::Cruise) => self.losses.add_full(packet),
            Some(Phase::Startup | Phase::Up) | None => {}
        }
    }

    /// The path is dead: what is in flight will be lost, and that says nothing about its rate.
    pub(crate) fn on_blackout(&mut self) {
        let phase = if self.phase == Phase::Startup { Phase::Startup } else { Phase::Cruise };
        self.enter(phase);
        self.cycles.forget_earlier();
        self.round.excuse();
        self.bandwidth_drop.forget();
    }

    /// The path is used again after another one was: packets that left meanwhile have tags below `tag`, and say nothing.
    pub(crate) fn resume_at(&mut self, tag: u32) {
        self.cycles.resume_at(tag);
        self.delay_window = DelayWindow::default();
        self.on_blackout();
    }

    /// Takes in an acknowledgement.
    pub(crate) fn on_ack(&mut self, ack: &AckEvent) {
        (self.now, self.min_rtt, self.late) = (ack.now, ack.min_rtt, ack.late);
        self.aggregation.on_ack(ack.now, ack.delivered, self.rate(), self.mtu);
        self.slow_path.on_ack(ack, self.turns.are_long());
        if self.phase == Phase::Startup {
            self.skip_startup_if_slow();
        } else if self.skipped_startup && !self.is_slow() {
            self.start_up_after_all();
        }
        if self.phase != Phase::Startup || self.startup.is_again() {
            self.heed_queue(ack);
        }
        match self.phase {
            Phase::Startup | Phase::Drain => self.look_ahead(ack),
            Phase::Up | Phase::Down => self.startup.on_round_trip(ack),
            Phase::Cruise => {}
        }
        self.heed_marks(ack);
        if self.phase == Phase::Drain && ack.in_flight as f64 <= self.bdp() {
            self.end_drain();
        }
        let Some(sample) = self.round.on_ack(ack) else { return };
        self.phase_rounds += 1;
        self.ceiling.on_round(self.window(), self.mtu);
        self.aggregation.on_round();
        self.losses.judge();
        if let Some(sample) = sample {
            self.queue.on_round(sample.lowest_rtt, ack.min_rtt);
            self.overflows = self.losses.is_excess(&sample.tally);
            self.is_alone &= sample.tally.lost() < 1.0 && !self.queue.stands();
            self.note_rate(&sample);
            self.advance(&sample);
        }
    }

    /// Where a packet has shown that few pass in a second there is nothing to start up to.
    fn skip_startup_if_slow(&mut self) {
        if let Some(rate) = self.slow_rate() {
            self.max_bandwidth.raise(rate);
            self.losses.begin_with(self.startup.early());
            self.skipped_startup = true;
            self.enter(Phase::Cruise);
        }
    }

    /// More arrives than that packet has shown: it was late for another reason, or the path is another one now.
    fn start_up_after_all(&mut self) {
        self.skipped_startup = false;
        self.slow_path = SlowPath::Rate(self.rate());
        self.startup = Startup::default();
        self.delay_window = DelayWindow::default();
        self.enter(Phase::Startup);
    }

    /// Start-up measures with each acknowledgement, and ends as soon as it has built a queue or overflows one. A queue
    /// that stands while we send little is not ours: it may be of bulk on the way back, which delays acknowledgements, and
    /// the rate of a few small messages would be taken for that of the path.
    fn look_ahead(&mut self, ack: &AckEvent) {
        if let Some(sample) = ack.sample.filter(|sample| !sample.app_limited || sample.rate > self.rate()) {
            self.max_bandwidth.raise(sample.rate);
        }
        self.startup.on_ack(ack, self.mtu);
        let over = self.phase == Phase::Startup
            && (ack.cwnd_limited && self.startup.sees_queue(ack.min_rtt, true)
                || self.startup.is_choking(&self.round.tally)
                || self.startup.is_again() && self.delay_window.cwnd().is_some());
        if (over || self.phase == Phase::Drain && self.startup.sees_queue(ack.min_rtt, false))
            && let Some(rate) = self.startup.rate_of_arrivals(self.mtu)
        {
            self.max_bandwidth.raise(rate);
        }
        if over {
            self.end_startup();
        }
    }

    /// Where this end waits for its turn, a round trip says when it was looked, and nothing of a queue: a single wait is enough not to see one, and
    /// no reason to forget one. But few packets are a queue on a slow path whatever else there is.
    fn heed_queue(&mut self, ack: &AckEvent) {
        let is_slow = self.is_slow();
        let is_seen = self.delay_window.cwnd().is_some();
        let waits = if is_seen { !self.turns.wait().is_zero() } else { self.turns.are_long() };
        if !is_slow && waits {
            self.delay_window.leave();
        } else {
            self.delay_window.on_ack(ack, self.mtu, is_slow);
        }
    }

    /// A queue that says that it grows ends start-up, as one that overflows does.
    fn heed_marks(&mut self, ack: &AckEvent) {
        let prior_delivered = ack.sample.map_or(0, |sample| sample.prior_delivered);
        let arrived = Arrived { prior_delivered, delivered: ack.delivered, in_flight: ack.in_flight };
        // Each acknowledgement comes here, few with a mark: only for these is the window worked out.
        let window = if self.ceiling.is_marked() { self.cwnd() } else { 0 };
        let is_lowered = self.ceiling.on_ack(arrived, window, MIN_PACKETS * self.mtu);
        if is_lowered && self.phase == Phase::Startup {
            if let Some(rate) = self.startup.rate_of_arrivals(self.mtu) {
                self.max_bandwidth.raise(rate);
            }
            self.end_startup();
        }
    }

    fn end_startup(&mut self) {
        self.losses.begin_with(self.startup.early());
        self.enter(Phase::Drain);
    }

    /// A rate that the application held down only counts if it is higher than what is known, or if even the shortest round trip of a round of
    /// bulk met a queue of our own: then the path had enough to do. A queue that overflowed had that for a part of the round.
    fn note_rate(&mut self, sample: &RoundSample) {
        let known = self.rate();
        let had_enough = sample.tally.total() >= BULK_ROUND && self.queue.is_own();
        if sample.limited && sample.rate < known && !had_enough {
            if self.overflows {
                self.max_bandwidth.push(sample.rate.max(known - known / OVERFLOW_PART));
            }
            return;
        }
        self.max_bandwidth.push(sample.rate);
        let full = match self.phase {
            Phase::Cruise => self.phase_rounds >= 2,
            Phase::Up => true,
            Phase::Startup | Phase::Drain | Phase::Down => false,
        };
        // A round trip with a wait for our turn in it is no long queue, and what a single round brings between two turns is chance.
        let choked = self.queue.is_choked() && !self.turns.are_long();
        if full && let Some(rounds) = self.bandwidth_drop.on_round(sample, known, choked) {
            self.max_bandwidth.keep(rounds);
            self.losses.forget();
            self.rate_before = self.rate();
            self.enter(Phase::Down);
        }
    }

    fn advance(&mut self, sample: &RoundSample) {
        match self.phase {
            Phase::Startup => {
                if self.startup.on_round(sample, self.max_bandwidth.rate()) {
                    self.end_startup();
                }
            }
            Phase::Drain if self.phase_rounds >= DRAIN_ROUNDS => self.end_drain(),
            Phase::Drain => {}
            Phase::Up if self.may_be_late() => {}
            Phase::Up => self.enter(Phase::Down),
            Phase::Down if self.is_judging(sample) => {}
            Phase::Down => self.look_back(sample),
            Phase::Cruise if self.phase_rounds >= self.cruise_rounds() => {
                self.probe_up_streak = 0;
                self.look_up();
            }
            Phase::Cruise => {}
        }
    }

    /// Rounds until the next look.
    fn cruise_rounds(&self) -> u32 {
        let rounds =
            if self.is_alone && self.losses.own() < LOSSLESS { CLEAN_CRUISE_ROUNDS } else { CRUISE_ROUNDS };
        // Not all at the same time: others on the path may count as we do.
        rounds + self.cycles.newest() % 3
    }

    /// Start-up may have ended on a false alarm: the first look up comes soon.
    fn end_drain(&mut self) {
        self.enter(Phase::Cruise);
        self.phase_rounds = CRUISE_ROUNDS - 2;
    }

    /// Whether down must go on until it has shown what becomes of packets that leave slowly. Without that a rate that random loss has
    /// lowered would be lowered again, as what is lost of the packets of the new one is not paid for. Where a queue stands it is what overflows.
    fn is_judging(&self, sample: &RoundSample) -> bool {
        let is_told = !self.queue.stands() && self.late < self.min_rtt / DISORDER;
        self.phase_rounds < JUDGING_ROUNDS && is_told && self.losses.is_unclear(&sample.tally)
    }

    fn look_up(&mut self) {
        self.is_alone = true;
        self.rate_before = self.rate();
        self.enter(Phase::Up);
    }

    /// The round of down shows what came of the packets of up: a rate well above the one before is worth another look
    /// at once, a bolder one. One that met no limit at all is worth start-up.
    fn look_back(&mut self, sample: &RoundSample) {
        if self.found_all(sample) {
            return self.start_up_again();
        }
        let more = self.rate() > self.rate_before + self.rate_before / 8;
        let is_late = self.may_be_late();
        if (is_late || self.phase_rounds == 1) && more && !self.queue.is_own() {
            self.probe_up_streak += 1;
            return self.look_up();
        }
        if !is_late && !self.queue.is_own() || self.phase_rounds >= DOWN_ROUNDS {
            self.queue.after_slowing_down();
            self.enter(Phase::Cruise);
        }
    }

    /// Whether a look got all that it asked for, and met nobody: the path may have become much faster. Where packets are late or come in turns,
    /// a round is no such proof.
    fn found_all(&self, sample: &RoundSample) -> bool {
        let gain = Phase::Up.gain(self.probe_up_streak, false);
        let all = self.rate_before as f64 * (1.0 + (gain - 1.0) * ALL_OF_IT);
        let is_free = !self.queue.stands() && !self.overflows && !self.ceiling.is_low();
        let is_even = self.late.is_zero() && !self.turns.are_long();
        let is_telling = !sample.limited && sample.tally.total() >= TELLING_ROUND;
        let has_model = self.delay_window.cwnd().is_none() && !self.is_slow();
        self.phase_rounds == 1 && self.rate() as f64 >= all && is_free && is_even && is_telling && has_model
    }

    /// Start-up from what is known on: no more than the BDP is certain to find room.
    fn start_up_again(&mut self) {
        self.startup.begin_again(limits::whole(self.bdp()), self.rate(), self.losses.own());
        self.enter(Phase::Startup);
    }

    /// Whether packets that left when the phase began may still be on their way, because others overtook them.
    fn may_be_late(&self) -> bool {
        !self.late.is_zero() && self.now.since(self.phase_began) < self.min_rtt + 2 * self.late
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.phase_rounds = 0;
        self.phase_began = self.now;
        self.cycles.begin(phase);
    }
}
