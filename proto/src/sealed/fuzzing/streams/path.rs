//! A path that loses, delays, repeats and reorders packets, and can be told to do so more or less.

use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When a packet arrives, its place among those that left; its number, its payload.
type Underway = BTreeMap<(Time, u64), (u64, Vec<u8>)>;

/// Both directions.
#[derive(Debug)]
pub(super) struct Path {
    random: u64,
    /// Of 256 packets so many are lost.
    loss: u64,
    /// Of 256 packets so many arrive twice.
    twice: u64,
    delay: Duration,
    /// Larger payloads vanish.
    mtu: usize,
    order: u64,
    underway: [Underway; 2],
    /// The link's replay window lets no packet through twice.
    seen: [BTreeSet<u64>; 2],
}

impl Path {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            loss: 0,
            twice: 0,
            delay: Duration::from_millis(5),
            mtu: 1_472,
            order: 0,
            underway: Default::default(),
            seen: Default::default(),
        }
    }

    pub(super) fn change(&mut self, which: u8, amount: u8) {
        match which % 4 {
            0 => self.loss = u64::from(amount) / 2,
            1 => self.loss = if amount & 1 == 1 { 256 } else { 0 },
            2 => (self.twice, self.mtu) = (u64::from(amount) / 4, 1_150 + usize::from(amount) * 4),
            _ => self.delay = Duration::from_micros(u64::from(amount) * 700),
        }
    }

    pub(super) fn heal(&mut self) {
        (self.loss, self.twice, self.mtu) = (0, 0, 1_472);
    }

    fn dice(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 24 & 255
    }

    /// `way`: 0 from the client, 1 from the server.
    pub(super) fn send(&mut self, way: usize, now: Time, number: u64, payload: &[u8]) {
        if self.dice() < self.loss || payload.len() > self.mtu {
            return;
        }
        let copies = if self.dice() < self.twice { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = if self.dice() < 40 { u32::try_from(self.dice()).unwrap_or(0) } else { 0 };
            let due = now + self.delay + self.delay * jitter / 64;
            self.order += 1;
            self.underway[way].insert((due, self.order), (number, payload.to_vec()));
        }
    }

    pub(super) fn arrive(&mut self, way: usize, now: Time) -> Option<(u64, Vec<u8>)> {
        loop {
            let first = self.underway[way].first_entry().filter(|first| first.key().0 <= now)?;
            let packet = first.remove();
            if self.seen[way].insert(packet.0) {
                return Some(packet);
            }
        }
    }

    pub(super) fn next(&self) -> Time {
        let first = |way: &BTreeMap<(Time, u64), _>| way.keys().next().map(|key| key.0);
        self.underway.iter().filter_map(first).min().unwrap_or(Time::NEVER)
    }
}
