//! A link that is kept busy, and what that costs those who use it: bulk either way, an echo beside it, and the queue before the path.

use crate::sealed::link::{Event, Link, Settings};
use crate::sealed::transport;
use crate::sealed::wire::frame::StreamId;
use crate::sealed::wire::packet::Kind;
use crate::sim::{self, Application, Capture, LinkEnd, Path, Server, Setup, Waits};
use crate::time::Time;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

/// Between two looks at the streams.
const STEP: Duration = Duration::from_millis(5);

/// A message of the echo, in bytes, and how many steps lie between two: a person types slower, a terminal's output is faster.
const MESSAGE: usize = 64;
const PAUSE: u32 = 20;

/// Bytes of a full packet on the wire.
const FULL: u64 = 1_500;

/// Bytes that an application writes at a time.
const BITE: usize = 64 * 1024;

/// What goes over the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// Bulk towards the server.
    pub(super) up: bool,
    /// Bulk towards the client.
    pub(super) down: bool,
    /// Messages of 64 bytes, ten a second, each of which comes back.
    pub(super) echo: bool,
}

/// One direction, over the time measured.
#[derive(Debug)]
pub(super) struct Way {
    /// Bytes of bulk that arrived.
    pub(super) goodput: u64,
    /// Bytes that the bottleneck could have passed.
    pub(super) possible: u64,
    /// Bytes that were sent, headers of IP and UDP included.
    pub(super) wire: u64,
    /// Bytes of streams that were sent again.
    pub(super) resent: u64,
    /// Waits at the bottleneck.
    pub(super) waits: Waits,
}

/// What a run showed.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Towards the server, and back.
    pub(super) ways: [Way; 2],
    /// Round trips of the echo, sorted.
    pub(super) echoes: Vec<Duration>,
}

impl Outcome {
    /// The round trip that a share of the echoes does not exceed.
    pub(super) fn echo(&self, share: f64) -> Duration {
        let last = self.echoes.len().saturating_sub(1);
        let at =
            self.echoes.iter().enumerate().take_while(|(at, _)| *at as f64 <= share * last as f64).count();
        at.checked_sub(1).map_or(Duration::ZERO, |at| self.echoes[at])
    }
}

/// An application that writes without end into some streams, echoes others and counts what it reads.
#[derive(Debug, Default)]
struct Traffic {
    accepts: bool,
    fed: Vec<StreamId>,
    echoed: Vec<StreamId>,
    heard: BTreeMap<StreamId, u64>,
}

impl Traffic {
    fn read(&mut self, now: Time, link: &mut Link, id: StreamId) -> u64 {
        let mut got = 0;
        let read = link.streams().read_with(now, id, |slices| {
            let length: usize = slices.map(<[u8]>::len).sum();
            got = length as u64;
            Ok::<_, Infallible>(length)
        });
        read.unwrap();
        *self.heard.entry(id).or_default() += got;
        got
    }
}

impl Application for Traffic {
    fn handle_event(&mut self, _now: Time, link: &mut Link, event: Event) -> bool {
        if let Event::Stream(transport::Event::Incoming { id, target }) = &event
            && self.accepts
        {
            link.streams().accept(*id);
            self.heard.insert(*id, 0);
            match &target[..] {
                b"echo" => self.echoed.push(*id),
                b"down" => self.fed.push(*id),
                _ => {}
            }
        }
        matches!(event, Event::Gone | Event::Ended(_))
    }

    fn work(&mut self, now: Time, link: &mut Link) {
        for id in self.heard.keys().copied().collect::<Vec<_>>() {
            let got = self.read(now, link, id);
            if got > 0 && self.echoed.contains(&id) {
                link.streams().write(now, id, &vec![7; usize::try_from(got).unwrap()]);
            }
        }
        for id in &self.fed {
            loop {
                let room = link.streams().poll_room(now, *id).min(BITE);
                if room == 0 {
                    break;
                }
                link.streams().write(now, *id, &vec![7; room]);
            }
        }
    }
}

/// A client, a server and a path, which may differ each way.
struct Busy {
    pair: sim::Pair<LinkEnd<Traffic>, Server<Traffic>>,
    bulk: [Option<StreamId>; 2],
    sent_at: Vec<Time>,
    echoes: Vec<Duration>,
}

impl Busy {
    /// A link as users find it: up for a while, with nothing to do.
    fn new(seed: u64, up: Path, down: Path) -> Self {
        let mut busy = Self::beginning(seed, up, down);
        let id = busy.pair.client.link.streams().open(b"first").unwrap();
        busy.pair.client.link.streams().write(busy.pair.now, id, b"hola");
        busy.pair.run_for(Duration::from_secs(4));
        busy
    }

