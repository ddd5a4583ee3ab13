//! Which addresses may be connected to. Only the check here makes a [`Permitted`], and only that is dialled: between the check and its
//! use nothing is looked up again.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use proto::destination::SocketPath;
use proto::target::Target;
use tokio::sync::Semaphore;

use super::DialError;
use crate::address::{HostPort, ResolveError};
use crate::descriptors;
use crate::rules::{Asked, Forbidden, Protocol, Rules};

/// An address that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permitted(SocketAddr);

impl Permitted {
    /// The address.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.0
    }
}

/// What is to be dialled.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// A port, of TCP or UDP.
    Host(WantedHost),
    /// A Unix socket.
    Socket(SocketPath),
}

/// A port of a host that is to be reached.
#[derive(Clone, Debug)]
pub(crate) struct WantedHost {
    /// What is looked up.
    at: HostPort,
    /// What is compared with the rules.
    asked: Asked,
}

/// What a stream has reached.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    wanted: Wanted,
    /// The address, if it has one.
    at: Option<IpAddr>,
}

impl WantedHost {
    /// An end's own target.
    pub(crate) fn own(own: &HostPort) -> Self {
        Self { at: own.clone(), asked: Asked::own(own) }
    }

    /// A target of an end's own that takes datagrams.
    pub(crate) fn own_udp(own: &HostPort) -> Self {
        Self { at: own.clone(), asked: Asked::own_udp(own) }
    }

    /// What a peer has named, at an end whose own target is `own`.
    pub(crate) fn named(target: &Target, protocol: Protocol, own: Option<&HostPort>) -> Self {
        let asked = Asked::new(target, protocol, own);
        // As the operator has written it.
        let at = own.filter(|_| asked.is_target()).cloned().unwrap_or_else(|| target.into());
        Self { at, asked }
    }

    /// By which protocol.
    pub(crate) const fn protocol(&self) -> Protocol {
        self.asked.protocol()
    }

    /// The host and port, as they were written.
    pub(super) const fn place(&self) -> &HostPort {
        &self.at
    }

    /// Whether it may be dialled at this address.
    fn check_at(&self, rules: &Rules, ip: IpAddr) -> Result<(), Forbidden> {
        if is_of_this_machine(ip) {
            rules.may_dial_here(&self.asked, ip)
        } else {
            rules.may_dial(&self.asked, ip)
        }
    }
}

impl Wanted {
    /// Whether no connection to it takes a port of this machine for long.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            // A port of UDP is free again at once.
            Self::Host(host) => host.at.is_loopback() || host.protocol() == Protocol::Udp,
            Self::Socket(_) => true,
        }
    }

    /// Whether it may still be dialled, wherever it leads.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub(crate) fn check(&self, rules: &Rules) -> Result<(), Forbidden> {
        match self {
            Self::Host(host) => rules.may_look_up(&host.asked),
            Self::Socket(path) => rules.may_dial_socket(path.as_path()).map(drop),
        }
    }

    /// What has been reached when it was dialled.
    pub(crate) fn reached(self, at: Option<IpAddr>) -> Reached {
        Reached { wanted: self, at }
    }
}

impl Reached {
    /// Whether the rules allow it.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub(crate) fn check(&self, rules: &Rules) -> Result<(), Forbidden> {
        match (&self.wanted, self.at) {
            (Wanted::Host(host), Some(ip)) => host.check_at(rules, ip),
            (wanted, _) => wanted.check(rules),
        }
    }
}

impl Reached {
    /// What was wanted.
    pub(crate) const fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host) => host.at.fmt(f),
            Self::Socket(path) => shown(path.as_path(), f),
        }
    }
}

/// A path in a line of the log or on a terminal.
fn shown(path: &Path, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    std::fmt::Display::fmt(&path.to_string_lossy().escape_debug(), f)
}

/// Who knows the addresses of names.
pub(crate) trait Resolver: Sync {
    /// The addresses of a host now.
    ///
    /// # Errors
    /// It is unknown, or cannot be asked for.
    fn resolve(&self, host: &HostPort) -> impl Future<Output = Result<Vec<SocketAddr>, ResolveError>> + Send;
}

