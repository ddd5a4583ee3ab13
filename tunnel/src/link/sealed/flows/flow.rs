//! One flow: datagrams from its local end into its stream and back. What is not taken at once is dropped and counted.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::transport::Transport;
use proto::sealed::wire::frame::{ResetCode, StreamId};

use crate::link::sealed::records::Carried;
use crate::link::sealed::ticket_share::StreamPlace;
use crate::local::udp::{Delivery, FlowEnded, Incoming, LocalFlow};
use crate::metrics::Counters;
use crate::number::widen;
use crate::ready::{Ready, StreamWaker};

/// The flow of one stream.
#[derive(Debug)]
pub(super) struct Flow {
    /// Its stream.
    pub(super) id: StreamId,
    pub(super) state: FlowState,
    pub(super) opener: Opener,
    waker: Waker,
    stream_waker: Arc<StreamWaker>,
    /// Since when there is its stream.
    pub(super) begun: Instant,
    /// When it last carried a datagram, either way.
    pub(super) active: Instant,
    /// Bytes of the datagrams that it has carried.
    pub(super) carried: Carried,
    /// It stands in the list of those to read from.
    pub(super) to_read: bool,
    /// It stands in the list of those to write to.
    pub(super) to_write: bool,
}

/// Who has opened a flow's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// This end.
    Here,
    /// The peer.
    Peer,
}

/// How far a flow is.
#[derive(Debug)]
pub(super) enum FlowState {
    /// Datagrams go between here and the stream. What counts among the streams of its ticket goes with its local end.
    Going { local: LocalFlow, _place: Option<StreamPlace> },
    /// This end has finished its stream, and waits until then for the peer to do the same.
    Ending(Instant),
}

/// What to do next with a direction of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There may be more.
    More,
    /// It goes on when something wakes the flow or its stream.
    Wait,
    /// The local end wants no more.
    Ended(FlowEnded),
    /// The peer has finished the stream.
    Finished,
}

impl Flow {
    /// Datagrams in one turn: as many as one receive with GRO brings.
    const TURN: usize = 64;

    /// A flow of which nothing has been carried; it wakes `key` of `ready`.
    pub(super) fn new(
        id: StreamId,
        local: LocalFlow,
        place: Option<StreamPlace>,
        opener: Opener,
        ready: &Arc<Ready>,
        key: usize,
    ) -> Self {
        let (waker, stream_waker) = ready.waker(key);
        let now = Instant::now();
        Self {
            id,
            state: FlowState::Going { local, _place: place },
            opener,
            waker,
            stream_waker,
            begun: now,
            active: now,
            carried: Carried::default(),
            to_read: false,
            to_write: false,
        }
    }

    /// To be called before looking at a woken flow.
    pub(super) fn rearm(&self) {
        self.stream_waker.rearm();
    }

    /// When it has been idle for too long: the end that has opened it after `idle`, the other half as long later, since it may have
    /// missed the last datagrams. So both have it for as long as the first, and neither has what the other has forgotten.
    pub(super) fn expires(&self, idle: Duration) -> Option<Instant> {
        let limit = match self.opener {
            Opener::Here => idle,
            Opener::Peer => idle.saturating_add(idle / 2),
        };
        self.active.checked_add(limit)
    }

    /// Takes datagrams from the local end into the stream.
    pub(super) fn pull(
        &mut self,
        now: Time,
        transport: &mut Transport,
        scratch: &mut [u8],
        counters: &mut Counters,
    ) -> Step {
        let FlowState::Going { local, .. } = &self.state else { return Step::Wait };
        let mut cx = Context::from_waker(&self.waker);
        let mut step = Step::More;
        let (mut carried, mut errors) = (0, 0);
        for _ in 0..Self::TURN {
            let datagram = match local.poll_recv(&mut cx, scratch) {
                Poll::Ready(Incoming::Datagram(datagram)) => datagram,
                Poll::Ready(Incoming::Unreachable) => {
                    counters.flow_datagrams_unreachable += 1;
                    errors += 1;
                    continue;
                }
                Poll::Ready(Incoming::Ended(how)) => {
                    step = Step::Ended(how);
                    break;
                }
                Poll::Pending => {
                    step = Step::Wait;
                    break;
                }
            };
            carried += 1;
            self.carried.sent += widen(datagram.len());
            // One that is refused is dropped, and the link has counted it.
            let _ = transport.send_datagram(now, self.id, &datagram);
        }
        self.note_carried(carried);
        // Each error is told once. A socket that has nothing else would be asked for ever.
        let is_broken = errors == Self::TURN;
        if is_broken { Step::Ended(FlowEnded::Reset(ResetCode::Unreachable)) } else { step }
    }

    /// Gives the local end the datagrams of the stream.
    pub(super) fn push(&mut self, transport: &mut Transport, counters: &mut Counters) -> Step {
        let mut carried = 0;
        let mut step = Step::More;
        for _ in 0..Self::TURN {
            let Some(datagram) = transport.recv_datagram(self.id) else {
                step = if transport.is_read_to_end(self.id) { Step::Finished } else { Step::Wait };
                break;
            };
            self.carried.received += widen(datagram.len());
            // An end that has finished takes what comes late, so that nothing waits in the link.
            let FlowState::Going { local, .. } = &self.state else { continue };
            match local.send(&datagram) {
                Delivery::Taken => {}
                Delivery::Useless => continue,
                Delivery::TakenAfterLoss | Delivery::Unreachable => counters.flow_datagrams_unreachable += 1,
                Delivery::Full => counters.flow_datagrams_unread += 1,
                Delivery::TooLarge => counters.flow_datagrams_too_large += 1,
            }
            carried += 1;
        }
        self.note_carried(carried);
        step
    }

    fn note_carried(&mut self, datagrams: usize) {
        if datagrams > 0 {
            self.active = Instant::now();
        }
    }
}
