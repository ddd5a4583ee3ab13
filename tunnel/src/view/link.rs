//! What a link shows of itself.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{CounterValues, LimitedBy, StreamView};
use crate::metrics::LinkKind;

/// One link. A classic session is one link, whoever its peers are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkView {
    /// Its number in the log and in the names of what it has: `L3`.
    pub number: u64,
    /// What it is.
    pub kind: LinkKind,
    /// Its name in the configuration file, where it has one.
    pub name: Option<String>,
    /// The name of the ticket that it was made with: at proxy2.
    pub ticket: Option<String>,
    /// Where the other end is, once that is known.
    pub peer: Option<SocketAddr>,
    /// The UDP port here that its packets leave by, once that is known.
    pub local_port: Option<u16>,
    /// When it began: milliseconds since 1970.
    pub since: u64,
    /// How it is.
    pub state: LinkState,
    /// Since when it is so: milliseconds since 1970.
    pub state_since: u64,
    /// False: its task did not answer in time, as it is very busy. Then there are the counters and what does not change.
    pub answered: bool,
    /// What is known of the path. `None`: the link is a classic one, which knows nothing of it, or did not answer.
    pub path: Option<PathView>,
    /// Bytes of streams that it has sent, or that wait to be.
    pub sent_bytes: u64,
    /// Bytes of streams that came and were handed on.
    pub received_bytes: u64,
    /// What it has counted.
    pub counters: CounterValues,
    /// How many streams it has.
    pub streams_open: u64,
    /// The streams, if they were asked for, in the order of their ids.
    pub streams: Vec<StreamView>,
    /// How many of them are not shown, though they were asked for.
    pub streams_left_out: u64,
}

/// How a link is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LinkState {
    /// It asks for keys, and nobody has answered yet.
    #[default]
    Joining,
    /// It carries streams.
    Up,
    /// The other end does not answer, or not any more. Streams wait. Seen only where something was sent.
    Silent,
    /// The other end lets nobody in with this ticket.
    Refused {
        /// Why, in words.
        why: String,
    },
    /// It has no streams, and begins again when there is one.
    Dormant,
    /// It ends.
    Ending,
}

impl LinkState {
    /// It in a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Up => "up",
            Self::Silent => "silent",
            Self::Refused { .. } => "refused",
            Self::Dormant => "dormant",
            Self::Ending => "ending",
        }
    }
}

/// What is known of the path of a sealed link. Bytes are of UDP payload, if nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathView {
    /// Round trips. `None` before the first on this path.
    pub round_trip_us: Option<RoundTrip>,
    /// How much later than its neighbours a packet may come before it counts as lost: microseconds.
    pub reordering_us: u64,
    /// What was lost since the link began. See [`rates`](super::rates()) for what is lost now.
    pub loss: Loss,
    /// The packets that this is made of, since the link began.
    pub packets: Packets,
    /// The share of the streams' bytes that were sent more than once, from 0 to 1. `None` where there are none.
    pub resent: Option<f64>,
    /// Bytes of streams that were put into packets, however often.
    pub data_bytes: u64,
    /// Those of them that had been sent before.
    pub resent_bytes: u64,
    /// What the path delivers, as the congestion controller estimates it: bits a second. Zero before it knows.
    pub rate_bps: u64,
    /// Bytes on their way.
    pub in_flight_bytes: u64,
    /// How many there may be.
    pub window_bytes: u64,
    /// The largest datagram that is used: the path MTU without the headers of IP and UDP.
    pub datagram_bytes: u16,
    /// The path keeps the ECN bits, so that its queues can mark packets instead of dropping them.
    pub keeps_ecn: bool,
    /// Packets that arrived with such a mark, since the link began.
    pub marked: u64,
    /// Bytes in packets that were sent since the link began.
    pub sent_bytes: u64,
    /// Bytes in packets that came since the link began.
    pub received_bytes: u64,
    /// How long ago the last packet of the other end came, in milliseconds.
    pub heard_ms: u64,
    /// What keeps this side from sending more.
    pub limited_by: LimitedBy,
}

/// Round trips of a path, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoundTrip {
    /// Smoothed.
    pub smoothed: u64,
    /// The lowest of the last ten seconds.
    pub min: u64,
    /// The latest.
    pub latest: u64,
}

/// Shares of packets that are lost, from 0 to 1; `None` where too few are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// Of those that this side sent.
    pub sending: Option<f64>,
    /// Of those that the other side sent: told from the numbers that are missing, give or take a tenth of a percent.
    pub receiving: Option<f64>,
}

/// Packets of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Packets {
    /// Sent, of those that the other side has to acknowledge.
    pub sent: u64,
    /// Of these those that were lost.
    pub lost: u64,
    /// Received.
    pub received: u64,
    /// Of the other side's those that did not come, though later ones did.
    pub missing: u64,
}

impl Packets {
    /// So few packets say nothing of the path.
    const FEW: u64 = 100;
    /// The numbers that the other side leaves out weigh too much in fewer.
    const FEW_RECEIVED: u64 = 1_000;

    /// The shares that were lost.
    pub fn loss(&self) -> Loss {
        let received = self.received + self.missing;
        Loss {
            sending: (self.sent >= Self::FEW).then(|| share(self.lost, self.sent)),
            receiving: (received >= Self::FEW_RECEIVED).then(|| share(self.missing, received)),
        }
    }
}

/// A part of a whole, from 0 to 1.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}
