//! A bound session: the sockets are there, nothing has been sent yet. And a running one, see [`Handle`].

mod checks;
mod handle;
mod own_names;
mod registration;

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{Instrument, info, warn};

use crate::address::Listen;
pub use crate::bind_error::BindError;
use crate::bind_error::resolve_listen;
pub use crate::control::client::{Caller, Identity, NameEvent, RegistrationState, ServiceInfo};
use crate::control::client::{ControlTask, Registrations};
use crate::invitation::Invitation;
use crate::link::classic::{self, Driver};
use crate::link::sealed;
pub use crate::link::sealed::LinkStatus;
use crate::local::dial::DialSettings;
pub use crate::local::forwarding::Bound;
use crate::local::forwarding::Forwarding;
use crate::local::listener::Listener;
pub use crate::local::pipe::{PipeStream, reset_code};
use crate::local::stdio::StdioStatus;
pub use crate::local::udp::{MAX_DATAGRAM, UdpStream};
use crate::metrics::{Counters, LinkKind, Registry};
use crate::settings::{
    Classic, ClassicEntry, ClassicExit, ClientSettings, ListenOn, ProxySettings, ServerSettings, StateSource,
};
use crate::state::{StateDir, Watch};
use crate::udp::Udp;
use checks::{check_buffer, check_descriptors, check_places, check_target};
pub use handle::{AddError, Handle, LinkClosed, LinkHandle, NotOpened};
use own_names::{names_forwarded, published};
pub use proto::sealed::wire::frame::ResetCode;
use registration::Starting;
pub use registration::{NameWatcher, NotAnswered, NotRegistered, Registration, ReverseHandle};

/// One proxy, bound and ready: peers and clients can reach it from now on, [`Session::run`] serves them.
///
/// ```
/// use paso_tunnel::address::Listen;
/// use paso_tunnel::session::Session;
/// use paso_tunnel::settings::{Classic, ClassicEntry, ClassicExit};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let target = "127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap().into();
/// let (listen, options) = (Listen::loopback(0), Classic::default());
/// let exit = Session::bind(ClassicExit { listen: listen.clone(), target, options: options.clone() }).await?;
/// let peer = exit.udp_addresses()[0].into();
/// let entry = Session::bind(ClassicEntry { listen, peer, options }).await?;
/// let clients = entry.listening()[0].tcp().unwrap();
/// assert_ne!(clients.port(), 0);
/// let (entry, exit) = (entry.run(), exit.run());
/// let counted = entry.close().await.unwrap();
/// assert_eq!(counted.streams, 0);
/// # exit.close().await.unwrap();
/// # Ok::<_, paso_tunnel::session::BindError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Session {
    udp_addresses: Vec<SocketAddr>,
    listening: Vec<Bound>,
    proxy: Proxy,
    link: Option<LinkHandle>,
    control: Option<ControlTask>,
    starting: Starting,
    invitation: Option<Invitation>,
    stdio: Option<watch::Receiver<StdioStatus>>,
}

#[derive(Debug)]
enum Proxy {
    ClassicEntry(Box<Driver<classic::entry::Entry>>),
    ClassicExit(Box<Driver<classic::exit::Exit>>),
    Client(Box<sealed::Client>),
    Server(Box<sealed::Server>),
}

impl Session {
    /// Binds what these settings need.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(settings: impl Into<ProxySettings>) -> Result<Self, BindError> {
        match settings.into() {
            ProxySettings::ClassicEntry(settings) => classic_entry(settings).await,
            ProxySettings::ClassicExit(settings) => classic_exit(settings).await,
            ProxySettings::Client(settings) => client(settings).await,
            ProxySettings::Server(settings) => server(settings).await,
        }
    }

    /// How a proxy1 joins this sealed proxy2, if its state is in a folder.
    pub const fn invitation(&self) -> Option<&Invitation> {
        self.invitation.as_ref()
    }

    /// The addresses of the UDP sockets, in the order of the ports. Of a proxy1 that of its first.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp_addresses
    }

    /// Where clients connect, in the order of the forwards.
    pub fn listening(&self) -> &[Bound] {
        &self.listening
    }

    /// The counters of all links together, kept up to date while the session runs: the receiver sees each change.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.registry().subscribe()
    }

    /// All that is counted, kept up to date while the session runs.
    pub fn registry(&self) -> &Registry {
        match &self.proxy {
            Proxy::ClassicEntry(driver) => driver.registry(),
            Proxy::ClassicExit(driver) => driver.registry(),
            Proxy::Client(client) => client.registry(),
            Proxy::Server(server) => server.registry(),
        }
    }

    /// Serves in the background, until the handle is closed or dropped.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn run(self) -> Handle {
        let registry = self.registry().clone();
        let (stop, stopped) = oneshot::channel();
        let Self { udp_addresses, proxy, link, control, starting, stdio, .. } = self;
        let serving = proxy.run(async {
            // Dropping the other half asks for the end, too.
            let _ = stopped.await;
        });
        // Where a process has several sessions, what they log is told apart by the spans that they run in.
        let task = tokio::spawn(serving.in_current_span());
        // It ends with the link.
        control.map(|control| tokio::spawn(control.run().in_current_span()));
        Handle { udp_addresses, registry, link, stdio, starting, stop: Some(stop), task: Some(task) }
    }
}

