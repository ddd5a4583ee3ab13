//! A forward at work: a listener, and what its clients are carried to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use proto::destination::{Client, Destination};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::end::LocalEnd;
use super::grant::PeerRegistration;
use super::listener::{ClientName, Listener};
use super::proxy::opener::ProxyRequest;
use super::proxy::places::ProxyPlaces;
use super::proxy_protocol::{self, Addresses};
use super::stdio::{Stdio, StdioStatus};
use super::stream::{LocalStream, UnixListener, UnixStream};
use super::udp::{UdpClient, UdpListener};
use super::visitors::{Visit, Visitor};
use crate::bind_error::{BindError, resolve_listen};
use crate::metrics::Counters;
use crate::sentence::shown;
use crate::settings::{CarryTo, Forward, ListenOn, ProxyProtocol};
use crate::tcp_options::TcpKeepalive;

/// A forward whose clients can connect.
#[derive(Debug)]
pub(crate) struct Forwarding {
    bound: Bound,
    to: To,
    listener: AnyListener,
    /// How often accepting had failed when that was counted last.
    counted_failures: u64,
}

/// Where a forward's clients connect, with its port filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A UDP address.
    Udp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// Standard input and output: the one client is there from the start.
    Stdio,
}

/// What becomes of its clients.
#[derive(Debug)]
enum To {
    /// Carried there, as it stands on the wire; empty: the peer's own target. And what the target is told of them.
    Destination(Vec<u8>, Option<ProxyProtocol>),
    /// Asked where they want to go.
    AskedFor(ProxyPlaces),
    /// Carried to the other end, which has had them taken by this registration.
    Registration(Arc<PeerRegistration>),
}

/// An address that may be listened at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAt {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A UDP address.
    Udp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

#[derive(Debug)]
enum AnyListener {
    Tcp(Listener),
    Udp(UdpListener),
    Unix(Listener<UnixListener>),
    /// Until it has been carried.
    Stdio(Option<Stdio>),
}

/// A client that is to be carried.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Its connection.
    pub(crate) stream: LocalEnd,
    /// Who it is.
    pub(crate) client: ClientName,
    /// Where to, as it stands on the wire.
    pub(crate) destination: Vec<u8>,
    /// What the target gets before what comes from the client.
    pub(crate) first: Vec<u8>,
    /// For which registration of the other end it has come, if for one.
    pub(crate) visit: Option<Visit>,
}

/// A client that has connected.
#[derive(Debug)]
pub(super) enum Next {
    /// It is to be carried.
    Arrival(Arrival),
    /// A client of a proxy port, by TCP.
    Tcp(TcpStream, ClientName, ProxyPlaces),
    /// The same, by a Unix socket.
    Unix(UnixStream, ClientName, ProxyPlaces),
}

impl Forwarding {
    /// Listens. A name service that cannot be asked yet is asked until it answers.
    ///
    /// # Errors
    /// The address or the path cannot be had.
    pub(crate) async fn bind(forward: &Forward, keepalive: TcpKeepalive) -> Result<Self, BindError> {
        let failed = |error| BindError::Forward { listen: forward.listen.clone(), error };
        check_kinds(forward)?;
        let at = match &forward.listen {
            ListenOn::Tcp(listen) => Some(ListenAt::Tcp(resolve_listen(listen).await?)),
            ListenOn::Udp(listen) => Some(ListenAt::Udp(resolve_listen(listen).await?)),
            ListenOn::Unix(path) => Some(ListenAt::Unix(path.clone())),
            ListenOn::Stdio => None,
        };
        let (listener, bound) = match at {
            Some(ListenAt::Tcp(address)) => {
                AnyListener::tcp(Listener::passed_or_bound(address, keepalive)).map_err(failed)?
            }
            Some(at) => AnyListener::open(&at, keepalive).await.map_err(failed)?,
            None => (AnyListener::Stdio(Some(Stdio::of_process())), Bound::Stdio),
        };
        let to = match &forward.to {
            CarryTo::Destination(to) => To::Destination(to.to_wire(), forward.proxy_protocol),
            CarryTo::AskedFor => To::AskedFor(ProxyPlaces::default()),
        };
        Ok(Self { bound, to, listener, counted_failures: 0 })
    }

