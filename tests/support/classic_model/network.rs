//! A seeded bad network on a virtual clock.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::Time;

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Faults {
    /// Datagrams lost, of 256.
    pub(super) loss: u8,
    /// Datagrams that arrive twice, of 256.
    pub(super) duplication: u8,
    /// How much later than its time a datagram may come, in milliseconds.
    pub(super) jitter_ms: u8,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// From the exit to this entry.
    Entry(u8),
    /// From this entry to the exit.
    Exit(u8),
}

/// Datagrams on their way.
#[derive(Debug)]
pub(super) struct Network {
    /// What it does from now on.
    pub(super) faults: Faults,
    way: BTreeMap<(Time, u64), (To, Vec<u8>)>,
    sent: u64,
    random: u64,
}

/// How long a datagram takes at least.
const DELAY: Duration = Duration::from_millis(20);

impl Faults {
    /// Everything arrives once and in order.
    pub(super) const NONE: Self = Self { loss: 0, duplication: 0, jitter_ms: 0 };
}

impl Network {
    /// With nothing on its way.
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self { faults, way: BTreeMap::new(), sent: 0, random: seed }
    }

    /// Takes a datagram.
    pub(super) fn send(&mut self, now: Time, to: To, datagram: &[u8]) {
        let copies = match (self.chance(self.faults.loss), self.chance(self.faults.duplication)) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        for _ in 0..copies {
            let late = self.random() % (u64::from(self.faults.jitter_ms) + 1);
            self.sent += 1;
            let at = now + DELAY + Duration::from_millis(late);
            self.way.insert((at, self.sent), (to, datagram.to_vec()));
        }
    }

    /// When the next datagram arrives.
    pub(super) fn next(&self) -> Option<Time> {
        self.way.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next datagram.
    pub(super) fn receive(&mut self) -> Option<(To, Vec<u8>)> {
        self.way.pop_first().map(|(_, datagram)| datagram)
    }

    fn chance(&mut self, of_256: u8) -> bool {
        self.random() % 256 < u64::from(of_256)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
