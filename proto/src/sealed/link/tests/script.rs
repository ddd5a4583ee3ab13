//! What two applications do with streams, and what each must hear of the other.

use super::pair::read_all;
use crate::sealed::link::{Event, Link};
use crate::sealed::transport;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// How the application of one side ends its direction of each stream.
const CODE: ResetCode = ResetCode::Idle;

#[derive(Debug)]
pub(crate) struct Script {
    seed: u64,
    /// 0: the client's, 1: the server's.
    side: u64,
    /// The most bytes that one direction carries.
    most: u64,
    /// Bytes written, until all are.
    writing: BTreeMap<StreamId, usize>,
    pub(crate) over: BTreeSet<StreamId>,
    /// The other side's streams that it has heard of.
    heard_of: BTreeSet<StreamId>,
    /// More is written before the handshake than the first link credit is: what is then reset may be cut.
    pub(crate) crowded: bool,
}

impl Script {
    pub(crate) fn both(seed: u64, most: u64) -> [Self; 2] {
        [0, 1].map(|side| Self {
            seed,
            side,
            most,
            writing: BTreeMap::new(),
            over: BTreeSet::new(),
            heard_of: BTreeSet::new(),
            crowded: false,
        })
    }

    pub(crate) const fn side(&self) -> u64 {
        self.side
    }

    pub(crate) fn open(&mut self, link: &mut Link) -> StreamId {
        let id = link.streams().open(b"").expect("room for a stream");
        self.writing.insert(id, 0);
        id
    }

    /// The bytes that `side` writes, and whether it then resets the stream.
    fn plan(&self, side: u64, id: StreamId) -> (Vec<u8>, bool) {
        let mixed = (self.seed ^ id.0 << 20 ^ side << 50).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let length = (mixed >> 16) % (self.most + 1);
        let bytes = (0..length).map(|at| (at.wrapping_mul(mixed | 1) >> 24).to_le_bytes()[0]).collect();
        (bytes, mixed >> 60 == 0)
    }

    pub(crate) fn hear(
        &mut self,
        now: Time,
        link: &mut Link,
        heard: &mut BTreeMap<StreamId, Vec<u8>>,
        event: &Event,
    ) {
        let Event::Stream(event) = event else { return };
        match event {
            transport::Event::Incoming { id, .. } => {
                self.heard_of.insert(*id);
                self.writing.insert(*id, 0);
            }
            transport::Event::Reset(id, code) => {
                read_all(now, link, heard);
                let (bytes, resets) = self.plan(1 - self.side, *id);
                assert!(resets && *code == CODE, "{id}: nobody reset it with {code:?}");
                let whole = heard[id] == bytes || self.crowded && bytes.starts_with(&heard[id]);
                assert!(whole, "{id}: {} of {} bytes before the reset", heard[id].len(), bytes.len());
                self.end(*id);
                link.streams().discard(*id);
            }
            transport::Event::Closed(id) => {
                let (bytes, resets) = self.plan(1 - self.side, *id);
                assert!(!resets && !self.plan(self.side, *id).1, "{id}: a reset became an end");
                assert!(
                    heard[id] == bytes,
                    "{id}: {} of {} bytes before the end",
                    heard[id].len(),
                    bytes.len()
                );
                self.end(*id);
            }
            transport::Event::DatagramReadable(id) => panic!("{id} is no flow"),
            transport::Event::Opened(_)
            | transport::Event::Readable(_)
            | transport::Event::Writable(_)
            | transport::Event::Delivered(_) => {}
        }
    }

    /// Whether all that `opener` has opened and is over there is over here, or was reset before anybody here heard of it.
    pub(crate) fn is_over_with(&self, opener: &Self) -> bool {
        let over = |id: &StreamId| {
            self.over.contains(id) || !self.heard_of.contains(id) && opener.plan(opener.side, *id).1
        };
        opener.over.iter().all(over)
    }

    fn end(&mut self, id: StreamId) {
        self.writing.remove(&id);
        assert!(self.over.insert(id), "{id} ended twice");
    }

    /// Writes what there is room for; behind the last byte comes the end.
    pub(crate) fn say(&mut self, now: Time, link: &mut Link) {
        let all: Vec<_> = self.writing.iter().map(|(id, written)| (*id, *written)).collect();
        for (id, written) in all {
            let (bytes, resets) = self.plan(self.side, id);
            let length = link.streams().poll_room(now, id).min(bytes.len() - written);
            link.streams().write(now, id, &bytes[written..written + length]);
            self.writing.insert(id, written + length);
            if written + length < bytes.len() {
                continue;
            }
            self.writing.remove(&id);
            if resets {
                link.streams().reset(now, id, CODE);
                self.end(id);
            } else {
                link.streams().finish(now, id);
            }
        }
    }

    /// What was heard of the other side is what it said, as far as it goes.
    pub(crate) fn check(&self, heard: &BTreeMap<StreamId, Vec<u8>>) {
        for (id, heard) in heard {
            let (bytes, _) = self.plan(1 - self.side, *id);
            assert!(bytes.starts_with(heard), "{id}: other bytes");
        }
    }
}
