//! Streams over packets: everything between the application's bytes and the bytes that are sealed, but no sealing.
//!
//! A [`Transport`] is driven like every type of this crate: mutate it once ([`Transport::open`],
//! [`Transport::write_with`], [`Transport::handle_packet`], [`Transport::handle_timeout`] …), then drain
//! [`Transport::poll_packet`] and [`Transport::poll_event`] until they are empty, then wait until
//! [`Transport::poll_timeout`] or the next input.

mod receive;
#[cfg(test)]
mod tests;
mod transmit;

use super::ack::Acks;
use super::frame::{Malformed, ResetCode, StreamId};
use super::handshake::Limits;
use super::mtu::{self, Mtu};
use super::recovery::{Counts, Outcome, Recovery};
use super::recv::Violation;
use super::schedule::Schedule;
use super::sent::Content;
use super::spare::Spares;
use super::streams::{INITIAL_CREDIT, OwnReset, Side, Streams};
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;
pub use transmit::Built;

/// Limits and sizes of a link; the options of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Streams the peer may have open at a time, 1 or more.
    pub max_streams: usize,
    /// Bytes of memory for the streams' data, half for each direction.
    pub memory: u64,
    /// The largest UDP payload to try, in bytes, at least 1,200.
    pub max_datagram: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_streams: 4_096, memory: 64 << 20, max_datagram: 8_972 }
    }
}

/// What the application wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer asks for a stream to `target`. Answer with [`Transport::accept`] or [`Transport::reset`].
    Incoming {
        /// The stream.
        id: StreamId,
        /// Where to, in the words of the specification; not checked yet.
        target: Vec<u8>,
    },
    /// The peer has dialled the target of a stream of ours.
    Opened(StreamId),
    /// There is more to read, or the end has come.
    Readable(StreamId),
    /// There is room to write again, after [`Transport::room`] had said there was none.
    Writable(StreamId),
    /// The peer reset the stream; what it sent before can still be read. Then [`Transport::discard`] it.
    Reset(StreamId, ResetCode),
    /// The stream ended in order, on both sides; its id means nothing any more.
    Closed(StreamId),
    /// The peer answered a check of its address; for the link.
    Checked(u64),
    /// The peer ended the link, with its reason; for the link.
    Ended(u64),
}

/// Why the peer's packets make no sense. The link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that are no frame.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A stream whose rules were broken.
    #[error("the peer {0}")]
    Violation(#[from] Violation),
    /// A stream that cannot be.
    #[error("the peer named a stream that cannot exist")]
    Stream,
}

/// The transport of one link.
#[derive(Debug)]
pub struct Transport {
    side: Side,
    settings: Settings,
    streams: Streams,
    schedule: Schedule,
    /// Streams with control frames to send.
    control: VecDeque<usize>,
    recovery: Recovery,
    acks: Acks,
    spares: Spares,
    mtu: Mtu,
    events: VecDeque<Event>,
    /// A check of the peer's address that waits for a packet.
    check: Option<u64>,
    /// Answers to the peer's checks that wait for a packet.
    checked: VecDeque<u64>,
    /// Streams the peer takes from this side at a time.
    peer_streams: usize,
    /// When something other than acknowledgements last came.
    content_at: Time,
    /// A bare probe must go.
    probe: bool,
    /// Bytes of the packet being taken in found no memory.
    full: bool,
    /// Packets since the floor was last told.
    since_floor: u32,
    outcomes: Vec<Outcome>,
    /// Streams whose writers were told to wait; some may be gone.
    starved: Vec<usize>,
}

impl Transport {
    /// A transport with no streams.
    pub fn new(side: Side, settings: Settings) -> Self {
        Self {
            side,
            streams: Streams::new(side, settings.max_streams, settings.memory / 8 * 3),
            schedule: Schedule::default(),
            control: VecDeque::new(),
            recovery: Recovery::new(mtu::BASE),
            acks: Acks::default(),
            spares: Spares::default(),
            mtu: Mtu::new(settings.max_datagram),
            events: VecDeque::new(),
            check: None,
            checked: VecDeque::new(),
            peer_streams: usize::MAX,
            content_at: Time::ZERO,
            probe: false,
            full: false,
            since_floor: 0,
            outcomes: Vec::new(),
            starved: Vec::new(),
            settings,
        }
    }

    // What the application does.

    /// Opens a stream to `target`, in the words of the specification. Data may be written at once. `None`: the peer
    /// takes no more streams at a time.
    pub fn open(&mut self, target: &[u8]) -> Option<StreamId> {
        if self.streams.len() - self.streams.peer_open() >= self.peer_streams {
            return None;
        }
        let (key, id) = self.streams.open(target);
        self.queue_control(key);
        Some(id)
    }

