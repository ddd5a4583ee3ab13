//! Which stream goes next: thin ones first, bulk ones in turn.

use crate::sealed::streams::key_queue::{KeyQueue, QueueSlot};
use crate::time::Time;
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
    queued: Option<(Class, QueueSlot)>,
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

/// The keys of the streams that have something to send.
#[derive(Debug)]
pub(crate) struct Schedule {
    thin: KeyQueue,
    bulk: KeyQueue,
    quantum: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { thin: KeyQueue::default(), bulk: KeyQueue::default(), quantum: LEAST_QUANTUM }
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
        let class = if thin { Class::Thin } else { Class::Bulk };
        turn.queued = Some((class, self.queue_of(class).push(key)));
    }

    fn queue_of(&mut self, class: Class) -> &mut KeyQueue {
        match class {
            Class::Thin => &mut self.thin,
            Class::Bulk => &mut self.bulk,
        }
    }

    /// The stream whose turn it is.
    pub(crate) fn front(&self) -> Option<usize> {
        self.thin.front().or_else(|| self.bulk.front())
    }

    /// The thin stream whose turn it is.
    pub(crate) fn front_thin(&self) -> Option<usize> {
        self.thin.front()
    }

    /// The stream in front sent `bytes`; `more` says whether it has more to send.
    pub(crate) fn sent(&mut self, turn: &mut Turn, bytes: u64, more: bool) {
        turn.thin = turn.thin.saturating_sub(bytes);
        turn.was_bulk |= turn.thin == 0;
        turn.quantum = turn.quantum.saturating_sub(bytes);
        let thin = matches!(turn.queued, Some((Class::Thin, _)));
        let stays = more && if thin { turn.is_thin() } else { turn.quantum > 0 };
        if stays {
            return;
        }
        let key = self.remove(turn);
        turn.quantum = self.quantum;
        if let Some(key) = key.filter(|_| more) {
            self.queue(key, turn.is_thin(), turn);
        }
    }

    /// The stream with this turn has no more to send, or is gone; its key, if it was queued.
    pub(crate) fn remove(&mut self, turn: &mut Turn) -> Option<usize> {
        let (class, slot) = turn.queued.take()?;
        self.queue_of(class).remove(slot)
    }

    /// Whether nobody has anything to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// With a bulk stream in front that cannot send, and one key for all that come and go, as a slab gives it.
    #[test]
    fn streams_that_come_and_go_leave_nothing_behind_and_get_nobodys_turn() {
        let mut schedule = Schedule::default();
        let bulk = || Turn { thin: 0, thin_at: Time::NEVER, was_bulk: true, ..Turn::default() };
        let [mut first, mut last] = [bulk(), bulk()];
        schedule.wake(Time::ZERO, 0, 1 << 20, &mut first);
        for number in 0..10_000 {
            let mut turn = if number % 2 == 0 { Turn::default() } else { bulk() };
            schedule.wake(Time::ZERO, 1, 64, &mut turn);
            schedule.wake(Time::ZERO, 1, 64, &mut turn);
            assert_eq!(schedule.len(), 2);
            assert_eq!(schedule.remove(&mut turn), Some(1));
            assert_eq!(schedule.remove(&mut turn), None, "once");
        }
        assert_eq!((schedule.len(), schedule.front()), (1, Some(0)));
        schedule.wake(Time::ZERO, 2, 1 << 20, &mut last);
        let mut again = bulk();
        schedule.wake(Time::ZERO, 1, 1 << 20, &mut again);
        let mut order = Vec::new();
        while let Some(key) = schedule.front() {
            let turn = [&mut first, &mut again, &mut last].into_iter().nth(key).unwrap();
            schedule.sent(turn, LEAST_QUANTUM, order.len() < 4);
            order.push(key);
        }
        assert_eq!(order, [0, 2, 1, 0, 2, 1, 0], "in the order in which they came, the gone ones not");
    }

    #[test]
    fn time_makes_a_stream_thin_again() {
        let mut turn = Turn { thin: 0, ..Turn::default() };
        turn.earn(Time::ZERO + Duration::from_millis(100));
        assert!(turn.is_thin());
    }
}
