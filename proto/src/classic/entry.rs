//! proxy1's side of a classic link.

mod slot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::mem;

use super::frame::{Answer, Datagram, Frame, Kind};
use super::{ANSWERS_QUEUED, Closed, Counters, Reason, Settings, Stream, StreamId, Violation};
use crate::Time;
use slot::{Opening, Slot};

/// The ten streams of one proxy1. Only datagrams that came from its exit may be handed to it.
///
/// After every mutator and every `handle_*`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), then ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Entry {
    settings: Settings,
    slots: [Slot; StreamId::COUNT],
    next_serial: u64,
    transmit: VecDeque<Datagram>,
    events: VecDeque<Closed>,
    violation: Option<Violation>,
    counters: Counters,
}

/// What a datagram brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Bytes for the client, in the order they arrived.
    Data {
        /// Whose.
        stream: Stream,
        /// May be empty.
        payload: &'a [u8],
    },
    /// The exit has dialled the target: start to read from the client.
    Opened {
        /// Which.
        stream: Stream,
        /// Bytes for the client that came before the answer; mostly empty.
        early: Vec<u8>,
    },
    /// The stream is over ([`Reason::Peer`] or [`Reason::Refused`]):
    /// write what is queued, then close the client's connection.
    Closed(Closed),
}

/// All ten ids are taken: the client is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllBusy;

