//! Clients: streams that send as fast as they can, and what came of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::pair::Pair;
use crate::process::own_cpu;
use crate::target::Target;

/// The send buffer of a client, in bytes; Linux takes twice as much, for its own overhead, as far as `net.core.wmem_max`
/// lets it. Left alone, each of a thousand grows to 4 MiB, and with all of them the kernel is short of memory for TCP.
const SEND_BUFFER: u32 = 256 << 10;

/// How long streams run before it counts.
const WARM_UP: Duration = Duration::from_millis(700);

/// What a load brought while it counted.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Bytes that arrived.
    pub(crate) bytes: f64,
    /// In so many seconds.
    pub(crate) seconds: f64,
    /// CPU time of the tunnel in nanoseconds.
    pub(crate) cpu: f64,
    /// CPU time of the clients and the server in nanoseconds.
    pub(crate) own_cpu: f64,
    /// Bytes of the slowest stream against the mean.
    pub(crate) slowest: f64,
}

impl Outcome {
    /// Gbit/s of payload.
    pub(crate) fn gbit(&self) -> f64 {
        self.bytes * 8.0 / 1e9 / self.seconds
    }

    /// Nanoseconds of the tunnel's CPU for each byte.
    pub(crate) fn cpu_a_byte(&self) -> f64 {
        self.cpu / self.bytes
    }

    /// Nanoseconds that clients and server used for each byte.
    pub(crate) fn own_cpu_a_byte(&self) -> f64 {
        self.own_cpu / self.bytes
    }
}

/// Bytes that one read or write moves: much for few streams, less where a thousand of them have buffers.
pub(crate) const fn chunk(streams: usize) -> usize {
    if streams > 16 { 64 << 10 } else { 256 << 10 }
}

/// `streams` that send at once through a tunnel to a sink, for `time`.
///
/// # Errors
/// A stream cannot be opened, or nothing arrives.
pub(crate) async fn push(pair: &Pair, sink: &Target, streams: usize, time: Duration) -> Result<Outcome> {
    let (mut clients, block) = (JoinSet::new(), block(streams));
    for _ in 0..streams {
        clients.spawn(send_for_ever(connect_to(pair).await?, Arc::clone(&block)));
    }
    // All of them carry something before it counts.
    let end = Instant::now() + Duration::from_secs(20);
    while sink.each().iter().filter(|bytes| **bytes > 0).count() < streams {
        if Instant::now() > end {
            bail!("only {} of {streams} streams carry anything", sink.each().len());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let (each, began, cpu) = (sink.each(), Instant::now(), Cpu::now(pair.cpu()));
    tokio::time::sleep(time).await;
    let (after, took, used) = (sink.each(), began.elapsed(), cpu.since(pair.cpu()));
    clients.shutdown().await;
    let counts: Vec<u64> = after.iter().zip(&each).map(|(after, before)| after - before).collect();
    Ok(outcome(&counts, took, &used))
}

/// CPU time of the tunnel, and of this program.
pub(crate) struct Cpu {
    tunnel: Duration,
    own: Duration,
}

impl Cpu {
    /// Used so far: by the tunnel `tunnel`.
    pub(crate) fn now(tunnel: Duration) -> Self {
        Self { tunnel, own: own_cpu() }
    }

    /// Used since then: by the tunnel `tunnel` so far.
    pub(crate) fn since(self, tunnel: Duration) -> Self {
        let now = Self::now(tunnel);
        Self { tunnel: now.tunnel.saturating_sub(self.tunnel), own: now.own.saturating_sub(self.own) }
    }
}

/// What came of streams that brought `counts` bytes each.
pub(crate) fn outcome(counts: &[u64], took: Duration, cpu: &Cpu) -> Outcome {
    let bytes = float(counts.iter().sum());
    let slowest = float(counts.iter().copied().min().unwrap_or(0));
    let mean = bytes / float(counts.len() as u64);
    let nanos = |time: Duration| time.as_secs_f64() * 1e9;
    let (cpu, own_cpu) = (nanos(cpu.tunnel), nanos(cpu.own));
    Outcome { bytes, seconds: took.as_secs_f64(), cpu, own_cpu, slowest: slowest / mean }
}

/// A client of a tunnel whose kernel keeps [`SEND_BUFFER`] for it and no more.
///
/// # Errors
/// Nobody listens there, or the proxy there says no.
async fn connect_to(pair: &Pair) -> Result<TcpStream> {
    let mut stream = connect(pair.address).await?;
    if let Some(SocketAddr::V4(target)) = pair.asked {
        // RFC 1928: no authentication, then CONNECT to an IPv4 address.
        stream.write_all(&[5, 1, 0, 5, 1, 0, 1]).await?;
        stream.write_all(&[&target.ip().octets()[..], &target.port().to_be_bytes()].concat()).await?;
        let mut answers = [0; 12];
        stream.read_exact(&mut answers).await?;
        if answers[3] != 0 {
            bail!("the proxy says {answers:?}");
        }
    }
    Ok(stream)
}

/// A client whose kernel keeps [`SEND_BUFFER`] for it and no more.
///
/// # Errors
/// Nobody listens there.
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    Ok(socket.connect(address).await?)
}

/// What `streams` clients send, all of them the same: a thousand blocks would be read from memory each time, and cost
/// more than all that is measured.
pub(crate) fn block(streams: usize) -> Arc<[u8]> {
    vec![7; chunk(streams)].into()
}

/// Sends `block` again and again until the stream breaks.
pub(crate) async fn send_for_ever(mut stream: TcpStream, block: Arc<[u8]>) {
    while stream.write_all(&block).await.is_ok() {}
}

/// Sends `bytes` to a sink, `times` over, each on a stream of its own, and waits until they have arrived.
///
/// # Errors
/// A stream cannot be opened, or breaks.
pub(crate) async fn transfer(pair: &Pair, sink: &Target, bytes: u64, times: u64) -> Result<Outcome> {
    let (before, cpu, began) = (sink.bytes(), Cpu::now(pair.cpu()), Instant::now());
    for _ in 0..times {
        let mut stream = connect_to(pair).await?;
        let (block, mut left) = (block(1), bytes);
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            stream.write_all(&block[..length]).await?;
            left -= length as u64;
        }
        stream.shutdown().await?;
        // The sink's own end comes when it has read ours.
        stream.read_to_end(&mut Vec::new()).await?;
    }
    let (took, used) = (began.elapsed(), cpu.since(pair.cpu()));
    Ok(outcome(&[sink.bytes() - before], took, &used))
}

/// As a float: counts of measurements are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of measurements are far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