    /// The target of a stream that the peer asked for has been dialled.
    pub fn accept(&mut self, id: StreamId) {
        let Some((key, stream, _)) = self.streams.find(id) else { return };
        stream.accepted = true;
        stream.announcing = true;
        stream.due.opened = true;
        self.queue_control(key);
    }

    /// How many bytes the application should write to the stream at the most, now. Zero: wait for
    /// [`Event::Writable`]. Half of the link's memory is for what is written and not acknowledged.
    pub fn room(&mut self, id: StreamId) -> usize {
        let limit = self.memory_for_each_way();
        let used = self.streams.pools.send.used();
        // The last quarter is for streams that hold nothing: so each of them always gets on.
        let left = (limit / 4 * 3).saturating_sub(used);
        let reserve = if limit.saturating_sub(used) >= 2 * LEAST_ROOM { LEAST_ROOM } else { 0 };
        let window = self.recovery.controller.window();
        let Some((key, stream, _)) = self.streams.find(id) else { return 0 };
        if !stream.takes_bytes() {
            return 0;
        }
        // Unsent bytes only add delay: twice the window keeps the path busy over a wake-up.
        let wanted =
            usize::try_from((window * 2).max(LEAST_UNSENT).saturating_sub(stream.send.unsent())).unwrap_or(0);
        let room = wanted.min(left.max(if stream.send.held() == 0 { reserve } else { 0 }));
        if room >= LEAST_ROOM {
            stream.wants_room = false;
            return room;
        }
        if !std::mem::replace(&mut stream.wants_room, true) {
            self.starved.push(key);
        }
        0
    }

    /// Writes `bytes`; the caller has asked [`Transport::room`].
    pub fn write(&mut self, now: Time, id: StreamId, bytes: &[u8]) {
        let Some((key, stream, pools)) = self.streams.find(id).filter(|(_, stream, _)| stream.takes_bytes())
        else {
            return;
        };
        stream.send.write(bytes, &mut pools.send);
        self.wake(now, key);
    }

    /// Lets `fill` write into at most `slices` slices of room and say how many bytes it wrote.
    pub fn write_with<E>(
        &mut self,
        now: Time,
        id: StreamId,
        slices: usize,
        fill: impl FnOnce(&mut dyn Iterator<Item = &mut [u8]>) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let Some((key, stream, pools)) = self.streams.find(id).filter(|(_, stream, _)| stream.takes_bytes())
        else {
            return Ok(0);
        };
        let filled = stream.send.write_with(slices, &mut pools.send, fill)?;
        self.wake(now, key);
        Ok(filled)
    }

    /// No bytes come behind those written: FIN.
    pub fn finish(&mut self, now: Time, id: StreamId) {
        let Some((key, stream, _)) = self.streams.find(id) else { return };
        stream.send.finish();
        self.wake(now, key);
        self.close_if_over(key);
    }

    /// Ends both directions: RST. What was written before still goes as far as the peer's credit allows.
    pub fn reset(&mut self, now: Time, id: StreamId, code: ResetCode) {
        let Some((key, stream, _)) = self.streams.find(id) else { return };
        if stream.own_reset.is_some() {
            return;
        }
        if stream.peer_reset.is_some() {
            return self.discard(id);
        }
        let end = stream.send.cut();
        stream.own_reset = Some(OwnReset { code, end, acked: false });
        stream.due.reset = true;
        self.streams.stop_receiving(key);
        self.queue_control(key);
        self.wake(now, key);
    }

    /// The application is done with a stream that the peer reset.
    pub fn discard(&mut self, id: StreamId) {
        if let Some(key) = self.streams.key(id) {
            self.remove(key);
        }
    }

    /// Bytes that can be read from the stream now.
    pub fn readable(&self, id: StreamId) -> u64 {
        self.streams
            .peek(id)
            .filter(|stream| stream.own_reset.is_none())
            .map_or(0, |stream| stream.recv.readable())
    }

    /// Whether everything the peer will ever send on the stream has been read.
    pub fn is_read_to_end(&self, id: StreamId) -> bool {
        self.streams.peek(id).is_none_or(|stream| stream.recv.is_read())
    }