/// The system's, for one of those who share it. Each look-up of a name has a thread, and all of the process together have 512 (tokio):
/// whoever asks for names whose name service is silent must leave some to the others.
#[derive(Clone, Debug)]
pub(crate) struct SystemResolver(Arc<Semaphore>);

impl SystemResolver {
    /// Look-ups at a time; others wait for their turn.
    const LOOK_UPS: usize = 64;

    /// For one of them.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(Self::LOOK_UPS)))
    }
}

impl Resolver for SystemResolver {
    async fn resolve(&self, host: &HostPort) -> Result<Vec<SocketAddr>, ResolveError> {
        if !host.is_name() {
            return host.resolve().await;
        }
        let at = host.clone();
        let found = in_turn(&self.0, async move { at.resolve().await }).await;
        found.unwrap_or_else(|| {
            let reason = "the look-up was broken off".into();
            Err(ResolveError { name: host.to_string(), reason, no_descriptor: false })
        })
    }
}

/// Does `work` when it is its turn, which lasts until it is done, whether anybody still waits for it or not: what the system does in a
/// thread cannot be broken off. `None`: the runtime ends.
pub(super) async fn in_turn<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let turn = Arc::clone(turns).acquire_owned().await.ok()?;
    let working = async move {
        let done = work.await;
        drop(turn);
        done
    };
    tokio::spawn(working).await.ok()
}

/// The addresses of a host that may be connected to, or sent datagrams; never empty. Those that are forbidden are left out.
/// `own_udp`: where this process itself takes datagrams. They are not for its peers to send to.
///
/// # Errors
/// [`DialError::Forbidden`], before anything is looked up if no address could be allowed; and those of looking up.
pub(crate) async fn resolve_permitted(
    wanted: &WantedHost,
    rules: &Rules,
    own_udp: &[SocketAddr],
    resolver: &impl Resolver,
) -> Result<Vec<Permitted>, DialError> {
    rules.may_look_up(&wanted.asked)?;
    let found = match wanted.asked.is_localhost() && !wanted.asked.is_target() {
        true => LOCALHOST.map(|ip| SocketAddr::new(ip, wanted.at.port)).to_vec(),
        false => resolver.resolve(&wanted.at).await?,
    };
    let is_own = |at: SocketAddr| {
        wanted.asked.protocol() == Protocol::Udp && own_udp.iter().any(|own| is_at(at, *own))
    };
    let is_permitted = |at: &SocketAddr| wanted.check_at(rules, at.ip()).is_ok() && !is_own(*at);
    let permitted = found.iter().take(MAX_ADDRESSES).copied().filter(is_permitted).map(Permitted);
    let permitted: Vec<_> = permitted.collect();
    match found.first() {
        Some(first) if permitted.is_empty() => Err(DialError::Forbidden(Some(first.ip()))),
        _ => Ok(permitted),
    }
}

/// Addresses of a name that are looked at. To check one takes three calls of the system, and a name service can have four thousand.
const MAX_ADDRESSES: usize = 32;

/// What names of this machine lead to; no name service is asked (RFC 6761 section 6.3).
const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Whether datagrams to `at` come to this machine's socket `own`.
fn is_at(at: SocketAddr, own: SocketAddr) -> bool {
    let (ip, own_ip) = (at.ip().to_canonical(), own.ip().to_canonical());
    at.port() == own.port() && (ip == own_ip || own_ip.is_unspecified() && is_of_this_machine(ip))
}

/// Whether this machine itself has the address: what it sends there comes from there. No datagram leaves for it. Whether a socket
/// can be bound to it does not show it (Linux: `ip_nonlocal_bind`). Where it cannot be found out, for want of descriptors or ports, it
/// counts as this machine's: whoever can use them up must not reach more by it.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        // Any port will do.
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    ip.is_loopback() || is_from(from, ip)
}

/// Whether datagrams to `ip` come from there, as far as the system says.
pub(super) fn is_from(from: io::Result<SocketAddr>, ip: IpAddr) -> bool {
    use io::ErrorKind as Kind;
    match from {
        Ok(from) => from.ip().to_canonical() == ip.to_canonical(),
        Err(error) => {
            let is_short = matches!(error.kind(), Kind::AddrInUse | Kind::OutOfMemory | Kind::WouldBlock);
            is_short || descriptors::is_exhaustion(&error)
        }
    }
}
