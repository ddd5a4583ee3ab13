//! The flows of datagrams of one link, by stream, and whose turn it is.
//!
//! - `flow`: how datagrams go between a local end and its stream
//! - `carrier`: how they go over the link

pub(super) mod carrier;
mod flow;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::transport::Transport;
use proto::sealed::wire::frame::{ResetCode, StreamId};
use slab::Slab;

use self::flow::{Flow, FlowState, Opener, Step};
use super::records::Carried;
use super::ticket_share::StreamPlace;
use crate::local::udp::{FlowEnded, LocalFlow};
use crate::metrics::Counters;
use crate::ready::{KnownTask, Ready};
use crate::udp::DATAGRAM_BUFFER;

/// All flows of a link.
#[derive(Debug)]
pub(super) struct Flows {
    slots: Slab<Flow>,
    keys: BTreeMap<StreamId, usize>,
    ready: Arc<Ready>,
    task: KnownTask,
    woken: Vec<usize>,
    to_read: VecDeque<usize>,
    to_write: VecDeque<usize>,
    /// Where sockets are read to; nothing while there are no flows.
    scratch: Vec<u8>,
    idle: Duration,
    /// When [`Flows::look`] may have something to do, at the earliest.
    next_look: Option<Instant>,
    /// Streams whose flows are gone, and what these had carried.
    ended: Vec<(StreamId, Carried)>,
}

/// Flows that are over, with the codes that their streams are to be reset with, or have been.
pub(super) type FlowsOver = Vec<(StreamId, ResetCode)>;

impl Flows {
    /// Flows that get their turn in one go.
    const TURNS: usize = 64;
    /// How long the peer may take to finish what this end has finished: some round trips of the slowest path.
    const FINISHING: Duration = Duration::from_secs(10);

    /// No flows; one is over when it has carried nothing for `idle`.
    pub(super) fn new(idle: Duration) -> Self {
        Self {
            slots: Slab::new(),
            keys: BTreeMap::new(),
            ready: Ready::new(),
            task: KnownTask::default(),
            woken: Vec::new(),
            to_read: VecDeque::new(),
            to_write: VecDeque::new(),
            scratch: Vec::new(),
            idle,
            next_look: None,
            ended: Vec::new(),
        }
    }

    /// Says whom to wake when a local end moves.
    pub(super) fn register(&mut self, task: &Waker) {
        if self.task.is_news(task) {
            self.ready.register(task);
        }
    }

    /// Takes over the local end of a stream. With a place it is the peer's, whose target was dialled. It is given up after `patience`
    /// if the peer has not heard of it by then.
    pub(super) fn insert(
        &mut self,
        id: StreamId,
        local: LocalFlow,
        place: Option<StreamPlace>,
        patience: Duration,
    ) {
        let opener = if place.is_some() { Opener::Peer } else { Opener::Here };
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        let flow = Flow::new(id, local, place, opener, &self.ready, key);
        let looks = [flow.begun.checked_add(patience), flow.expires(self.idle)];
        self.next_look = looks.into_iter().chain([self.next_look]).flatten().min();
        entry.insert(flow);
        self.keys.insert(id, key);
        self.scratch.resize(DATAGRAM_BUFFER, 0);
        self.list_read(key);
        self.list_write(key);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the stream stands for a flow.
    pub(super) fn has(&self, id: StreamId) -> bool {
        self.keys.contains_key(&id)
    }

    /// What a flow has carried, and when it last did.
    pub(super) fn carried(&self, id: StreamId) -> Option<(Carried, Instant)> {
        let flow = self.slots.get(*self.keys.get(&id)?)?;
        Some((flow.carried, flow.active))
    }

    /// The streams whose flows are gone since the last call, and what these had carried.
    pub(super) fn take_ended(&mut self) -> impl Iterator<Item = (StreamId, Carried)> + use<'_> {
        self.ended.drain(..)
    }

    /// The streams of all flows.
    pub(super) fn ids(&self) -> Vec<StreamId> {
        self.keys.keys().copied().collect()
    }

    /// The peer has reached the flow's target.
    pub(super) fn opened(&self, id: StreamId) {
        if let Some(flow) = self.keys.get(&id).and_then(|&key| self.slots.get(key))
            && let FlowState::Going { local, .. } = &flow.state
        {
            local.open();
        }
    }

    /// The stream has datagrams for its local end, or has ended.
    pub(super) fn readable(&mut self, id: StreamId) {
        if let Some(&key) = self.keys.get(&id) {
            self.list_write(key);
        }
    }

    /// The flow is over, and its local end learns how.
    pub(super) fn end(&mut self, id: StreamId, how: FlowEnded) {
        let Some(flow) = self.take(id) else { return };
        if let FlowState::Going { local, .. } = flow.state {
            local.end(how);
        }
    }

    /// All flows are over. Says how many there were.
    pub(super) fn end_all(&mut self) -> usize {
        let ids = self.ids();
        ids.iter().for_each(|id| self.end(*id, FlowEnded::Reset(ResetCode::Reset)));
        ids.len()
    }

