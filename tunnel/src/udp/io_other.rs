//! The socket with the runtime's word on when it can be read and written.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::Writable;

#[derive(Debug)]
/// See the module.
pub(crate) struct Io(Arc<UdpSocket>);

impl Io {
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        UdpSocket::from_std(socket).map(Arc::new).map(Self)
    }

    pub(crate) fn socket(&self) -> &UdpSocket {
        &self.0
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_recv_ready(cx)
    }

    pub(crate) fn try_read(&self, read: &mut dyn FnMut() -> io::Result<usize>) -> io::Result<usize> {
        self.0.try_io(Interest::READABLE, read)
    }

    pub(crate) fn try_write(&self, write: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.0.try_io(Interest::WRITABLE, write)
    }

    pub(crate) fn writable(&self) -> Writable {
        let socket = Arc::clone(&self.0);
        Box::pin(async move { socket.writable().await })
    }

    /// Only where descriptors can be passed does another process ever read.
    #[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
    pub(crate) fn set_reading(&self, _reads: bool) -> io::Result<()> {
        Ok(())
    }
}