    /// Listens on behalf of the other end, for one of its registrations.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) async fn for_peer(
        registration: Arc<PeerRegistration>,
        at: &ListenAt,
        keepalive: TcpKeepalive,
    ) -> io::Result<Self> {
        let (listener, bound) = AnyListener::open(at, keepalive).await?;
        Ok(Self { bound, to: To::Registration(registration), listener, counted_failures: 0 })
    }

    /// Where its clients connect.
    pub(crate) const fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Lets a process that follows this one have its listener, if it is for TCP.
    ///
    /// # Errors
    /// Those of `dup`.
    pub(crate) fn lend(&mut self) -> io::Result<()> {
        match &mut self.listener {
            AnyListener::Tcp(listener) => listener.lend(),
            AnyListener::Udp(_) | AnyListener::Unix(_) | AnyListener::Stdio(_) => Ok(()),
        }
    }

    /// How the stream of standard input and output ends, if this carries it.
    pub(crate) fn stdio_status(&self) -> Option<watch::Receiver<StdioStatus>> {
        match &self.listener {
            AnyListener::Stdio(stdio) => stdio.as_ref().map(Stdio::status),
            AnyListener::Tcp(_) | AnyListener::Udp(_) | AnyListener::Unix(_) => None,
        }
    }

    /// The next client.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, counters: &mut Counters) -> Poll<Next> {
        let Self { to, listener, .. } = self;
        let polled = match listener {
            AnyListener::Tcp(listener) => listener.poll(cx).map(|(tcp, client)| to.tcp(tcp, client)),
            AnyListener::Unix(listener) => listener.poll(cx).map(|(unix, client)| to.unix(unix, client)),
            AnyListener::Stdio(stdio) => match (stdio.take(), to) {
                (Some(stdio), To::Destination(destination, _)) => {
                    Poll::Ready(Next::arrival(stdio.start().into(), ClientName::Process, destination, None))
                }
                // Nobody can ask it where it wants to go.
                (Some(_), To::AskedFor(_) | To::Registration(_)) | (None, _) => Poll::Pending,
            },
            AnyListener::Udp(listener) => {
                let polled = listener.poll(cx).map(|client| to.udp(client));
                listener.take_drops().count(counters);
                polled
            }
        };
        let failures = match listener {
            AnyListener::Tcp(listener) => listener.failures(),
            AnyListener::Udp(listener) => listener.failures(),
            AnyListener::Unix(listener) => listener.failures(),
            AnyListener::Stdio(_) => 0,
        };
        counters.accept_failures += failures - self.counted_failures;
        self.counted_failures = failures;
        Poll::Ready(ready!(polled))
    }
}

impl AnyListener {
    /// Listens; where, with the port filled in.
    async fn open(at: &ListenAt, keepalive: TcpKeepalive) -> io::Result<(Self, Bound)> {
        Ok(match at {
            ListenAt::Tcp(address) => Self::tcp(Listener::bind(*address, keepalive))?,
            ListenAt::Udp(address) => {
                let listener = UdpListener::bind(*address)?;
                let bound = Bound::Udp(listener.local_addr()?);
                (Self::Udp(listener), bound)
            }
            ListenAt::Unix(path) => (Self::Unix(Listener::bind_unix(path).await?), Bound::Unix(path.clone())),
        })
    }

    fn tcp(listener: io::Result<Listener>) -> io::Result<(Self, Bound)> {
        let listener = listener?;
        let bound = Bound::Tcp(listener.local_addr()?);
        Ok((Self::Tcp(listener), bound))
    }
}

impl To {
    fn tcp(&self, tcp: TcpStream, client: ClientName) -> Next {
        let addresses = || match (tcp.peer_addr(), tcp.local_addr()) {
            (Ok(client), Ok(local)) => Some(Addresses { client, local }),
            // It has gone already.
            _ => None,
        };
        match self {
            Self::AskedFor(places) => Next::Tcp(tcp, client, places.clone()),
            Self::Registration(registration) => {
                Next::registered(LocalStream::from(tcp), client, registration)
            }
            Self::Destination(destination, header) => {
                let first = header.map(|version| proxy_protocol::header(version, addresses()));
                Next::arrival(LocalEnd::Stream(tcp.into()), client, destination, first)
            }
        }
    }

