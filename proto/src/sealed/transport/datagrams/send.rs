//! Datagrams that go out.

use super::Transport;
use crate::sealed::handshake::terms::Features;
use crate::sealed::recovery::sent::Content;
use crate::sealed::streams::datagram_queue::cost_of;
use crate::sealed::streams::framing::{self, MAX_DATAGRAM};
use crate::sealed::wire::frame::{self, Frame, StreamId};
use crate::sealed::wire::packet::OVERHEAD;
use crate::sealed::wire::varint::Writer;
use crate::time::Time;
use std::time::Duration;

/// How long a datagram waits to be sent where the round trip is shorter: what a queue may hold for a while without harm
/// (INTERVAL of RFC 8289 section 3.2).
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// How long a datagram waits for the frame that opens its flow, which may have to wait for a handshake. A name server is asked again
/// after five seconds (resolv.conf(5)).
const OPENING_PATIENCE: Duration = Duration::from_secs(3);

/// Framed bytes of a flow that wait to be sent, at the most: two of the largest datagrams. They are the stream's, which drops none.
const MOST_FRAMED: u64 = 128 * 1024;

/// Why a datagram was dropped at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatagramRefused {
    /// There is no such flow, or this side has finished or reset it, or the peer has reset it.
    #[error("the flow is not open")]
    NotOpen,
    /// The peer does not know flows.
    #[error("the peer does not take datagrams")]
    Unsupported,
    /// Larger than UDP carries, or too large for a packet while too much waits that is framed.
    #[error("the datagram is too large")]
    TooLarge,
    /// The flows of the link hold as much as they may.
    #[error("too many datagrams wait to be sent")]
    Full,
}

impl Transport {
    /// Sends a datagram of at most 65,527 bytes: once, as soon as the path lets it. What waits for longer than 100 ms, or a round trip
    /// if that is longer, is dropped and counted, and so are the oldest of a flow of which more than 256 wait, or 256 KiB. One
    /// that no packet is large enough for goes as bytes of the stream, later than others and reliably.
    ///
    /// # Errors
    /// [`DatagramRefused`] if it is dropped at once. It is counted, and there is nothing to do about it.
    pub fn send_datagram(&mut self, now: Time, id: StreamId, bytes: &[u8]) -> Result<(), DatagramRefused> {
        let sent = self.queue_datagram(now, id, bytes);
        let counts = &mut self.datagrams.counts;
        match sent {
            Ok(()) => {}
            Err(DatagramRefused::NotOpen | DatagramRefused::Unsupported) => counts.unsent += 1,
            Err(DatagramRefused::TooLarge) => counts.too_large += 1,
            Err(DatagramRefused::Full) => counts.queue_full += 1,
        }
        sent
    }

    /// The largest datagram that a single packet carries now, in bytes. Larger ones can be sent, too, but not as well.
    pub fn max_datagram_size(&self, id: StreamId) -> usize {
        frame::datagram_room(id, usize::from(self.mtu.current()) - OVERHEAD).unwrap_or(0)
    }

    /// The largest datagram for which no older one of the flow would be dropped now, in bytes; 0 if there is no such flow.
    pub fn datagram_room(&self, id: StreamId) -> usize {
        let flow = self
            .streams
            .peek(id)
            .filter(|stream| stream.takes_bytes())
            .and_then(|stream| stream.flow.as_ref());
        let room = flow.map_or(0, |flow| flow.send.room(&self.datagrams.send, self.memory_for_datagrams()));
        usize::try_from(room).unwrap_or(MAX_DATAGRAM).min(MAX_DATAGRAM)
    }

    /// Memory that datagrams which wait to be sent may take, in bytes. The last quarter is for streams that hold nothing.
    fn memory_for_datagrams(&self) -> u64 {
        let share = &self.streams.send_share;
        (share.limit() / 4 * 3).saturating_sub(share.used()).min(share.free())
    }

    fn queue_datagram(&mut self, now: Time, id: StreamId, bytes: &[u8]) -> Result<(), DatagramRefused> {
        if bytes.len() > MAX_DATAGRAM {
            return Err(DatagramRefused::TooLarge);
        }
        let supported = self.peer_features.has(Features::DATAGRAMS) || !self.streams.knows_peer();
        let largest = self.max_datagram_size(id);
        let mut memory = self.memory_for_datagrams();
        if memory < cost_of(bytes.len()) {
            // What is kept for reuse is not in use.
            self.streams.trim_written();
            memory = self.memory_for_datagrams();
        }
        let Some((key, stream, _)) = self.streams.find(id).filter(|(_, stream, _)| stream.takes_bytes())
        else {
            return Err(DatagramRefused::NotOpen);
        };
        let is_announced = !stream.opening.is_unsaid();
        let Some(flow) = &mut stream.flow else { return Err(DatagramRefused::NotOpen) };
        if !supported {
            return Err(DatagramRefused::Unsupported);
        }
        if bytes.len() > largest {
            return self.frame_datagram(now, id, bytes, memory);
        }
        let pushed = flow.send.push(now, bytes.into(), &mut self.datagrams.send, memory);
        if is_announced && !flow.send.is_empty() {
            self.datagrams.schedule.wake(key, &mut flow.turn);
        }
        self.datagrams.counts.queue_full += pushed.unwrap_or_else(|dropped| dropped - 1);
        self.count_datagrams();
        pushed.map(|_| ()).map_err(|_| DatagramRefused::Full)
    }

