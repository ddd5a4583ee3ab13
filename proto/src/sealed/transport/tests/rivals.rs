//! Models of the TCP flows that a link meets at a bottleneck, at the level of packets: Reno, CUBIC (RFC 9438), BBR
//! (version 1). They have all to send, lose nothing but to the bottleneck, and get each packet acknowledged.

use crate::sim::{Bottleneck, Path};
use crate::time::Time;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A packet on the wire, in bytes, and what is payload of it.
const SIZE: u64 = 1_500;
const PAYLOAD: u64 = 1_448;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reno,
    Cubic,
    Bbr,
}

#[derive(Debug)]
struct Sent {
    at: Time,
    delivered: u64,
    delivered_at: Time,
}

/// One flow.
#[derive(Debug)]
pub(crate) struct Rival {
    kind: Kind,
    path: Path,
    bottleneck: Bottleneck,
    now: Time,
    next_number: u64,
    in_flight: BTreeMap<u64, Sent>,
    acks: BTreeMap<(Time, u64), ()>,
    delivered: u64,
    delivered_at: Time,
    /// In packets.
    window: f64,
    threshold: f64,
    /// Losses of packets below it belong to the last reduction.
    recovered_at: u64,
    /// CUBIC: the window before the last reduction, and when that was.
    before: f64,
    reduced_at: Time,
    srtt: f64,
    /// The lowest round trip, in seconds.
    lowest: f64,
    bbr: Bbr,
}

#[derive(Debug)]
struct Bbr {
    /// Delivery rates of the last rounds, in packets a second.
    rates: VecDeque<f64>,
    round_ends: u64,
    min_rtt: f64,
    min_rtt_at: Time,
    full: f64,
    full_rounds: u32,
    /// In the order of the draft: start-up, drain, then the cycle.
    stage: Stage,
    stage_at: Time,
    next_send: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Startup,
    Drain,
    Cycle(usize),
    ProbeRtt,
}

/// Gains of BBR's cycle, each for one lowest round trip.
const CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];

impl Rival {
    /// A flow that begins at `now` with ten packets.
    pub(crate) fn new(kind: Kind, now: Time, path: Path, bottleneck: Bottleneck) -> Self {
        Self {
            kind,
            now,
            next_number: 0,
            in_flight: BTreeMap::new(),
            acks: BTreeMap::new(),
            delivered: 0,
            delivered_at: now,
            window: 10.0,
            threshold: f64::MAX,
            recovered_at: 0,
            before: 0.0,
            reduced_at: now,
            srtt: (path.delay * 2).as_secs_f64(),
            lowest: f64::MAX,
            bbr: Bbr {
                rates: VecDeque::from([0.0]),
                round_ends: 0,
                min_rtt: f64::MAX,
                min_rtt_at: now,
                full: 0.0,
                full_rounds: 0,
                stage: Stage::Startup,
                stage_at: now,
                next_send: now,
            },
            path,
            bottleneck,
        }
    }

