//! A link that nobody uses: the client closes it, and the server does not wait for ever for a client that could not.

use super::Link;
use super::rekey_timer::LONG_SILENCE;
use super::state::LinkState;
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
        if !self.is_up() || self.is_wanted() {
            return Time::NEVER;
        }
        match self.state {
            LinkState::Up { .. } if self.transport.is_idle() => self.heard_at + LONG_SILENCE,
            LinkState::Dormant { heard: true, .. } => self.heard_at,
            LinkState::Asking
            | LinkState::Up { .. }
            | LinkState::Dormant { heard: false, .. }
            | LinkState::Serving { .. }
            | LinkState::Closing { .. }
            | LinkState::Draining { .. }
            | LinkState::Ended => Time::NEVER,
        }
    }

    /// The client asks for a sign of life when its last stream is over, because the server may still wait for an
    /// acknowledgement that was lost, at an address that the client has left.
    pub(super) fn probe_after_last_stream(&mut self) {
        if self.state.note_streams(self.transport.stream_count() > 0) {
            self.transport.probe();
        }
    }

    /// Closes the link as dormant if that is due: fills `out` with the packet that says so and returns its length. Keys and packet
    /// numbers stay for what the server may still want acknowledged.
    pub(super) fn go_dormant(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        if self.dormant_due() > now {
            return None;
        }
        if self.state.go_dormant() {
            self.take_new_link_id();
        }
        self.seal(out, |transport, frames| Some(transport.end(now, EndCode::Dormant, "", frames)))
    }

    /// There is a use for a link again, after the client was dormant or the peer silent for long: it is another link.
    /// Nothing of the streams opened meanwhile has left, nor will it before the response: a server that has forgotten the
    /// old link, whatever the reason, cannot cost a stream.
    pub(super) fn wake(&mut self, now: Time) {
        let is_silent = match self.state {
            LinkState::Dormant { .. } => true,
            LinkState::Up { in_use: false, .. } => {
                !self.expects_streams && now.since(self.heard_at) >= LONG_SILENCE
            }
            LinkState::Asking
            | LinkState::Up { in_use: true, .. }
            | LinkState::Serving { .. }
            | LinkState::Closing { .. }
            | LinkState::Draining { .. }
            | LinkState::Ended => false,
        };
        if !is_silent || self.transport.stream_count() == 0 {
            return;
        }
        if !self.state.is_dormant() {
            self.take_new_link_id();
        }
        self.transport.reconnect();
        self.forget_peer();
        self.state = LinkState::Asking;
    }

    /// What the client asks for next is another link, perhaps another ticket's.
    fn take_new_link_id(&mut self) {
        let Some(rekey) = &mut self.rekey else { return };
        rekey.on_dormant(LinkId(self.random.u64()));
        self.reachability.on_other_link();
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
        match self.transport.stream_count() {
            _ if self.rekey.is_some() => Time::NEVER,
            0 => abandon.min(self.heard_at + DESERTED),
            _ => abandon,
        }
    }
}
