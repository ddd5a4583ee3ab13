//! Dials what a stream leads to. Nothing else in this crate connects to what a peer asks for: a test says so.

mod connect;
mod datagrams;
#[cfg_attr(target_os = "linux", path = "dial/fixed_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "dial/fixed_other.rs")]
mod fixed;
mod own;
mod permit;
mod socket;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use proto::sealed::wire::frame::ResetCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

pub(crate) use self::datagrams::UdpTarget;
pub(crate) use self::own::{OwnTarget, asked_for};
pub(crate) use self::permit::{
    Permitted, Reached, Resolver, SystemResolver, Wanted, WantedHost, resolve_permitted,
};
use crate::address::ResolveError;
use crate::descriptors;
use crate::local::end::LocalEnd;
use crate::local::stream::UnixStream;
use crate::local::udp::LocalFlow;
use crate::metrics::Counters;
use crate::rules::{Forbidden, Protocol, Rules};
use crate::tcp_options::TcpKeepalive;

/// Why a target could not be dialled.
#[derive(Debug)]
pub(crate) enum DialError {
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No way there.
    Unreachable,
    /// Its name is unknown.
    UnknownHost,
    /// No descriptor is left for the connection.
    NoDescriptor,
    /// No port of this machine is left for the connection.
    NoPort,
    /// No rule allows it, or the address that it leads to.
    Forbidden(Option<IpAddr>),
    /// So many are being dialled for the same ticket that its turn did not come.
    NoTurn,
    /// Nobody publishes the name.
    NotPublished,
    /// The publisher of the name, or the link to it, has refused the stream.
    Publisher(ResetCode),
    /// Anything else.
    Other(io::Error),
}

/// How targets are dialled.
#[derive(Clone, Debug)]
pub(crate) struct DialSettings {
    /// How long a dial may take in all.
    pub(crate) limit: Duration,
    /// What the connections are set to.
    pub(crate) keepalive: TcpKeepalive,
    /// Where this process takes the datagrams of its links; no flow leads there.
    pub(crate) own_udp: Arc<[SocketAddr]>,
}

/// What was dialled.
#[derive(Debug)]
pub(crate) enum Dialled {
    /// A TCP target, and the address that was checked and connected to.
    Tcp(TcpStream, Permitted),
    /// A Unix socket.
    Unix(UnixStream),
    /// A target that takes datagrams.
    Udp(UdpTarget),
}

impl Dialled {
    /// The same, once it was sent these bytes.
    ///
    /// # Errors
    /// It is broken.
    pub(crate) async fn beginning_with(mut self, first: &[u8]) -> io::Result<Self> {
        match &mut self {
            Self::Tcp(tcp, _) => tcp.write_all(first).await?,
            Self::Unix(unix) => unix.write_all(first).await?,
            Self::Udp(_) => {}
        }
        Ok(self)
    }

    /// The connection with a TCP target; `None`: it is none.
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self {
            Self::Tcp(tcp, _) => Some(tcp),
            Self::Unix(_) | Self::Udp(_) => None,
        }
    }

    /// The address that was connected to, if it has one.
    pub(crate) const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, at) => Some(at.address().ip()),
            Self::Unix(_) => None,
            Self::Udp(target) => Some(target.at().address().ip()),
        }
    }
}

impl From<Dialled> for LocalEnd {
    fn from(dialled: Dialled) -> Self {
        match dialled {
            Dialled::Tcp(tcp, _) => Self::Stream(tcp.into()),
            Dialled::Unix(unix) => Self::Stream(unix.into()),
            Dialled::Udp(target) => Self::Flow(LocalFlow::Target(target)),
        }
    }
}

/// Connects to what is wanted, if the rules allow it, to whichever of its permitted addresses answers first. A name is looked up each
/// time, by `names`, each of its addresses is checked, and nothing but a checked address is connected to.
///
/// Cancel safe: what was begun ends.
///
/// # Errors
/// The address's that failed last, that the name is unknown, or that nothing there is allowed.
pub(crate) async fn dial(
    wanted: &Wanted,
    rules: &Rules,
    settings: &DialSettings,
    names: &SystemResolver,
) -> Result<Dialled, DialError> {
    let dialling = async {
        match wanted {
            Wanted::Host(host) if host.protocol() == Protocol::Udp => {
                let permitted = resolve_permitted(host, rules, &settings.own_udp, names).await?;
                datagrams::open(&permitted).map(Dialled::Udp)
            }
            Wanted::Host(host) => {
                dial_host(host, rules, settings, names).await.map(|(tcp, at)| Dialled::Tcp(tcp, at))
            }
            Wanted::Socket(path) => Ok(Dialled::Unix(socket::dial(path, rules).await?)),
        }
    };
    tokio::time::timeout(settings.limit, dialling).await.unwrap_or(Err(DialError::TimedOut))
}

