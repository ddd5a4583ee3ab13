//! Which counters have been received: the sliding window against replay (RFC 6479's form of it).

/// Implementation: counters remembered behind the highest one, beside the word being filled.
///
/// A packet further behind is refused, and its frames are sent again. 16,384 packets of 1,452 bytes are 19 ms at
/// 10 Gbit/s and 190 ms at 1 Gbit/s, more than paths reorder by; they cost 2 KiB a link.
pub const WINDOW: u64 = (WORDS - 1) * WORD;

/// Counters in a word.
const WORD: u64 = 64;
/// Words in the ring.
const WORDS: u64 = 256;

/// Counters received on one link in one direction. One window serves all sessions of a link, because counters go on
/// across new keys.
///
/// Ask [`Replay::is_new`] before a packet is opened, which saves the work; tell [`Replay::mark`] after it was opened,
/// since only then is its counter true.
#[derive(Clone, Debug)]
pub struct Replay {
    /// One more than the highest counter marked; 0 when none is.
    next: u64,
    bits: [u64; 256],
}

impl Replay {
    /// A window that has seen nothing.
    pub const fn new() -> Self {
        Self { next: 0, bits: [0; 256] }
    }

    /// Whether a packet with this counter may still be opened: not marked, and not behind the window.
    pub fn is_new(&self, counter: u64) -> bool {
        if counter >= self.next {
            // The last number is not used: nothing could follow it.
            return counter != u64::MAX;
        }
        self.next - 1 - counter < WINDOW && self.bits[slot(counter)] & bit(counter) == 0
    }

    /// Remembers that the packet with this counter was opened. False, and nothing changes, if it was not new.
    pub fn mark(&mut self, counter: u64) -> bool {
        if !self.is_new(counter) {
            return false;
        }
        if counter >= self.next {
            self.slide_to(counter);
        }
        self.bits[slot(counter)] |= bit(counter);
        true
    }

    /// Clears the words between the old front and the word of `counter`, and makes it the front.
    fn slide_to(&mut self, counter: u64) {
        let new = counter / WORD;
        if let Some(highest) = self.next.checked_sub(1) {
            let steps = (new - highest / WORD).min(WORDS);
            for step in 0..steps {
                self.bits[slot((new - step) * WORD)] = 0;
            }
        }
        self.next = counter + 1;
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

fn slot(counter: u64) -> usize {
    usize::try_from(counter / WORD % WORDS).expect("less than the words there are")
}

fn bit(counter: u64) -> u64 {
    1 << (counter % WORD)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_edges_of_the_window() {
        let mut window = Replay::new();
        assert!(window.mark(0) && !window.mark(0));
        assert!(window.mark(WINDOW), "jump");
        assert!(!window.is_new(0), "0 is now just behind the window");
        assert!(window.is_new(1), "1 is its last");
        assert!(window.mark(1) && !window.mark(1));
        assert!(window.mark(u64::MAX - 1));
        assert!(!window.is_new(u64::MAX), "the last number is not used");
        assert!(window.is_new(u64::MAX - 2) && !window.is_new(2));
    }

    /// Whatever was marked before, after a jump nothing that was not marked counts as marked.
    #[test]
    fn a_jump_leaves_no_old_marks() {
        let ring = WORDS * WORD;
        for jump in [1, WORD, WINDOW, ring - 1, ring, ring + 1, ring + WORD, 2 * ring - 1, 3 * ring + 5] {
            let mut window = Replay::new();
            assert!((0..ring).all(|counter| window.mark(counter)));
            let front = ring - 1 + jump;
            assert!(window.mark(front));
            let first = ring.max(front - (WINDOW - 1));
            assert!((first..front).all(|counter| window.is_new(counter)), "jump of {jump}");
            assert!((front - WINDOW + 1..ring).all(|counter| !window.is_new(counter)), "jump of {jump}");
        }
    }

    /// Steps that stay near the front, cross words, and jump past the whole ring.
    fn counters() -> impl Strategy<Value = Vec<u64>> {
        let step = prop_oneof![-200_i64..200, -17_000_i64..17_000, 0_i64..40_000];
        (0_u64..100_000, prop::collection::vec(step, 1..400)).prop_map(|(start, steps)| {
            let next = |at: &mut u64, step: i64| {
                *at = at.saturating_add_signed(step);
                Some(*at)
            };
            steps.into_iter().scan(start, next).collect()
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_all_counters(counters in counters()) {
            let (mut window, mut seen) = (Replay::new(), BTreeSet::new());
            for counter in counters {
                let behind = seen.last().is_some_and(|last: &u64| last.saturating_sub(counter) >= WINDOW);
                let expected = !behind && !seen.contains(&counter);
                prop_assert_eq!(window.is_new(counter), expected);
                prop_assert_eq!(window.mark(counter), expected);
                if expected {
                    seen.insert(counter);
                }
            }
        }
    }
}