    /// Writes a datagram to its stream, that no packet is large enough for.
    fn frame_datagram(
        &mut self,
        now: Time,
        id: StreamId,
        bytes: &[u8],
        memory: u64,
    ) -> Result<(), DatagramRefused> {
        let most = usize::from(self.settings.max_datagram).saturating_sub(OVERHEAD);
        self.datagrams.wants_larger_packets |= frame::datagram_size(id, bytes.len()) <= most;
        let mut room = [0; 8];
        let head = framing::head(bytes.len(), &mut room);
        let size = (head.len() + bytes.len()) as u64;
        let Some((_, stream, _)) = self.streams.find(id) else { return Err(DatagramRefused::NotOpen) };
        if stream.send.unsent() + size > MOST_FRAMED || size > memory {
            return Err(DatagramRefused::TooLarge);
        }
        self.write(now, id, head);
        self.write(now, id, bytes);
        self.datagrams.counts.framed += 1;
        Ok(())
    }

    /// `C` of a stream leaves: if it is a flow, so may its datagrams.
    pub(in crate::sealed::transport) fn start_flow(&mut self, now: Time, key: usize) {
        let supported = self.peer_features.has(Features::DATAGRAMS);
        let Some((stream, _)) = self.streams.get(key) else { return };
        let Some(flow) = &mut stream.flow else { return };
        if !supported {
            return self.end_sending_datagrams(key);
        }
        let old = flow.send.drop_older(now.before(OPENING_PATIENCE), &mut self.datagrams.send);
        self.datagrams.counts.too_old += old;
        flow.send.restart(now);
        if !flow.send.is_empty() {
            self.datagrams.schedule.wake(key, &mut flow.turn);
        }
        self.count_datagrams();
    }

    /// Fills a packet with what streams and flows have to send, where flows have something.
    pub(in crate::sealed::transport) fn put_by_turns(&mut self, now: Time, writer: &mut Writer<'_>) {
        self.put_thin_data(now, writer);
        if self.schedule.is_empty() {
            self.datagrams.lead.forget();
        }
        let is_flows_turn = self.datagrams.lead.is_flows_turn();
        // What is before them in the packet may leave no room. It does not take their turn; a probe is for what is oldest.
        if is_flows_turn && !self.put_datagrams(now, writer) && !self.recovery.is_probing() {
            return;
        }
        let before = writer.len();
        self.put_data(now, writer);
        if self.datagrams.are_waiting() {
            self.datagrams.lead.on_streams(writer.len() - before);
        }
        if !is_flows_turn {
            self.put_datagrams(now, writer);
        }
        if !self.datagrams.are_waiting() {
            self.datagrams.lead.forget();
        }
    }

    /// Puts as many datagrams as fit. False if one waits that would fit into a packet of its own, and none was put.
    fn put_datagrams(&mut self, now: Time, writer: &mut Writer<'_>) -> bool {
        let oldest = now.before(self.recovery.rtt.smoothed().max(LEAST_PATIENCE));
        let (mut put, mut blocked) = (0, false);
        while let Some(key) = self.datagrams.schedule.front() {
            let Some((stream, _)) = self.streams.get(key) else { break };
            let (id, datagrams) = (stream.id, &mut self.datagrams);
            let Some(flow) = &mut stream.flow else { break };
            datagrams.counts.too_old += flow.send.drop_older(oldest, &mut datagrams.send);
            let Some(bytes) = flow.send.front() else {
                datagrams.schedule.remove(key, &mut flow.turn);
                continue;
            };
            let size = frame::datagram_size(id, bytes.len());
            if size > writer.room() {
                if size <= usize::from(self.mtu.current()) - OVERHEAD {
                    blocked = true;
                    break;
                }
                self.frame_first(now, key);
                continue;
            }
            frame::put(writer, &Frame::Datagram { id, bytes });
            flow.send.pop(&mut datagrams.send);
            datagrams.schedule.sent(key, &mut flow.turn, size as u64, !flow.send.is_empty());
            datagrams.lead.on_flows(size);
            put += 1;
        }
        if put > 0 {
            self.datagrams.counts.sent += u64::from(put);
            self.recovery.log.note(Content::Datagrams(put));
        }
        self.count_datagrams();
        put > 0 || !blocked
    }

    /// The path carries less than when the first datagram of a flow began to wait: it goes another way.
    fn frame_first(&mut self, now: Time, key: usize) {
        let memory = self.memory_for_datagrams();
        let Some((stream, _)) = self.streams.get(key) else { return };
        let (id, takes_bytes) = (stream.id, stream.takes_bytes());
        let Some(flow) = &mut stream.flow else { return };
        let Some(bytes) = flow.send.pop(&mut self.datagrams.send) else { return };
        if flow.send.is_empty() {
            self.datagrams.schedule.remove(key, &mut flow.turn);
        }
        let framed = takes_bytes && self.frame_datagram(now, id, &bytes, memory).is_ok();
        self.datagrams.counts.too_large += u64::from(!framed);
    }

    /// The path was searched for larger packets and has none, or the search goes on later.
    pub(in crate::sealed::transport) fn on_packet_size_found(&mut self) {
        self.datagrams.wants_larger_packets = false;
    }

    /// A packet with `count` datagrams was thought lost.
    pub(in crate::sealed::transport) const fn on_datagrams_lost(&mut self, count: u32) {
        self.datagrams.counts.lost += count as u64;
    }
}
