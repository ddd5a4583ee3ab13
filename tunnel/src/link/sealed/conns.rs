//! The TCP connections of one link, by stream, and whose turn it is.

mod waits;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::transport::Transport;
use proto::sealed::wire::frame::{ResetCode, StreamId};
use slab::Slab;

use crate::link::sealed::conn::{Conn, Step, code_of};
use crate::link::sealed::records::Carried;
use crate::link::sealed::ticket_share::StreamPlace;
use crate::local::stream::LocalStream;
use crate::number::widen;
use crate::ready::{KnownTask, Ready};

/// All connections of a link.
#[derive(Debug)]
pub(super) struct Conns {
    slots: Slab<Conn>,
    keys: BTreeMap<StreamId, usize>,
    ready: Arc<Ready>,
    task: KnownTask,
    woken: Vec<usize>,
    to_read: VecDeque<usize>,
    to_write: VecDeque<usize>,
    /// Clients whose stream the peer has not heard of, and since when, in that order.
    waiting: VecDeque<(Instant, StreamId)>,
    /// Connections to look at again, and when: an RST is due then.
    due: VecDeque<(Instant, StreamId)>,
    /// Connections without a stream whose RST is due, and when.
    lingering: VecDeque<(Instant, Conn)>,
    /// Streams whose connections are gone, and what these had carried.
    ended: Vec<(StreamId, Carried)>,
}

/// What a turn brought.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Bytes from connections into streams.
    pub(super) sent: usize,
    /// Bytes from streams into connections.
    pub(super) received: usize,
    /// Connections that turned out to be broken; they are gone.
    pub(super) broken: Vec<(StreamId, io::Error)>,
    /// Streams that the peer has reset and whose last bytes have been written; their connections are gone.
    pub(super) reset: Vec<(StreamId, ResetCode)>,
    /// Some connection's other end has sent FIN, which is on its stream now.
    pub(super) finished: bool,
}

impl Moved {
    /// Whether anything has ended: that has to leave as bytes have.
    pub(super) fn has_ends(&self) -> bool {
        self.finished || !self.broken.is_empty() || !self.reset.is_empty()
    }
}

impl Conns {
    /// Connections that get their turn in one go.
    const TURNS: usize = 64;

    /// No connections.
    pub(super) fn new() -> Self {
        Self {
            slots: Slab::new(),
            keys: BTreeMap::new(),
            ready: Ready::new(),
            task: KnownTask::default(),
            woken: Vec::new(),
            to_read: VecDeque::new(),
            to_write: VecDeque::new(),
            waiting: VecDeque::new(),
            due: VecDeque::new(),
            lingering: VecDeque::new(),
            ended: Vec::new(),
        }
    }

    /// Says whom to wake when a connection moves.
    pub(super) fn register(&mut self, task: &Waker) {
        if self.task.is_news(task) {
            self.ready.register(task);
        }
    }

    /// Takes over the connection of a stream, and its place. The peer gets `first` before what comes from the connection.
    pub(super) fn insert(
        &mut self,
        id: StreamId,
        local: LocalStream,
        first: Vec<u8>,
        place: Option<StreamPlace>,
    ) {
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        entry.insert(Conn::new(id, local, first, place, &self.ready, key));
        self.keys.insert(id, key);
        self.list_read(key);
        self.list_write(key);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// What the stream's connection has carried, and when it last did.
    pub(super) fn carried(&self, id: StreamId) -> Option<(Carried, Instant)> {
        let conn = self.slots.get(*self.keys.get(&id)?)?;
        Some((conn.carried, conn.active))
    }

    /// The streams whose connections are gone since the last call, and what these had carried.
    pub(super) fn take_ended(&mut self) -> impl Iterator<Item = (StreamId, Carried)> + use<'_> {
        self.ended.drain(..)
    }

    /// Whether the stream has a connection.
    pub(super) fn has(&self, id: StreamId) -> bool {
        self.keys.contains_key(&id)
    }

    /// The peer has reached the stream's target.
    pub(super) fn opened(&mut self, id: StreamId) {
        if let Some(conn) = self.find(id) {
            conn.open();
        }
    }

    /// The stream has bytes for its connection, or has ended.
    pub(super) fn readable(&mut self, id: StreamId) {
        if let Some(&key) = self.keys.get(&id) {
            self.list_write(key);
        }
    }

    /// The stream has room again.
    pub(super) fn writable(&mut self, id: StreamId) {
        if let Some(&key) = self.keys.get(&id)
            && self.slots.get(key).is_some_and(Conn::is_starved)
        {
            self.list_read(key);
        }
    }

    /// The peer has all that came from the connection, and its end.
    pub(super) fn delivered(&mut self, id: StreamId) {
        if let Some(conn) = self.find(id) {
            conn.delivered();
        }
    }

    /// The peer has reset the stream: its connection gets what it takes of the bytes before, then RST.
    pub(super) fn reset(&mut self, id: StreamId, code: ResetCode) {
        let Some(&key) = self.keys.get(&id) else { return };
        if let Some(conn) = self.slots.get_mut(key) {
            conn.reset(code);
        }
        self.list_write(key);
    }

    /// The stream has ended in order, in both directions. Says whether there was a connection.
    pub(super) fn close(&mut self, id: StreamId) -> bool {
        let Some(mut conn) = self.take(id) else { return false };
        conn.finish();
        true
    }

    /// Ends the stream's connection with RST.
    pub(super) fn abort(&mut self, id: StreamId, code: ResetCode) {
        if let Some(conn) = self.take(id) {
            conn.abort(code);
        }
    }

