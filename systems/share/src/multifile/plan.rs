//! Who is to bring which block: a queue that all holders take from as fast as each can, so that a fast one brings more. What a
//! holder that goes has not brought is back in the queue. When nothing waits any more, holders that are idle are given what others
//! have had for longest, so that a slow one does not hold up the end.
//!
//! A state machine without I/O and clock. Ask [`next`](Plan::next) for each holder; say what came of it with
//! [`arrived`](Plan::arrived) or [`leave`](Plan::leave), and ask again, also for those who were told to wait.

use std::collections::{BTreeMap, VecDeque};

/// How many holders may be busy with the same block, as long as one of them may bring it soon.
const COPIES: usize = 2;

/// A holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HolderId(u32);

/// What a holder does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Bring this block.
    Fetch(u32),
    /// Wait until something changes.
    Wait,
    /// Nothing: all blocks are there.
    Finished,
}

/// The plan of one file.
#[derive(Clone, Debug)]
pub struct Plan {
    blocks: Vec<Block>,
    waiting: VecDeque<u32>,
    /// Blocks that are not there yet.
    missing: usize,
    holders: BTreeMap<HolderId, Holder>,
    last_holder: u32,
    /// Counts what is given out: a smaller number was given earlier.
    given: u64,
}

#[derive(Clone, Debug)]
enum Block {
    Waiting,
    /// Holders are busy with it; the number says since when.
    With {
        holders: Vec<HolderId>,
        since: u64,
    },
    There,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holder {
    brought: u32,
}

impl Plan {
    /// A file of so many blocks, of which these are there already.
    pub fn new(blocks: u32, is_there: impl Fn(u32) -> bool) -> Self {
        let blocks: Vec<Block> =
            (0..blocks).map(|block| if is_there(block) { Block::There } else { Block::Waiting }).collect();
        let waiting: VecDeque<u32> = (0..)
            .zip(&blocks)
            .filter(|(_, block)| matches!(block, Block::Waiting))
            .map(|(at, _)| at)
            .collect();
        let missing = waiting.len();
        Self { blocks, waiting, missing, holders: BTreeMap::new(), last_holder: 0, given: 0 }
    }

    /// Whether all blocks are there.
    pub const fn is_finished(&self) -> bool {
        self.missing == 0
    }

    /// Whether nobody brings what is missing.
    pub fn is_stuck(&self) -> bool {
        !self.is_finished() && self.holders.is_empty()
    }

    /// How many blocks this holder was the first to bring.
    pub fn brought(&self, holder: HolderId) -> u32 {
        self.holders.get(&holder).map_or(0, |holder| holder.brought)
    }

    /// One more brings blocks.
    pub fn join(&mut self) -> HolderId {
        self.last_holder += 1;
        let id = HolderId(self.last_holder);
        self.holders.insert(id, Holder::default());
        id
    }

    /// It brings none any more: it has gone, or what it brought was wrong.
    pub fn leave(&mut self, holder: HolderId) {
        self.holders.remove(&holder);
        for (at, block) in (0..).zip(&mut self.blocks) {
            let Block::With { holders, .. } = block else { continue };
            let before = holders.len();
            holders.retain(|other| *other != holder);
            if before > 0 && holders.is_empty() {
                *block = Block::Waiting;
                // It is late already.
                self.waiting.push_front(at);
            }
        }
    }

    /// What this holder does next.
    pub fn next(&mut self, holder: HolderId) -> Next {
        self.give(holder, COPIES)
    }

    /// The same for one that has had nothing to do for long: those who are busy with what is missing may never bring it, so it does not
    /// count how many they are.
    pub fn next_late(&mut self, holder: HolderId) -> Next {
        self.give(holder, usize::MAX)
    }

    /// `copies`: how many holders may be busy with the same block.
    fn give(&mut self, holder: HolderId, copies: usize) -> Next {
        if self.is_finished() {
            return Next::Finished;
        }
        if !self.holders.contains_key(&holder) {
            return Next::Wait;
        }
        let Some(at) = self.waiting.pop_front().or_else(|| self.late_block(holder, copies)) else {
            return Next::Wait;
        };
        self.given += 1;
        match self.blocks.get_mut(at as usize) {
            Some(Block::With { holders, since }) => {
                holders.push(holder);
                *since = self.given;
            }
            Some(block) => *block = Block::With { holders: vec![holder], since: self.given },
            None => return Next::Wait,
        }
        Next::Fetch(at)
    }

    /// What others have had for longest.
    fn late_block(&self, holder: HolderId, copies: usize) -> Option<u32> {
        let late = |(at, block): (u32, &Block)| match block {
            Block::With { holders, since } if holders.len() < copies && !holders.contains(&holder) => {
                Some((*since, at))
            }
            Block::With { .. } | Block::Waiting | Block::There => None,
        };
        (0..).zip(&self.blocks).filter_map(late).min().map(|(_, at)| at)
    }

