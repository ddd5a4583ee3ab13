//! Datagrams that come in.

use super::{Event, Transport};
use crate::sealed::streams::flow::Flow;
use crate::sealed::streams::framing::Framed;
use crate::sealed::streams::levels::KEPT_FOR_LEAST;
use crate::sealed::streams::table::Lookup;
use crate::sealed::transport::Fault;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::time::Time;

impl Transport {
    /// The next datagram of the flow, if there is one. At most 256 of a flow wait to be received, and 256 KiB; the oldest make room.
    pub fn recv_datagram(&mut self, id: StreamId) -> Option<Vec<u8>> {
        let (key, stream, _) = self.streams.find(id)?;
        let flow = stream.flow.as_mut()?;
        let bytes = flow.recv.pop(&mut self.datagrams.recv);
        if flow.recv.is_empty() {
            flow.notified_readable = false;
            self.close_if_over(key);
        }
        self.count_kept();
        bytes.map(Vec::from)
    }

    /// `U` came.
    pub(in crate::sealed::transport) fn handle_datagram(
        &mut self,
        now: Time,
        id: StreamId,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        match self.streams.lookup(id) {
            Lookup::Known(key) => self.take_datagram(now, key, bytes.into()),
            Lookup::Over => self.datagrams.counts.not_open += 1,
            Lookup::Never => return Err(Fault::NeverOpened),
            Lookup::Unseen => {
                let memory = self.memory_for_arrivals();
                self.datagrams.counts.not_open += self.datagrams.early.keep(now, id, bytes, memory);
                self.count_kept();
            }
        }
        Ok(())
    }

    /// The stream `id` has been opened: what overtook the frame that says so is for it.
    pub(in crate::sealed::transport) fn take_early_datagrams(&mut self, now: Time, id: StreamId) {
        let (early, old) = self.datagrams.early.take(now, id);
        self.datagrams.counts.not_open += old;
        self.count_kept();
        for bytes in early {
            if let Some(key) = self.streams.key(id) {
                self.take_datagram(now, key, bytes);
            }
        }
    }

    /// Memory that datagrams may take which came, in bytes. What is kept for the least window of each stream is not for them.
    fn memory_for_arrivals(&self) -> u64 {
        let share = self.streams.promises.share();
        share.free().saturating_sub(share.limit() / KEPT_FOR_LEAST)
    }

    fn take_datagram(&mut self, now: Time, key: usize, bytes: Box<[u8]>) {
        let memory = self.memory_for_arrivals();
        let Some((stream, _)) = self.streams.get(key) else { return };
        let (id, counts) = (stream.id, &mut self.datagrams.counts);
        let Some(flow) = &mut stream.flow else {
            counts.not_flow += 1;
            return;
        };
        if stream.recv.state.is_stopped() {
            counts.not_open += 1;
            return;
        }
        match flow.recv.push(now, bytes, &mut self.datagrams.recv, memory) {
            Ok(dropped) => {
                counts.unread += dropped;
                counts.received += 1;
            }
            Err(dropped) => counts.unread += dropped,
        }
        self.events.extend(notify(flow, id));
        self.count_kept();
    }

    /// More bytes of a flow came, or their end: takes the datagrams out that are framed in them.
    pub(in crate::sealed::transport) fn read_framed(&mut self, now: Time, id: StreamId) {
        let memory = self.memory_for_arrivals();
        let round_trip = self.recovery.rtt.smoothed();
        let Some((key, stream, _)) = self.streams.find(id) else { return };
        let Some(flow) = &mut stream.flow else { return };
        let (held, counts) = (&mut self.datagrams.recv, &mut self.datagrams.counts);
        let all = held.cost() + memory;
        let (mut taken, mut is_framed) = (0, true);
        for slice in stream.recv.slices() {
            taken += slice.len() as u64;
            let mut rest = slice;
            while is_framed && !rest.is_empty() {
                let own = flow.recv.cost();
                let free = all.saturating_sub(held.cost());
                match flow.framing.take(&mut rest, |length| held.reserve(length, own, free)) {
                    Ok(None) => {}
                    Ok(Some(Framed::Whole(bytes))) => {
                        held.release(bytes.len());
                        let free = all.saturating_sub(held.cost());
                        let pushed = flow.recv.push(now, bytes.into(), held, free);
                        counts.received += u64::from(pushed.is_ok());
                        counts.unread += pushed.unwrap_or_else(|dropped| dropped);
                    }
                    Ok(Some(Framed::Dropped)) => counts.unread += 1,
                    Err(_) => is_framed = false,
                }
            }
        }
        self.events.extend(notify(flow, id));
        if self.streams.consume(key, taken, now, round_trip) {
            self.owe_credit(key);
            self.renew_link_credit();
        }
        self.count_kept();
        if !is_framed {
            self.datagrams.counts.malformed += 1;
            return self.reset(now, id, ResetCode::Reset);
        }
        if self.is_read_to_end(id) {
            self.events.push_back(Event::Readable(id));
        }
        self.close_if_over(key);
    }
}

/// What to notify the application of, if it does not know that there is something to read.
fn notify(flow: &mut Flow, id: StreamId) -> Option<Event> {
    let is_news = !flow.recv.is_empty() && !std::mem::replace(&mut flow.notified_readable, true);
    is_news.then_some(Event::DatagramReadable(id))
}
