//! The streams of a link: their table, their states, and the memory they may come to hold.

use super::buffer::Pool;
use super::frame::{ResetCode, StreamId};
use super::ranges::RangeSet;
use super::recv::RecvHalf;
use super::schedule::Turn;
use super::send::SendHalf;
use super::transport::writers::Wants;
use crate::time::Time;
use slab::Slab;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Bytes that may be sent on a new stream before the peer has said anything about it, whatever the handshake says
/// (specification).
pub(crate) const LEAST_CREDIT: u64 = 64 * 1024;

/// What this side says in the handshake instead: what a controller that knows nothing sends in its first round trip, over
/// up to 200 ms.
const FIRST_CREDIT: u64 = 128 * 1024;

/// The share of a link's memory, as its divisor, that a new stream may take before anything is said about it: 64 streams
/// that nobody reads take an eighth.
const FIRST_CREDIT_SHARE: u64 = 512;

/// The credit of a new stream on a link with `memory` bytes for both directions; the same for the life of the process.
pub(crate) fn first_credit(memory: u64) -> u64 {
    (memory / FIRST_CREDIT_SHARE).clamp(LEAST_CREDIT, FIRST_CREDIT)
}

/// The window of a stream whose use is not known yet, as soon as the peer can be told: two mebibytes go through without a
/// wait for credit, which is what a path of 20 Mbit/s over a satellite has on its way. A stream that the peer opens has
/// [`first_credit`] until it hears of this, a round trip after its `C` left; one of our own says it in its `C`.
const FIRST_WINDOW: u64 = 2 * 1024 * 1024;

/// The share of the free memory, as its divisor, that a stream of unknown use may be promised. Streams that never use
/// what they were promised thus leave 1 MiB, of the 24 MiB of a link of 64, to those that do, however many they are.
const FIRST_SHARE: u64 = 16;

/// The window that every stream has, even on a link that is short of memory.
const LEAST_WINDOW: u64 = LEAST_CREDIT;

/// Which end of the handshake this is; tells whose half of the stream ids is whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Began the handshake: proxy1. Opens even ids.
    Client,
    /// Answered it: proxy2. Opens odd ids.
    Server,
}

impl Side {
    /// The stream id with place `place` in this side's half.
    pub(crate) const fn id(self, place: u64) -> StreamId {
        StreamId(place << 1 | self as u64)
    }

    /// Whether this side opened `id`.
    pub(crate) const fn opened(self, id: StreamId) -> bool {
        id.0 & 1 == self as u64
    }
}

/// Reset by this side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnReset {
    /// Why.
    pub(crate) code: ResetCode,
    /// Where the bytes this side sent end.
    pub(crate) end: u64,
    /// Whether the peer has it.
    pub(crate) acked: bool,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its name.
    pub(crate) id: StreamId,
    /// Bytes to the peer.
    pub(crate) send: SendHalf,
    /// Bytes from the peer.
    pub(crate) recv: RecvHalf,
    /// Its place in the schedule.
    pub(crate) turn: Turn,
    /// Where it goes: in `C`, until that is acknowledged. May be empty.
    pub(crate) target: Vec<u8>,
    /// Whether `C` is this side's to send and has not been acknowledged: until then the peer may not know the stream.
    pub(crate) opening: bool,
    /// Control frames that must go (again).
    pub(crate) due: Due,
    /// Whether `K` is this side's to send and has not been acknowledged.
    pub(crate) announcing: bool,
    /// Whether `C` has been seen or sent.
    pub(crate) open: bool,
    /// Whether the target has been dialled, as far as this side knows.
    pub(crate) accepted: bool,
    /// Reset by this side.
    pub(crate) own_reset: Option<OwnReset>,
    /// Reset by the peer.
    pub(crate) peer_reset: Option<ResetCode>,
    /// Whether the application knows of the peer's reset.
    pub(crate) told_reset: bool,
    /// Whether the application has been told that there is something to read, and has not read since.
    pub(crate) told_readable: bool,
    /// What the application waits for before it writes on.
    pub(crate) wants: Wants,
    /// The receive window in bytes, and when it was last extended.
    pub(crate) window: u64,
    window_at: Time,
}

