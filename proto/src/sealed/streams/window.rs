//! How large the receive window of a stream should be: what is read of it in a round trip, some times over.
//!
//! A window grows for two reasons. A quarter of it was used up within a round trip: it may soon hold the peer back. Or the
//! peer stopped sending exactly where it had to: it does hold the peer back. The second tells more where many streams share
//! a path and each has its turn in a burst, for then nothing that is measured per round trip means much.
//!
//! It shrinks where memory is short and it is far more than what is read. Nothing promised is taken back for that: it is
//! renewed to less.

use crate::time::Time;
use std::time::Duration;

/// The window that every stream has, in bytes: a packet or two for each round trip, on a link with thousands of streams that
/// nobody reads.
pub(crate) const LEAST: u64 = 2 * 1024;

/// A window below this is small, in bytes: what a stream of a crowd sends in one turn.
const SMALL: u64 = 64 * 1024;

/// A window of this size or more is large, in bytes, and renewed by eighths instead of quarters: what the peer has not heard of yet is
/// memory that carries nothing, and of one that is as large as memory allows a quarter is much. Such a part is many packets of
/// credit apart all the same.
const LARGE: u64 = 4 << 20;

/// Renewals in which the peer was not held back before the window may shrink: two windows where a quarter at a time is used up,
/// half a one where it is renewed about once a round trip.
const CALM: u8 = 8;

/// How much of the memory for windows is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Half or more.
    Low,
    /// A quarter or more.
    Medium,
    /// Less.
    High,
}

impl Pressure {
    /// Of `whole` bytes `free` are free.
    pub(crate) const fn of(free: u64, whole: u64) -> Self {
        if free >= whole / 2 {
            Self::Low
        } else if free >= whole / 4 {
            Self::Medium
        } else {
            Self::High
        }
    }

    /// A window that is this many times what is read in a round trip shrinks, and the smallest that does, in bytes.
    const fn shrinks(self) -> (u64, u64) {
        match self {
            Self::Low => (u64::MAX, u64::MAX),
            Self::Medium => (16, 4 * SMALL),
            Self::High => (4, 2 * LEAST),
        }
    }
}

/// The receive window of one stream, and what is known of its reader.
#[derive(Debug, Default)]
pub(crate) struct Window {
    size: u64,
    advertised_at: Time,
    /// Since when and from which offset on it is seen how much is read.
    since: Option<(Time, u64)>,
    /// Bytes read in the last round trip that was measured.
    carried: Option<u64>,
    /// Renewals since the peer was last held back.
    calm: u8,
}

impl Window {
    /// Bytes beyond what was read that the peer may send.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The window is `size` bytes from `now` on.
    pub(crate) fn set(&mut self, now: Time, size: u64) {
        (self.size, self.advertised_at) = (size.max(LEAST), now);
    }

    /// It was advertised only now.
    pub(crate) const fn on_advertised(&mut self, now: Time) {
        self.advertised_at = now;
    }

    /// Whether it was advertised longer ago than a round trip.
    pub(crate) fn is_old(&self, now: Time, round_trip: Duration) -> bool {
        now.since(self.advertised_at) >= round_trip
    }

    /// The part of it, as its divisor, that is used up before it is renewed.
    pub(crate) const fn renewed_by(&self) -> u64 {
        if self.size < LARGE { 4 } else { 8 }
    }

    /// Eight times of what is read in a round trip, as far as is known: a window that just suffices and has doubled twice since
    /// what is read of it was measured.
    pub(crate) fn needed(&self) -> Option<u64> {
        self.carried.map(|carried| carried.saturating_mul(8))
    }

    /// Whether no more than is [`Self::needed`] is promised.
    pub(crate) fn is_paced(&self) -> bool {
        self.needed().is_none_or(|needed| self.size <= needed)
    }

