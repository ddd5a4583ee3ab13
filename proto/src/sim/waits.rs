//! How long datagrams waited at a bottleneck.

use std::time::Duration;

/// The waits of the datagrams that passed, their own transmission included, and how much they were.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    all: Vec<Duration>,
    /// Bytes on the wire that passed.
    pub bytes: u64,
}

impl Waits {
    /// A datagram of `bytes` passed after `wait`.
    pub(super) fn note(&mut self, wait: Duration, bytes: u64) {
        self.all.push(wait);
        self.bytes += bytes;
    }

    /// Datagrams that passed.
    pub const fn count(&self) -> usize {
        self.all.len()
    }

    /// The wait that a share of them does not exceed, from 0 to 1; zero if nothing passed.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.all.clone();
        sorted.sort_unstable();
        let below =
            sorted.iter().enumerate().take_while(|(at, _)| *at as f64 <= share * sorted.len() as f64).count();
        below.checked_sub(1).and_then(|at| sorted.get(at)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_what_its_share_does_not_exceed() {
        let mut waits = Waits::default();
        assert_eq!(waits.quantile(0.95), Duration::ZERO);
        (1..=100u32).rev().for_each(|wait| waits.note(Duration::from_millis(wait.into()), 10));
        let at = |share| waits.quantile(share).as_millis();
        assert_eq!((at(0.0), at(0.5), at(0.95), at(1.0)), (1, 51, 96, 100));
        assert_eq!((waits.count(), waits.bytes), (100, 1_000));
    }
}
