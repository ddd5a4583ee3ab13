//! No Unix sockets.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

use super::socket::Socket;

/// There is none.
#[derive(Debug)]
pub(crate) struct UnixStream(Infallible);

/// There is none.
#[derive(Debug)]
pub(crate) struct UnixListener(Infallible);

/// Makes none.
///
/// # Errors
/// `Unsupported`, always.
#[expect(clippy::unused_async, reason = "where there are Unix sockets it waits")]
pub(crate) async fn bind_unix(_path: &Path, _backlog: i32) -> io::Result<UnixListener> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

/// Connects to none.
///
/// # Errors
/// `Unsupported`, always.
#[expect(clippy::unused_async, reason = "where there are Unix sockets it waits")]
pub(crate) async fn connect_unix(_path: &Path) -> io::Result<UnixStream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

impl UnixListener {
    /// Nothing ever comes.
    pub(crate) fn poll_accept(&self, _cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, ())>> {
        match self.0 {}
    }
}

impl Socket for UnixStream {
    fn poll_readable(&self, _cx: &mut Context<'_>) -> Poll<()> {
        match self.0 {}
    }

    fn poll_writable(&self, _cx: &mut Context<'_>) -> Poll<()> {
        match self.0 {}
    }

    fn read(&self, _bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self.0 {}
    }

    fn write(&self, _bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.0 {}
    }

    fn forget_readable(&self) {
        match self.0 {}
    }

    fn ready(&self, _interest: Interest) -> impl Future<Output = io::Result<Ready>> + Send {
        std::future::pending()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self.0 {}
    }

    fn as_sock_ref(&self) -> SockRef<'_> {
        match self.0 {}
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, _buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
