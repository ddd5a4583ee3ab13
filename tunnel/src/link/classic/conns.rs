//! The TCP connections of a session: those of streams, and those whose stream is over but whose last bytes are not out.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use proto::classic::Stream;
use slab::Slab;
use tokio::net::TcpStream;

use super::queue::QueueBudget;
use super::relay::{Read, Relay};
use crate::number::widen;
use crate::ready::Ready;

/// All connections of a session.
#[derive(Debug)]
pub(super) struct Conns<P> {
    slots: Slab<Conn<P>>,
    keys: BTreeMap<Stream<P>, usize>,
    ready: Arc<Ready>,
    woken: Vec<usize>,
    /// Connections that were given bytes to write.
    unwritten: Vec<usize>,
    /// Connections that may have bytes to read, in the order they take turns.
    readable: VecDeque<usize>,
    budget: QueueBudget,
    queue_limit: usize,
    closing: usize,
    next_sweep: Option<Instant>,
    cuts: Vec<Cut<P>>,
}

#[derive(Debug)]
struct Conn<P> {
    relay: Relay,
    state: State<P>,
    /// It stands in `readable`.
    listed: bool,
    /// It stands in `unwritten`.
    unwritten: bool,
    /// The other end has sent FIN.
    ended: bool,
}

#[derive(Debug)]
enum State<P> {
    /// A stream's connection; bytes are read from it once the stream is open.
    Stream { stream: Stream<P>, open: bool },
    /// What waits is still written, then FIN is sent, then the other end's FIN is awaited.
    Closing {
        fin_sent: bool,
        until: Instant,
        /// The stream, if the peer ended it: what is not delivered is lost by its `X`.
        cut: Option<Stream<P>>,
        /// Bytes read from the other end that have no stream any more.
        unread: u64,
    },
}

/// What a stream's `X` from the peer has lost: bytes that the TCP connection still had, or did not take.
#[derive(Debug)]
pub(super) struct Cut<P> {
    /// Whose.
    pub(super) stream: Stream<P>,
    /// Bytes that the other end of the TCP connection sent, and that could not be sent to the peer any more.
    pub(super) unread: u64,
    /// Bytes that the other end of the TCP connection did not take in time.
    pub(super) unwritten: u64,
}

impl<P> Cut<P> {
    /// All bytes that are lost.
    pub(super) const fn bytes(&self) -> u64 {
        self.unread.saturating_add(self.unwritten)
    }
}

impl<P: Copy + Ord + Debug> Conns<P> {
    /// Connections that may be closing at a time; further ones are cut off.
    const MAX_CLOSING: usize = 256;
    /// How long a closing connection may take none of the bytes that wait for it.
    const FLUSH_PATIENCE: Duration = Duration::from_secs(10);
    /// How long the other end may take to answer our FIN with its own. Closing before that would turn bytes it still
    /// sends into a reset, and a reset can destroy what it has not read yet.
    const FIN_PATIENCE: Duration = Duration::from_secs(2);
    /// How often closing connections are looked through.
    const SWEEP: Duration = Duration::from_millis(250);

    /// No connections. At most `queue_limit` bytes wait for each, `memory` for all.
    pub(super) fn new(queue_limit: usize, memory: usize) -> Self {
        Self {
            slots: Slab::new(),
            keys: BTreeMap::new(),
            ready: Ready::new(),
            woken: Vec::new(),
            unwritten: Vec::new(),
            readable: VecDeque::new(),
            budget: QueueBudget::new(memory),
            queue_limit,
            closing: 0,
            next_sweep: None,
            cuts: Vec::new(),
        }
    }

    /// Says whom to wake when a connection moves.
    pub(super) fn register(&self, task: &Waker) {
        self.ready.register(task);
    }

    /// Takes over the connection of a stream. It is not read from before [`Conns::open`].
    pub(super) fn insert(&mut self, stream: Stream<P>, tcp: TcpStream) {
        let key = self.add(tcp, State::Stream { stream, open: false });
        self.keys.insert(stream, key);
    }

    /// Reads from the stream's connection from now on.
    pub(super) fn open(&mut self, stream: Stream<P>) {
        let Some(&key) = self.keys.get(&stream) else { return };
        if let Some(conn) = self.slots.get_mut(key) {
            conn.state = State::Stream { stream, open: true };
            list(&mut self.readable, conn, key);
        }
    }

