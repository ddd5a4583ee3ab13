//! A link that nobody uses: the client closes it, and the server does not wait for ever for a client that could not.

use super::Link;
use super::rekey_timer::LONG_SILENCE;
use crate::sealed::handshake::terms::LinkId;
use crate::sealed::wire::end_code::EndCode;
use crate::time::Time;
use std::time::Duration;

/// A server's link without streams ends after so long a silence. Its client has most probably gone dormant long before; but the
/// path may have died, for hours, just before the first packet of a stream, which would then be lost with the link. If
/// its place is needed it is asked much sooner: see [`crate::sealed::endpoint`].
const DESERTED: Duration = Duration::from_secs(24 * 3_600);

impl Link {
    /// When the client says that it is dormant: after a minute without a use for the link, and again whenever something is
    /// heard on it, because then the server does not know.
    pub(super) fn dormant_due(&self) -> Time {
        if self.rekey.is_none() || !self.is_up() || self.is_wanted() {
            return Time::NEVER;
        }
        match (self.dormant, self.heard_dormant) {
            (true, true) => self.heard_at,
            (false, _) if self.transport.is_idle() => self.heard_at + LONG_SILENCE,
            (true, false) | (false, _) => Time::NEVER,
        }
    }

    /// The client asks for a sign of life when its last stream is over, because the server may still wait for an
    /// acknowledgement that was lost, at an address that the client has left.
    pub(super) fn round_off(&mut self) {
        let wanted = self.transport.stream_count() > 0;
        if std::mem::replace(&mut self.was_wanted, wanted) && !wanted && self.rekey.is_some() {
            self.transport.probe();
        }
    }

    /// Closes the link as dormant if that is due: fills `out` with the packet that says so and returns its length. Keys and packet
    /// numbers stay for what the server may still want acknowledged.
    pub(super) fn go_dormant(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        if self.dormant_due() > now {
            return None;
        }
        if !self.dormant {
            self.take_other_name();
        }
        (self.dormant, self.heard_dormant) = (true, false);
        self.seal(out, |transport, frames| Some(transport.end(now, EndCode::Dormant, "", frames)))
    }

    /// There is a use for a link again, after the client was dormant or the peer silent for long: it is another link.
    /// Nothing of the streams opened meanwhile has left, nor will it before the response: a server that has forgotten the
    /// old link, whatever the reason, cannot cost a stream.
    pub(super) fn wake(&mut self, now: Time) {
        let silent = self.with.is_some()
            && !self.was_wanted
            && !self.expects_streams
            && now.since(self.heard_at) >= LONG_SILENCE;
        if self.rekey.is_none() || !(self.dormant || silent) || self.transport.stream_count() == 0 {
            return;
        }
        if !std::mem::take(&mut self.dormant) {
            self.take_other_name();
        }
        self.transport.reconnect();
        self.forget_peer();
        self.with = None;
    }

    /// What the client asks for next is another link, perhaps another ticket's.
    fn take_other_name(&mut self) {
        let Some(rekey) = &mut self.rekey else { return };
        rekey.on_dormant(LinkId(self.random.u64()));
        if let Some(ticket) = self.next_ticket.take() {
            rekey.set_ticket(ticket);
        }
    }

    /// When the server's link ends because nobody has used it for long, or its client has not come back.
    pub(super) fn deserted_due(&self) -> Time {
        let abandon = match self.settings.abandon {
            Duration::ZERO => Time::NEVER,
            patience => self.heard_at + patience,
        };
        match (&self.rekey, self.transport.stream_count()) {
            (Some(_), _) => Time::NEVER,
            (None, 0) => abandon.min(self.heard_at + DESERTED),
            (None, _) => abandon,
        }
    }
}
