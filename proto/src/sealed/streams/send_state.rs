//! The states of the sending half of a stream, and what leads from one to the next.

use crate::sealed::streams::announce::Announce;
use crate::sealed::wire::frame::ResetCode;

/// The states of RFC 9000 section 3.1; drawn in PROTOCOL.md, "States of a direction". A reset ends both halves here, so one more
/// stands for the peer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SendState {
    /// Ready and Send: the application may write.
    #[default]
    Send,
    /// Nothing comes behind what is written. Until FIN has left that is still Send, then Data Sent.
    Finished {
        /// How far FIN is.
        fin: Announce,
    },
    /// Data Recvd: the peer has all the bytes and FIN.
    DataRecvd,
    /// Reset Sent: this side has reset the stream. What it wrote before still goes.
    ResetSent {
        /// What `X` says.
        code: ResetCode,
        /// `X` has to leave, for the first time or again.
        is_due: bool,
        /// FIN, if the application had finished and none of its bytes was cut off.
        fin: Option<Announce>,
    },
    /// Reset Recvd: the peer has `X`. Bytes before it may still be on their way.
    ResetRecvd {
        /// As before.
        fin: Option<Announce>,
    },
    /// The peer has reset the stream or is gone: it takes nothing more, as after STOP_SENDING. Reset Recvd in PROTOCOL.md.
    Stopped,
}

impl SendState {
    /// The application says that no bytes come behind those written.
    pub(crate) const fn finish(&mut self) {
        if matches!(self, Self::Send) {
            *self = Self::Finished { fin: Announce::Unsent };
        }
    }

    /// FIN leaves.
    pub(crate) const fn on_fin_sent(&mut self) {
        if let Some(fin) = self.fin_mut() {
            fin.on_sent();
        }
    }

    /// FIN was lost, or may have been.
    pub(crate) const fn on_fin_lost(&mut self) {
        if let Some(fin) = self.fin_mut() {
            fin.on_lost();
        }
    }

    /// FIN was acknowledged.
    pub(crate) const fn on_fin_acked(&mut self) {
        if let Some(fin) = self.fin_mut() {
            fin.on_acked();
        }
    }

    /// All bytes that were written have been acknowledged.
    pub(crate) const fn on_bytes_acked(&mut self) {
        if matches!(self, Self::Finished { fin: Announce::Acked }) {
            *self = Self::DataRecvd;
        }
    }

    /// This side resets the stream.
    pub(crate) const fn reset(&mut self, code: ResetCode) {
        if matches!(self, Self::Send | Self::Finished { .. } | Self::DataRecvd) {
            *self = Self::ResetSent { code, is_due: true, fin: self.fin() };
        }
    }

    /// Some of the bytes that were written before the reset will not be sent: FIN behind the rest would look like the end
    /// that the application meant.
    pub(crate) const fn on_cut(&mut self) {
        if let Self::ResetSent { fin, .. } | Self::ResetRecvd { fin } = self {
            *fin = None;
        }
    }

    /// The code that `X` says, if it has to leave now; then it leaves.
    pub(crate) const fn take_reset(&mut self) -> Option<ResetCode> {
        let Self::ResetSent { code, is_due: is_due @ true, .. } = self else { return None };
        *is_due = false;
        Some(*code)
    }

    /// `X` was lost, or may have been.
    pub(crate) const fn on_reset_lost(&mut self) {
        if let Self::ResetSent { is_due, .. } = self {
            *is_due = true;
        }
    }

    /// The peer has `X`.
    pub(crate) const fn on_reset_acked(&mut self) {
        if let Self::ResetSent { fin, .. } = *self {
            *self = Self::ResetRecvd { fin };
        }
    }

    /// The peer is gone, as if it had everything that it has to get.
    pub(crate) const fn on_peer_gone(&mut self) {
        *self = match *self {
            Self::Send | Self::Stopped => Self::Stopped,
            Self::Finished { .. } | Self::DataRecvd => Self::DataRecvd,
            Self::ResetSent { fin, .. } | Self::ResetRecvd { fin } => Self::ResetRecvd { fin },
        };
    }

    /// Whether this side has reset the stream.
    pub(crate) const fn is_reset(&self) -> bool {
        matches!(self, Self::ResetSent { .. } | Self::ResetRecvd { .. })
    }

