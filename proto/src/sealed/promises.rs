//! What this end has promised to take: flow control credit of its streams and of the link, all of it reserved.
//!
//! Every byte that the peer may send has its memory set aside before the peer is told, in one [`Share`]. So no packet is
//! ever refused for want of memory, and a stream that nobody reads costs what it was promised and nothing of what the others
//! were. How much a stream is promised goes by what is free (see [`super::budget`]) and by whether it is read:
//!
//! - Streams of which nobody has read anything share a quarter of the memory, each a part of what is left of it:
//!   a crowd of stuck readers cannot take the rest.
//! - A window grows while it is drained quickly; where memory is short, up to four times what the stream carries in a round
//!   trip. One that is drained slowly is then renewed to less.
//! - Nobody takes more than half of what is free at a time, and a quarter where little is. The last eighth of the memory is
//!   for first windows and for the least that every stream has.
//!
//! `docs/flow-control.md` has the argument that this cannot deadlock and what it guarantees.

use super::budget::Share;
use super::recv::{Violation, charge_of};
use super::stream::Stream;
use crate::time::Time;
use std::time::Duration;

/// The most first credit that one stream takes, in bytes: what a controller that knows nothing sends in its first round
/// trip, over up to 200 ms.
pub(crate) const FIRST_CREDIT: u64 = 128 * 1024;

/// The part of a link's memory in one direction, as its divisor, that it promises in the handshake; [`FIRST_CREDIT`] at the
/// most. Links that only wait thus hold a 256th of what they may.
const FIRST_CREDIT_PART: u64 = 256;

/// The most link credit that is left untaken, in bytes: eight streams a round trip begin at full speed.
const LINK_CREDIT: u64 = 1 << 20;

/// The part of the free memory, as its divisor, that is untaken link credit.
const LINK_CREDIT_PART: u64 = 16;

/// The largest window of a stream of which nobody has read anything, in bytes: one mebibyte and a half goes through without
/// a wait for credit, which is what a path of 20 Mbit/s over a satellite has on its way.
const FIRST_WINDOW: u64 = 3 * 512 * 1024;

/// The part of the memory, as its divisor, that streams share of which nobody has read anything, but for the least that each
/// has; and the part of what is left of it that the next one gets.
const UNPROVEN: u64 = 4;
const UNPROVEN_PART: u64 = 4;

/// The window that every stream has, in bytes: a packet or two for each round trip, on a link with thousands of streams that
/// nobody reads.
pub(crate) const LEAST_WINDOW: u64 = 2 * 1024;

/// The initial link credit of a link that may hold `limit` bytes in one direction; the same for the life of the process.
pub(crate) fn initial_link_credit(limit: u64) -> u64 {
    (limit / FIRST_CREDIT_PART).min(FIRST_CREDIT)
}

/// The part of the memory, as its divisor, that no window grows into.
const KEPT: u64 = 8;

/// How much of the memory that windows may grow into is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pressure {
    /// Less than half.
    None,
    /// Half to three quarters.
    Some,
    /// More.
    High,
}

/// The promises of one end of a link.
#[derive(Debug)]
pub(crate) struct Promises {
    share: Share,
    /// Of what is held, for streams of which nobody has read anything.
    unproven: u64,
    /// First credit that the peer's streams took, and up to where they may, in bytes since the link began.
    taken: u64,
    told: u64,
    /// For bytes of streams that are not open yet.
    early: u64,
}

impl Promises {
    /// The promise of the handshake, and no stream.
    pub(crate) fn new(share: Share) -> Self {
        let told = initial_link_credit(share.limit());
        let mut promises = Self { share, unproven: 0, taken: 0, told, early: 0 };
        promises.hold(told);
        promises
    }

    /// The link begins anew, with the streams that this side has opened and the peer has not heard of.
    pub(crate) fn restart(&mut self) {
        let initial = initial_link_credit(self.share.limit());
        self.share.set(self.share.used() + initial - (self.told - self.taken));
        (self.taken, self.told) = (0, initial);
    }

    /// The memory that they are made of.
    pub(crate) const fn share(&self) -> &Share {
        &self.share
    }

    /// Bytes set aside beyond the promise of the handshake.
    pub(crate) fn held(&self) -> u64 {
        self.share.used().saturating_sub(self.told - self.taken)
    }

    fn hold(&mut self, more: u64) {
        self.share.set(self.share.used() + more);
    }

    fn pressure(&self) -> Pressure {
        let (free, all) = (self.free_to_grow(), self.share.limit() - self.share.limit() / KEPT);
        if free >= all / 2 {
            Pressure::None
        } else if free >= all / 4 {
            Pressure::Some
        } else {
            Pressure::High
        }
    }

    /// A stream of the peer took `first` of the link credit.
    pub(crate) fn on_taken(&mut self, first: u64) -> Result<(), Violation> {
        if first > self.told - self.taken {
            return Err(Violation::LinkCredit);
        }
        self.taken += first;
        self.share.set(self.share.used() - first);
        Ok(())
    }

    /// Up to where the peer's streams may take first credit, if it should be told more.
    pub(crate) fn renew_link_credit(&mut self) -> Option<u64> {
        let left = self.told - self.taken;
        let free = self.share.free();
        let least = initial_link_credit(self.share.limit());
        let wanted = (free / LINK_CREDIT_PART).clamp(least, LINK_CREDIT);
        let more = wanted.saturating_sub(left).min(free / 2);
        if left > wanted / 2 || more == 0 {
            return None;
        }
        self.told += more;
        self.hold(more);
        Some(self.told)
    }

