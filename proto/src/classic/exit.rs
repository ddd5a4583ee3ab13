//! proxy2's side of a classic link.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::frame::Datagram;
use super::{Closed, Counters, Settings, Stream};
use crate::Time;

/// The streams of all proxy1s that one proxy2 serves, kept apart by their address `A`.
///
/// After every mutator and every `handle_*`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), then ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Exit<A> {
    settings: Settings,
    peers: PhantomData<A>,
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
        Self { settings, peers: PhantomData }
    }

    /// The target has been dialled: sends `OK` and returns the data that came before, to be written first (mostly
    /// empty). `None`: the stream is over, close the connection.
    pub fn accepted(&mut self, now: Time, stream: Stream<A>) -> Option<Vec<u8>> {
        let _ = (now, stream);
        todo!()
    }

    /// The target could not be dialled: sends `NOK` and forgets the stream. No event follows.
    pub fn refused(&mut self, now: Time, stream: Stream<A>) {
        let _ = (now, stream);
        todo!()
    }

    /// The target sent FIN. The stream ends once the other direction has been silent for [`Settings::linger`],
    /// counted from this call; [`poll_event`](Self::poll_event) then says so.
    pub fn finish(&mut self, now: Time, stream: Stream<A>) {
        let _ = (now, stream);
        todo!()
    }

    /// The target's connection is gone (reset, write error): sends `X` and forgets the stream. No event follows.
    pub fn close(&mut self, now: Time, stream: Stream<A>) {
        let _ = (now, stream);
        todo!()
    }

    /// Data of this stream was sent: it is not idle.
    pub fn note_sent(&mut self, now: Time, stream: Stream<A>) {
        let _ = (now, stream);
        todo!()
    }

    /// Closes every stream with an `X`. No events follow. The table can go on to be used.
    pub fn shutdown(&mut self, now: Time) {
        let _ = now;
        todo!()
    }

    /// A datagram came from `peer`. `None`: it was for the table alone, or dropped and counted.
    pub fn handle_datagram<'a>(&mut self, now: Time, peer: A, datagram: &'a [u8]) -> Option<Received<'a, A>> {
        let _ = (now, peer, datagram);
        todo!()
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come. Harmless at any other moment.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
        todo!()
    }

    /// The next datagram to send, and to whom.
    pub fn poll_transmit(&mut self) -> Option<(A, Datagram)> {
        todo!()
    }

    /// The next stream that a timer ended: its target's connection is to be closed.
    pub fn poll_event(&mut self) -> Option<Closed<A>> {
        todo!()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before; `None`: no need.
    pub fn poll_timeout(&self) -> Option<Time> {
        todo!()
    }

    /// Streams that are open or being dialled, at most ten for each of [`Settings::max_peers`] proxy1s.
    pub fn streams(&self) -> usize {
        todo!()
    }

    /// Proxy1s that have streams.
    pub fn peers(&self) -> usize {
        todo!()
    }

    /// Whether the stream is still in the table (open or being dialled).
    pub fn contains(&self, stream: Stream<A>) -> bool {
        let _ = stream;
        todo!()
    }

    /// Whether the stream is in the table and `OK` has been sent.
    pub fn is_open(&self, stream: Stream<A>) -> bool {
        let _ = stream;
        todo!()
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        todo!()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
