//! The chance in a simulation: the same seed, the same decisions.

/// A small generator for what a simulated network decides (xorshift64*, Vigna 2016). Not for keys: those come from
/// [`Random`](crate::sealed::crypto::random::Random).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Any seed will do, also 0.
    pub const fn new(seed: u64) -> Self {
        // Neighbouring seeds start far apart, and the state is never 0, where the generator would stay.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 53 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// A number from 0 to below 1.
    pub fn uniform(&mut self) -> f64 {
        self.bits() as f64 / (1u64 << 53) as f64
    }

    /// A number below `end`; 0 if `end` is.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() >> 20).unwrap_or(0) % end.max(1)
    }

    /// True in this share of cases. A share of 0 uses no randomness, so that a fault that is off changes nothing else.
    pub fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.uniform() < share
    }

    /// Changes one bit.
    pub fn flip_bit(&mut self, bytes: &mut [u8]) {
        let bit = self.below(bytes.len() * 8);
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let run = |seed| {
            let mut dice = Dice::new(seed);
            [(); 8].map(|()| dice.bits())
        };
        assert_eq!(run(0), run(0));
        assert_ne!(run(0), run(1));
    }

    #[test]
    fn a_chance_comes_as_often_as_it_says() {
        let mut dice = Dice::new(7);
        for share in [0.0, 0.1, 0.5, 1.0] {
            let hits = (0..10_000).filter(|_| dice.chance(share)).count() as f64 / 10_000.0;
            assert!((hits - share).abs() < 0.02, "{hits} instead of {share}");
        }
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn one_bit_is_changed() {
        let mut bytes = [0; 40];
        Dice::new(1).flip_bit(&mut bytes);
        assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        Dice::new(1).flip_bit(&mut []);
    }
}
