//! Many streams on one link: how fast they come and go, what they cost while nothing happens on them.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Context, Figure, Goal, Sample};
use crate::load::float;
use crate::pair::{Pair, Tunnel};
use crate::process::Process;
use crate::target::{Manner, Target};

static NEW: Figure = Figure::new("new streams, 64 at a time", "1/s", Goal::AtLeast(10_000.0));
static MEMORY1: Figure = Figure::new("an idle stream of 10,000, proxy1", "KiB", Goal::AtMost(8.0));
static MEMORY2: Figure = Figure::new("an idle stream of 10,000, proxy2", "KiB", Goal::AtMost(8.0));
static ECHO: Figure = Figure::new("echo on any of 10,000 streams, p99", "ms", Goal::AtMost(1.0));
static WORST: Figure = Figure::new("echo on any of 10,000 streams, slowest of 1,000", "ms", Goal::Less);

const AT_A_TIME: usize = 64;

pub(super) fn new_a_second(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let rate = context.runtime.block_on(async {
        let target = Target::start(Manner::Echo, 256).await?;
        let pair = Pair::start(tunnel, &context.programs, target.address)?;
        echo_once(pair.address).await?;
        let (done, mut clients) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
        for _ in 0..AT_A_TIME {
            let (done, address) = (Arc::clone(&done), pair.address);
            clients.spawn(async move {
                while echo_once(address).await.is_ok() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (before, began) = (done.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(context.time).await;
        anyhow::ensure!(clients.len() == AT_A_TIME, "a client was turned away");
        anyhow::Ok(float(done.load(Ordering::Relaxed) - before) / began.elapsed().as_secs_f64())
    })?;
    Ok(vec![NEW.is(tunnel.name(), rate)])
}

/// A stream that carries 64 bytes and ends; the connection, before it is closed.
async fn echo_once(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    echo(&mut stream).await?;
    Ok(stream)
}

async fn echo(stream: &mut TcpStream) -> Result<()> {
    let mut message = [7; 64];
    stream.write_all(&message).await?;
    stream.read_exact(&mut message).await.context("the echo's stream ended")?;
    Ok(())
}

pub(super) fn idle(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let streams = if context.quick { 1_000 } else { 10_000 };
    // A process of its own: this one has the other ends, and files are limited.
    let mut server = Command::new(context.programs.path("echo"));
    let server = Process::start(server.args(["serve", "0"]))?;
    let target = server.listening()?;
    let pair = Pair::paso(&context.programs, target, &["--streams", "20000"])?;
    context.runtime.block_on(async {
        // Buffers that the first stream makes are not the streams'.
        drop(echo_once(pair.address).await?);
        let before: Vec<f64> = pair.ends.iter().map(Process::memory).collect();
        let mut open = open(pair.address, streams).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let each = |at: usize| (pair.ends[at].memory() - before[at]) / 1024.0 / float(streams as u64);
        let (memory1, memory2) = (each(0), each(1));
        let times = asked(&mut open).await?;
        Ok(vec![
            MEMORY1.is(tunnel.name(), memory1),
            MEMORY2.is(tunnel.name(), memory2),
            ECHO.is(tunnel.name(), times[times.len() * 99 / 100]),
            WORST.is(tunnel.name(), times[times.len() - 1]),
        ])
    })
}

/// So many streams that have each carried an echo.
async fn open(address: SocketAddr, streams: usize) -> Result<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(streams);
    while open.len() < streams {
        let mut some = JoinSet::new();
        for _ in 0..AT_A_TIME.min(streams - open.len()) {
            some.spawn(echo_once(address));
        }
        open.extend(some.join_all().await.into_iter().collect::<Result<Vec<_>>>()?);
    }
    Ok(open)
}

/// Sorted round trips in ms of 1,000 echoes, each on another stream, spread over all.
async fn asked(open: &mut [TcpStream]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for at in 0..1_000 {
        // 7,919 is a prime: it visits every part of the table.
        let stream = (at * 7_919) % open.len();
        let began = Instant::now();
        echo(&mut open[stream]).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        thread::sleep(Duration::from_micros(200));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}
