//! How soon a NAT, or a firewall, on the way forgets a flow of datagrams on which nothing is sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::ticket::Ticket;
use tokio::task::JoinSet;

use super::driver::Driver;
use super::flow::CheckFlow;

/// Silences that are tried, all at once, each from a port of its own: Linux forgets a flow after 30 s, home routers mostly after 30 s to
/// two minutes, and a flow of the link ends after 90 s.
const SILENCES: [u64; 6] = [10, 20, 30, 45, 60, 80];
/// How long an answer may be late.
const LATE: Duration = Duration::from_secs(2);
/// How long each handshake may take.
const JOINING: Duration = Duration::from_secs(4);
/// How long the last answers may take.
const ENDING: Duration = Duration::from_secs(2);
/// Bytes of a question: as small as it can be.
const SIZE: u16 = 64;

/// How long a mapping lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MappingLife {
    /// The longest silence after which something of proxy2 still came in.
    pub lives: Option<Duration>,
    /// The shortest silence after which nothing did.
    pub forgotten: Option<Duration>,
}

impl MappingLife {
    /// How long finding it out takes.
    pub const TAKES: Duration = Duration::from_secs(SILENCES[SILENCES.len() - 1] + LATE.as_secs());
}

/// Finds it out by silence, which takes [`MappingLife::TAKES`]. `None`: proxy2 cannot be asked. Cancel safe: the links are forgotten.
pub async fn mapping_life(ticket: &Ticket, address: SocketAddr) -> Option<MappingLife> {
    let mut trials = JoinSet::new();
    for seconds in SILENCES {
        let (ticket, silence) = (ticket.clone(), Duration::from_secs(seconds));
        trials.spawn(async move { (silence, survives(&ticket, address, silence).await) });
    }
    let results = trials.join_all().await;
    let those =
        |wanted| results.iter().filter(move |(_, lived)| *lived == Some(wanted)).map(|(silence, _)| *silence);
    let forgotten = those(false).min();
    // One that was forgotten may be let in all the same, where the port is the same on both sides.
    let lives = those(true).filter(|lived| forgotten.is_none_or(|forgotten| *lived < forgotten)).max();
    let life = MappingLife { lives, forgotten };
    (life != MappingLife::default()).then_some(life)
}

/// Whether an answer comes in after such a silence; `None`: it was never asked for.
async fn survives(ticket: &Ticket, address: SocketAddr, silence: Duration) -> Option<bool> {
    let mut driver = Driver::new(ticket, address).await.ok()?;
    driver.link.set_keepalive(Duration::ZERO);
    let until = Instant::now() + JOINING;
    while !driver.link.is_up() {
        if Instant::now() >= until {
            return None;
        }
        driver.step(until).await;
        driver.events.clear();
    }
    let mut flow = CheckFlow::open(&mut driver).await.ok()?;
    flow.ask(&mut driver, SIZE, silence).await;
    flow.take_until(&mut driver, Instant::now() + silence + LATE, 1).await;
    let lived = flow.tally.came() > 0;
    flow.end(&mut driver, Instant::now() + ENDING).await;
    driver.close().await;
    Some(lived)
}
