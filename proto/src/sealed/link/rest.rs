//! A link that nobody uses: the client gives it back, and the server does not wait for ever for a client that could not.

use super::asking::LONG_SILENCE;
use super::{Event, Link};
use crate::sealed::handshake::LinkId;
use crate::sealed::packet::{HEADER_LEN, TAG_LEN};
use crate::time::Time;
use std::time::Duration;

/// A server's link without streams ends after so long a silence. Its client has most probably rested long before; but the
/// path may have died, for hours, just before the first packet of a stream, which would then be lost with the link. If
/// its place is needed it is asked much sooner: see [`crate::sealed::hub`].
const DESERTED: Duration = Duration::from_secs(24 * 3_600);

/// The code in the packet that gives a link back (specification).
const END_REST: u64 = 2;

impl Link {
    /// When the client says that it rests: after a minute without a use for the link, and again whenever something is
    /// heard on it, because then the server does not know.
    pub(super) fn rest_due(&self) -> Time {
        if self.asking.is_none() || !self.is_up() || self.is_wanted() {
            return Time::NEVER;
        }
        match (self.resting, self.heard_resting) {
            (true, true) => self.heard_at,
            (false, _) if self.transport.is_idle() => self.heard_at + LONG_SILENCE,
            (true, false) | (false, _) => Time::NEVER,
        }
    }

    /// The client asks for a sign of life when its last stream is over, because the server may still wait for an
    /// acknowledgement that was lost, at an address that the client has left.
    pub(super) fn round_off(&mut self) {
        let wanted = self.is_wanted();
        if std::mem::replace(&mut self.was_wanted, wanted) && !wanted && self.asking.is_some() {
            self.transport.probe();
        }
    }

    /// Gives the link back if that is due: fills `out` with the packet that says so and returns its length. Keys and packet
    /// numbers stay for what the server may still want acknowledged.
    pub(super) fn rest(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        if self.rest_due() > now {
            return None;
        }
        if let Some(asking) = self.asking.as_mut().filter(|_| !self.resting) {
            asking.on_rest(LinkId(self.random.u64()));
        }
        (self.resting, self.heard_resting) = (true, false);
        let frames = out.len().checked_sub(TAG_LEN)?;
        let built = self.transport.end(now, END_REST, &mut out[HEADER_LEN..frames]);
        let size = HEADER_LEN + built.length + TAG_LEN;
        self.sessions.seal(built.number, &mut out[..size]).then_some(size)
    }

    /// There is a use for a link again, after a rest or a long silence: it is another one. Nothing of the streams opened
    /// meanwhile has left, nor will it before the answer: a server that has forgotten the old link, whatever the reason,
    /// cannot cost a stream.
    pub(super) fn wake(&mut self, now: Time) {
        let silent = self.is_up() && !self.was_wanted && now.since(self.heard_at) >= LONG_SILENCE;
        let Some(asking) = self.asking.as_mut().filter(|_| self.resting || silent) else { return };
        if self.transport.stream_count() == 0 {
            return;
        }
        if !std::mem::take(&mut self.resting) {
            asking.on_rest(LinkId(self.random.u64()));
        }
        self.transport.reconnect();
        self.forget_peer();
        self.with = None;
    }

    /// The peer ended the link. If it only rests, what it sent and nobody has read yet must not go with it: acknowledged is
    /// not delivered.
    pub(super) fn peer_ended(&mut self, code: u64) {
        self.ended = Some(code);
        if code != END_REST || !self.transport.release() {
            self.end_by_peer(code);
        }
    }

    /// The peer does not live, or not with these keys any more: it may have rested, and its packet that says so was lost. What
    /// it sent to the end is still read.
    pub(super) fn unanswered(&mut self) {
        if self.transport.stream_count() > 0 && self.transport.release() {
            self.ended = Some(END_REST);
        } else {
            self.events.push_back(Event::Gone);
        }
    }

    /// Ends a link whose peer rests once all that it sent has been read.
    pub(super) fn end_when_read(&mut self) {
        if let Some(code) = self.ended.filter(|_| !self.over && self.transport.stream_count() == 0) {
            self.end_by_peer(code);
        }
    }

    fn end_by_peer(&mut self, code: u64) {
        self.over = true;
        self.events.push_back(Event::Ended(code));
    }

    /// When the server's link ends because nobody has used it for long.
    pub(super) fn deserted_due(&self) -> Time {
        let waits = self.asking.is_none() && self.transport.stream_count() == 0;
        if waits { self.heard_at + DESERTED } else { Time::NEVER }
    }
}
