//! What a user can choose. Settings that make no sense cannot be written down.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use proto::classic;
pub use proto::sealed::crypto::keys::PrivateKey;
use proto::sealed::link;
pub use proto::ticket::record::TicketRecord;
pub use proto::ticket::{Ticket, TicketError};
use tokio::sync::watch;

use crate::address::{HostPort, HostPorts, Listen};
use crate::state::{StateDir, StateError, ticket_from_file};
pub use crate::tcp_options::TcpKeepalive;
use crate::udp::MAX_SEND;

/// What `proxy1` runs with: TCP clients in, one link out.
#[derive(Clone, Debug)]
pub struct EntrySettings {
    /// Where TCP clients connect.
    pub listen: Listen,
    /// Where proxy2 is, and how the two proxies speak.
    pub link: EntryLink,
}

/// The kind of link of proxy1, and where its proxy2 is.
#[derive(Clone, Debug)]
pub enum EntryLink {
    /// As [`Link::Classic`].
    Classic {
        /// Where proxy2 is.
        peer: HostPort,
        /// The numbers.
        options: Classic,
    },
    /// As [`Link::Sealed`].
    Sealed(SealedEntry),
}

/// What `proxy2` runs with: links in, one TCP target out.
#[derive(Clone, Debug)]
pub struct ExitSettings {
    /// Where proxy1s send their datagrams.
    pub listen: Listen,
    /// What is dialled for each stream.
    pub target: HostPort,
    /// How the two proxies speak.
    pub link: Link<SealedExit>,
}

/// The kind of link between the proxies.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub enum Link<S> {
    /// Ten streams, nothing repeated, nothing encrypted.
    Classic(Classic),
    /// Reliable, encrypted, many streams.
    Sealed(S),
}

/// A sealed link at proxy1.
#[derive(Clone, Debug)]
pub struct SealedEntry {
    /// What lets it join proxy2.
    pub ticket: TicketSource,
    /// Where proxy2 may be, the first to try first; none: where the ticket says.
    pub places: Vec<HostPorts>,
    /// The numbers.
    pub link: Sealed,
    /// How long a client may wait for proxy2 to hear of its stream; it is reset then, and its stream never opened. Zero: it is
    /// refused at once while proxy2 does not answer. Default 10 s, which is as long as proxy2 dials.
    pub patience: Duration,
}

impl SealedEntry {
    /// The defaults, with that ticket, for the proxy2 at one of these places.
    pub fn new(ticket: TicketSource, places: Vec<HostPorts>) -> Self {
        Self { ticket, places, link: Sealed::default(), patience: Duration::from_secs(10) }
    }
}

/// Where proxy1 has its ticket from.
#[derive(Clone, Debug)]
pub enum TicketSource {
    /// From the command line, the environment, or a test.
    Given(Ticket),
    /// From a file that holds nothing else.
    File(PathBuf),
    /// From the state folder of a proxy2 on this machine; `None`: this user's.
    State(Option<PathBuf>),
}

impl TicketSource {
    /// The ticket.
    ///
    /// # Errors
    /// There is none, or what is there is no ticket.
    pub(crate) fn find(&self) -> Result<Ticket, StateError> {
        match self {
            Self::Given(ticket) => Ok(ticket.clone()),
            Self::File(path) => ticket_from_file(path),
            Self::State(path) => StateDir::locate(path.clone())?.local_ticket(),
        }
    }
}

/// Sealed links at proxy2.
#[derive(Clone, Debug)]
pub struct SealedExit {
    /// Its key and the tickets it gave out.
    pub state: StateSource,
    /// Further UDP ports on the same address, for networks that do not let each pass; 0 is any free one. At most
    /// [`SealedExit::MAX_PORTS`].
    pub also_ports: Vec<u16>,
    /// The numbers of each link.
    pub link: Sealed,
    /// How long to wait for the target to accept. Default 10 s.
    pub dial_limit: Duration,
    /// After how long a silence of its proxy1 a link is let go, and its targets reset; zero: never. Default 24 h.
    pub abandon: Duration,
    /// Links at a time, 1 or more. Default 1,024.
    pub max_links: usize,
    /// Whole handshakes a second whose public-key work may be done, 1 or more. `None`, the default: what takes a quarter of one
    /// core of this machine, but 50 to 2,000.
    pub handshakes_per_second: Option<u32>,
}

impl SealedExit {
    /// The defaults, with that state.
    pub fn new(state: StateSource) -> Self {
        let (link, dial_limit) = (Sealed::default(), Duration::from_secs(10));
        let abandon = Duration::from_secs(24 * 3_600);
        let also_ports = Vec::new();
        Self { state, also_ports, link, dial_limit, abandon, max_links: 1_024, handshakes_per_second: None }
    }

    /// The most further ports: each has a socket with buffers of its own.
    pub const MAX_PORTS: usize = 15;
}

/// Where proxy2 has its key and tickets from.
#[derive(Clone)]
pub enum StateSource {
    /// From the state folder; `None`: this user's. Changes of the tickets are noticed.
    Folder(Option<PathBuf>),
    /// Given as values.
    Given {
        /// The key.
        key: PrivateKey,
        /// The tickets, as they change.
        tickets: watch::Receiver<Vec<TicketRecord>>,
    },
}

impl fmt::Debug for StateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => f.debug_tuple("Folder").field(path).finish(),
            Self::Given { .. } => f.write_str("Given"),
        }
    }
}

/// The numbers of a sealed link. The two sides need not agree on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Streams at a time, 1 or more. Default 4,096.
    pub max_streams: usize,
    /// Bytes of memory for the data of all streams of the process, at least [`Sealed::LEAST_MEMORY`]. Default 256 MiB.
    pub memory: u64,
    /// The largest UDP payload to try, in bytes, 1,200 to 65,507. Default 8,972.
    pub max_datagram: u16,
    /// How often an idle link with open streams sends a packet so that NATs on the way do not forget it, at the least: more often where
    /// one has forgotten it sooner. Zero: never. Default 20 s. Only proxy1 does it.
    pub keepalive: Duration,
    /// After how long without data a stream is closed; `None`, the default: never.
    pub idle: Option<Duration>,
    /// Whether and when TCP connections without traffic are checked.
    pub tcp_keepalive: TcpKeepalive,
    /// Size to ask for each UDP socket buffer, in bytes; the system may grant less. Default 16 MiB.
    pub socket_buffer: usize,
}

impl Sealed {
    /// The least memory, in bytes: with half of it a link still has a few windows in each direction.
    pub const LEAST_MEMORY: u64 = 4 << 20;
}

impl Default for Sealed {
    fn default() -> Self {
        let core = link::Settings::default();
        Self {
            max_streams: core.transport.max_streams,
            memory: 256 << 20,
            max_datagram: core.transport.max_datagram,
            keepalive: core.keepalive,
            idle: None,
            tcp_keepalive: TcpKeepalive::default(),
            socket_buffer: 16 << 20,
        }
    }
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
