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
