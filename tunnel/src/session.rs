//! A bound session: the sockets are there, nothing has been sent yet. And a running one, see [`Handle`].

mod bind;
mod checks;
mod handle;
mod name_watcher;
mod own_names;
mod registration;
mod viewer;

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

pub use crate::bind_error::BindError;
use crate::control::client::ControlTask;
pub use crate::control::client::{Caller, Identity, NameEvent, RegistrationState, ServiceInfo};
use crate::handover::Channel;
use crate::invitation::Invitation;
use crate::link::classic::{self, Driver};
use crate::link::drain_flag::DrainFlag;
use crate::link::sealed;
pub use crate::link::sealed::LinkStatus;
use crate::link::sealed::Neighbours;
pub use crate::link::sealed::NotHandedOver;
pub use crate::local::forwarding::Bound;
pub use crate::local::pipe::{PipeStream, reset_code};
use crate::local::stdio::StdioStatus;
pub use crate::local::udp::{MAX_DATAGRAM, UdpStream};
use crate::metrics::{Counters, LinkKind, Registry, so_far};
use crate::settings::ProxySettings;
use crate::view::Role;
pub use handle::{AddError, Handle, LinkClosed, LinkHandle, NotOpened};
pub use name_watcher::{NameWatcher, WatchEnded};
pub use proto::sealed::wire::frame::ResetCode;
use registration::Starting;
pub use registration::{NoClients, NotAnswered, NotRegistered, Registration, ReverseHandle};
pub(crate) use viewer::Listening;
use viewer::ViewerParts;
pub use viewer::{Detail, Viewer};

/// Why a proxy cannot take over from another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotFollow {
    /// It is no proxy2 with sealed links.
    #[error("only a proxy2 with sealed links takes over from another one")]
    Kind,
    /// It listens elsewhere.
    #[error(
        "the proxy2 that runs accepts datagrams at {}, and this one is to at {}: let both have the same addresses, or start this one \
         without --take-over",
        listed(other),
        listed(own)
    )]
    Addresses {
        /// Where this one is.
        own: Vec<SocketAddr>,
        /// Where the other is.
        other: Vec<SocketAddr>,
    },
}

fn listed(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

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
        bind::bind(settings.into()).await
    }

    /// Without what only some have.
    fn new(udp_addresses: Vec<SocketAddr>, listening: Vec<Bound>, proxy: Proxy) -> Self {
        Self {
            udp_addresses,
            listening,
            proxy,
            link: None,
            control: None,
            starting: Starting::default(),
            invitation: None,
            stdio: None,
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
        self.proxy.registry()
    }

    /// Takes over from the proxy2 at the other end of `channel` as soon as it runs, and reads nothing before that is done. Its sockets
    /// have to be those that were passed.
    ///
    /// # Errors
    /// It is of another kind, or has other addresses.
    pub fn follow(&mut self, channel: Channel) -> Result<(), CannotFollow> {
        let Proxy::Server(server) = &mut self.proxy else { return Err(CannotFollow::Kind) };
        let sorted = |addresses: &[SocketAddr]| {
            let mut addresses = addresses.to_vec();
            addresses.sort();
            addresses
        };
        let (own, other) = (sorted(&self.udp_addresses), sorted(&channel.udp));
        if own != other {
            return Err(CannotFollow::Addresses { own, other });
        }
        server.follow(channel);
        Ok(())
    }

    /// Serves in the background, until the handle is closed or dropped.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn run(self) -> Handle {
        let registry = self.registry().clone();
        let (role, kind) = self.proxy.role();
        let (udp, drain) = (self.udp_addresses.clone(), self.proxy.drain_flag().clone());
        let listening = match &self.link {
            Some(link) => link.listening.clone(),
            None => Listening::new(&self.listening),
        };
        let neighbours = self.proxy.neighbours().cloned();
        let parts = ViewerParts {
            role,
            kind,
            udp,
            listening,
            registry: registry.clone(),
            drain,
            neighbours: neighbours.clone(),
        };
        let viewer = Viewer::new(parts);
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
        let (stop, task) = (Some(stop), Some(task));
        Handle { udp_addresses, registry, viewer, link, stdio, starting, neighbours, stop, task }
    }
}

impl Proxy {
    fn registry(&self) -> &Registry {
        match self {
            Self::ClassicEntry(driver) => driver.registry(),
            Self::ClassicExit(driver) => driver.registry(),
            Self::Client(client) => client.registry(),
            Self::Server(server) => server.registry(),
        }
    }

    const fn neighbours(&self) -> Option<&Neighbours> {
        match self {
            Self::Server(server) => Some(server.neighbours()),
            Self::ClassicEntry(_) | Self::ClassicExit(_) | Self::Client(_) => None,
        }
    }

    const fn role(&self) -> (Role, LinkKind) {
        match self {
            Self::ClassicEntry(_) => (Role::Proxy1, LinkKind::Classic),
            Self::ClassicExit(_) => (Role::Proxy2, LinkKind::Classic),
            Self::Client(_) => (Role::Proxy1, LinkKind::Sealed),
            Self::Server(_) => (Role::Proxy2, LinkKind::Sealed),
        }
    }

    fn drain_flag(&self) -> &DrainFlag {
        match self {
            Self::ClassicEntry(driver) => driver.drain_flag(),
            Self::ClassicExit(driver) => driver.drain_flag(),
            Self::Client(client) => client.drain_flag(),
            Self::Server(server) => server.drain_flag(),
        }
    }

    /// Serves until `shutdown` completes, then closes every stream and says what was counted.
    async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        let (registry, kind) = (self.registry().clone(), self.role().1);
        let mut aside = JoinSet::new();
        aside.spawn(so_far::tell(registry, kind).in_current_span());
        let counters = match self {
            Self::ClassicEntry(driver) => driver.run(shutdown).await?,
            Self::ClassicExit(driver) => driver.run(shutdown).await?,
            Self::Client(client) => client.run(shutdown).await?,
            Self::Server(server) => server.run(shutdown).await?,
        };
        counters.log(kind, "ended");
        Ok(counters)
    }
}

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod forward_tests;
#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod viewer_tests;