/// Control frames of one stream that wait for a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// `C`.
    pub(crate) open: bool,
    /// `K`.
    pub(crate) opened: bool,
    /// `W`.
    pub(crate) credit: bool,
    /// `X`.
    pub(crate) reset: bool,
    /// In the queue for any of these.
    pub(crate) queued: bool,
}

impl Stream {
    fn new(id: StreamId, credit: u64, granted: u64) -> Self {
        Self {
            id,
            send: SendHalf::new(credit),
            recv: RecvHalf::new(granted),
            turn: Turn::default(),
            target: Vec::new(),
            opening: false,
            announcing: false,
            due: Due::default(),
            open: false,
            accepted: false,
            own_reset: None,
            peer_reset: None,
            told_reset: false,
            told_readable: false,
            wants: Wants::default(),
            window: granted,
            window_at: Time::ZERO,
        }
    }

    /// Whether the application may still write.
    pub(crate) fn takes_bytes(&self) -> bool {
        !self.send.is_finished() && self.own_reset.is_none() && self.peer_reset.is_none()
    }

    /// Whether both directions are over and nothing has to be said any more.
    pub(crate) fn is_over(&self) -> bool {
        if let Some(reset) = self.own_reset {
            return reset.acked && self.send.held() == 0 && !self.opening;
        }
        // What the peer reset is over when the application says so: see `Event::Reset`.
        self.peer_reset.is_none() && self.send.is_done() && self.recv.is_read() && !self.announcing
    }
}

/// What a frame's stream id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// A stream in the table.
    Known(usize),
    /// One that was here and is over.
    Over,
    /// One the peer has not opened, and cannot have: it never had that id from us.
    Never,
    /// The peer's ids have more gaps than a link can have.
    TooMany,
}

/// Memory for chunks of either direction, counted apart: what readers leave lying must not keep writers from writing.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    /// For what is written and not acknowledged.
    pub(crate) send: Pool,
    /// For what has arrived and not been read.
    pub(crate) recv: Pool,
}

/// The table of streams.
#[derive(Debug)]
pub(crate) struct Streams {
    side: Side,
    slab: Slab<Stream>,
    by_id: BTreeMap<StreamId, usize>,
    /// The stream looked up last: packets of one follow each other.
    last: Cell<Option<(StreamId, usize)>>,
    next_own: u64,
    next_peer: u64,
    /// Places of the peer's half below `next_peer` of which nothing has been seen.
    unseen: RangeSet,
    peer_open: usize,
    /// Streams of the peer that may be in the table: far more than it may have open, because its streams are over for
    /// it a little earlier than here, and what is beyond the limit is here until the peer has its reset.
    max_peer: usize,
    /// Memory for chunks.
    pub(crate) pools: Pools,
    /// What the peer may send on a new stream, as this side says in the handshake.
    first_credit: u64,
    /// What this side may send on a new stream, as the peer said.
    peer_credit: u64,
    /// Bytes that the receiving halves may come to hold together beyond the first credit of each, and the limit on them.
    granted: u64,
    recv_limit: u64,
}

impl Streams {
    /// Gaps in the peer's ids: more means a peer that does not play by the rules.
    const MAX_GAPS: usize = 4_096;

    /// An empty table for `side`, for at most `max_streams` streams of the peer. Each has `first_credit`; beyond that they are
    /// promised at most about `recv_limit` bytes together.
    pub(crate) fn new(side: Side, max_streams: usize, first_credit: u64, recv_limit: u64) -> Self {
        Self {
            side,
            slab: Slab::new(),
            by_id: BTreeMap::new(),
            last: Cell::new(None),
            next_own: 0,
            next_peer: 0,
            unseen: RangeSet::default(),
            peer_open: 0,
            max_peer: max_streams * 2 + Self::MAX_GAPS,
            pools: Pools::default(),
            first_credit,
            peer_credit: LEAST_CREDIT,
            granted: 0,
            recv_limit,
        }
    }

