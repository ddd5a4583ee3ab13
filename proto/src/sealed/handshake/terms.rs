//! What proxy1 and proxy2 tell each other in a handshake.

use std::num::NonZeroU8;

use thiserror::Error;

/// Specification: version of what is inside the messages and of everything sealed afterwards.
pub const VERSION: u8 = 1;

/// proxy1's name for a link: random. After an end, and after a long silence without streams, proxy1 takes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// The same for every start of proxy1 on one machine with one listen address: tells proxy2 that an older link of the
/// same client and instance is probably dead, which it should ask and not believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub u64);

/// One proxy2 process: random, chosen at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Names the state that a proxy2 process has of one link; here it counts the links that the process made. Another incarnation than
/// before means that what there was of the link was given up meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u16);

/// Wall-clock time: microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub u64);

/// What the sender of a handshake message understands beyond version 1 as it was first written: one bit for each thing. Whatever a
/// peer would not know without its bit is sent only to a peer that showed the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features(pub u32);

impl Features {
    /// None.
    pub const NONE: Self = Self(0);

    /// Flows of datagrams: `U`, and datagrams framed in `D`.
    pub const DATAGRAMS: Self = Self(1);

    /// Counts of ECN marks: `N`.
    pub const ECN: Self = Self(1 << 1);

    /// Keys that carry nothing last for an hour: ten thousand clients that wait for streams would else ask for 83 handshakes a second.
    pub const LASTING_KEYS: Self = Self(1 << 2);

    /// These and `others`.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of `features` are among these.
    pub const fn has(self, features: Self) -> bool {
        self.0 & features.0 == features.0
    }
}

/// What the sender of a handshake message allows the other side from the start, before any frame says more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Streams the other side may have open at once.
    pub streams: u32,
    /// Bytes of stream data that new streams of the other side may send together before a frame says more.
    pub link_credit: u64,
    /// Of these, the most that one stream should take, in bytes.
    pub stream_credit: u64,
    /// The largest UDP payload in bytes that this side can receive.
    pub datagram: u16,
    /// What else the other side may send.
    pub features: Features,
}

impl Limits {
    pub(crate) const LEN: usize = 26;

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&self.streams.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.link_credit.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.stream_credit.to_be_bytes());
        bytes[20..22].copy_from_slice(&self.datagram.to_be_bytes());
        bytes[22..].copy_from_slice(&self.features.0.to_be_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (streams, rest) = bytes.split_first_chunk()?;
        let (link_credit, rest) = rest.split_first_chunk()?;
        let (stream_credit, rest) = rest.split_first_chunk()?;
        let (datagram, rest) = rest.split_first_chunk()?;
        let (features, rest) = rest.split_first_chunk()?;
        let limits = Self {
            streams: u32::from_be_bytes(*streams),
            link_credit: u64::from_be_bytes(*link_credit),
            stream_credit: u64::from_be_bytes(*stream_credit),
            datagram: u16::from_be_bytes(*datagram),
            features: Features(u32::from_be_bytes(*features)),
        };
        Some((limits, rest))
    }
}

/// Why proxy2 does not let a proxy1 in that knows its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// proxy2 never gave out this ticket, or forgot it.
    #[error("proxy2 does not know this ticket")]
    UnknownTicket,
    /// The ticket was valid once.
    #[error("this ticket has been revoked")]
    RevokedTicket,
    /// The initiation's time stamp is not acceptable: the clocks differ by more than the tolerance, or one was set
    /// back. The response carries a challenge, and the next initiation, which returns it, needs no clock.
    #[error("the clocks of proxy1 and proxy2 differ")]
    ClockOff,
    /// proxy2, or this ticket, has as many links as it may have.
    #[error("proxy2 has no room for another link")]
    TooManyLinks,
    /// proxy2 does not speak this version; the response says which one it speaks.
    #[error("proxy2 speaks another version of the protocol")]
    Version,
    /// A code that this version does not know.
    #[error("proxy2 refused with code {0}")]
    Other(NonZeroU8),
}

impl Refusal {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::UnknownTicket => 1,
            Self::RevokedTicket => 2,
            Self::ClockOff => 3,
            Self::TooManyLinks => 4,
            Self::Version => 6,
            Self::Other(byte) => byte.get(),
        }
    }

    pub(crate) const fn from_byte(byte: NonZeroU8) -> Self {
        match byte.get() {
            1 => Self::UnknownTicket,
            2 => Self::RevokedTicket,
            3 => Self::ClockOff,
            4 => Self::TooManyLinks,
            6 => Self::Version,
            _ => Self::Other(byte),
        }
    }
}