/// The same for what is a TCP port.
///
/// # Errors
/// As for [`dial`].
pub(crate) async fn dial_host(
    host: &WantedHost,
    rules: &Rules,
    settings: &DialSettings,
    names: &SystemResolver,
) -> Result<(TcpStream, Permitted), DialError> {
    let dialling = async {
        let permitted = resolve_permitted(host, rules, &[], names).await?;
        connect::first(permitted, settings.keepalive).await
    };
    tokio::time::timeout(settings.limit, dialling).await.unwrap_or(Err(DialError::TimedOut))
}

impl DialError {
    /// What the failure of another address of the same target makes of it. A family that this machine does not have fails as if no
    /// port were left, and says nothing of the target.
    fn or(self, next: Self) -> Self {
        match (&self, &next) {
            (Self::UnknownHost, _) => next,
            (_, Self::NoPort) => self,
            _ => next,
        }
    }

    /// What the peer is told.
    pub(crate) const fn code(&self) -> ResetCode {
        match self {
            Self::Refused => ResetCode::Refused,
            Self::TimedOut => ResetCode::TimedOut,
            Self::Publisher(code) => *code,
            Self::Unreachable | Self::UnknownHost | Self::NotPublished | Self::Other(_) => {
                ResetCode::Unreachable
            }
            Self::NoDescriptor | Self::NoPort | Self::NoTurn => ResetCode::Limit,
            Self::Forbidden(_) => ResetCode::Forbidden,
        }
    }

    /// Counts it.
    pub(crate) const fn count(&self, counters: &mut Counters) {
        let counter = match self {
            Self::Refused => &mut counters.targets_refused,
            Self::TimedOut => &mut counters.targets_timed_out,
            Self::Unreachable => &mut counters.targets_unreachable,
            Self::UnknownHost
            | Self::NoDescriptor
            | Self::NoPort
            | Self::Forbidden(_)
            | Self::NoTurn
            | Self::NotPublished
            | Self::Publisher(_)
            | Self::Other(_) => &mut counters.dials_failed,
        };
        *counter += 1;
    }
}

impl From<Forbidden> for DialError {
    fn from(_: Forbidden) -> Self {
        Self::Forbidden(None)
    }
}

impl From<ResolveError> for DialError {
    fn from(error: ResolveError) -> Self {
        if error.no_descriptor { Self::NoDescriptor } else { Self::UnknownHost }
    }
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let kind = error.kind();
        if matches!(kind, Kind::ConnectionRefused | Kind::ConnectionReset) {
            Self::Refused
        } else if matches!(kind, Kind::TimedOut) {
            Self::TimedOut
        } else if matches!(
            kind,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::NotFound
        ) {
            Self::Unreachable
        } else if matches!(kind, Kind::AddrNotAvailable) {
            Self::NoPort
        } else if descriptors::is_exhaustion(&error) {
            Self::NoDescriptor
        } else {
            Self::Other(error)
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the target refuses connections"),
            Self::TimedOut => f.write_str("the target does not answer"),
            Self::Unreachable => f.write_str("the target cannot be reached"),
            Self::UnknownHost => f.write_str("the target's name is unknown"),
            Self::NoDescriptor => f.write_str(
                "no descriptor is left to dial the target: raise the limit of open files (ulimit -n)",
            ),
            Self::NoPort => f.write_str(
                "no port of this machine is left to dial the target: too many connections to it have just ended",
            ),
            Self::Forbidden(_) => f.write_str("the rules do not allow it"),
            Self::NoTurn => f.write_str("too many targets are being dialled for this ticket"),
            Self::NotPublished => f.write_str("nobody publishes this name"),
            Self::Publisher(code) => write!(f, "no publisher of this name takes the stream, the last said: {code}"),
            Self::Other(error) => write!(f, "the target cannot be dialled: {error}"),
        }
    }
}
