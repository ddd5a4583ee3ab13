//! The options of a transport.

use super::promises::FIRST_CREDIT;

/// Limits and sizes of a link; the options of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Streams the peer may have open at a time, 1 or more.
    pub max_streams: usize,
    /// The most memory that the link's streams may take for their data, in bytes, half for each direction.
    pub memory: u64,
    /// Link credit of the handshake, for the first bytes of new streams, in bytes, 2 KiB to 128 KiB: reserved for as long as
    /// the link lives. A 32nd of `memory` at the most.
    pub link_credit: u64,
    /// The largest UDP payload to try, in bytes, at least 1,200.
    pub max_datagram: u16,
}

impl Settings {
    /// The part of a link's memory in one direction, as its divisor, that the first link credit takes at the most.
    const LINK_CREDIT_PART: u64 = 16;

    /// Bytes for one direction.
    pub(crate) const fn share(&self) -> u64 {
        self.memory / 2
    }

    /// What the handshake says of link credit: the same for the life of the process.
    pub(crate) fn first_credit(&self) -> u64 {
        self.link_credit.min(self.share() / Self::LINK_CREDIT_PART)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_streams: 4_096, memory: 64 << 20, link_credit: FIRST_CREDIT, max_datagram: 8_972 }
    }
}
