//! Packets that came in: their frames, one by one.

use super::{Event, Fault, Signal, Transport};
use crate::sealed::recovery::ack::AckNeed;
use crate::sealed::streams::early;
use crate::sealed::streams::flow::Flow;
use crate::sealed::streams::table::Lookup;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::end_code::Ended;
use crate::sealed::wire::frame::{Ack, Frame, Frames, ResetCode, StreamId};
use crate::time::Time;
use std::time::Duration;

/// A link that has carried nothing for so long gives back the memory that it keeps for reuse.
const QUIET: Duration = Duration::from_secs(1);

/// How long a packet may be in flight while the peer goes on sending: no round trip is as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Streams of the peer that were refused for want of a place and wait for it to acknowledge that: an honest peer has few, and
/// each costs a place in the table. Beyond that `C` has to come again.
const MAX_REFUSED: usize = 256;

/// Path challenges of the peer that may wait for their response.
const MAX_PATH_CHALLENGES: usize = 8;

/// Where bytes of a stream come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataOrigin {
    /// The packet that is being taken in. They may be declined: then its frames come again.
    Packet,
    /// They came before their stream was open, were kept, and may have been acknowledged: they do not come again.
    Kept,
}

impl Transport {
    /// The next packet for [`Transport::handle_packet`] came with this mark; Not-ECT if that is not said.
    pub(crate) const fn on_ecn(&mut self, ecn: Ecn) {
        self.acks.on_ecn(ecn);
    }

    /// Takes in the frames of packet `number`, which was authentic and not seen before.
    ///
    /// # Errors
    /// [`Fault`] if the peer does not keep to the specification: the link cannot go on.
    pub(crate) fn handle_packet(&mut self, now: Time, number: u64, payload: &[u8]) -> Result<(), Fault> {
        if now.since(self.content_at) >= QUIET {
            self.streams.trim();
        }
        // A peer that acknowledges nothing lets the log grow: what does not matter goes, and what does is not for it to leave out.
        if self.recovery.log.is_long() {
            self.recovery.forget(now);
            if self.recovery.log.is_unanswered(now.before(PATIENCE)) {
                return Err(Fault::Unanswered);
            }
        }
        let mut need = AckNeed::None;
        for frame in Frames::new(payload) {
            let frame = frame?;
            need = need.max(ack_need(&frame));
            self.handle_frame(now, frame)?;
        }
        // Where anything is under way its acknowledgement shares a packet with others.
        if need == AckNeed::AtOnce && !self.is_idle() {
            need = AckNeed::Delayed;
        }
        if need > AckNeed::None {
            self.content_at = now;
            self.recovery.on_received(now, payload.len());
        }
        // A packet of which something was declined counts as lost on the way: its frames come again.
        if !std::mem::take(&mut self.declined) {
            self.acks.received(now, number, payload.len(), need, &self.recovery.rtt);
        }
        Ok(())
    }

    fn handle_frame(&mut self, now: Time, frame: Frame<'_>) -> Result<(), Fault> {
        match frame {
            Frame::Padding | Frame::Probe => {}
            Frame::PathResponse { token } => self.signals.push_back(Signal::PathResponse(token)),
            Frame::Ecn(counts) => self.recovery.ecn.on_counts(counts),
            Frame::Ack(ack) => self.handle_ack(now, &ack)?,
            Frame::Data { id, offset, fin, bytes } => {
                self.handle_data(now, id, offset, bytes, fin, DataOrigin::Packet)?;
            }
            Frame::Datagram { id, bytes } => self.handle_datagram(now, id, bytes)?,
            Frame::Open { id, credit, first, target } => {
                self.handle_open(now, id, [credit, first], target)?
            }
            Frame::Opened { id } => self.handle_opened(id)?,
            Frame::Reset { id, code, end } => self.handle_reset(id, code, end)?,
            Frame::Credit { id, end } => {
                let Some(key) = self.known(id)? else { return Ok(()) };
                if self.streams.get(key).is_some_and(|(stream, _)| stream.send.raise_credit(end)) {
                    self.on_credit(key);
                    self.wake(now, key);
                }
            }
            Frame::LinkCredit { limit } => self.streams.raise_link_credit(limit),
            Frame::Floor { packet } => self.acks.raise_floor(packet),
            // Of a peer that challenges without end the newest are answered; nothing grows.
            Frame::PathChallenge { token } => {
                self.path_challenges.truncate(MAX_PATH_CHALLENGES - 1);
                self.path_challenges.push_back(token);
            }
            Frame::End { code, reason } => {
                self.signals.push_back(Signal::Ended(Ended::from_wire(code, reason)))
            }
        }
        Ok(())
    }

