//! The flows of datagrams of a link: what its task does with them.

use std::time::Duration;

use proto::Time;
use proto::sealed::transport::Event as StreamEvent;
use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::Task;
use crate::link::sealed::end::End;
use crate::link::sealed::flows::FlowsOver;
use crate::link::sealed::ticket_share::StreamPlace;
use crate::local::end::LocalEnd;
use crate::local::udp::{FlowEnded, LocalFlow};

impl<E: End + 'static> Task<E> {
    /// Takes over the local end of a stream. With a place it is the peer's, whose target was dialled.
    pub(super) fn take_local(
        &mut self,
        id: StreamId,
        local: LocalEnd,
        first: Vec<u8>,
        place: Option<StreamPlace>,
    ) {
        let is_client = place.is_none();
        match local {
            LocalEnd::Flow(flow) => return self.take_flow(id, flow, place),
            LocalEnd::Stream(stream) => self.conns.insert(id, stream, first, place),
        }
        if is_client {
            self.conns.waits(id);
        } else {
            self.opened(id);
        }
    }

    fn take_flow(&mut self, id: StreamId, local: LocalFlow, place: Option<StreamPlace>) {
        self.counters.flows_begun += 1;
        // Of the peer's the target has been dialled; of ours that is an event.
        self.counters.streams_opened += u64::from(place.is_some());
        self.flows.insert(id, local, place, self.roles.patience());
    }

    /// Moves datagrams. Says whether some wait for another turn.
    pub(super) fn serve_flows(&mut self, now: Time) -> bool {
        if !self.flows.take_woken() {
            return false;
        }
        let over = self.flows.serve(now, self.link.streams(), &mut self.counters);
        self.reset_flows(now, over);
        self.take_events(now) || self.flows.has_work()
    }

    /// Ends the flows that are not used.
    pub(super) fn look_at_flows(&mut self, now: Time) {
        let patience = self.roles.patience();
        let over = self.flows.look(now, patience, self.link.streams(), &mut self.counters);
        self.reset_flows(now, over);
    }

    /// Ends all flows with this code.
    pub(super) fn cut_off_flows(&mut self, now: Time, idle: Duration, code: ResetCode) {
        // Those that are idle have a limit of their own.
        if idle.is_zero() {
            for id in self.flows.ids() {
                self.flows.end(id, FlowEnded::Reset(code));
                self.reset_flows(now, vec![(id, code)]);
            }
        }
    }

    /// Takes an event of a flow; whether it was one.
    pub(super) fn flow_event(&mut self, event: &StreamEvent) -> bool {
        match *event {
            StreamEvent::Opened(id) if self.flows.has(id) => {
                self.counters.streams_opened += 1;
                self.flows.opened(id);
            }
            StreamEvent::Readable(id) if self.flows.has(id) => self.flows.readable(id),
            StreamEvent::Reset(id, code) if self.flows.has(id) => {
                self.flows.end(id, FlowEnded::Reset(code));
                self.link.streams().discard(id);
                self.over_by_peer(id, code);
            }
            StreamEvent::Closed(id) if self.flows.has(id) => {
                self.flows.end(id, FlowEnded::InOrder);
                self.over(id, None, &"finished");
            }
            // One that has no local end yet is looked at when it gets one.
            StreamEvent::DatagramReadable(id) => self.flows.readable(id),
            StreamEvent::Incoming { .. }
            | StreamEvent::Opened(_)
            | StreamEvent::Readable(_)
            | StreamEvent::Writable(_)
            | StreamEvent::Delivered(_)
            | StreamEvent::Reset(..)
            | StreamEvent::Closed(_) => return false,
        }
        true
    }

    fn reset_flows(&mut self, now: Time, over: FlowsOver) {
        for (id, code) in over {
            self.link.streams().reset(now, id, code);
            self.over(id, Some(code), &code);
        }
    }
}
