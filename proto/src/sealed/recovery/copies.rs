//! Further copies of what thin streams send: where a path loses packets, a keystroke does not wait for a round trip
//! until its loss is noticed. Copies ride in packets that leave anyway; the first one, if there is none, in a packet of
//! its own a little later.
//!
//! The cost is bounded: at most [`COPIES`] copies for each frame of at most [`MAX_LENGTH`] bytes of a stream that sends
//! little (`streams::scheduler` says which: 64 kB/s at the most), until it is acknowledged, and only while the path loses packets.
//! A keystroke costs one packet more, a stream with a packet every 10 ms none.
//!
//! Where much is on its way, what is sent again is copied as well. All that a fast and far path brings in a round trip waits behind a
//! frame that is lost a second time; to go on meanwhile would take the memory of one more round trip at both ends. A second copy costs one
//! packet for each that was lost, and few are.

use crate::sealed::recovery::rtt::Rtt;
use crate::sealed::wire::frame::StreamId;
use crate::time::Time;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

/// Larger frames are not copied: they are not what a person waits for.
pub(crate) const MAX_LENGTH: u64 = 256;

/// Copies of one frame. Bytes arrive in order, so that one frame that needs a round trip more delays all that follow in
/// that time: with one copy at 5 % of loss one frame in 400 does, and one in 40 waits; at 20 % it takes four.
const COPIES: u32 = 4;

/// The longest that a copy waits for a packet to ride in: within this, a loss costs less than its notice would.
const MAX_WAIT: Duration = Duration::from_millis(25);

/// The shortest: two packets closer together are lost together.
const MIN_WAIT: Duration = Duration::from_millis(2);

/// Copies that wait at the most; beyond, it is not a thin load.
const MAX_WAITING: usize = 64;

/// Where more bytes than this are on their way, what goes again is copied: three times that is what a link has for a stream by
/// default, and what it takes if nothing is lost twice.
const FAR: u64 = 8 << 20;

/// More random loss than this costs more copies than they save memory.
const MOST_LOSS: f64 = 0.03;

/// Copies of those that wait at the most: beyond, it is no random loss.
const MAX_AGAIN: usize = MAX_WAITING / 2;

/// Whether of what is sent again a copy is worth it, with so many bytes on their way, on a path that loses this share of its packets.
pub(crate) fn are_worth_it(in_flight: u64, random_loss: f64) -> bool {
    in_flight > FAR && random_loss > 0.0 && random_loss <= MOST_LOSS
}

/// A frame that is to go again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedundantCopy {
    /// It may ride in a packet from this moment on.
    from: Time,
    /// The first copy leaves in a packet of its own at this moment.
    due: Time,
    /// The packet of the copy before.
    last: u64,
    left: u32,
    /// Its stream.
    pub(crate) id: StreamId,
    /// Its bytes.
    pub(crate) range: Range<u64>,
    /// Whether the direction ends behind them.
    pub(crate) fin: bool,
}

/// The frames that are to go again, in the order in which they may.
#[derive(Debug, Default)]
pub(crate) struct RedundantCopies {
    waiting: VecDeque<RedundantCopy>,
}

impl RedundantCopies {
    /// Packet `last` carries this frame.
    pub(crate) fn push(
        &mut self,
        now: Time,
        rtt: &Rtt,
        last: u64,
        id: StreamId,
        range: Range<u64>,
        fin: bool,
    ) {
        if self.waiting.len() < MAX_WAITING {
            let due = now + (rtt.smoothed() / 4).clamp(MIN_WAIT, MAX_WAIT);
            self.waiting.push_back(RedundantCopy {
                from: now + MIN_WAIT,
                due,
                last,
                left: COPIES,
                id,
                range,
                fin,
            });
        }
    }

