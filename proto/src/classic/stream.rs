//! The names of streams, and how they end.

use std::fmt;

/// The id of a stream on the wire: one digit, `0..=9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u8);

impl StreamId {
    /// How many ids there are, and so how many streams one proxy1 can have.
    pub const COUNT: usize = Self::END as usize;

    /// The number after the last id.
    const END: u8 = 10;

    /// All ids, in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..Self::END).map(Self)
    }

    /// The id with this number, `0..=9`.
    pub const fn new(number: u8) -> Option<Self> {
        if number < Self::END { Some(Self(number)) } else { None }
    }

    /// The id written as this ASCII digit.
    pub const fn from_digit(digit: u8) -> Option<Self> {
        match digit {
            b'0'..=b'9' => Some(Self(digit - b'0')),
            _ => None,
        }
    }

    /// The ASCII digit of this id.
    pub const fn digit(self) -> u8 {
        b'0' + self.0
    }

    /// The number of this id, `0..=9`.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The place of this id in a table of [`StreamId::COUNT`] slots.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of one stream in a table. Never given twice by the same table: a call with the name of a stream that
/// is over does nothing, even when its id is already another stream's.
///
/// `A` is the peer's address at an exit; an entry has one peer and uses `()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream<A = ()> {
    pub(super) peer: A,
    pub(super) id: StreamId,
    pub(super) serial: u64,
}

impl<A: Copy> Stream<A> {
    /// The address of the proxy1 whose stream it is.
    pub const fn peer(&self) -> A {
        self.peer
    }

    /// The id on the wire: what [`data_header`](super::frame::data_header) wants.
    pub const fn id(&self) -> StreamId {
        self.id
    }

    /// How many streams the table had opened before this one.
    pub const fn serial(&self) -> u64 {
        self.serial
    }
}

/// A stream ended for another cause than a call of the shell: its local connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed<A = ()> {
    /// Which stream.
    pub stream: Stream<A>,
    /// Why.
    pub reason: Reason,
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The peer sent `X`. What it sent before has been handed over and is still to be written.
    Peer,
    /// The exit answered `NOK` (only at an entry).
    Refused,
    /// The exit never answered (only at an entry).
    NoAnswer,
    /// The local side had sent FIN and the other direction has been silent for [`Settings::linger`](super::Settings::linger).
    Finished,
    /// No data either way for [`Settings::idle_limit`](super::Settings::idle_limit).
    Idle,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "closed by the peer",
            Self::Refused => "refused by the exit",
            Self::NoAnswer => "no answer from proxy2: it is not there, it speaks the sealed link (no --classic), or UDP does not get through",
            Self::Finished => "finished",
            Self::Idle => "idle for too long",
        })
    }
}
