//! Small messages that leave though bulk has filled the window.
//!
//! A message that waits for room waits until bulk has arrived and its acknowledgement has come back, and where the way back stands still, as
//! in a radio cell, as long as that.

use crate::time::Time;

/// Bytes of such packets in flight at the most. It is the window's share of two packets, and what a typist writes in three seconds.
const MOST: u64 = 3_000;

/// What is in flight beyond a full window.
#[derive(Debug, Default)]
pub(super) struct Overdraft {
    in_flight: u64,
    last_sent: Time,
}

impl Overdraft {
    /// Whether another packet may leave.
    pub(super) const fn has_room(&self) -> bool {
        self.in_flight < MOST
    }

    /// A packet of so many bytes leaves beyond the window.
    pub(super) const fn on_sent(&mut self, now: Time, bytes: u64) {
        self.in_flight += bytes;
        self.last_sent = now;
    }

    /// Such a packet has arrived, or is lost.
    pub(super) const fn on_gone(&mut self, bytes: u64) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    /// When the last of them left.
    pub(super) const fn last_sent(&self) -> Time {
        self.last_sent
    }
}
