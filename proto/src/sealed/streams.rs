//! The streams of a link: their table, their states, and the memory they may come to hold.

use super::buffer::Pool;
use super::frame::{ResetCode, StreamId};
use super::ranges::RangeSet;
use super::recv::RecvHalf;
use super::schedule::Turn;
use super::send::SendHalf;
use crate::time::Time;
use slab::Slab;
use std::collections::BTreeMap;

/// Bytes that may be sent on a new stream before the peer has said anything about it (specification).
pub(crate) const INITIAL_CREDIT: u64 = 64 * 1024;

/// The window of a stream whose use is not known yet: two megabytes go through without a wait for credit, which is
/// what a start on a path of 20 Mbit/s over a satellite has on its way.
const FIRST_WINDOW: u64 = 2 * 1024 * 1024;

/// The window that every stream can have, even on a link that is short of memory.
const LEAST_WINDOW: u64 = 16 * 1024;

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
    /// Where it goes: in `C`, until that is acknowledged.
    pub(crate) target: Vec<u8>,
    /// Control frames that must go (again).
    pub(crate) due: Due,
    /// Whether `C` has been seen or sent.
    pub(crate) open: bool,
    /// Whether the target has been dialled, as far as this side knows.
    pub(crate) accepted: bool,
    /// Reset by this side.
    pub(crate) own_reset: Option<OwnReset>,
    /// Reset by the peer.
    pub(crate) peer_reset: Option<ResetCode>,
    /// Whether the application has been told that there is something to read, and has not read since.
    pub(crate) told_readable: bool,
    /// Whether the application wants to know when there is room to write.
    pub(crate) wants_room: bool,
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
    fn new(id: StreamId, granted: u64) -> Self {
        Self {
            id,
            send: SendHalf::new(INITIAL_CREDIT),
            recv: RecvHalf::new(granted),
            turn: Turn::default(),
            target: Vec::new(),
            due: Due::default(),
            open: false,
            accepted: false,
            own_reset: None,
            peer_reset: None,
            told_readable: false,
            wants_room: false,
            window: granted,
            window_at: Time::ZERO,
        }
    }

    /// Whether both directions are over and nothing has to be said any more.
    pub(crate) fn is_over(&self) -> bool {
        if let Some(reset) = self.own_reset {
            return reset.acked && self.send.held() == 0;
        }
        self.send.is_done() && self.recv.is_read() && !self.due.opened
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

/// The table of streams.
#[derive(Debug)]
pub(crate) struct Streams {
    side: Side,
    slab: Slab<Stream>,
    by_id: BTreeMap<StreamId, usize>,
    next_own: u64,
    next_peer: u64,
    /// Places of the peer's half below `next_peer` of which nothing has been seen.
    unseen: RangeSet,
    peer_open: usize,
    /// Memory for chunks.
    pub(crate) pool: Pool,
    /// Bytes that the receiving halves may come to hold together, and the limit on them.
    granted: u64,
    recv_limit: u64,
}

impl Streams {
    /// Gaps in the peer's ids: more means a peer that does not play by the rules.
    const MAX_GAPS: usize = 4_096;

    /// An empty table for `side`; receiving halves hold at most about `recv_limit` bytes together.
    pub(crate) fn new(side: Side, recv_limit: u64) -> Self {
        Self {
            side,
            slab: Slab::new(),
            by_id: BTreeMap::new(),
            next_own: 0,
            next_peer: 0,
            unseen: RangeSet::default(),
            peer_open: 0,
            pool: Pool::default(),
            granted: 0,
            recv_limit,
        }
    }

    /// How many streams there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// How many of them the peer opened.
    pub(crate) const fn peer_open(&self) -> usize {
        self.peer_open
    }

    /// All keys, in order of ids.
    pub(crate) fn keys(&self) -> Vec<usize> {
        self.by_id.values().copied().collect()
    }

    /// The stream named `id`.
    pub(crate) fn key(&self, id: StreamId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The stream with this key and the pool its bytes live in.
    pub(crate) fn get(&mut self, key: usize) -> Option<(&mut Stream, &mut Pool)> {
        self.slab.get_mut(key).map(|stream| (stream, &mut self.pool))
    }

    /// The stream named `id` and the pool its bytes live in.
    pub(crate) fn find(&mut self, id: StreamId) -> Option<(usize, &mut Stream, &mut Pool)> {
        let key = self.key(id)?;
        self.slab.get_mut(key).map(|stream| (key, stream, &mut self.pool))
    }

    /// The stream named `id`, to look at.
    pub(crate) fn peek(&self, id: StreamId) -> Option<&Stream> {
        self.slab.get(self.key(id)?)
    }

    /// A new stream of our own.
    pub(crate) fn open(&mut self, target: &[u8]) -> (usize, StreamId) {
        let id = self.side.id(self.next_own);
        self.next_own += 1;
        let window = FIRST_WINDOW.min(self.free() / 16).max(LEAST_WINDOW);
        let mut stream = Stream::new(id, window);
        stream.target = target.to_vec();
        stream.open = true;
        stream.due.open = true;
        (self.insert(stream), id)
    }

    fn insert(&mut self, stream: Stream) -> usize {
        self.granted += stream.recv.outstanding();
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
        if self.unseen.len() > Self::MAX_GAPS {
            return Lookup::TooMany;
        }
        self.peer_open += 1;
        Lookup::Known(self.insert(Stream::new(id, INITIAL_CREDIT)))
    }

    /// Takes the stream out, frees its memory and returns it.
    pub(crate) fn remove(&mut self, key: usize) -> Stream {
        let mut stream = self.slab.remove(key);
        self.granted -= stream.recv.outstanding();
        self.by_id.remove(&stream.id);
        if !self.side.opened(stream.id) {
            self.peer_open -= 1;
        }
        stream.send.clear(&mut self.pool);
        stream.recv.clear(&mut self.pool);
        if self.slab.is_empty() {
            self.pool.trim();
            self.slab.shrink_to_fit();
        }
        stream
    }

    /// Bytes that may still be promised.
    const fn free(&self) -> u64 {
        self.recv_limit.saturating_sub(self.granted)
    }

    /// Gives a stream that the peer has just opened its first window. True if that is more than it had.
    pub(crate) fn first_grant(&mut self, key: usize, now: Time) -> bool {
        let window = FIRST_WINDOW.min(self.free() / 16).max(LEAST_WINDOW);
        self.grant(key, now, window)
    }

    fn grant(&mut self, key: usize, now: Time, window: u64) -> bool {
        let stream = &mut self.slab[key];
        let before = stream.recv.outstanding();
        let more = stream.recv.grant(window);
        self.granted += stream.recv.outstanding() - before;
        stream.window = window;
        stream.window_at = now;
        more
    }

    /// The application has read `length` bytes of a stream; the window moves, and grows where it is what holds the
    /// peer back: half of it used up in less than two round trips. True if the peer must be told.
    pub(crate) fn consume(
        &mut self,
        key: usize,
        length: u64,
        now: Time,
        round_trip: std::time::Duration,
    ) -> bool {
        let free = self.free();
        let stream = &mut self.slab[key];
        let before = stream.recv.outstanding();
        stream.recv.consume(length, &mut self.pool);
        self.granted -= before - stream.recv.outstanding();
        if stream.recv.outstanding() > stream.window / 2 {
            return false;
        }
        let fast = now.since(stream.window_at) < round_trip * 2;
        let wanted = if fast { stream.window * 2 } else { stream.window };
        // What is free is shared out by halves, so that nobody ever finds nothing.
        let window = wanted.min(stream.recv.outstanding() + free / 2).max(LEAST_WINDOW);
        self.grant(key, now, window)
    }

    /// More arrived behind a gap. A packet lost four times holds up what four round trips bring, and the window must
    /// hold that, or the gap stops the sender: it doubles once half of it waits. True if the peer must be told.
    pub(crate) fn widen(&mut self, key: usize, now: Time) -> bool {
        let free = self.free();
        let Some(stream) = self.slab.get(key) else { return false };
        if stream.recv.waiting() <= stream.window / 2 {
            return false;
        }
        let window = (stream.window * 2).min(stream.recv.outstanding() + free / 2);
        window > stream.window && self.grant(key, now, window)
    }

    /// Whether a stream that is being reset stops counting what it could have received.
    pub(crate) fn stop_receiving(&mut self, key: usize) {
        let stream = &mut self.slab[key];
        let before = stream.recv.outstanding();
        stream.recv.clear(&mut self.pool);
        self.granted -= before - stream.recv.outstanding();
    }
}
