//! The classic link: one forward, ten streams.

use std::num::NonZeroU64;
use std::time::Duration;

use proto::classic;

use crate::address::{HostPort, Listen};
use crate::tcp_options::TcpKeepalive;
use crate::udp::MAX_SEND;

/// proxy1 with a classic link, which carries one forward and no more.
#[derive(Clone, Debug)]
pub struct ClassicEntry {
    /// Where TCP clients connect.
    pub listen: Listen,
    /// Where proxy2 is.
    pub peer: HostPort,
    /// The numbers.
    pub options: Classic,
}

/// proxy2 for classic links, which name no targets.
#[derive(Clone, Debug)]
pub struct ClassicExit {
    /// Where proxy1s send their datagrams.
    pub listen: Listen,
    /// What is dialled for each stream.
    pub target: HostPort,
    /// The numbers.
    pub options: Classic,
}

/// The numbers of a classic link. The two sides need not agree on them.
#[derive(Clone, Debug)]
pub struct Classic {
    /// Times and bounds of the table of streams.
    pub table: classic::Settings,
    /// Most data bytes in a datagram.
    pub payload: Payload,
    /// Bytes that may wait for one TCP connection that reads slowly; more is dropped. Default 8 MiB.
    pub queue: usize,
    /// Bytes that may wait for all TCP connections together, at least [`Classic::LEAST_MEMORY`]. Default 64 MiB.
    pub memory: usize,
    /// How fast data is sent at most. Nothing tells the sender what got lost, so it must not outrun its receiver.
    pub rate: Rate,
    /// Size to ask for each UDP socket buffer, in bytes; the system may grant less. Default 16 MiB.
    pub socket_buffer: usize,
    /// Whether and when TCP connections without traffic are checked.
    pub tcp_keepalive: TcpKeepalive,
    /// Exit: how long to wait for the target to accept. Default 5 s: the entry gives up after 8 s.
    pub dial_limit: Duration,
}

impl Classic {
    /// The least memory, in bytes: some datagrams for each of ten connections.
    pub const LEAST_MEMORY: usize = 1 << 20;
}

impl Default for Classic {
    fn default() -> Self {
        Self {
            table: classic::Settings::default(),
            payload: Payload::default(),
            queue: 8 << 20,
            memory: 64 << 20,
            rate: Rate::Auto,
            socket_buffer: 16 << 20,
            tcp_keepalive: TcpKeepalive::default(),
            dial_limit: Duration::from_secs(5),
        }
    }
}

/// Most data bytes in a datagram: 1 to 65,505, what UDP over IPv4 can carry behind the two bytes of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payload(usize);

impl Payload {
    /// The largest.
    pub const MAX: Self = Self(MAX_SEND - classic::frame::HEADER_LEN);

    /// So many bytes; `None` outside 1..=65,505.
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes >= 1 && bytes <= Self::MAX.0 { Some(Self(bytes)) } else { None }
    }

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for Payload {
    /// 1,400 bytes: with 2 of header, 8 of UDP and 20 or 40 of IP, 50 below Ethernet's 1,500 for tunnels on the way.
    fn default() -> Self {
        Self(1_400)
    }
}

/// How fast data is sent at most, all streams of a process together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// What fills a receive buffer as this machine grants it to anybody in [`Rate::STALL`], at most [`Rate::CEILING`].
    Auto,
    /// So many bytes a second.
    Bytes(NonZeroU64),
    /// As fast as the clients send.
    Unlimited,
}

impl Rate {
    /// How long the receiver may be kept from reading without a loss. Measured with ten clients, both proxies and an echo
    /// server on the same two busy cores: at 1.3 Gbit/s into 4 MiB, 35 runs of 35 lost nothing; at 2.1 Gbit/s, 16 ms, one
    /// of 40 lost a burst.
    pub const STALL: Duration = Duration::from_millis(25);
    /// Bytes a second that such a machine keeps up with, however large its buffers: 2.1 Gbit/s. At 2.5 Gbit/s one run of
    /// three overran the target's queue.
    pub const CEILING: u64 = 262_500_000;

    /// Bytes a second, given the `buffer` bytes that this machine grants anybody's socket; `None` is no limit.
    pub fn bytes_per_second(self, buffer: usize) -> Option<u64> {
        let own = u64::try_from(buffer).unwrap_or(u64::MAX);
        match self {
            Self::Auto => Some(
                (own.saturating_mul(1_000) / u64::try_from(Self::STALL.as_millis()).unwrap_or(1))
                    .min(Self::CEILING),
            ),
            Self::Bytes(rate) => Some(rate.get()),
            Self::Unlimited => None,
        }
    }
}
