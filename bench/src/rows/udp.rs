//! Datagrams through a link and without it, over the same bad path: how many come back, and how late.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use paso::testing::middlebox::{Middlebox, Weather};
use tokio::net::UdpSocket;
use tokio::time::{sleep_until, timeout};

use super::{Context, Figure, Goal, Sample};
use crate::load::float;
use crate::pair::{Folder, Programs, Tunnel};
use crate::process::Process;

static LOST: Figure = Figure::new("datagrams, 5 % loss each way, lost", "%", Goal::Less);
static P50: Figure = Figure::new("datagrams, 5 % loss, 40 ms, p50", "ms", Goal::Less);
static P99: Figure = Figure::new("datagrams, 5 % loss, 40 ms, p99", "ms", Goal::Less);

/// The path, each way: the round trip is 40 ms.
const PATH: Weather =
    Weather { loss: 0.05, delay: Duration::from_millis(20), duplicate: 0.0, reorder: 0.0, blackout: false };
/// The same at each run: what is lost is the same share, though not the same datagrams.
const SEED: u64 = 5;
/// As of a call, or of somebody who types into a QUIC connection.
const SIZE: usize = 200;
const GAP: Duration = Duration::from_millis(5);
/// How long the last answer may take.
const LAST: Duration = Duration::from_secs(1);

pub(super) fn bad_path(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let count = if context.quick { 200 } else { 4_000 };
    let (echo, path) = (echo()?, |to| Middlebox::start(to, SEED));
    let mut times = context.runtime.block_on(async {
        if tunnel == Tunnel::Direct {
            let middlebox = path(echo)?;
            middlebox.set(PATH);
            return ask(middlebox.address(), count).await;
        }
        let ends = Ends::start(&context.programs, echo, path)?;
        // The first makes the link and the flow.
        ask(ends.address, 1).await?;
        ends.middlebox.set(PATH);
        ask(ends.address, count).await
    })?;
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(f64::NAN);
    let back = float(times.len() as u64);
    let name = tunnel.name();
    let lost = 100.0 * (1.0 - back / float(count.into()));
    Ok(vec![LOST.is(name, lost), P50.is(name, at(50)), P99.is(name, at(99))])
}

/// proxy1, which takes datagrams, and proxy2 beyond the path.
struct Ends {
    address: SocketAddr,
    middlebox: Middlebox,
    _programs: [Process; 2],
    _state: Folder,
}

impl Ends {
    fn start(
        programs: &Programs,
        target: SocketAddr,
        path: impl Fn(SocketAddr) -> std::io::Result<Middlebox>,
    ) -> Result<Self> {
        let state = Folder::new()?;
        let start = |name: &str, words: &[&str]| {
            let mut command = Command::new(programs.path(name));
            Process::start(command.args(words).arg("--state").arg(&state.0))
        };
        let proxy2 = start("proxy2", &["127.0.0.1:0", "--allow", "dial:127.0.0.1:*/udp"])?;
        let middlebox = path(proxy2.listening()?)?;
        let forward = format!("127.0.0.1:0:{target}/udp");
        let proxy1 = start("proxy1", &["-L", &forward, &middlebox.address().to_string()])?;
        let address = proxy1.listening()?;
        Ok(Self { address, middlebox, _programs: [proxy1, proxy2], _state: state })
    }
}

/// Round trips in ms of those of `count` datagrams that come back.
async fn ask(address: SocketAddr, count: u32) -> Result<Vec<f64>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(address).await?;
    let (mut left, mut times, mut buffer) = (Vec::new(), Vec::new(), [0; 2_048]);
    let mut note = |buffer: &[u8], left: &mut Vec<Option<Instant>>| {
        let number = buffer.first_chunk().map_or(u32::MAX, |head| u32::from_be_bytes(*head));
        let sent = left.get_mut(number as usize).and_then(Option::take);
        times.extend(sent.map(|at| at.elapsed().as_secs_f64() * 1e3));
    };
    let begin = tokio::time::Instant::now();
    for number in 0..count {
        loop {
            tokio::select! {
                () = sleep_until(begin + GAP * number) => break,
                Ok(length) = socket.recv(&mut buffer) => note(&buffer[..length], &mut left),
            }
        }
        let mut datagram = [7; SIZE];
        datagram[..4].copy_from_slice(&number.to_be_bytes());
        left.push(Some(Instant::now()));
        socket.send(&datagram).await?;
    }
    while let Ok(Ok(length)) = timeout(LAST, socket.recv(&mut buffer)).await {
        note(&buffer[..length], &mut left);
    }
    Ok(times)
}

/// A server that blocks in its reads: nothing answers sooner. Lives as long as the process.
fn echo() -> Result<SocketAddr> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").context("loopback has free ports")?;
    let address = socket.local_addr()?;
    std::thread::spawn(move || {
        let mut buffer = [0; 2_048];
        loop {
            // An error is about a client that has gone.
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..length], from);
            }
        }
    });
    Ok(address)
}