    /// Hands `parts` to the stream's connection, for [`Conns::write`] to write. Says how many were dropped for want of room.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn put(&mut self, stream: Stream<P>, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(&key) = self.keys.get(&stream) else { return Ok(parts.len()) };
        let Some(conn) = self.slots.get_mut(key) else { return Ok(parts.len()) };
        if !std::mem::replace(&mut conn.unwritten, true) {
            self.unwritten.push(key);
        }
        conn.relay.put(parts, &mut self.budget)
    }

    /// Writes what was put. `broken` gets the streams whose connection turned out to be.
    pub(super) fn write(&mut self, broken: &mut Vec<(Stream<P>, io::Error)>) {
        for key in self.unwritten.drain(..) {
            let Some(conn) = self.slots.get_mut(key) else { continue };
            conn.unwritten = false;
            if let State::Stream { stream, .. } = conn.state
                && let Poll::Ready(Err(error)) = conn.relay.poll_flush(&mut self.budget)
            {
                broken.push((stream, error));
            }
        }
    }

    /// The stream is over: its connection gets what waits for it, then FIN. `by_peer`: what is lost by that is said, see
    /// [`Conns::next_cut`].
    pub(super) fn close(&mut self, stream: Stream<P>, by_peer: bool) {
        if let Some(key) = self.keys.remove(&stream) {
            self.begin_closing(key, by_peer.then_some(stream));
        }
    }

    /// Closes every stream's connection.
    pub(super) fn close_all(&mut self) {
        for key in std::mem::take(&mut self.keys).into_values() {
            self.begin_closing(key, None);
        }
    }

    /// Closes a connection that never had a stream.
    pub(super) fn turn_away(&mut self, tcp: TcpStream) {
        if self.closing < Self::MAX_CLOSING {
            let key = self.add(tcp, closing(Duration::ZERO, None));
            self.closing += 1;
            self.advance_closing(key);
        }
    }

    /// The stream's connection is broken.
    pub(super) fn remove(&mut self, stream: Stream<P>) {
        if let Some(key) = self.keys.remove(&stream) {
            self.drop_slot(key);
        }
    }

    /// Writes to the connections that were woken. `broken` gets the streams whose connection turned out to be.
    pub(super) fn serve(&mut self, broken: &mut Vec<(Stream<P>, io::Error)>) -> bool {
        let mut woken = std::mem::take(&mut self.woken);
        self.ready.take(&mut woken);
        let moved = !woken.is_empty();
        for key in woken.drain(..) {
            self.serve_one(key, broken);
        }
        self.woken = woken;
        moved
    }

    /// The next connection that may have bytes to read, and its stream. Whoever takes it reads once, then calls
    /// [`Conns::read_more`] or [`Conns::read_no_more`], or neither if the read was pending.
    pub(super) fn next_readable(&mut self) -> Option<(Stream<P>, &Relay)> {
        while let Some(key) = self.readable.pop_front() {
            let Some(conn) = self.slots.get_mut(key) else { continue };
            conn.listed = false;
            if let State::Stream { stream, open: true } = conn.state
                && !conn.ended
            {
                return self.slots.get(key).map(|conn| (stream, &conn.relay));
            }
        }
        None
    }

    /// Whether [`Conns::next_readable`] would try a connection.
    pub(super) fn has_readable(&self) -> bool {
        !self.readable.is_empty()
    }

    /// The read brought data; there may be more, after the others had their turn.
    pub(super) fn read_more(&mut self, stream: Stream<P>) {
        let Some(&key) = self.keys.get(&stream) else { return };
        if let Some(conn) = self.slots.get_mut(key) {
            list(&mut self.readable, conn, key);
        }
    }

    /// The connection's other end has sent FIN.
    pub(super) fn read_no_more(&mut self, stream: Stream<P>) {
        if let Some(conn) = self.keys.get(&stream).and_then(|&key| self.slots.get_mut(key)) {
            conn.ended = true;
        }
    }

    /// When [`Conns::sweep`] has something to do.
    pub(super) const fn next_sweep(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Cuts off the closing connections that took too long.
    pub(super) fn sweep(&mut self, now: Instant) {
        let late = |conn: &Conn<P>| matches!(conn.state, State::Closing { until, .. } if until <= now);
        let keys: Vec<_> = self.slots.iter().filter(|(_, conn)| late(conn)).map(|(key, _)| key).collect();
        for key in keys {
            self.drop_slot(key);
        }
        self.next_sweep = (self.closing > 0).then(|| now + Self::SWEEP);
    }

    /// The next stream that was over before everything was delivered.
    pub(super) fn next_cut(&mut self) -> Option<Cut<P>> {
        self.cuts.pop()
    }

    /// Bytes that wait for the stream's connection to take them.
    pub(super) fn waiting(&self, stream: Stream<P>) -> u64 {
        let conn = self.keys.get(&stream).and_then(|&key| self.slots.get(key));
        conn.map_or(0, |conn| widen(conn.relay.waiting()))
    }

    /// Whether every connection has got all its bytes and our FIN.
    pub(super) fn all_finished(&self) -> bool {
        self.slots.iter().all(|(_, conn)| matches!(conn.state, State::Closing { fin_sent: true, .. }))
    }

    fn add(&mut self, tcp: TcpStream, state: State<P>) -> usize {
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        let relay = Relay::new(tcp, self.queue_limit, &self.ready, key);
        entry.insert(Conn { relay, state, listed: false, unwritten: false, ended: false });
        key
    }

    fn serve_one(&mut self, key: usize, broken: &mut Vec<(Stream<P>, io::Error)>) {
        let Some(conn) = self.slots.get_mut(key) else { return };
        conn.relay.rearm();
        match conn.state {
            State::Closing { .. } => self.advance_closing(key),
            State::Stream { stream, open } => match conn.relay.poll_flush(&mut self.budget) {
                Poll::Ready(Err(error)) => broken.push((stream, error)),
                Poll::Ready(Ok(())) | Poll::Pending if open && !conn.ended => {
                    list(&mut self.readable, conn, key);
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            },
        }
    }

    fn begin_closing(&mut self, key: usize, cut: Option<Stream<P>>) {
        let Some(conn) = self.slots.get_mut(key) else { return };
        conn.state = closing(Self::FLUSH_PATIENCE, cut);
        self.closing += 1;
        if self.closing > Self::MAX_CLOSING {
            self.drop_slot(key);
        } else {
            self.advance_closing(key);
        }
    }

    /// Takes a closing connection as far as it goes.
    fn advance_closing(&mut self, key: usize) {
        let Some(conn) = self.slots.get_mut(key) else { return };
        let State::Closing { fin_sent, until, cut, unread } = &mut conn.state else { return };
        let now = Instant::now();
        if !*fin_sent {
            let waiting = conn.relay.waiting();
            match conn.relay.poll_flush(&mut self.budget) {
                Poll::Ready(Ok(())) => {
                    conn.relay.finish();
                    *fin_sent = true;
                    *until = now + Self::FIN_PATIENCE;
                }
                Poll::Ready(Err(_)) => {
                    // Its own end lost what waits, not the peer's `X`.
                    *cut = None;
                    return self.drop_slot(key);
                }
                Poll::Pending if conn.relay.waiting() < waiting => *until = now + Self::FLUSH_PATIENCE,
                Poll::Pending => {}
            }
        }
        self.next_sweep.get_or_insert(now + Self::SWEEP);
        // Bytes that still come have no stream any more.
        let done = conn.ended || reads_to_the_end(&conn.relay, unread);
        conn.ended = done;
        if done && *fin_sent {
            self.drop_slot(key);
        }
    }

    fn drop_slot(&mut self, key: usize) {
        let Some(mut conn) = self.slots.try_remove(key) else { return };
        if let State::Closing { cut, unread, .. } = conn.state {
            self.closing -= 1;
            let unwritten = widen(conn.relay.waiting());
            self.cuts
                .extend(cut.map(|stream| Cut { stream, unread, unwritten }).filter(|cut| cut.bytes() > 0));
        }
        conn.relay.discard(&mut self.budget);
        if conn.listed {
            self.readable.retain(|&other| other != key);
        }
    }
}

fn list<P>(readable: &mut VecDeque<usize>, conn: &mut Conn<P>, key: usize) {
    if !conn.listed {
        conn.listed = true;
        readable.push_back(key);
    }
}

/// The state of a connection that has so long to take what waits for it.
fn closing<P>(patience: Duration, cut: Option<Stream<P>>) -> State<P> {
    State::Closing { fin_sent: false, until: Instant::now() + patience, cut, unread: 0 }
}

/// Reads and forgets what is there, and counts it; whether nothing more can come.
fn reads_to_the_end(relay: &Relay, unread: &mut u64) -> bool {
    let mut scratch = [0; 4_096];
    loop {
        match relay.poll_read(&mut [IoSliceMut::new(&mut scratch)]) {
            Poll::Ready(Ok(Read::Data(count))) => *unread += widen(count),
            Poll::Ready(Ok(Read::End) | Err(_)) => return true,
            Poll::Pending => return false,
        }
    }
}

#[cfg(test)]
mod tests;
