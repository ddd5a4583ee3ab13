//! What the path does to datagrams: a few seconds of questions over a link that is up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::check::Tally;

use super::driver::Driver;
use super::flow::{CheckFlow, Series};
use super::knock::Joined;

/// Small questions, for delay and loss: two seconds of them.
const SMALL: Series = Series { count: 200, gap: Duration::from_millis(10), size: 64 };
/// Large ones, which fill packets that nearly every path carries.
const LARGE: Series = Series { count: 40, gap: Duration::from_millis(15), size: 1_100 };
/// One that fits into no packet of a path that was not searched: both ends look for larger ones then.
const LARGER_THAN_ANY: u16 = 1_420;
/// UDP payload of a full packet that is large enough to stop searching.
const FULL: usize = 1_400;
/// How long the search may take.
const SEARCH: Duration = Duration::from_millis(1_500);
/// A load, step after step, in Mbit/s of questions: 1.2 MB each way in all.
const LOADS: [u32; 5] = [1, 2, 4, 8, 16];
/// How long each step lasts, at the least; and in round trips, since a link begins slowly.
const LOAD: Duration = Duration::from_millis(300);
const LOAD_ROUND_TRIPS: u32 = 3;
/// How long it lasts at the most.
const LONGEST_LOAD: Duration = Duration::from_millis(600);
/// After how long no further step begins: a path on which each takes so long is slower than the next.
const ALL_LOADS: Duration = Duration::from_secs(4);
/// Bytes of a question of the load.
const LOAD_SIZE: u16 = 1_100;

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Also what becomes of a load, 1.2 MB each way.
    pub load: bool,
    /// When all is to be done. On a slow path less is asked then, and where a round trip takes a second it may be a little later.
    pub until: Instant,
}

/// Until when each part may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    small: Instant,
    sizes: Instant,
    load: Instant,
}

impl Limits {
    /// Round trips that a part needs at the least: one to open a flow, one to ask, and one for what waits in a queue.
    const ROUND_TRIPS: u32 = 3;
    /// And this, in which some are asked.
    const LEAST: Duration = Duration::from_millis(500);

    /// The parts share what is left, so that each tells something; where a part is done sooner, the next begins.
    fn new(now: Instant, until: Instant, round_trip: Duration) -> Self {
        let left = until.saturating_duration_since(now);
        let least = round_trip * Self::ROUND_TRIPS + Self::LEAST;
        let small = now + (left * 4 / 10).max(least);
        let sizes = (now + left * 7 / 10).max(small + least);
        Self { small, sizes, load: until }
    }
}

/// Some of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many arrived.
    pub arrived: u32,
    /// Of how many.
    pub of: u32,
}

impl Share {
    /// The part that was lost, from 0 to 1.
    pub fn lost(self) -> f64 {
        if self.of == 0 { 0.0 } else { 1.0 - f64::from(self.arrived) / f64::from(self.of) }
    }

    const fn new((arrived, of): (u32, u32)) -> Self {
        Self { arrived, of }
    }
}

/// What became of one step of the load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What was sent, in bits of UDP payload a second.
    pub asked: u64,
    /// Questions that reached proxy2.
    pub there: Share,
    /// Packets of proxy2 that came here.
    pub back: Share,
    /// What reached proxy2, in bits a second.
    pub carried_there: u64,
    /// What came back, in bits a second.
    pub carried_back: u64,
    /// The round trip in the middle; `None`: nothing came back.
    pub round_trip: Option<Duration>,
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Round trips of small datagrams, the shortest first.
    pub round_trips: Vec<Duration>,
    /// Of small datagrams, to proxy2.
    pub there: Share,
    /// Of small datagrams, back.
    pub back: Share,
    /// Small datagrams that arrived behind later ones: at proxy2, and here.
    pub reordered: (u32, u32),
    /// Of large datagrams, to proxy2 and back.
    pub large: (Share, Share),
    /// UDP payload of the largest packets that arrive, in bytes: at proxy2, and here. More than 1,472 is not tried.
    pub packets: (usize, usize),
    /// Step by step, if it was asked for.
    pub load: Vec<Load>,
    /// Where proxy2 sees this end.
    pub seen: Option<SocketAddr>,
    /// Where this end sends from.
    pub local: Option<SocketAddr>,
    /// By how many microseconds proxy2's clock is ahead; less than 0: behind.
    pub clock_ahead: Option<i64>,
}

/// Why nothing was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMeasured {
    /// proxy2 is of a version that cannot be asked.
    #[error("this proxy2 is older and cannot measure the path")]
    Older,
    /// It has as many checks, or streams, as it may have.
    #[error("proxy2 has as many checks or streams as it may have for this ticket")]
    Limit,
    /// It does not answer any more.
    #[error("proxy2 stopped answering")]
    Lost,
}

