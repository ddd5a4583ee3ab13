//! A path between two transports: delay, bottleneck, loss, reordering, repetition, death.

use super::bottleneck::Bottleneck;
use crate::time::Time;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// What a path does, each way alike.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) rtt: Duration,
    /// Extra delay of each packet, from nothing to this; packets overtake each other.
    pub(crate) jitter: Duration,
    /// Share of packets lost at random before the bottleneck.
    pub(crate) loss: f64,
    /// Mean length of a run of losses, in packets.
    pub(crate) burst: f64,
    /// Share of packets that arrive twice.
    pub(crate) duplicate: f64,
    /// Bottleneck in bytes a second; 0: none.
    pub(crate) rate: u64,
    /// From each moment on, the bottleneck has another rate. In order.
    pub(crate) rates: Vec<(Time, u64)>,
    /// What the bottleneck holds, as time at its rate.
    pub(crate) queue: Duration,
    /// A policer's rate in bytes a second, 0: none; and the bytes it lets through at once beyond that.
    pub(crate) policed: u64,
    pub(crate) bucket: u64,
    /// Larger UDP payloads vanish.
    pub(crate) mtu: usize,
    /// Dead from the first to the second moment.
    pub(crate) dead: Vec<(Time, Time)>,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            rtt: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            burst: 1.0,
            duplicate: 0.0,
            rate: 0,
            rates: Vec::new(),
            queue: Duration::from_millis(100),
            policed: 0,
            bucket: 0,
            mtu: 1_472,
            dead: Vec::new(),
        }
    }
}

impl Path {
    /// The bottleneck's rate at `now`.
    pub(crate) fn rate_at(&self, now: Time) -> u64 {
        self.rates.iter().rev().find(|(from, _)| *from <= now).map_or(self.rate, |(_, rate)| *rate)
    }
}

/// Bytes that IP and UDP add on the wire.
const HEADERS: u64 = 28;

/// One direction of a path.
#[derive(Debug)]
pub(crate) struct Direction {
    random: u64,
    in_burst: bool,
    /// Where its packets queue; others may too.
    pub(crate) bottleneck: Rc<RefCell<Bottleneck>>,
    underway: BTreeMap<(Time, u64), Vec<u8>>,
    order: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) sent_packets: u64,
    pub(crate) lost: u64,
    pub(crate) overflowed: u64,
}

impl Direction {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            in_burst: false,
            bottleneck: Rc::default(),
            underway: BTreeMap::new(),
            order: 0,
            sent_bytes: 0,
            sent_packets: 0,
            lost: 0,
            overflowed: 0,
        }
    }

    fn uniform(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn is_lost(&mut self, path: &Path) -> bool {
        if path.loss <= 0.0 {
            return false;
        }
        if path.burst <= 1.0 {
            return self.uniform() < path.loss;
        }
        let leave = 1.0 / path.burst;
        let enter = leave * path.loss / (1.0 - path.loss);
        let dice = self.uniform();
        self.in_burst = if self.in_burst { dice >= leave } else { dice < enter };
        self.in_burst
    }

    pub(crate) fn send(&mut self, now: Time, path: &Path, packet: &[u8]) {
        let size = packet.len() as u64 + HEADERS;
        self.sent_bytes += size;
        self.sent_packets += 1;
        let dead = path.dead.iter().any(|(from, to)| (*from..*to).contains(&now));
        if dead || packet.len() > path.mtu || self.is_lost(path) {
            self.lost += 1;
            return;
        }
        let passed = self.bottleneck.borrow_mut().pass(now, size, path);
        let Some(out) = passed else {
            self.overflowed += 1;
            return;
        };
        let copies = if path.duplicate > 0.0 && self.uniform() < path.duplicate { 2 } else { 1 };
        for _ in 0..copies {
            let jitter =
                if path.jitter.is_zero() { Duration::ZERO } else { path.jitter.mul_f64(self.uniform()) };
            self.order += 1;
            self.underway.insert((out + path.rtt / 2 + jitter, self.order), packet.to_vec());
        }
    }

    pub(crate) fn next(&self) -> Time {
        self.underway.keys().next().map_or(Time::NEVER, |(due, _)| *due)
    }

    pub(crate) fn arrive(&mut self, now: Time) -> Option<Vec<u8>> {
        let first = self.underway.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }
}