    /// The stream a frame means; `None` if it is over, or if the frame that opens it was overtaken: then this one must come
    /// again.
    fn known(&mut self, id: StreamId) -> Result<Option<usize>, Fault> {
        match self.streams.lookup(id) {
            Lookup::Known(key) => Ok(Some(key)),
            Lookup::Over => Ok(None),
            Lookup::Unseen => {
                self.declined = true;
                Ok(None)
            }
            Lookup::Never => Err(Fault::NeverOpened),
        }
    }

    fn handle_ack(&mut self, now: Time, ack: &Ack<'_>) -> Result<(), Fault> {
        if self.recovery.is_optimistic(ack) {
            return Err(Fault::Ack);
        }
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.recovery.on_ack(now, ack, &mut outcomes);
        self.settle(now, &mut outcomes);
        self.outcomes = outcomes;
        Ok(())
    }

    fn handle_data(
        &mut self,
        now: Time,
        id: StreamId,
        offset: u64,
        bytes: &[u8],
        fin: bool,
        origin: DataOrigin,
    ) -> Result<(), Fault> {
        let key = match self.streams.lookup(id) {
            Lookup::Known(key) => key,
            Lookup::Unseen => {
                self.keep_early(id, offset, bytes, fin);
                return Ok(());
            }
            Lookup::Over => return Ok(()),
            Lookup::Never => return Err(Fault::NeverOpened),
        };
        let Some((stream, pools)) = self.streams.get(key) else { return Ok(()) };
        if stream.recv.state.is_stopped() {
            return Ok(()); // nobody reads it any more
        }
        // What closes the first gap makes fewer runs in the end, and is never declined.
        let closes_gap = stream.recv.is_next(offset) || bytes.is_empty();
        if origin == DataOrigin::Packet && !closes_gap && stream.recv.is_in_pieces() {
            self.declined = true;
            return Ok(());
        }
        let news = stream.recv.on_data(offset, bytes, fin, &mut pools.recv)?;
        let is_flow = stream.flow.is_some();
        if news && !is_flow && !std::mem::replace(&mut stream.notified_readable, true) {
            self.events.push_back(Event::Readable(id));
        }
        if fin {
            self.streams.on_end_known(key);
        }
        if news && is_flow {
            self.read_framed(now, id);
        }
        if !news && self.streams.widen(key, now) {
            self.owe_credit(key);
        }
        self.notify_reset(key);
        Ok(())
    }

    /// Keeps bytes of a stream that is not open yet, if there is memory for them.
    fn keep_early(&mut self, id: StreamId, offset: u64, bytes: &[u8], fin: bool) {
        let room = self.streams.promises.share().free() > (early::COST + bytes.len()) as u64;
        self.declined |= !(room && self.early.keep(id, offset, fin, bytes));
        self.count_kept();
    }