impl Proxy {
    /// Serves until `shutdown` completes, then closes every stream and says what was counted.
    async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        let (counters, kind) = match self {
            Self::ClassicEntry(driver) => (driver.run(shutdown).await?, LinkKind::Classic),
            Self::ClassicExit(driver) => (driver.run(shutdown).await?, LinkKind::Classic),
            Self::Client(client) => (client.run(shutdown).await?, LinkKind::Sealed),
            Self::Server(server) => (server.run(shutdown).await?, LinkKind::Sealed),
        };
        counters.log(kind);
        Ok(counters)
    }
}

async fn classic_entry(settings: ClassicEntry) -> Result<Session, BindError> {
    let ClassicEntry { listen, peer, options } = settings;
    let address = resolve_listen(&listen).await?;
    let text = peer.to_string();
    let peer = classic::peer::Peer::find(peer).await;
    let peer = peer.map_err(|error| BindError::Host { argument: "HOST PORT", text, error })?;
    let clients = Listener::bind(address, options.tcp_keepalive);
    let clients = clients.map_err(|error| BindError::Forward { listen: ListenOn::Tcp(listen), error })?;
    let listening = clients.local_addr().map_err(BindError::Socket)?;
    let udp = Udp::bind_any(options.socket_buffer).map_err(BindError::Socket)?;
    let udp_address = udp.local_addr().map_err(BindError::Socket)?;
    let side = classic::entry::Entry::new(options.table.clone(), clients, peer);
    let proxy = Proxy::ClassicEntry(Box::new(drive(side, udp, &options)?));
    info!(%listening, "proxy1 accepts TCP connections");
    Ok(Session {
        udp_addresses: vec![udp_address],
        listening: vec![Bound::Tcp(listening)],
        proxy,
        link: None,
        control: None,
        starting: Starting::default(),
        invitation: None,
        stdio: None,
    })
}

async fn classic_exit(settings: ClassicExit) -> Result<Session, BindError> {
    let ClassicExit { listen, target, options } = settings;
    let address = resolve_listen(&listen).await?;
    check_target(&target).await?;
    let udp = bind_udp(&listen, address, options.socket_buffer)?;
    let udp_address = udp.local_addr().map_err(BindError::Socket)?;
    let dialling = DialSettings {
        limit: options.dial_limit,
        keepalive: options.tcp_keepalive,
        own_udp: [udp_address].into(),
    };
    let side = classic::exit::Exit::new(options.table.clone(), target, dialling);
    let proxy = Proxy::ClassicExit(Box::new(drive(side, udp, &options)?));
    info!(listening = %udp_address, "proxy2 accepts UDP datagrams");
    Ok(Session {
        udp_addresses: vec![udp_address],
        listening: Vec::new(),
        proxy,
        link: None,
        control: None,
        starting: Starting::default(),
        invitation: None,
        stdio: None,
    })
}

async fn client(mut settings: ClientSettings) -> Result<Session, BindError> {
    // What cannot be looked up yet, the link says and tries again.
    if !settings.places.is_empty() {
        check_places("HOST PORT", &settings.places).await?;
    }
    let ticket = settings.ticket.find()?;
    if settings.places.is_empty() {
        check_places("the ticket's", &sealed::places_of(&ticket)).await?;
    }
    // Streams of this process need no descriptors.
    if !settings.forwards.is_empty() || !settings.reverse.is_empty() {
        settings.link.max_streams = check_descriptors(settings.link.max_streams);
    }
    let keepalive = settings.link.tcp_keepalive;
    let mut forwards = Vec::with_capacity(settings.forwards.len());
    for forward in &settings.forwards {
        forwards.push(Forwarding::bind(forward, keepalive).await?);
    }
    let udp = Udp::bind_any(settings.link.socket_buffer).map_err(BindError::Socket)?;
    check_buffer(&udp, settings.link.socket_buffer)?;
    let udp_address = udp.local_addr().map_err(BindError::Socket)?;
    let listening: Vec<_> = forwards.iter().map(|forward| forward.bound().clone()).collect();
    tell_listening(&listening);
    let stdio = forwards.iter().find_map(Forwarding::stdio_status);
    let (requests, asked) = sealed::requests();
    let (told, status) = watch::channel(LinkStatus::default());
    let (commands, commanded) = mpsc::unbounded_channel();
    let link = LinkHandle { requests: requests.clone(), status: status.clone(), keepalive, commands };
    let mut starting = Starting::default();
    for reverse in &settings.reverse {
        starting.add(link.begin_to_register(reverse)?);
    }
    let registrations = Registrations::default();
    let resources = sealed::ClientResources {
        ticket,
        forwards,
        registrations: registrations.clone(),
        explain: link.commands.clone(),
        udp,
        requests: asked,
        status: told,
    };
    let client = sealed::Client::new(settings, resources);
    let counters = client.registry().of_process().into();
    let control = ControlTask::new(requests, status, commanded, registrations, counters);
    Ok(Session {
        udp_addresses: vec![udp_address],
        listening,
        proxy: Proxy::Client(Box::new(client)),
        link: Some(link),
        control: Some(control),
        starting,
        invitation: None,
        stdio,
    })
}

