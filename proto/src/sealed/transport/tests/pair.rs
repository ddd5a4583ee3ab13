//! Two transports, the applications on them, and a clock.

use crate::sealed::link::FourTuple;
use crate::sealed::streams::table::Side;
use crate::sealed::transport::{Event, Settings, Transport};
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::frame::StreamId;
use crate::sim::plain::{PEER, PlainPackets};
use crate::sim::{self, Host, Network, Path};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// One end: a transport and what its application has to say and has heard, per stream.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) transport: Transport,
    pub(crate) to_write: BTreeMap<StreamId, Vec<u8>>,
    written: BTreeMap<StreamId, usize>,
    pub(crate) heard: BTreeMap<StreamId, Vec<u8>>,
    /// Datagrams of flows, and when they came.
    pub(crate) datagrams: BTreeMap<StreamId, Vec<(Time, Vec<u8>)>>,
    pub(crate) finished: BTreeMap<StreamId, Time>,
    pub(crate) events: Vec<(Time, Event)>,
    packets: PlainPackets,
    /// Streams nobody reads.
    pub(crate) stuck: BTreeSet<StreamId>,
    /// Streams that are read up to so many bytes, and then no more: what a system takes for an application that is stuck.
    pub(crate) absorbed: BTreeMap<StreamId, usize>,
    /// Bytes written at a time, at the most.
    pub(crate) bite: usize,
    /// Streams whose writer has to wait.
    waiting: BTreeSet<StreamId>,
    /// Streams that may go on without an event, and the sizes of what a test may have changed since all were looked at: with
    /// thousands of streams a look at all of them for each packet would take most of the time.
    going: BTreeSet<StreamId>,
    sizes: [usize; 4],
    pub(crate) peak_memory: usize,
}

impl End {
    fn new(side: Side, settings: Settings) -> Self {
        let mut transport = Transport::new(side, settings);
        transport.set_peer_limits(&Transport::limits(&settings));
        Self {
            transport,
            to_write: BTreeMap::new(),
            written: BTreeMap::new(),
            heard: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            finished: BTreeMap::new(),
            events: Vec::new(),
            packets: PlainPackets::default(),
            stuck: BTreeSet::new(),
            absorbed: BTreeMap::new(),
            bite: usize::MAX,
            waiting: BTreeSet::new(),
            going: BTreeSet::new(),
            sizes: [0; 4],
            peak_memory: 0,
        }
    }

    /// What the application does: write what fits, finish, read all there is.
    fn work(&mut self, now: Time) {
        let mut touched = std::mem::take(&mut self.going);
        while let Some(event) = self.transport.poll_event() {
            if let Event::Incoming { id, .. }
            | Event::Readable(id)
            | Event::Writable(id)
            | Event::Reset(id, _)
            | Event::Closed(id) = event
            {
                touched.insert(id);
            }
            if let Event::Incoming { id, .. } = event {
                self.transport.accept(id);
                self.heard.insert(id, Vec::new());
            }
            if let Event::DatagramReadable(id) = event
                && !self.stuck.contains(&id)
            {
                let came = self.datagrams.entry(id).or_default();
                came.extend(
                    std::iter::from_fn(|| self.transport.recv_datagram(id)).map(|bytes| (now, bytes)),
                );
            }
            if let Event::Reset(id, _) = event {
                self.read(now, id);
                self.transport.discard(id);
            }
            if let Event::Writable(id) = event {
                self.waiting.remove(&id);
            }
            self.events.push((now, event));
        }
        let sizes = |end: &Self| [end.to_write.len(), end.heard.len(), end.stuck.len(), end.absorbed.len()];
        if self.sizes != sizes(self) {
            touched = self.heard.keys().copied().collect();
        }
        for id in touched {
            if !self.heard.contains_key(&id) {
                continue;
            }
            self.write(now, id);
            if self.to_write.contains_key(&id) && !self.waiting.contains(&id) {
                self.going.insert(id);
            }
            if !self.stuck.contains(&id) {
                self.read(now, id);
            }
        }
        self.sizes = sizes(self);
        self.peak_memory = self.peak_memory.max(self.transport.memory());
    }

    /// As a proxy does: who has to wait does not ask again before it is notified.
    fn write(&mut self, now: Time, id: StreamId) {
        let Some(bytes) = self.to_write.get(&id) else { return };
        let done = self.written.entry(id).or_default();
        if self.waiting.contains(&id) {
            return;
        }
        let length = self.transport.poll_room(now, id).min(bytes.len() - *done).min(self.bite);
        if length == 0 && *done < bytes.len() {
            self.waiting.insert(id);
        }
        if length > 0 {
            self.transport.write(now, id, &bytes[*done..*done + length]);
            *done += length;
        }
        if *done == bytes.len() {
            self.transport.finish(now, id);
            self.to_write.remove(&id);
        }
    }

