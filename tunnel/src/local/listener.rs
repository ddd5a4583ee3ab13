//! A listener that survives the errors of `accept`, and refuses at once whom it has no descriptor for.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use tracing::warn;

use super::stream::{UnixListener, UnixStream, bind_unix};
use crate::limit::Limit;
use crate::passed::Lent;
use crate::tcp_options::{self, TcpKeepalive};
use crate::{descriptors, listen, passed};

/// A listener of TCP or of a Unix socket. Where accepting fails for want of a resource, it pauses: the connection stays in the
/// queue, so asking again at once would spin. Descriptors (`EMFILE`) are the exception: a client that waits for one would hang.
/// One is kept in reserve; with it the connection is accepted after all, and reset.
#[derive(Debug)]
pub(crate) struct Listener<A = TcpListener> {
    acceptor: A,
    keepalive: TcpKeepalive,
    /// The descriptor in reserve. No connection is kept unless there is one behind it.
    spare: Option<Socket>,
    pause: Pin<Box<Sleep>>,
    failures: u64,
    lines: Limit,
    /// A process that follows this one may have it too.
    lent: Option<Lent>,
}

/// What connections come from.
pub(crate) trait Acceptor {
    /// A connection.
    type Stream;

    /// The next connection, and who it is from.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, ClientName)>>;

    /// Sets up a connection, which ends with RST from then on, unless something else is said.
    fn set(stream: &Self::Stream, keepalive: TcpKeepalive);
}

/// Who has connected, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientName {
    /// From this address.
    At(SocketAddr),
    /// Somebody on this machine, by a Unix socket.
    Local,
    /// This process.
    Process,
}

impl ClientName {
    /// The address, if it has one.
    pub(crate) const fn address(self) -> Option<SocketAddr> {
        match self {
            Self::At(address) => Some(address),
            Self::Local | Self::Process => None,
        }
    }
}

impl std::fmt::Display for ClientName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(address) => address.fmt(f),
            Self::Local => f.write_str("of the Unix socket"),
            Self::Process => f.write_str("of this process"),
        }
    }
}

impl Acceptor for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, ClientName)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, address)| (stream, ClientName::At(address)))
    }

    fn set(stream: &TcpStream, keepalive: TcpKeepalive) {
        tcp_options::set(SockRef::from(stream), keepalive);
    }
}

impl Acceptor for UnixListener {
    type Stream = UnixStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, ClientName)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, _)| (stream, ClientName::Local))
    }

    fn set(_stream: &UnixStream, _keepalive: TcpKeepalive) {}
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;

impl Listener {
    /// Binds and listens, see [`bind_tcp`]; connections are kept alive so.
    pub(crate) fn bind(address: SocketAddr, keepalive: TcpKeepalive) -> io::Result<Self> {
        Ok(Self::new(TcpListener::from_std(bind_tcp(address)?)?, keepalive))
    }

    /// The one that the process was started with for this address, else as [`Listener::bind`]. For addresses that its user has said.
    pub(crate) fn passed_or_bound(address: SocketAddr, keepalive: TcpKeepalive) -> io::Result<Self> {
        let Some(listener) = passed::tcp(address)? else { return Self::bind(address, keepalive) };
        listener.set_nonblocking(true)?;
        tcp_options::keep_urgent_data(&SockRef::from(&listener));
        Ok(Self::new(TcpListener::from_std(listener)?, keepalive))
    }

    /// Lets a process that follows this one have it too.
    ///
    /// # Errors
    /// Those of `dup`.
    pub(crate) fn lend(&mut self) -> io::Result<()> {
        self.lent = Some(passed::lend_tcp(&SockRef::from(&self.acceptor).try_clone()?.into())?);
        Ok(())
    }

    /// The bound address.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.acceptor.local_addr()
    }
}

impl Listener<UnixListener> {
    /// Makes a Unix socket for its owner alone, and listens.
    pub(crate) async fn bind_unix(path: &Path) -> io::Result<Self> {
        Ok(Self::new(bind_unix(path, BACKLOG).await?, TcpKeepalive::Off))
    }
}

impl<A: Acceptor> Listener<A> {
    /// How long to wait after a failure.
    const PAUSE: Duration = Duration::from_millis(100);
    /// Clients refused in one go before others get their turn.
    const TURN: usize = 64;

    fn new(acceptor: A, keepalive: TcpKeepalive) -> Self {
        let (pause, lines) = (Box::pin(sleep(Duration::ZERO)), Limit::new(std::time::Instant::now()));
        Self { acceptor, keepalive, spare: spare(), pause, failures: 0, lines, lent: None }
    }

    /// How often accepting failed; clients that no descriptor was left for among it.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// The next connection.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(A::Stream, ClientName)> {
        for _ in 0..Self::TURN {
            ready!(self.pause.as_mut().poll(cx));
            match ready!(self.acceptor.poll_accept(cx)) {
                Ok((stream, client)) => {
                    A::set(&stream, self.keepalive);
                    if self.has_spare() {
                        return Poll::Ready((stream, client));
                    }
                    self.turn_away(stream, client);
                }
                Err(error) if concerns_one_connection(&error) => {}
                // With what is free now the connection can be accepted.
                Err(error) if descriptors::is_exhaustion(&error) && self.spare.take().is_some() => {}
                Err(error) => self.wait(&error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn has_spare(&mut self) -> bool {
        if self.spare.is_none() {
            self.spare = spare();
        }
        self.spare.is_some()
    }

    /// Resets a connection that has taken the last descriptor, which is in reserve again then.
    fn turn_away(&mut self, stream: A::Stream, client: ClientName) {
        drop(stream);
        self.spare = spare();
        self.failures += 1;
        if let Some(held_back) = self.lines.pass(std::time::Instant::now()) {
            warn!(%client, held_back, "client refused: no descriptor is left, raise the limit of open files (ulimit -n)");
        }
    }

    fn wait(&mut self, error: &io::Error) {
        if let Some(held_back) = self.lines.pass(std::time::Instant::now()) {
            warn!(%error, held_back, "cannot accept connections, trying again");
        }
        self.failures += 1;
        self.pause.as_mut().reset(Instant::now() + Self::PAUSE);
    }
}

/// Binds and listens. `[::]` is all interfaces with both families, or with IPv4 alone where there is no IPv6.
pub(crate) fn bind_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    match bind_one(address) {
        Err(error) if is_of_both(address) && error.kind() != io::ErrorKind::AddrInUse => {
            bind_one((Ipv4Addr::UNSPECIFIED, address.port()).into()).map_err(|_| error)
        }
        bound => bound,
    }
}

fn bind_one(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if is_of_both(address) {
        // Linux has it so, unless somebody has said otherwise for the whole machine; Windows has not.
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for old connections to leave TIME_WAIT. (On Windows the option means more than that.)
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    tcp_options::keep_urgent_data(&SockRef::from(&socket));
    listen::bind(&socket, address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn is_of_both(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// A descriptor that does nothing; `None`: none is left.
fn spare() -> Option<Socket> {
    let of = |domain| Socket::new(domain, Type::DGRAM, None);
    // A family may be switched off.
    of(Domain::IPV4).or_else(|_| of(Domain::IPV6)).ok()
}

/// The connection at the head of the queue is gone; the next may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted)
}
