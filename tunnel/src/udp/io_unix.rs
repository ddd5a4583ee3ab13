//! The socket with the runtime's word on when it can be read. Only that is asked for: a UDP socket that is watched for
//! writing too wakes its program once more after each send, to say that the datagram has left.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Writable;

#[derive(Debug)]
/// See the module.
pub(crate) struct Io {
    socket: Arc<UdpSocket>,
    /// `None` while another process reads: each datagram would wake this one too. Only whoever reads takes the lock.
    watched: Mutex<Option<AsyncFd<Arc<UdpSocket>>>>,
}

impl Io {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let socket = Arc::new(socket);
        let watched = watch(Arc::clone(&socket), Interest::READABLE)?;
        Ok(Self { socket, watched: Mutex::new(Some(watched)) })
    }

    pub(crate) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched().as_ref().map_or(Poll::Pending, |watched| watched.poll_read_ready(cx).map_ok(drop))
    }

    pub(crate) fn try_read(&self, read: &mut dyn FnMut() -> io::Result<usize>) -> io::Result<usize> {
        match &*self.watched() {
            Some(watched) => watched.try_io(Interest::READABLE, |_| read()),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub(crate) fn try_write(&self, write: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        write()
    }

    /// Watches a second handle of the socket for as long as it takes.
    pub(crate) fn writable(&self) -> Writable {
        let handle = self.socket().try_clone();
        Box::pin(async move { watch(handle?, Interest::WRITABLE)?.writable().await.map(drop) })
    }

    /// Reads from now on, or leaves that to another process.
    pub(crate) fn set_reading(&self, reads: bool) -> io::Result<()> {
        let mut watched = self.watched();
        if watched.is_some() != reads {
            *watched = if reads { Some(watch(Arc::clone(&self.socket), Interest::READABLE)?) } else { None };
        }
        Ok(())
    }

    fn watched(&self) -> MutexGuard<'_, Option<AsyncFd<Arc<UdpSocket>>>> {
        // Nothing panics with the lock, and any state of it is a valid one.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    deprecated,
    reason = "what replaces it is unsafe, for types that could swap the descriptor; a std socket cannot"
)]
fn watch<S: AsRawFd>(socket: S, interest: Interest) -> io::Result<AsyncFd<S>> {
    AsyncFd::with_interest(socket, interest)
}