    /// The peer lets this side send `credit` bytes on each stream before it says more. Returns the streams that may send
    /// more than before.
    pub(crate) fn set_peer_credit(&mut self, credit: u64) -> Vec<usize> {
        self.peer_credit = credit.max(LEAST_CREDIT);
        let credit = self.peer_credit;
        let raise = |(key, stream): (usize, &mut Stream)| stream.send.raise_credit(credit).then_some(key);
        self.slab.iter_mut().filter_map(raise).collect()
    }

    /// Another peer than before, which knows of no stream: what the old one let this side send means nothing to it.
    pub(crate) fn forget_peer_credit(&mut self) {
        self.peer_credit = LEAST_CREDIT;
        for (_, stream) in &mut self.slab {
            stream.send.forget_credit(LEAST_CREDIT);
        }
    }

    /// What counts of the bytes that a stream may come to hold: what exceeds the first credit that every stream has. Nearly
    /// all streams use little of theirs; if all use it at once, [`crate::sealed::transport`] drops packets rather than grow.
    const fn extra(&self, outstanding: u64) -> u64 {
        outstanding.saturating_sub(self.first_credit)
    }

    /// How many streams there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// How many of them the peer opened.
    pub(crate) const fn peer_open(&self) -> usize {
        self.peer_open
    }

