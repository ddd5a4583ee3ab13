//! The sealed link's shell.
//!
//! One task a link owns the pure core ([`proto::sealed::link::Link`]) and every connection of it, so nothing on the
//! way of a byte is locked. proxy1 has one link, whose task reads the socket itself. proxy2 has a demultiplexer that sorts what
//! the socket brings and hands it, buffer by buffer, to the tasks of its links; each sends on the socket itself.
//!
//! - `task`: the loop of one link; what to look at first
//! - `end`: what differs between the two ends, which are in `client` and `server`
//! - `roles`, `dialler`: the streams of those at this side, whichever end it is: clients that are accepted, targets
//! - `requests`, `status`: what this process asks of a running link, and what it is told
//! - `conns`, `conn`: the connections, and how bytes go between one of them and its stream
//! - `flows`: the same for datagrams
//! - `outbox`, `buffers`: from the link into the socket
//! - `memory`: how the links of a process share its memory
//! - `ticket_resources`, `ticket_share`: what one ticket has of the process, all its links together
//! - `journal`: log lines

mod buffers;
mod client;
mod conn;
mod conns;
mod dialler;
mod end;
mod flows;
mod journal;
mod local_connection;
mod memory;
mod outbox;
mod requests;
mod roles;
mod server;
mod status;
mod task;
mod ticket_resources;
mod ticket_share;

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

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
use tokio::sync::{mpsc, watch};

use self::buffers::Buffers;
use self::client::client_end::{self, ClientEnd, NOWHERE};
use self::client::keepalives::Keepalives;
use self::client::peer::PeerFinder;
pub(crate) use self::client::peer::places_of;
use self::client::sockets::Sockets;
use self::client::ticket_reader::TicketReader;
use self::dialler::Dialler;
use self::journal::LinkJournal;
pub(crate) use self::requests::{LinkRequest, requests};
use self::roles::{RoleLimits, Roles};
use self::server::demux::{Demux, DemuxParts};
pub use self::status::LinkStatus;
use self::task::{Shared, Task};
use self::ticket_resources::TicketResources;
use self::ticket_share::StreamPlaces;
use crate::clock::Clock;
use crate::local::access::Who;
use crate::local::dial::DialSettings;
use crate::local::forwarding::Forwarding;
use crate::metrics::{Counters, LinkKind, LinkLabels, Registry};
use crate::settings::{Allow, ClientSettings, Sealed, ServerSettings};
use crate::state::Tickets;
use crate::udp::Udp;
use crate::{descriptors, entropy};

/// proxy1 with its one link.
#[derive(Debug)]
pub(crate) struct Client {
    task: Task<ClientEnd>,
    registry: Registry,
}

/// What proxy1 is made of, beside its settings.
#[derive(Debug)]
pub(crate) struct ClientResources {
    /// What the source of its settings has as the ticket now.
    pub(crate) ticket: Ticket,
    /// The forwards that it begins with.
    pub(crate) forwards: Vec<Forwarding>,
    /// Its socket.
    pub(crate) udp: Udp,
    /// What is asked of the link while it runs.
    pub(crate) requests: mpsc::Receiver<LinkRequest>,
    /// Told how the link is.
    pub(crate) status: watch::Sender<LinkStatus>,
}

