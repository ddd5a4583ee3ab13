//! Second copies of what thin streams send: where a path loses packets, a keystroke does not wait for a round trip
//! until its loss is noticed. The copy rides in the next packet that leaves anyway, or in one of its own a little later.
//!
//! The cost is bounded: one copy for each small frame of a stream that sends little (`schedule` says which), and only
//! while the path loses packets.

use super::frame::StreamId;
use super::rtt::Rtt;
use crate::time::Time;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

/// Larger frames are not copied: they are not what a person waits for.
pub(crate) const MAX_LENGTH: u64 = 512;

/// The longest that a copy waits for a packet to ride in: within this, a loss costs less than its notice would.
const MAX_WAIT: Duration = Duration::from_millis(25);

/// The shortest: two packets closer together are lost together.
const MIN_WAIT: Duration = Duration::from_millis(2);

/// Copies that wait at the most; beyond, it is not a thin load.
const MAX_WAITING: usize = 64;

/// A frame that is to go a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spare {
    due: Time,
    /// The packet of the first copy.
    first: u64,
    /// Its stream.
    pub(crate) id: StreamId,
    /// Its bytes.
    pub(crate) range: Range<u64>,
    /// Whether the direction ends behind them.
    pub(crate) fin: bool,
}

/// The frames that are to go a second time, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    waiting: VecDeque<Spare>,
}

impl Spares {
    /// Packet `first` carries this frame.
    pub(crate) fn push(&mut self, now: Time, rtt: &Rtt, first: u64, id: StreamId, range: Range<u64>, fin: bool) {
        if self.waiting.len() < MAX_WAITING {
            let wait = (rtt.smoothed() / 4).clamp(MIN_WAIT, MAX_WAIT);
            self.waiting.push_back(Spare { due: now + wait, first, id, range, fin });
        }
    }

    /// When a copy leaves in a packet of its own.
    pub(crate) fn due(&self) -> Option<Time> {
        self.waiting.front().map(|spare| spare.due)
    }

    /// The oldest copy, if packet `number` is not the one that carries the first.
    pub(crate) fn front(&self, number: u64) -> Option<&Spare> {
        self.waiting.front().filter(|spare| spare.first < number)
    }

    /// Takes the oldest copy out.
    pub(crate) fn pop(&mut self) {
        self.waiting.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_never_rides_with_its_original_and_none_waits_long() {
        let mut spares = Spares::default();
        spares.push(Time::ZERO, &Rtt::default(), 7, StreamId(2), 0..64, false);
        assert!(spares.front(7).is_none());
        assert!(spares.front(8).is_some());
        assert_eq!(spares.due(), Some(Time::ZERO + MAX_WAIT));
    }

    #[test]
    fn a_load_that_is_not_thin_is_not_copied_without_end() {
        let mut spares = Spares::default();
        (0..1_000).for_each(|number| spares.push(Time::ZERO, &Rtt::default(), number, StreamId(2), 0..64, false));
        assert_eq!(spares.waiting.len(), MAX_WAITING);
    }
}