    /// How far FIN is, if there is one.
    pub(crate) const fn fin(&self) -> Option<Announce> {
        match *self {
            Self::Send | Self::Stopped => None,
            Self::Finished { fin } => Some(fin),
            Self::DataRecvd => Some(Announce::Acked),
            Self::ResetSent { fin, .. } | Self::ResetRecvd { fin } => fin,
        }
    }

    const fn fin_mut(&mut self) -> Option<&mut Announce> {
        match self {
            Self::Finished { fin } => Some(fin),
            Self::ResetSent { fin, .. } | Self::ResetRecvd { fin } => fin.as_mut(),
            Self::Send | Self::DataRecvd | Self::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: ResetCode = ResetCode::Refused;

    /// What happens.
    type SendStep = fn(&mut SendState);

    /// The state after each step.
    fn dialogue(steps: &[(SendStep, SendState)]) {
        let mut state = SendState::default();
        for (at, (step, expected)) in steps.iter().enumerate() {
            step(&mut state);
            assert_eq!(state, *expected, "step {at}");
        }
    }

    const fn finished(fin: Announce) -> SendState {
        SendState::Finished { fin }
    }

    const fn reset_sent(is_due: bool, fin: Option<Announce>) -> SendState {
        SendState::ResetSent { code: CODE, is_due, fin }
    }

    #[test]
    fn a_direction_that_ends_in_order_is_over_when_the_peer_has_bytes_and_fin() {
        dialogue(&[
            (|state| state.on_bytes_acked(), SendState::Send),
            (|state| state.finish(), finished(Announce::Unsent)),
            (|state| state.on_fin_sent(), finished(Announce::Sent)),
            (|state| state.on_bytes_acked(), finished(Announce::Sent)),
            (|state| state.on_fin_lost(), finished(Announce::Lost)),
            (|state| state.on_fin_sent(), finished(Announce::Sent)),
            (|state| state.on_fin_acked(), finished(Announce::Acked)),
            (|state| state.on_bytes_acked(), SendState::DataRecvd),
            (|state| state.on_fin_lost(), SendState::DataRecvd),
            (|state| state.finish(), SendState::DataRecvd),
        ]);
    }

    #[test]
    fn a_reset_leaves_again_until_the_peer_has_it() {
        dialogue(&[
            (|state| state.reset(CODE), reset_sent(true, None)),
            (|state| assert_eq!(state.take_reset(), Some(CODE)), reset_sent(false, None)),
            (|state| assert_eq!(state.take_reset(), None), reset_sent(false, None)),
            (|state| state.on_reset_lost(), reset_sent(true, None)),
            (|state| state.on_reset_acked(), SendState::ResetRecvd { fin: None }),
            (|state| state.on_reset_lost(), SendState::ResetRecvd { fin: None }),
            (|state| assert_eq!(state.take_reset(), None), SendState::ResetRecvd { fin: None }),
        ]);
    }

    #[test]
    fn nothing_is_finished_behind_a_reset() {
        dialogue(&[
            (|state| state.reset(CODE), reset_sent(true, None)),
            (|state| state.finish(), reset_sent(true, None)),
            (|state| state.reset(ResetCode::Reset), reset_sent(true, None)),
        ]);
    }

    #[test]
    fn fin_that_was_meant_before_a_reset_goes_unless_bytes_before_it_do_not() {
        dialogue(&[
            (|state| state.finish(), finished(Announce::Unsent)),
            (|state| state.reset(CODE), reset_sent(true, Some(Announce::Unsent))),
            (|state| state.on_fin_sent(), reset_sent(true, Some(Announce::Sent))),
            (|state| state.on_cut(), reset_sent(true, None)),
            (|state| state.on_fin_sent(), reset_sent(true, None)),
        ]);
    }

    #[test]
    fn a_peer_that_is_gone_has_what_it_was_owed_unless_the_application_was_not_done() {
        dialogue(&[
            (|state| state.finish(), finished(Announce::Unsent)),
            (|state| state.on_peer_gone(), SendState::DataRecvd),
            (|state| state.reset(CODE), reset_sent(true, Some(Announce::Acked))),
            (|state| state.on_peer_gone(), SendState::ResetRecvd { fin: Some(Announce::Acked) }),
        ]);
        dialogue(&[
            (|state| state.on_peer_gone(), SendState::Stopped),
            (|state| state.finish(), SendState::Stopped),
            (|state| state.reset(CODE), SendState::Stopped),
        ]);
    }
}
