//! The flows of one end: what its application sent and received.

use crate::sealed::transport::{Event, Transport};
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Where flows go.
pub(super) const TARGET: &[u8] = b"udp/target:1";

/// One flow, as its application sees it.
#[derive(Debug, Default)]
struct FuzzedFlow {
    /// The lengths of those that were sent, by their number.
    sent: Vec<usize>,
    received: BTreeSet<usize>,
    finished: bool,
    over: bool,
}

/// The flows of one end.
#[derive(Debug, Default)]
pub(super) struct FlowUser(BTreeMap<StreamId, FuzzedFlow>);

impl FlowUser {
    pub(super) fn open(&mut self, transport: &mut Transport) {
        if let Some(id) = transport.open(TARGET) {
            self.incoming(id);
        }
    }

    pub(super) fn incoming(&mut self, id: StreamId) {
        let old = self.0.insert(id, FuzzedFlow::default());
        assert!(old.is_none_or(|old| old.over && old.received.is_empty()), "{id} was used before");
    }

    pub(super) fn knows(&self, id: StreamId) -> bool {
        self.0.contains_key(&id)
    }

    fn pick(&mut self, which: usize) -> Option<(StreamId, &mut FuzzedFlow)> {
        let live = self.0.values().filter(|flow| !flow.over).count();
        let at = which % live.max(1);
        self.0.iter_mut().filter(|(_, flow)| !flow.over).nth(at).map(|(id, flow)| (*id, flow))
    }

    pub(super) fn send(&mut self, now: Time, transport: &mut Transport, which: usize, length: usize) {
        let Some((id, flow)) = self.pick(which) else { return };
        let datagram = datagram(id, transport, flow.sent.len(), length);
        flow.sent.push(length);
        let sent = transport.send_datagram(now, id, &datagram);
        assert!(sent.is_err() || !flow.finished, "{id} was finished");
    }

    pub(super) fn reset(&mut self, now: Time, transport: &mut Transport, which: usize) {
        if let Some((id, flow)) = self.pick(which) {
            flow.over = true;
            transport.reset(now, id, ResetCode::Idle);
        }
    }

    /// Everybody finishes.
    pub(super) fn wind_up(&mut self, now: Time, transport: &mut Transport) {
        for (id, flow) in self.0.iter_mut().filter(|(_, flow)| !flow.over && !flow.finished) {
            flow.finished = true;
            transport.finish(now, *id);
        }
    }

    pub(super) fn hear(&mut self, transport: &mut Transport, event: &Event) {
        let id = event.stream();
        let flow = self.0.get_mut(&id).expect("a known flow");
        while let Some(datagram) = transport.recv_datagram(id) {
            let number = usize::from(datagram[0]) << 8 | usize::from(datagram[1]);
            assert!(flow.received.insert(number), "{number} of {id} came twice");
            let theirs = if transport.has_opened(id) { 1 } else { 0 };
            assert_eq!(datagram, made(id, theirs, number, datagram.len()), "{number} of {id} was altered");
        }
        match event {
            Event::Reset(id, _) => {
                flow.over = true;
                transport.discard(*id);
            }
            Event::Closed(_) => flow.over = true,
            Event::Incoming { .. }
            | Event::Opened(_)
            | Event::Readable(_)
            | Event::DatagramReadable(_)
            | Event::Writable(_)
            | Event::Delivered(_) => {}
        }
    }

    /// Whether this end received nothing that `peer` did not send.
    pub(super) fn compare(&self, peer: &Self) {
        for (id, flow) in self.0.iter().filter(|(_, flow)| !flow.received.is_empty()) {
            let sent = peer.0.get(id).map_or(0, |peer| peer.sent.len());
            assert!(flow.received.last() < Some(&sent), "{id}: from nowhere");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|flow| flow.over)
    }
}

fn datagram(id: StreamId, transport: &Transport, number: usize, length: usize) -> Vec<u8> {
    made(id, u8::from(!transport.has_opened(id)), number, length)
}

/// The datagram with this number of a flow: of its opener 0, of the other side 1.
fn made(id: StreamId, side: u8, number: usize, length: usize) -> Vec<u8> {
    let seed = (id.0 << 17 ^ u64::from(side) << 16 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let [low, high] = [number & 0xff, number >> 8 & 0xff].map(|byte| u8::try_from(byte).unwrap_or(0));
    let rest = seed.to_be_bytes().into_iter().cycle();
    [high, low].into_iter().chain(rest).take(length.max(2)).collect()
}
