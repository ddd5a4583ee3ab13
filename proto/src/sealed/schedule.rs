//! Which stream goes next: thin ones first, bulk ones in turn.

use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// What a stream may send before it counts as bulk: a keystroke, a request, a small answer.
const THIN_BURST: u64 = 8 * 1024;

/// At this rate in bytes a second a stream earns its way back to thin: interactive use stays below it.
const THIN_RATE: u64 = 64 * 1024;

/// A stream that had nothing to send for so long counts as one that never was bulk.
const REST: Duration = Duration::from_secs(1);

/// Bytes that a bulk stream sends before the next one's turn, at the least: several packets.
const LEAST_QUANTUM: u64 = 16 * 1024;

/// The same at the most: a batch for the socket, which the peer then finds to be one stream's and hands on with one system
/// call.
const MOST_QUANTUM: u64 = 64 * 1024;

/// The part of the window, as its divisor, that a turn may take: a quarter of a round trip, as the window holds two.
const PART: u64 = 8;

/// A stream's place in the schedule.
#[derive(Debug)]
pub(crate) struct Turn {
    queued: Option<Class>,
    thin: u64,
    thin_at: Time,
    quantum: u64,
    /// It has sent more than what is thin, and not rested since.
    was_bulk: bool,
}

impl Default for Turn {
    fn default() -> Self {
        Self { queued: None, thin: THIN_BURST, thin_at: Time::ZERO, quantum: LEAST_QUANTUM, was_bulk: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Thin,
    Bulk,
}

impl Turn {
    fn earn(&mut self, now: Time) {
        let waited = now.since(self.thin_at).min(REST);
        self.was_bulk &= waited < REST;
        let earned = u64::try_from(waited.as_micros()).unwrap_or(0) * THIN_RATE / 1_000_000;
        if earned > 0 {
            self.thin = (self.thin + earned).min(THIN_BURST);
            self.thin_at = now;
        }
    }

    /// Whether the stream sends little, and has for long enough that it need not wait until it is asked for more.
    pub(crate) fn is_quiet(&mut self, now: Time) -> bool {
        self.earn(now);
        !self.was_bulk || self.thin == THIN_BURST
    }

    /// The stream waited for its turn until now: that is no rest.
    pub(crate) const fn waited(&mut self, now: Time) {
        self.thin_at = now;
    }

    /// Whether the stream has sent little of late.
    pub(crate) const fn is_thin(&self) -> bool {
        self.thin > 0
    }
}

/// The streams that have something to send, by key.
#[derive(Debug)]
pub(crate) struct Schedule {
    thin: VecDeque<usize>,
    bulk: VecDeque<usize>,
    quantum: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { thin: VecDeque::new(), bulk: VecDeque::new(), quantum: LEAST_QUANTUM }
    }
}

impl Schedule {
    /// The window of the path is so many bytes.
    pub(crate) fn set_window(&mut self, window: u64) {
        self.quantum = (window / PART).clamp(LEAST_QUANTUM, MOST_QUANTUM);
    }

    /// Bytes that a bulk stream sends before the next one's turn.
    pub(crate) const fn quantum(&self) -> u64 {
        self.quantum
    }

    /// How many streams have something to send.
    pub(crate) fn len(&self) -> usize {
        self.thin.len() + self.bulk.len()
    }

    /// The stream `key` has `bytes` to send.
    pub(crate) fn wake(&mut self, now: Time, key: usize, bytes: u64, turn: &mut Turn) {
        if turn.queued.is_some() {
            return;
        }
        turn.earn(now);
        // A busy one that earned a little while it waited for its turn would send its bytes in two pieces.
        self.queue(key, turn.is_thin() && (!turn.was_bulk || bytes <= turn.thin), turn);
    }

    fn queue(&mut self, key: usize, thin: bool, turn: &mut Turn) {
        if thin {
            turn.queued = Some(Class::Thin);
            self.thin.push_back(key);
        } else {
            turn.queued = Some(Class::Bulk);
            self.bulk.push_back(key);
        }
    }

    /// The stream whose turn it is.
    pub(crate) fn front(&self) -> Option<usize> {
        self.thin.front().or_else(|| self.bulk.front()).copied()
    }

    /// The stream in front sent `bytes`; `more` says whether it has more to send.
    pub(crate) fn sent(&mut self, turn: &mut Turn, bytes: u64, more: bool) {
        turn.thin = turn.thin.saturating_sub(bytes);
        turn.was_bulk |= turn.thin == 0;
        turn.quantum = turn.quantum.saturating_sub(bytes);
        let thin = turn.queued == Some(Class::Thin);
        let stays = more && if thin { turn.is_thin() } else { turn.quantum > 0 };
        if stays {
            return;
        }
        let key = if thin { self.thin.pop_front() } else { self.bulk.pop_front() };
        turn.queued = None;
        turn.quantum = self.quantum;
        if let Some(key) = key.filter(|_| more) {
            self.queue(key, turn.is_thin(), turn);
        }
    }

    /// The stream `key` is gone.
    pub(crate) fn remove(&mut self, key: usize, turn: &Turn) {
        match turn.queued {
            Some(Class::Thin) => self.thin.retain(|queued| *queued != key),
            Some(Class::Bulk) => self.bulk.retain(|queued| *queued != key),
            None => {}
        }
    }

    /// Whether nobody has anything to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.thin.is_empty() && self.bulk.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thin_stream_overtakes_bulk_and_bulk_takes_turns() {
        let (mut schedule, mut turns) =
            (Schedule::default(), [Turn::default(), Turn::default(), Turn::default()]);
        for key in [0, 1] {
            schedule.wake(Time::ZERO, key, 1 << 20, &mut turns[key]);
            schedule.sent(&mut turns[key], THIN_BURST, true); // spends what makes it thin
        }
        assert_eq!(schedule.front(), Some(0));
        schedule.wake(Time::ZERO, 2, 64, &mut turns[2]);
        assert_eq!(schedule.front(), Some(2));
        schedule.sent(&mut turns[2], 64, false);
        let mut order = Vec::new();
        for _ in 0..4 {
            let key = schedule.front().unwrap();
            schedule.sent(&mut turns[key], LEAST_QUANTUM, true);
            order.push(key);
        }
        assert_eq!(order, [0, 1, 0, 1]);
    }

    #[test]
    fn time_makes_a_stream_thin_again() {
        let mut turn = Turn { thin: 0, ..Turn::default() };
        turn.earn(Time::ZERO + Duration::from_millis(100));
        assert!(turn.is_thin());
    }
}
