//! Datagrams that leave: handshakes alone, packets in batches of equal size.

use super::Link;
use crate::sealed::handshake::UnixMicros;
use crate::sealed::packet::{HEADER_LEN, OVERHEAD, TAG_LEN};
use crate::time::Time;
use std::net::SocketAddr;

/// Datagrams to send in one system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Bytes in all.
    pub length: usize,
    /// Bytes of each datagram but the last, which may be shorter.
    pub segment: usize,
}

/// Datagrams in one batch: as many segments as Linux takes in one send (UDP_MAX_SEGMENTS was 64 before it became 128).
const SEGMENTS: usize = 64;

/// Smaller packets are not worth their bytes: there is room for an acknowledgement and a check.
const LEAST_ROOM: usize = OVERHEAD + 48;

impl Link {
    /// Fills `out` with datagrams that must leave now, as many of one size as there are; `None` when there are none.
    /// `unix`: the wall clock, for handshakes.
    pub fn poll_transmit(&mut self, now: Time, unix: UnixMicros, out: &mut [u8]) -> Option<Transmit> {
        if self.over || self.ended.is_some() || !self.path.is_known() {
            return None;
        }
        let to = self.path.address();
        self.wake(now);
        self.round_off();
        if let Some(length) = self.rest(now, out) {
            return Some(Transmit { to, length, segment: length });
        }
        self.ask(now, unix);
        if let Some(message) = self.outgoing.take() {
            out[..message.len()].copy_from_slice(&message);
            self.sent_at = now;
            return Some(Transmit { to, length: message.len(), segment: message.len() });
        }
        if !self.is_up() || self.resting {
            return None;
        }
        let (mut length, mut segment) = (0, out.len());
        for _ in 0..SEGMENTS {
            let room = segment.min(out.len() - length).min(self.budget());
            if room < LEAST_ROOM {
                break;
            }
            let Some(size) = self.seal_next(now, &mut out[length..length + room]) else { break };
            self.path.on_sent(size);
            length += size;
            if segment == out.len() {
                segment = size;
            }
            // A shorter one ends the batch, as must one that another of its size would not fit behind.
            if size < segment || out.len() - length < segment {
                break;
            }
        }
        if length == 0 {
            return None;
        }
        self.sent_at = now;
        Some(Transmit { to, length, segment: segment.min(length) })
    }

    /// Bytes that may be sent to the peer's address now. While it is not validated they may be too few for a full
    /// packet, but not for a check: or a peer that only acknowledges would have to wait for long.
    fn budget(&self) -> usize {
        usize::try_from(self.path.budget()).unwrap_or(usize::MAX)
    }

    /// Whether the budget, rather than anything the transport knows of, may be what holds packets back.
    pub(super) fn is_short_of_budget(&self) -> bool {
        self.path.budget() < u64::from(self.transport.mtu())
    }

    fn seal_next(&mut self, now: Time, room: &mut [u8]) -> Option<usize> {
        let frames = room.len().checked_sub(TAG_LEN)?;
        let built = match self.ending {
            Some(code) if !self.over => {
                self.over = true;
                self.transport.end(now, code, &mut room[HEADER_LEN..frames])
            }
            _ => self.transport.poll_packet(now, &mut room[HEADER_LEN..frames])?,
        };
        let size = HEADER_LEN + built.length + TAG_LEN;
        self.sessions.seal(built.number, &mut room[..size]).then_some(size)
    }
}
