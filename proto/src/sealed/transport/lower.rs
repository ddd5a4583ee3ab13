//! What the link beneath asks of its transport: packets of its own, and other paths.

use super::{Built, Transport};
use crate::sealed::recovery::loss_detection::WindowUse;
use crate::sealed::recovery::mtu::{self, Mtu};
use crate::sealed::recovery::{ack, loss_detection};
use crate::sealed::streams::send_state::SendState;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::end_code::{self, EndCode};
use crate::sealed::wire::frame::{self, Frame};
use crate::sealed::wire::packet::OVERHEAD;
use crate::sealed::wire::varint::Writer;
use crate::time::Time;
use std::time::Duration;

impl Transport {
    /// Builds the packet that ends the link, and acknowledges what has not been. Of `reason` as much as fits is said.
    pub(crate) fn end(&mut self, now: Time, code: EndCode, reason: &str, out: &mut [u8]) -> Built {
        let room = (usize::from(self.mtu.current().min(mtu::BASE)) - OVERHEAD).min(out.len());
        let mut writer = Writer::new(&mut out[..room]);
        let reason = end_code::reason(reason).as_bytes();
        frame::put(&mut writer, &Frame::End { code: code.code(), reason });
        if self.acks.is_waiting() {
            self.acks.put(now, &mut writer);
        }
        let (number, length, ecn) = (self.recovery.log.next(), writer.len(), Ecn::NotCapable);
        self.recovery.on_sent(now, length + OVERHEAD, WindowUse::None, ecn);
        Built { number, length, ecn }
    }

    /// The peer has all that it needs and is gone. What it sent to its end can still be read; a stream that cannot come to
    /// its end any more is reset, as when the peer's process dies. True if there are streams of the first kind.
    pub(crate) fn release(&mut self) -> bool {
        let ids: Vec<_> = self.streams.iter().map(|stream| stream.id).collect();
        let mut readable = false;
        for id in ids {
            let Some((key, stream, pools)) = self.streams.find(id) else { continue };
            // A peer that waits for nothing has acknowledged the end of what was sent to it, or reset the stream.
            let whole = stream.send.state != SendState::Send && stream.recv.is_finished();
            stream.send.on_peer_gone(&mut pools.send);
            stream.opening.on_peer_gone();
            let is_cut_short = !whole && !stream.send.state.is_reset();
            self.end_sending_datagrams(key);
            if is_cut_short {
                self.cut_short(key);
                continue;
            }
            self.close_if_over(key);
            readable |= self.streams.key(id).is_some();
        }
        self.streams.count_written();
        readable
    }

    /// Ends a stream whose last bytes will never come.
    fn cut_short(&mut self, key: usize) {
        let Some((stream, pools)) = self.streams.get(key) else { return };
        stream.send.stop(&mut pools.send);
        if let Some(code) = stream.recv.cut_short() {
            self.events.push_back(super::Event::Reset(stream.id, code));
        }
    }
}

/// What was learnt of a path, to go on with if the peer returns to it (RFC 9000 section 9.4).
#[derive(Debug)]
pub(crate) struct PathState {
    recovery: loss_detection::RecoveryState,
    mtu: Mtu,
}

impl Transport {
    /// The path beneath has changed to another network.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn on_new_path(&mut self) {
        self.switch_path(None);
    }

    /// The path beneath is another one, of which perhaps something is `known`. Returns what was known of the one before.
    pub(crate) fn switch_path(&mut self, known: Option<PathState>) -> PathState {
        let fresh = self.mtu.for_new_path();
        let (known, mtu) = known.map_or((None, fresh), |known| (Some(known.recovery), known.mtu.resumed()));
        let mtu = std::mem::replace(&mut self.mtu, mtu);
        PathState { recovery: self.recovery.switch_path(self.mtu.current(), known), mtu }
    }

    /// The path is the same, but packets that left before may have gone to a port where nobody is any more.
    pub(crate) fn on_rebinding(&mut self) {
        self.recovery.on_rebinding();
    }

    /// How long the answer to a packet may take.
    pub(crate) fn pto(&self) -> Duration {
        self.recovery.rtt.probe_timeout(ack::MAX_DELAY)
    }

    /// Builds the packet that asks an address whether the peer is there. It does not count for recovery: it goes another way
    /// than the rest, and the link repeats it.
    pub(crate) fn path_challenge(&mut self, now: Time, token: u64, out: &mut [u8]) -> Built {
        let mut writer = Writer::new(out);
        frame::put(&mut writer, &Frame::PathChallenge { token });
        let (number, length, ecn) = (self.recovery.log.next(), writer.len(), Ecn::NotCapable);
        self.recovery.on_sent(now, length + OVERHEAD, WindowUse::None, ecn);
        Built { number, length, ecn }
    }
}

/// Bytes of the datagram with [`Transport::path_challenge`].
pub(crate) const CHALLENGE_SIZE: usize = OVERHEAD + 1 + 8;
