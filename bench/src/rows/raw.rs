//! Sealing, sending, receiving and opening full datagrams and nothing else: what a link cannot be faster than.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use proto::sealed::benching::sessions;
use proto::sealed::crypto::cipher::SessionKeys;
use proto::sealed::wire::packet::OVERHEAD;
use tunnel::udp::{DATAGRAM_BUFFER, RecvMeta, Transmit, Udp};

use super::{Context, Figure, Goal, Sample};
use crate::load::float;
use crate::pair::Tunnel;
use crate::process::thread_cpu;

static RATE: Figure = Figure::new("raw: seal, send, receive, open", "Gbit/s", Goal::More);
static CPU: Figure = Figure::new("CPU of raw", "ns/byte", Goal::Less);

/// Payload bytes that may be on their way: what the receive buffer of a socket takes.
const AHEAD: u64 = 1 << 20;
const SOCKET_BUFFER: usize = 4 << 20;

/// What both threads look at.
#[derive(Debug, Default)]
struct Shared {
    arrived: AtomicU64,
    over: AtomicBool,
}

pub(super) fn raw(context: &Context, _: Tunnel) -> Result<Vec<Sample>> {
    let [ours, theirs] = sessions();
    let (datagram, time) = (usize::from(context.programs.datagram), context.time);
    let shared = Arc::<Shared>::default();
    let (address, addresses) = std::sync::mpsc::channel();
    let receiver = thread::spawn({
        let shared = Arc::clone(&shared);
        move || on_a_runtime(receive(theirs, &shared, |at| address.send(at).unwrap_or_default()))
    });
    let to = addresses.recv()?;
    let sender = thread::spawn({
        let shared = Arc::clone(&shared);
        move || on_a_runtime(send(ours, &shared, to, datagram))
    });
    thread::sleep(time);
    shared.over.store(true, Ordering::Relaxed);
    let (sent, began) = sender.join().map_err(|_| anyhow!("the sender panicked"))??;
    let (received, _) = receiver.join().map_err(|_| anyhow!("the receiver panicked"))??;
    let bytes = float(shared.arrived.load(Ordering::Relaxed));
    let cpu = (sent + received).as_secs_f64() * 1e9 / bytes;
    Ok(vec![RATE.is("raw", bytes * 8.0 / 1e9 / began.elapsed().as_secs_f64()), CPU.is("raw", cpu)])
}

/// What a thread's work costs, and when it began.
fn on_a_runtime(work: impl Future<Output = Result<()>>) -> Result<(Duration, Instant)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (before, began) = (thread_cpu(), Instant::now());
    runtime.block_on(work)?;
    Ok((thread_cpu().saturating_sub(before), began))
}

async fn send(session: SessionKeys, shared: &Shared, to: SocketAddr, datagram: usize) -> Result<()> {
    let udp = Udp::bind("127.0.0.1:0".parse()?, SOCKET_BUFFER)?;
    let mut batch = vec![0; datagram * udp.max_segments().min(tunnel::udp::MAX_SEND / datagram)];
    let (mut counter, mut sent) = (0, 0);
    while !shared.over.load(Ordering::Relaxed) {
        if sent > shared.arrived.load(Ordering::Relaxed) + AHEAD {
            tokio::time::sleep(Duration::from_micros(20)).await;
            // Should the socket have dropped something all the same, go on from there.
            continue;
        }
        for packet in batch.chunks_mut(datagram) {
            session.seal.seal_in_place(counter, packet);
            counter += 1;
            sent += (packet.len() - OVERHEAD) as u64;
        }
        let segment_size = Some(datagram);
        let transmit = Transmit { destination: to, ecn: None, contents: &batch, segment_size, src_ip: None };
        udp.send(&transmit).await?;
    }
    // An empty datagram is the end.
    udp.send(&Transmit { destination: to, ecn: None, contents: &[], segment_size: None, src_ip: None })
        .await?;
    Ok(())
}

async fn receive(session: SessionKeys, shared: &Shared, tell: impl FnOnce(SocketAddr)) -> Result<()> {
    let udp = Udp::bind("127.0.0.1:0".parse()?, SOCKET_BUFFER)?;
    tell(udp.local_addr()?);
    let mut buffer = vec![0; DATAGRAM_BUFFER];
    loop {
        let mut meta = [RecvMeta::default()];
        udp.recv(&mut [IoSliceMut::new(&mut buffer)], &mut meta).await?;
        let [meta] = meta;
        if meta.len == 0 {
            return Ok(());
        }
        let mut bytes = 0;
        for packet in buffer[..meta.len].chunks_mut(meta.stride) {
            bytes += session.open.open_in_place(packet)?.len();
        }
        shared.arrived.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
