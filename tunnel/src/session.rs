//! A bound session: the sockets are there, nothing has been sent yet.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::address::{HostPort, Listen, ResolveError};
use crate::entry::tcp::Acceptor;
use crate::link::classic::{self, Driver};
use crate::metrics::Counters;
use crate::options::{Classic, EntrySettings, ExitSettings, Link};
use crate::udp::Udp;

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
/// use tunnel::options::{Classic, EntrySettings, ExitSettings, Link};
/// use tunnel::session::Session;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let target = "127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap();
/// let link = Link::Classic(Classic::default());
/// let exit = ExitSettings { listen: Listen::loopback(0), target: target.into(), link: link.clone() };
/// let exit = Session::exit(exit).await?;
/// let peer = exit.running().local_addr.into();
/// let entry = Session::entry(EntrySettings { listen: Listen::loopback(0), peer, link }).await?;
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
    role: Role,
}

#[derive(Debug)]
enum Role {
    ClassicEntry(Box<Driver<classic::entry::Entry>>),
    ClassicExit(Box<Driver<classic::exit::Exit>>),
}

/// Why a session cannot start. Each message names the argument and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address to listen on cannot be had.
    #[error("cannot listen on {protocol} {address}: {}", bind_advice(error))]
    Listen {
        /// `TCP` or `UDP`.
        protocol: &'static str,
        /// The argument.
        address: Listen,
        /// What the system said.
        error: io::Error,
    },
    /// A host of the command line is unknown.
    #[error("{argument} {text}: {error}")]
    Host {
        /// The argument's name.
        argument: &'static str,
        /// The argument.
        text: String,
        /// What the resolver said.
        error: ResolveError,
    },
    /// No UDP socket for the link.
    #[error("cannot open a UDP socket: {0}")]
    Socket(io::Error),
}

impl Session {
    /// Binds what proxy1 needs.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn entry(settings: EntrySettings) -> Result<Self, BindError> {
        let EntrySettings { listen, peer, link: Link::Classic(options) } = settings;
        let address = resolve_listen(&listen).await?;
        let text = peer.to_string();
        let peer = classic::peer::Peer::find(peer).await;
        let peer = peer.map_err(|error| BindError::Host { argument: "HOST PORT", text, error })?;
        let clients = Acceptor::bind(address);
        let clients =
            clients.map_err(|error| BindError::Listen { protocol: "TCP", address: listen, error })?;
        let udp = Udp::bind_any(options.socket_buffer).map_err(BindError::Socket)?;
        let local_addr = clients.local_addr().map_err(BindError::Socket)?;
        let udp_addr = udp.local_addr().map_err(BindError::Socket)?;
        let side = classic::entry::Entry::new(options.table.clone(), clients, peer);
        let driver = drive(side, udp, &options)?;
        info!(listening = %local_addr, "proxy1 accepts TCP connections");
        Ok(Self { running: Running { local_addr, udp_addr }, role: Role::ClassicEntry(Box::new(driver)) })
    }

    /// Binds what proxy2 needs.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn exit(settings: ExitSettings) -> Result<Self, BindError> {
        let ExitSettings { listen, target, link: Link::Classic(options) } = settings;
        let address = resolve_listen(&listen).await?;
        check_host("HOST PORT", &target).await?;
        let udp = Udp::bind(address, options.socket_buffer);
        let udp = udp.map_err(|error| BindError::Listen { protocol: "UDP", address: listen, error })?;
        let local_addr = udp.local_addr().map_err(BindError::Socket)?;
        let side = classic::exit::Exit::new(options.table.clone(), target, options.dial_limit);
        let driver = drive(side, udp, &options)?;
        info!(listening = %local_addr, "proxy2 accepts UDP datagrams");
        Ok(Self {
            running: Running { local_addr, udp_addr: local_addr },
            role: Role::ClassicExit(Box::new(driver)),
        })
    }

    /// The bound addresses.
    pub const fn running(&self) -> Running {
        self.running
    }

    /// The counters, kept up to date while the session runs: a test can wait for one of them to move.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        match &self.role {
            Role::ClassicEntry(driver) => driver.counters(),
            Role::ClassicExit(driver) => driver.counters(),
        }
    }

    /// Serves until `shutdown` completes, then closes every stream and says what was counted.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        let counters = match self.role {
            Role::ClassicEntry(driver) => driver.run(shutdown).await,
            Role::ClassicExit(driver) => driver.run(shutdown).await,
        }?;
        counters.log();
        Ok(counters)
    }
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
    listen.resolve().await.map_err(unknown)
}

async fn check_host(argument: &'static str, host: &HostPort) -> Result<(), BindError> {
    let unknown = |error| BindError::Host { argument, text: host.to_string(), error };
    host.resolve().await.map(drop).map_err(unknown)
}

/// What to do about an address that cannot be bound.
fn bind_advice(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let kind = error.kind();
    if kind == Kind::AddrInUse {
        "the port is in use; choose another [ADDR:]PORT or stop the program that has it".into()
    } else if kind == Kind::AddrNotAvailable {
        "this machine has no such address; choose another [ADDR:]PORT".into()
    } else if kind == Kind::PermissionDenied {
        "not permitted; choose a PORT above 1023 in [ADDR:]PORT".into()
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests;
