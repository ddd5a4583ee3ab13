//! A thousand links on one proxy2, each with a ticket of its own. The proxy1s run in this process; proxy2 is the program.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use proto::ticket::record::TicketRecord;
use tokio::task::JoinSet;
use tunnel::address::Listen;
use tunnel::session::{Bound, Handle, Session};
use tunnel::settings::{ClientSettings, Forward, Sealed, Ticket, TicketSource};
use tunnel::state::StateDir;

use super::{Context, Figure, Goal, Sample};
use crate::load::{Cpu, Outcome, block, chunk, connect, float, outcome, send_for_ever};
use crate::pair::{Folder, Tunnel};
use crate::process::Process;
use crate::target::{Manner, Target};

static MEMORY: Figure = Figure::new("an idle link of 1,000, proxy2", "KiB", Goal::AtMost(64.0));
static WAKE_UPS: Figure = Figure::new("wake-ups of proxy2 with 1,000 idle links", "1/s", Goal::Less);
static RATE: Figure = Figure::new("1,000 links, a stream each", "Gbit/s", Goal::More);
static CPU: Figure = Figure::new("CPU of proxy2, 1,000 links", "ns/byte", Goal::Less);
static LOAD: Figure =
    Figure::new("CPU of the proxy1s, clients and server, 1,000 links", "ns/byte", Goal::Less);
static SHARE: Figure = Figure::new("1,000 links against one", "%", Goal::AtLeast(80.0));
static SLOWEST: Figure = Figure::new("slowest of 1,000 links against the mean", "%", Goal::AtLeast(50.0));

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn thousand(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let links = if context.quick { 100 } else { 1_000 };
    let folder = Folder::new()?;
    let tickets = make_tickets(&folder, links)?;
    context.runtime.block_on(async {
        let sink = Target::start(Manner::Sink, chunk(links)).await?;
        let mut proxy2 = std::process::Command::new(context.programs.path("proxy2"));
        proxy2.args(["127.0.0.1:0", "127.0.0.1", &sink.address.port().to_string()]);
        proxy2.args(["--links", "2000", "--handshakes", "5000", "--max-datagram"]);
        proxy2.arg(context.programs.datagram.to_string()).arg("--state").arg(&folder.0);
        let proxy2 = Process::start(&mut proxy2)?;
        let peer = proxy2.listening()?;
        let mut proxies = Proxies::new(context.programs.datagram, peer);
        proxies.start(&tickets[..1]).await?;
        let one = pushed(&proxies.addresses, &sink, &proxy2, context.time).await?;

        let before = proxy2.memory();
        proxies.start(&tickets[1..]).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let memory = (proxy2.memory() - before) / 1024.0 / float((links - 1) as u64);
        let wake_ups = wake_ups(&proxy2).await;
        let all = pushed(&proxies.addresses, &sink, &proxy2, context.time).await?;
        let name = tunnel.name();
        Ok(vec![
            MEMORY.is(name, memory),
            WAKE_UPS.is(name, wake_ups),
            RATE.is(name, all.gbit()),
            SHARE.is(name, 100.0 * all.gbit() / one.gbit()),
            SLOWEST.is(name, 100.0 * all.slowest),
            CPU.is(name, all.cpu_a_byte()),
            LOAD.is(name, all.own_cpu_a_byte()),
        ])
    })
}

/// A state folder with so many tickets.
pub(super) fn make_tickets(folder: &Folder, count: usize) -> Result<Vec<Ticket>> {
    let state = StateDir::locate(Some(folder.0.clone()))?;
    let key = state.server()?.key;
    let mut random = proto::sealed::crypto::random::Random::from_seed([9; 32]);
    let mut lines = String::new();
    let mut tickets = Vec::new();
    for at in 0..count {
        let ticket = Ticket::generate(key.public(), true, &mut random);
        let name = format!("proxy{at}").parse()?;
        lines += &TicketRecord::new(name, &ticket, None).to_line();
        lines.push('\n');
        tickets.push(ticket);
    }
    // All at once: `add_ticket` writes the whole file for each.
    std::fs::write(state.path().join("tickets"), lines)?;
    Ok(tickets)
}

/// The proxy1s; they end when this is dropped.
struct Proxies {
    datagram: u16,
    peer: SocketAddr,
    addresses: Vec<SocketAddr>,
    running: Vec<Handle>,
}

impl Proxies {
    fn new(datagram: u16, peer: SocketAddr) -> Self {
        Self { datagram, peer, addresses: Vec::new(), running: Vec::new() }
    }

    /// Starts one for each ticket and waits until their links are up.
    async fn start(&mut self, tickets: &[Ticket]) -> Result<()> {
        let mut all = Vec::new();
        for ticket in tickets {
            let link = Sealed { max_datagram: self.datagram, socket_buffer: 1 << 20, ..Sealed::default() };
            let entry = ClientSettings::new(TicketSource::Given(ticket.clone()), vec![self.peer.into()]);
            let entry = entry.forward(Forward::plain(Listen::loopback(0)));
            let session = Session::bind(ClientSettings { link, ..entry }).await?;
            self.addresses.extend(session.listening().iter().filter_map(Bound::tcp));
            all.push(session.counters());
            self.running.push(session.run());
        }
        for mut counters in all {
            let up = counters.wait_for(|now| now.links_up > 0);
            tokio::time::timeout(PATIENCE, up).await.context("a link does not come up")??;
        }
        Ok(())
    }
}

async fn wake_ups(proxy2: &Process) -> f64 {
    let (before, began) = (proxy2.wake_ups(), Instant::now());
    tokio::time::sleep(Duration::from_secs(5)).await;
    (proxy2.wake_ups() - before) / began.elapsed().as_secs_f64()
}

/// What one stream on each of the links brings together; its tunnel is proxy2 alone.
async fn pushed(
    addresses: &[SocketAddr],
    sink: &Target,
    proxy2: &Process,
    time: Duration,
) -> Result<Outcome> {
    let known = sink.each().len();
    let (mut clients, block) = (JoinSet::new(), block(addresses.len()));
    for address in addresses {
        clients.spawn(send_for_ever(connect(*address).await?, Arc::clone(&block)));
    }
    let carrying = || sink.each().iter().skip(known).filter(|bytes| **bytes > 0).count();
    let began = Instant::now();
    while carrying() < addresses.len() {
        ensure!(began.elapsed() < PATIENCE, "only {} of {} links carry", carrying(), addresses.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, cpu, began) = (sink.each(), Cpu::now(proxy2.cpu()), Instant::now());
    tokio::time::sleep(time).await;
    let (after, took, used) = (sink.each(), began.elapsed(), cpu.since(proxy2.cpu()));
    clients.shutdown().await;
    // What is still on its way must not be counted as the next load's.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let counts = after.iter().zip(&before).skip(known).map(|(after, before)| after - before);
    Ok(outcome(&counts.collect::<Vec<_>>(), took, &used))
}
