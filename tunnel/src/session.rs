//! A bound session: the sockets are there, nothing has been sent yet.

mod bind_error;

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::address::{HostPort, HostPorts, Listen, ResolveError};
use crate::descriptors;
use crate::invitation::Invitation;
use crate::link::classic::{self, Driver};
use crate::link::sealed;
use crate::listen;
use crate::local::dial::DialSettings;
use crate::local::listener::Listener;
use crate::metrics::Counters;
use crate::settings::{
    Classic, EntryLink, EntrySettings, ExitSettings, Link, SealedEntry, SealedExit, StateSource, TcpKeepalive,
};
use crate::state::{StateDir, Watch};
use crate::udp::Udp;
pub use bind_error::BindError;

/// What is known once the sockets are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// The address of the command line, with its port filled in: TCP for an entry, UDP for an exit.
    pub local_addr: SocketAddr,
    /// The address of the UDP socket. For an exit the same.
    pub udp_addr: SocketAddr,
}

/// One proxy, bound and ready: peers and clients can reach it from now on, [`Session::run`] serves them.
///
/// ```
/// use tunnel::address::Listen;
/// use tunnel::settings::{Classic, EntryLink, EntrySettings, ExitSettings, Link};
/// use tunnel::session::Session;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let target = "127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap();
/// let exit = ExitSettings { listen: Listen::loopback(0), target: target.into(), link: Link::Classic(Classic::default()) };
/// let exit = Session::exit(exit).await?;
/// let peer = exit.running().local_addr.into();
/// let link = EntryLink::Classic { peer, options: Classic::default() };
/// let entry = Session::entry(EntrySettings { listen: Listen::loopback(0), link }).await?;
/// assert_ne!(entry.running().local_addr.port(), 0);
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let entry = tokio::spawn(entry.run(async { stopped.await.unwrap_or_default() }));
/// stop.send(()).unwrap();
/// assert_eq!(entry.await.unwrap().unwrap().streams, 0);
/// # Ok::<_, tunnel::session::BindError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Session {
    running: Running,
    udp_addresses: Vec<SocketAddr>,
    role: Role,
    invitation: Option<Invitation>,
}

#[derive(Debug)]
enum Role {
    ClassicEntry(Box<Driver<classic::entry::Entry>>),
    ClassicExit(Box<Driver<classic::exit::Exit>>),
    SealedEntry(Box<sealed::Client>),
    SealedExit(Box<sealed::Server>),
}

impl Session {
    /// Binds what proxy1 needs.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn entry(settings: EntrySettings) -> Result<Self, BindError> {
        let EntrySettings { listen, link } = settings;
        let address = resolve_listen(&listen).await?;
        match link {
            EntryLink::Classic { peer, options } => classic_entry(listen, address, peer, &options).await,
            EntryLink::Sealed(options) => sealed_entry(listen, address, options).await,
        }
    }

    /// Binds what proxy2 needs.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn exit(settings: ExitSettings) -> Result<Self, BindError> {
        let ExitSettings { listen, target, link } = settings;
        let address = resolve_listen(&listen).await?;
        if let Some(error) = check_host("HOST PORT", &target).await? {
            warn!("{error}. It is looked up again for each connection");
        }
        let (buffer, also_ports) = match &link {
            Link::Classic(options) => (options.socket_buffer, &[][..]),
            Link::Sealed(options) => (options.link.socket_buffer, options.also_ports.as_slice()),
        };
        if also_ports.len() > SealedExit::MAX_PORTS {
            return Err(BindError::Ports(also_ports.len()));
        }
        let mut sockets = vec![bind_udp(&listen, address, buffer)?];
        for port in also_ports {
            // The same address, with its zone.
            let (listen, mut address) = (Listen { port: *port, ..listen.clone() }, address);
            address.set_port(*port);
            sockets.push(bind_udp(&listen, address, buffer)?);
        }
        let bound: io::Result<Vec<_>> = sockets.iter().map(Udp::local_addr).collect();
        let bound = bound.map_err(BindError::Socket)?;
        let (role, invitation) = match link {
            Link::Classic(options) => {
                (classic_exit(target, sockets.pop().expect("the one just bound"), &options)?, None)
            }
            Link::Sealed(options) => sealed_exit(target, sockets, bound.clone(), &options)?,
        };
        for listening in &bound {
            info!(%listening, "proxy2 accepts UDP datagrams");
        }
        let local_addr = *bound.first().expect("one is bound");
        Ok(Self {
            running: Running { local_addr, udp_addr: local_addr },
            udp_addresses: bound,
            role,
            invitation,
        })
    }

    /// How a proxy1 joins this sealed proxy2, if its state is in a folder.
    pub const fn invitation(&self) -> Option<&Invitation> {
        self.invitation.as_ref()
    }

    /// The bound addresses.
    pub const fn running(&self) -> Running {
        self.running
    }

    /// The addresses of all UDP sockets of an exit, in the order of its ports; of an entry, that of its first.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp_addresses
    }

    /// The counters, kept up to date while the session runs: a test can wait for one of them to move.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        match &self.role {
            Role::ClassicEntry(driver) => driver.counters(),
            Role::ClassicExit(driver) => driver.counters(),
            Role::SealedEntry(client) => client.counters(),
            Role::SealedExit(server) => server.counters(),
        }
    }

    /// Serves until `shutdown` completes, then closes every stream and says what was counted.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        match self.role {
            Role::ClassicEntry(driver) => driver.run(shutdown).await.inspect(Counters::log),
            Role::ClassicExit(driver) => driver.run(shutdown).await.inspect(Counters::log),
            Role::SealedEntry(client) => client.run(shutdown).await.inspect(Counters::log_sealed),
            Role::SealedExit(server) => server.run(shutdown).await.inspect(Counters::log_sealed),
        }
    }
}