    /// Ends all connections with RST and says how many.
    pub(super) fn abort_all(&mut self) -> usize {
        let count = self.slots.len();
        for conn in self.slots.drain() {
            self.ended.push((conn.id, conn.carried));
            conn.abort(ResetCode::Reset);
        }
        self.lingering.drain(..).for_each(|(_, conn)| conn.abort(ResetCode::Reset));
        self.waiting.clear();
        self.due.clear();
        self.keys.clear();
        self.to_read.clear();
        self.to_write.clear();
        count
    }

    /// The streams that have carried nothing for `limit`.
    pub(super) fn idle(&self, limit: Duration) -> Vec<StreamId> {
        let now = Instant::now();
        let idle = |conn: &&Conn| now.saturating_duration_since(conn.active) >= limit;
        self.slots.iter().map(|(_, conn)| conn).filter(idle).map(|conn| conn.id).collect()
    }

    /// Lists the connections that were woken.
    pub(super) fn take_woken(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        self.ready.take(&mut woken);
        for key in woken.drain(..) {
            if let Some(conn) = self.slots.get(key) {
                conn.rearm();
                self.list_read(key);
                self.list_write(key);
            }
        }
        self.woken = woken;
    }

    /// Whether some connection waits for its turn.
    pub(super) fn has_work(&self) -> bool {
        !self.to_read.is_empty() || !self.to_write.is_empty()
    }

    /// Gives some connections their turn to be written to.
    pub(super) fn push(&mut self, now: Time, transport: &mut Transport, moved: &mut Moved) {
        for _ in 0..self.to_write.len().min(Self::TURNS) {
            let Some(key) = self.to_write.pop_front() else { return };
            let Some(conn) = self.slots.get_mut(key) else { continue };
            conn.to_write = false;
            let step = conn.push(now, transport);
            if matches!(step, Step::Broken(_)) {
                let rescued = conn.rescue(now, transport);
                conn.carried.sent += widen(rescued);
                moved.sent += rescued;
            }
            let id = conn.id;
            let Some(count) = self.note(id, step, moved, |carried| &mut carried.received) else { continue };
            moved.received += count.bytes;
            if count.more {
                self.list_write(key);
            } else {
                self.end_if_reset(key, transport.readable(id), count.bytes, moved);
            }
        }
    }

    /// Ends the connection if the peer has reset its stream and the bytes before that are written, or cannot be. `left`: of those
    /// so many are not, `wrote` were just now.
    fn end_if_reset(&mut self, key: usize, left: u64, wrote: usize, moved: &mut Moved) {
        let Some(conn) = self.slots.get_mut(key) else { return };
        let (id, Some((code, _))) = (conn.id, conn.reset) else { return };
        if let Some(at) = conn.reset_due(left, wrote) {
            if !std::mem::replace(&mut conn.in_due, true) {
                self.due.push_back((at, id));
            }
            return;
        }
        self.let_go(id, code);
        moved.reset.push((id, code));
    }

    /// Gives some connections their turn to be read from.
    pub(super) fn pull(&mut self, now: Time, transport: &mut Transport, moved: &mut Moved) {
        for _ in 0..self.to_read.len().min(Self::TURNS) {
            let Some(key) = self.to_read.pop_front() else { return };
            let Some(conn) = self.slots.get_mut(key) else { continue };
            conn.to_read = false;
            let mut more = self.pull_one(key, now, transport, moved);
            if more && self.slots.get_mut(key).is_some_and(Conn::goes_on) {
                more = self.pull_one(key, now, transport, moved);
            }
            if more {
                self.list_read(key);
            }
        }
    }

    /// Reads once from a connection. Says whether there may be more.
    fn pull_one(&mut self, key: usize, now: Time, transport: &mut Transport, moved: &mut Moved) -> bool {
        let Some(conn) = self.slots.get_mut(key) else { return false };
        let (id, was_at_end) = (conn.id, conn.is_at_end());
        let step = conn.pull(now, transport);
        moved.finished |= conn.is_at_end() && !was_at_end;
        let Some(count) = self.note(id, step, moved, |carried| &mut carried.sent) else { return false };
        moved.sent += count.bytes;
        count.more
    }

    fn note(
        &mut self,
        id: StreamId,
        step: Step,
        moved: &mut Moved,
        way: fn(&mut Carried) -> &mut u64,
    ) -> Option<Went> {
        let went = match step {
            Step::More(bytes) => Went { bytes, more: true },
            Step::Wait(bytes) => Went { bytes, more: false },
            Step::Broken(error) => {
                self.abort(id, code_of(&error));
                moved.broken.push((id, error));
                return None;
            }
        };
        if went.bytes > 0
            && let Some(conn) = self.find(id)
        {
            conn.active = Instant::now();
            *way(&mut conn.carried) += widen(went.bytes);
        }
        Some(went)
    }

    fn find(&mut self, id: StreamId) -> Option<&mut Conn> {
        self.slots.get_mut(*self.keys.get(&id)?)
    }

    fn take(&mut self, id: StreamId) -> Option<Conn> {
        let key = self.keys.remove(&id)?;
        let conn = self.slots.try_remove(key)?;
        self.ended.push((id, conn.carried));
        if conn.to_read {
            self.to_read.retain(|&other| other != key);
        }
        if conn.to_write {
            self.to_write.retain(|&other| other != key);
        }
        Some(conn)
    }

    fn list_read(&mut self, key: usize) {
        if let Some(conn) = self.slots.get_mut(key)
            && !std::mem::replace(&mut conn.to_read, true)
        {
            self.to_read.push_back(key);
        }
    }

    fn list_write(&mut self, key: usize) {
        if let Some(conn) = self.slots.get_mut(key)
            && !std::mem::replace(&mut conn.to_write, true)
        {
            self.to_write.push_back(key);
        }
    }
}

/// What one turn of one connection brought.
struct Went {
    bytes: usize,
    more: bool,
}
