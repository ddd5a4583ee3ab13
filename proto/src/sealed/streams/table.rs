//! The streams of a link: their table, by their ids. What they may hold is in [`memory`].

mod memory;

use crate::sealed::streams::announce::Announce;
#[cfg(any(test, feature = "fuzzing"))]
use crate::sealed::streams::blocked::Blocked;
use crate::sealed::streams::budget::{Budget, Share};
use crate::sealed::streams::flow::Flow;
use crate::sealed::streams::link_credit::LinkCredit;
use crate::sealed::streams::promises::Promises;
use crate::sealed::streams::recv::StreamViolation;
use crate::sealed::streams::settings::Settings;
use crate::sealed::streams::stream::{OpenState, Stream};
use crate::sealed::wire::frame::StreamId;
use crate::sealed::wire::ranges::RangeSet;
use crate::sealed::wire::varint;
use crate::time::Time;
pub(crate) use memory::Pools;
use slab::Slab;
use std::cell::Cell;
use std::collections::BTreeMap;

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

/// What a frame's stream id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// A stream in the table.
    Known(usize),
    /// One that was here and is over.
    Over,
    /// One of the peer's that it has not opened yet, as far as is known here.
    Unseen,
    /// One of ours that was never opened.
    Never,
}

/// Why a stream of the peer cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The peer's ids have more gaps, or it has far more streams, than a link can have.
    TooMany,
    /// It takes more link credit than it has.
    Credit(StreamViolation),
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
    /// Places below that whose streams the peer never heard of: the next ones take them, so that it sees no gaps.
    withdrawn: Vec<u64>,
    next_peer: u64,
    /// Places of the peer's half below `next_peer` of which nothing has been seen.
    unseen: RangeSet,
    peer_open: usize,
    /// How many of them were refused.
    refused: usize,
    /// Streams of the peer that may be in the table: far more than it may have open, because its streams are over for
    /// it a little earlier than here, and what is beyond the limit is here until the peer has its reset.
    max_peer: usize,
    /// Memory for pieces.
    pub(crate) pools: Pools,
    /// What the peer may send.
    pub(crate) promises: Promises,
    /// What may be held of what is written.
    pub(crate) send_share: Share,
    /// What this side may send on streams of which the peer has said nothing; `None` before the handshake.
    link_credit: Option<LinkCredit>,
    /// What waits of flows to be sent, in bytes of memory.
    pub(crate) datagrams: u64,
}

impl Streams {
    /// Gaps in the peer's ids: more means a peer that does not play by the rules.
    const MAX_GAPS: usize = 4_096;

    /// An empty table for `side`.
    pub(crate) fn new(side: Side, settings: &Settings) -> Self {
        Self {
            side,
            slab: Slab::new(),
            by_id: BTreeMap::new(),
            last: Cell::new(None),
            next_own: 0,
            withdrawn: Vec::new(),
            next_peer: 0,
            unseen: RangeSet::default(),
            peer_open: 0,
            refused: 0,
            max_peer: settings.max_streams * 2 + Self::MAX_GAPS,
            pools: Pools::default(),
            promises: Promises::new(Share::of(settings.share()), settings.first_credit()),
            send_share: Share::of(settings.share()),
            link_credit: None,
            datagrams: 0,
        }
    }

    /// From now on its memory is part of `budget`.
    pub(crate) fn join(&mut self, budget: &Budget) {
        self.promises.join(budget);
        self.send_share.join(budget);
    }

    /// The peer's link credit is `limit` bytes since the link began, of which one stream should take no more than `stream`.
    /// The same in all handshakes of a link.
    pub(crate) fn set_link_credit(&mut self, limit: u64, stream: u64) {
        // No offset on the wire is larger.
        let limit = limit.min(varint::MAX);
        self.link_credit.get_or_insert_with(|| LinkCredit::new(limit, stream));
    }

    /// A stream of our own is announced. The first time it takes link credit for its first bytes, if it has none or is bulk.
    /// Returns what it has taken in all.
    pub(crate) fn take_first(&mut self, key: usize) -> u64 {
        let Some(stream) = self.slab.get_mut(key) else { return 0 };
        let Some(open) = stream.opening.open() else { return 0 };
        let is_first_time = !open.has_left();
        open.on_sent();
        if !is_first_time {
            return stream.first.unwrap_or(0);
        }
        let waiting = stream.send.unsent();
        let first = match (stream.first, &mut self.link_credit) {
            (None, Some(credit)) => credit.take(waiting),
            (Some(first), Some(credit)) if waiting >= LinkCredit::BULK => first + credit.take_more(first),
            (first, _) => first.unwrap_or(0),
        };
        stream.first = Some(first);
        stream.send.raise_credit(first);
        if stream.send.state.is_reset() {
            stream.send.cut(&mut self.pools.send);
            self.count_written();
        }
        first
    }

    /// Our new streams may take first credit up to `limit` bytes since the link began.
    pub(crate) fn raise_link_credit(&mut self, limit: u64) {
        if let Some(credit) = &mut self.link_credit {
            credit.raise(limit);
        }
    }

