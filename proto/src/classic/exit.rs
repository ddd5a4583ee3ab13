//! proxy2's side of a classic link.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

use super::early::Early;
use super::frame::{Datagram, Frame, Kind};
use super::life::Life;
use super::recent::Recent;
use super::{ANSWERS_QUEUED, Closed, Counters, Reason, Settings, Stream, StreamId, Violation};
use crate::Time;

/// The streams of all proxy1s that one proxy2 serves, kept apart by their address `A`.
///
/// After every mutator and every `handle_*`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), then ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Exit<A> {
    settings: Settings,
    slots: BTreeMap<(A, StreamId), Slot>,
    /// How many different addresses there are in `slots`.
    peers: usize,
    /// One entry for each slot, at its `armed` moment. Data moves only the slot's deadline; the timer that comes too
    /// early is set again then, so a packet costs no search here.
    timers: BTreeSet<(Time, A, StreamId)>,
    next_serial: u64,
    /// Bytes of early data in all slots.
    early: usize,
    transmit: VecDeque<(A, Datagram)>,
    events: VecDeque<Closed<A>>,
    /// The only thing that outlives an address's last stream: it makes late datagrams known as such.
    recent: Recent<A>,
    violation: Option<Violation>,
    counters: Counters,
}

/// What a datagram brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a, A> {
    /// Dial the target, then call [`Exit::accepted`] or [`Exit::refused`].
    Dial(Stream<A>),
    /// Bytes for the target, in the order they arrived.
    Data {
        /// Whose.
        stream: Stream<A>,
        /// May be empty.
        payload: &'a [u8],
    },
    /// The peer ended the stream: write what is queued, then close the target's connection, or stop dialling.
    Closed(Closed<A>),
}

