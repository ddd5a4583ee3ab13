//! What arrived in the last fifth of a second, and how long it took at the least.

use super::round::per_second;
use crate::time::Time;
use std::time::Duration;

/// A slot of time, in nanoseconds.
const SLOT: u64 = 12_000_000;

/// Together a fifth of a second: a cell's scheduler has served us several times in it, and its rate has not changed much.
const SLOTS: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    bytes: u64,
    lowest_rtt: Option<Duration>,
}

/// The newest slots of time, in a ring. In those of an outage nothing arrived.
#[derive(Debug, Default)]
pub(super) struct Recent {
    slots: [Slot; SLOTS],
    /// The number of the newest slot, counted from the beginning of time.
    newest: u64,
    /// Bytes delivered so far; a link's earlier path may have delivered some.
    delivered: Option<u64>,
}

impl Recent {
    /// An acknowledgement came after which `delivered` bytes have arrived, the newest within `rtt`.
    pub(super) fn add(&mut self, now: Time, delivered: u64, rtt: Duration) {
        let number = now.as_nanos() / SLOT;
        if number > self.newest {
            let skipped = usize::try_from(number - self.newest).unwrap_or(SLOTS).min(SLOTS);
            (0..skipped).for_each(|back| *self.slot(number - back as u64) = Slot::default());
            self.newest = number;
        }
        let bytes = delivered - self.delivered.replace(delivered).unwrap_or(delivered);
        let slot = self.slot(number);
        slot.bytes += bytes;
        slot.lowest_rtt = Some(slot.lowest_rtt.map_or(rtt, |lowest| lowest.min(rtt)));
    }

    /// Bytes a second.
    pub(super) fn rate(&self, now: Time) -> u64 {
        let bytes = self.slots.iter().map(|slot| slot.bytes).sum();
        per_second(bytes, Duration::from_nanos((SLOTS as u64 - 1) * SLOT + now.as_nanos() % SLOT))
    }

    /// The lowest round trip.
    pub(super) fn lowest_rtt(&self) -> Option<Duration> {
        self.slots.iter().filter_map(|slot| slot.lowest_rtt).min()
    }

    fn slot(&mut self, number: u64) -> &mut Slot {
        &mut self.slots[usize::try_from(number % SLOTS as u64).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A thousand bytes a millisecond until then; the round trip is 50 ms, and shorter at the end.
    fn fed(until: u32) -> Recent {
        let mut recent = Recent::default();
        for at in 0..=until {
            let rtt = if at == until { 40 } else { 50 };
            recent.add(Time::ZERO + MS * at, u64::from(at) * 1_000, MS * rtt);
        }
        recent
    }

    #[test]
    fn what_comes_evenly_shows_its_rate_and_its_shortest_round_trip() {
        let rate = fed(500).rate(Time::ZERO + MS * 500);
        assert!((990_000..1_020_000).contains(&rate), "{rate}");
        assert_eq!(fed(500).lowest_rtt(), Some(MS * 40));
    }

    #[test]
    fn an_outage_counts_and_what_was_before_a_long_one_does_not() {
        for (silent, most) in [(100, 600_000), (1_000, 10_000), (100_000, 10_000)] {
            let (mut recent, now) = (fed(500), Time::ZERO + MS * (500 + silent));
            recent.add(now, 501_000, MS * silent);
            assert!(recent.rate(now) <= most, "{} after {silent} ms", recent.rate(now));
            assert_eq!(recent.lowest_rtt(), Some(MS * if silent > 500 { silent } else { 40 }));
        }
    }
}
