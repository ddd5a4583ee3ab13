//! Datagrams of flows that wait in one direction of a link: bounded for each flow and for all, and the oldest make room.

use crate::time::Time;
use std::collections::VecDeque;

/// What keeping one datagram costs beyond its bytes, in bytes: its entry, and what the allocator adds.
pub(crate) const COST: u64 = 64;

/// Datagrams of one flow that wait at the most, and what they cost together in bytes: about what Linux keeps for a UDP socket
/// (`net.core.rmem_default` is 208 KiB).
const MOST: usize = 256;
const MOST_BYTES: u64 = 256 * 1024;

/// What the datagrams of all flows of a link cost together at the most, in bytes: what leaves in 100 ms at 80 Mbit/s. Where the path is
/// faster they do not wait for as long, where it is slower they grow too old first.
const MOST_OF_ALL: u64 = 1 << 20;

/// The part of that, as its divisor, that only flows which have nothing waiting may take of.
const RESERVE: u64 = 4;

/// Places of an empty queue that are kept: a flow that sends now and then needs no more.
const KEPT_PLACES: usize = 16;

/// What the queues of all flows hold in one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldDatagrams {
    cost: u64,
    count: u64,
}

impl HeldDatagrams {
    /// What they cost, in bytes.
    pub(crate) const fn cost(&self) -> u64 {
        self.cost
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The most that a flow which holds `own` bytes may hold, where `free` bytes of memory are left: no more than is left for the
    /// others (dynamic thresholds, as in [`crate::sealed::streams::budget`]), so a flood leaves room for the next flow.
    fn most(&self, own: u64, free: u64) -> u64 {
        let limit = MOST_OF_ALL.min(self.cost + free);
        let others = if own == 0 { 0 } else { limit / RESERVE };
        (limit - others).saturating_sub(self.cost).min(MOST_BYTES)
    }

    /// Sets memory aside for a datagram of `length` bytes that comes in pieces, of a flow that holds `own`; false where there is
    /// none. Larger ones come so: the reserve is not for them.
    pub(crate) fn reserve(&mut self, length: usize, own: u64, free: u64) -> bool {
        let cost = cost_of(length);
        let fits = own + cost <= self.most(own.max(1), free);
        if fits {
            self.hold(cost);
        }
        fits
    }

    /// Gives back what was set aside for a datagram of `length` bytes.
    pub(crate) fn release(&mut self, length: usize) {
        self.drop_one(cost_of(length));
    }

    fn hold(&mut self, cost: u64) {
        self.cost += cost;
        self.count += 1;
    }

    fn drop_one(&mut self, cost: u64) {
        self.cost -= cost;
        self.count -= 1;
    }
}

/// What a datagram of `length` bytes costs.
pub(crate) const fn cost_of(length: usize) -> u64 {
    length as u64 + COST
}

/// One that waits.
struct QueuedDatagram {
    since: Time,
    bytes: Box<[u8]>,
}

/// What waits of one flow in one direction, the oldest first.
#[derive(Default)]
pub(crate) struct DatagramQueue {
    waiting: VecDeque<QueuedDatagram>,
    cost: u64,
}

impl DatagramQueue {
    /// Takes one more in; the oldest make room for it. Returns how many were dropped; an error if the new one was, too: others
    /// hold what there is.
    pub(crate) fn push(
        &mut self,
        now: Time,
        bytes: Box<[u8]>,
        held: &mut HeldDatagrams,
        free: u64,
    ) -> Result<u64, u64> {
        let cost = cost_of(bytes.len());
        // What is dropped here is free memory as well.
        let (all, mut dropped) = (held.cost + free, 0);
        while self.waiting.len() >= MOST
            || self.cost + cost > held.most(self.cost, all.saturating_sub(held.cost))
        {
            if self.pop(held).is_none() {
                return Err(dropped + 1);
            }
            dropped += 1;
        }
        self.cost += cost;
        held.hold(cost);
        self.waiting.push_back(QueuedDatagram { since: now, bytes });
        Ok(dropped)
    }

    /// Takes the oldest out.
    pub(crate) fn pop(&mut self, held: &mut HeldDatagrams) -> Option<Box<[u8]>> {
        let QueuedDatagram { bytes, .. } = self.waiting.pop_front()?;
        self.cost -= cost_of(bytes.len());
        held.drop_one(cost_of(bytes.len()));
        if self.waiting.is_empty() {
            self.waiting.shrink_to(KEPT_PLACES);
        }
        Some(bytes)
    }

