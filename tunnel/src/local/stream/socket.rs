//! What is asked of a connected socket, whatever its family.

use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;

/// A connected socket that the runtime knows.
pub(crate) trait Socket: Send + Sync + 'static {
    /// Whether there may be something to read; wakes when there is.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// The same for writing.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Reads, if the runtime knows of something.
    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    /// Writes, if the runtime knows of room.
    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Makes the runtime forget that there is something to read.
    fn forget_readable(&self);
    /// Waits for one of these events.
    fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<Ready>> + Send;
    /// What is wrong with it.
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    /// For options that the runtime does not know.
    fn as_sock_ref(&self) -> SockRef<'_>;
}

macro_rules! socket {
    ($stream:ty) => {
        impl $crate::local::stream::socket::Socket for $stream {
            fn poll_readable(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
                <$stream>::poll_read_ready(self, cx).map(drop)
            }

            fn poll_writable(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
                <$stream>::poll_write_ready(self, cx).map(drop)
            }

            fn read(&self, bufs: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                self.try_read_vectored(bufs)
            }

            fn write(&self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.try_write_vectored(bufs)
            }

            fn forget_readable(&self) {
                let nothing = || Err::<(), _>(std::io::ErrorKind::WouldBlock.into());
                let _ = self.try_io(tokio::io::Interest::READABLE, nothing);
            }

            async fn ready(&self, interest: tokio::io::Interest) -> std::io::Result<tokio::io::Ready> {
                <$stream>::ready(self, interest).await
            }

            fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                <$stream>::take_error(self)
            }

            fn as_sock_ref(&self) -> socket2::SockRef<'_> {
                socket2::SockRef::from(self)
            }
        }
    };
}
pub(super) use socket;

socket!(TcpStream);