    fn udp(&self, client: UdpClient) -> Next {
        let name = ClientName::At(client.address());
        match self {
            Self::Registration(registration) => Next::registered(client, name, registration),
            Self::Destination(destination, _) => Next::arrival(client.into(), name, destination, None),
            // A UDP port is none that asks where to; see `check_kinds`.
            Self::AskedFor(_) => Next::arrival(client.into(), name, &[], None),
        }
    }

    fn unix(&self, unix: UnixStream, client: ClientName) -> Next {
        match self {
            Self::AskedFor(places) => Next::Unix(unix, client, places.clone()),
            Self::Registration(registration) => {
                Next::registered(LocalStream::from(unix), client, registration)
            }
            Self::Destination(destination, header) => {
                let first = header.map(|version| proxy_protocol::header(version, None));
                Next::arrival(LocalEnd::Stream(unix.into()), client, destination, first)
            }
        }
    }
}

impl Next {
    fn arrival(stream: LocalEnd, client: ClientName, destination: &[u8], first: Option<Vec<u8>>) -> Self {
        let (destination, first) = (destination.to_vec(), first.unwrap_or_default());
        Self::Arrival(Arrival { stream, client, destination, first, visit: None })
    }

    fn registered(
        stream: impl Into<LocalEnd>,
        client: ClientName,
        registration: &Arc<PeerRegistration>,
    ) -> Self {
        let (stream, from) = (stream.into(), client.address());
        let udp = matches!(stream, LocalEnd::Flow(_));
        let destination =
            Destination::Client(Client { registration: registration.id, ticket: None, from, udp });
        let (destination, first) = (destination.to_wire(), Vec::new());
        let visitor = Visitor::Registration(registration.id);
        let visit = Some(Visit { registration: Arc::clone(registration), visitor });
        Self::Arrival(Arrival { stream, client, destination, first, visit })
    }
}

impl From<ProxyRequest> for Arrival {
    fn from(request: ProxyRequest) -> Self {
        let ProxyRequest { destination, stream, client } = request;
        Self { stream: stream.into(), client, destination, first: Vec::new(), visit: None }
    }
}

impl Arrival {
    /// What this process asks for.
    pub(crate) fn of_process(stream: LocalEnd, destination: Vec<u8>) -> Self {
        let (client, first) = (ClientName::Process, Vec::new());
        Self { stream, client, destination, first, visit: None }
    }
}

/// Whether what comes there and what is carried to its destination are of one kind: bytes, or datagrams.
fn check_kinds(forward: &Forward) -> Result<(), BindError> {
    let listen = || forward.listen.clone();
    let takes_datagrams = matches!(forward.listen, ListenOn::Udp(_));
    match &forward.to {
        CarryTo::Destination(to) if to.is_udp() != takes_datagrams => {
            Err(BindError::Kinds { listen: listen(), to: to.clone() })
        }
        CarryTo::AskedFor if takes_datagrams => {
            Err(BindError::Forward { listen: listen(), error: io::ErrorKind::Unsupported.into() })
        }
        CarryTo::Destination(_) | CarryTo::AskedFor => Ok(()),
    }
}

impl Bound {
    /// The TCP address, if it is one.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Udp(_) | Self::Unix(_) | Self::Stdio => None,
        }
    }

    /// The UDP address, if it is one.
    pub const fn udp(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp(address) => Some(*address),
            Self::Tcp(_) | Self::Unix(_) | Self::Stdio => None,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Udp(address) => write!(f, "{address}/udp"),
            // Others may have chosen it.
            Self::Unix(path) => f.write_str(&shown(&path.to_string_lossy())),
            Self::Stdio => f.write_str("standard input"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_writes_no_line_of_its_own() {
        let path = "/run/x\n2026-01-01 INFO \u{1b}[2J'it'";
        let shown = Bound::Unix(path.into()).to_string();
        assert_eq!(shown, "/run/x\\n2026-01-01 INFO \\u{1b}[2J'it'");
        assert_eq!(Bound::Unix("/run/x y.sock".into()).to_string(), "/run/x y.sock");
    }
}