    /// A link whose first packet leaves now.
    fn beginning(seed: u64, up: Path, down: Path) -> Self {
        let server = Traffic { accepts: true, ..Traffic::default() };
        let mut pair = Setup::new(seed, Settings::default()).pair(up, Traffic::default(), server);
        pair.network.ways[1].path = down;
        Self { pair, bulk: [None; 2], sent_at: Vec::new(), echoes: Vec::new() }
    }

    fn open(&mut self, target: &[u8]) -> StreamId {
        let id = self.pair.client.link.streams().open(target).unwrap();
        self.pair.client.app.heard.insert(id, 0);
        id
    }

    fn begin(&mut self, load: Load) -> Option<StreamId> {
        let echo = load.echo.then(|| self.open(b"echo"));
        if load.up {
            let id = self.open(b"up");
            self.pair.client.app.fed.push(id);
            self.bulk[0] = Some(id);
        }
        if load.down {
            let id = self.open(b"down");
            self.bulk[1] = Some(id);
        }
        echo
    }

    fn run(&mut self, echo: Option<StreamId>, time: Duration) {
        let end = self.pair.now + time;
        let mut step = 0;
        while self.pair.now < end {
            let now = self.pair.now;
            if let Some(id) = echo.filter(|_| step % PAUSE == 0) {
                self.pair.client.link.streams().write(now, id, &[7; MESSAGE]);
                self.sent_at.push(now);
            }
            step += 1;
            self.pair.run_for(STEP.min(end.since(now)));
            let back = echo.map_or(0, |id| self.pair.client.app.heard[&id]);
            while self.echoes.len() < usize::try_from(back).unwrap() / MESSAGE {
                self.echoes.push(self.pair.now.since(self.sent_at[self.echoes.len()]));
            }
        }
    }

    fn counts(&mut self) -> [(u64, u64, u64); 2] {
        let heard =
            |app: &Traffic, id: Option<StreamId>| id.map_or(0, |id| app.heard.get(&id).copied().unwrap_or(0));
        let heard = [heard(&self.pair.server.app, self.bulk[0]), heard(&self.pair.client.app, self.bulk[1])];
        let resent = |link: &Link| link.transport.counts().resent_bytes;
        let resent =
            [resent(&self.pair.client.link), self.pair.server.links.values().map(resent).next().unwrap_or(0)];
        [0, 1].map(|way| (heard[way], self.pair.network.ways[way].counts.bytes, resent[way]))
    }
}

/// Bytes that a way can pass between two moments.
fn possible(path: &Path, from: Time, to: Time) -> u64 {
    match &path.opportunities {
        Some(opportunities) => opportunities.possible(from, to),
        None => u64::try_from(u128::from(path.rate) * to.since(from).as_millis() / 1_000).unwrap(),
    }
}

/// Runs the load for `time` on a link that has been up for four seconds, and measures all of it, start-up included. Echoes that are not back
/// at the end count as if they came then.
pub(super) fn run(seed: u64, [up, down]: [Path; 2], load: Load, time: Duration) -> Outcome {
    let mut busy = Busy::new(seed, up, down);
    let (from, before) = (busy.pair.now, busy.counts());
    busy.pair.network.ways.iter().for_each(|way| drop(way.bottleneck.watch_waits()));
    let echo = busy.begin(load);
    busy.run(echo, time);
    let (to, after) = (busy.pair.now, busy.counts());
    let ways = [0, 1].map(|at: usize| {
        let way = &busy.pair.network.ways[at];
        Way {
            goodput: after[at].0 - before[at].0,
            possible: possible(&way.path, from, to),
            wire: after[at].1 - before[at].1,
            resent: after[at].2 - before[at].2,
            waits: way.bottleneck.watch_waits(),
        }
    });
    let mut echoes = busy.echoes;
    let missing: Vec<Duration> = busy.sent_at[echoes.len()..].iter().map(|sent| to.since(*sent)).collect();
    echoes.extend(missing);
    echoes.sort_unstable();
    Outcome { ways, echoes }
}

/// Bulk towards the server for as long as `before`, then the path passes `rate` bytes a second. What the client sends in each of the `spans` of time that follow, with headers,
/// as a share of what that passes.
pub(super) fn change(path: &Path, before: Duration, rate: u64, spans: &[Duration]) -> Vec<f64> {
    let mut busy = Busy::new(1, path.clone(), path.clone());
    busy.begin(Load { up: true, down: false, echo: false });
    busy.run(None, before);
    busy.pair.network.change(|path| path.rate = rate);
    sent_in(&mut busy, rate, spans)
}

