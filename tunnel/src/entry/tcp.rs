//! A TCP listener that survives the errors of `accept`.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use tracing::warn;

/// A listener. Where accepting fails for want of a resource (`EMFILE`), it pauses: the connection stays in the queue, so
/// asking again at once would spin.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    pause: Pin<Box<Sleep>>,
    failures: u64,
}

impl Acceptor {
    /// How long to wait after a failure.
    const PAUSE: Duration = Duration::from_millis(100);
    /// Connections that may wait to be accepted.
    const BACKLOG: i32 = 1_024;

    /// Binds and listens.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for old connections to leave TIME_WAIT. (On Windows the option means more than that.)
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(Self::BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Self { listener, pause: Box::pin(sleep(Duration::ZERO)), failures: 0 })
    }

    /// The bound address.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How often accepting failed.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// The next connection.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            ready!(self.pause.as_mut().poll(cx));
            match ready!(self.listener.poll_accept(cx)) {
                Ok(accepted) => return Poll::Ready(accepted),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    if self.failures.is_multiple_of(100) {
                        warn!(%error, "cannot accept TCP connections, trying again");
                    }
                    self.failures += 1;
                    self.pause.as_mut().reset(Instant::now() + Self::PAUSE);
                }
            }
        }
    }
}

/// The connection at the head of the queue is gone; the next may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted)
}