impl<A: Copy + Ord + Debug> Exit<A> {
    /// An exit with no streams.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            slots: BTreeMap::new(),
            peers: 0,
            timers: BTreeSet::new(),
            next_serial: 0,
            early: 0,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            recent: Recent::new(),
            violation: None,
            counters: Counters::default(),
        }
    }

    /// The target has been dialled: sends `OK` and returns the data that came before, to be written first (mostly
    /// empty). `None`: the stream is over or has been accepted before; close the connection.
    pub fn accepted(&mut self, now: Time, stream: Stream<A>) -> Option<Vec<u8>> {
        let slot = self.slot_mut(stream)?;
        let early = slot.dialling.take()?;
        slot.life.received(now);
        self.early -= early.len();
        self.counters.opened += 1;
        self.transmit.push_back((stream.peer, Datagram::opened(stream.id)));
        Some(early.into_bytes())
    }

    /// The target could not be dialled: sends `NOK` and forgets the stream. No event follows.
    pub fn refused(&mut self, now: Time, stream: Stream<A>) {
        if self.contains(stream) {
            self.end(now, stream.peer, stream.id, Some(Reason::Refused));
            self.transmit.push_back((stream.peer, Datagram::refused(stream.id)));
        }
    }

    /// The target sent FIN. The stream ends once the other direction has been silent for [`Settings::linger`],
    /// counted from this call; [`poll_event`](Self::poll_event) then says so.
    pub fn finish(&mut self, now: Time, stream: Stream<A>) {
        if let Some(slot) = self.slot_mut(stream) {
            slot.life.finish(now);
            self.arm(stream.peer, stream.id);
        }
    }

    /// The target's connection is gone (reset, write error): sends `X` and forgets the stream. No event follows.
    pub fn close(&mut self, now: Time, stream: Stream<A>) {
        if self.contains(stream) {
            self.end(now, stream.peer, stream.id, None);
            self.transmit.push_back((stream.peer, Datagram::close(stream.id)));
        }
    }

    /// Data of this stream was sent: it is not idle.
    pub fn note_sent(&mut self, now: Time, stream: Stream<A>) {
        if let Some(slot) = self.slot_mut(stream) {
            slot.life.sent(now);
        }
    }

    /// Closes every stream with an `X`. No events follow. The table can go on to be used.
    pub fn shutdown(&mut self, now: Time) {
        while let Some((&(peer, id), _)) = self.slots.first_key_value() {
            self.end(now, peer, id, None);
            self.transmit.push_back((peer, Datagram::close(id)));
        }
    }

    /// A datagram came from `peer`. `None`: it was for the table alone, or dropped and counted.
    pub fn handle_datagram<'a>(&mut self, now: Time, peer: A, datagram: &'a [u8]) -> Option<Received<'a, A>> {
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
        match frame.kind {
            // Two exits that took each other's answers for requests would answer each other for ever.
            Kind::Open if frame.answer().is_some() => {
                self.counters.drops.wrong_role += 1;
                self.violation = Some(Violation::AnswerAtExit(frame.id));
                None
            }
            Kind::Open => self.handle_open(now, peer, &frame),
            Kind::Data => self.handle_data(now, peer, frame.id, frame.payload),
            Kind::Close => self.handle_close(now, peer, frame.id),
        }
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come. Harmless at any other moment.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(&(_, peer, id)) = self.timers.first().filter(|(at, ..)| *at <= now) {
            let slot = self.slots.get(&(peer, id)).expect("a timer is removed with its slot");
            let (deadline, reason) = slot.life.deadline(&self.settings);
            if deadline > now {
                self.arm(peer, id);
            } else if let Some(closed) = self.end_for(now, peer, id, reason) {
                self.transmit.push_back((peer, Datagram::close(id)));
                self.events.push_back(closed);
            }
        }
    }

    /// The next datagram to send, and to whom.
    pub fn poll_transmit(&mut self) -> Option<(A, Datagram)> {
        self.transmit.pop_front()
    }

    /// The next stream that a timer ended: its target's connection is to be closed.
    pub fn poll_event(&mut self) -> Option<Closed<A>> {
        self.events.pop_front()
    }

    /// The rule that the last datagram broke, if it broke one; said once. Worth a line in a log that is limited.
    pub fn poll_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before; `None`: no need. Now
    /// and then it is a moment at which nothing ends.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|&(at, ..)| at)
    }

    /// Streams that are open or being dialled, at most ten for each of [`Settings::max_peers`] proxy1s.
    pub fn streams(&self) -> usize {
        self.slots.len()
    }

    /// Proxy1s that have streams.
    pub fn peers(&self) -> usize {
        self.peers
    }

    /// Whether the stream is still in the table (open or being dialled).
    pub fn contains(&self, stream: Stream<A>) -> bool {
        self.slots.get(&(stream.peer, stream.id)).is_some_and(|slot| slot.serial == stream.serial)
    }

    /// Whether the stream is in the table and `OK` has been sent.
    pub fn is_open(&self, stream: Stream<A>) -> bool {
        let slot = self.slots.get(&(stream.peer, stream.id));
        slot.is_some_and(|slot| slot.serial == stream.serial && slot.dialling.is_none())
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn handle_open(&mut self, now: Time, peer: A, frame: &Frame<'_>) -> Option<Received<'static, A>> {
        let id = frame.id;
        if let Some(slot) = self.slots.get(&(peer, id)) {
            self.counters.repeats_received += 1;
            if slot.dialling.is_none() {
                self.answer(peer, Datagram::opened(id));
            }
            return None;
        }
        let newcomer = !self.knows(peer);
        if newcomer && self.peers >= self.settings.max_peers {
            self.counters.drops.too_many_peers += 1;
            self.violation = Some(Violation::TooManyPeers);
            self.answer(peer, Datagram::refused(id));
            return None;
        }
        self.peers += usize::from(newcomer);
        let stream = Stream { peer, id, serial: self.next_serial };
        self.next_serial += 1;
        self.counters.begun += 1;
        let slot = Slot {
            serial: stream.serial,
            life: Life::begin(now),
            armed: Time::NEVER,
            dialling: Some(Early::default()),
            second_digit: second_digit(frame.payload),
        };
        self.slots.insert((peer, id), slot);
        self.arm(peer, id);
        Some(Received::Dial(stream))
    }

    fn handle_data<'a>(
        &mut self,
        now: Time,
        peer: A,
        id: StreamId,
        payload: &'a [u8],
    ) -> Option<Received<'a, A>> {
        let Some(slot) = self.slots.get_mut(&(peer, id)) else {
            self.drop_stray(now, peer, id, Violation::DataNotOpen(id));
            self.counters.strays_answered += u64::from(self.answer(peer, Datagram::close(id)));
            return None;
        };
        slot.life.received(now);
        if let Some(digit) = slot.take_second_digit(payload) {
            self.counters.two_digits += 1;
            self.violation = Some(Violation::TwoDigits(id, digit));
        }
        match &mut slot.dialling {
            None => Some(Received::Data { stream: Stream { peer, id, serial: slot.serial }, payload }),
            Some(early) => {
                let free = self.settings.early_total.saturating_sub(self.early);
                let held = early.hold(payload, self.settings.early_limit.min(free));
                if held {
                    self.early += payload.len();
                } else {
                    self.counters.drops.early_full += 1;
                    self.violation = Some(Violation::EarlyFull(id, payload.len()));
                }
                None
            }
        }
    }

    fn handle_close(&mut self, now: Time, peer: A, id: StreamId) -> Option<Received<'static, A>> {
        let slot = self.slots.get(&(peer, id));
        let early = slot.and_then(|slot| slot.dialling.as_ref()).map_or(0, Early::len);
        let closed = self.end_for(now, peer, id, Reason::Peer);
        if closed.is_none() {
            self.drop_stray(now, peer, id, Violation::CloseNotOpen(id));
        } else if early > 0 {
            self.counters.lose_early(early);
            self.violation = Some(Violation::EarlyLost(id, early));
        }
        closed.map(Received::Closed)
    }

    /// A datagram is for an id that is free. It breaks a rule, unless it is late.
    fn drop_stray(&mut self, now: Time, peer: A, id: StreamId, violation: Violation) {
        self.counters.drops.not_open += 1;
        let late = self.recent.contains(now.before(self.settings.id_rest), peer, id);
        self.violation = (!late).then_some(violation);
    }

    /// Answers a datagram that changed nothing, unless too much waits already; says whether it did.
    fn answer(&mut self, peer: A, datagram: Datagram) -> bool {
        let room = self.transmit.len() < ANSWERS_QUEUED;
        if room {
            self.transmit.push_back((peer, datagram));
        } else {
            self.counters.unanswered += 1;
        }
        room
    }

    /// Sets the timer of a slot to its deadline.
    fn arm(&mut self, peer: A, id: StreamId) {
        let Some(slot) = self.slots.get_mut(&(peer, id)) else { return };
        self.timers.remove(&(slot.armed, peer, id));
        slot.armed = slot.life.deadline(&self.settings).0;
        self.timers.insert((slot.armed, peer, id));
    }

    /// Forgets a stream, not because of the shell; `None` if there was none.
    fn end_for(&mut self, now: Time, peer: A, id: StreamId, reason: Reason) -> Option<Closed<A>> {
        let stream = self.end(now, peer, id, Some(reason))?;
        Some(Closed { stream, reason })
    }

    /// Forgets a stream, and its peer with the last one, for `reason` or because the shell said so; `None` if there
    /// was none.
    fn end(&mut self, now: Time, peer: A, id: StreamId, reason: Option<Reason>) -> Option<Stream<A>> {
        let slot = self.slots.remove(&(peer, id))?;
        self.recent.push(now, peer, id);
        self.timers.remove(&(slot.armed, peer, id));
        self.early -= slot.dialling.as_ref().map_or(0, Early::len);
        self.peers -= usize::from(!self.knows(peer));
        self.counters.ended(slot.dialling.is_none(), reason);
        Some(Stream { peer, id, serial: slot.serial })
    }

    /// Whether the address has a stream.
    fn knows(&self, peer: A) -> bool {
        let mut ids = StreamId::all();
        let (first, last) = ids.next().zip(ids.next_back()).expect("there are ten ids");
        self.slots.range((peer, first)..=(peer, last)).next().is_some()
    }

    fn slot_mut(&mut self, stream: Stream<A>) -> Option<&mut Slot> {
        self.slots.get_mut(&(stream.peer, stream.id)).filter(|slot| slot.serial == stream.serial)
    }
}

/// One stream of one peer.
#[derive(Debug)]
struct Slot {
    serial: u64,
    life: Life,
    /// When its timer comes: not after its deadline.
    armed: Time,
    /// The data that came so far, while the target is being dialled.
    dialling: Option<Early>,
    /// The digit behind the id of its `C`, until the first data tells whether it is meant as part of the id.
    second_digit: Option<u8>,
}

impl Slot {
    /// The second digit, if the first data begins with it too.
    fn take_second_digit(&mut self, payload: &[u8]) -> Option<u8> {
        let first = payload.first()?;
        self.second_digit.take().filter(|digit| digit == first)
    }
}

/// The digit that is all of the payload of a `C`. Some programs send one and mean nothing by it.
const fn second_digit(payload: &[u8]) -> Option<u8> {
    match payload {
        [digit @ b'0'..=b'9'] => Some(*digit),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
