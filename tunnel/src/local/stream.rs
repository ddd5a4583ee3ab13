//! The local end of a stream: a TCP connection, a connection of a Unix socket, or a pipe inside this process; or a place that is held for
//! one of them.
//!
//! Whichever it is, its owner asks it in the same way, and it ends in the same way: in order (FIN) or at once (RST). A Unix
//! socket knows no RST: one that ends at once looks as if it had ended in order.

mod socket;
mod starved;
#[cfg_attr(unix, path = "stream/unix_unix.rs")]
#[cfg_attr(not(unix), path = "stream/unix_other.rs")]
mod unix;
#[cfg_attr(target_os = "linux", path = "stream/unsent_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "stream/unsent_other.rs")]
mod unsent;

use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proto::sealed::wire::frame::ResetCode;
use socket2::SockRef;
use tokio::net::TcpStream;

pub(crate) use self::socket::Socket;
pub(crate) use self::starved::News;
use self::starved::StarvedWatch;
pub(crate) use self::unix::{UnixListener, UnixStream, bind_unix, connect_unix};
use self::unsent::Unsent;
use super::held::HeldEnd;
use super::pipe::PipeEnd;
use crate::tcp_options;

/// The local end of a stream.
#[derive(Debug)]
pub(crate) enum LocalStream {
    /// With a client or a target, and what is bounded of its bytes in the kernel.
    Tcp(Connected<TcpStream>, Unsent),
    /// With a client on this machine.
    Unix(Connected<UnixStream>),
    /// With this process.
    Pipe(PipeEnd),
    /// With nobody yet: its owner asks the place for what has been put there, and nothing else.
    Held(HeldEnd),
}

/// A connection of the system's.
#[derive(Debug)]
pub(crate) struct Connected<S> {
    socket: Arc<S>,
    /// Waits for an RST where nothing else shows it.
    watch: Option<StarvedWatch>,
}

impl<S: Socket> Connected<S> {
    fn new(socket: S) -> Self {
        Self { socket: Arc::new(socket), watch: None }
    }
}

impl From<TcpStream> for LocalStream {
    fn from(tcp: TcpStream) -> Self {
        let unsent = Unsent::new(&tcp);
        Self::Tcp(Connected::new(tcp), unsent)
    }
}

impl From<UnixStream> for LocalStream {
    fn from(unix: UnixStream) -> Self {
        Self::Unix(Connected::new(unix))
    }
}

impl From<PipeEnd> for LocalStream {
    fn from(pipe: PipeEnd) -> Self {
        Self::Pipe(pipe)
    }
}

impl From<HeldEnd> for LocalStream {
    fn from(held: HeldEnd) -> Self {
        Self::Held(held)
    }
}

impl LocalStream {
    /// Whether there may be something to read; wakes when there is. What is wrong shows in the call that follows.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(tcp, _) => tcp.socket.poll_readable(cx),
            Self::Unix(unix) => unix.socket.poll_readable(cx),
            Self::Pipe(pipe) => pipe.poll_read_ready(cx),
            Self::Held(_) => Poll::Pending,
        }
    }

    /// The same for writing.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(tcp, _) => tcp.socket.poll_writable(cx),
            Self::Unix(unix) => unix.socket.poll_writable(cx),
            Self::Pipe(pipe) => pipe.poll_write_ready(cx),
            Self::Held(_) => Poll::Pending,
        }
    }

    /// Reads what is there; 0 is its end.
    ///
    /// # Errors
    /// `WouldBlock`, and what is wrong with the connection.
    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp, _) => tcp.socket.read(bufs),
            Self::Unix(unix) => unix.socket.read(bufs),
            Self::Pipe(pipe) => pipe.read(bufs),
            Self::Held(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// The same without asking the runtime, which [`LocalStream::starve`] has made to forget that there is something.
    ///
    /// # Errors
    /// As for [`LocalStream::read`].
    pub(crate) fn read_unasked(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp, _) => starved::read(&*tcp.socket, bufs),
            Self::Unix(unix) => starved::read(&*unix.socket, bufs),
            Self::Pipe(pipe) => pipe.read(bufs),
            Self::Held(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// As for [`LocalStream::read`].
    pub(crate) fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp, _) => tcp.socket.write(bufs),
            Self::Unix(unix) => unix.socket.write(bufs),
            Self::Pipe(pipe) => pipe.write(bufs),
            Self::Held(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// It took so many bytes: it has shown that it is read, or not yet.
    pub(crate) fn wrote(&mut self, count: usize) {
        if let Self::Tcp(tcp, unsent) = self {
            unsent.wrote(&tcp.socket, count);
        }
    }

    /// Looks at it while nothing can be read from it, as its stream has no room. The next event wakes `waker`.
    pub(crate) fn starve(&self, waker: &Waker) -> News {
        match self {
            Self::Tcp(tcp, _) => starved::look(&*tcp.socket, waker),
            Self::Unix(unix) => starved::look(&*unix.socket, waker),
            Self::Pipe(pipe) => match pipe.end(waker) {
                Some(Ok(())) => News::End,
                Some(Err(error)) => News::Broken(error),
                None => News::None,
            },
            Self::Held(_) => News::None,
        }
    }

    /// Nothing more will come from it but perhaps an RST, which wakes `waker`. What it has come to, if it has.
    pub(crate) fn watch(&mut self, waker: &Waker) -> Option<io::Error> {
        match self {
            Self::Tcp(tcp, _) => StarvedWatch::poll(&mut tcp.watch, &tcp.socket, waker),
            Self::Unix(unix) => StarvedWatch::poll(&mut unix.watch, &unix.socket, waker),
            Self::Pipe(pipe) => pipe.end(waker).and_then(Result::err),
            Self::Held(_) => None,
        }
    }

    /// The other end of the link has dialled.
    pub(crate) fn open(&self) {
        match self {
            Self::Pipe(pipe) => pipe.open(),
            Self::Held(held) => held.open(),
            Self::Tcp(..) | Self::Unix(_) => {}
        }
    }

    /// Says that nothing more will come.
    pub(crate) fn finish(&self) {
        match self {
            Self::Tcp(tcp, _) => tcp_options::end_in_order(&tcp.socket.as_sock_ref()),
            Self::Unix(unix) => tcp_options::end_in_order(&unix.socket.as_sock_ref()),
            Self::Pipe(pipe) => pipe.finish(),
            Self::Held(_) => {}
        }
    }

    /// The other end of the link has all that was read from it, and its end.
    pub(crate) fn delivered(&self) {
        match self {
            Self::Pipe(pipe) => pipe.delivered(),
            Self::Tcp(..) | Self::Unix(_) | Self::Held(_) => {}
        }
    }

    /// Ends it at once, with RST. A process is told why.
    pub(crate) fn abort(self, code: ResetCode) {
        match self {
            Self::Tcp(tcp, _) => abort_socket(tcp.socket.as_sock_ref()),
            Self::Unix(_) => {}
            Self::Pipe(pipe) => pipe.reset(code),
            Self::Held(held) => held.reset(code),
        }
    }

    /// Whether it is this process.
    pub(crate) const fn is_pipe(&self) -> bool {
        matches!(self, Self::Pipe(_))
    }

    /// Whether an RST that follows the last bytes at once could take them back.
    pub(crate) const fn loses_bytes_before_rst(&self) -> bool {
        matches!(self, Self::Tcp(..))
    }
}

/// Makes the connection end with RST when it is dropped.
fn abort_socket(socket: SockRef<'_>) {
    // If this fails, the connection is over already.
    let _ = socket.set_linger(Some(Duration::ZERO));
}