    /// Up to where the peer's streams may take first credit.
    pub(crate) const fn told(&self) -> u64 {
        self.told
    }

    /// The window of a stream of which nothing has been read.
    pub(crate) fn first_window(&self) -> u64 {
        let left = (self.share.limit() / UNPROVEN).saturating_sub(self.unproven);
        (left / UNPROVEN_PART).min(self.share.free() / 2).clamp(LEAST_WINDOW, FIRST_WINDOW)
    }

    /// Bytes of streams that are not open yet cost `early` bytes in all.
    pub(crate) fn set_early(&mut self, early: usize) {
        let early = early as u64;
        self.share.set(self.share.used() + early - self.early);
        self.early = early;
    }

    /// Whether there is memory for one more stream.
    pub(crate) fn has_place(&self) -> bool {
        self.share.free() >= charge_of(LEAST_WINDOW, 0)
    }

    /// Lets the peer send up to `window` bytes beyond what has been read of `stream`, or as much of that as there is memory
    /// for. True if it may send more than before.
    pub(crate) fn grant(&mut self, now: Time, stream: &mut Stream, window: u64) -> bool {
        let largest = stream.recv.largest_piece();
        let free = self.share.free() + stream.charge;
        let mut window = window;
        while charge_of(window, largest) > free && window > 0 {
            // Halving reaches what is left within a few steps, and nobody misses the rest.
            window /= 2;
        }
        let more = stream.recv.grant(window);
        self.recount(stream);
        stream.window = window.max(LEAST_WINDOW);
        stream.window_at = now;
        more
    }

    /// What may arrive on `stream` has changed.
    pub(crate) fn recount(&mut self, stream: &mut Stream) {
        let charge = stream.recv.charge();
        self.share.set(self.share.used() + charge - stream.charge);
        if !stream.proven {
            self.unproven = self.unproven + charge - stream.charge;
        }
        stream.charge = charge;
    }

    /// Nothing arrives on `stream` any more.
    pub(crate) fn release(&mut self, stream: &mut Stream) {
        self.share.set(self.share.used() - stream.charge);
        if !stream.proven {
            self.unproven -= stream.charge;
        }
        stream.charge = 0;
    }

    /// The application has read of `stream`. Its window is renewed once a quarter of it is used up; a quarter, so that a
    /// credit that is lost finds the peer with enough of the last. True if the peer must be told.
    pub(crate) fn on_read(&mut self, now: Time, stream: &mut Stream, round_trip: Duration) -> bool {
        if stream.recv.outstanding() > stream.window / 4 * 3 {
            return false;
        }
        if !std::mem::replace(&mut stream.proven, true) {
            self.unproven -= stream.charge;
        }
        let wanted = self.wanted_window(now, stream, round_trip);
        let window = wanted.min(stream.recv.outstanding().max(LEAST_WINDOW) + self.step());
        self.grant(now, stream, window.max(LEAST_WINDOW))
    }

    /// Twice the window where it is what holds the peer back, half of it where it is far more than what is read.
    ///
    /// While memory is plenty, a quarter that is used up within a round trip is enough. Else it goes by what was read in whole
    /// round trips: of a crowd each stream has its turn in a burst, and no burst may make its window grow.
    fn wanted_window(&self, now: Time, stream: &mut Stream, round_trip: Duration) -> u64 {
        let window = stream.window;
        let pressure = self.pressure();
        if pressure == Pressure::None {
            stream.pace = None;
            return if now.since(stream.window_at) < round_trip { window * 2 } else { window };
        }
        let read = stream.recv.read();
        let Some((since, before)) = stream.pace.filter(|(since, _)| now.since(*since) >= round_trip) else {
            stream.pace.get_or_insert((now, read));
            return window;
        };
        stream.pace = Some((now, read));
        let rounds = now.since(since).as_secs_f64() / round_trip.as_secs_f64().max(1e-6);
        let carried = (read - before) as f64 / rounds;
        let room = window as f64 / carried.max(1.0);
        if room <= 2.0 {
            window * 2
        } else if room > if pressure == Pressure::High { 4.0 } else { 16.0 } {
            (window / 2).max(LEAST_WINDOW)
        } else {
            window
        }
    }

    /// More arrived behind a gap. A packet lost four times holds up what four round trips bring, and the window must hold
    /// that, or the gap stops the sender: it doubles once a quarter of it waits. True if the peer must be told.
    pub(crate) fn widen(&mut self, now: Time, stream: &mut Stream) -> bool {
        if stream.recv.waiting() <= stream.window / 4 || self.pressure() == Pressure::High {
            return false;
        }
        let window = (stream.window * 2).min(stream.recv.outstanding() + self.step());
        window > stream.window && self.grant(now, stream, window)
    }

    /// Bytes that windows may grow into.
    fn free_to_grow(&self) -> u64 {
        self.share.free().saturating_sub(self.share.limit() / KEPT)
    }

    /// What one stream may be promised at a time beyond what it has.
    fn step(&self) -> u64 {
        self.free_to_grow() / if self.pressure() == Pressure::High { 4 } else { 2 }
    }
}
