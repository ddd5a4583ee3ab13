//! How long a link waits for its turn: a task that could go on says so now and then, and sees how long it takes until it may.

use std::time::{Duration, Instant};

/// How often that is measured.
const EVERY: Duration = Duration::from_millis(100);

/// Datagrams that have left since: a link that sends less is not held up by it.
const DATAGRAMS: u64 = 16;

/// The measurement under way, and the last.
#[derive(Debug)]
pub(super) struct TurnWatch {
    asked: Option<Instant>,
    last: Instant,
    sent: u64,
}

impl TurnWatch {
    /// Nothing has been measured.
    pub(super) fn new() -> Self {
        Self { asked: None, last: Instant::now(), sent: 0 }
    }

    /// The task has its turn. How long it has waited for it, if it was measured.
    pub(super) fn take(&mut self) -> Option<Duration> {
        self.asked.take().map(|asked| asked.elapsed())
    }

    /// The task gives up its turn, `sent` datagrams having left altogether. Whether it is to ask for the next at once.
    pub(super) fn give_up(&mut self, sent: u64) -> bool {
        // Nearly always: the clock is not looked at.
        if sent < self.sent + DATAGRAMS {
            return false;
        }
        let now = Instant::now();
        let is_due = now >= self.last + EVERY;
        if is_due {
            *self = Self { asked: Some(now), last: now, sent };
        }
        is_due
    }
}
