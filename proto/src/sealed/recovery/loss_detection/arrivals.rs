//! What an acknowledgement says: packets that arrived, and what that teaches of the path.

use super::{PacketOutcome, Recovery};
use crate::sealed::recovery::ack;
use crate::sealed::recovery::congestion::{AckEvent, Newest};
use crate::sealed::recovery::ecn::Verdict;
use crate::sealed::recovery::sent::Fate;
use crate::sealed::wire::frame::Ack;
use crate::time::Time;
use std::time::Duration;

/// A packet from the peer with this much in it is one of bulk.
const BULK: usize = 1_000;

/// For so long the peer then counts as sending bulk: the slowest paths that are of use pass a packet in that time.
const BULK_LASTS: Duration = Duration::from_secs(1);

impl Recovery {
    /// Whether `ack` names packets that were never sent. Only a peer that does not wait for what it acknowledges does.
    pub(crate) fn is_optimistic(&self, ack: &Ack<'_>) -> bool {
        ack.largest() >= self.log.next() || ack.ranges().any(|range| self.skipped.meets(&range))
    }

    /// Takes in an acknowledgement; appends what became of packets to `outcomes`.
    pub(crate) fn on_ack(&mut self, now: Time, ack: &Ack<'_>, outcomes: &mut Vec<PacketOutcome>) {
        let mut newest = None;
        self.cwnd_limited = self.log.in_flight() * 2 >= self.controller.cwnd();
        let mut fresh = std::mem::take(&mut self.fresh);
        for range in ack.ranges() {
            // Each acknowledgement repeats the ones before: what is known is skipped range by range.
            fresh.extend(self.acked.gaps_in(self.log.held(range)));
        }
        for range in fresh.drain(..) {
            self.acked.insert(range.clone());
            for number in range {
                if self.on_packet_acked(now, number, outcomes) {
                    newest = newest.max(Some(number));
                }
            }
        }
        self.fresh = fresh;
        self.handle_marks(newest > self.largest_acked);
        self.largest_acked = self.largest_acked.max(newest);
        let Some(newest) = newest else { return };
        self.acked_at = now;
        self.probes.on_ack(self.overdraft.last_sent());
        let own = self.log.get(newest).filter(|packet| self.controller.is_own(packet.phase));
        let sample = own.filter(|_| newest == ack.largest()).map(|packet| now.since(packet.sent));
        let (says_something, usual) = (own.is_some(), self.rtt.usual());
        if let Some(sample) = sample {
            self.rtt.update(now, sample, ack.delay().min(ack::MAX_DELAY));
        }
        self.detect_losses(now, outcomes);
        let event = self.ack_event(now, newest, sample, usual);
        if says_something {
            self.controller_mut().on_ack(&event);
        }
    }

    /// What the controller is told of an acknowledgement. `newest`: the highest packet that it names for the first time, which took `sample`
    /// if it is the highest of all; `usual`: the usual round trip before it.
    fn ack_event(&mut self, now: Time, newest: u64, sample: Option<Duration>, usual: Duration) -> AckEvent {
        AckEvent {
            now,
            rtt: sample.unwrap_or_else(|| self.rtt.latest()),
            rtt_is_new: sample.is_some(),
            min_rtt: self.rtt.lowest(),
            usual_rtt: usual,
            late: self.reordering.mean(),
            sample: self.rate.sample(self.rtt.lowest()),
            delivered: self.rate.delivered(),
            in_flight: self.log.in_flight(),
            newest: self.of_this_path(now, newest),
            cwnd_limited: self.cwnd_limited,
            peer_sends_bulk: self.bulk_came_at.is_some_and(|at| now.since(at) < BULK_LASTS),
        }
    }

    /// What the controller is told of packet `number`, which arrived; nothing if packets that left for another path were acknowledged meanwhile.
    fn of_this_path(&self, now: Time, number: u64) -> Option<Newest> {
        let packet =
            self.log.get(number).filter(|packet| self.others_acked_at.is_none_or(|at| at < packet.sent))?;
        let flight_began = packet.snapshot.first_sent_at;
        let is_first_flight = packet.snapshot.nothing_was_acked();
        Some(Newest {
            bytes: u64::from(packet.size),
            took: now.since(packet.sent),
            with: self.rate.delivered() - packet.snapshot.delivered,
            spread: if is_first_flight { packet.sent.since(flight_began) } else { Duration::ZERO },
        })
    }

    /// A packet with `bytes` of frames that has to be acknowledged came from the peer.
    pub(crate) fn on_received(&mut self, now: Time, bytes: usize) {
        if bytes >= BULK {
            self.bulk_came_at = Some(now);
        }
    }

    /// What the peer said of marks, with an acknowledgement that names a higher packet or not.
    fn handle_marks(&mut self, in_order: bool) {
        match self.ecn.on_ack(in_order) {
            Verdict::Silent => {}
            Verdict::Marked(packets) => {
                self.counts.marked += packets;
                self.controller_mut().on_marked();
            }
            Verdict::Unusable => self.controller_mut().disregard_marks(),
        }
    }

    /// True if the packet was not known to have arrived.
    fn on_packet_acked(&mut self, now: Time, number: u64, outcomes: &mut Vec<PacketOutcome>) -> bool {
        let Some(packet) = self.log.get(number) else { return false };
        let (fate, sent, size, phase, snapshot) =
            (packet.fate, packet.sent, u64::from(packet.size), packet.phase, packet.snapshot);
        let ecn_capable = packet.ecn_capable;
        let overtaken = self.largest_acked.is_some_and(|largest| number < largest);
        let mut thought_lost = false;
        match fate {
            Fate::Acked | Fate::NotAckEliciting => return false,
            Fate::InFlight => {
                self.overdraft.on_gone(packet.overdrawn());
                let cwnd_limited = self.cwnd_limited;
                self.controller_mut().on_packet_acked(phase, size, cwnd_limited);
            }
            // Its loss was not counted either.
            Fate::Lost if self.is_mtu_probe(number) => {}
            Fate::Lost => {
                self.counts.spurious += 1;
                self.controller_mut().on_spurious(phase);
                thought_lost = true;
            }
        }
        if !self.controller.is_own(phase) {
            self.others_acked_at = Some(now);
        }
        self.reordering.on_arrived(now, now.since(sent), &self.rtt, overtaken, thought_lost);
        self.log.set_fate(number, Fate::Acked);
        if ecn_capable {
            self.ecn.on_acked(number);
        }
        self.lossiness.on_arrived();
        self.rate.on_acked(now, sent, size, snapshot);
        outcomes.push(PacketOutcome::Acked(number));
        true
    }
}
