//! How proxy1's link is, for whoever waits for it.

use std::fmt;
use std::net::SocketAddr;

/// How a link is, as the end sees it that joins. It goes on trying whatever this says, until it says [`LinkStatus::Closed`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkStatus {
    /// It asks for keys, and nobody has answered yet.
    #[default]
    Joining,
    /// It carries streams.
    Up {
        /// Where the other end is.
        peer: SocketAddr,
    },
    /// The other end does not answer, or not any more. Open streams wait.
    Silent,
    /// The other end lets nobody in with this ticket, for this reason.
    Refused(String),
    /// It was closed at this end.
    Closed,
}

impl fmt::Display for LinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joining => f.write_str("joining"),
            Self::Up { peer } => write!(f, "up, proxy2 is at {peer}"),
            Self::Silent => f.write_str("proxy2 does not answer"),
            Self::Closed => f.write_str("closed"),
            Self::Refused(why) => write!(f, "proxy2 does not let this proxy1 in: {why}"),
        }
    }
}
