//! How fast to send: a model of the path's rate, its delay and its own losses.
//!
//! The rate is what was delivered over whole round trips; the delay is the lowest seen. What sets this controller apart
//! is what it makes of loss. Loss that comes whatever the rate (radio, a bad cable, a policy that drops at random) is
//! no sign of a full queue, so it is paid for: packets leave at the delivered rate divided by the share that survives.
//! Loss that grows with the rate (a full queue, a policer) is a limit. The two are told apart by experiment: every
//! cycle has a phase at three quarters of the rate, and only what is lost there as well counts as the path's own.
//!
//! The phases are those of BBR (draft-cardwell-iccrg-bbr-congestion-control): start-up, drain, then cycles of up, down
//! and cruise. Design, reasons and what was tried: `docs/congestion.md`.

mod clumps;
mod loss;
mod phase;
mod queue;
mod round;
mod slower;
mod startup;
#[cfg(test)]
mod tests;
mod top;

use crate::sealed::recovery::rate;
use crate::time::Time;
use clumps::Clumps;
use loss::Losses;
use phase::{Epochs, Phase};
use queue::Queue;
use round::{Finding, Round};
use slower::Slower;
use startup::Startup;
use std::time::Duration;
use top::Top;

/// Rounds of cruise between two looks. Shorter finds new rate sooner, longer disturbs less.
const CRUISE_ROUNDS: u32 = 6;

/// Rounds of down at the most, where the queue does not empty: it is not ours then.
const DOWN_ROUNDS: u32 = 3;

/// Rounds of drain at the most: what was in flight when start-up ended has long arrived.
const DRAIN_ROUNDS: u32 = 4;

/// The window, in products of rate and lowest delay: one is on the way, one pays for acknowledgements that come late
/// or in clumps (BBR).
const WINDOW_GAIN: f64 = 2.0;

/// The same after a round that lost more than the path's own: others and we fill the queue together, and whoever sees it
/// overflow asks for less of it. Of two links at once and of a link beside BBR it halves what is dropped.
const FULL_WINDOW_GAIN: f64 = 1.25;

/// Never fewer: 16 packets keep acknowledgements coming where a burst of losses takes ten of them.
const MIN_PACKETS: u64 = 16;

/// What a busy machine does not wake us for; the window has room for it.
const LATE: Duration = Duration::from_millis(2);

/// What leaves in this time is kept ready: a client that is asked for more may be asleep, too.
const READY: Duration = Duration::from_millis(50);

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
    /// Half of the window or more was in use before it.
    pub(crate) busy: bool,
}

