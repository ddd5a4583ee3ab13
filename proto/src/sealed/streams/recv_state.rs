//! The states of the receiving half of a stream, and what leads from one to the next.

use crate::sealed::wire::frame::ResetCode;

/// The states of RFC 9000 section 3.2; drawn in PROTOCOL.md, "States of a direction". A reset ends both halves here, so one more
/// stands for this side's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RecvState {
    /// Recv: it is not known where the bytes end.
    #[default]
    Recv,
    /// Size Known: some of the bytes before FIN are missing.
    SizeKnown {
        /// Where they end.
        end: u64,
    },
    /// Data Recvd: all bytes are here, and not all have been read.
    DataRecvd,
    /// Data Read: all have been read.
    DataRead,
    /// Reset Recvd: the peer has reset the stream. The application is notified once it can read all that was sent before.
    ResetRecvd {
        /// Why.
        code: ResetCode,
        /// Where the bytes end.
        end: u64,
    },
    /// Reset Read: the application was notified of the reset. It may still read what came.
    ResetRead {
        /// Where the bytes end, or would have ended at the most.
        end: u64,
    },
    /// This side has reset the stream: nothing is taken any more. Reset Read in PROTOCOL.md.
    Stopped,
}

impl RecvState {
    /// The peer says that its bytes end at `end`.
    pub(crate) const fn on_end(&mut self, end: u64) {
        if matches!(self, Self::Recv) {
            *self = Self::SizeKnown { end };
        }
    }

    /// In order have arrived the bytes up to `ready`, and been read those up to `read`.
    pub(crate) const fn on_bytes(&mut self, ready: u64, read: u64) {
        let is_complete = match *self {
            Self::SizeKnown { end } => end == ready,
            Self::DataRecvd => true,
            Self::Recv
            | Self::DataRead
            | Self::ResetRecvd { .. }
            | Self::ResetRead { .. }
            | Self::Stopped => return,
        };
        if is_complete {
            *self = if read == ready { Self::DataRead } else { Self::DataRecvd };
        }
    }

    /// The peer has reset the stream behind the byte `end`: also behind all of them, as that ends the other half too.
    pub(crate) const fn on_reset(&mut self, code: ResetCode, end: u64) {
        if !self.is_reset() && !self.is_stopped() {
            *self = Self::ResetRecvd { code, end };
        }
    }

    /// The code of the peer's reset, once, if the bytes up to `ready` are all before it.
    pub(crate) const fn take_reset(&mut self, ready: u64) -> Option<ResetCode> {
        let Self::ResetRecvd { code, end } = *self else { return None };
        if end != ready {
            return None;
        }
        *self = Self::ResetRead { end };
        Some(code)
    }

    /// The peer is gone: no byte comes any more, of those up to `end`. The code of the reset that this is for the application,
    /// unless it has been notified of one.
    pub(crate) const fn cut_short(&mut self, end: u64) -> Option<ResetCode> {
        let code = match *self {
            Self::ResetRead { .. } | Self::Stopped => return None,
            Self::ResetRecvd { code, .. } => code,
            Self::Recv | Self::SizeKnown { .. } | Self::DataRecvd | Self::DataRead => ResetCode::Reset,
        };
        *self = Self::ResetRead { end };
        Some(code)
    }

    /// Whether the peer has reset the stream.
    pub(crate) const fn is_reset(&self) -> bool {
        matches!(self, Self::ResetRecvd { .. } | Self::ResetRead { .. })
    }

