//! The rules that a datagram can break.

use std::fmt;

/// A rule of the classic link by its name in `PROTOCOL.md`, under "What a datagram can break".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The first byte is the kind.
    Kind,
    /// The second byte is the id.
    Id,
    /// Entries request, exits answer.
    Roles,
    /// An entry has one peer.
    OnePeer,
    /// A stream is opened before anything else.
    OpenFirst,
    /// Data waits for the answer.
    EarlyData,
    /// An `X` waits until the other direction is silent.
    HalfClose,
    /// An exit serves so many proxy1s.
    Peers,
}

impl Rule {
    /// All rules, in the order of `PROTOCOL.md`.
    pub const ALL: [Self; 8] = [
        Self::Kind,
        Self::Id,
        Self::Roles,
        Self::OnePeer,
        Self::OpenFirst,
        Self::EarlyData,
        Self::HalfClose,
        Self::Peers,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Id => "id",
            Self::Roles => "roles",
            Self::OnePeer => "one-peer",
            Self::OpenFirst => "open-first",
            Self::EarlyData => "early-data",
            Self::HalfClose => "half-close",
            Self::Peers => "peers",
        }
    }

    /// What it says, word for word as in `PROTOCOL.md`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Kind => "the first byte is the kind: C, D or X, upper case",
            Self::Id => "the second byte is the id: one ASCII digit, 0 to 9, with data right behind it",
            Self::Roles => "proxy1 sends C; only proxy2 sends C with OK or NOK",
            Self::OnePeer => "proxy1 takes datagrams from the address of its proxy2 only",
            Self::OpenFirst => "C opens an id; everything else for it comes between that C and the X",
            Self::EarlyData => "data should wait for OK; what an exit or entry cannot hold before it is lost",
            Self::HalfClose => {
                "X ends both directions: it should wait until the other one has been silent for the linger"
            }
            Self::Peers => "a proxy2 serves a bounded number of addresses at a time",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.text())
    }
}