async fn classic_entry(
    listen: Listen,
    address: SocketAddr,
    peer: HostPort,
    options: &Classic,
) -> Result<Session, BindError> {
    let text = peer.to_string();
    let peer = classic::peer::Peer::find(peer).await;
    let peer = peer.map_err(|error| BindError::Host { argument: "HOST PORT", text, error })?;
    let (clients, local_addr) = bind_clients(listen, address, options.tcp_keepalive)?;
    let udp = Udp::bind_any(options.socket_buffer).map_err(BindError::Socket)?;
    let udp_addr = udp.local_addr().map_err(BindError::Socket)?;
    let side = classic::entry::Entry::new(options.table.clone(), clients, peer);
    let role = Role::ClassicEntry(Box::new(drive(side, udp, options)?));
    info!(listening = %local_addr, "proxy1 accepts TCP connections");
    Ok(Session {
        running: Running { local_addr, udp_addr },
        udp_addresses: vec![udp_addr],
        role,
        invitation: None,
    })
}

fn classic_exit(target: HostPort, udp: Udp, options: &Classic) -> Result<Role, BindError> {
    let dialling = DialSettings { limit: options.dial_limit, keepalive: options.tcp_keepalive };
    let side = classic::exit::Exit::new(options.table.clone(), target, dialling);
    Ok(Role::ClassicExit(Box::new(drive(side, udp, options)?)))
}

async fn sealed_entry(
    listen: Listen,
    address: SocketAddr,
    mut options: SealedEntry,
) -> Result<Session, BindError> {
    // What cannot be looked up yet, the link says and tries again.
    if !options.places.is_empty() {
        check_places("HOST PORT", &options.places).await?;
    }
    let ticket = options.ticket.find()?;
    if options.places.is_empty() {
        check_places("the ticket's", &sealed::places_of(&ticket)).await?;
    }
    options.link.max_streams = check_descriptors(options.link.max_streams);
    let (clients, local_addr) = bind_clients(listen, address, options.link.tcp_keepalive)?;
    let udp = Udp::bind_any(options.link.socket_buffer).map_err(BindError::Socket)?;
    check_buffer(&udp, options.link.socket_buffer)?;
    let udp_addr = udp.local_addr().map_err(BindError::Socket)?;
    let client = sealed::Client::new(ticket, options, clients, local_addr, udp);
    info!(listening = %local_addr, "proxy1 accepts TCP connections");
    let role = Role::SealedEntry(Box::new(client));
    Ok(Session {
        running: Running { local_addr, udp_addr },
        udp_addresses: vec![udp_addr],
        role,
        invitation: None,
    })
}

