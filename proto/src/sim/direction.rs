//! One direction of a path, and what is under way on it.

use super::bottleneck::Bottleneck;
use super::dice::Dice;
use super::in_flight::InFlight;
use super::path::{HEADERS, Path};
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::net::SocketAddr;
use std::time::Duration;

/// What the IP and UDP headers of a datagram say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where it seems to come from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// What it says of queues on its way.
    pub ecn: Ecn,
}

/// What travels with a datagram. Where it has no ECN bits, as by default, a path has nothing to change.
pub trait Marked {
    /// What it says of queues.
    fn ecn(&self) -> Ecn {
        Ecn::NotCapable
    }

    /// The path says this now.
    fn set_ecn(&mut self, _: Ecn) {}
}

impl Marked for Envelope {
    fn ecn(&self) -> Ecn {
        self.ecn
    }

    fn set_ecn(&mut self, ecn: Ecn) {
        self.ecn = ecn;
    }
}

impl Marked for () {}

/// What became of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionCounts {
    /// Sent.
    pub packets: u64,
    /// Sent, in bytes with the [`HEADERS`].
    pub bytes: u64,
    /// Lost by chance, by an outage, or for their size.
    pub lost: u64,
    /// Dropped by the bottleneck or its policer.
    pub overflowed: u64,
    /// Marked by the bottleneck (CE).
    pub marked: u64,
    /// Arrived; each copy counts.
    pub arrived: u64,
}

/// The bytes of all datagrams, in their order.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// As they were sent.
    pub sent: Vec<Vec<u8>>,
    /// As they arrived.
    pub arrived: Vec<Vec<u8>>,
}

/// One direction of a path. `T` travels with each datagram: its [`Envelope`], or whatever the receiver must know of it.
#[derive(Debug)]
pub struct Direction<T = Envelope> {
    /// What it does.
    pub path: Path,
    /// Whether and how it does it.
    pub dice: Dice,
    /// Where its datagrams queue; others' may too.
    pub bottleneck: Bottleneck,
    /// Only datagrams of which this is true get on the path, and only they are counted. `None`: all.
    pub filter: Option<fn(&[u8]) -> bool>,
    /// So many of the next datagrams are lost.
    pub lose_next: u32,
    /// What became of the datagrams.
    pub counts: DirectionCounts,
    /// If there is one, all datagrams are kept in it.
    pub capture: Option<Capture>,
    /// When the last was sent.
    pub last_sent: Time,
    /// What is under way.
    pub in_flight: InFlight<(T, Vec<u8>)>,
    in_burst: bool,
}

impl<T: Clone + Marked> Direction<T> {
    /// One with nothing under way.
    pub fn new(seed: u64, path: Path) -> Self {
        Self {
            path,
            dice: Dice::new(seed),
            bottleneck: Bottleneck::default(),
            filter: None,
            lose_next: 0,
            counts: DirectionCounts::default(),
            capture: None,
            last_sent: Time::ZERO,
            in_flight: InFlight::default(),
            in_burst: false,
        }
    }

    /// A datagram is sent. Returns whether the filter let it get on the path.
    pub fn send(&mut self, now: Time, mut with: T, datagram: &[u8]) -> bool {
        if self.filter.is_some_and(|passes| !passes(datagram)) {
            return false;
        }
        let size = datagram.len() as u64 + HEADERS;
        self.last_sent = now;
        self.counts.packets += 1;
        self.counts.bytes += size;
        if let Some(capture) = &mut self.capture {
            capture.sent.push(datagram.to_vec());
        }
        if self.is_lost(now, datagram.len()) || self.path.marking.drops(with.ecn()) {
            self.counts.lost += 1;
            return true;
        }
        let Some(through) = self.bottleneck.pass(now, size, &self.path) else {
            self.counts.overflowed += 1;
            return true;
        };
        let ecn = self.path.marking.after(with.ecn(), through.since(now));
        self.counts.marked += u64::from(ecn == Ecn::Congested && with.ecn() != ecn);
        with.set_ecn(ecn);
        let copies = if self.dice.chance(self.path.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let mut copy = datagram.to_vec();
            if self.dice.chance(self.path.corrupt) {
                self.dice.flip_bit(&mut copy);
            }
            self.inject(through, with.clone(), copy);
        }
        true
    }

    /// This datagram takes the path at `now` without being sent, as what somebody on the way puts in: it meets the delay, the jitter
    /// and the reordering, and nothing else.
    pub fn inject(&mut self, now: Time, with: T, datagram: Vec<u8>) {
        let mut due = now + self.path.delay + self.up_to(self.path.jitter);
        if self.dice.chance(self.path.reorder) {
            due += self.up_to(self.path.reorder_by);
        }
        self.in_flight.push(due, (with, datagram));
    }

    /// The next that has arrived by `now`.
    pub fn arrive(&mut self, now: Time) -> Option<(T, Vec<u8>)> {
        self.arrive_if(now, |_| true)
    }

    /// The next that has arrived by `now` and that its receiver lets in; those before it are lost.
    pub fn arrive_if(&mut self, now: Time, lets_in: impl Fn(&T) -> bool) -> Option<(T, Vec<u8>)> {
        loop {
            let (with, datagram) = self.in_flight.pop(now)?;
            if !lets_in(&with) {
                self.counts.lost += 1;
                continue;
            }
            self.counts.arrived += 1;
            if let Some(capture) = &mut self.capture {
                capture.arrived.push(datagram.clone());
            }
            return Some((with, datagram));
        }
    }

    /// When the next arrives; [`Time::NEVER`]: nothing is under way.
    pub fn next(&self) -> Time {
        self.in_flight.next()
    }

    fn is_lost(&mut self, now: Time, length: usize) -> bool {
        if self.path.is_dead_at(now) || length > self.path.mtu_at(now) {
            return true;
        }
        if self.lose_next > 0 {
            self.lose_next -= 1;
            return true;
        }
        self.is_unlucky()
    }

    /// Gilbert's model of two states: in a burst all are lost, outside none is.
    fn is_unlucky(&mut self) -> bool {
        let (loss, burst) = (self.path.loss, self.path.burst);
        if burst <= 0.0 || loss <= 0.0 || loss >= 1.0 {
            return self.dice.chance(loss);
        }
        let leave = 1.0 / burst.max(1.0);
        let enter = leave * loss / (1.0 - loss);
        let draw = self.dice.uniform();
        self.in_burst = if self.in_burst { draw >= leave } else { draw < enter };
        self.in_burst
    }

    /// From nothing to `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        if most.is_zero() { Duration::ZERO } else { most.mul_f64(self.dice.uniform()) }
    }
}
