//! Packets that came in: their frames, one by one.

use super::{Event, Fault, Transport};
use crate::sealed::buffer::CHUNK;
use crate::sealed::frame::{Ack, Frame, Frames, ResetCode, StreamId};
use crate::sealed::streams::Lookup;
use crate::time::Time;

/// Memory beyond the limit that is kept for bytes that can be read at once, so that gaps close whatever waits behind
/// them: 1 MiB.
const RESERVE: usize = 1 << 20;

/// Checks of the peer that may wait for their answer.
const MAX_CHECKED: usize = 8;

impl Transport {
    /// Takes in the frames of packet `number`, which was authentic and not seen before.
    ///
    /// # Errors
    /// [`Fault`] if the peer does not keep to the specification: the link cannot go on.
    pub fn handle_packet(&mut self, now: Time, number: u64, payload: &[u8]) -> Result<(), Fault> {
        let mut asks = false;
        for frame in Frames::new(payload) {
            let frame = frame?;
            asks |=
                !matches!(frame, Frame::Ack(_) | Frame::Padding | Frame::Floor { .. } | Frame::End { .. });
            self.handle_frame(now, frame)?;
        }
        if asks {
            self.content_at = now;
        }
        // A packet whose bytes found no memory counts as lost on the way: its frames come again.
        if !std::mem::take(&mut self.full) {
            self.acks.received(now, number, payload.len(), asks, &self.recovery.rtt);
        }
        Ok(())
    }

    fn handle_frame(&mut self, now: Time, frame: Frame<'_>) -> Result<(), Fault> {
        match frame {
            Frame::Padding | Frame::Probe => {}
            Frame::Checked { token } => self.events.push_back(Event::Checked(token)),
            Frame::Ack(ack) => self.handle_ack(now, &ack)?,
            Frame::Data { id, offset, fin, bytes } => self.handle_data(now, id, offset, bytes, fin)?,
            Frame::Open { id, credit, target } => self.handle_open(now, id, credit, target)?,
            Frame::Opened { id } => self.handle_opened(id)?,
            Frame::Reset { id, code, end } => self.handle_reset(id, code, end)?,
            Frame::Credit { id, end } => {
                let Some(key) = self.known(id)? else { return Ok(()) };
                if self.streams.get(key).is_some_and(|(stream, _)| stream.send.raise_credit(end)) {
                    self.came_closer(key);
                    self.wake(now, key);
                }
            }
            Frame::Floor { packet } => self.acks.raise_floor(packet),
            // A peer that checks without end gets the newest answered; nothing grows.
            Frame::Check { token } => {
                self.checked.truncate(MAX_CHECKED - 1);
                self.checked.push_back(token);
            }
            Frame::End { code } => self.events.push_back(Event::Ended(code)),
        }
        Ok(())
    }

    /// The stream a frame means; `None` if it is over.
    fn known(&mut self, id: StreamId) -> Result<Option<usize>, Fault> {
        match self.streams.lookup(id) {
            Lookup::Known(key) => Ok(Some(key)),
            Lookup::Over => Ok(None),
            Lookup::Never | Lookup::TooMany => Err(Fault::Stream),
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
    ) -> Result<(), Fault> {
        let Some(key) = self.known(id)? else { return Ok(()) };
        let limit = self.memory_for_each_way();
        let Some((stream, pools)) = self.streams.get(key) else { return Ok(()) };
        if stream.own_reset.is_some() {
            return Ok(()); // nobody reads it any more
        }
        // What closes the first gap of a stream frees memory in the end, and may use a reserve for it.
        let next = stream.recv.is_next(offset);
        let limit = if next { limit + RESERVE } else { limit };
        let no_memory = pools.recv.used() + (bytes.len() / CHUNK + 2) * CHUNK > limit;
        if (no_memory || stream.recv.is_in_pieces() && !next) && !bytes.is_empty() {
            self.full = true;
            return Ok(());
        }
        let news = stream.recv.on_data(offset, bytes, fin, &mut pools.recv)?;
        if news && stream.open && !std::mem::replace(&mut stream.told_readable, true) {
            self.events.push_back(Event::Readable(id));
        }
        if !news && self.streams.widen(key, now) {
            if let Some((stream, _)) = self.streams.get(key) {
                stream.due.credit = true;
            }
            self.queue_control(key);
        }
        self.tell_reset(key);
        Ok(())
    }

    fn handle_open(&mut self, now: Time, id: StreamId, credit: u64, target: &[u8]) -> Result<(), Fault> {
        if self.side.opened(id) {
            return Err(Fault::Stream);
        }
        let Some(key) = self.known(id)? else { return Ok(()) };
        let too_many = self.streams.peer_open() > self.settings.max_streams;
        let Some((stream, _)) = self.streams.get(key) else { return Ok(()) };
        if std::mem::replace(&mut stream.open, true) {
            return Ok(());
        }
        stream.send.raise_credit(credit);
        if too_many {
            self.reset(now, id, ResetCode::Limit);
            return Ok(());
        }
        let readable = stream.recv.readable() > 0 || stream.recv.is_finished();
        stream.told_readable = readable;
        if self.streams.first_grant(key, now) {
            if let Some((stream, _)) = self.streams.get(key) {
                stream.due.credit = true;
            }
            self.queue_control(key);
        }
        self.events.push_back(Event::Incoming { id, target: target.to_vec() });
        if readable {
            self.events.push_back(Event::Readable(id));
        }
        self.tell_reset(key);
        Ok(())
    }

    fn handle_opened(&mut self, id: StreamId) -> Result<(), Fault> {
        if !self.side.opened(id) {
            return Err(Fault::Stream);
        }
        let Some(key) = self.known(id)? else { return Ok(()) };
        let Some((stream, _)) = self.streams.get(key) else { return Ok(()) };
        if stream.own_reset.is_none() && !std::mem::replace(&mut stream.accepted, true) {
            self.events.push_back(Event::Opened(id));
        }
        Ok(())
    }

    fn handle_reset(&mut self, id: StreamId, code: ResetCode, end: u64) -> Result<(), Fault> {
        let Some(key) = self.known(id)? else { return Ok(()) };
        let Some((stream, pools)) = self.streams.get(key) else { return Ok(()) };
        if stream.own_reset.is_some() {
            // Both sides reset: the peer needs nothing more from us, nor we from it.
            self.remove(key);
            self.tell_writers();
            return Ok(());
        }
        if stream.peer_reset.is_none() {
            stream.recv.set_end(end)?;
            stream.peer_reset = Some(code);
            stream.send.clear(&mut pools.send);
            self.tell_reset(key);
            self.tell_writers();
        }
        Ok(())
    }

    /// Tells the application of the peer's reset once all the bytes before it have arrived.
    fn tell_reset(&mut self, key: usize) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        let (id, open) = (stream.id, stream.open);
        let Some(code) = stream.peer_reset.filter(|_| open && stream.recv.is_finished()) else { return };
        if std::mem::replace(&mut stream.told_reset, true) {
            return;
        }
        self.events.push_back(Event::Reset(id, code));
    }
}