    fn read(&mut self, now: Time, id: StreamId) {
        let Some(heard) = self.heard.get_mut(&id) else { return };
        if self.finished.contains_key(&id) {
            return;
        }
        let most = self.absorbed.get(&id).map_or(usize::MAX, |most| most.saturating_sub(heard.len()));
        if self.transport.readable(id) > 0 && most > 0 {
            let read = self.transport.read_with(now, id, |slices| {
                let before = heard.len();
                slices.for_each(|slice| {
                    heard.extend_from_slice(&slice[..slice.len().min(most - (heard.len() - before))])
                });
                Ok::<_, Infallible>(heard.len() - before)
            });
            read.unwrap();
        }
        if self.transport.is_read_to_end(id) {
            self.finished.insert(id, now);
            self.transport.read_with(now, id, |_| Ok::<_, Infallible>(0)).unwrap();
        }
    }
}

impl Host for End {
    fn handle(&mut self, now: Time, _from: SocketAddr, ecn: Ecn, packet: &mut [u8]) {
        self.packets.receive(now, &mut self.transport, ecn, packet).unwrap();
    }

    fn drive(&mut self, now: Time, send: &mut dyn FnMut(FourTuple, Ecn, &[u8])) {
        self.transport.handle_timeout(now);
        self.work(now);
        self.packets.transmit(now, &mut self.transport, |ecn, packet| send(PEER.into(), ecn, packet));
    }

    fn poll_timeout(&self, _now: Time) -> Time {
        self.transport.poll_timeout()
    }
}

/// Two ends, and a path that is the same both ways.
pub(crate) type Pair = sim::Pair<End, End>;

impl Pair {
    pub(crate) fn on(seed: u64, path: Path) -> Self {
        Self::with(seed, path, Settings::default())
    }

    pub(crate) fn with(seed: u64, path: Path, settings: Settings) -> Self {
        let [client, server] = [Side::Client, Side::Server].map(|side| End::new(side, settings));
        Self::new(Network::new(seed, path), client, server)
    }

    pub(crate) fn open(&mut self, at: usize) -> StreamId {
        let id = self.end(at).transport.open(b"target:1").unwrap();
        self.end(at).heard.insert(id, Vec::new());
        id
    }

    pub(crate) fn open_flow(&mut self, at: usize) -> StreamId {
        let id = self.end(at).transport.open(b"udp/target:1").unwrap();
        self.end(at).heard.insert(id, Vec::new());
        id
    }

    /// A link as users find it: up for a while, its round trip and packet size known, nothing else.
    pub(crate) fn warm(&mut self) {
        self.transfer_both_ways(1, 100);
        let id = self.open(0);
        self.run_until(Duration::from_secs(4), |_| false);
        self.client.to_write.insert(id, Vec::new());
        self.server.to_write.insert(id, Vec::new());
        self.assert_empty();
    }

    /// Opens `streams` streams from the client and sends `length` bytes each way on each of them.
    pub(crate) fn transfer_both_ways(&mut self, streams: usize, length: usize) {
        let ids: Vec<StreamId> = (0..streams).map(|_| self.open(0)).collect();
        for id in &ids {
            self.client.to_write.insert(*id, bytes(id.0, length));
            self.server.to_write.insert(*id, bytes(id.0 + 1_000, length));
        }
        let done = self.run_until(Duration::from_secs(200_000), |pair| {
            ids.iter().all(|id| pair.ends().iter().all(|end| end.finished.contains_key(id)))
        });
        assert!(done, "not everything arrived: {:#?}", self.ends().map(|end| &end.transport));
        for id in &ids {
            assert!(self.server.heard[id] == bytes(id.0, length), "stream {id} to the server");
            assert!(self.client.heard[id] == bytes(id.0 + 1_000, length), "stream {id} to the client");
        }
    }

    /// Bytes that arrive at the server in the next `time` on stream `id`, whose client never runs out of bytes. Those that arrived are
    /// forgotten: seconds of a fast path would fill the memory.
    pub(crate) fn pump(&mut self, id: StreamId, time: Duration) -> u64 {
        /// More than a transport takes in.
        const AHEAD: usize = 160 << 20;
        const STEP: Duration = Duration::from_millis(100);
        let (end, mut arrived) = (self.now + time, 0);
        while self.now < end {
            let (written, source) =
                (self.client.written.entry(id).or_default(), self.client.to_write.entry(id).or_default());
            if source.len() - *written < AHEAD {
                source.resize(2 * AHEAD, 7);
                *written = 0;
            }
            self.run_until(STEP.min(end.since(self.now)), |_| false);
            if let Some(heard) = self.server.heard.get_mut(&id) {
                arrived += heard.len() as u64;
                heard.clear();
            }
        }
        arrived
    }

    /// The link ends idle and empty.
    pub(crate) fn assert_empty(&mut self) {
        let empty = self.run_until(Duration::from_secs(3_600), |pair| {
            pair.ends().iter().all(|end| end.transport.is_idle() && end.transport.memory() == 0)
        });
        assert!(empty, "something is left: {:#?}", self.ends().map(|end| &end.transport));
    }
}

/// Bytes that tell their place: no two streams and no two offsets look alike.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}
