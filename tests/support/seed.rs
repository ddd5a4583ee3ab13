//! One seed for all random decisions of a run.

/// The seed of this run: `PASO_SEED`, or a fixed one, so that two runs are the same unless asked otherwise.
/// A failing test prints it.
#[must_use]
pub fn seed() -> u64 {
    std::env::var("PASO_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121)
}

/// Prints the seed if the test panics while this is alive.
#[derive(Debug)]
pub struct SeedOnFailure;

impl Drop for SeedOnFailure {
    #[expect(clippy::print_stderr, reason = "it belongs to the test's output")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}: run again with PASO_SEED={}", seed(), seed());
        }
    }
}

/// A number from 0 to 1 that depends on its arguments alone: the decision of a bad network about one datagram.
pub(crate) fn chance(seed: u64, index: u64, question: u64) -> f64 {
    let mut z =
        seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ question.wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