/// Says where clients connect: one line for each place, or for all where they are many.
fn tell_listening(listening: &[Bound]) {
    /// As many lines as can be read at a glance.
    const LINES: usize = 8;
    if let (Some(first), Some(last), true) = (listening.first(), listening.last(), listening.len() > LINES) {
        info!(places = listening.len(), %first, %last, "proxy1 accepts connections");
        return;
    }
    for bound in listening {
        match bound {
            Bound::Tcp(address) => info!(listening = %address, "proxy1 accepts TCP connections"),
            Bound::Unix(path) => {
                info!(listening = %path.display(), "proxy1 accepts connections of a Unix socket")
            }
            Bound::Udp(address) => info!(listening = %address, "proxy1 accepts datagrams of clients"),
            Bound::Stdio => info!("proxy1 carries standard input and output"),
        }
    }
}

async fn server(settings: ServerSettings) -> Result<Session, BindError> {
    let address = resolve_listen(&settings.listen).await?;
    // Its name was given for this start; those of the others may come and go.
    if let Some(target) = &settings.allow.target {
        check_target(target).await?;
    }
    if settings.also_ports.len() > ServerSettings::MAX_PORTS {
        return Err(BindError::Ports(settings.also_ports.len()));
    }
    let sockets = bind_ports(&settings, address)?;
    let udp_addresses: io::Result<Vec<_>> = sockets.iter().map(Udp::local_addr).collect();
    let udp_addresses = udp_addresses.map_err(BindError::Socket)?;
    if let Some(udp) = sockets.first() {
        check_buffer(udp, settings.link.socket_buffer)?;
    }
    check_descriptors(settings.link.max_streams);
    let (key, tickets, invitation) = match &settings.state {
        StateSource::Given { key, tickets } => (key.clone(), tickets.clone().into(), None),
        StateSource::Folder(path) => {
            let folder = StateDir::locate(path.clone())?;
            let state = folder.server()?;
            let invitation = Invitation::new(udp_addresses.clone(), &folder, &state);
            let key = state.key.clone();
            let (watch, tickets) = Watch::new(folder, state);
            tokio::spawn(watch.run());
            (key, tickets, Some(invitation))
        }
    };
    let forwards = names_forwarded(&settings).await?;
    let listening: Vec<_> = forwards.iter().map(|(forwarding, _)| forwarding.bound().clone()).collect();
    let published = published(&settings)?;
    let resources = sealed::ServerResources { key, tickets, sockets, forwards, published };
    let server = sealed::Server::new(&settings, resources);
    for bound in &listening {
        info!(listening = %bound, "proxy2 accepts clients");
    }
    for listening in &udp_addresses {
        info!(%listening, "proxy2 accepts UDP datagrams");
    }
    let proxy = Proxy::Server(Box::new(server));
    Ok(Session {
        udp_addresses,
        listening,
        proxy,
        link: None,
        control: None,
        starting: Starting::default(),
        invitation,
        stdio: None,
    })
}

fn bind_ports(settings: &ServerSettings, address: SocketAddr) -> Result<Vec<Udp>, BindError> {
    let ServerSettings { listen, also_ports, link, .. } = settings;
    let mut sockets = vec![bind_udp(listen, address, link.socket_buffer)?];
    for port in also_ports {
        // The same address, with its zone.
        let (listen, mut address) = (Listen { port: *port, ..listen.clone() }, address);
        address.set_port(*port);
        sockets.push(bind_udp(&listen, address, link.socket_buffer)?);
    }
    Ok(sockets)
}

fn bind_udp(listen: &Listen, address: SocketAddr, buffer: usize) -> Result<Udp, BindError> {
    Udp::bind(address, buffer).map_err(|error| BindError::Udp { address: listen.clone(), error })
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

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod forward_tests;
#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