    /// Lets `take` read from the slices of what is there and say how many bytes it took.
    pub fn read_with<E>(
        &mut self,
        now: Time,
        id: StreamId,
        take: impl FnOnce(&mut dyn Iterator<Item = &[u8]>) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let round_trip = self.recovery.rtt.smoothed();
        let Some((key, stream, _)) =
            self.streams.find(id).filter(|(_, stream, _)| stream.own_reset.is_none())
        else {
            return Ok(0);
        };
        stream.told_readable = false;
        let taken = take(&mut stream.recv.slices())?;
        if self.streams.consume(key, taken as u64, now, round_trip) {
            if let Some((stream, _)) = self.streams.get(key) {
                stream.due.credit = true;
            }
            self.queue_control(key);
        }
        self.close_if_over(key);
        Ok(taken)
    }

    /// Asks the peer for a sign of life.
    pub const fn probe(&mut self) {
        self.probe = true;
    }

    /// Asks the peer, at its present address, to answer with `token`.
    pub(crate) fn check(&mut self, token: u64) {
        self.check = Some(token);
    }

    /// What the peer said of itself in the handshake.
    pub(crate) fn set_peer_limits(&mut self, limits: &Limits) {
        self.peer_streams = usize::try_from(limits.streams).unwrap_or(usize::MAX);
        self.mtu.set_max(self.settings.max_datagram.min(limits.datagram));
    }

    /// What to say of this end in the handshake.
    pub(crate) fn limits(settings: &Settings) -> Limits {
        Limits {
            streams: u32::try_from(settings.max_streams).unwrap_or(u32::MAX),
            link_credit: settings.memory / 2,
            stream_credit: INITIAL_CREDIT,
            datagram: settings.max_datagram,
        }
    }

    /// The path beneath has changed to another network.
    pub fn on_new_path(&mut self) {
        self.mtu.on_new_path();
        self.recovery.on_new_path(self.mtu.current());
    }