impl Joined {
    /// Measures the path, in 4 s, or 7 s with a load. `progress` is told what comes next.
    ///
    /// # Errors
    /// [`NotMeasured`]. What fails later leaves its part of the answer empty.
    pub async fn measure(
        &mut self,
        plan: Plan,
        mut progress: impl FnMut(&'static str),
    ) -> Result<Measures, NotMeasured> {
        let driver = &mut self.driver;
        let limits = Limits::new(Instant::now(), plan.until, round_trip(driver));
        progress("measuring delay and loss");
        let mut flow = CheckFlow::open(driver).await?;
        // Far away, or where much is lost, opening has taken most of the time.
        let limit = limits.small.max(Instant::now() + flow.patience(driver) + Limits::LEAST);
        flow.run(driver, SMALL, limit).await;
        let small = flow.end(driver, limit).await;
        let mut measures = Measures {
            round_trips: small.round_trips(),
            there: Share::new(small.there()),
            back: Share::new(small.back()),
            reordered: small.reordered(),
            seen: small.seen(),
            local: driver.local(),
            clock_ahead: small.clock_ahead(),
            ..Measures::default()
        };
        progress("measuring sizes");
        if let Some(large) = sizes(driver, limits.sizes).await {
            measures.large = (Share::new(large.there()), Share::new(large.back()));
        }
        measures.packets = packets(driver);
        if plan.load {
            progress("measuring a load");
            measures.load = loads(driver, limits.load).await;
            measures.packets = packets(driver);
        }
        Ok(measures)
    }
}

/// Sends large datagrams, and lets both ends look for the largest packets that pass.
async fn sizes(driver: &mut Driver, limit: Instant) -> Option<Tally> {
    let mut search = CheckFlow::open(driver).await.ok()?;
    search.ask(driver, LARGER_THAN_ANY, Duration::ZERO).await;
    let mut flow = CheckFlow::open(driver).await.ok()?;
    flow.run(driver, LARGE, limit).await;
    let until = (Instant::now() + SEARCH).min(limit);
    while Instant::now() < until && is_searching(driver) {
        let step = Instant::now() + Duration::from_millis(50);
        flow.take_until(driver, step, u32::MAX).await;
    }
    let large = flow.end(driver, limit).await;
    // They may be on their way still, and not lost.
    let is_cut_short = large.came() == 0 && Instant::now() >= limit;
    search.end(driver, limit).await;
    (!is_cut_short).then_some(large)
}

fn is_searching(driver: &mut Driver) -> bool {
    let (there, back) = packets(driver);
    there < FULL || back < FULL
}

/// The largest packets that have arrived there, and here.
fn packets(driver: &mut Driver) -> (usize, usize) {
    (usize::from(driver.link.streams().mtu()), driver.heard.largest)
}

fn round_trip(driver: &mut Driver) -> Duration {
    driver.link.streams().round_trip().unwrap_or_default()
}

async fn loads(driver: &mut Driver, limit: Instant) -> Vec<Load> {
    let mut all = Vec::new();
    let lasting = (round_trip(driver) * LOAD_ROUND_TRIPS).clamp(LOAD, LONGEST_LOAD);
    let begun = Instant::now();
    // What a step takes: at first with a round trip to open its flow and one for the last answers.
    let mut took = lasting + round_trip(driver) * 2;
    for megabits in LOADS {
        let step_begun = Instant::now();
        if begun.elapsed() > ALL_LOADS || step_begun + took > limit {
            break;
        }
        let asked = u64::from(megabits) * 1_000_000;
        let bits = u32::from(LOAD_SIZE) * 8;
        let gap = Duration::from_nanos(u64::from(bits) * 1_000 / u64::from(megabits));
        let count = u32::try_from(lasting.as_nanos() / gap.as_nanos().max(1)).unwrap_or(1);
        let Ok(mut flow) = CheckFlow::open(driver).await else { break };
        let (highest, packets) = (driver.heard.highest, driver.heard.packets);
        flow.run(driver, Series { count, gap, size: LOAD_SIZE }, limit).await;
        let tally = flow.end(driver, limit).await;
        took = step_begun.elapsed();
        // Not of answers: proxy2 holds back what its link does not send at once.
        let count = |more: u64| u32::try_from(more).unwrap_or(u32::MAX);
        let (came, sent) = (count(driver.heard.packets - packets), count(driver.heard.highest - highest));
        let (there, back) = (Share::new(tally.there()), Share::new((came.min(sent), sent)));
        let answers = tally.came();
        let round_trips = tally.round_trips();
        // What waited on the way, or was sent again since the path carries small packets only, has taken longer.
        let lasted = u64::try_from(tally.lasted().max(lasting).as_millis()).unwrap_or(u64::MAX);
        let rate = |arrived: u32| u64::from(arrived) * u64::from(bits) * 1_000 / lasted;
        all.push(Load {
            asked,
            there,
            back,
            carried_there: rate(there.arrived),
            carried_back: rate(answers),
            round_trip: round_trips.get(round_trips.len() / 2).copied(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_share_the_time_and_each_has_enough_to_tell_something() {
        let now = Instant::now();
        let limits = |left: u64, round_trip: u64| {
            let (left, trip) = (Duration::from_millis(left), Duration::from_millis(round_trip));
            let all = Limits::new(now, now + left, trip);
            [all.small, all.sizes, all.load].map(|at| (at - now).as_millis())
        };
        assert_eq!(limits(9_000, 20), [3_600, 6_300, 9_000]);
        assert_eq!(limits(9_000, 600), [3_600, 6_300, 9_000]);
        assert_eq!(limits(3_000, 1_000), [3_500, 7_000, 3_000], "later, but not for nothing");
        assert_eq!(limits(0, 0), [500, 1_000, 0]);
    }
}