/// Bulk towards the server, whose first packets come later by `late`. What the client has sent in each of the `spans` of time, with headers, as a share of what
/// the path passes.
pub(super) fn after_late_packets(path: &Path, late: Duration, spans: &[Duration]) -> Vec<f64> {
    let mut busy = Busy::new(1, path.clone(), path.clone());
    busy.pair.network.change(|path| path.delay += late);
    busy.begin(Load { up: true, down: false, echo: false });
    busy.run(None, Duration::from_millis(10));
    busy.pair.network.change(|path| path.delay -= late);
    sent_in(&mut busy, path.rate, spans)
}

/// Bulk begins `after` the link's first packet, until which the load's echo goes to and fro. For each way: packets dropped, and how long packets wait at the bottleneck.
pub(super) fn on_new_link(path: &Path, load: Load, after: Duration, time: Duration) -> [(u64, Waits); 2] {
    let mut busy = Busy::beginning(1, path.clone(), path.clone());
    let echo = busy.begin(Load { echo: load.echo, up: false, down: false });
    busy.run(echo, after);
    busy.pair.network.ways.iter().for_each(|way| drop(way.bottleneck.watch_waits()));
    busy.begin(Load { echo: false, ..load });
    busy.run(None, time);
    [0, 1].map(|at: usize| {
        let way = &busy.pair.network.ways[at];
        (way.counts.overflowed, way.bottleneck.watch_waits())
    })
}

/// A link on `path` each way with nothing to do: what it has sent `time` after it began, its first packet included, as a share of what passes.
pub(super) fn idle_share(path: &Path, time: Duration) -> [f64; 2] {
    let mut busy = Busy::new(1, path.clone(), path.clone());
    busy.run(None, time.saturating_sub(busy.pair.now.since(sim::START)));
    let sent = [0, 1].map(|way: usize| busy.pair.network.ways[way].counts.bytes);
    sent.map(|bytes| bytes as f64 / (path.rate as f64 * time.as_secs_f64()))
}

/// Of what passes in `time` of the load, the share that is neither new bytes nor acknowledgements: handshakes, packets that try a size, two full packets
/// for each probe time-out, and what goes again.
pub(super) fn overhead_share(path: &Path, load: Load, time: Duration) -> [f64; 2] {
    let mut busy = Busy::new(1, path.clone(), path.clone());
    busy.pair.network.ways.iter_mut().for_each(|way| way.capture = Some(Capture::default()));
    let echo = busy.begin(load);
    busy.run(echo, time);
    let server = busy.pair.server.links.values().next().expect("the client has a link with it");
    let counts = [&busy.pair.client.link, server].map(|link| link.transport.counts());
    [0, 1].map(|way: usize| {
        let sent = &busy.pair.network.ways[way].capture.as_ref().expect("it was set").sent;
        let is_extra =
            |datagram: &&Vec<u8>| Kind::of(datagram) != Some(Kind::Data) || datagram.len() > path.mtu;
        let extra: usize = sent.iter().filter(is_extra).map(Vec::len).sum();
        let bytes = extra as u64 + counts[way].timeouts * 2 * FULL + counts[way].resent_bytes;
        bytes as f64 / (path.rate as f64 * time.as_secs_f64())
    })
}

/// Bulk towards the server for three seconds; then nothing comes back for one. In the middle of that the client writes so many messages, one at each step: how long the
/// first takes to the server, and the bytes that leave in the rest of that second.
pub(super) fn while_the_way_back_stands_still(path: &Path, messages: usize) -> (Duration, u64) {
    let (second, load) = (Duration::from_secs(1), Load { up: true, down: false, echo: true });
    let mut busy = Busy::new(1, path.clone(), path.clone());
    let echo = busy.begin(load).expect("the load has an echo");
    busy.run(Some(echo), second * 3);
    busy.pair.network.ways[1].path.dead = true;
    busy.run(None, second / 2);
    let before = busy.pair.network.ways[0].counts.bytes;
    let (written, read) = (busy.pair.now, busy.pair.server.app.heard[&echo]);
    let (mut took, mut left) = (None, messages);
    while busy.pair.now.since(written) < second / 2 {
        if left > 0 {
            busy.pair.client.link.streams().write(busy.pair.now, echo, &[7; MESSAGE]);
            left -= 1;
        }
        busy.pair.run_for(STEP);
        if took.is_none() && busy.pair.server.app.heard[&echo] > read {
            took = Some(busy.pair.now.since(written));
        }
    }
    (took.unwrap_or(second), busy.pair.network.ways[0].counts.bytes - before)
}

/// What the client sends in each of the `spans` of time, as a share of what `rate` bytes a second pass.
fn sent_in(busy: &mut Busy, rate: u64, spans: &[Duration]) -> Vec<f64> {
    let mut before = busy.counts()[0].1;
    let sent = spans.iter().map(|span| {
        busy.run(None, *span);
        let now = busy.counts()[0].1;
        let sent = now - std::mem::replace(&mut before, now);
        sent as f64 / (rate as f64 * span.as_secs_f64())
    });
    sent.collect()
}
