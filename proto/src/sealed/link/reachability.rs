//! Whether the peer gets what this side sends, and what its owner was notified of.

use crate::time::Time;
use std::time::Duration;

/// Handshakes in a row that count as a sign of life though no packet came between them: a path that lets handshakes through and
/// nothing else is no path. One may be of a server that had to be asked twice.
const HANDSHAKES_ONLY: u32 = 2;

/// Initiations go without a response for so long before the peer counts as unreachable: four of those that leave singly, seven pairs of
/// those that leave in twos.
const UNANSWERED: Duration = Duration::from_millis(1_500);

/// What is known of whether the peer gets what this side sends.
#[derive(Debug)]
pub(super) struct Reachability {
    /// When the peer last showed it: a path may have died in one direction.
    answered_at: Time,
    /// Handshakes since the last packet.
    handshakes_only: u32,
    /// The owner was notified that the peer is unreachable, and not yet that it is heard again.
    unreachable: bool,
}

impl Reachability {
    pub(super) const fn new(now: Time) -> Self {
        Self { answered_at: now, handshakes_only: 0, unreachable: false }
    }

    /// When the peer last showed that it gets what this side sends.
    pub(super) const fn answered_at(&self) -> Time {
        self.answered_at
    }

    /// Whether the owner was notified that it does not.
    pub(super) const fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    /// The peer has acknowledged a packet. True if the owner must be notified that it is heard again.
    pub(super) const fn on_packet(&mut self, now: Time) -> bool {
        self.handshakes_only = 0;
        self.on_answered(now)
    }

    /// A handshake was completed. Whether that is a sign of life.
    pub(super) const fn on_handshake(&mut self) -> bool {
        self.handshakes_only += 1;
        self.handshakes_only <= HANDSHAKES_ONLY
    }

    /// The peer has shown that it gets what this side sends. True if the owner must be notified that it is heard again.
    pub(super) const fn on_answered(&mut self, now: Time) -> bool {
        self.answered_at = now;
        std::mem::replace(&mut self.unreachable, false)
    }

    /// All initiations `since` then went unanswered. True if the owner must be notified that the peer is unreachable.
    pub(super) fn on_unanswered(&mut self, now: Time, since: Time) -> bool {
        now.since(self.answered_at.max(since)) >= UNANSWERED && self.on_lost()
    }

    /// No packet passes. True if the owner must be notified that the peer is unreachable.
    pub(super) const fn on_lost(&mut self) -> bool {
        !std::mem::replace(&mut self.unreachable, true)
    }

    /// The peer does not let this client in: it is there.
    pub(super) const fn on_refused(&mut self) {
        self.unreachable = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_notified_once_of_each_silence() {
        let (mut peer, at) =
            (Reachability::new(Time::ZERO), |millis| Time::ZERO + Duration::from_millis(millis));
        assert!(!peer.on_unanswered(at(1_499), at(0)), "too soon");
        assert!(!peer.on_unanswered(at(60_000), at(59_000)), "nothing was asked for long");
        assert!(peer.on_unanswered(at(1_500), at(0)) && !peer.on_unanswered(at(1_600), at(0)), "once");
        assert!(peer.on_packet(at(1_700)) && !peer.on_packet(at(1_700)), "heard again, once");
        assert_eq!((peer.answered_at(), peer.is_unreachable()), (at(1_700), false));
        assert!(!peer.on_unanswered(at(3_000), at(0)), "a packet was acknowledged meanwhile");
    }

    #[test]
    fn a_path_that_lets_only_handshakes_through_is_no_path() {
        let mut peer = Reachability::new(Time::ZERO);
        assert!(peer.on_handshake() && peer.on_handshake() && !peer.on_handshake());
        assert!(peer.on_lost() && !peer.on_lost());
        peer.on_packet(Time::ZERO);
        assert!(peer.on_handshake(), "a packet came between");
    }

    #[test]
    fn who_refuses_is_there() {
        let mut peer = Reachability::new(Time::ZERO);
        peer.on_lost();
        peer.on_refused();
        assert!(!peer.is_unreachable());
    }
}
