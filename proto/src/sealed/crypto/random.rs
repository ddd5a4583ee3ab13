//! Randomness as an argument: a generator seeded by the caller.

use zeroize::Zeroizing;

use crate::sealed::crypto::mac;

/// A generator of unpredictable bytes, seeded once with 32 bytes that must come from the system's own source.
///
/// The same seed gives the same bytes, which makes a simulation repeatable. After each block the state is replaced by
/// a one-way function of itself, so that who reads the memory later cannot compute keys handed out earlier.
/// It is deliberately not `Clone`: two copies would give the same keys twice.
pub struct Random {
    state: Zeroizing<[u8; 32]>,
}

impl Random {
    /// A generator that starts from `seed`.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { state: Zeroizing::new(seed) }
    }

    /// 32 unpredictable bytes.
    pub fn block(&mut self) -> Zeroizing<[u8; 32]> {
        let out = Zeroizing::new(mac::derive(&self.state, mac::LABEL_RANDOM_OUT));
        *self.state = mac::derive(&self.state, mac::LABEL_RANDOM_NEXT);
        out
    }

    /// `N` unpredictable bytes, at most 32 (checked when compiling).
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32) };
        *self.block().first_chunk().expect("N is at most 32")
    }

    /// An unpredictable number.
    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.bytes())
    }

    /// An unpredictable number.
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.bytes())
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random") // never its state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let mut one = Random::from_seed([7; 32]);
        let mut two = Random::from_seed([7; 32]);
        let mut other = Random::from_seed([8; 32]);
        let first = one.u64();
        assert_eq!(first, two.u64());
        assert_ne!(first, other.u64());
        assert_ne!(first, one.u64(), "each block is a new one");
    }
}
