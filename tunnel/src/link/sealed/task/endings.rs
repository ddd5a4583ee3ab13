//! How the streams of a link begin and end: what is counted and written of that.

use std::fmt::Display;

use proto::Time;
use proto::destination::Destination;
use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::Task;
use crate::link::sealed::end::End;
use crate::link::sealed::local_connection::{ClientStream, TargetStream};
use crate::local::end::LocalEnd;
use crate::local::udp::FlowEnded;
use crate::number::widen;

impl<E: End + 'static> Task<E> {
    /// A client came, and has a stream.
    pub(super) fn take_client(&mut self, client: ClientStream) {
        let ClientStream { id, local, first, client, target } = client;
        self.records.begin(id, client, target, matches!(local, LocalEnd::Flow(_)));
        self.count_arrival(id);
        self.take_local(id, local, first, None);
    }

    /// The target of a stream of the peer has been reached.
    pub(super) fn take_target(&mut self, target: TargetStream) {
        let TargetStream { id, local, place } = target;
        self.link.streams().accept(id);
        self.take_local(id, local, Vec::new(), Some(place));
    }

    /// The peer asks for a stream.
    pub(super) fn take_request(&mut self, now: Time, id: StreamId, target: &[u8]) {
        self.count_arrival(id);
        if target == Destination::Move.to_wire() && self.move_on(now, id) {
            return;
        }
        match self.roles.incoming(id, target) {
            Ok(()) => {
                let (client, target) = self.roles.end_of(id).unwrap_or_default();
                let is_flow = self.link.streams().figures_of(id).is_some_and(|figures| figures.is_flow);
                self.records.begin_peers(id, client, target, is_flow);
            }
            Err(refusal) => self.refuse(now, id, refusal.code, &refusal.why),
        }
    }

    fn count_arrival(&mut self, id: StreamId) {
        self.counters.streams += 1;
        self.counters.streams_begun += 1;
        self.journal.arrived(id);
    }

    pub(super) fn opened(&mut self, id: StreamId) {
        self.counters.streams_opened += 1;
        self.journal.opened(id);
    }

    /// The stream of a peer cannot be.
    pub(super) fn refuse(&mut self, now: Time, id: StreamId, code: ResetCode, why: &dyn Display) {
        self.link.streams().reset(now, id, code);
        self.count_end(Some(code));
        self.records.end(id);
        self.journal.refused(id, None, why);
    }

    /// The rules do not allow a stream any more.
    pub(super) fn withdraw(&mut self, now: Time, id: StreamId, why: &dyn Display) {
        self.counters.streams_withdrawn += 1;
        self.cut(now, id, ResetCode::Forbidden);
        self.over(id, Some(ResetCode::Forbidden), why);
    }

    /// Resets a stream and its local end.
    pub(super) fn cut(&mut self, now: Time, id: StreamId, code: ResetCode) {
        self.link.streams().reset(now, id, code);
        self.conns.abort(id, code);
        self.flows.end(id, FlowEnded::Reset(code));
    }

    pub(super) fn over_by_peer(&mut self, id: StreamId, code: ResetCode) {
        self.roles.refused(id, code);
        self.roles.forget(id);
        self.count_end(Some(code));
        self.settle_records();
        let record = self.records.end(id);
        match code {
            ResetCode::Refused
            | ResetCode::Unreachable
            | ResetCode::TimedOut
            | ResetCode::Forbidden
            | ResetCode::Limit => self.journal.refused(id, record.as_ref(), &code),
            ResetCode::Reset | ResetCode::Idle | ResetCode::Unknown(_) => {
                self.journal.closed(id, record.as_ref(), &code);
            }
        }
    }

    /// A stream is over: reset with `code` or, without one, finished in both directions.
    pub(super) fn over(&mut self, id: StreamId, code: Option<ResetCode>, reason: &dyn Display) {
        self.roles.forget(id);
        self.count_end(code);
        self.settle_records();
        let record = self.records.end(id);
        self.journal.closed(id, record.as_ref(), reason);
    }

    /// Notes what was carried by local ends that are gone.
    fn settle_records(&mut self) {
        for (id, carried) in self.conns.take_ended().chain(self.flows.take_ended()) {
            if let Some(record) = self.records.get_mut(id) {
                record.carried = carried;
            }
        }
    }

    fn count_end(&mut self, code: Option<ResetCode>) {
        let counters = &mut *self.counters;
        counters.streams = counters.streams.saturating_sub(1);
        match code {
            Some(code) => *counters.reset_with(code) += 1,
            None => counters.streams_finished += 1,
        }
    }

    /// All streams are gone, and their connections must know.
    pub(super) fn drop_streams(&mut self) {
        self.roles.forget_all();
        let cut = widen(self.conns.abort_all() + self.flows.end_all());
        self.counters.streams_cut_off += cut;
        self.counters.streams = 0;
        self.settle_records();
        for (id, record) in self.records.end_all() {
            self.journal.closed(id, Some(&record), &"cut off: the link is over");
        }
    }
}