fn sealed_exit(
    target: HostPort,
    sockets: Vec<Udp>,
    bound: Vec<SocketAddr>,
    options: &SealedExit,
) -> Result<(Role, Option<Invitation>), BindError> {
    if let Some(udp) = sockets.first() {
        check_buffer(udp, options.link.socket_buffer)?;
    }
    check_descriptors(options.link.max_streams);
    let (key, tickets, invitation) = match &options.state {
        StateSource::Given { key, tickets } => (key.clone(), tickets.clone().into(), None),
        StateSource::Folder(path) => {
            let folder = StateDir::locate(path.clone())?;
            let state = folder.server()?;
            let invitation = Invitation::new(bound, &folder, &state);
            let key = state.key.clone();
            let (watch, tickets) = Watch::new(folder, state);
            tokio::spawn(watch.run());
            (key, tickets, Some(invitation))
        }
    };
    let server = sealed::Server::new(key, tickets, options, target, sockets);
    Ok((Role::SealedExit(Box::new(server)), invitation))
}

fn bind_udp(listen: &Listen, address: SocketAddr, buffer: usize) -> Result<Udp, BindError> {
    Udp::bind(address, buffer).map_err(|error| BindError::Listen {
        protocol: "UDP",
        address: listen.clone(),
        error,
    })
}

fn bind_clients(
    listen: Listen,
    address: SocketAddr,
    keepalive: TcpKeepalive,
) -> Result<(Listener, SocketAddr), BindError> {
    let clients = Listener::bind(address, keepalive);
    let clients = clients.map_err(|error| BindError::Listen { protocol: "TCP", address: listen, error })?;
    let local = clients.local_addr().map_err(BindError::Socket)?;
    Ok((clients, local))
}

/// Says once if the socket's buffers are so small that bursts get lost (and sent again).
fn check_buffer(udp: &Udp, wanted: usize) -> Result<(), BindError> {
    /// About 4 ms at 4 Gbit/s: less, and a proxy that is kept from running for a moment loses datagrams.
    const ENOUGH: usize = 2 << 20;
    let granted = udp.granted().map_err(BindError::Socket)?;
    if granted.recv.min(granted.send) < ENOUGH.min(wanted) {
        warn!(
            received = granted.recv,
            sent = granted.send,
            wanted,
            "the UDP socket buffers are small, fast transfers will be slower: raise net.core.rmem_max and wmem_max"
        );
    }
    Ok(())
}

/// Says once if there are fewer descriptors than connections of the streams that were asked for; how many can be had.
fn check_descriptors(streams: usize) -> usize {
    let possible = streams.min(descriptors::for_connections());
    if possible < streams {
        warn!(
            streams,
            possible,
            "so many streams cannot be had, each needs a descriptor: raise the hard limit of open files (ulimit -Hn)"
        );
    }
    possible
}

/// Says what a classic link is not, and whether its socket is large enough.
fn drive<S: classic::Side>(side: S, udp: Udp, options: &Classic) -> Result<Driver<S>, BindError> {
    /// Below this the default rate of a peer like us is less than 1 Gbit/s.
    const ENOUGH: usize = 2 << 20;
    warn!(
        "the classic link has no encryption and no authentication: anyone on the path can read and alter it"
    );
    let granted = udp.granted().map_err(BindError::Socket)?;
    if granted.recv < ENOUGH.min(options.socket_buffer) {
        warn!(
            granted = granted.recv,
            wanted = options.socket_buffer,
            "the UDP receive buffer is small, a fast sender can overrun it: raise net.core.rmem_max"
        );
    }
    Driver::new(side, udp, options).map_err(BindError::Socket)
}

async fn resolve_listen(listen: &Listen) -> Result<SocketAddr, BindError> {
    let unknown = |error| BindError::Host { argument: "[ADDR:]PORT", text: listen.to_string(), error };
    listen::resolve(listen).await.map_err(unknown)
}

/// Finds a mistyped name at the start. A name service that cannot be asked yet keeps nobody from starting, since the network may come
/// later: what it is then.
async fn check_host(argument: &'static str, host: &HostPort) -> Result<Option<ResolveError>, BindError> {
    match host.resolve_at_start().await {
        Err(error) if error.is_answer() => Err(BindError::Host { argument, text: host.to_string(), error }),
        result => Ok(result.err()),
    }
}

/// The same for all places of proxy2: it is enough that one may be there.
async fn check_places(argument: &'static str, places: &[HostPorts]) -> Result<(), BindError> {
    if places.is_empty() {
        return Err(BindError::NoPlace);
    }
    let mut unknown = None;
    for place in places {
        match check_host(argument, &place.with_first_port()).await {
            Ok(_) => return Ok(()),
            Err(error) => unknown = Some(error),
        }
    }
    unknown.map_or(Ok(()), Err)
}

#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
