//! One direction of a network that does what networks do, and what people on it do.

use crate::sealed::wire::packet::Kind;
use crate::time::Time;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What a direction does to datagrams.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    /// Share lost, in runs of `burst` on average.
    pub(crate) loss: f64,
    pub(crate) burst: f64,
    /// Share that arrives twice.
    pub(crate) twice: f64,
    /// Share that arrives with one bit changed.
    pub(crate) flipped: f64,
    pub(crate) delay: Duration,
    /// Extra delay, from nothing to this.
    pub(crate) jitter: Duration,
    /// Larger ones vanish: so many bytes, and so many from a moment on.
    pub(crate) mtu: [usize; 2],
    pub(crate) mtu_changes: Time,
    /// Nothing passes from the first to the second moment.
    pub(crate) dead: [Time; 2],
    /// Bytes a second that pass, and for how long others may wait for them; 0: any number.
    pub(crate) rate: u64,
    pub(crate) queue: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            loss: 0.0,
            burst: 1.0,
            twice: 0.0,
            flipped: 0.0,
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            mtu: [9_000; 2],
            mtu_changes: Time::NEVER,
            dead: [Time::NEVER; 2],
            rate: 0,
            queue: Duration::from_millis(100),
        }
    }
}

/// A datagram and its address: of its sender on the way to the server, of its receiver on the way back.
pub(crate) type Addressed = (SocketAddr, Vec<u8>);

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) faults: Faults,
    random: u64,
    in_burst: bool,
    order: u64,
    /// Until then the wire is busy with what was sent before.
    busy: Time,
    underway: BTreeMap<(Time, u64), Addressed>,
}

impl Wire {
    pub(crate) fn new(seed: u64) -> Self {
        let random = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            faults: Faults::default(),
            random,
            in_burst: false,
            order: 0,
            busy: Time::ZERO,
            underway: BTreeMap::new(),
        }
    }

    fn dice(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.dice() as f64 / (1u64 << 53) as f64
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.dice() >> 20).unwrap_or(0) % end.max(1)
    }

    fn is_lost(&mut self) -> bool {
        let (dice, leave) = (self.uniform(), 1.0 / self.faults.burst);
        let enter = leave * self.faults.loss / (1.0 - self.faults.loss);
        self.in_burst = if self.in_burst { dice >= leave } else { dice < enter };
        self.in_burst
    }

    pub(crate) fn send(&mut self, now: Time, to: SocketAddr, datagram: &[u8]) {
        let mtu = self.faults.mtu[usize::from(now >= self.faults.mtu_changes)];
        let [from, until] = self.faults.dead;
        if datagram.len() > mtu || (from..until).contains(&now) || self.is_lost() {
            return;
        }
        let Some(now) = self.pass(now, datagram.len()) else { return };
        let copies = if self.uniform() < self.faults.twice { 2 } else { 1 };
        for _ in 0..copies {
            let mut datagram = datagram.to_vec();
            if self.uniform() < self.faults.flipped {
                flip(&mut datagram, self.random);
            }
            self.deliver(now, (to, datagram));
        }
    }

    /// When a datagram of `length` bytes has passed the bottleneck; `None`: its queue is full.
    fn pass(&mut self, now: Time, length: usize) -> Option<Time> {
        if self.faults.rate == 0 {
            return Some(now);
        }
        let start = now.max(self.busy);
        if start.since(now) > self.faults.queue {
            return None;
        }
        self.busy = start + Duration::from_nanos((length as u64 + 28) * 1_000_000_000 / self.faults.rate);
        Some(self.busy)
    }

    /// Arrives after `delay`, another way than all others.
    pub(crate) fn bypass(&mut self, now: Time, delay: Duration, datagram: Addressed) {
        self.order += 1;
        self.underway.insert((now + delay, self.order), datagram);
    }

    /// Whatever the faults are, this one arrives, behind those that were sent before it unless there is jitter.
    pub(crate) fn deliver(&mut self, now: Time, datagram: Addressed) {
        let due = now + self.faults.delay + self.faults.jitter.mul_f64(self.uniform());
        self.order += 1;
        self.underway.insert((due, self.order), datagram);
    }

    pub(crate) fn arrive(&mut self, now: Time) -> Option<Addressed> {
        let first = self.underway.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    pub(crate) fn next(&self) -> Time {
        self.underway.keys().next().map_or(Time::NEVER, |(due, _)| *due)
    }

    /// What somebody on the way makes of `datagram`, having heard `others` before.
    pub(crate) fn forgery(&mut self, datagram: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut forged = datagram.to_vec();
        let other = others.get(self.below(others.len())).cloned().unwrap_or_default();
        match self.below(6) {
            0 => flip(&mut forged, self.random),
            1 => forged.truncate(self.below(datagram.len())),
            // Repeated, or reflected where it went the other way.
            2 => forged = other,
            // Under the name of this link and with a counter that has not been seen.
            3 if Kind::of(&other) == Some(Kind::Data) && forged.len() > 13 => {
                forged[12] ^= 0x40;
                let header = forged[..13].to_vec();
                forged = [&header, &other[13..]].concat();
            }
            4 => forged.iter_mut().skip(13).for_each(|byte| *byte ^= 0x55),
            _ => {
                let length = self.below(1_500);
                forged = (0..length).map(|_| self.dice().to_be_bytes()[4]).collect();
            }
        }
        forged
    }
}

fn flip(datagram: &mut [u8], dice: u64) {
    let bit = usize::try_from(dice >> 8).unwrap_or(0) % (datagram.len() * 8).max(1);
    if let Some(byte) = datagram.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}