    /// The holder has brought this block, and it is right. Whether it was the first.
    pub fn arrived(&mut self, holder: HolderId, at: u32) -> bool {
        let Some(block) = self.blocks.get_mut(at as usize) else { return false };
        match block {
            Block::There => return false,
            // Its holder had left, and it came all the same.
            Block::Waiting => self.waiting.retain(|other| *other != at),
            Block::With { .. } => {}
        }
        *block = Block::There;
        self.missing -= 1;
        if let Some(holder) = self.holders.get_mut(&holder) {
            holder.brought += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use super::*;

    #[test]
    fn what_a_holder_has_not_brought_is_for_others() {
        let mut plan = Plan::new(3, |block| block == 1);
        let (a, b) = (plan.join(), plan.join());
        assert_eq!((plan.next(a), plan.next(a)), (Next::Fetch(0), Next::Fetch(2)));
        assert_eq!(plan.next(a), Next::Wait, "it has them already");
        assert_eq!(plan.next(b), Next::Fetch(0), "what is late");
        assert!(plan.arrived(b, 0));
        assert!(!plan.arrived(a, 0), "it was there");
        plan.leave(a);
        assert_eq!(plan.next(b), Next::Fetch(2));
        plan.leave(b);
        assert!(plan.is_stuck());
        assert!(plan.arrived(b, 2), "it came all the same");
        assert!(plan.is_finished() && !plan.is_stuck());
        assert_eq!(plan.next(a), Next::Finished);
        assert!(Plan::new(0, |_| false).is_finished());
    }

    #[test]
    fn two_who_bring_nothing_keep_nothing() {
        let mut plan = Plan::new(1, |_| false);
        let (a, b, c) = (plan.join(), plan.join(), plan.join());
        assert_eq!((plan.next(a), plan.next(b), plan.next(c)), (Next::Fetch(0), Next::Fetch(0), Next::Wait));
        assert_eq!((plan.next_late(a), plan.next_late(c)), (Next::Wait, Next::Fetch(0)));
        assert!(plan.arrived(c, 0) && plan.is_finished());
    }

    /// Small, and the same numbers each time.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }
    }

    /// What a simulated holder does; times are in milliseconds for a block.
    struct Simulated {
        id: HolderId,
        each: u64,
        /// It vanishes then, without a word.
        until: u64,
        busy: usize,
    }

    /// Downloads by the clock: how long it took, and how many blocks each brought; `None`: nobody was left.
    fn simulate(seed: u64, blocks: u32, mut holders: Vec<(u64, u64)>) -> Option<(u64, Vec<u32>)> {
        const WINDOW: usize = 2;
        let mut numbers = Numbers(seed * 2 + 1);
        let there = numbers.below(u64::from(blocks) + 1);
        let mut plan = Plan::new(blocks, |block| u64::from(block) < there / 4);
        let mut all: Vec<Simulated> = holders
            .drain(..)
            .map(|(each, until)| Simulated { id: plan.join(), each, until, busy: 0 })
            .collect();
        let mut counts = vec![0; all.len()];
        let mut events = BinaryHeap::new();
        let mut now = 0;
        loop {
            for (at, holder) in all.iter_mut().enumerate() {
                while holder.busy < WINDOW
                    && holder.until > now
                    && let Next::Fetch(block) = plan.next(holder.id)
                {
                    holder.busy += 1;
                    let jitter = numbers.below(holder.each / 4 + 1);
                    let time = now + holder.each * holder.busy as u64 + jitter;
                    events.push(std::cmp::Reverse((time, at, block)));
                }
            }
            if plan.is_finished() {
                return Some((now, counts));
            }
            let std::cmp::Reverse((time, at, block)) = events.pop()?;
            now = time;
            let holder = &mut all[at];
            holder.busy -= 1;
            if holder.until > now {
                counts[at] += u32::from(plan.arrived(holder.id, block));
            } else {
                plan.leave(holder.id);
            }
        }
    }

    #[test]
    fn each_block_comes_once_whoever_goes() {
        for seed in 0..500 {
            let mut numbers = Numbers(seed + 1);
            let blocks = u32::try_from(numbers.below(200)).unwrap();
            let count = 1 + numbers.below(6);
            let mut holders: Vec<(u64, u64)> =
                (0..count).map(|_| (1 + numbers.below(50), numbers.below(2_000))).collect();
            // One stays.
            holders[0].1 = u64::MAX;
            let simulated = simulate(seed, blocks, holders);
            let (_, counts) = simulated.unwrap_or_else(|| panic!("seed {seed}: nobody brings the rest"));
            assert!(counts.iter().sum::<u32>() <= blocks, "seed {seed}");
        }
    }

    #[test]
    fn the_fast_bring_more_and_the_slow_hold_nothing_up() {
        for seed in 0..100 {
            let (time, counts) =
                simulate(seed, 400, vec![(10, u64::MAX), (40, u64::MAX), (20_000, u64::MAX)]).unwrap();
            let (fast, slow) = (f64::from(counts[0]), f64::from(counts[1]));
            assert!((3.0..5.5).contains(&(fast / slow)), "seed {seed}: {counts:?}");
            // What the slowest has begun is fetched from another: it alone would take 20 s for one block.
            assert!(time < 6_000, "seed {seed}: {time} ms, {counts:?}");
        }
    }

    #[test]
    fn with_nobody_left_it_is_stuck() {
        assert_eq!(simulate(1, 50, vec![(10, 100), (10, 50)]), None);
    }
}
