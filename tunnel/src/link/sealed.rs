//! The sealed link's shell.
//!
//! One task a link owns the pure core ([`proto::sealed::link::Link`]) and every TCP connection of it, so nothing on the
//! way of a byte is locked. proxy1 has one link, whose task reads the socket itself. proxy2 has a demultiplexer that sorts what
//! the socket brings and hands it, buffer by buffer, to the tasks of its links; each sends on the socket itself.
//!
//! - `task`: the loop of one link; what to look at first
//! - `end`: what differs between the two ends, which are in `client` and `server`
//! - `roles`, `dialler`: the streams of those at this side, whichever end it is: clients that are accepted, targets
//! - `conns`, `conn`: the TCP connections, and how bytes go between one of them and its stream
//! - `outbox`, `buffers`: from the link into the socket
//! - `memory`: how the links of a process share its memory
//! - `ticket_resources`, `ticket_share`: what one ticket has of the process, all its links together
//! - `tally`, `journal`, `clock`: counts, log lines, time

mod buffers;
mod client;
mod clock;
mod conn;
mod conns;
mod dialler;
mod end;
mod journal;
mod local_connection;
mod memory;
mod outbox;
mod roles;
mod server;
mod tally;
mod task;
mod ticket_resources;
mod ticket_share;

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use proto::Time;
use proto::sealed::crypto::cipher::CipherSupport;
use proto::sealed::crypto::keys::PrivateKey;
use proto::sealed::endpoint::Endpoint;
use proto::sealed::handshake::initiator::{Identity, Initiator};
use proto::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
use proto::sealed::handshake::terms::{Epoch, Instance, LinkId};
use proto::sealed::link::{self, Link};
use proto::sealed::streams::budget::Budget;
use proto::ticket::Ticket;
use tokio::sync::watch;

use self::buffers::Buffers;
use self::client::client_end::{self, ClientEnd, NOWHERE};
use self::client::keepalives::Keepalives;
use self::client::peer::PeerFinder;
pub(crate) use self::client::peer::places_of;
use self::client::sockets::Sockets;
use self::client::ticket_reader::TicketReader;
use self::clock::Clock;
use self::journal::LinkJournal;
use self::roles::Roles;
use self::server::demux::{Demux, DemuxParts};
use self::task::{Shared, Task};
use crate::address::HostPort;
use crate::entropy;
use crate::local::dial::{DialSettings, Permit};
use crate::local::listener::Listener;
use crate::metrics::Counters;
use crate::settings::{Sealed, SealedEntry, SealedExit};
use crate::state::Tickets;
use crate::udp::Udp;

/// proxy1 with its one link.
#[derive(Debug)]
pub(crate) struct Client {
    task: Task<ClientEnd>,
    total: Arc<watch::Sender<Counters>>,
}

impl Client {
    /// A link with `ticket`, for the clients that connect to `clients`, which listens on `listen`.
    pub(crate) fn new(
        ticket: Ticket,
        settings: SealedEntry,
        clients: Listener,
        listen: SocketAddr,
        udp: Udp,
    ) -> Self {
        let SealedEntry { ticket: source, places, link: options, patience } = settings;
        let shared = Shared::new(&options);
        let mut remake = remake(memory::of_only_link(&options), instance(listen));
        let mut link = remake(shared.clock.now(), &ticket);
        let peer = PeerFinder::new(places, &ticket);
        if let Some(address) = peer.address() {
            link.try_peer(address);
        }
        let parts = client_end::ClientParts {
            sockets: Sockets::new(udp, options.socket_buffer),
            peer,
            ticket: TicketReader::new(source, ticket),
            remake,
            keepalives: Keepalives::new(options.keepalive),
        };
        let roles = Roles::listening(vec![clients], options.max_streams, patience);
        let end = ClientEnd::new(parts, &shared.buffers);
        Self {
            task: Task::new(end, roles, link, &shared, LinkJournal::new(1, Arc::default())),
            total: shared.total,
        }
    }

    /// The counters, kept up to date while the session runs.
    pub(crate) fn counters(&self) -> watch::Receiver<Counters> {
        self.total.subscribe()
    }

    /// Runs until `shutdown` completes.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        self.task.run(shutdown).await?;
        Ok(*self.total.borrow())
    }
}

/// proxy2 with all its links.
#[derive(Debug)]
pub(crate) struct Server {
    demux: Demux,
    total: Arc<watch::Sender<Counters>>,
}

impl Server {
    /// The proxy2 with that key, for who has one of the `tickets`.
    pub(crate) fn new(
        key: PrivateKey,
        tickets: Tickets,
        options: &SealedExit,
        target: HostPort,
        sockets: Vec<Udp>,
    ) -> Self {
        let shared = Shared::new(&options.link);
        let settings = memory::of_each_link(options);
        let memory = Budget::new(options.link.memory);
        let mut random = entropy::random();
        let responder = responder::Settings {
            epoch: Epoch(random.u64()),
            ciphers: ciphers(),
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: options
                .handshakes_per_second
                .unwrap_or_else(server::calibration::handshakes_per_second),
        };
        let responder = Responder::new(shared.clock.now(), key, responder, entropy::random());
        let endpoint = Endpoint::new(responder, Link::limits(&settings), options.max_links, random);
        let total = Arc::clone(&shared.total);
        let dialling = DialSettings { limit: options.dial_limit, keepalive: options.link.tcp_keepalive };
        let permit = Permit::only(target);
        Self {
            demux: Demux::new(DemuxParts {
                endpoint,
                shared,
                sockets: sockets.into(),
                tickets,
                permit,
                dialling,
                listeners: Vec::new(),
                settings,
                memory,
            }),
            total,
        }
    }

    /// The counters, kept up to date while the session runs.
    pub(crate) fn counters(&self) -> watch::Receiver<Counters> {
        self.total.subscribe()
    }

    /// Runs until `shutdown` completes.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        self.demux.run(shutdown).await?;
        Ok(*self.total.borrow())
    }
}

impl Shared {
    fn new(options: &Sealed) -> Self {
        Self {
            buffers: Buffers::default(),
            total: Arc::default(),
            clock: Clock::start(),
            idle_limit: options.idle,
        }
    }
}

/// Makes links to one proxy2: the first, and another whenever proxy2 has ended the one before.
fn remake(settings: link::Settings, instance: Instance) -> client_end::Remake {
    let limits = Link::limits(&settings);
    Box::new(move |now: Time, ticket: &Ticket| {
        let mut random = entropy::random();
        let identity = Identity { link: LinkId(random.u64()), instance, ciphers: ciphers(), limits };
        let initiator = Initiator::new(ticket.clone(), identity);
        Link::client(now, NOWHERE, initiator, settings, random)
    })
}

/// The same at every start on this machine with this listen address.
fn instance(listen: SocketAddr) -> Instance {
    let mut hasher = DefaultHasher::new();
    // Where there is no such file the listen address must do: all it decides is who is asked whether it still lives.
    std::fs::read("/etc/machine-id").unwrap_or_default().hash(&mut hasher);
    listen.hash(&mut hasher);
    Instance(hasher.finish())
}

/// Which ciphers this processor has instructions for.
fn ciphers() -> CipherSupport {
    #[cfg(target_arch = "x86_64")]
    let aes = std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let aes = false;
    CipherSupport { aes }
}

#[cfg(test)]
mod tests;