impl Client {
    /// The link of these settings; their forwards are those of the resources.
    pub(crate) fn new(settings: ClientSettings, resources: ClientResources) -> Self {
        /// In the log: it is the only link.
        const NUMBER: u64 = 1;
        let ClientSettings { ticket: source, places, allow, dial_limit, link: options, patience, .. } =
            settings;
        let ClientResources { ticket, forwards, udp, requests, status } = resources;
        let shared = Shared::new(&options);
        let mut remake = remake(memory::of_only_link(&options), instance(&forwards));
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
            status,
        };
        let limits = RoleLimits { max_streams: options.max_streams, patience };
        let roles = Roles::new(limits).forwarding(forwards).asked_by(requests);
        let roles = match allow.is_nothing() {
            true => roles,
            false => roles.dialling(client_dialler(&allow, dial_limit, &options)),
        };
        let end = ClientEnd::new(parts, &shared.buffers);
        let labels = LinkLabels { kind: LinkKind::Sealed, number: NUMBER, ticket: None, peer: None };
        Self {
            task: Task::new(end, roles, link, &shared, labels, LinkJournal::new(NUMBER, Arc::default())),
            registry: shared.registry,
        }
    }

    /// Its counters, kept up to date while it runs.
    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Runs until `shutdown` completes.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        self.task.run(shutdown).await?;
        Ok(self.registry.totals())
    }
}

/// Dials for proxy2, which may have all that this process has.
fn client_dialler(allow: &Allow, limit: Duration, options: &Sealed) -> Dialler {
    let places = StreamPlaces::new(descriptors::for_connections()).share();
    let ticket = TicketResources::new(Who::Proxy2, allow, places, Budget::new(options.memory));
    // Its own socket has the port of the moment, and takes nothing but what proxy2 has sealed.
    let settings = DialSettings { limit, keepalive: options.tcp_keepalive, own_udp: Arc::default() };
    Dialler::new(settings, Arc::new(ticket))
}

/// proxy2 with all its links.
#[derive(Debug)]
pub(crate) struct Server {
    demux: Demux,
    registry: Registry,
}

impl Server {
    /// The proxy2 with that key, for who has one of the `tickets`.
    pub(crate) fn new(
        settings: &ServerSettings,
        key: PrivateKey,
        tickets: Tickets,
        sockets: Vec<Udp>,
    ) -> Self {
        let shared = Shared::new(&settings.link);
        let of_link = memory::of_each_link(settings);
        let mut random = entropy::random();
        let responder = responder::Settings {
            epoch: Epoch(random.u64()),
            ciphers: ciphers(),
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: settings
                .handshakes_per_second
                .unwrap_or_else(server::calibration::handshakes_per_second),
        };
        let responder = Responder::new(shared.clock.now(), key, responder, entropy::random());
        let endpoint = Endpoint::new(responder, Link::limits(&of_link), settings.max_links, random);
        let registry = shared.registry.clone();
        let dialling = DialSettings {
            limit: settings.dial_limit,
            keepalive: settings.link.tcp_keepalive,
            own_udp: sockets.iter().filter_map(|udp| udp.local_addr().ok()).collect(),
        };
        let parts = DemuxParts {
            endpoint,
            shared,
            sockets: sockets.into(),
            tickets,
            allow: Arc::new(settings.allow.clone()),
            dialling,
            forwards: Vec::new(),
            settings: of_link,
            memory: Budget::new(settings.link.memory),
        };
        Self { demux: Demux::new(parts), registry }
    }

    /// Its counters, kept up to date while it runs.
    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Runs until `shutdown` completes.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        self.demux.run(shutdown).await?;
        Ok(self.registry.totals())
    }
}

impl Shared {
    fn new(options: &Sealed) -> Self {
        Self {
            buffers: Buffers::default(),
            registry: Registry::default(),
            clock: Clock::start(),
            idle_limit: options.idle,
            udp_idle: options.udp_idle,
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

/// The same at every start of this program on this machine with these forwards: proxy2 then asks whether the one before still lives.
fn instance(forwards: &[Forwarding]) -> Instance {
    let mut hasher = DefaultHasher::new();
    // Where there is no such file the forwards must do: all it decides is who is asked whether it still lives.
    std::fs::read("/etc/machine-id").unwrap_or_default().hash(&mut hasher);
    match forwards {
        // Several that run at once answer for themselves.
        [] => std::env::current_exe().unwrap_or_default().hash(&mut hasher),
        _ => forwards.iter().for_each(|forward| forward.bound().hash(&mut hasher)),
    }
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
