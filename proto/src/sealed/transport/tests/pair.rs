//! Two transports, the applications on them, and a clock.

use super::network::{Direction, Path};
use crate::sealed::streams::table::Side;
use crate::sealed::transport::{Event, Settings, Transport};
use crate::sealed::wire::frame::StreamId;
use crate::sealed::wire::packet::OVERHEAD;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

/// One end: a transport and what its application has to say and has heard, per stream.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) transport: Transport,
    pub(crate) to_write: BTreeMap<StreamId, Vec<u8>>,
    written: BTreeMap<StreamId, usize>,
    pub(crate) heard: BTreeMap<StreamId, Vec<u8>>,
    pub(crate) finished: BTreeMap<StreamId, Time>,
    pub(crate) events: Vec<(Time, Event)>,
    seen: BTreeSet<u64>,
    /// Streams nobody reads.
    pub(crate) stuck: BTreeSet<StreamId>,
    /// Streams that are read up to so many bytes, and then no more: what a system takes for an application that is stuck.
    pub(crate) absorbed: BTreeMap<StreamId, usize>,
    /// Bytes written at a time, at the most.
    pub(crate) bite: usize,
    /// Streams whose writer was told to wait.
    waiting: BTreeSet<StreamId>,
    /// Streams that may go on without an event, and the sizes of what a test may have changed since all were looked at: with
    /// thousands of streams a look at all of them for each packet would take most of the time.
    going: BTreeSet<StreamId>,
    sizes: [usize; 4],
    pub(crate) peak_memory: usize,
}

impl End {
    fn new(side: Side, settings: Settings) -> Self {
        Self {
            transport: Transport::new(side, settings),
            to_write: BTreeMap::new(),
            written: BTreeMap::new(),
            heard: BTreeMap::new(),
            finished: BTreeMap::new(),
            events: Vec::new(),
            seen: BTreeSet::new(),
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

    /// As a proxy does: who was told to wait does not ask again.
    fn write(&mut self, now: Time, id: StreamId) {
        let Some(bytes) = self.to_write.get(&id) else { return };
        let done = self.written.entry(id).or_default();
        if self.waiting.contains(&id) {
            return;
        }
        let length = self.transport.room(id).min(bytes.len() - *done).min(self.bite);
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

    /// Takes in one packet as the link does: new ones only.
    fn receive(&mut self, now: Time, packet: &[u8]) {
        let (number, payload) = packet.split_first_chunk::<8>().unwrap();
        let number = u64::from_be_bytes(*number);
        if self.seen.insert(number) {
            let frames = &payload[..payload.len() - (OVERHEAD - 8)];
            self.transport.handle_packet(now, number, frames).unwrap();
        }
    }

    fn transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        let mut room = vec![0; 9_000];
        let built = self.transport.poll_packet(now, &mut room)?;
        let mut packet = built.number.to_be_bytes().to_vec();
        packet.extend_from_slice(&room[..built.length]);
        packet.extend_from_slice(&[0; OVERHEAD - 8]);
        Some(packet)
    }
}

/// Two ends, `[client, server]`, and the two directions between them.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) path: Path,
    pub(crate) ends: [End; 2],
    pub(crate) ways: [Direction; 2],
    /// Both hosts are busy with other things, and look only once in so long.
    pub(crate) nap: Duration,
    spins: u32,
}

impl Pair {
    pub(crate) fn new(seed: u64, path: Path) -> Self {
        Self::with(seed, path, Settings::default())
    }

    pub(crate) fn with(seed: u64, path: Path, settings: Settings) -> Self {
        let mut ends = [End::new(Side::Client, settings), End::new(Side::Server, settings)];
        ends.iter_mut().for_each(|end| end.transport.set_peer_limits(&Transport::limits(&settings)));
        Self {
            now: Time::ZERO + Duration::from_secs(1),
            path,
            ends,
            ways: [Direction::new(seed), Direction::new(seed ^ 0x5eed)],
            nap: Duration::ZERO,
            spins: 0,
        }
    }

    /// Everything that is due now.
    fn settle(&mut self) {
        let mut rounds = 0;
        loop {
            let mut busy = false;
            for at in 0..2 {
                while let Some(packet) = self.ways[1 - at].arrive(self.now) {
                    self.ends[at].receive(self.now, &packet);
                    busy = true;
                }
                self.ends[at].transport.handle_timeout(self.now);
                self.ends[at].work(self.now);
                while let Some(packet) = self.ends[at].transmit(self.now) {
                    self.ways[at].send(self.now, &self.path, &packet);
                    busy = true;
                }
            }
            rounds += 1;
            if !busy || rounds > 10 {
                return;
            }
        }
    }

    /// When something happens next by itself.
    pub(crate) fn next(&self) -> Time {
        let ends = self.ends.iter().map(|end| end.transport.poll_timeout());
        ends.chain(self.ways.iter().map(Direction::next)).min().unwrap()
    }

    /// Runs until `done`, for at most `limit` of virtual time; true if done.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            let next = self.next().max(self.now + self.nap);
            assert!(next > self.now || self.spins < 1_000, "a timer in the past with nothing to do");
            self.spins = if next > self.now { 0 } else { self.spins + 1 };
            if next > end {
                self.now = end;
                return false;
            }
            // No timer of a real system is finer than a microsecond.
            self.now = next.max(self.now + Duration::from_micros(1));
        }
    }

    pub(crate) fn open(&mut self, at: usize) -> StreamId {
        let id = self.ends[at].transport.open(b"target:1").unwrap();
        self.ends[at].heard.insert(id, Vec::new());
        id
    }

    /// A link as users find it: up for a while, its round trip and packet size known, nothing else.
    pub(crate) fn warm(&mut self) {
        self.transfer_both_ways(1, 100);
        let id = self.open(0);
        self.run_until(Duration::from_secs(4), |_| false);
        self.ends[0].to_write.insert(id, Vec::new());
        self.ends[1].to_write.insert(id, Vec::new());
        self.assert_empty();
    }

    /// Opens `streams` streams from the client and sends `length` bytes each way on each of them.
    pub(crate) fn transfer_both_ways(&mut self, streams: usize, length: usize) {
        let ids: Vec<StreamId> = (0..streams).map(|_| self.open(0)).collect();
        for id in &ids {
            self.ends[0].to_write.insert(*id, bytes(id.0, length));
            self.ends[1].to_write.insert(*id, bytes(id.0 + 1_000, length));
        }
        let done = self.run_until(Duration::from_secs(200_000), |pair| {
            ids.iter().all(|id| pair.ends.iter().all(|end| end.finished.contains_key(id)))
        });
        assert!(done, "not everything arrived: {:#?}", self.ends.each_ref().map(|end| &end.transport));
        for id in &ids {
            assert!(self.ends[1].heard[id] == bytes(id.0, length), "stream {id} to the server");
            assert!(self.ends[0].heard[id] == bytes(id.0 + 1_000, length), "stream {id} to the client");
        }
    }

    /// The link ends idle and empty.
    pub(crate) fn assert_empty(&mut self) {
        let empty = self.run_until(Duration::from_secs(3_600), |pair| {
            pair.ends.iter().all(|end| end.transport.is_idle() && end.transport.memory() == 0)
        });
        assert!(empty, "something is left: {:#?}", self.ends.each_ref().map(|end| &end.transport));
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
