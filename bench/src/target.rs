//! The TCP servers that tunnels lead to.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads and forgets.
    Sink,
    /// Sends everything back.
    Echo,
}

/// A server on a free port of loopback; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    counts: Arc<Mutex<Vec<Arc<AtomicU64>>>>,
    task: JoinHandle<()>,
}

impl Target {
    /// Begins to listen; `buffer` bytes are read at a time.
    pub(crate) async fn start(manner: Manner, buffer: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, counts) = (listener.local_addr()?, Arc::<Mutex<Vec<_>>>::default());
        let kept = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::<AtomicU64>::default();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&count));
                // A connection that breaks is the client's to notice.
                tokio::spawn(async move { serve(stream, manner, buffer, &count).await.unwrap_or_default() });
            }
        });
        Ok(Self { address, counts, task })
    }

    /// Bytes that have arrived on each connection there has been.
    pub(crate) fn each(&self) -> Vec<u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Bytes that have arrived.
    pub(crate) fn bytes(&self) -> u64 {
        self.each().into_iter().sum()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, manner: Manner, buffer: usize, count: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match manner {
        Manner::Sink => swallow(stream, buffer, count).await,
        Manner::Echo => echo(stream, buffer, count).await,
    }
}

/// Reads into a buffer that all connections of a thread share: a thousand of them would not fit into the processor's
/// cache, and cost more than all that is measured.
async fn swallow(mut stream: TcpStream, size: usize, count: &AtomicU64) -> std::io::Result<()> {
    thread_local!(static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    loop {
        let read = poll_fn(|cx| {
            BUFFER.with_borrow_mut(|buffer| {
                buffer.resize(size, 0);
                let mut space = ReadBuf::new(buffer);
                Pin::new(&mut stream).poll_read(cx, &mut space).map_ok(|()| space.filled().len())
            })
        });
        match read.await? {
            0 => return Ok(()),
            read => add(count, read),
        }
    }
}

async fn echo(mut stream: TcpStream, size: usize, count: &AtomicU64) -> std::io::Result<()> {
    let mut buffer = vec![0; size];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        add(count, read);
        stream.write_all(&buffer[..read]).await?;
    }
}

fn add(count: &AtomicU64, bytes: usize) {
    count.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}