    /// Payload bytes that arrived.
    pub(crate) const fn heard(&self) -> u64 {
        self.delivered * PAYLOAD
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Time {
        let ack = self.acks.keys().next().map_or(Time::NEVER, |(at, _)| *at);
        if !self.has_room() {
            // All in flight was dropped: a retransmission time-out.
            return if self.acks.is_empty() { self.now + Duration::from_secs(1) } else { ack };
        }
        ack.min(if self.kind == Kind::Bbr { self.bbr.next_send.max(self.now) } else { self.now })
    }

    fn has_room(&self) -> bool {
        (self.in_flight.len() as f64) < self.allowed().max(4.0)
    }

    fn allowed(&self) -> f64 {
        match (self.kind, self.bbr.stage) {
            (Kind::Reno | Kind::Cubic, _) => self.window,
            (Kind::Bbr, Stage::ProbeRtt) => 4.0,
            (Kind::Bbr, Stage::Startup) => (self.bdp() * 2.885).max(self.window),
            (Kind::Bbr, _) => self.bdp() * 2.0,
        }
    }

    /// Goes to `now` and does what is due.
    pub(crate) fn step(&mut self, now: Time) {
        self.now = now;
        if self.acks.is_empty() && !self.has_room() {
            self.in_flight.clear();
            self.window = 4.0;
        }
        while let Some(first) = self.acks.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), ()) = first.remove_entry();
            self.on_ack(number);
        }
        while self.has_room() && (self.kind != Kind::Bbr || self.bbr.next_send <= now) {
            self.send();
        }
    }

    fn send(&mut self) {
        let number = self.next_number;
        self.next_number += 1;
        let sent = Sent { at: self.now, delivered: self.delivered, delivered_at: self.delivered_at };
        self.in_flight.insert(number, sent);
        if let Some(out) = self.bottleneck.pass(self.now, SIZE, &self.path) {
            self.acks.insert((out + self.path.delay * 2, number), ());
        }
        if self.kind == Kind::Bbr {
            let rate = (self.rate() * self.gain()).max(5.0 / self.path.delay.as_secs_f64());
            self.bbr.next_send = self.bbr.next_send.max(self.now) + Duration::from_secs_f64(1.0 / rate);
        }
    }

    fn on_ack(&mut self, number: u64) {
        let Some(sent) = self.in_flight.remove(&number) else { return };
        self.delivered += 1;
        self.delivered_at = self.now;
        let rtt = self.now.since(sent.at).as_secs_f64();
        self.srtt += (rtt - self.srtt) / 8.0;
        let overtaken: Vec<u64> = self.in_flight.range(..number.saturating_sub(2)).map(|(n, _)| *n).collect();
        for number in &overtaken {
            self.in_flight.remove(number);
        }
        if self.kind == Kind::Bbr {
            return self.model(&sent, rtt);
        }
        if overtaken.last().is_some_and(|newest| *newest >= self.recovered_at) {
            return self.reduce();
        }
        self.grow(rtt);
    }

    fn reduce(&mut self) {
        // Fast convergence, RFC 9438 section 4.7: who has less than the last time makes room for who came later.
        let makes_room = self.kind == Kind::Cubic && self.window < self.before;
        self.before = self.window * if makes_room { 0.85 } else { 1.0 };
        self.window = (self.window * if self.kind == Kind::Cubic { 0.7 } else { 0.5 }).max(4.0);
        self.threshold = self.window;
        self.recovered_at = self.next_number;
        self.reduced_at = self.now;
    }

    fn grow(&mut self, rtt: f64) {
        self.lowest = self.lowest.min(rtt);
        // HyStart, as Linux has it: no slow start where round trips have grown by an eighth, between 4 and 16 ms.
        let late = rtt > self.lowest + (self.lowest / 8.0).clamp(0.004, 0.016);
        if self.kind == Kind::Cubic && self.window < self.threshold && self.window >= 16.0 && late {
            (self.threshold, self.before, self.reduced_at) = (self.window, self.window, self.now);
        }
        if self.window < self.threshold {
            self.window += 1.0;
        } else if self.kind == Kind::Reno {
            self.window += 1.0 / self.window;
        } else {
            // RFC 9438 section 4.2, and 4.3 where Reno would be faster.
            let time = self.now.since(self.reduced_at).as_secs_f64();
            let origin = ((self.before - self.threshold).max(0.0) / 0.4).cbrt();
            let cubic = 0.4 * (time + self.srtt - origin).powi(3) + self.before;
            let reno = self.before * 0.7 + 0.53 * time / self.srtt;
            let target = cubic.max(reno).min(self.window * 1.5);
            self.window += (target - self.window).max(0.0) / self.window;
        }
    }

    fn rate(&self) -> f64 {
        self.bbr.rates.iter().copied().fold(0.0, f64::max)
    }

    fn bdp(&self) -> f64 {
        if self.bbr.min_rtt == f64::MAX { 0.0 } else { self.rate() * self.bbr.min_rtt }
    }

    fn gain(&self) -> f64 {
        match self.bbr.stage {
            Stage::Startup => 2.885,
            Stage::Drain => 1.0 / 2.885,
            Stage::Cycle(at) => CYCLE[at],
            Stage::ProbeRtt => 1.0,
        }
    }

    /// BBR: takes in a sample.
    fn model(&mut self, sent: &Sent, rtt: f64) {
        self.window += 1.0;
        let old = self.now.since(self.bbr.min_rtt_at) > Duration::from_secs(10);
        if rtt <= self.bbr.min_rtt || old && self.bbr.stage == Stage::ProbeRtt {
            (self.bbr.min_rtt, self.bbr.min_rtt_at) = (rtt, self.now);
        }
        let took = self.now.since(sent.delivered_at).as_secs_f64();
        let rate = (self.delivered - sent.delivered) as f64 / took.max(1e-6);
        if let Some(newest) = self.bbr.rates.back_mut() {
            *newest = newest.max(rate);
        }
        if sent.delivered >= self.bbr.round_ends {
            self.bbr.round_ends = self.delivered;
            self.bbr.rates.push_back(rate);
            if self.bbr.rates.len() > 10 {
                self.bbr.rates.pop_front();
            }
            self.check_full();
        }
        self.advance(old);
    }

    fn check_full(&mut self) {
        if self.rate() > self.bbr.full * 1.25 {
            (self.bbr.full, self.bbr.full_rounds) = (self.rate(), 0);
        } else {
            self.bbr.full_rounds += 1;
        }
    }

    fn advance(&mut self, old: bool) {
        let lasted = self.now.since(self.bbr.stage_at).as_secs_f64();
        let next = match self.bbr.stage {
            Stage::Startup if self.bbr.full_rounds >= 3 => Stage::Drain,
            Stage::Drain if self.in_flight.len() as f64 <= self.bdp() => Stage::Cycle(2),
            Stage::Cycle(_) if old => Stage::ProbeRtt,
            Stage::Cycle(at) if lasted > self.bbr.min_rtt => Stage::Cycle((at + 1) % CYCLE.len()),
            Stage::ProbeRtt if lasted > 0.2 + self.bbr.min_rtt => Stage::Cycle(2),
            stay @ (Stage::Startup | Stage::Drain | Stage::Cycle(_) | Stage::ProbeRtt) => stay,
        };
        if next != self.bbr.stage {
            (self.bbr.stage, self.bbr.stage_at) = (next, self.now);
        }
    }
}
