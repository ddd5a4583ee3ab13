//! The streams that ended a short time ago: what still comes for them is late, not wrong.

use std::collections::VecDeque;

use super::StreamId;
use crate::Time;

/// A bounded memory of ends, the oldest first.
#[derive(Debug)]
pub(super) struct Recent<A> {
    ends: VecDeque<(Time, A, StreamId)>,
}

impl<A: Copy + Eq> Recent<A> {
    /// Ends that are remembered: all streams of the peers that an exit serves by default.
    const MOST: usize = 640;

    pub(super) const fn new() -> Self {
        Self { ends: VecDeque::new() }
    }

    /// A stream ended.
    pub(super) fn push(&mut self, now: Time, peer: A, id: StreamId) {
        if self.ends.len() >= Self::MOST {
            self.ends.pop_front();
        }
        self.ends.push_back((now, peer, id));
    }

    /// Whether a stream of this name ended at `since` or later. What ended before is forgotten.
    pub(super) fn contains(&mut self, since: Time, peer: A, id: StreamId) -> bool {
        while self.ends.front().is_some_and(|&(end, ..)| end < since) {
            self.ends.pop_front();
        }
        self.ends.iter().any(|&(_, ended, of)| (ended, of) == (peer, id))
    }
}
