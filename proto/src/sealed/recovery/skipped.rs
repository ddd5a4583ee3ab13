//! Packet numbers that are left out at random: who acknowledges one has not waited for what it acknowledges (RFC 9000
//! section 21.4).

use crate::sealed::crypto::random::Random;
use std::collections::VecDeque;
use std::ops::Range;

/// Packets before the first number that is left out: this many, and up to as many more. A peer that acknowledges whatever
/// may have been sent is found out before start-up has got far.
const FIRST: u64 = 64;

/// Packets between two of them later: this many, and up to as many more. Each makes the receiver acknowledge one packet at
/// once that could have waited: one acknowledgement in forty more.
const LATER: u64 = 256;

/// How many are remembered though nothing below them is in flight any more.
const REMEMBERED: usize = 16;

/// The numbers left out.
#[derive(Debug)]
pub(crate) struct Skipped {
    random: Random,
    /// The next number to leave out.
    next: u64,
    /// Those that an acknowledgement could still name for its sender's profit, ascending.
    numbers: VecDeque<u64>,
}

impl Skipped {
    /// Nothing left out yet.
    pub(crate) fn new(mut random: Random) -> Self {
        let next = FIRST + random.u64() % FIRST;
        Self { random, next, numbers: VecDeque::new() }
    }

    /// Whether packet `number` is to be left out, which it then is. `base`: nothing below it is in flight.
    pub(crate) fn skips(&mut self, number: u64, base: u64) -> bool {
        if number < self.next {
            return false;
        }
        while self.numbers.len() >= REMEMBERED && self.numbers.front().is_some_and(|&oldest| oldest < base) {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
        self.next = number + LATER + self.random.u64() % LATER;
        true
    }

    /// How many numbers a peer that does the same has left out below `number`, as far as can be told from outside: give or take one in
    /// some thousands.
    pub(crate) const fn expected_below(number: u64) -> u64 {
        let (first, step) = (FIRST + FIRST / 2, LATER + LATER / 2);
        if number <= first { 0 } else { 1 + (number - first) / step }
    }

    /// Whether one of `range` was left out.
    pub(crate) fn meets(&self, range: &Range<u64>) -> bool {
        let at = self.numbers.partition_point(|&number| number < range.start);
        self.numbers.get(at).is_some_and(|&number| number < range.end)
    }

    /// A source for another link's numbers.
    pub(crate) fn fork(&mut self) -> Random {
        Random::from_seed(*self.random.block())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_in_some_hundreds_is_left_out_and_told_from_its_neighbours() {
        for seed in 0..50 {
            let mut skipped = Skipped::new(Random::from_seed([seed; 32]));
            let all: Vec<u64> = (0..10_000).filter(|&number| skipped.skips(number, 0)).collect();
            assert!((FIRST..2 * FIRST).contains(&all[0]), "seed {seed}: {}", all[0]);
            let steps = all.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(steps.into_iter().all(|step| (LATER..2 * LATER).contains(&step)), "seed {seed}: {all:?}");
            for &number in &all {
                assert!(skipped.meets(&(number..number + 1)) && skipped.meets(&(0..number + 1)));
                assert!(
                    !skipped.meets(&(number + 1..number + 100)) && !skipped.meets(&(number - 60..number))
                );
            }
        }
    }

    #[test]
    fn how_many_a_peer_has_left_out_can_be_told_without_asking_it() {
        for seed in 0..50 {
            let mut skipped = Skipped::new(Random::from_seed([seed; 32]));
            let mut left_out = 0;
            for number in 0..100_000 {
                left_out += u64::from(skipped.skips(number, 0));
                let off = left_out.abs_diff(Skipped::expected_below(number + 1));
                assert!(off <= 2 + number / 2_000, "seed {seed}: {off} off at {number}");
            }
        }
    }

    #[test]
    fn those_that_matter_no_more_are_forgotten() {
        let mut skipped = Skipped::new(Random::from_seed([1; 32]));
        (0..100_000).filter(|&number| skipped.skips(number, number)).count();
        assert_eq!(skipped.numbers.len(), REMEMBERED);
    }
}