impl Entry {
    /// An entry with no streams.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            slots: [const { Slot::Free { since: None } }; StreamId::COUNT],
            next_serial: 0,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            violation: None,
            counters: Counters::default(),
        }
    }

    /// A client arrived: takes the id that has been free for longest and asks the exit to open it. An id that had no
    /// [`Settings::id_rest`] is taken only when there is no other; its stream trusts nothing but an answer until it is open.
    ///
    /// # Errors
    /// [`AllBusy`] if ten streams are open or opening.
    pub fn open(&mut self, now: Time) -> Result<Stream, AllBusy> {
        let Some((id, freed)) = self.longest_free() else {
            self.counters.all_busy += 1;
            return Err(AllBusy);
        };
        let rested = freed.is_none_or(|freed| now.since(freed) >= self.settings.id_rest);
        let stream = Stream { peer: (), id, serial: self.next_serial };
        self.next_serial += 1;
        self.slots[id.index()] = Slot::Opening(Opening::begin(now, stream.serial, rested, &self.settings));
        self.counters.begun += 1;
        self.counters.unrested += u64::from(!rested);
        self.transmit.push_back(Datagram::open(id));
        Ok(stream)
    }

    /// The client sent FIN. The stream ends once the other direction has been silent for [`Settings::linger`],
    /// counted from the later of this call and `OK`; [`poll_event`](Self::poll_event) then says so.
    pub fn finish(&mut self, now: Time, stream: Stream) {
        match self.slot_mut(stream) {
            Some(Slot::Opening(opening)) => opening.finished = true,
            Some(Slot::Open { life, .. }) => life.finish(now),
            Some(Slot::Free { .. }) | None => {}
        }
    }

    /// The client's connection is gone (reset, write error): sends `X` and forgets the stream. No event follows.
    pub fn close(&mut self, now: Time, stream: Stream) {
        if self.contains(stream) {
            self.end(now, stream.id, None);
            self.transmit.push_back(Datagram::close(stream.id));
        }
    }

    /// Data of this stream was sent: it is not idle.
    pub fn note_sent(&mut self, now: Time, stream: Stream) {
        if let Some(Slot::Open { life, .. }) = self.slot_mut(stream) {
            life.sent(now);
        }
    }

    /// Closes every stream with an `X`. No events follow. The table can go on to be used.
    pub fn shutdown(&mut self, now: Time) {
        for id in StreamId::all() {
            if self.end(now, id, None).is_some() {
                self.transmit.push_back(Datagram::close(id));
            }
        }
    }

    /// A datagram came from the exit. `None`: it was for the table alone, or dropped and counted.
    pub fn handle_datagram<'a>(&mut self, now: Time, datagram: &'a [u8]) -> Option<Received<'a>> {
        self.counters.received += 1;
        self.violation = None;
        let frame = match Frame::parse(datagram) {
            Ok(frame) => frame,
            Err(error) => {
                self.counters.drops.malformed(error);
                self.violation = Some(Violation::malformed(datagram, error));
                return None;
            }
        };
        match (frame.kind, frame.answer()) {
            (Kind::Open, Some(Answer::Opened)) => self.handle_opened(now, frame.id),
            (Kind::Open, Some(Answer::Refused)) => self.handle_refused(now, frame.id),
            (Kind::Open, None) => {
                self.counters.drops.wrong_role += 1;
                self.violation = Some(Violation::request_at_entry(&frame));
                None
            }
            (Kind::Data, _) => self.handle_data(now, frame.id, frame.payload),
            (Kind::Close, _) => self.handle_close(now, frame.id),
        }
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come. Harmless at any other moment.
    pub fn handle_timeout(&mut self, now: Time) {
        for id in StreamId::all() {
            let over = match &mut self.slots[id.index()] {
                Slot::Opening(opening) if opening.due <= now => match opening.repeat(now, &self.settings) {
                    true => {
                        self.counters.repeats_sent += 1;
                        self.transmit.push_back(Datagram::open(id));
                        None
                    }
                    false => Some(Reason::NoAnswer),
                },
                Slot::Open { life, .. } => {
                    let (deadline, reason) = life.deadline(&self.settings);
                    (deadline <= now).then_some(reason)
                }
                Slot::Free { .. } | Slot::Opening(_) => None,
            };
            if let Some(closed) = over.and_then(|reason| self.end_for(now, id, reason)) {
                self.transmit.push_back(Datagram::close(id));
                self.events.push_back(closed);
            }
        }
    }

    /// The next datagram to send to the exit.
    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        self.transmit.pop_front()
    }

    /// The next stream that a timer ended: its client's connection is to be closed.
    pub fn poll_event(&mut self) -> Option<Closed> {
        self.events.pop_front()
    }

    /// The rule that the last datagram broke, if it broke one; said once. Worth a line in a log that is limited.
    pub fn poll_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before; `None`: no need.
    pub fn poll_timeout(&self) -> Option<Time> {
        let deadline = |slot: &Slot| match slot {
            Slot::Free { .. } => None,
            Slot::Opening(opening) => Some(opening.due),
            Slot::Open { life, .. } => Some(life.deadline(&self.settings).0),
        };
        self.slots.iter().filter_map(deadline).min()
    }

    /// Streams that are open or opening, `0..=10`.
    pub fn streams(&self) -> usize {
        self.slots.iter().filter(|slot| slot.serial().is_some()).count()
    }

    /// Whether the stream is still in the table (open or opening).
    pub fn contains(&self, stream: Stream) -> bool {
        self.slots[stream.id.index()].serial() == Some(stream.serial)
    }

    /// Whether the stream is in the table and `OK` has come.
    pub fn is_open(&self, stream: Stream) -> bool {
        self.contains(stream) && matches!(self.slots[stream.id.index()], Slot::Open { .. })
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn handle_opened(&mut self, now: Time, id: StreamId) -> Option<Received<'static>> {
        let slot = &mut self.slots[id.index()];
        match slot {
            Slot::Free { .. } => {
                self.answer_stray(now, id, Violation::AnswerNotAsked(id));
                None
            }
            Slot::Open { .. } => {
                self.counters.repeats_received += 1;
                None
            }
            Slot::Opening(opening) => {
                let stream = Stream { peer: (), id, serial: opening.serial };
                let early = mem::take(&mut opening.early).into_bytes();
                let life = opening.life_from(now);
                *slot = Slot::Open { serial: stream.serial, life };
                self.counters.opened += 1;
                Some(Received::Opened { stream, early })
            }
        }
    }

    /// Also ends an open stream: the `OK` before it was the answer to an earlier `C` of the same id.
    fn handle_refused(&mut self, now: Time, id: StreamId) -> Option<Received<'static>> {
        let closed = self.end_for(now, id, Reason::Refused);
        if closed.is_none() {
            self.drop_stray(now, id, Violation::AnswerNotAsked(id));
        }
        closed.map(Received::Closed)
    }

    fn handle_data<'a>(&mut self, now: Time, id: StreamId, payload: &'a [u8]) -> Option<Received<'a>> {
        let drops = &mut self.counters.drops;
        match &mut self.slots[id.index()] {
            Slot::Free { .. } => self.answer_stray(now, id, Violation::DataNotOpen(id)),
            Slot::Opening(Opening { rested: false, .. }) => drops.stale += 1,
            Slot::Opening(opening) => {
                if !opening.early.hold(payload, self.settings.early_limit) {
                    drops.early_full += 1;
                    self.violation = Some(Violation::EarlyFull(id, payload.len()));
                }
            }
            Slot::Open { serial, life } => {
                life.received(now);
                return Some(Received::Data { stream: Stream { peer: (), id, serial: *serial }, payload });
            }
        }
        None
    }

    fn handle_close(&mut self, now: Time, id: StreamId) -> Option<Received<'static>> {
        let early = match &self.slots[id.index()] {
            Slot::Opening(Opening { rested: false, .. }) => {
                self.counters.drops.stale += 1;
                return None;
            }
            Slot::Opening(opening) => opening.early.len(),
            Slot::Free { .. } | Slot::Open { .. } => 0,
        };
        let closed = self.end_for(now, id, Reason::Peer);
        if closed.is_none() {
            self.drop_stray(now, id, Violation::CloseNotOpen(id));
        } else if early > 0 {
            self.counters.lose_early(early);
            self.violation = Some(Violation::EarlyLost(id, early));
        }
        closed.map(Received::Closed)
    }

    /// A datagram asks for a stream that is not there: the exit has missed its end.
    fn answer_stray(&mut self, now: Time, id: StreamId, violation: Violation) {
        self.drop_stray(now, id, violation);
        if self.transmit.len() < ANSWERS_QUEUED {
            self.counters.strays_answered += 1;
            self.transmit.push_back(Datagram::close(id));
        } else {
            self.counters.unanswered += 1;
        }
    }

    /// A datagram is for an id that is free. It breaks a rule, unless it is late.
    fn drop_stray(&mut self, now: Time, id: StreamId, violation: Violation) {
        self.counters.drops.not_open += 1;
        let since = now.before(self.settings.id_rest);
        let late = matches!(self.slots[id.index()], Slot::Free { since: Some(end) } if end >= since);
        self.violation = (!late).then_some(violation);
    }

    /// Frees the id, not because of the shell; `None` if it was free.
    fn end_for(&mut self, now: Time, id: StreamId, reason: Reason) -> Option<Closed> {
        let stream = self.end(now, id, Some(reason))?;
        Some(Closed { stream, reason })
    }

    /// Frees the id, for `reason` or because the shell said so; `None` if it was free.
    fn end(&mut self, now: Time, id: StreamId, reason: Option<Reason>) -> Option<Stream> {
        let slot = &mut self.slots[id.index()];
        let serial = slot.serial()?;
        let was_open = matches!(slot, Slot::Open { .. });
        *slot = Slot::Free { since: Some(now) };
        self.counters.ended(was_open, reason);
        Some(Stream { peer: (), id, serial })
    }

    /// The id that has been free for longest and since when; an id never used (`None`) before all others.
    fn longest_free(&self) -> Option<(StreamId, Option<Time>)> {
        let free = StreamId::all().filter_map(|id| match self.slots[id.index()] {
            Slot::Free { since } => Some((id, since)),
            Slot::Opening(_) | Slot::Open { .. } => None,
        });
        free.min_by_key(|&(_, since)| since)
    }

    fn slot_mut(&mut self, stream: Stream) -> Option<&mut Slot> {
        self.contains(stream).then(|| &mut self.slots[stream.id.index()])
    }
}

impl std::fmt::Display for AllBusy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("all ten streams are taken")
    }
}

impl std::error::Error for AllBusy {}
