//! The scheduler alone, with streams that always have more to send.

use crate::sealed::streams::scheduler::{Schedule, Turn};
use crate::time::Time;

/// So many bulk streams that take turns.
#[derive(Debug)]
pub struct Turns {
    schedule: Schedule,
    turns: Vec<Turn>,
}

impl Turns {
    /// All of them have something to send.
    pub fn new(streams: usize) -> Self {
        let (mut schedule, mut turns) = (Schedule::default(), Vec::new());
        turns.resize_with(streams, Turn::default);
        for (key, turn) in turns.iter_mut().enumerate() {
            schedule.wake(Time::ZERO, key, 1 << 20, turn);
        }
        Self { schedule, turns }
    }

    /// The stream whose turn it is sends a packet of `bytes` and stays in the schedule; its key.
    pub fn send(&mut self, bytes: u64) -> usize {
        let key = self.schedule.front().unwrap_or_default();
        if let Some(turn) = self.turns.get_mut(key) {
            self.schedule.sent(turn, bytes, true);
        }
        key
    }
}