    /// Packet `last` carries this frame, not for the first time: one copy rides in packets that leave anyway.
    pub(crate) fn push_again(&mut self, now: Time, last: u64, id: StreamId, range: Range<u64>, fin: bool) {
        if self.waiting.len() < MAX_AGAIN {
            let from = now + MIN_WAIT;
            self.waiting.push_back(RedundantCopy { from, due: from, last, left: 1, id, range, fin });
        }
    }

    /// When a copy leaves in a packet of its own.
    pub(crate) fn due(&self) -> Option<Time> {
        self.waiting.iter().find(|copy| copy.left == COPIES).map(|copy| copy.due)
    }

    /// The next frame of which a copy may ride in packet `number`, which leaves now.
    pub(crate) fn front(&self, now: Time, number: u64) -> Option<&RedundantCopy> {
        self.waiting.front().filter(|copy| copy.last < number && copy.from <= now)
    }

    /// The frame in front is copied into packet `number`.
    pub(crate) fn on_copied(&mut self, now: Time, number: u64) {
        let Some(copy) = self.waiting.pop_front() else { return };
        if copy.left > 1 {
            self.waiting.push_back(RedundantCopy {
                from: now + MIN_WAIT,
                last: number,
                left: copy.left - 1,
                ..copy
            });
        }
    }

    /// Of the frame in front what comes before `offset` is copied; the rest follows in the next packet.
    pub(crate) fn on_copied_to(&mut self, offset: u64) {
        if let Some(copy) = self.waiting.front_mut() {
            copy.range.start = offset;
        }
    }

    /// The frame in front needs no copy any more.
    pub(crate) fn pop(&mut self) {
        self.waiting.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_again_is_copied_once_and_leaves_room_for_thin_streams() {
        let (mut copies, now) = (RedundantCopies::default(), Time::ZERO);
        (0..1_000).for_each(|number| copies.push_again(now, number, StreamId(2), 0..1_400, false));
        assert_eq!((copies.waiting.len(), copies.due()), (MAX_AGAIN, None));
        copies.push(now, &Rtt::default(), 7, StreamId(4), 0..64, false);
        assert_eq!(copies.waiting.len(), MAX_AGAIN + 1);
        copies.on_copied_to(1_000);
        assert_eq!(copies.front(now + MIN_WAIT, 1).map(|copy| copy.range.clone()), Some(1_000..1_400));
        copies.on_copied(now + MIN_WAIT, 9);
        assert_eq!(copies.waiting.len(), MAX_AGAIN, "it does not go a third time");
    }

    #[test]
    fn copies_of_what_goes_again_are_for_far_paths_that_lose_little() {
        assert!(are_worth_it(FAR + 1, 0.01));
        assert!(!are_worth_it(FAR, 0.01) && !are_worth_it(FAR + 1, 0.0) && !are_worth_it(FAR + 1, 0.05));
    }

    #[test]
    fn copies_keep_a_distance_and_end() {
        let (mut copies, mut now) = (RedundantCopies::default(), Time::ZERO);
        copies.push(now, &Rtt::default(), 7, StreamId(2), 0..64, false);
        assert_eq!(copies.due(), Some(Time::ZERO + MAX_WAIT));
        for number in 0..u64::from(COPIES) {
            assert!(copies.front(now, 8 + number).is_none(), "no distance to the copy before");
            now += MIN_WAIT;
            assert!(copies.front(now, 7 + number).is_none(), "the packet of the copy before");
            assert!(copies.front(now, 8 + number).is_some());
            copies.on_copied(now, 8 + number);
            assert!(copies.due().is_none(), "only the first is worth a packet of its own");
        }
        assert!(copies.waiting.is_empty());
    }

    #[test]
    fn a_load_that_is_not_thin_is_not_copied_without_end() {
        let mut copies = RedundantCopies::default();
        (0..1_000)
            .for_each(|number| copies.push(Time::ZERO, &Rtt::default(), number, StreamId(2), 0..64, false));
        assert_eq!(copies.waiting.len(), MAX_WAITING);
    }
}
