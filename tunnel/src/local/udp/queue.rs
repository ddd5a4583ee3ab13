//! Datagrams that wait for somebody, never more than a bounded number of bytes of them.

use std::collections::VecDeque;

/// What may wait, in bytes: the largest datagram twice, or 90 of the size that most paths carry, which is what Linux lets wait at a
/// socket by default (`net.core.rmem_default`).
const CAPACITY: usize = 128 << 10;

/// What each costs beside its bytes, so that empty ones are bounded too: its place in the queue, and the allocator's.
const OVERHEAD: usize = 64;

/// Whole datagrams, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct DatagramQueue {
    waiting: VecDeque<Vec<u8>>,
    cost: usize,
}

impl DatagramQueue {
    /// Whether a datagram of `length` bytes has room. An empty queue has room for any.
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.waiting.is_empty() || self.cost + length + OVERHEAD <= CAPACITY
    }

    /// Adds a copy of the datagram if it has room; whether it had.
    pub(super) fn push(&mut self, datagram: &[u8]) -> bool {
        let has_room = self.has_room(datagram.len());
        if has_room {
            self.cost += datagram.len() + OVERHEAD;
            self.waiting.push_back(datagram.to_vec());
        }
        has_room
    }

    /// The datagram that came first.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let datagram = self.waiting.pop_front()?;
        self.cost -= datagram.len() + OVERHEAD;
        if self.waiting.is_empty() {
            // A flow that waits for nothing holds no memory.
            self.waiting = VecDeque::new();
        }
        Some(datagram)
    }

    /// Drops what waits.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_wait_in_order_and_whole_and_not_without_end() {
        let mut queue = DatagramQueue::default();
        assert!(queue.push(b"") && queue.push(&[1; 65_507]) && !queue.push(&[2; 65_507]));
        assert!(queue.push(b"small"));
        assert_eq!(queue.pop(), Some(vec![]));
        assert_eq!(queue.pop(), Some(vec![1; 65_507]));
        assert_eq!((queue.pop(), queue.pop()), (Some(b"small".to_vec()), None));
        let empty = (0..10_000).take_while(|_| queue.push(b"")).count();
        assert_eq!(empty, CAPACITY / OVERHEAD);
        queue.clear();
        assert!(queue.pop().is_none() && queue.has_room(CAPACITY));
    }
}
