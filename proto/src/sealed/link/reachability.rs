//! Whether the peer gets what this side sends, and what its owner was notified of.

use super::rekey_timer::SILENCE;
use crate::time::Time;

/// Handshakes in a row that count as a sign of life though no packet came between them: a path that lets handshakes through and
/// nothing else is no path. One may be of a server that had to be asked twice.
const HANDSHAKES_ONLY: u32 = 2;

/// Initiations in a row without a response after which the peer may count as unreachable.
const UNANSWERED: u32 = 4;

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

    /// So many initiations in a row went unanswered. True if the owner must be notified that the peer is unreachable.
    pub(super) fn on_unanswered(&mut self, now: Time, initiations: u32) -> bool {
        let is_silent = initiations >= UNANSWERED && now.since(self.answered_at) >= SILENCE;
        is_silent && self.on_lost()
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
    use std::time::Duration;

    #[test]
    fn the_owner_is_notified_once_of_each_silence() {
        let (start, mut now) = (Time::ZERO, Time::ZERO + SILENCE);
        let mut peer = Reachability::new(start);
        assert!(!peer.on_unanswered(now, UNANSWERED - 1), "too few");
        assert!(!peer.on_unanswered(now.before(Duration::from_millis(1)), UNANSWERED), "too soon");
        assert!(peer.on_unanswered(now, UNANSWERED) && !peer.on_unanswered(now, UNANSWERED + 1), "once");
        now += SILENCE;
        assert!(peer.on_packet(now) && !peer.on_packet(now), "heard again, once");
        assert_eq!((peer.answered_at(), peer.is_unreachable()), (now, false));
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
