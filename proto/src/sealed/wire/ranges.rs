//! Sets of numbers kept as ranges: received packets, received bytes, acknowledged bytes, lost bytes.

use std::collections::VecDeque;
use std::ops::Range;

/// An ordered set of disjoint, non-touching half-open ranges. Work at either end is cheap; in the middle it costs a
/// binary search and a shift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    ranges: VecDeque<Range<u64>>,
}

impl RangeSet {
    /// How many separate ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether nothing is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.ranges.front().cloned()
    }

    /// The highest range.
    pub(crate) fn last(&self) -> Option<Range<u64>> {
        self.ranges.back().cloned()
    }

    /// The ranges, ascending; `rev()` for descending.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u64>> + Clone + '_ {
        self.ranges.iter().cloned()
    }

    /// Whether `value` is in the set.
    pub(crate) fn contains(&self, value: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.end <= value);
        self.ranges.get(at).is_some_and(|range| range.start <= value)
    }

    /// Adds `range`, joining what it overlaps or touches.
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        if let Some(last) = self.ranges.back_mut() {
            if last.end == range.start {
                last.end = range.end;
                return;
            }
            if last.end < range.start {
                self.ranges.push_back(range);
                return;
            }
        }
        let from = self.ranges.partition_point(|old| old.end < range.start);
        let to = self.ranges.partition_point(|old| old.start <= range.end);
        if from == to {
            self.ranges.insert(from, range);
            return;
        }
        let start = self.ranges[from].start.min(range.start);
        let end = self.ranges[to - 1].end.max(range.end);
        self.ranges[from] = start..end;
        self.ranges.drain(from + 1..to);
    }

    /// Takes `range` out of the set.
    pub(crate) fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let from = self.ranges.partition_point(|old| old.end <= range.start);
        let to = self.ranges.partition_point(|old| old.start < range.end);
        if from >= to {
            return;
        }
        let head = self.ranges[from].start..range.start;
        let tail = range.end..self.ranges[to - 1].end;
        self.ranges.drain(from..to);
        if !tail.is_empty() {
            self.ranges.insert(from, tail);
        }
        if !head.is_empty() {
            self.ranges.insert(from, head);
        }
    }

    /// Takes everything below `floor` out of the set.
    pub(crate) fn remove_below(&mut self, floor: u64) {
        while let Some(first) = self.ranges.front_mut() {
            if first.end > floor {
                first.start = first.start.max(floor);
                return;
            }
            self.ranges.pop_front();
        }
    }

    /// Gives memory back that the set no longer needs.
    pub(crate) fn shrink(&mut self) {
        /// Ranges that it costs too much to ask for again and again.
        const KEPT: usize = 16;
        if self.ranges.capacity() > KEPT {
            self.ranges.shrink_to(KEPT);
        }
    }

    /// Takes the lowest range out of the set.
    pub(crate) fn pop_first(&mut self) -> Option<Range<u64>> {
        self.ranges.pop_front()
    }

    /// The parts of `range` that are not in the set, ascending.
    pub(crate) fn gaps_in(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let first = self.ranges.partition_point(|old| old.end <= range.start);
        let mut next = range.start;
        let mut held = self.ranges.range(first..);
        std::iter::from_fn(move || {
            while next < range.end {
                let Some(old) = held.next().filter(|old| old.start < range.end) else {
                    let gap = next..range.end;
                    next = range.end;
                    return Some(gap);
                };
                let gap = next..old.start;
                next = old.end;
                if gap.start < gap.end {
                    return Some(gap);
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Range<u64>),
        Remove(Range<u64>),
        RemoveBelow(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let range = (0u64..60, 0u64..12).prop_map(|(start, length)| start..start + length);
        prop_oneof![
            4 => range.clone().prop_map(Step::Insert),
            2 => range.prop_map(Step::Remove),
            1 => (0u64..70).prop_map(Step::RemoveBelow),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(steps in prop::collection::vec(step(), 0..60), ask in 0u64..70, length in 0u64..20) {
            let mut ranges = RangeSet::default();
            let mut model = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Insert(range) => { ranges.insert(range.clone()); model.extend(range); }
                    Step::Remove(range) => { ranges.remove(range.clone()); model.retain(|v| !range.contains(v)); }
                    Step::RemoveBelow(floor) => { ranges.remove_below(floor); model.retain(|v| *v >= floor); }
                }
                let all: Vec<u64> = ranges.iter().flatten().collect();
                prop_assert_eq!(&all, &model.iter().copied().collect::<Vec<_>>());
                let tight = ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.end < b.start);
                prop_assert!(tight, "ranges touch: {:?}", ranges);
            }
            prop_assert_eq!(ranges.last().map(|range| range.end - 1), model.last().copied());
            prop_assert_eq!(ranges.contains(ask), model.contains(&ask));
            let gaps: Vec<u64> = ranges.gaps_in(ask..ask + length).flatten().collect();
            let wanted: Vec<u64> = (ask..ask + length).filter(|v| !model.contains(v)).collect();
            prop_assert_eq!(gaps, wanted);
        }
    }
}