    /// Whether the peer has told its limits.
    pub(crate) const fn knows_peer(&self) -> bool {
        self.link_credit.is_some()
    }

    /// Another peer than before, which knows of no stream: what either side let the other send means nothing any more.
    pub(crate) fn forget_peer_credit(&mut self) {
        self.link_credit = None;
        self.promises.restart();
        for (_, stream) in &mut self.slab {
            stream.first = None;
            stream.opening.on_other_peer();
            stream.send.forget_credit();
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

    /// Streams of the peer that were refused and are still here.
    pub(crate) const fn refused(&self) -> usize {
        self.refused
    }

    /// A stream that the peer has just opened was reset because there is no place for it.
    pub(crate) fn on_refused(&mut self, key: usize) {
        if let Some(stream) = self.slab.get_mut(key) {
            self.refused += usize::from(stream.opening != OpenState::Refused);
            stream.opening = OpenState::Refused;
        }
    }

    /// What the writer of each stream waits for.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn blocked(&self) -> impl Iterator<Item = (usize, &Blocked)> {
        self.slab.iter().map(|(key, stream)| (key, &stream.blocked))
    }

    /// The keys of all streams.
    pub(crate) fn keys(&self) -> Vec<usize> {
        self.slab.iter().map(|(key, _)| key).collect()
    }

    /// All streams.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.slab.iter().map(|(_, stream)| stream)
    }

    /// All streams, in the order of their ids.
    pub(crate) fn by_id(&self) -> impl Iterator<Item = &Stream> {
        self.by_id.values().filter_map(|&key| self.slab.get(key))
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

    /// A new stream of our own; `None` if there is no memory for it.
    pub(crate) fn open(&mut self, target: &[u8]) -> Option<(usize, StreamId)> {
        if !self.promises.has_place(0) {
            return None;
        }
        let place = self.withdrawn.pop().unwrap_or(self.next_own);
        self.next_own = self.next_own.max(place + 1);
        let id = self.side.id(place);
        let mut stream = Stream::new(id, OpenState::Ours { open: Announce::Unsent, answered: false });
        if let Some(credit) = &mut self.link_credit {
            let first = credit.take(0);
            stream.first = Some(first);
            stream.send.raise_credit(first);
        }
        stream.target = target.to_vec();
        stream.flow = Flow::to(target);
        self.promises.first_grant(Time::ZERO, &mut stream);
        Some((self.insert(stream), id))
    }

    /// A stream of our own that was not announced will not be: as if it had never been opened.
    pub(crate) fn withdraw(&mut self, stream: &Stream) {
        if let (Some(credit), Some(first)) = (&mut self.link_credit, stream.first) {
            credit.give_back(first);
        }
        self.withdrawn.push(stream.id.0 >> 1);
    }

    fn insert(&mut self, stream: Stream) -> usize {
        let id = stream.id;
        let key = self.slab.insert(stream);
        self.by_id.insert(id, key);
        key
    }

    /// Which stream a frame of the peer means.
    pub(crate) fn lookup(&self, id: StreamId) -> Lookup {
        if let Some(key) = self.key(id) {
            return Lookup::Known(key);
        }
        let place = id.0 >> 1;
        if self.side.opened(id) {
            return if place < self.next_own { Lookup::Over } else { Lookup::Never };
        }
        let unseen = place >= self.next_peer || self.unseen.contains(place);
        if unseen { Lookup::Unseen } else { Lookup::Over }
    }

    /// The peer opens the stream `id`, which is [`Lookup::Unseen`], and has taken `first` of the link credit for it.
    pub(crate) fn open_peer(&mut self, id: StreamId, first: u64) -> Result<usize, OpenError> {
        let place = id.0 >> 1;
        if place >= self.next_peer {
            self.unseen.insert(self.next_peer..place);
            self.next_peer = place + 1;
        } else {
            self.unseen.remove(place..place + 1);
        }
        if self.unseen.len() > Self::MAX_GAPS || self.peer_open >= self.max_peer {
            return Err(OpenError::TooMany);
        }
        self.promises.on_taken(first).map_err(OpenError::Credit)?;
        self.peer_open += 1;
        let mut stream = Stream::new(id, OpenState::Asked);
        stream.recv.grant(first);
        self.promises.recount(&mut stream);
        Ok(self.insert(stream))
    }

    /// Takes the stream out, frees its memory and returns it.
    pub(crate) fn remove(&mut self, key: usize) -> Stream {
        let mut stream = self.slab.remove(key);
        self.last.set(None);
        self.promises.release(&mut stream);
        self.by_id.remove(&stream.id);
        if !self.side.opened(stream.id) {
            self.peer_open -= 1;
        }
        self.refused -= usize::from(stream.opening == OpenState::Refused);
        stream.send.clear(&mut self.pools.send);
        stream.recv.clear(&mut self.pools.recv);
        self.count_promised();
        if self.pools.send.used() == 0 && self.pools.recv.used() == 0 {
            self.trim();
        } else {
            self.count_written();
        }
        if self.slab.is_empty() {
            self.slab.shrink_to_fit();
        }
        stream
    }
}
