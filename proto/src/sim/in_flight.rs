//! What has been sent and has not arrived yet.

use crate::time::Time;
use std::collections::VecDeque;

/// A queue in the order of arrival; what arrives at the same moment keeps the order in which it was put in.
#[derive(Clone, Debug)]
pub struct InFlight<T> {
    items: VecDeque<(Time, T)>,
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self { items: VecDeque::new() }
    }
}

impl<T> InFlight<T> {
    /// `item` arrives at `due`.
    pub fn push(&mut self, due: Time, item: T) {
        // Nearly always the last: only what is overtaken is sought.
        if self.items.back().is_none_or(|(last, _)| *last <= due) {
            return self.items.push_back((due, item));
        }
        let at = self.items.partition_point(|(other, _)| *other <= due);
        self.items.insert(at, (due, item));
    }

    /// The first that has arrived by `now`.
    pub fn pop(&mut self, now: Time) -> Option<T> {
        let arrived = self.items.front().is_some_and(|(due, _)| *due <= now);
        if arrived { self.items.pop_front().map(|(_, item)| item) } else { None }
    }

    /// When the next arrives; [`Time::NEVER`]: nothing is in flight.
    pub fn next(&self) -> Time {
        self.items.front().map_or(Time::NEVER, |(due, _)| *due)
    }

    /// How many are in flight.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All that is in flight is lost.
    pub fn clear(&mut self) {
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_nothing_else() {
        let at = Time::from_nanos;
        let mut flight = InFlight::default();
        for (due, item) in [(5, 'b'), (7, 'd'), (3, 'a'), (5, 'c'), (9, 'e')] {
            flight.push(at(due), item);
        }
        assert_eq!((flight.len(), flight.next()), (5, at(3)));
        let arrived: String = std::iter::from_fn(|| flight.pop(at(8))).collect();
        assert_eq!((arrived.as_str(), flight.next()), ("abcd", at(9)));
        flight.clear();
        assert!(flight.is_empty() && flight.next() == Time::NEVER);
    }
}
