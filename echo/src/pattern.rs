//! The bytes a client sends: random to look at, a function of a seed and an offset, and cheap to make at any offset.

/// Length of the block of noise from which a whole pattern is made, in bytes. It fits a level 2 cache.
const BLOCK: usize = 1 << 16;

/// An endless string of bytes, different for every `(seed, client)`.
///
/// Block `b` of the string is one fixed block of noise, every eight bytes of it XORed with a key of `b`: as good as random
/// for finding out where a few bytes come from, and several times cheaper than a generator, so that making
/// and checking the data costs little beside moving it.
#[derive(Debug, Clone)]
pub struct Pattern {
    noise: Box<[u8]>,
    seed: u64,
}

impl Pattern {
    /// The pattern of client number `client` under `seed`.
    #[must_use]
    pub fn new(seed: u64, client: u64) -> Self {
        let seed = mix(seed ^ mix(client));
        let noise = (0..BLOCK as u64 / 8).flat_map(|word| mix(seed ^ mix(word)).to_le_bytes()).collect();
        Self { noise, seed }
    }

    /// Writes the bytes of the pattern that begin at `offset` over `out`.
    pub fn fill(&self, mut offset: u64, mut out: &mut [u8]) {
        while !out.is_empty() {
            let block = offset / BLOCK as u64;
            let start = usize::try_from(offset % BLOCK as u64).expect("less than a block");
            let (head, tail) = out.split_at_mut(out.len().min(BLOCK - start));
            let mut key = mix(self.seed.wrapping_add(block)).to_le_bytes();
            key.rotate_left(start % 8);
            xor(head, &self.noise[start..start + head.len()], key);
            offset += head.len() as u64;
            out = tail;
        }
    }

    /// `length` bytes of the pattern from `offset` on.
    #[must_use]
    pub fn bytes(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(offset, &mut bytes);
        bytes
    }
}

/// `out = noise ^ key key key …`, eight bytes at a time so that the compiler makes vector instructions of it.
fn xor(out: &mut [u8], noise: &[u8], key: [u8; 8]) {
    let (out_words, out_rest) = out.as_chunks_mut::<8>();
    let (noise_words, noise_rest) = noise.as_chunks::<8>();
    let word_key = u64::from_ne_bytes(key);
    for (out, noise) in out_words.iter_mut().zip(noise_words) {
        *out = (u64::from_ne_bytes(*noise) ^ word_key).to_ne_bytes();
    }
    for ((out, noise), key) in out_rest.iter_mut().zip(noise_rest).zip(key) {
        *out = noise ^ key;
    }
}

/// The output function of SplitMix64 (Steele, Lea, Flood 2014) over a counter.
const fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_of_the_pattern_is_the_same_bytes() {
        let pattern = Pattern::new(7, 3);
        let whole = pattern.bytes(BLOCK as u64 - 40, 100);
        for start in 0..100 {
            for end in start..100 {
                let part = pattern.bytes(BLOCK as u64 - 40 + start as u64, end - start);
                assert_eq!(part, whole[start..end], "cut {start}..{end}");
            }
        }
    }

    #[test]
    fn clients_seeds_and_blocks_differ() {
        let first = Pattern::new(1, 0).bytes(0, 64);
        assert_ne!(first, Pattern::new(1, 1).bytes(0, 64));
        assert_ne!(first, Pattern::new(2, 0).bytes(0, 64));
        assert_ne!(first, Pattern::new(1, 0).bytes(BLOCK as u64, 64));
    }

    #[test]
    fn bytes_are_spread_evenly() {
        let mut seen = [0_u32; 256];
        for byte in Pattern::new(1, 1).bytes(0, 1 << 20) {
            seen[usize::from(byte)] += 1;
        }
        assert!(
            seen.iter().all(|count| (3_600..4_600).contains(count)),
            "expected about 4096 each: {seen:?}"
        );
    }
}