    /// Drops all that has waited since before `oldest`; how many.
    pub(crate) fn drop_older(&mut self, oldest: Time, held: &mut HeldDatagrams) -> u64 {
        let mut dropped = 0;
        while self.waiting.front().is_some_and(|datagram| datagram.since < oldest) {
            self.pop(held);
            dropped += 1;
        }
        dropped
    }

    /// All that waits begins to wait now.
    pub(crate) fn restart(&mut self, now: Time) {
        self.waiting.iter_mut().for_each(|datagram| datagram.since = now);
    }

    /// Drops all; how many.
    pub(crate) fn clear(&mut self, held: &mut HeldDatagrams) -> u64 {
        std::iter::from_fn(|| self.pop(held)).count() as u64
    }

    /// The oldest.
    pub(crate) fn front(&self) -> Option<&[u8]> {
        self.waiting.front().map(|datagram| &*datagram.bytes)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What all of it costs, in bytes.
    pub(crate) const fn cost(&self) -> u64 {
        self.cost
    }

    /// The largest datagram for which nothing would be dropped now, in bytes.
    pub(crate) fn room(&self, held: &HeldDatagrams, free: u64) -> u64 {
        let room = held.most(self.cost, free).saturating_sub(self.cost + COST);
        if self.waiting.len() < MOST { room } else { 0 }
    }
}

// Payloads are for nobody's eyes: only their number and size are shown.
impl std::fmt::Debug for DatagramQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} datagrams that cost {}", self.waiting.len(), self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PLENTY: u64 = 1 << 30;

    fn datagram(length: usize) -> Box<[u8]> {
        vec![7; length].into_boxed_slice()
    }

    /// A flood into one queue; what it holds then.
    fn flood(queue: &mut DatagramQueue, held: &mut HeldDatagrams, free: u64) -> u64 {
        for _ in 0..2_000 {
            let _ = queue.push(Time::ZERO, datagram(1_200), held, free.saturating_sub(held.cost()));
        }
        queue.cost()
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let (mut queue, mut held) = (DatagramQueue::default(), HeldDatagrams::default());
        for number in 0..1_000_u32 {
            let pushed =
                queue.push(Time::ZERO, number.to_be_bytes().as_slice().into(), &mut held, PLENTY).unwrap();
            assert_eq!(pushed, u64::from(number >= 256), "{number}");
        }
        assert_eq!((held.count(), held.cost()), (256, 256 * cost_of(4)));
        assert_eq!(queue.pop(&mut held).as_deref(), Some(&744_u32.to_be_bytes()[..]));
        assert_eq!(queue.clear(&mut held), 255);
        assert_eq!((held, queue.cost()), (HeldDatagrams::default(), 0));
    }

    #[test]
    fn floods_leave_room_for_a_flow_that_has_nothing_waiting() {
        let mut held = HeldDatagrams::default();
        let mut queues: Vec<_> = (0..200).map(|_| DatagramQueue::default()).collect();
        let costs: Vec<_> = queues.iter_mut().map(|queue| flood(queue, &mut held, PLENTY)).collect();
        assert!(costs[0] <= MOST_BYTES && costs[0] > MOST_BYTES - 1_500, "{costs:?}");
        assert!(held.cost() <= MOST_OF_ALL, "{held:?}");
        let mut next = DatagramQueue::default();
        assert_eq!(next.push(Time::ZERO, datagram(1_200), &mut held, PLENTY), Ok(0));
    }

    #[test]
    fn little_memory_is_no_more_than_there_is() {
        let (mut queue, mut held) = (DatagramQueue::default(), HeldDatagrams::default());
        let cost = flood(&mut queue, &mut held, 10_000);
        assert!(cost <= 10_000 && cost > 2_000, "{cost} bytes");
        assert_eq!(DatagramQueue::default().push(Time::ZERO, datagram(10), &mut held, 0), Err(1));
    }

    #[test]
    fn what_has_waited_for_long_is_dropped() {
        let (mut queue, mut held) = (DatagramQueue::default(), HeldDatagrams::default());
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        for ms in [10, 20, 30] {
            queue.push(at(ms), datagram(5), &mut held, PLENTY).unwrap();
        }
        assert_eq!(queue.drop_older(at(20), &mut held), 1);
        queue.restart(at(50));
        assert_eq!((queue.drop_older(at(50), &mut held), held.count()), (0, 2));
    }

    #[test]
    fn a_datagram_in_pieces_takes_no_more_than_it_leaves() {
        let mut held = HeldDatagrams::default();
        let taken = (0..100).filter(|_| held.reserve(65_527, 0, PLENTY)).count();
        assert!((4..12).contains(&taken), "{taken}");
        (0..taken).for_each(|_| held.release(65_527));
        assert_eq!(held, HeldDatagrams::default());
    }
}
