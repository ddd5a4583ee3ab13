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
//! - `records`: what is known of each stream beside what carries it
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
mod presence;
mod records;
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
use std::path::PathBuf;
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
pub(crate) use self::client::diagnosis;
use self::client::keepalives::Keepalives;
use self::client::peer::PeerFinder;
pub(crate) use self::client::peer::places_of;
use self::client::sockets::Sockets;
use self::client::ticket_reader::TicketReader;
pub(crate) use self::dialler::Arrived;
use self::dialler::Dialler;
use self::journal::LinkJournal;
pub(crate) use self::presence::{Presence, PresenceState};
pub(crate) use self::requests::{LinkRequest, RequestReceiver, RequestSender, requests};
use self::roles::{RoleLimits, Roles};
pub(crate) use self::server::demux::successor::HandOver;
pub use self::server::demux::successor::NotHandedOver;
use self::server::demux::{Demux, DemuxParts, Succession};
pub use self::status::LinkStatus;
use self::task::{Shared, Task};
pub(crate) use self::ticket_resources::{TicketResources, dial_in_turn};
pub(crate) use self::ticket_share::StreamPlace;
use self::ticket_share::StreamPlaces;
use crate::clock::Clock;
use crate::control::client::{Command, Registrations};
use crate::control::server::{Entrance, Exchange, Reach};
use crate::handover::{Channel, OtherProcess};
use crate::link::asking::Asker;
use crate::link::drain_flag::DrainFlag;
use crate::local::access::Who;
use crate::local::dial::{DialSettings, OwnTarget};
use crate::local::forwarding::Forwarding;
use crate::local::listeners::Listeners;
use crate::local::pipe::RelayMemory;
use crate::metrics::{Counters, LinkKind, LinkLabels, Registry};
use crate::names::{Names, Service};
use crate::settings::{Allow, ClientSettings, Reverse, Sealed, ServerSettings};
use crate::state::Tickets;
use crate::udp::Udp;
use crate::{descriptors, entropy};

/// proxy1 with its one link.
#[derive(Debug)]
pub(crate) struct Client {
    task: Box<Task<ClientEnd>>,
    registry: Registry,
    drain: DrainFlag,
}

/// What proxy1 is made of, beside its settings.
#[derive(Debug)]
pub(crate) struct ClientResources {
    /// What the source of its settings has as the ticket now.
    pub(crate) ticket: Ticket,
    /// The forwards that it begins with.
    pub(crate) forwards: Vec<Forwarding>,
    /// For whom the clients are that proxy2 takes for this end.
    pub(crate) registrations: Registrations,
    /// Told of destinations that proxy2 forbids.
    pub(crate) explain: mpsc::UnboundedSender<Command>,
    /// Its socket.
    pub(crate) udp: Udp,
    /// What is asked of the link while it runs, and the way to ask.
    pub(crate) requests: (RequestSender, RequestReceiver),
    /// Told how the link is.
    pub(crate) status: watch::Sender<LinkStatus>,
}

impl Client {
    /// The link of these settings; their forwards are those of the resources.
    pub(crate) fn new(settings: ClientSettings, resources: ClientResources) -> Self {
        /// In the log: it is the only link.
        const NUMBER: u64 = 1;
        let ClientSettings {
            ticket: source,
            places,
            reverse,
            allow,
            dial_limit,
            link: options,
            patience,
            ..
        } = settings;
        let ClientResources { ticket, forwards, registrations, explain, udp, requests, status } = resources;
        let shared = Shared::new(&options);
        let (asker, requests) = requests;
        let mut remake = remake(memory::of_only_link(&options), instance(&forwards, &reverse));
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
        let dialler = client_dialler(&allow, dial_limit, &options).registered(registrations);
        let roles = Roles::new(limits).forwarding(forwards).asked_by(requests);
        let roles = roles.dialling(dialler).explaining(explain);
        let end = ClientEnd::new(parts, &shared.buffers);
        let labels = LinkLabels { kind: LinkKind::Sealed, number: NUMBER, ticket: None, peer: None };
        let journal = LinkJournal::new(NUMBER, None, Arc::default());
        Self {
            task: Box::new(Task::new(end, roles, link, &shared, (labels, Asker::Sealed(asker)), journal)),
            registry: shared.registry,
            drain: shared.drain,
        }
    }

