//! How a connection ends so that its last bytes arrive.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How much more the other side may send.
const MAX_BEHIND: u64 = 4 << 10;

/// Says that no more comes, and lets the other side close first, which may take this long. A stream that is dropped before that is
/// reset, as a TCP connection with unread bytes is, and a reset may overtake what was written.
pub(crate) async fn end_in_order(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    within: Duration,
) -> io::Result<()> {
    let ending = async {
        stream.shutdown().await?;
        let mut behind = (&mut stream).take(MAX_BEHIND);
        let mut buffer = [0; 256];
        while behind.read(&mut buffer).await? > 0 {}
        Ok(())
    };
    timeout(within, ending).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