    fn handle_open(
        &mut self,
        now: Time,
        id: StreamId,
        [credit, first]: [u64; 2],
        target: &[u8],
    ) -> Result<(), Fault> {
        if self.side.opened(id) {
            return Err(Fault::WrongHalf);
        }
        if self.streams.lookup(id) != Lookup::Unseen {
            return Ok(());
        }
        let has_place =
            self.streams.peer_open() < self.settings.max_streams && self.streams.promises.has_place(first);
        if !has_place && self.streams.refused() >= MAX_REFUSED {
            self.declined = true;
            return Ok(());
        }
        let key = self.streams.open_peer(id, first)?;
        self.renew_link_credit();
        let early = self.early.take(id);
        self.count_kept();
        let Some((stream, _)) = self.streams.get(key) else { return Ok(()) };
        stream.send.raise_credit(credit);
        stream.flow = Flow::to(target);
        if !has_place {
            self.reset(now, id, ResetCode::Limit);
            self.streams.on_refused(key);
            self.take_early_datagrams(now, id);
            return Ok(());
        }
        if self.streams.first_grant(key, now) {
            self.owe_credit(key);
        }
        self.events.push_back(Event::Incoming { id, target: target.to_vec() });
        for piece in early {
            self.handle_data(now, id, piece.offset, &piece.bytes, piece.fin, DataOrigin::Kept)?;
        }
        self.take_early_datagrams(now, id);
        Ok(())
    }

    fn handle_opened(&mut self, id: StreamId) -> Result<(), Fault> {
        if !self.side.opened(id) {
            return Err(Fault::WrongHalf);
        }
        let Some(key) = self.known(id)? else { return Ok(()) };
        let Some((stream, _)) = self.streams.get(key) else { return Ok(()) };
        if !stream.send.state.is_reset() && stream.opening.on_answered() {
            self.events.push_back(Event::Opened(id));
        }
        Ok(())
    }

    fn handle_reset(&mut self, id: StreamId, code: ResetCode, end: u64) -> Result<(), Fault> {
        let Some(key) = self.known(id)? else { return Ok(()) };
        let Some((stream, pools)) = self.streams.get(key) else { return Ok(()) };
        if stream.send.state.is_reset() {
            // Both sides reset: the peer needs nothing more from us, nor we from it.
            self.remove(key);
            self.notify_memory();
            return Ok(());
        }
        if !stream.recv.state.is_reset() {
            stream.recv.on_reset(code, end)?;
            stream.send.stop(&mut pools.send);
            self.end_sending_datagrams(key);
            self.streams.on_end_known(key);
            self.streams.count_written();
            // Who resets behind bytes wants them to arrive, but for who has waited for too long.
            let unwanted = end == 0 || code == ResetCode::TimedOut;
            if !(unwanted && self.forget_incoming(id)) {
                self.notify_reset(key);
            }
            self.notify_memory();
        }
        Ok(())
    }

    /// Whether the application was about to hear of a stream that the peer has given up meanwhile; then it never does. Both come
    /// in one packet, from a peer that could not reach this side for a while.
    fn forget_incoming(&mut self, id: StreamId) -> bool {
        /// Events that may lie between the two.
        const NEAR: usize = 4;
        let first = self.events.len().saturating_sub(NEAR);
        let incoming = |event: &Event| matches!(event, Event::Incoming { id: other, .. } if *other == id);
        let Some(at) = self.events.range(first..).position(incoming) else { return false };
        let later = self.events.split_off(first + at);
        self.events.extend(later.into_iter().filter(|event| event.stream() != id));
        if let Some(key) = self.streams.key(id) {
            self.remove(key);
        }
        true
    }

    /// Notifies the application of the peer's reset once all the bytes before it have arrived.
    fn notify_reset(&mut self, key: usize) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        if let Some(code) = stream.recv.take_reset() {
            self.events.push_back(Event::Reset(stream.id, code));
        }
    }
}

/// How soon this frame must be acknowledged.
const fn ack_need(frame: &Frame<'_>) -> AckNeed {
    match frame {
        Frame::Ack(_) | Frame::Ecn(_) | Frame::Padding | Frame::Floor { .. } | Frame::End { .. } => {
            AckNeed::None
        }
        Frame::Probe => AckNeed::AtOnce,
        Frame::Open { .. }
        | Frame::Opened { .. }
        | Frame::Data { .. }
        | Frame::Datagram { .. }
        | Frame::Reset { .. }
        | Frame::Credit { .. }
        | Frame::LinkCredit { .. }
        | Frame::PathChallenge { .. }
        | Frame::PathResponse { .. } => AckNeed::Delayed,
    }
}
