//! What has arrived from the peer, and when to say so.

use super::ranges::RangeSet;
use super::varint::Writer;
use super::{frame, rtt};
use crate::time::Time;
use std::time::Duration;

/// Packets that ask for an acknowledgement and may wait for one together. At 100 Mbit/s one in ten keeps the way
/// back at 1 % of the way there; a batch read in one system call is acknowledged at once whatever its size.
pub(crate) const PACKETS: u32 = 10;

/// The longest that an acknowledgement waits; the peer adds it to its probe time-out.
pub(crate) const MAX_DELAY: Duration = Duration::from_millis(5);

/// Ranges held at the most: 64 KiB. Only a peer that never moves its floor gets there; the lowest go first, and
/// at worst the peer sends again what had arrived.
const MAX_RANGES: usize = 4_096;

/// Tracks the packets that arrived.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    received: RangeSet,
    /// Below this the peer waits for nothing.
    floor: u64,
    largest_at: Time,
    /// Packets since the last acknowledgement that ask for one.
    waiting: u32,
    due: Option<Time>,
}

impl Acks {
    /// Notes that packet `number` arrived. `asks` tells whether it wants an acknowledgement; `rtt` sets how long
    /// that may wait: a sixteenth of the round trip, so that the peer's clock of acknowledgements stays fine.
    pub(crate) fn received(&mut self, now: Time, number: u64, asks: bool, rtt: &rtt::Rtt) {
        let largest = self.received.iter().next_back().map(|range| range.end - 1);
        let in_order = largest.is_none_or(|largest| number == largest + 1);
        if largest.is_none_or(|largest| number > largest) {
            self.largest_at = now;
        }
        self.received.insert(number..number + 1);
        while self.received.len() > MAX_RANGES {
            self.received.pop_first();
        }
        if !asks {
            return;
        }
        self.waiting += 1;
        let delay = (rtt.smoothed() / 16).clamp(rtt::GRANULARITY, MAX_DELAY);
        let due = if !in_order || self.waiting >= PACKETS { now } else { now + delay };
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// The peer waits for nothing below `packet`.
    pub(crate) fn raise_floor(&mut self, packet: u64) {
        self.floor = self.floor.max(packet);
        // The highest range stays whatever the peer says: it tells the order of what comes.
        let highest = self.received.iter().next_back().map_or(packet, |range| range.start);
        self.received.remove_below(packet.min(highest));
    }

    /// When an acknowledgement must leave.
    pub(crate) const fn due(&self) -> Option<Time> {
        self.due
    }

    /// Whether one could leave: something came since the last.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Writes the frame, as many ranges as fit; false where there is nothing to say or no room.
    pub(crate) fn put(&mut self, now: Time, out: &mut Writer<'_>) -> bool {
        let written = frame::put_ack(out, now.since(self.largest_at), self.received.iter().rev());
        if written {
            self.waiting = 0;
            self.due = None;
        }
        written
    }
}
