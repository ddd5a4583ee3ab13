//! Loss recovery: which packets arrived, which are lost, when to probe, how much may leave.
//!
//! Loss is told by time (RACK, RFC 8985): a packet is lost when one that left later has arrived and the packet itself
//! has had a round trip and the reordering window to show up. The window follows what the path does: a packet that was
//! thought lost and arrives widens it.

mod arrivals;
#[cfg(test)]
mod tests;

use super::counts::Counts;
use super::ecn::{EcnValidation, PathEcn};
use super::lossiness::Lossiness;
use super::overdraft::Overdraft;
use super::probe_timeout::ProbeTimeout;
use super::reordering::ReorderingWindow;
use super::skipped::Skipped;
use super::{ack, rtt};
use crate::sealed::crypto::random::Random;
use crate::sealed::recovery::congestion::Controller;
use crate::sealed::recovery::pacing::Pacer;
use crate::sealed::recovery::rate::DeliveryRate;
use crate::sealed::recovery::rtt::Rtt;
use crate::sealed::recovery::sent::{Content, Fate, SentLog};
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::ranges::RangeSet;
use crate::time::Time;
use std::ops::Range;
use std::time::Duration;

/// The state of recovery on one path.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// When a packet that had left before the path was taken into use was last acknowledged.
    others_acked_at: Option<Time>,
    /// Packets that left.
    pub(crate) log: SentLog,
    /// The path's round trip.
    pub(crate) rtt: Rtt,
    /// It is told things by way of [`Self::controller_mut`] only.
    controller: Controller,
    pacer: Pacer,
    /// What the controller lets be in flight. `None`: it has learnt something since that was asked.
    cwnd: Option<u64>,
    rate: DeliveryRate,
    mtu: u16,
    /// The highest packet acknowledged.
    largest_acked: Option<u64>,
    reordering: ReorderingWindow,
    loss_due: Option<Time>,
    /// Half of the window or more was in use before the acknowledgement that is being taken in.
    cwnd_limited: bool,
    probes: ProbeTimeout,
    /// When something was last acknowledged.
    acked_at: Time,
    /// When a packet of bulk last came from the peer.
    bulk_came_at: Option<Time>,
    overdraft: Overdraft,
    lossiness: Lossiness,
    skipped: Skipped,
    /// Whether packets carry the ECN bits.
    pub(crate) ecn: EcnValidation,
    /// Packets known to have arrived, as far back as the log.
    acked: RangeSet,
    /// Scratch: what an acknowledgement says for the first time.
    fresh: Vec<Range<u64>>,
    /// Counts for the outside.
    pub(crate) counts: Counts,
}

/// What was learnt of a path.
#[derive(Debug)]
pub(crate) struct RecoveryState {
    rtt: Rtt,
    controller: Controller,
    reordering: ReorderingWindow,
    ecn: PathEcn,
}

/// What a packet that leaves is to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowUse {
    /// Nothing: the peer need not acknowledge it.
    None,
    /// It is part of what the window counts.
    Within,
    /// It is counted, and left though the window was full: see [`Recovery::may_overdraw`].
    Beyond,
}

/// What became of packets, for the owner of their contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketOutcome {
    /// Arrived.
    Acked(u64),
    /// Its contents must go again.
    Lost(u64),
    /// It may well arrive, but nothing is heard: its contents go again, in a probe. Says nothing of the path.
    ProbeRetransmit(u64),
}

