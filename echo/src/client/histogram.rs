//! Round trips by length, in constant space.

use std::time::Duration;

/// Bits of precision: a quantile is at most 1/32 (3 %) above the true one.
const BITS: u32 = 5;
const STEPS: usize = 1 << BITS;

/// Counts of durations in nanoseconds; each power of two is cut in 32 equal steps.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; STEPS * (65 - BITS as usize)], total: 0 }
    }

    pub(super) fn record(&mut self, time: Duration) {
        self.counts[index(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))] += 1;
        self.total += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.total += other.total;
    }

    /// The time that a share of `percent` of all recorded times does not exceed; `None` while nothing is recorded.
    pub(super) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let index = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_nanos(upper_bound(index)))
    }
}

fn index(nanoseconds: u64) -> usize {
    let octave = (u64::BITS - nanoseconds.leading_zeros()).saturating_sub(BITS + 1);
    let step = usize::try_from(nanoseconds >> octave).expect("less than two times STEPS");
    STEPS * octave as usize + step
}

/// The largest number with this index.
const fn upper_bound(index: usize) -> u64 {
    if index < STEPS * 2 {
        return index as u64;
    }
    let octave = index / STEPS - 1;
    let step = (index % STEPS + STEPS) as u64;
    (step << octave) + ((1 << octave) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_within_its_step() {
        for number in (0..4_000).chain((0..64).map(|bit| 1 << bit)).chain((0..64).map(|bit| u64::MAX >> bit))
        {
            let upper = upper_bound(index(number));
            assert!(upper >= number && upper - number <= number / STEPS as u64, "{number} {upper}");
        }
    }

    #[test]
    fn percentiles_of_a_known_set() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.percentile(50), None);
        (1..=100).for_each(|time| histogram.record(Duration::from_micros(time)));
        let close = |percent: u64| histogram.percentile(percent).unwrap().as_nanos() / 1_000;
        assert!((50..=51).contains(&close(50)), "{}", close(50));
        assert!((99..=102).contains(&close(99)), "{}", close(99));
    }
}
