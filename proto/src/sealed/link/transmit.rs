//! Datagrams that leave: handshakes alone, packets in batches of equal size.

use super::{FourTuple, Link};
use crate::sealed::handshake::terms::UnixMicros;
use crate::sealed::recovery::pacing::BATCH_PACKETS;
use crate::sealed::transport::{Built, CHALLENGE_SIZE, Transport};
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::packet::{HEADER_LEN, OVERHEAD, TAG_LEN};
use crate::time::Time;

/// Datagrams to send in one system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to, and from which address and socket of ours.
    pub path: FourTuple,
    /// Bytes in all.
    pub length: usize,
    /// Bytes of each datagram but the last, which may be shorter.
    pub segment: usize,
    /// What the IP header of each has to say.
    pub ecn: Ecn,
    /// Others may have to leave now, too.
    pub more: bool,
}

impl Transmit {
    const fn new(path: FourTuple, length: usize, segment: usize) -> Self {
        Self { path, length, segment, ecn: Ecn::NotCapable, more: true }
    }
}

/// Smaller packets are not worth their bytes.
const LEAST_ROOM: usize = OVERHEAD + 48;

impl Link {
    /// Fills `out` with datagrams that must leave now, as many of one size as there are; `None` when there are none.
    /// `unix`: the wall clock, for handshakes.
    pub fn poll_transmit(&mut self, now: Time, unix: UnixMicros, out: &mut [u8]) -> Option<Transmit> {
        let path = self.path.proven();
        let whole = |length| Transmit::new(path, length, length);
        self.sessions.expire(now, self.transport.next_packet());
        if !self.is_open() {
            return self.seal_closing_packet(now, out).map(whole);
        }
        if !self.path.is_known() {
            return None;
        }
        self.wake(now);
        self.probe_after_last_stream();
        if let Some(length) = self.go_dormant(now, out) {
            return Some(whole(length));
        }
        self.ask(now, unix);
        if let Some((message, to)) = self.outgoing.take() {
            out[..message.len()].copy_from_slice(&message);
            self.sent_at = now;
            return Some(Transmit::new(to, message.len(), message.len()));
        }
        if !self.is_up() || self.state.is_dormant() {
            return None;
        }
        self.challenge_client(now, out)
            .map(whole)
            .or_else(|| self.challenge_path(now, out))
            .or_else(|| self.seal_batch(now, path, out))
    }

    /// Packets for the proven path, as many as may leave and fit.
    fn seal_batch(&mut self, now: Time, path: FourTuple, out: &mut [u8]) -> Option<Transmit> {
        let (mut length, mut segment, mut more) = (0, out.len(), true);
        let ecn = self.transport.outgoing_ecn();
        for _ in 0..BATCH_PACKETS {
            if self.transport.outgoing_ecn() != ecn {
                break;
            }
            let room = segment.min(out.len() - length);
            if room < LEAST_ROOM {
                break;
            }
            let Some(size) = self.seal_next(now, &mut out[length..length + room]) else {
                more = self.transport.may_want_more_room();
                break;
            };
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
        self.on_sending(now);
        Some(Transmit { ecn, more, ..Transmit::new(path, length, segment.min(length)) })
    }

    /// Packets leave.
    pub(super) fn on_sending(&mut self, now: Time) {
        // To a peer that is known to be silent they say nothing of what is on the way.
        if self.rekey.is_some() && !self.reachability.is_unreachable() {
            self.keepalive.on_sending(now, now.since(self.sent_at), self.highest);
        }
        self.sent_at = now;
    }

    /// Asks the client, where it is known to be, whether it is there.
    fn challenge_client(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        let token = self.liveness_probe.take_owed(now, &mut self.random)?;
        self.seal(out, |transport, frames| Some(transport.path_challenge(now, token, frames)))
    }

    /// Asks an address that the peer's packets come from whether the peer is there.
    fn challenge_path(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        let (pto, size) = (self.transport.pto(), CHALLENGE_SIZE as u64);
        let (at, token) = self.path.poll_challenge(now, pto, size, &mut self.random)?;
        let length =
            self.seal(out, |transport, frames| Some(transport.path_challenge(now, token, frames)))?;
        Some(Transmit::new(at, length, length))
    }

    /// The packet that says that the link is over.
    fn seal_closing_packet(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        let (code, fault) = self.closing_reason()?;
        let reason = fault.map(|fault| fault.to_string()).unwrap_or_default();
        let length = self.seal(out, |transport, frames| Some(transport.end(now, code, &reason, frames)));
        self.closed();
        length
    }

    fn seal_next(&mut self, now: Time, room: &mut [u8]) -> Option<usize> {
        let mut number = None;
        let size = self.seal(room, |transport, frames| {
            let built = transport.poll_packet(now, frames)?;
            number = Some(built.number);
            Some(built)
        })?;
        if self.sessions.is_unused() && number.is_some_and(|number| self.transport.has_content_in(number)) {
            self.sessions.on_sealed_content(now);
        }
        Some(size)
    }

    /// Seals the packet that `build` makes at the beginning of `room` and returns its size.
    pub(super) fn seal(
        &mut self,
        room: &mut [u8],
        build: impl FnOnce(&mut Transport, &mut [u8]) -> Option<Built>,
    ) -> Option<usize> {
        let frames = room.len().checked_sub(TAG_LEN)?;
        let built = build(&mut self.transport, &mut room[HEADER_LEN..frames])?;
        let size = HEADER_LEN + built.length + TAG_LEN;
        self.sessions.seal(built.number, &mut room[..size]).then_some(size)
    }
}