    /// Whether nothing is taken any more.
    pub(crate) const fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped)
    }

    /// Whether all bytes up to the end have arrived; in order have arrived those up to `ready`.
    pub(crate) const fn is_finished(&self, ready: u64) -> bool {
        match *self {
            Self::Recv | Self::SizeKnown { .. } | Self::Stopped => false,
            Self::DataRecvd | Self::DataRead => true,
            Self::ResetRecvd { end, .. } | Self::ResetRead { end } => end == ready,
        }
    }

    /// Where the bytes end, if that is known; in order have arrived those up to `ready`.
    pub(crate) const fn end(&self, ready: u64) -> Option<u64> {
        match *self {
            Self::Recv | Self::Stopped => None,
            Self::SizeKnown { end } | Self::ResetRecvd { end, .. } | Self::ResetRead { end } => Some(end),
            Self::DataRecvd | Self::DataRead => Some(ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: ResetCode = ResetCode::Refused;

    /// What happens.
    type RecvStep = fn(&mut RecvState);

    /// The state after each step.
    fn dialogue(steps: &[(RecvStep, RecvState)]) {
        let mut state = RecvState::default();
        for (at, (step, expected)) in steps.iter().enumerate() {
            step(&mut state);
            assert_eq!(state, *expected, "step {at}");
        }
    }

    #[test]
    fn bytes_arrive_then_their_end_then_the_last_of_them_and_are_read() {
        dialogue(&[
            (|state| state.on_bytes(4, 0), RecvState::Recv),
            (|state| state.on_end(9), RecvState::SizeKnown { end: 9 }),
            (|state| state.on_bytes(8, 8), RecvState::SizeKnown { end: 9 }),
            (|state| state.on_bytes(9, 8), RecvState::DataRecvd),
            (|state| state.on_end(9), RecvState::DataRecvd),
            (|state| state.on_bytes(9, 9), RecvState::DataRead),
            (|state| state.on_end(9), RecvState::DataRead),
        ]);
    }

    #[test]
    fn an_end_behind_bytes_that_were_read_is_read_at_once() {
        dialogue(&[
            (|state| state.on_end(9), RecvState::SizeKnown { end: 9 }),
            (|state| state.on_bytes(9, 9), RecvState::DataRead),
        ]);
    }

    #[test]
    fn the_application_hears_of_a_reset_once_and_behind_the_bytes_before_it() {
        let reset = RecvState::ResetRecvd { code: CODE, end: 9 };
        dialogue(&[
            (|state| state.on_reset(CODE, 9), reset),
            (|state| assert_eq!(state.take_reset(8), None), reset),
            (|state| state.on_bytes(9, 9), reset),
            (|state| assert_eq!(state.take_reset(9), Some(CODE)), RecvState::ResetRead { end: 9 }),
            (|state| state.on_reset(CODE, 9), RecvState::ResetRead { end: 9 }),
            (|state| assert_eq!(state.take_reset(9), None), RecvState::ResetRead { end: 9 }),
        ]);
    }

    #[test]
    fn a_reset_behind_the_end_still_ends_the_other_half() {
        dialogue(&[
            (|state| state.on_end(9), RecvState::SizeKnown { end: 9 }),
            (|state| state.on_bytes(9, 9), RecvState::DataRead),
            (|state| state.on_reset(CODE, 9), RecvState::ResetRecvd { code: CODE, end: 9 }),
        ]);
    }

    #[test]
    fn a_peer_that_is_gone_resets_what_it_has_not_reset_itself() {
        dialogue(&[
            (|state| state.on_reset(CODE, 9), RecvState::ResetRecvd { code: CODE, end: 9 }),
            (|state| assert_eq!(state.cut_short(9), Some(CODE)), RecvState::ResetRead { end: 9 }),
            (|state| assert_eq!(state.cut_short(9), None), RecvState::ResetRead { end: 9 }),
        ]);
        dialogue(&[
            (
                |state| assert_eq!(state.cut_short(50), Some(ResetCode::Reset)),
                RecvState::ResetRead { end: 50 },
            ),
            (|state| state.on_bytes(50, 50), RecvState::ResetRead { end: 50 }),
        ]);
    }

    #[test]
    fn what_this_side_has_reset_stays_so() {
        dialogue(&[
            (|state| *state = RecvState::Stopped, RecvState::Stopped),
            (|state| state.on_end(9), RecvState::Stopped),
            (|state| state.on_reset(CODE, 9), RecvState::Stopped),
            (|state| assert_eq!(state.cut_short(9), None), RecvState::Stopped),
        ]);
    }
}
