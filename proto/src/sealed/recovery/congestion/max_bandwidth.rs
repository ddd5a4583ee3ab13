//! The highest rate delivered of late.

use std::collections::VecDeque;

/// Rounds that a rate counts: a whole cycle of the controller and a bit.
const ROUNDS: usize = 10;

/// The delivered rates of the last rounds, in bytes a second.
#[derive(Debug, Default)]
pub(super) struct MaxBandwidth {
    rounds: VecDeque<u64>,
    /// The highest of them: asked for with every packet.
    highest: u64,
}

impl MaxBandwidth {
    /// The highest; 0 before the first.
    pub(super) const fn rate(&self) -> u64 {
        self.highest
    }

    /// A round is over that delivered `rate`.
    pub(super) fn push(&mut self, rate: u64) {
        self.rounds.push_back(rate);
        if self.rounds.len() > ROUNDS {
            self.rounds.pop_front();
        }
        self.find_highest();
    }

    /// The round that is under way has delivered at least `rate`: start-up does not wait for its end.
    pub(super) fn raise(&mut self, rate: u64) {
        match self.rounds.back_mut() {
            Some(newest) => *newest = rate.max(*newest),
            None => self.rounds.push_back(rate),
        }
        self.find_highest();
    }

    /// The path has become slower: only the last `rounds` still count.
    pub(super) fn keep(&mut self, rounds: usize) {
        let old = self.rounds.len().saturating_sub(rounds);
        self.rounds.drain(..old);
        self.find_highest();
    }

    fn find_highest(&mut self) {
        self.highest = self.rounds.iter().copied().max().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_for_ten_rounds() {
        let mut top = MaxBandwidth::default();
        top.push(9);
        (1..ROUNDS).for_each(|_| top.push(5));
        assert_eq!(top.rate(), 9);
        top.push(5);
        assert_eq!(top.rate(), 5);
    }

    #[test]
    fn the_round_under_way_is_only_raised() {
        let mut top = MaxBandwidth::default();
        top.raise(7);
        top.raise(3);
        assert_eq!((top.rate(), top.rounds.len()), (7, 1));
    }

    #[test]
    fn a_slower_path_forgets_the_old_rates() {
        let mut top = MaxBandwidth::default();
        [9, 8, 3, 4].into_iter().for_each(|rate| top.push(rate));
        top.keep(2);
        assert_eq!(top.rate(), 4);
    }
}