impl Recovery {
    /// A fresh path with packets of `mtu` bytes of UDP payload; `random` says which packet numbers are left out.
    pub(crate) fn new(mtu: u16, random: Random) -> Self {
        Self {
            others_acked_at: None,
            log: SentLog::default(),
            rtt: Rtt::default(),
            controller: Controller::new(mtu),
            pacer: Pacer::default(),
            cwnd: None,
            rate: DeliveryRate::default(),
            mtu,
            largest_acked: None,
            reordering: ReorderingWindow::default(),
            loss_due: None,
            cwnd_limited: false,
            probes: ProbeTimeout::default(),
            acked_at: Time::ZERO,
            bulk_came_at: None,
            overdraft: Overdraft::default(),
            lossiness: Lossiness::default(),
            skipped: Skipped::new(random),
            ecn: EcnValidation::default(),
            acked: RangeSet::default(),
            fresh: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Packets have another size from now on.
    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        self.mtu = mtu;
        self.controller_mut().set_mtu(mtu);
    }

    /// The path has changed beneath the link: what was learnt of it is handed out, what is in flight stays. `known`: what is
    /// known of the new one.
    pub(crate) fn switch_path(&mut self, mtu: u16, known: Option<RecoveryState>) -> RecoveryState {
        let tag = self.controller.tag() + 1;
        let next = known.map_or_else(
            || RecoveryState {
                rtt: Rtt::default(),
                controller: Controller::starting_at(mtu, tag),
                reordering: ReorderingWindow::default(),
                ecn: PathEcn::default(),
            },
            |mut known| {
                known.controller.resume_at(tag);
                known
            },
        );
        let old = RecoveryState {
            rtt: std::mem::replace(&mut self.rtt, next.rtt),
            controller: std::mem::replace(self.controller_mut(), next.controller),
            reordering: std::mem::replace(&mut self.reordering, next.reordering),
            ecn: self.ecn.switch_path(self.log.next(), next.ecn),
        };
        self.set_mtu(mtu);
        self.probes.on_path_change();
        old
    }

    /// The path is the same, but what left before may have gone to a port where nobody is any more: its loss says nothing.
    pub(crate) fn on_rebinding(&mut self) {
        self.controller_mut().on_blackout();
        self.probes.on_path_change();
    }

    /// Whether an ack-eliciting packet may leave now: window and pacer allow it, or a probe is due.
    pub(crate) fn may_send(&mut self, now: Time) -> bool {
        self.heed_controller();
        self.is_probing() || self.window_open() && self.pacer.may_send(now, u64::from(self.mtu))
    }

    /// Whether a packet of small messages may leave though the window is full. On a slow path its headers cost more than it gains.
    pub(crate) fn may_overdraw(&self) -> bool {
        let is_full = !self.is_probing() && !self.window_open();
        is_full && self.overdraft.has_room() && !self.controller.is_slow()
    }

    /// This end waited so long for its turn on its own machine.
    pub(crate) const fn on_turn(&mut self, now: Time, wait: Duration) {
        self.controller_mut().on_turn(now, wait);
    }

    /// The congestion controller.
    pub(crate) const fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Whoever tells the controller something does it here: what it answers is another from then on.
    const fn controller_mut(&mut self) -> &mut Controller {
        self.cwnd = None;
        &mut self.controller
    }

    /// Asks the controller, once for all packets until it learns something: its answers are divisions.
    fn heed_controller(&mut self) {
        if self.cwnd.is_none() {
            self.cwnd = Some(self.controller.cwnd());
            let rate = self.controller.pacing_rate(self.rtt.smoothed());
            self.pacer.set_rate(rate, self.controller.burst_allowance(), self.controller.spreads());
        }
    }

    /// Whether the next packet is a probe: it leaves whatever the window says, and small.
    pub(crate) const fn is_probing(&self) -> bool {
        self.probes.is_probing()
    }

    /// Probe time-outs in a row.
    pub(crate) const fn unanswered_probes(&self) -> u32 {
        self.probes.pto_count()
    }

    /// Whether the window leaves room for a packet.
    pub(crate) fn window_open(&self) -> bool {
        self.log.in_flight() < self.cwnd.unwrap_or_else(|| self.controller.cwnd())
    }

    /// When the pacer lets the next packet go.
    pub(crate) fn next_paced(&self) -> Time {
        self.pacer.next(u64::from(self.mtu))
    }

    /// When something was last acknowledged; the beginning of time if nothing was.
    pub(crate) const fn acked_at(&self) -> Time {
        self.acked_at
    }

    /// What the next packet's IP header says.
    pub(crate) const fn outgoing_ecn(&self) -> Ecn {
        self.ecn.outgoing(self.is_probing())
    }

    /// The packet whose contents were noted in the log leaves. `ecn`: what its IP header says.
    pub(crate) fn on_sent(&mut self, now: Time, size: usize, window_use: WindowUse, ecn: Ecn) {
        let (idle, ack_eliciting) = (self.log.in_flight() == 0, window_use != WindowUse::None);
        if idle && self.controller.turns_are_over(now) {
            self.controller_mut().forget_turns();
        }
        let snapshot = self.rate.on_sent(now, idle && ack_eliciting);
        let bytes = u32::try_from(size).unwrap_or(u32::MAX);
        self.log.push(now, bytes, ack_eliciting, self.controller.tag(), snapshot);
        if ecn == Ecn::Capable {
            self.log.mark_last();
            self.ecn.on_sent();
        }
        self.counts.bytes += u64::from(bytes);
        if ack_eliciting {
            self.counts.sent += 1;
            if window_use == WindowUse::Beyond {
                self.log.last_is_beyond_window();
                self.overdraft.on_sent(now, u64::from(bytes));
            }
            // The time-out stays that of what fills the window until something arrives.
            self.probes.on_sent(now, window_use != WindowUse::Beyond);
            self.pacer.on_sent(u64::from(bytes));
        }
        if self.skipped.skips(self.log.next(), self.log.base()) {
            self.log.leave_out(now);
        }
    }

    /// A source of randomness for a successor of this one.
    pub(crate) fn fork_random(&mut self) -> Random {
        self.skipped.fork()
    }

    /// Nothing more to send, though there would be room.
    pub(crate) fn on_app_limited(&mut self) {
        self.rate.on_app_limited(self.log.in_flight());
    }

    /// What was too large for the path says nothing of what it loses (RFC 8899 section 3).
    fn is_mtu_probe(&self, number: u64) -> bool {
        self.log.contents(number).any(|content| matches!(content, Content::MtuProbe(_)))
    }

    fn detect_losses(&mut self, now: Time, outcomes: &mut Vec<PacketOutcome>) {
        self.loss_due = None;
        let Some(largest) = self.largest_acked else { return };
        self.reordering.calm_down(now, &self.rtt);
        let patience = self.rtt.smoothed().max(self.rtt.latest()) + self.reordering.window(&self.rtt);
        let first = outcomes.len();
        self.log.oldest_in_flight(); // moves the start of the walk below
        for (number, packet) in self.log.in_flight_below(largest) {
            let due = packet.sent + patience;
            if due > now {
                self.loss_due = Some(due);
                break;
            }
            outcomes.push(PacketOutcome::Lost(number));
        }
        for outcome in &outcomes[first..] {
            let PacketOutcome::Lost(number) = *outcome else { continue };
            let Some(packet) = self.log.get(number) else { continue };
            let (phase, ecn_capable) = (packet.phase, packet.ecn_capable);
            let before = number.checked_sub(1).and_then(|before| self.log.get(before));
            let in_row = before.is_some_and(|packet| packet.fate == Fate::Lost);
            self.overdraft.on_gone(packet.overdrawn());
            self.log.set_fate(number, Fate::Lost);
            if self.is_mtu_probe(number) {
                continue;
            }
            self.controller_mut().on_packet_lost(phase, in_row);
            if ecn_capable {
                self.ecn.on_lost(number);
            }
            self.counts.lost += 1;
            self.lossiness.on_lost();
        }
    }

    /// When [`Recovery::on_timeout`] is due.
    pub(crate) fn timeout(&self) -> Time {
        if let Some(due) = self.loss_due {
            return due;
        }
        if self.log.in_flight_packets() == 0 { Time::NEVER } else { self.pto_deadline() }
    }

    fn pto_deadline(&self) -> Time {
        let slow = self.controller.time_if_slow(self.log.in_flight());
        self.probes.deadline(self.rtt.probe_timeout(ack::MAX_DELAY) + slow)
    }

    /// Time passed: packets may be lost, or a probe due. A probe sends the oldest contents in flight once more.
    pub(crate) fn on_timeout(&mut self, now: Time, outcomes: &mut Vec<PacketOutcome>) {
        if let Some(due) = self.loss_due {
            if due <= now {
                self.detect_losses(now, outcomes);
            }
            return;
        }
        if self.log.in_flight_packets() == 0 || now < self.pto_deadline() {
            return;
        }
        self.counts.timeouts += 1;
        if self.probes.expire(now, self.controller.is_slow()) {
            self.controller_mut().on_blackout();
            self.ecn.on_blackout(self.log.next());
        }
        self.log.oldest_in_flight(); // moves the start of the walk below
        let (older, count) = self.probes.repeats(self.log.in_flight_packets());
        let again = self.log.in_flight_below(self.log.next()).skip(older).take(count);
        outcomes.extend(again.map(|(number, _)| PacketOutcome::ProbeRetransmit(number)));
    }

    /// How much later than its neighbours a packet may come before it counts as lost.
    pub(crate) fn reordering(&self) -> Duration {
        self.reordering.window(&self.rtt)
    }

    /// Whether what must not wait is worth a second copy: the path has lost packets of late, or some come so late that the copy may
    /// well be there before. On a slow path no copy is.
    pub(crate) fn deserves_copies(&self) -> bool {
        let uncertain = self.lossiness.is_lossy() || self.reordering.is_heavy(&self.rtt);
        uncertain && !self.controller.is_slow()
    }

    /// Whether the path counts as dead: probes went unanswered.
    pub(crate) const fn is_dead(&self) -> bool {
        self.probes.is_dead()
    }

    /// Forgets packets that no longer matter; a lost one may still show up for two round trips.
    pub(crate) fn forget(&mut self, now: Time) {
        let patience = self.rtt.smoothed() * 3 + rtt::INITIAL_RTT;
        self.log.forget(now.before(patience));
        self.acked.remove_below(self.log.base());
    }
}
