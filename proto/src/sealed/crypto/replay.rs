//! Which counters have been received: the sliding window against replay (RFC 6479's form of it).

/// Implementation: counters remembered behind the highest one, beside the word being filled.
///
/// A packet further behind is refused, and its frames are sent again. 16,384 packets of 1,452 bytes are 19 ms at
/// 10 Gbit/s and 190 ms at 1 Gbit/s, more than paths reorder by; they cost 2 KiB a link.
pub const WINDOW: u64 = (WORDS - 1) * WORD;

/// Counters in a word.
const WORD: u64 = 64;
/// Words in the ring, at the most.
const WORDS: u64 = 256;
/// Words that a dormant link keeps: `PROTOCOL.md` asks for 4,096 counters at the least, which are 64 words and the one being filled; a power of
/// two, 1 KiB.
const WORDS_IF_DORMANT: u64 = 128;

/// Counters received on one link in one direction. One window serves all sessions of a link, because counters go on
/// across new keys.
///
/// Ask [`Replay::is_new`] before a packet is opened, which saves the work; tell [`Replay::mark`] after it was opened,
/// since only then is its counter true.
#[derive(Clone, Debug)]
pub struct Replay {
    /// One more than the highest counter marked; 0 when none is.
    next: u64,
    /// The first word that counts: what is before it is refused.
    first: u64,
    /// A ring as large as is needed to remember what came since `first`; its length is a power of two.
    bits: Vec<u64>,
}

impl Replay {
    /// A window that has seen nothing.
    pub const fn new() -> Self {
        Self { next: 0, first: 0, bits: Vec::new() }
    }

    /// Whether a packet with this counter may still be opened: not marked, and not behind the window.
    pub fn is_new(&self, counter: u64) -> bool {
        if counter >= self.next {
            // The last number is not used: nothing could follow it.
            return counter != u64::MAX;
        }
        let is_within = self.next - 1 - counter < WINDOW && counter / WORD >= self.first;
        is_within && self.bits[self.slot(counter / WORD)] & bit(counter) == 0
    }

    /// Remembers that the packet with this counter was opened. False, and nothing changes, if it was not new.
    pub fn mark(&mut self, counter: u64) -> bool {
        if !self.is_new(counter) {
            return false;
        }
        if counter >= self.next {
            self.slide_to(counter);
        }
        let slot = self.slot(counter / WORD);
        self.bits[slot] |= bit(counter);
        true
    }

    /// Nothing but signs of life came for a while: gives back what is remembered of packets that are far behind. They are
    /// refused from now on.
    pub fn rest(&mut self) {
        let front = self.next.saturating_sub(1) / WORD;
        if front - self.first >= WORDS_IF_DORMANT {
            self.first = front - (WORDS_IF_DORMANT - 1);
            self.resize(WORDS_IF_DORMANT, front);
        }
    }

    /// Clears the words between the old front and the word of `counter`, and makes it the front.
    fn slide_to(&mut self, counter: u64) {
        let new = counter / WORD;
        let old = self.next.checked_sub(1).map(|highest| highest / WORD);
        let wanted = (new - self.first).saturating_add(1).min(WORDS).next_power_of_two();
        if wanted > self.size() {
            self.resize(wanted, old.unwrap_or(self.first));
        }
        if let Some(old) = old {
            let steps = (new - old).min(self.size());
            for step in 0..steps {
                let slot = self.slot(new - step);
                self.bits[slot] = 0;
            }
        }
        self.first = self.first.max(new.saturating_sub(WORDS - 1));
        self.next = counter + 1;
    }

    /// Another ring, of `size` words, with those up to `front` that count and have room in it.
    fn resize(&mut self, size: u64, front: u64) {
        let mut ring = vec![0; usize::try_from(size).expect("no more than the words there are")];
        let kept = (front - self.first).min(size - 1).min(self.size().saturating_sub(1));
        if self.size() > 0 {
            for word in front - kept..=front {
                ring[place(word, size)] = self.bits[self.slot(word)];
            }
        }
        self.bits = ring;
    }

    const fn size(&self) -> u64 {
        self.bits.len() as u64
    }

    fn slot(&self, word: u64) -> usize {
        place(word, self.size())
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a word is in a ring of so many, a power of two.
fn place(word: u64, size: u64) -> usize {
    usize::try_from(word & size.wrapping_sub(1)).expect("less than the words there are")
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

    #[test]
    fn a_link_that_has_carried_little_or_rests_remembers_little() {
        let mut window = Replay::new();
        assert!((0..WORD).all(|counter| window.mark(counter)));
        assert_eq!(window.size(), 1);
        assert!((WORD..20_000).all(|counter| window.mark(counter)));
        assert_eq!(window.size(), WORDS);
        assert!(window.mark(20_050));
        window.rest();
        assert_eq!(window.size(), WORDS_IF_DORMANT);
        assert!(!window.is_new(19_999) && !window.is_new(1) && !window.is_new(20_050), "marked, or behind");
        assert!((20_000..20_050).all(|counter| window.mark(counter)), "late, but not by far");
        assert!((20_051..50_000).all(|counter| window.mark(counter) && !window.is_new(counter)));
        assert_eq!(window.size(), WORDS);
        assert!(!window.is_new(50_000 - WORD) && !window.is_new(20_050));
        window.rest();
        window.rest();
        assert!(window.mark(u64::MAX - 1) && !window.is_new(49_999));
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
