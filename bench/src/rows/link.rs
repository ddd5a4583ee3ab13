//! A link alone: both ends in this process, a thread each, over real UDP sockets; a stream, but no TCP.

mod end;

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use proto::sealed::benching::Ends;
use proto::sealed::link::Settings;
use proto::sealed::transport;
use tokio::runtime::Runtime;
use tunnel::udp::Udp;

use super::{Context, Figure, Goal, Sample};
use crate::load::float;
use crate::pair::Tunnel;
use end::{Clock, End, Shared};

static RATE: Figure = Figure::new("the link alone", "Gbit/s", Goal::AtLeast(18.0));
static CPU: Figure = Figure::new("CPU of the link alone, both ends", "ns/byte", Goal::AtMost(0.7));

/// As the programs ask for.
const SOCKET_BUFFER: usize = 16 << 20;

pub(super) fn alone(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let runtimes = [runtime()?, runtime()?];
    let bind = |runtime: &Runtime| {
        let _inside = runtime.enter();
        Udp::bind(([127, 0, 0, 1], 0).into(), SOCKET_BUFFER)
    };
    let sockets = [bind(&runtimes[0])?, bind(&runtimes[1])?];
    let addresses = [sockets[0].local_addr()?, sockets[1].local_addr()?];
    let transport =
        transport::Settings { max_datagram: context.programs.datagram, ..transport::Settings::default() };
    let mut ends = Ends::new(addresses, Settings { transport, ..Settings::default() }, true);
    let stream = ends.open();
    let (now, links) = ends.into_links();
    let (shared, clock) = (Arc::new(Shared::default()), Clock::at(now));
    let threads: Vec<_> = (links.into_iter().zip(sockets).zip(runtimes).enumerate())
        .map(|(side, ((link, udp), runtime))| {
            let end = End { link, udp, stream, clock, writes: side == 0, shared: Arc::clone(&shared) };
            thread::spawn(move || runtime.block_on(end.run()))
        })
        .collect();
    // The size of packets and the window are found first.
    thread::sleep(context.time / 2);
    let (before, began) = (shared.counted(), Instant::now());
    thread::sleep(context.time);
    let (after, took) = (shared.counted(), began.elapsed());
    shared.end();
    for thread in threads {
        thread.join().map_err(|_| anyhow!("an end of the link panicked"))??;
    }
    let (bytes, cpu) = (float(after.0 - before.0), float(after.1 - before.1));
    let name = tunnel.name();
    Ok(vec![RATE.is(name, bytes * 8.0 / 1e9 / took.as_secs_f64()), CPU.is(name, cpu / bytes)])
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
