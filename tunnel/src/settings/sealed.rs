//! Sealed links: what the end that joins chooses, and the end that is joined.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use proto::sealed::crypto::keys::PrivateKey;
use proto::sealed::link;
use proto::ticket::Ticket;
use tokio::sync::watch;

use super::forward::{Allow, Forward, Reverse};
use crate::address::{HostPorts, Listen};
use crate::state::{MemoryState, StateDir, StateError, TicketList, ticket_from_file};
use crate::tcp_options::TcpKeepalive;

/// One sealed link, from the end that joins.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// What lets it join proxy2.
    pub ticket: TicketSource,
    /// Where proxy2 may be, the first to try first; none: where the ticket says.
    pub places: Vec<HostPorts>,
    /// Whose clients the link carries from the start. Others can be added while it runs.
    pub forwards: Vec<Forward>,
    /// Whose clients proxy2 takes for this end, from the start. Others can be registered while it runs.
    pub reverse: Vec<Reverse>,
    /// What is done for proxy2. Default: nothing.
    pub allow: Allow,
    /// How long to wait for such a target to accept. Default 10 s.
    pub dial_limit: Duration,
    /// The numbers.
    pub link: Sealed,
    /// How long a client may wait for proxy2 to hear of its stream; it is reset then, and its stream never opened. Zero: it is
    /// refused at once while proxy2 does not answer. Default 10 s, which is as long as proxy2 dials.
    pub patience: Duration,
}

impl ClientSettings {
    /// The defaults, with that ticket, for the proxy2 at one of these places; no forward yet.
    pub fn new(ticket: TicketSource, places: Vec<HostPorts>) -> Self {
        Self {
            ticket,
            places,
            forwards: Vec::new(),
            reverse: Vec::new(),
            allow: Allow::default(),
            dial_limit: Duration::from_secs(10),
            link: Sealed::default(),
            patience: Duration::from_secs(10),
        }
    }

    /// The same with one more forward.
    #[must_use]
    pub fn forward(mut self, forward: Forward) -> Self {
        self.forwards.push(forward);
        self
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
    pub fn find(&self) -> Result<Ticket, StateError> {
        match self {
            Self::Given(ticket) => Ok(ticket.clone()),
            Self::File(path) => ticket_from_file(path),
            Self::State(path) => StateDir::locate(path.clone())?.local_ticket(),
        }
    }
}

/// Sealed links, from the end that is joined.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where proxy1s send their datagrams.
    pub listen: Listen,
    /// Further UDP ports on the same address, for networks that do not let each pass; 0 is any free one. At most
    /// [`ServerSettings::MAX_PORTS`].
    pub also_ports: Vec<u16>,
    /// Its key and the tickets it gave out.
    pub state: StateSource,
    /// What is done for tickets that have no rules of their own.
    pub allow: Allow,
    /// Listeners of its own, whose clients go to a name: the destination is a [`Destination::Service`](super::Destination::Service).
    pub forwards: Vec<Forward>,
    /// What it publishes itself: at [`ReverseAt::Publish`](super::ReverseAt::Publish).
    pub publish: Vec<Reverse>,
    /// How long to wait for a target to accept. Default 10 s.
    pub dial_limit: Duration,
    /// The numbers of each link.
    pub link: Sealed,
    /// After how long a silence of its proxy1 a link is let go, and its targets reset; zero: never. Default 24 h.
    pub abandon: Duration,
    /// Links at a time, 1 or more. Default 1,024.
    pub max_links: usize,
    /// Whole handshakes a second whose public-key work may be done, 1 or more. `None`, the default: what takes a quarter of one
    /// core of this machine, but 50 to 2,000.
    pub handshakes_per_second: Option<u32>,
}

impl ServerSettings {
    /// The defaults, with that state.
    pub fn new(listen: Listen, state: StateSource, allow: Allow) -> Self {
        Self {
            listen,
            also_ports: Vec::new(),
            state,
            allow,
            forwards: Vec::new(),
            publish: Vec::new(),
            dial_limit: Duration::from_secs(10),
            link: Sealed::default(),
            abandon: Duration::from_secs(24 * 3_600),
            max_links: 1_024,
            handshakes_per_second: None,
        }
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
        /// The tickets and their rules, as they change.
        tickets: watch::Receiver<TicketList>,
    },
}

impl From<&MemoryState> for StateSource {
    fn from(state: &MemoryState) -> Self {
        Self::Given { key: state.key(), tickets: state.tickets() }
    }
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
    /// Bytes of memory for the data of all streams of the process, at least [`Sealed::LEAST_MEMORY`]. Default 256 MiB. What a stream of
    /// this process holds for its application comes on top: at most 64 KiB in each direction.
    pub memory: u64,
    /// The largest UDP payload to try, in bytes, 1,200 to 65,507. Default 8,972.
    pub max_datagram: u16,
    /// How often an idle link with open streams sends a packet so that NATs on the way do not forget it, at the least: more often where
    /// one has forgotten it sooner. Zero: never. Default 20 s. Only proxy1 does it.
    pub keepalive: Duration,
    /// After how long without data a stream is closed; `None`, the default: never.
    pub idle: Option<Duration>,
    /// After how long without a datagram a flow is over, 1 s or more. Default 60 s: what keeps a flow alive, of WireGuard (25 s), QUIC
    /// or SIP (about 30 s), is made for NATs that forget after 30 s, and each flow holds a descriptor of the other end. RFC 4787
    /// (REQ-5) asks 2 min of a NAT for ports above 1023: choose that for those who send more seldom.
    pub udp_idle: Duration,
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
            udp_idle: Duration::from_secs(60),
            tcp_keepalive: TcpKeepalive::default(),
            socket_buffer: 16 << 20,
        }
    }
}
