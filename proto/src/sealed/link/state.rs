//! Where a link is in its life.

use crate::sealed::handshake::terms::{Epoch, Incarnation};
use crate::sealed::transport::Fault;
use crate::sealed::wire::end_code::EndCode;
use crate::time::Time;

/// Where a link is in its life; drawn in PROTOCOL.md, "Link". The client's goes from asking to up, from there to dormant and
/// back to asking; the server's serves from its first to its last packet. Any of these can end at any time. What PROTOCOL.md
/// calls silent and refused goes on beside that: see [`Reachability`](super::reachability) and [`RekeyTimer`](super::rekey_timer).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// The client knows of no server's end: it sends initiations, and nothing of its streams leaves before a response.
    Asking,
    /// The client's link is with this end. Its keys may still have grown too old, and then it asks for others.
    Up {
        /// Which state of which process.
        with: ServerIncarnation,
        /// There were streams at the last look.
        in_use: bool,
    },
    /// The client has said that it does not use the link any more, and asks for another when a stream is opened.
    Dormant {
        /// Which state of which process it was with.
        with: ServerIncarnation,
        /// Something was heard since: the server does not know.
        heard: bool,
    },
    /// The server's end, which sends as soon as a packet has come, and takes in whatever its client sends.
    Serving {
        /// By then its client has to be heard, whose life is in doubt.
        liveness_deadline: Option<Time>,
    },
    /// It ends once one packet has said so.
    Closing {
        /// What that packet says.
        code: EndCode,
        /// Why, if it is the peer's fault; the owner hears of it when the packet has left.
        fault: Option<Fault>,
        /// The packet leaves by then, or not at all.
        until: Time,
    },
    /// The peer is gone and has all that it needs: nothing is sent or taken in any more, but what came is read.
    Draining {
        /// Since when.
        since: Time,
        /// What has not been read by then is lost.
        until: Time,
    },
    /// It is over.
    Ended,
}

/// The server's end of a link as its client knows it: by the process and by the state of the link in that process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerIncarnation {
    pub(super) epoch: Epoch,
    pub(super) incarnation: Incarnation,
}

impl LinkState {
    /// The first state of the server's end.
    pub(super) const SERVING: Self = Self::Serving { liveness_deadline: None };

