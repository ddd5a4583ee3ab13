//! One direction of a pipe.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that wait in each direction at the most: half of what one turn of a link moves for one stream.
pub(super) const CAPACITY: usize = 64 << 10;

/// What one direction between two links may hold whatever the others hold, in bytes: its bytes go on coming, though slowly.
const FLOOR: usize = 2 << 10;

/// The part of the free memory, as its divisor, that one direction between two links may hold (dynamic thresholds): a thousand that
/// nobody reads from leave more than a third of it to others. Of the default memory one alone gets all that a pipe takes.
const PART: usize = 1_024;

/// Memory for what streams between two links of a process hold, in bytes. Clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct RelayMemory(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    limit: usize,
    held: AtomicUsize,
}

impl RelayMemory {
    /// So many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Pool { limit, held: AtomicUsize::new(0) }))
    }

    /// How much one direction may hold now.
    fn capacity(&self) -> usize {
        let free = self.0.limit.saturating_sub(self.0.held.load(Ordering::Relaxed));
        (free / PART).clamp(FLOOR, CAPACITY)
    }
}

/// The bytes of one direction.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: VecDeque<u8>,
    /// What holds them; `None`: the process, for itself.
    memory: Option<RelayMemory>,
}

impl Queue {
    pub(super) fn held_by(memory: &RelayMemory) -> Self {
        Self { bytes: VecDeque::new(), memory: Some(memory.clone()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that it takes now; at least one if it is empty.
    pub(super) fn room(&self) -> usize {
        let capacity = self.memory.as_ref().map_or(CAPACITY, RelayMemory::capacity);
        capacity.saturating_sub(self.bytes.len())
    }

    /// Takes as much of the pieces as there is room for, in their order, and says how much that was.
    pub(super) fn write<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>) -> usize {
        // Looked at once: others may give back memory meanwhile, and a piece that was cut must be the last.
        let (mut room, before) = (self.room(), self.bytes.len());
        for piece in pieces {
            let piece = piece.get(..room).unwrap_or(piece);
            self.bytes.extend(piece);
            room -= piece.len();
        }
        let written = self.bytes.len() - before;
        if let Some(memory) = &self.memory {
            memory.0.held.fetch_add(written, Ordering::Relaxed);
        }
        written
    }

    /// Fills the buffers in their order with what there is, and says how much that was.
    pub(super) fn read<'a>(&mut self, bufs: impl IntoIterator<Item = &'a mut [u8]>) -> usize {
        let before = self.bytes.len();
        for mut buf in bufs {
            // The bytes may lie in two parts: one call gives those of one.
            while !buf.is_empty() && !self.bytes.is_empty() {
                let read = self.bytes.read(buf).expect("a queue in memory gives what it has");
                (_, buf) = buf.split_at_mut(read);
            }
        }
        let read = before - self.bytes.len();
        self.give_back(read);
        if self.bytes.is_empty() {
            // A direction that holds no bytes holds no memory.
            self.bytes = VecDeque::new();
        }
        read
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn clear(&mut self) {
        let gone = std::mem::take(&mut self.bytes).len();
        self.give_back(gone);
    }

    fn give_back(&self, bytes: usize) {
        if let Some(memory) = &self.memory {
            memory.0.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_that_nobody_reads_from_leave_room_for_the_next() {
        let memory = RelayMemory::new(64 << 20);
        let fill = || {
            let mut queue = Queue::held_by(&memory);
            while queue.write([[0; 1 << 10].as_slice()]) > 0 {}
            queue
        };
        let mut stuck: Vec<_> = (0..1_000).map(|_| fill()).collect();
        let mut next = fill();
        assert!(next.bytes.len() >= CAPACITY / 3, "{}", next.bytes.len());
        stuck.extend((0..10_000).map(|_| fill()));
        let held = memory.0.held.load(Ordering::Relaxed);
        assert!(held <= (64 << 20) + 11_000 * FLOOR, "{held}");
        stuck.clear();
        next.read([[0; CAPACITY].as_mut_slice()]);
        assert_eq!(memory.0.held.load(Ordering::Relaxed), 0);
        assert!(fill().bytes.len() > CAPACITY - 128, "alone it gets all that a pipe takes");
        // Whatever is held, an empty one takes something: else nobody would be woken.
        memory.0.held.store(usize::MAX, Ordering::Relaxed);
        assert_eq!(Queue::held_by(&memory).room(), FLOOR);
    }
}
