//! The queue on the path, as round trips show it: ours, which goes away when we slow down, or that of others.

use std::time::Duration;

/// A queue of our own shorter than this is left alone: a wake-up of a busy machine takes as long.
pub(super) const QUEUE_TARGET: Duration = Duration::from_millis(4);

/// What round trips tell of the queue.
#[derive(Debug, Default)]
pub(super) struct QueueEstimate {
    /// The lowest round trip of the last whole round, above the path's.
    delay: Duration,
    /// Of that, what did not go away when we slowed down.
    foreign: Duration,
    min_rtt: Duration,
}

impl QueueEstimate {
    /// A round is over, in which `lowest_rtt` was the lowest round trip.
    pub(super) fn on_round(&mut self, lowest_rtt: Duration, min_rtt: Duration) {
        self.delay = lowest_rtt.saturating_sub(min_rtt);
        self.min_rtt = min_rtt;
    }

    /// Whether a queue of our own stands in the way: more than an eighth of a round trip.
    pub(super) fn is_own(&self) -> bool {
        self.delay > self.foreign + self.short()
    }

    /// Whether a queue stands in the way, whoever's it is.
    pub(super) fn stands(&self) -> bool {
        self.delay > self.short()
    }

    /// The longest queue that counts as none.
    fn short(&self) -> Duration {
        (self.min_rtt / 8).max(QUEUE_TARGET)
    }

    /// The queue of others, as far as it still stands.
    pub(super) fn foreign(&self) -> Duration {
        self.foreign.min(self.delay)
    }

    /// Whether so much stands there that the path must have become slower: more than a round trip.
    pub(super) fn is_choked(&self) -> bool {
        self.delay > self.min_rtt.max(QUEUE_TARGET * 4)
    }

    /// We have slowed down for as long as it takes: what still stands is not ours.
    pub(super) fn after_slowing_down(&mut self) {
        self.foreign = if self.is_own() { self.delay } else { Duration::ZERO };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn queue(delay: Duration) -> QueueEstimate {
        let mut queue = QueueEstimate::default();
        queue.on_round(80 * MS + delay, 80 * MS);
        queue
    }

    #[test]
    fn an_eighth_of_a_round_trip_is_a_queue() {
        assert!(!queue(10 * MS).is_own());
        assert!(queue(11 * MS).is_own());
        assert!(!queue(80 * MS).is_choked());
        assert!(queue(81 * MS).is_choked());
    }

    #[test]
    fn what_stays_though_we_slow_down_is_of_others() {
        let mut queue = queue(30 * MS);
        queue.after_slowing_down();
        assert!(!queue.is_own());
        queue.on_round(115 * MS, 80 * MS);
        assert!(!queue.is_own(), "5 ms more than theirs");
        assert_eq!(queue.foreign(), 30 * MS);
        queue.on_round(100 * MS, 80 * MS);
        assert_eq!(queue.foreign(), 20 * MS, "some of theirs has gone");
        queue.on_round(125 * MS, 80 * MS);
        assert!(queue.is_own());
        queue.on_round(85 * MS, 80 * MS);
        queue.after_slowing_down();
        queue.on_round(110 * MS, 80 * MS);
        assert!(queue.is_own(), "theirs has gone");
    }
}
