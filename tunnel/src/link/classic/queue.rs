//! Bytes on their way to a TCP connection that takes them slowly, bounded for each stream and in total.

use std::collections::VecDeque;
use std::io::IoSlice;

/// What all queues of one session may hold together.
#[derive(Debug)]
pub(super) struct QueueBudget {
    used: usize,
    limit: usize,
}

impl QueueBudget {
    /// An unused budget of `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { used: 0, limit }
    }
}

/// A bounded queue of bytes.
#[derive(Debug)]
pub(super) struct Queue {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl Queue {
    /// A burst that made the queue larger than this gives its memory back when it has passed.
    const KEPT_CAPACITY: usize = 64 << 10;

    /// An empty queue for at most `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit }
    }

    /// Whether `count` bytes more keep the bounds.
    pub(crate) fn has_room(&self, count: usize, budget: &QueueBudget) -> bool {
        self.bytes.len().checked_add(count).is_some_and(|sum| sum <= self.limit)
            && budget.used.checked_add(count).is_some_and(|sum| sum <= budget.limit)
    }

    /// Appends `bytes`, or nothing of them (and says `false`) where a bound would be broken.
    #[must_use]
    pub(super) fn push(&mut self, bytes: &[u8], budget: &mut QueueBudget) -> bool {
        let fits = self.has_room(bytes.len(), budget);
        if fits {
            self.bytes.extend(bytes);
            budget.used += bytes.len();
        }
        fits
    }

    /// What waits, oldest first, as the two parts of the ring.
    pub(super) fn slices(&self) -> [IoSlice<'_>; 2] {
        let (front, back) = self.bytes.as_slices();
        [IoSlice::new(front), IoSlice::new(back)]
    }

    /// Removes the oldest `count` bytes; they were written.
    pub(super) fn pop(&mut self, count: usize, budget: &mut QueueBudget) {
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        budget.used -= count;
        if self.bytes.is_empty() && self.bytes.capacity() > Self::KEPT_CAPACITY {
            self.bytes = VecDeque::new();
        }
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self, budget: &mut QueueBudget) {
        self.pop(self.bytes.len(), budget);
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(queue: &Queue) -> Vec<u8> {
        queue.slices().iter().flat_map(|part| part.to_vec()).collect()
    }

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        let (mut queue, mut budget) = (Queue::new(8), QueueBudget::new(100));
        assert!(queue.push(b"abcde", &mut budget));
        queue.pop(3, &mut budget);
        assert!(queue.push(b"fghij", &mut budget));
        assert_eq!(content(&queue), b"defghij");
        assert_eq!(budget.used, 7);
    }

    #[test]
    fn a_full_queue_takes_nothing_of_what_does_not_fit() {
        let (mut queue, mut budget) = (Queue::new(4), QueueBudget::new(100));
        assert!(queue.push(b"abc", &mut budget));
        assert!(!queue.push(b"de", &mut budget));
        assert_eq!(content(&queue), b"abc");
        queue.clear(&mut budget);
        assert!(queue.push(b"de", &mut budget));
    }

    #[test]
    fn all_queues_share_one_budget() {
        let (mut one, mut other, mut budget) = (Queue::new(8), Queue::new(8), QueueBudget::new(10));
        assert!(one.push(b"12345678", &mut budget));
        assert!(!other.push(b"123", &mut budget));
        one.pop(1, &mut budget);
        assert!(other.push(b"123", &mut budget));
    }
}