    /// Whether packets are taken in.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Asking | Self::Up { .. } | Self::Dormant { .. } | Self::Serving { .. })
    }

    /// Whether the client does not use the link, and has said so.
    pub(super) const fn is_dormant(&self) -> bool {
        matches!(self, Self::Dormant { .. })
    }

    /// The server's end that the client's is, or was before it went dormant, with.
    pub(super) const fn with(&self) -> Option<ServerIncarnation> {
        match self {
            Self::Up { with, .. } | Self::Dormant { with, .. } => Some(*with),
            Self::Asking
            | Self::Serving { .. }
            | Self::Closing { .. }
            | Self::Draining { .. }
            | Self::Ended => None,
        }
    }

    /// When it changes by itself, once it is not open any more.
    pub(super) const fn until(&self) -> Time {
        match self {
            Self::Closing { until, .. } | Self::Draining { until, .. } => *until,
            Self::Asking | Self::Up { .. } | Self::Dormant { .. } | Self::Serving { .. } | Self::Ended => {
                Time::NEVER
            }
        }
    }

    /// The client has got a response `with` which it goes on; `in_use`: there are streams.
    pub(super) const fn on_established(&mut self, with: ServerIncarnation, in_use: bool) {
        match self {
            Self::Asking | Self::Dormant { .. } => *self = Self::Up { with, in_use },
            Self::Up { with: before, .. } => *before = with,
            Self::Serving { .. } | Self::Closing { .. } | Self::Draining { .. } | Self::Ended => {}
        }
    }

    /// The client notes whether there are streams. True if the last one is over.
    pub(super) const fn note_streams(&mut self, wanted: bool) -> bool {
        match self {
            Self::Up { in_use, .. } => std::mem::replace(in_use, wanted) && !wanted,
            Self::Asking
            | Self::Dormant { .. }
            | Self::Serving { .. }
            | Self::Closing { .. }
            | Self::Draining { .. }
            | Self::Ended => false,
        }
    }

    /// The client says that the link is dormant. True unless it has said so before.
    pub(super) const fn go_dormant(&mut self) -> bool {
        match self {
            Self::Up { with, .. } => {
                *self = Self::Dormant { with: *with, heard: false };
                true
            }
            Self::Dormant { heard, .. } => {
                *heard = false;
                false
            }
            Self::Asking
            | Self::Serving { .. }
            | Self::Closing { .. }
            | Self::Draining { .. }
            | Self::Ended => false,
        }
    }

    /// An authentic packet or a response has come.
    pub(super) const fn on_heard(&mut self) {
        match self {
            Self::Dormant { heard, .. } => *heard = true,
            Self::Serving { liveness_deadline } => *liveness_deadline = None,
            Self::Asking | Self::Up { .. } | Self::Closing { .. } | Self::Draining { .. } | Self::Ended => {}
        }
    }

    /// The server doubts that its client lives, which has until `deadline` to show it. False if that is known already, or means nothing.
    pub(super) const fn doubt(&mut self, deadline: Time) -> bool {
        let Self::Serving { liveness_deadline: none @ None } = self else { return false };
        *none = Some(deadline);
        true
    }

    /// When a client whose life is in doubt counts as gone.
    pub(super) fn liveness_deadline(&self) -> Time {
        match self {
            Self::Serving { liveness_deadline: Some(deadline) } => *deadline,
            Self::Asking
            | Self::Up { .. }
            | Self::Dormant { .. }
            | Self::Serving { liveness_deadline: None }
            | Self::Closing { .. }
            | Self::Draining { .. }
            | Self::Ended => Time::NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: ServerIncarnation = ServerIncarnation { epoch: Epoch(1), incarnation: Incarnation(1) };
    const OTHER: ServerIncarnation = ServerIncarnation { epoch: Epoch(1), incarnation: Incarnation(2) };
    const SERVING: LinkState = LinkState::SERVING;

    #[test]
    fn a_client_asks_is_up_goes_dormant_and_comes_back_to_another_end() {
        let mut state = LinkState::Asking;
        assert!(!state.go_dormant(), "nobody to say it to");
        assert_eq!((state.with(), state.note_streams(true)), (None, false));
        state.on_established(FIRST, true);
        assert_eq!(state, LinkState::Up { with: FIRST, in_use: true });
        assert!(
            !state.note_streams(true) && state.note_streams(false) && !state.note_streams(false),
            "the last stream ends once"
        );
        assert!(state.go_dormant() && state.is_dormant());
        assert_eq!(state.with(), Some(FIRST));
        state.on_established(OTHER, false);
        assert_eq!(state, LinkState::Up { with: OTHER, in_use: false });
    }

    #[test]
    fn further_keys_leave_it_as_it_is() {
        let mut state = LinkState::Up { with: FIRST, in_use: true };
        state.on_established(FIRST, false);
        assert_eq!(state, LinkState::Up { with: FIRST, in_use: true });
    }

    #[test]
    fn a_dormant_client_that_hears_something_has_to_say_it_again() {
        let mut state = LinkState::Dormant { with: FIRST, heard: false };
        state.on_heard();
        assert_eq!(state, LinkState::Dormant { with: FIRST, heard: true });
        assert!(!state.go_dormant(), "not for the first time");
        assert_eq!(state, LinkState::Dormant { with: FIRST, heard: false });
    }

    #[test]
    fn a_server_doubts_its_client_until_it_is_heard() {
        let (mut state, soon, later) = (SERVING, Time::ZERO, Time::NEVER);
        assert!(state.doubt(soon) && !state.doubt(later));
        assert_eq!(state.liveness_deadline(), soon);
        state.on_heard();
        assert_eq!(state, SERVING);
    }

    #[test]
    fn only_a_server_doubts_and_only_a_client_goes_dormant() {
        let (mut client, mut server) = (LinkState::Up { with: FIRST, in_use: false }, SERVING);
        assert!(!client.doubt(Time::ZERO) && !server.go_dormant());
        assert_eq!(client.liveness_deadline(), Time::NEVER);
    }

    #[test]
    fn what_has_ended_does_not_begin_again() {
        let mut state = LinkState::Ended;
        state.on_established(FIRST, true);
        state.on_heard();
        assert!(!state.go_dormant() && !state.note_streams(true) && !state.doubt(Time::ZERO));
        assert_eq!((state.is_open(), state), (false, LinkState::Ended));
    }
}