    // What time and the world do: handle_packet is in `receive`, poll_packet in `transmit`.

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.recovery.on_timeout(now, &mut outcomes);
        self.settle(now, &mut outcomes);
        self.outcomes = outcomes;
    }

    /// The next thing the application wants to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Transport::handle_timeout`] or [`Transport::poll_packet`] has something to do; [`Time::NEVER`] if only
    /// input can change that.
    pub fn poll_timeout(&self) -> Time {
        let mut due = self.recovery.timeout().min(self.acks.due().unwrap_or(Time::NEVER));
        if self.has_content() && self.recovery.window_open() {
            due = due.min(self.recovery.next_paced());
        }
        if let Some(spare) = self.spares.due().filter(|_| self.recovery.window_open()) {
            due = due.min(spare.max(self.recovery.next_paced()));
        }
        if self.may_probe_mtu() {
            due = due.min(self.mtu.timeout());
        }
        due
    }

    // What the outside may look at.

    /// Streams that are not over.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Whether nothing is in flight, waiting or owed.
    pub fn is_idle(&self) -> bool {
        self.streams.len() == 0 && self.recovery.log.in_flight_packets() == 0 && !self.has_content()
    }

    /// Whether something waits to be acknowledged by the peer.
    pub const fn is_waiting(&self) -> bool {
        self.recovery.log.in_flight_packets() > 0
    }

    /// When the oldest packet left that waits to be acknowledged.
    pub(crate) fn waiting_since(&self) -> Option<Time> {
        let log = &self.recovery.log;
        log.in_flight_below(log.next()).next().map(|(_, packet)| packet.sent)
    }

    /// The number of the next packet.
    pub(crate) fn next_packet(&self) -> u64 {
        self.recovery.log.next()
    }

    /// When something other than acknowledgements last came from the peer.
    pub(crate) const fn content_at(&self) -> Time {
        self.content_at
    }

    /// Bytes of stream data held in memory.
    pub const fn memory(&self) -> usize {
        self.streams.pools.send.used() + self.streams.pools.recv.used()
    }

    /// The streams, for a failure message.
    pub(crate) fn describe(&self) -> String {
        format!("{:?}", self.streams.iter().collect::<Vec<_>>())
    }

    /// Bytes the peer has been promised beyond what every stream has.
    pub(crate) const fn promised(&self) -> u64 {
        self.streams.granted()
    }

    /// Smoothed round trip; `None` before the first sample.
    pub fn round_trip(&self) -> Option<Duration> {
        self.recovery.rtt.is_known().then(|| self.recovery.rtt.smoothed())
    }

    /// Packets thought lost, and of these those that were not; probe time-outs.
    pub const fn counts(&self) -> Counts {
        self.recovery.counts
    }

    /// The UDP payload of full packets, in bytes.
    pub const fn mtu(&self) -> u16 {
        self.mtu.current()
    }

    /// Bytes a second the path delivers, and the share of packets it loses whatever the rate.
    pub fn path_model(&self) -> (u64, f64) {
        (self.recovery.controller.rate(), self.recovery.controller.own_loss())
    }

    // Inside.

    /// Larger packets are of use while bytes queue up, and tried while the path lives.
    fn may_probe_mtu(&self) -> bool {
        !self.schedule.is_empty() && self.recovery.rtt.is_known() && !self.recovery.is_dead()
    }

    /// Half of the memory, in bytes: a hard limit on what either direction holds.
    fn memory_for_each_way(&self) -> usize {
        usize::try_from(self.settings.memory / 2).unwrap_or(usize::MAX)
    }

    fn wake(&mut self, now: Time, key: usize) {
        if let Some((stream, _)) = self.streams.get(key).filter(|(stream, _)| stream.send.is_ready()) {
            self.schedule.wake(now, key, &mut stream.turn);
        }
    }

    fn queue_control(&mut self, key: usize) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        if !std::mem::replace(&mut stream.due.queued, true) {
            self.control.push_back(key);
        }
    }

    fn remove(&mut self, key: usize) {
        let stream = self.streams.remove(key);
        self.schedule.remove(key, &stream.turn);
        if stream.due.queued {
            self.control.retain(|queued| *queued != key);
        }
    }

    fn close_if_over(&mut self, key: usize) {
        let over = self.streams.get(key).filter(|(stream, _)| stream.is_over());
        let Some((id, reset)) = over.map(|(stream, _)| (stream.id, stream.own_reset.is_some())) else {
            return;
        };
        self.remove(key);
        if !reset {
            self.events.push_back(Event::Closed(id));
        }
    }

    /// Tells the owners of packets' contents what became of them.
    fn settle(&mut self, now: Time, outcomes: &mut Vec<Outcome>) {
        for outcome in outcomes.drain(..) {
            let (number, acked) = match outcome {
                Outcome::Acked(number) => (number, true),
                Outcome::Lost(number) => (number, false),
            };
            let size = self.recovery.log.get(number).map_or(0, |packet| packet.size);
            for at in 0.. {
                let Some(content) = self.recovery.log.contents(number).nth(at).cloned() else { break };
                if acked { self.on_arrived(&content) } else { self.on_lost(now, &content) }
            }
            let hole = if acked { self.mtu.on_acked(now, size) } else { self.mtu.on_lost(now, size) };
            if hole {
                self.recovery.set_mtu(self.mtu.current());
            }
        }
        self.recovery.forget(now);
        self.tell_writers();
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
            Content::Data { range, fin, .. } => stream.send.on_acked(range.clone(), *fin, &mut pools.send),
            Content::Reset(_) => {
                if let Some(reset) = &mut stream.own_reset {
                    reset.acked = true;
                }
            }
            Content::Open(_) => {
                stream.opening = false;
                stream.target = Vec::new();
            }
            Content::Opened(_) => stream.announcing = false,
            Content::Credit(_) | Content::MtuProbe(_) => return,
        }
        self.close_if_over(key);
    }

    fn on_lost(&mut self, now: Time, content: &Content) {
        if let Content::MtuProbe(size) = content {
            return self.mtu.on_probe_lost(*size);
        }
        let Some((key, stream, _)) = content.stream().and_then(|id| self.streams.find(id)) else { return };
        match content {
            Content::Data { range, fin, .. } => {
                stream.send.on_lost(range.clone(), *fin);
                return self.wake(now, key);
            }
            Content::Open(_) => stream.due.open = stream.opening,
            Content::Opened(_) => stream.due.opened = true,
            Content::Reset(_) => stream.due.reset = stream.own_reset.is_some_and(|reset| !reset.acked),
            Content::Credit(_) => stream.due.credit = true,
            Content::MtuProbe(_) => {}
        }
        self.queue_control(key);
    }

    /// Tells the writers that were told to wait, once there is room.
    fn tell_writers(&mut self) {
        for key in std::mem::take(&mut self.starved) {
            let Some((stream, _)) = self.streams.get(key) else { continue };
            let id = stream.id;
            if std::mem::take(&mut stream.wants_room) && self.room(id) > 0 {
                self.events.push_back(Event::Writable(id));
            }
        }
    }
}

/// Unsent bytes a stream may always have: a full batch for the socket.
const LEAST_UNSENT: u64 = 128 * 1024;

/// Room smaller than this is not worth a read: it would make small packets.
const LEAST_ROOM: usize = 16 * 1024;
