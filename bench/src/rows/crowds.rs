//! Many links that carry nothing: what they cost one proxy2, and how they come back when it was away.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::ticket::Ticket;

use super::identities::make_tickets;
use super::{Context, Figure, Goal, Sample};
use crate::crowd::Crowd;
use crate::load::float;
use crate::pair::{Folder, Tunnel};
use crate::process::Process;

static MEMORY: Figure = Figure::new("proxy2 with 10,000 idle links", "MiB", Goal::AtMost(200.0));
static EACH: Figure = Figure::new("an idle link of 10,000, proxy2", "KiB", Goal::Less);
static CPU: Figure = Figure::new("CPU of proxy2 with 10,000 idle links, of one core", "%", Goal::AtMost(2.0));
static REKEYS: Figure = Figure::new("handshakes of 10,000 idle links", "1/s", Goal::Less);
static BACK: Figure = Figure::new("1,000 links back after an outage of 10 s", "s", Goal::AtMost(5.0));
static PEAK: Figure = Figure::new("their initiations, most in 100 ms", "1", Goal::Less);
static ASKED: Figure = Figure::new("their initiations from then on, each", "1", Goal::Less);
static BACK_CPU: Figure = Figure::new("CPU of proxy2 until they are back", "ms", Goal::Less);

/// As proxy1 has it when nobody asks for another.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// So that all of the crowd have found out before proxy2 is back: what it costs to come back is measured, not when that is noticed.
const SHORT_KEEPALIVE: Duration = Duration::from_secs(4);
const OUTAGE: Duration = Duration::from_secs(10);
/// Six keepalives of each link. Keys of idle links last an hour: that nobody asks for others meanwhile is what is seen of it.
const WATCHED: Duration = Duration::from_secs(125);

pub(super) fn idle(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let (links, watched) = if context.quick { (300, Duration::from_secs(5)) } else { (10_000, WATCHED) };
    let (folder, tickets) = tickets(links)?;
    context.runtime.block_on(async {
        let proxy2 = start(context, &folder, "127.0.0.1:0", links, Some(links))?;
        let mut crowd = Crowd::new(proxy2.listening()?, KEEPALIVE);
        let mut tickets = tickets.into_iter();
        crowd.join(tickets.by_ref().take(1)).await?;
        let before = proxy2.memory();
        crowd.join(tickets).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (cpu, asked, began) = (proxy2.cpu(), crowd.initiations(), Instant::now());
        tokio::time::sleep(watched).await;
        let used = (proxy2.cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
        let (memory, asked) = (proxy2.memory(), crowd.initiations() - asked);
        let name = tunnel.name();
        Ok(vec![
            MEMORY.is(name, memory / 1024.0 / 1024.0),
            EACH.is(name, (memory - before) / 1024.0 / float((links - 1) as u64)),
            CPU.is(name, 100.0 * used),
            REKEYS.is(name, float(asked) / watched.as_secs_f64()),
        ])
    })
}

pub(super) fn outage(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let (links, outage) = if context.quick { (100, OUTAGE / 2) } else { (1_000, OUTAGE) };
    let (folder, tickets) = tickets(links)?;
    context.runtime.block_on(async {
        let proxy2 = start(context, &folder, "127.0.0.1:0", links, None)?;
        let address = proxy2.listening()?;
        let mut crowd = Crowd::new(address, SHORT_KEEPALIVE);
        crowd.join(tickets.into_iter()).await?;
        tokio::time::sleep(SHORT_KEEPALIVE).await;
        drop(proxy2);
        crowd.note_outage();
        tokio::time::sleep(outage).await;
        let before = crowd.initiations();
        let proxy2 = start(context, &folder, &address.to_string(), links, None)?;
        proxy2.listening()?;
        let (began, cpu) = (Instant::now(), proxy2.cpu());
        let initiations = crowd.watch_initiations();
        let back = crowd.wait_for_links(began).await?;
        let (asked, used, name) = (crowd.initiations() - before, proxy2.cpu() - cpu, tunnel.name());
        Ok(vec![
            BACK.is(name, back.as_secs_f64()),
            PEAK.is(name, float(initiations.most())),
            ASKED.is(name, float(asked) / float(links as u64)),
            BACK_CPU.is(name, used.as_secs_f64() * 1e3),
        ])
    })
}

fn tickets(links: usize) -> Result<(Folder, Vec<Ticket>)> {
    let folder = Folder::new()?;
    let tickets = make_tickets(&folder, links)?;
    Ok((folder, tickets))
}

/// A proxy2 with room for the links; how many handshakes a second it does is its own decision unless it is told.
fn start(
    context: &Context,
    folder: &Folder,
    at: &str,
    links: usize,
    handshakes: Option<usize>,
) -> Result<Process> {
    let mut proxy2 = Command::new(context.programs.path("proxy2"));
    proxy2.args([at, "127.0.0.1", "9", "--links", &(links + links / 2).to_string()]);
    if let Some(handshakes) = handshakes {
        proxy2.args(["--handshakes", &handshakes.to_string()]);
    }
    Process::start(proxy2.arg("--state").arg(&folder.0))
}
