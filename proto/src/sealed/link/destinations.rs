//! Where the client's initiations go: to its peer, and to places where the owner of the link looks for it.

use super::FourTuple;
use crate::sealed::handshake::initiator::MOST_PENDING;
use std::collections::VecDeque;

/// Where initiations went, by their index, and where the next one has to go.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    /// The latest last.
    sent: VecDeque<(u32, FourTuple)>,
    next: Option<FourTuple>,
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

    /// The initiation `index` went to `to`.
    pub(super) fn on_sent(&mut self, index: u32, to: FourTuple) {
        if self.sent.len() == MOST_PENDING {
            self.sent.pop_front();
        }
        self.sent.push_back((index, to));
    }

    /// Where the initiation `index` went.
    pub(super) fn of(&self, index: u32) -> Option<FourTuple> {
        self.sent.iter().find(|(sent, _)| *sent == index).map(|(_, to)| *to)
    }

    /// The same, after which no initiation is waited for any more.
    pub(super) fn take(&mut self, index: u32) -> Option<FourTuple> {
        let to = self.of(index);
        (self.sent, self.next) = (VecDeque::new(), None);
        to
    }
}
