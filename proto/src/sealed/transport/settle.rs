//! What becomes of the packets that left: arrived or lost, their contents are settled with their owners.

use super::{Event, Transport};
use crate::sealed::recovery::loss_detection::PacketOutcome;
use crate::sealed::recovery::sent::Content;
use crate::sealed::streams::announce::Announce;
use crate::sealed::streams::send_state::SendState;
use crate::time::Time;

impl Transport {
    /// Tells the owners of packets' contents what became of them.
    pub(super) fn settle(&mut self, now: Time, outcomes: &mut Vec<PacketOutcome>) {
        for outcome in outcomes.drain(..) {
            let (PacketOutcome::Acked(number)
            | PacketOutcome::Lost(number)
            | PacketOutcome::ProbeRetransmit(number)) = outcome;
            for at in self.recovery.log.places(number) {
                let Some(content) = self.recovery.log.content(at).cloned() else { break };
                match outcome {
                    PacketOutcome::Acked(_) => self.on_arrived(&content),
                    PacketOutcome::Lost(_) => self.on_lost(now, &content),
                    PacketOutcome::ProbeRetransmit(_) => self.probe_with(now, &content),
                }
            }
            let packet = self.recovery.log.get(number).map(|packet| (packet.size, packet.sent));
            let hole = match (outcome, packet) {
                (PacketOutcome::Acked(_), Some((size, _))) => self.mtu.on_acked(now, size),
                (PacketOutcome::Lost(_), Some((size, sent))) => self.mtu.on_lost(now, size, sent),
                (PacketOutcome::ProbeRetransmit(_), _) | (_, None) => false,
            };
            if hole {
                self.recovery.set_mtu(self.mtu.current());
            }
        }
        self.recovery.forget(now);
        self.streams.count_written();
        self.take_window();
        self.notify_memory();
    }

    fn on_arrived(&mut self, content: &Content) {
        if let Content::MtuProbe(size) = content {
            self.mtu.on_probe_acked(*size);
            return self.recovery.set_mtu(self.mtu.current());
        }
        let Some((key, stream, pools)) = content.stream().and_then(|id| self.streams.find(id)) else {
            return;
        };
        match content {
            Content::Data { range, fin, .. } => {
                let was_delivered = stream.send.state == SendState::DataRecvd;
                stream.send.on_acked(range.clone(), *fin, &mut pools.send);
                if stream.send.state == SendState::DataRecvd && !was_delivered && stream.flow.is_none() {
                    self.events.push_back(Event::Delivered(stream.id));
                }
                if stream.send.held() == 0 {
                    self.on_holds_nothing(key);
                }
            }
            Content::Reset(_) => stream.send.state.on_reset_acked(),
            Content::Open(_) => {
                stream.opening.open().into_iter().for_each(Announce::on_acked);
                stream.target = Vec::new();
            }
            Content::Opened(_) => stream.opening.opened().into_iter().for_each(Announce::on_acked),
            Content::Credit(_) | Content::LinkCredit | Content::MtuProbe(_) | Content::Datagrams(_) => {
                return;
            }
        }
        self.close_if_over(key);
    }

    fn on_lost(&mut self, now: Time, content: &Content) {
        match content {
            Content::MtuProbe(size) => self.mtu.on_probe_lost(*size),
            Content::Datagrams(count) => self.on_datagrams_lost(*count),
            Content::Open(_)
            | Content::Opened(_)
            | Content::Data { .. }
            | Content::Reset(_)
            | Content::Credit(_)
            | Content::LinkCredit => self.send_again(now, content),
        }
    }

    /// The second probe of a time-out may be the only one that arrives: what the first has said goes in it as well.
    pub(super) fn say_oldest_again(&mut self, now: Time) {
        let log = &self.recovery.log;
        let Some((number, _)) = log.in_flight_below(log.next()).next() else { return };
        for at in log.places(number) {
            let Some(content) = self.recovery.log.content(at).cloned() else { return };
            self.probe_with(now, &content);
        }
    }

    /// A probe says this again. To a peer that has not heard of the stream its bytes are of no use: what announces it goes with them.
    fn probe_with(&mut self, now: Time, content: &Content) {
        if let Content::Data { id, .. } = content {
            self.send_again(now, &Content::Open(*id));
        }
        self.send_again(now, content);
    }

    fn send_again(&mut self, now: Time, content: &Content) {
        self.link_credit_due |= *content == Content::LinkCredit;
        let Some((key, stream, _)) = content.stream().and_then(|id| self.streams.find(id)) else { return };
        match content {
            Content::Data { range, fin, .. } => {
                stream.send.on_lost(range.clone(), *fin);
                return self.wake(now, key);
            }
            Content::Open(_) => stream.opening.open().into_iter().for_each(Announce::on_lost),
            Content::Opened(_) => stream.opening.opened().into_iter().for_each(Announce::on_lost),
            Content::Reset(_) => stream.send.state.on_reset_lost(),
            Content::Credit(_) => stream.due.credit = true,
            Content::LinkCredit | Content::MtuProbe(_) | Content::Datagrams(_) => {}
        }
        self.queue_control(key);
    }
}
