//! Where the client's initiations go: to its peer, and to places where the owner of the link looks for it.

use super::path::FourTuple;
use crate::sealed::handshake::initiator::MOST_PENDING;
use std::collections::VecDeque;

/// Where initiations went, by their index, and where the next one has to go.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    /// The latest last.
    sent: VecDeque<(u32, FourTuple)>,
    next: Option<FourTuple>,
    /// The first initiation that left by another socket than the link's, since the peer was last heard.
    first_elsewhere: Option<u32>,
}

/// Where an initiation went that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: FourTuple,
    /// It was the first that left by another socket.
    pub(super) at_first_try: bool,
}

impl Destinations {
    /// The next initiation goes there.
    pub(super) const fn try_next(&mut self, at: FourTuple) {
        self.next = Some(at);
    }

    /// Where the next one has to go, if the owner said so.
    pub(super) const fn take_next(&mut self) -> Option<FourTuple> {
        self.next.take()
    }

    /// The initiation `index` went to `to`, from a link that uses the path `used`.
    pub(super) fn on_sent(&mut self, index: u32, to: FourTuple, used: FourTuple) {
        if self.sent.len() == MOST_PENDING {
            self.sent.pop_front();
        }
        self.sent.push_back((index, to));
        if to.socket != used.socket {
            self.first_elsewhere.get_or_insert(index);
        }
    }

    /// Where the initiation `index` went.
    pub(super) fn of(&self, index: u32) -> Option<FourTuple> {
        self.sent.iter().find(|(sent, _)| *sent == index).map(|(_, to)| *to)
    }

    /// The same, after which no initiation is waited for any more.
    pub(super) fn take(&mut self, index: u32) -> Option<Found> {
        let found = self.of(index).map(|at| Found { at, at_first_try: self.first_elsewhere == Some(index) });
        *self = Self::default();
        found
    }

    /// The peer is heard where it is: what was tried elsewhere does not count any more.
    pub(super) fn on_heard(&mut self, used: FourTuple) {
        self.sent.retain(|(_, to)| *to == used);
        (self.next, self.first_elsewhere) = (None, None);
    }
}
