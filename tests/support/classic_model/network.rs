//! What is between the entries and the exit.

use std::time::Duration;

use proto::sim::{Direction, Marked, Path};

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// From the exit to this entry.
    Entry(u8),
    /// From this entry to the exit.
    Exit(u8),
}

impl Marked for To {}

/// How long a datagram takes at least.
const DELAY: Duration = Duration::from_millis(20);

/// All ways between them, with everything that is on them.
pub(super) type Network = Direction<To>;

/// One on which everything arrives once and in order.
pub(super) fn perfect(seed: u64) -> Network {
    Direction::new(seed, Path { delay: DELAY, ..Path::default() })
}

/// One that loses a quarter.
pub(super) fn lossy(seed: u64) -> Network {
    Direction::new(seed, Path { delay: DELAY, loss: 0.25, ..Path::default() })
}

/// One that loses a fifth, doubles a fifth and lets datagrams overtake each other.
pub(super) fn bad(seed: u64) -> Network {
    let jitter = Duration::from_millis(60);
    Direction::new(seed, Path { delay: DELAY, jitter, loss: 0.2, duplicate: 0.2, ..Path::default() })
}
