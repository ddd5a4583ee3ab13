//! What became of datagrams.

/// Counts of the datagrams of all flows of a link, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramCounts {
    /// Sent, once, in a frame of their own.
    pub sent: u64,
    /// Written framed to their stream, since no packet was large enough.
    pub framed: u64,
    /// Came, either way, for the application.
    pub received: u64,
    /// Sent in packets that were thought lost.
    pub lost: u64,
    /// Dropped because they had waited for too long to be sent.
    pub too_old: u64,
    /// Dropped because too many waited to be sent.
    pub queue_full: u64,
    /// Dropped because they are too large: for UDP, or for a packet while too much waits that is framed.
    pub too_large: u64,
    /// Dropped because their flow ended before they were sent, or the peer does not take datagrams.
    pub unsent: u64,
    /// Came for a flow that is over or not open, and were dropped.
    pub not_open: u64,
    /// Came for a stream that is no flow, and were dropped.
    pub not_flow: u64,
    /// Came and were dropped because the application did not read them in time.
    pub unread: u64,
    /// Came framed, and were cut off by the end of their flow or have a length that no datagram has.
    pub malformed: u64,
}
