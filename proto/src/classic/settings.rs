//! What can be tuned on a classic link.

use std::time::Duration;

/// The numbers of a classic link that are not bytes on the wire. The two sides need not agree on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Entry: how long after each `C` the next one is sent. Default 1, 2 and 4 s: a round trip takes less than a
    /// second, a dial may take several.
    pub open_repeats: [Duration; 3],
    /// Entry: how long after the last `C` the stream is given up. Default 1 s, time for one round trip, so a client
    /// of an absent exit waits 8 s in all.
    pub open_last_wait: Duration,
    /// Both: a stream with no data either way for so long is closed. Default 5 min: longer than people think, shorter
    /// than the patience of someone who finds all ten streams taken by the dead.
    pub idle_limit: Duration,
    /// How long after the end of a stream datagrams for it may still come, and are no [`Violation`](super::Violation).
    /// Entry: how long after its end an id counts as rested. Default 1 s: longer than a datagram stays in a network.
    /// An id that had no rest is still used when there is no other, see [`Entry::open`](super::Entry::open).
    pub id_rest: Duration,
    /// Both: how long the other direction must be silent after a local FIN before `X` is sent. Default 300 ms: a
    /// round trip across the world and a quick server's answer.
    pub linger: Duration,
    /// Both: how many bytes of data are held for a stream whose answer is not known yet. Default 256 KiB: a
    /// program that does not wait for the answer sends that much while a busy machine dials its own loopback.
    pub early_limit: usize,
    /// Exit: how many bytes of such data are held for all streams together. Default 8 MiB: whoever forges addresses
    /// while the target hangs gets no more. A stream may hold no more than is still free, so that it cannot take what
    /// others need: ten streams of one proxy1 are not limited by it, and the last of 640 may still hold 12 KiB.
    pub early_total: usize,
    /// Exit: how many proxy1s (UDP source addresses) may have streams at a time. Default 64: 640 connections.
    pub max_peers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            open_repeats: [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)],
            open_last_wait: Duration::from_secs(1),
            idle_limit: Duration::from_secs(300),
            id_rest: Duration::from_secs(1),
            linger: Duration::from_millis(300),
            early_limit: 256 * 1024,
            early_total: 8 * 1024 * 1024,
            max_peers: 64,
        }
    }
}
