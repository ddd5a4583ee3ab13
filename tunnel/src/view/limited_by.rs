//! What keeps a link or a stream from sending more.

use serde::{Deserialize, Serialize};

/// What keeps a link or a stream from sending more than it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum LimitedBy {
    /// Nothing: all that was to be sent has left.
    #[default]
    Application,
    /// What the path takes, which the streams share.
    Congestion,
    /// The other end takes no more for now: whoever reads there is slow.
    PeerCredit,
    /// There is no memory for more.
    Memory,
    /// Nothing that was sent arrives, as far as is known.
    PathSilent {
        /// Since when: milliseconds since 1970.
        since: u64,
    },
}