    /// The size of the next window, now that `read` bytes have been read in all. `held_back`: the peer has sent all that it
    /// might. Where memory is short not more than twice of what was ever read: who has read little has not shown that it
    /// reads much.
    pub(crate) fn next(
        &mut self,
        now: Time,
        read: u64,
        round_trip: Duration,
        held_back: bool,
        pressure: Pressure,
    ) -> u64 {
        self.measure(now, read, round_trip);
        self.calm = if held_back { 0 } else { self.calm.saturating_add(1) };
        // A quarter within a round trip, or an eighth in half of one.
        let quickly = !self.is_old(now, if self.size < LARGE { round_trip } else { round_trip / 2 });
        let rounds = self.carried.map(|carried| self.size / carried.max(1));
        let grows = held_back
            || if pressure == Pressure::Low { quickly } else { rounds.is_some_and(|rounds| rounds < 2) };
        if grows {
            // In a crowd only its turns show that a window holds the peer back, and they are far apart.
            let factor = if held_back && self.size < SMALL && pressure != Pressure::High { 4 } else { 2 };
            let most = if pressure == Pressure::Low { u64::MAX } else { self.size.max(read * 2) };
            return (self.size * factor).min(most);
        }
        let (most, least) = pressure.shrinks();
        if self.calm >= CALM && self.size >= least && rounds.is_some_and(|rounds| rounds >= most) {
            self.calm = 0;
            return self.size / 2;
        }
        self.size
    }

    /// Sees how much is read in a round trip.
    fn measure(&mut self, now: Time, read: u64, round_trip: Duration) {
        let (since, from) = *self.since.get_or_insert((now, read));
        let took = now.since(since);
        if took >= round_trip && !took.is_zero() {
            let carried = u128::from(read - from) * round_trip.as_nanos() / took.as_nanos();
            self.carried = Some(u64::try_from(carried).unwrap_or(u64::MAX));
            self.since = Some((now, read));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    #[test]
    fn a_quarter_within_a_round_trip_doubles_it_while_memory_is_plenty() {
        let mut window = Window::default();
        window.set(Time::ZERO, 100_000);
        let (mut now, mut read) = (Time::ZERO, 0);
        let mut sizes = |every: Duration| {
            let size = |_| {
                (now, read) = (now + every, read + window.size() / 4);
                let next = window.next(now, read, RTT, false, Pressure::Low);
                window.set(now, next);
                next
            };
            (0..20).map(size).collect::<Vec<_>>()
        };
        assert_eq!(sizes(RTT / 2)[..3], [200_000, 400_000, 800_000]);
        let last = sizes(RTT)[0];
        assert_eq!(sizes(RTT * 2), [last; 20], "and nothing shrinks it");
    }

    #[test]
    fn a_large_one_is_renewed_by_eighths_and_grows_for_the_same_reason() {
        for (every, size) in [(RTT / 3, 2 * LARGE), (RTT * 3 / 4, LARGE)] {
            let mut window = Window::default();
            window.set(Time::ZERO, LARGE);
            assert_eq!(window.renewed_by(), 8);
            assert_eq!(window.next(Time::ZERO + every, LARGE / 8, RTT, false, Pressure::Low), size);
        }
    }

    #[test]
    fn what_is_read_slowly_shrinks_to_a_few_round_trips_where_memory_is_short() {
        for (pressure, most) in [(Pressure::Medium, 4 * SMALL / 1_000), (Pressure::High, 4)] {
            let mut window = Window::default();
            window.set(Time::ZERO, 1_000_000);
            // 1,000 bytes in each round trip, whatever the window.
            let (mut now, mut read) = (Time::ZERO, 1 << 30);
            for _ in 0..400 {
                (now, read) = (now + RTT, read + 1_000);
                let next = window.next(now, read, RTT, false, pressure);
                window.set(now, next);
            }
            assert!((LEAST..=most * 1_000).contains(&window.size()), "{} bytes", window.size());
        }
    }

    #[test]
    fn who_is_held_back_gets_more_and_where_memory_is_short_no_more_than_twice_of_what_was_read() {
        let mut window = Window::default();
        window.set(Time::ZERO, LEAST);
        let now = Time::ZERO + RTT * 9;
        for (pressure, most) in
            [(Pressure::Low, 4 * LEAST), (Pressure::Medium, 3_000), (Pressure::High, 3_000)]
        {
            assert_eq!(window.next(now, 1_500, RTT, true, pressure), most);
            let factor = if pressure == Pressure::High { 2 } else { 4 };
            assert_eq!(window.next(now, 100_000, RTT, true, pressure), factor * LEAST);
        }
    }
}
