//! A TCP listener that survives the errors of `accept`, and refuses at once whom it has no descriptor for.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use tracing::warn;

use crate::limit::Limit;
use crate::tcp_options::{self, TcpKeepalive};
use crate::{descriptors, listen};

/// A listener. Where accepting fails for want of a resource, it pauses: the connection stays in the queue, so asking
/// again at once would spin. Descriptors (`EMFILE`) are the exception: a client that waits for one would hang. One is
/// kept in reserve; with it the connection is accepted after all, and reset.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    domain: Domain,
    keepalive: TcpKeepalive,
    /// The descriptor in reserve. No connection is kept unless there is one behind it.
    spare: Option<Socket>,
    pause: Pin<Box<Sleep>>,
    failures: u64,
    lines: Limit,
}

impl Listener {
    /// How long to wait after a failure.
    const PAUSE: Duration = Duration::from_millis(100);
    /// Connections that may wait to be accepted.
    const BACKLOG: i32 = 1_024;
    /// Clients refused in one go before others get their turn.
    const TURN: usize = 64;

    /// Binds and listens; connections are kept alive so.
    pub(crate) fn bind(address: SocketAddr, keepalive: TcpKeepalive) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for old connections to leave TIME_WAIT. (On Windows the option means more than that.)
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        tcp_options::keep_urgent_data(&SockRef::from(&socket));
        listen::bind(&socket, address)?;
        socket.listen(Self::BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        let (pause, lines) = (Box::pin(sleep(Duration::ZERO)), Limit::new(std::time::Instant::now()));
        let domain = Domain::for_address(address);
        Ok(Self { listener, domain, keepalive, spare: spare(domain), pause, failures: 0, lines })
    }

    /// The bound address.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How often accepting failed; clients that no descriptor was left for among it.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// The next connection.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        for _ in 0..Self::TURN {
            ready!(self.pause.as_mut().poll(cx));
            match ready!(self.listener.poll_accept(cx)) {
                Ok((tcp, client)) if self.has_spare() => {
                    tcp_options::set(SockRef::from(&tcp), self.keepalive);
                    return Poll::Ready((tcp, client));
                }
                Ok((tcp, client)) => self.turn_away(tcp, client),
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
            self.spare = spare(self.domain);
        }
        self.spare.is_some()
    }

    /// Resets a connection that has taken the last descriptor, which is in reserve again then.
    fn turn_away(&mut self, tcp: TcpStream, client: SocketAddr) {
        // If this fails, the connection is over already.
        let _ = SockRef::from(&tcp).set_linger(Some(Duration::ZERO));
        drop(tcp);
        self.spare = spare(self.domain);
        self.failures += 1;
        if let Some(held_back) = self.lines.pass(std::time::Instant::now()) {
            warn!(%client, held_back, "client refused: no descriptor is left, raise the limit of open files (ulimit -n)");
        }
    }

    fn wait(&mut self, error: &io::Error) {
        if let Some(held_back) = self.lines.pass(std::time::Instant::now()) {
            warn!(%error, held_back, "cannot accept TCP connections, trying again");
        }
        self.failures += 1;
        self.pause.as_mut().reset(Instant::now() + Self::PAUSE);
    }
}

/// A descriptor that does nothing; `None`: none is left.
fn spare(domain: Domain) -> Option<Socket> {
    Socket::new(domain, Type::DGRAM, None).ok()
}

/// The connection at the head of the queue is gone; the next may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted)
}