    /// All streams.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.slab.iter().map(|(_, stream)| stream)
    }

    /// The stream named `id`.
    pub(crate) fn key(&self, id: StreamId) -> Option<usize> {
        if let Some((_, key)) = self.last.get().filter(|(last, _)| *last == id) {
            return Some(key);
        }
        let key = self.by_id.get(&id).copied()?;
        self.last.set(Some((id, key)));
        Some(key)
    }

    /// The stream with this key and the pool its bytes live in.
    pub(crate) fn get(&mut self, key: usize) -> Option<(&mut Stream, &mut Pools)> {
        self.slab.get_mut(key).map(|stream| (stream, &mut self.pools))
    }

    /// The stream named `id` and the pool its bytes live in.
    pub(crate) fn find(&mut self, id: StreamId) -> Option<(usize, &mut Stream, &mut Pools)> {
        let key = self.key(id)?;
        self.slab.get_mut(key).map(|stream| (key, stream, &mut self.pools))
    }

    /// The stream named `id`, to look at.
    pub(crate) fn peek(&self, id: StreamId) -> Option<&Stream> {
        self.slab.get(self.key(id)?)
    }

    /// A new stream of our own.
    pub(crate) fn open(&mut self, target: &[u8]) -> (usize, StreamId) {
        let id = self.side.id(self.next_own);
        self.next_own += 1;
        let window = self.first_window();
        let mut stream = Stream::new(id, self.peer_credit, window);
        stream.target = target.to_vec();
        stream.opening = true;
        stream.open = true;
        stream.due.open = true;
        (self.insert(stream), id)
    }

    fn insert(&mut self, stream: Stream) -> usize {
        self.granted += self.extra(stream.recv.outstanding());
        let id = stream.id;
        let key = self.slab.insert(stream);
        self.by_id.insert(id, key);
        key
    }

    /// Which stream a frame of the peer means; makes the ones it announces by it.
    pub(crate) fn lookup(&mut self, id: StreamId) -> Lookup {
        if let Some(key) = self.key(id) {
            return Lookup::Known(key);
        }
        let place = id.0 >> 1;
        if self.side.opened(id) {
            return if place < self.next_own { Lookup::Over } else { Lookup::Never };
        }
        if place < self.next_peer && !self.unseen.contains(place) {
            return Lookup::Over;
        }
        if place >= self.next_peer {
            self.unseen.insert(self.next_peer..place);
            self.next_peer = place + 1;
        } else {
            self.unseen.remove(place..place + 1);
        }
        if self.unseen.len() > Self::MAX_GAPS || self.peer_open >= self.max_peer {
            return Lookup::TooMany;
        }
        self.peer_open += 1;
        Lookup::Known(self.insert(Stream::new(id, self.peer_credit, self.first_credit)))
    }

    /// Takes the stream out, frees its memory and returns it.
    pub(crate) fn remove(&mut self, key: usize) -> Stream {
        let mut stream = self.slab.remove(key);
        self.last.set(None);
        self.granted -= self.extra(stream.recv.outstanding());
        self.by_id.remove(&stream.id);
        if !self.side.opened(stream.id) {
            self.peer_open -= 1;
        }
        stream.send.clear(&mut self.pools.send);
        stream.recv.clear(&mut self.pools.recv);
        if self.slab.is_empty() {
            self.pools.send.trim();
            self.pools.recv.trim();
            self.slab.shrink_to_fit();
        }
        stream
    }

    /// Bytes promised beyond what every stream has.
    pub(crate) const fn granted(&self) -> u64 {
        self.granted
    }

    /// Bytes that may still be promised.
    const fn free(&self) -> u64 {
        self.recv_limit.saturating_sub(self.granted)
    }

    fn first_window(&self) -> u64 {
        FIRST_WINDOW.min(self.free() / FIRST_SHARE).max(self.first_credit)
    }

    /// Gives a stream that the peer has just opened its first window. True if that is more than it had.
    pub(crate) fn first_grant(&mut self, key: usize, now: Time) -> bool {
        let window = self.first_window();
        self.grant(key, now, window)
    }

    fn grant(&mut self, key: usize, now: Time, window: u64) -> bool {
        let more = self.recount(key, |stream, _| stream.recv.grant(window));
        let stream = &mut self.slab[key];
        stream.window = window;
        stream.window_at = now;
        more
    }

    /// Makes a change to what a stream may come to hold, and counts that anew.
    fn recount<R>(&mut self, key: usize, change: impl FnOnce(&mut Stream, &mut Pools) -> R) -> R {
        let stream = &mut self.slab[key];
        let before = stream.recv.outstanding();
        let result = change(stream, &mut self.pools);
        let after = stream.recv.outstanding();
        self.granted = self.granted + self.extra(after) - self.extra(before);
        result
    }

    /// The application has read `length` bytes of a stream; the window moves, and grows where it is what holds the
    /// peer back: a quarter of it used up in less than two round trips. A quarter, so that a credit that is lost finds
    /// the peer with enough of the last. True if the peer must be told.
    pub(crate) fn consume(
        &mut self,
        key: usize,
        length: u64,
        now: Time,
        round_trip: std::time::Duration,
    ) -> bool {
        let free = self.free();
        self.recount(key, |stream, pools| stream.recv.consume(length, &mut pools.recv));
        let stream = &self.slab[key];
        if stream.recv.outstanding() > stream.window / 4 * 3 {
            return false;
        }
        let fast = now.since(stream.window_at) < round_trip * 2;
        let wanted = if fast { stream.window * 2 } else { stream.window };
        // What is free is shared out by halves, so that nobody ever finds nothing.
        let window = wanted.min(stream.recv.outstanding().max(LEAST_WINDOW) + free / 2).max(LEAST_WINDOW);
        self.grant(key, now, window)
    }

    /// More arrived behind a gap. A packet lost four times holds up what four round trips bring, and the window must
    /// hold that, or the gap stops the sender: it doubles once a quarter of it waits. True if the peer must be told.
    pub(crate) fn widen(&mut self, key: usize, now: Time) -> bool {
        let free = self.free();
        let Some(stream) = self.slab.get(key) else { return false };
        if stream.recv.waiting() <= stream.window / 4 {
            return false;
        }
        let window = (stream.window * 2).min(stream.recv.outstanding() + free / 2);
        window > stream.window && self.grant(key, now, window)
    }

    /// Whether a stream that is being reset stops counting what it could have received.
    pub(crate) fn stop_receiving(&mut self, key: usize) {
        self.recount(key, |stream, pools| stream.recv.clear(&mut pools.recv));
    }
}