    /// Lists the flows that were woken; whether some flow waits for its turn.
    pub(super) fn take_woken(&mut self) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        let mut woken = std::mem::take(&mut self.woken);
        self.ready.take(&mut woken);
        for key in woken.drain(..) {
            if let Some(flow) = self.slots.get(key) {
                flow.rearm();
                self.list_read(key);
            }
        }
        self.woken = woken;
        self.has_work()
    }

    /// Whether some flow waits for its turn.
    pub(super) fn has_work(&self) -> bool {
        !self.to_read.is_empty() || !self.to_write.is_empty()
    }

    /// Gives some flows their turn. Those whose local end was reset are over.
    pub(super) fn serve(
        &mut self,
        now: Time,
        transport: &mut Transport,
        counters: &mut Counters,
    ) -> FlowsOver {
        let mut over = FlowsOver::new();
        for _ in 0..self.to_write.len().min(Self::TURNS) {
            let Some(key) = self.to_write.pop_front() else { break };
            let Some(flow) = self.slots.get_mut(key) else { continue };
            flow.to_write = false;
            match flow.push(transport, counters) {
                Step::More => self.list_write(key),
                Step::Wait | Step::Ended(_) => {}
                Step::Finished => self.finish(key, now, transport),
            }
        }
        for _ in 0..self.to_read.len().min(Self::TURNS) {
            let Some(key) = self.to_read.pop_front() else { break };
            let Some(flow) = self.slots.get_mut(key) else { continue };
            flow.to_read = false;
            let id = flow.id;
            match flow.pull(now, transport, &mut self.scratch, counters) {
                Step::More => self.list_read(key),
                Step::Wait | Step::Finished => {}
                Step::Ended(FlowEnded::InOrder) => self.finish(key, now, transport),
                Step::Ended(FlowEnded::Reset(code)) => {
                    self.take(id);
                    over.push((id, code));
                }
            }
        }
        over
    }

    /// When [`Flows::look`] may have something to do, at the earliest.
    pub(super) const fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Finishes the flows that have carried nothing for too long. Those are over of which the peer has not heard within `patience`,
    /// and those that it does not finish.
    pub(super) fn look(
        &mut self,
        now: Time,
        patience: Duration,
        transport: &mut Transport,
        counters: &mut Counters,
    ) -> FlowsOver {
        // Where nothing will be due the clock is not asked.
        let Some(at) = self.next_look else { return FlowsOver::new() };
        let instant = Instant::now();
        if instant < at {
            return FlowsOver::new();
        }
        let mut over = FlowsOver::new();
        let mut expired = Vec::new();
        let mut next = None;
        for (key, flow) in &self.slots {
            let unheard = flow.opener == Opener::Here && transport.is_unheard(flow.id);
            let due = match flow.state {
                FlowState::Ending(until) if until <= instant => {
                    over.push((flow.id, ResetCode::Idle));
                    continue;
                }
                FlowState::Ending(until) => Some(until),
                FlowState::Going { .. } if unheard && instant.duration_since(flow.begun) >= patience => {
                    over.push((flow.id, ResetCode::TimedOut));
                    continue;
                }
                FlowState::Going { .. } => {
                    let expires = flow.expires(self.idle);
                    if expires.is_some_and(|at| at <= instant) {
                        expired.push(key);
                    }
                    let gives_up = flow.begun.checked_add(patience).filter(|_| unheard);
                    expires.into_iter().chain(gives_up).min()
                }
            };
            next = [next, due].into_iter().flatten().min();
        }
        self.next_look = next;
        counters.flows_expired += expired.len() as u64;
        expired.into_iter().for_each(|key| self.finish(key, now, transport));
        for &(id, code) in &over {
            self.end(id, FlowEnded::Reset(code));
        }
        over
    }

    /// Ends a flow in order: its local end at once, its stream when the peer has done the same.
    fn finish(&mut self, key: usize, now: Time, transport: &mut Transport) {
        let Some(flow) = self.slots.get_mut(key) else { return };
        let until = Instant::now() + Self::FINISHING;
        if matches!(flow.state, FlowState::Ending(_)) {
            return;
        }
        if let FlowState::Going { local, .. } = std::mem::replace(&mut flow.state, FlowState::Ending(until)) {
            local.end(FlowEnded::InOrder);
        }
        let id = flow.id;
        self.next_look = [self.next_look, Some(until)].into_iter().flatten().min();
        transport.finish(now, id);
        self.list_write(key);
    }

    fn take(&mut self, id: StreamId) -> Option<Flow> {
        let key = self.keys.remove(&id)?;
        let flow = self.slots.try_remove(key)?;
        self.ended.push((id, flow.carried));
        if flow.to_read {
            self.to_read.retain(|&other| other != key);
        }
        if flow.to_write {
            self.to_write.retain(|&other| other != key);
        }
        if self.slots.is_empty() {
            (self.scratch, self.next_look) = (Vec::new(), None);
        }
        Some(flow)
    }

    fn list_read(&mut self, key: usize) {
        if let Some(flow) = self.slots.get_mut(key)
            && !std::mem::replace(&mut flow.to_read, true)
        {
            self.to_read.push_back(key);
        }
    }

    fn list_write(&mut self, key: usize) {
        if let Some(flow) = self.slots.get_mut(key)
            && !std::mem::replace(&mut flow.to_write, true)
        {
            self.to_write.push_back(key);
        }
    }
}
