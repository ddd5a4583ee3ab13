//! When a stream ends by itself: the idle limit and the linger after a FIN, the same in both roles.

use super::{Reason, Settings};
use crate::Time;

/// What the timers of a stream depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// The last data either way, or the beginning.
    active: Time,
    /// The last data from the peer, or the beginning.
    heard: Time,
    /// When the local side sent FIN.
    finished: Option<Time>,
}

impl Life {
    pub(super) const fn begin(now: Time) -> Self {
        Self { active: now, heard: now, finished: None }
    }

    pub(super) fn received(&mut self, now: Time) {
        self.heard = now;
        self.active = now;
    }

    pub(super) fn sent(&mut self, now: Time) {
        self.active = now;
    }

    /// Only the first FIN counts.
    pub(super) fn finish(&mut self, now: Time) {
        self.finished.get_or_insert(now);
    }

    /// When the stream ends if no more data comes, and why.
    pub(super) fn deadline(&self, settings: &Settings) -> (Time, Reason) {
        let idle = self.active + settings.idle_limit;
        match self.finished {
            Some(finished) => {
                let silent = finished.max(self.heard) + settings.linger;
                if silent <= idle { (silent, Reason::Finished) } else { (idle, Reason::Idle) }
            }
            None => (idle, Reason::Idle),
        }
    }
}