/// The controller of one path.
#[derive(Debug)]
pub(crate) struct Controller {
    phase: Phase,
    phase_rounds: u32,
    epochs: Epochs,
    mtu: u64,
    min_rtt: Duration,
    startup: Startup,
    top: Top,
    clumps: Clumps,
    round: Round,
    queue: Queue,
    slower: Slower,
    losses: Losses,
    /// The rate from before a look for more.
    rate_before: u64,
    /// Looks in a row that found more.
    climbs: u32,
    /// The last round lost more than the path's own: the queue overflows.
    overflows: bool,
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
            epochs: Epochs::starting_at(tag),
            mtu: u64::from(mtu),
            min_rtt: Duration::ZERO,
            startup: Startup::default(),
            top: Top::default(),
            clumps: Clumps::default(),
            round: Round::default(),
            queue: Queue::default(),
            slower: Slower::default(),
            losses: Losses::default(),
            rate_before: 0,
            climbs: 0,
            overflows: false,
        }
    }

    /// Packets have another size from now on.
    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        self.mtu = u64::from(mtu);
    }

    /// The tag for packets that leave now.
    pub(crate) const fn tag(&self) -> u32 {
        self.epochs.newest()
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
            self.startup.on_arrived(bytes);
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
        if !self.epochs.counts(tag) {
            return;
        }
        self.round.tally.add(arrived, lost);
        match self.epochs.phase(tag) {
            Some(Phase::Down | Phase::Drain) => self.losses.add_low(arrived, lost),
            Some(Phase::Cruise) => self.losses.add_full(arrived, lost),
            Some(Phase::Startup | Phase::Up) | None => {}
        }
    }

    /// The path is dead: what is in flight will be lost, and that says nothing about its rate.
    pub(crate) fn on_blackout(&mut self) {
        let phase = if self.phase == Phase::Startup { Phase::Startup } else { Phase::Cruise };
        self.enter(phase);
        self.epochs.forget_earlier();
        self.round.excuse();
        self.slower.forget();
    }

    /// The path is used again after another one was: packets that left meanwhile have tags below `tag`, and say nothing.
    pub(crate) fn resume_at(&mut self, tag: u32) {
        self.epochs.resume_at(tag);
        self.on_blackout();
    }

    /// Takes in an acknowledgement.
    pub(crate) fn on_ack(&mut self, ack: &AckEvent) {
        self.min_rtt = ack.min_rtt;
        self.clumps.on_ack(ack.now, ack.delivered, self.rate(), self.mtu);
        if matches!(self.phase, Phase::Startup | Phase::Drain) {
            self.look_ahead(ack);
        }
        if self.phase == Phase::Drain && ack.in_flight as f64 <= self.product() {
            self.end_drain();
        }
        let Some(finding) = self.round.on_ack(ack) else { return };
        self.phase_rounds += 1;
        self.clumps.on_round();
        self.losses.judge();
        if let Some(finding) = finding {
            self.queue.on_round(finding.lowest_rtt, ack.min_rtt);
            self.overflows = self.losses.is_excess(&finding.tally);
            self.note_rate(&finding);
            self.advance(&finding);
        }
    }

    /// Start-up measures with each acknowledgement, and ends as soon as it has built a queue or overflows one. A queue
    /// that stands while we send little is not ours: it may be of bulk on the way back, which delays acknowledgements, and
    /// the rate of a few small messages would be taken for that of the path.
    fn look_ahead(&mut self, ack: &AckEvent) {
        if let Some(sample) = ack.sample.filter(|sample| !sample.app_limited || sample.rate > self.rate()) {
            self.top.raise(sample.rate);
        }
        self.startup.on_ack(ack, self.mtu);
        let over = self.phase == Phase::Startup
            && (ack.busy && self.startup.sees_queue(ack.min_rtt, true)
                || self.startup.is_choking(&self.round.tally));
        if (over || self.phase == Phase::Drain && self.startup.sees_queue(ack.min_rtt, false))
            && let Some(rate) = self.startup.rate_of_arrivals()
        {
            self.top.raise(rate);
        }
        if over {
            self.end_startup();
        }
    }

    fn end_startup(&mut self) {
        self.losses.begin_with(self.startup.early());
        self.enter(Phase::Drain);
    }

    /// A rate that the application held down only counts if it is higher than what is known.
    fn note_rate(&mut self, finding: &Finding) {
        let known = self.rate();
        if finding.limited && finding.rate < known {
            return;
        }
        self.top.push(finding.rate);
        let full = match self.phase {
            Phase::Cruise => self.phase_rounds >= 2,
            Phase::Up => true,
            Phase::Startup | Phase::Drain | Phase::Down => false,
        };
        if full && let Some(rounds) = self.slower.on_round(finding, known, self.queue.is_choked()) {
            self.top.keep(rounds);
            self.losses.forget();
            self.rate_before = self.rate();
            self.enter(Phase::Down);
        }
    }

    fn advance(&mut self, finding: &Finding) {
        match self.phase {
            Phase::Startup => {
                if self.startup.on_round(finding, self.top.rate()) {
                    self.end_startup();
                }
            }
            Phase::Drain if self.phase_rounds >= DRAIN_ROUNDS => self.end_drain(),
            Phase::Drain => {}
            Phase::Up => self.enter(Phase::Down),
            Phase::Down => self.look_back(),
            // Not all at the same time: others on the path may count as we do.
            Phase::Cruise if self.phase_rounds >= CRUISE_ROUNDS + self.epochs.newest() % 3 => {
                self.climbs = 0;
                self.look_up();
            }
            Phase::Cruise => {}
        }
    }

    /// Start-up may have ended on a false alarm: the first look up comes soon.
    fn end_drain(&mut self) {
        self.enter(Phase::Cruise);
        self.phase_rounds = CRUISE_ROUNDS - 2;
    }

    fn look_up(&mut self) {
        self.rate_before = self.rate();
        self.enter(Phase::Up);
    }

    /// The round of down shows what came of the packets of up: a rate well above the one before is worth another look
    /// at once, a bolder one.
    fn look_back(&mut self) {
        let more = self.rate() > self.rate_before + self.rate_before / 8;
        if self.phase_rounds == 1 && more && !self.queue.is_own() {
            self.climbs += 1;
            return self.look_up();
        }
        if !self.queue.is_own() || self.phase_rounds >= DOWN_ROUNDS {
            self.queue.after_slowing_down();
            self.enter(Phase::Cruise);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.phase_rounds = 0;
        self.epochs.begin(phase);
    }

    /// Bytes to send for each byte that is to arrive.
    fn price(&self) -> f64 {
        1.0 / (1.0 - self.own_loss())
    }

    /// Rate times lowest delay: what is on its way when the path is full and its queues are empty, with what it loses.
    fn product(&self) -> f64 {
        self.rate() as f64 * self.price() * self.min_rtt.as_secs_f64()
    }

    /// Bytes worth keeping ready to be sent: what leaves in [`READY`]. No limit in start-up, whose rate is not known.
    pub(crate) fn ready(&self) -> u64 {
        if self.phase == Phase::Startup {
            return u64::MAX;
        }
        whole(self.rate() as f64 * self.price() * READY.as_secs_f64())
    }

    /// How many bytes may be in flight.
    pub(crate) fn window(&self) -> u64 {
        if self.phase == Phase::Startup {
            return self.startup.window(self.mtu, self.min_rtt);
        }
        // What gathers while a busy machine does not wake us is no queue of the path.
        let late = self.rate() as f64 * LATE.as_secs_f64();
        let gain = if self.overflows { FULL_WINDOW_GAIN } else { WINDOW_GAIN };
        let window = whole(self.product() * gain + late) + 3 * self.mtu;
        window.max(MIN_PACKETS * self.mtu).max(self.at_once())
    }

    /// Bytes that may leave at once, whatever the rate: two clumps. None where the queue overflows, and none in start-up, whose
    /// window does not come from the rate.
    pub(crate) fn at_once(&self) -> u64 {
        if self.overflows || self.phase == Phase::Startup { 0 } else { 2 * self.clumps.largest(self.rate()) }
    }

    /// How fast packets may leave, in bytes a second of UDP payload.
    pub(crate) fn pacing_rate(&self, smoothed_rtt: Duration) -> u64 {
        if self.phase == Phase::Startup {
            return self.startup.pacing_rate(self.mtu, self.min_rtt, smoothed_rtt);
        }
        let gain = self.phase.gain(self.climbs, self.queue.is_own());
        whole(self.rate() as f64 * gain * self.price()).max(self.mtu)
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
