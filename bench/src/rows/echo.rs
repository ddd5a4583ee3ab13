//! Bytes that come back: how late, and how many.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::{Context, Figure, Goal, Sample};
use crate::load::{chunk, float};
use crate::pair::{Pair, Tunnel};
use crate::target::{Manner, Target};

static P50: Figure = Figure::new("64-byte echo, p50", "µs", Goal::AtMost(60.0));
static P99: Figure = Figure::new("64-byte echo, p99", "µs", Goal::AtMost(150.0));
static ECHOED: Figure =
    Figure::new("ten echo clients, both directions at once", "Gbit/s", Goal::AtLeast(4.0));

const MESSAGE: usize = 64;
/// Pause between an echo and the next: as long as it takes for everybody to fall asleep.
const GAP: Duration = Duration::from_millis(1);

pub(super) fn latency(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let target = blocking_echo()?;
    let pair = Pair::start(tunnel, &context.programs, target)?;
    let count = if context.quick { 300 } else { 2_000 };
    let times = ask(pair.address, count)?;
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(f64::NAN);
    Ok(vec![P50.is(tunnel.name(), at(50)), P99.is(tunnel.name(), at(99))])
}

/// Sorted round trips of so many echoes, one after the other, in µs.
pub(super) fn ask(address: SocketAddr, count: usize) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (mut message, mut times) = ([7; MESSAGE], Vec::with_capacity(count));
    // The first opens the stream.
    for _ in 0..=count {
        let began = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
        thread::sleep(GAP);
    }
    times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// A server that blocks in its reads: nothing answers sooner. Lives as long as the process.
fn blocking_echo() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that is gone ends its thread.
            thread::spawn(move || answer(stream).unwrap_or_default());
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read])?,
        }
    }
}

pub(super) fn both_ways(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let gbit = context.runtime.block_on(async {
        let target = Target::start(Manner::Echo, chunk(1)).await?;
        let pair = Pair::start(tunnel, &context.programs, target.address)?;
        let mut clients = JoinSet::new();
        let returned = Arc::new(AtomicU64::new(0));
        for _ in 0..10 {
            let (mut read, mut write) = tokio::net::TcpStream::connect(pair.address).await?.into_split();
            let returned = Arc::clone(&returned);
            clients.spawn(async move {
                let block = vec![7; chunk(1)];
                while write.write_all(&block).await.is_ok() {}
            });
            clients.spawn(async move {
                let mut buffer = vec![0; chunk(1)];
                while let Ok(count @ 1..) = read.read(&mut buffer).await {
                    returned.fetch_add(count as u64, Ordering::Relaxed);
                }
            });
        }
        let count = || float(returned.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (before, began) = (count(), Instant::now());
        tokio::time::sleep(context.time).await;
        anyhow::Ok((count() - before) * 8.0 / 1e9 / began.elapsed().as_secs_f64())
    })?;
    Ok(vec![ECHOED.is(tunnel.name(), gbit)])
}
