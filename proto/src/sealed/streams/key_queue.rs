//! A queue of streams' keys that any of them can leave.

use std::collections::BTreeMap;

/// Where a key stands in its queue. No other entry of that queue ever has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueSlot(u64);

/// Keys in the order in which they came. Any of them can leave without a walk through the others, and leaves nothing
/// behind: a crowd that goes while nothing can be sent costs no more than one that has its turns.
#[derive(Debug, Default)]
pub(crate) struct KeyQueue {
    keys: BTreeMap<QueueSlot, usize>,
    next: u64,
}

impl KeyQueue {
    /// Queues a key behind the others.
    pub(crate) fn push(&mut self, key: usize) -> QueueSlot {
        let slot = QueueSlot(self.next);
        self.next += 1;
        self.keys.insert(slot, key);
        slot
    }

    /// The key that came first.
    pub(crate) fn front(&self) -> Option<usize> {
        self.keys.first_key_value().map(|(_, key)| *key)
    }

    /// Takes out the key that came first.
    pub(crate) fn pop(&mut self) -> Option<usize> {
        self.keys.pop_first().map(|(_, key)| key)
    }

    /// Takes out the key that stands at `slot`.
    pub(crate) fn remove(&mut self, slot: QueueSlot) -> Option<usize> {
        self.keys.remove(&slot)
    }

    /// The key that stands at `slot`.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn at(&self, slot: QueueSlot) -> Option<usize> {
        self.keys.get(&slot).copied()
    }

    /// How many keys are queued.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