    /// Its counters, kept up to date while it runs.
    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Set, it accepts nothing new any more, and no link of it does that begins later.
    pub(crate) const fn drain_flag(&self) -> &DrainFlag {
        &self.drain
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
    neighbours: Neighbours,
    registry: Registry,
    drain: DrainFlag,
}

/// What others know of the processes before and after this one, and how one of those takes over. Clones are of the same process.
#[derive(Clone, Debug)]
pub(crate) struct Neighbours {
    /// The process that this one took over from, while that has links.
    pub(crate) predecessor: watch::Receiver<Option<OtherProcess>>,
    /// The process that has taken over.
    pub(crate) successor: watch::Receiver<Option<u32>>,
    /// Where those go that want to.
    pub(crate) hand_overs: mpsc::Sender<HandOver>,
}

/// What proxy2 is made of, beside its settings.
#[derive(Debug)]
pub(crate) struct ServerResources {
    /// Its key.
    pub(crate) key: PrivateKey,
    /// Those that are let in, as they change.
    pub(crate) tickets: Tickets,
    /// Where those are, if they are in a folder.
    pub(crate) folder: Option<PathBuf>,
    /// Its sockets.
    pub(crate) sockets: Vec<Udp>,
    /// Its own listeners, and where their clients go.
    pub(crate) forwards: Vec<(Forwarding, Service)>,
    /// What it publishes itself, and what is dialled for that.
    pub(crate) published: Vec<(Service, OwnTarget)>,
}

impl Server {
    /// The proxy2 with that key, for who has one of the `tickets`.
    pub(crate) fn new(settings: &ServerSettings, resources: ServerResources) -> Self {
        let ServerResources { key, tickets, folder, sockets, forwards, published } = resources;
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
        let (registry, drain) = (shared.registry.clone(), shared.drain.clone());
        let dialling = DialSettings {
            limit: settings.dial_limit,
            keepalive: settings.link.tcp_keepalive,
            own_udp: sockets.iter().filter_map(|udp| udp.local_addr().ok()).collect(),
        };
        let exchange = exchange(&shared, settings, dialling.clone());
        let publish = |(service, target)| exchange.names.publish(service, None, Reach::Own(target));
        // More than there may be are not asked for by anybody who starts a program.
        let publications = published.into_iter().filter_map(|own| publish(own).ok()).collect();
        let entrance = |(forwarding, service)| Entrance::new(&exchange.listeners, forwarding, service);
        let entrances = forwards.into_iter().filter_map(entrance).collect();
        let (hand_overs, asked) = mpsc::channel(1);
        let (predecessor, successor) = (watch::Sender::default(), watch::Sender::default());
        let neighbours =
            Neighbours { predecessor: predecessor.subscribe(), successor: successor.subscribe(), hand_overs };
        let succession = Succession { channel: None, asked, predecessor, successor };
        let parts = DemuxParts {
            endpoint,
            shared,
            folder,
            sockets: sockets.into(),
            tickets,
            allow: Arc::new(settings.allow.clone()),
            dialling,
            exchange,
            entrances,
            _publications: publications,
            settings: of_link,
            memory: Budget::new(settings.link.memory),
            succession,
        };
        Self { demux: Demux::new(parts), neighbours, registry, drain }
    }

    /// Takes over from another process when it runs, and reads nothing until that is done.
    pub(crate) fn follow(&mut self, channel: Channel) {
        self.demux.follow(channel);
    }

    /// What others know of the processes before and after this one.
    pub(crate) const fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// Its counters, kept up to date while it runs.
    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// See [`Client::drain_flag`].
    pub(crate) const fn drain_flag(&self) -> &DrainFlag {
        &self.drain
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

/// What the links of a proxy2 share, with nothing in it yet.
fn exchange(shared: &Shared, settings: &ServerSettings, dialling: DialSettings) -> Exchange {
    /// The part of the memory for streams, as its divisor, that streams between two links may hold on their way: it comes on top.
    const RELAY_PART: u64 = 4;
    let memory = usize::try_from(settings.link.memory / RELAY_PART).unwrap_or(usize::MAX);
    Exchange {
        names: Names::new(),
        listeners: Listeners::default(),
        memory: RelayMemory::new(memory),
        dialling,
        counters: shared.registry.of_process().into(),
    }
}

impl Shared {
    fn new(options: &Sealed) -> Self {
        Self {
            buffers: Buffers::default(),
            registry: Registry::default(),
            drain: DrainFlag::default(),
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

/// A link that nobody but its owner drives, which carries nothing of this machine's. It waits to be told where its peer is.
pub(crate) fn lone_link(now: Time, ticket: &Ticket) -> Link {
    /// UDP payload of the largest packets to try: those of an Ethernet frame. The search for larger ones would take seconds.
    const MAX_DATAGRAM: u16 = 1_472;
    let options = Sealed { max_datagram: MAX_DATAGRAM, ..Sealed::default() };
    remake(memory::of_only_link(&options), Instance(entropy::random().u64()))(now, ticket)
}

/// The same at every start of this program on this machine with these forwards: proxy2 then asks whether the one before still lives.
fn instance(forwards: &[Forwarding], reverse: &[Reverse]) -> Instance {
    let mut hasher = DefaultHasher::new();
    // Where there is no such file the forwards must do: all it decides is who is asked whether it still lives.
    std::fs::read("/etc/machine-id").unwrap_or_default().hash(&mut hasher);
    if forwards.is_empty() && reverse.is_empty() {
        // Several that run at once answer for themselves.
        std::env::current_exe().unwrap_or_default().hash(&mut hasher);
    }
    forwards.iter().for_each(|forward| forward.bound().hash(&mut hasher));
    reverse.iter().for_each(|reverse| (&reverse.at, &reverse.to).hash(&mut hasher));
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
