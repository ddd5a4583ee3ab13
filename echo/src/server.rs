//! The server: every connection gets its own bytes back, until it has sent its last one.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

/// Bytes a connection may have read and not yet written. Large, so that one system call moves much, and so that a client which
/// writes before it reads gets that far.
const BUFFER: usize = 512 * 1024;
/// Pause after a failed accept. "Too many open files" lasts until a connection ends: without a pause the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Connections accepted.
    pub connections: u64,
    /// Bytes sent back, over all connections.
    pub bytes: u64,
}

/// Echoes every connection of `listener` until `shutdown` completes, then drops the ones still open.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()>) -> Summary {
    let bytes = Arc::new(AtomicU64::new(0));
    let mut connections = 0;
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections += 1;
                    let bytes = Arc::clone(&bytes);
                    tasks.spawn(async move {
                        info!(%peer, "connection opened");
                        match echo(stream, &bytes).await {
                            Ok(()) => info!(%peer, "connection closed"),
                            Err(error) => info!(%peer, %error, "connection broken"),
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    debug!(open = tasks.len(), "stopping");
    tasks.shutdown().await;
    Summary { connections, bytes: bytes.load(Ordering::Relaxed) }
}

/// Reads and writes at the same time: what waits to be written does not keep the next bytes from being read.
async fn echo(mut stream: TcpStream, bytes: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER];
    let (mut start, mut end) = (0, 0);
    let mut finished = false;
    loop {
        let interest = match (!finished && end < BUFFER, start < end) {
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (true, false) => Interest::READABLE,
            (false, true) => Interest::WRITABLE,
            (false, false) => break,
        };
        stream.ready(interest).await?;
        if interest.is_readable() {
            match stream.try_read(&mut buffer[end..]) {
                Ok(0) => finished = true,
                Ok(count) => end += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if start < end {
            match stream.try_write(&buffer[start..end]) {
                Ok(count) => {
                    start += count;
                    bytes.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if start == end {
            (start, end) = (0, 0);
        } else if end == BUFFER && start >= BUFFER / 2 {
            buffer.copy_within(start..end, 0);
            (start, end) = (0, end - start);
        }
    }
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_reply_is_whole_after_a_half_close() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, async { _ = stopped.await }));
        let mut client = TcpStream::connect(address).await.unwrap();
        let sent = crate::pattern::Pattern::new(1, 1).bytes(0, 200_000);
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        let mut returned = Vec::new();
        client.read_to_end(&mut returned).await.unwrap();
        assert_eq!(returned, sent);
        stop.send(()).unwrap();
        assert_eq!(server.await.unwrap(), Summary { connections: 1, bytes: 200_000 });
    }
}
