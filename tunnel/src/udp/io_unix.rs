//! The socket with the runtime's word on when it can be read. Only that is asked for: a UDP socket that is watched for
//! writing too wakes its program once more after each send, to say that the datagram has left.

use std::io;
use std::net::UdpSocket;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Writable;

#[derive(Debug)]
/// See the module.
pub(crate) struct Io(AsyncFd<UdpSocket>);

impl Io {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        watch(socket, Interest::READABLE).map(Self)
    }

    pub(crate) fn socket(&self) -> &UdpSocket {
        self.0.get_ref()
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx).map_ok(drop)
    }

    pub(crate) fn try_read(&self, read: &mut dyn FnMut() -> io::Result<usize>) -> io::Result<usize> {
        self.0.try_io(Interest::READABLE, |_| read())
    }

    pub(crate) fn try_write(&self, write: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        write()
    }

    /// Watches a second handle of the socket for as long as it takes.
    pub(crate) fn writable(&self) -> Writable {
        let handle = self.socket().try_clone();
        Box::pin(async move { watch(handle?, Interest::WRITABLE)?.writable().await.map(drop) })
    }
}

#[expect(
    deprecated,
    reason = "what replaces it is unsafe, for types that could swap the descriptor; a std socket cannot"
)]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}
