//! proxy1's side of a classic link.

use super::frame::Datagram;
use super::{Closed, Counters, Settings, Stream};
use crate::Time;

/// The ten streams of one proxy1. Only datagrams that came from its exit may be handed to it.
///
/// After every mutator and every `handle_*`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), then ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Entry {
    settings: Settings,
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
    /// The stream is over ([`Reason::Peer`](super::Reason::Peer) or [`Reason::Refused`](super::Reason::Refused)):
    /// write what is queued, then close the client's connection.
    Closed(Closed),
}

/// All ten ids are taken: the client is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllBusy;

impl Entry {
    /// An entry with no streams.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// A client arrived: takes the id that has been free for longest and asks the exit to open it.
    ///
    /// # Errors
    /// [`AllBusy`] if ten streams are open or opening.
    pub fn open(&mut self, now: Time) -> Result<Stream, AllBusy> {
        let _ = now;
        todo!()
    }

    /// The client sent FIN. The stream ends once the other direction has been silent for [`Settings::linger`],
    /// counted from the later of this call and `OK`; [`poll_event`](Self::poll_event) then says so.
    pub fn finish(&mut self, now: Time, stream: Stream) {
        let _ = (now, stream);
        todo!()
    }

    /// The client's connection is gone (reset, write error): sends `X` and forgets the stream. No event follows.
    pub fn close(&mut self, now: Time, stream: Stream) {
        let _ = (now, stream);
        todo!()
    }

    /// Data of this stream was sent: it is not idle.
    pub fn note_sent(&mut self, now: Time, stream: Stream) {
        let _ = (now, stream);
        todo!()
    }

    /// Closes every stream with an `X`. No events follow. The table can go on to be used.
    pub fn shutdown(&mut self, now: Time) {
        let _ = now;
        todo!()
    }

    /// A datagram came from the exit. `None`: it was for the table alone, or dropped and counted.
    pub fn handle_datagram<'a>(&mut self, now: Time, datagram: &'a [u8]) -> Option<Received<'a>> {
        let _ = (now, datagram);
        todo!()
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come. Harmless at any other moment.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
        todo!()
    }

    /// The next datagram to send to the exit.
    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        todo!()
    }

    /// The next stream that a timer ended: its client's connection is to be closed.
    pub fn poll_event(&mut self) -> Option<Closed> {
        todo!()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before; `None`: no need.
    pub fn poll_timeout(&self) -> Option<Time> {
        todo!()
    }

    /// Streams that are open or opening, `0..=10`.
    pub fn streams(&self) -> usize {
        todo!()
    }

    /// Whether the stream is still in the table (open or opening).
    pub fn contains(&self, stream: Stream) -> bool {
        let _ = stream;
        todo!()
    }

    /// Whether the stream is in the table and `OK` has come.
    pub fn is_open(&self, stream: Stream) -> bool {
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

impl std::fmt::Display for AllBusy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("all ten streams are taken")
    }
}

impl std::error::Error for AllBusy {}
