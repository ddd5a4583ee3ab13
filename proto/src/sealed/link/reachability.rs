//! Whether the peer gets what this side sends, and what its owner was notified of.

use crate::time::Time;
use std::time::Duration;

/// Handshakes in a row that count as a sign of life though no packet came between them: a path that lets handshakes through and
/// nothing else is no path. One may be of a server that had to be asked twice.
const HANDSHAKES_ONLY: u32 = 2;

/// Without a response for so long, beyond two round trips, the peer counts as unreachable...
const UNREACHABLE_AFTER: Duration = Duration::from_millis(1_500);

/// ...but not before so many initiations have left: this machine may have been stopped meanwhile. Singly they take 1.75 s.
const MIN_INITIATIONS: u32 = 4;

/// No round trip counts for more: who holds back one response must not put this off for long.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(3);

/// What is known of whether the peer gets what this side sends.
#[derive(Debug)]
pub(super) struct Reachability {
    /// When the peer last showed it: a path may have died in one direction.
    answered_at: Time,
    /// Handshakes since the last packet.
    handshakes_only: u32,
    /// Initiations since the peer last showed that it gets anything.
    unanswered: u32,
    /// When the first of them left.
    unanswered_since: Time,
    /// From its initiation to the last response.
    response_took: Duration,
    /// The owner was notified that the peer is unreachable, and not yet that it is heard again.
    unreachable: bool,
}

impl Reachability {
    pub(super) const fn new(now: Time) -> Self {
        Self {
            answered_at: now,
            handshakes_only: 0,
            unanswered: 0,
            unanswered_since: now,
            response_took: Duration::ZERO,
            unreachable: false,
        }
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
        (self.answered_at, self.unanswered) = (now, 0);
        std::mem::replace(&mut self.unreachable, false)
    }

    /// An initiation leaves.
    pub(super) const fn on_initiation(&mut self, now: Time) {
        if self.unanswered == 0 {
            self.unanswered_since = now;
        }
        self.unanswered += 1;
    }

    /// A response has come, a refusal as well, `took` after its initiation.
    pub(super) const fn on_response(&mut self, took: Duration) {
        (self.unanswered, self.response_took) = (0, took);
    }

    /// Initiations are for another link from now on.
    pub(super) const fn on_other_link(&mut self) {
        self.unanswered = 0;
    }

    /// Time passed; packets have a round trip of `round_trip`. True if the owner must be notified that the peer is unreachable.
    pub(super) fn on_timeout(&mut self, now: Time, round_trip: Duration) -> bool {
        let round_trip = round_trip.max(self.response_took).min(MAX_ROUND_TRIP);
        let is_silent = self.unanswered >= MIN_INITIATIONS
            && now.since(self.unanswered_since) >= UNREACHABLE_AFTER + 2 * round_trip;
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

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    /// Initiations leave at these moments, in milliseconds.
    fn ask(peer: &mut Reachability, moments: &[u64]) {
        moments.iter().for_each(|moment| peer.on_initiation(at(*moment)));
    }

    #[test]
    fn the_owner_is_notified_once_of_each_silence() {
        let mut peer = Reachability::new(Time::ZERO);
        ask(&mut peer, &[0, 225, 250]);
        assert!(!peer.on_timeout(at(60_000), Duration::ZERO), "too few");
        ask(&mut peer, &[475]);
        assert!(!peer.on_timeout(at(1_499), Duration::ZERO), "too soon");
        assert!(!peer.on_timeout(at(1_500), Duration::from_millis(1)), "too soon on this path");
        assert!(peer.on_timeout(at(1_500), Duration::ZERO), "it is silent");
        assert!(!peer.on_timeout(at(1_600), Duration::ZERO), "said once");
        assert!(peer.on_packet(at(1_700)) && !peer.on_packet(at(1_700)), "heard again, once");
        assert_eq!((peer.answered_at(), peer.is_unreachable()), (at(1_700), false));
    }

    #[test]
    fn initiations_of_several_silences_do_not_add_up() {
        let mut peer = Reachability::new(Time::ZERO);
        for second in 0..9_000 {
            ask(&mut peer, &[second * 1_000, second * 1_000 + 250]);
            peer.on_packet(at(second * 1_000 + 900));
            assert!(!peer.on_timeout(at(second * 1_000 + 999), Duration::ZERO), "{second}");
        }
    }

    #[test]
    fn a_far_peer_that_answers_late_is_not_silent() {
        let mut peer = Reachability::new(Time::ZERO);
        peer.on_response(Duration::from_secs(2));
        ask(&mut peer, &[0, 1_000, 2_000, 3_000, 4_000, 5_000]);
        assert!(!peer.on_timeout(at(5_499), Duration::ZERO) && peer.on_timeout(at(5_500), Duration::ZERO));
        peer.on_refused();
        peer.on_response(Duration::from_secs(300));
        ask(&mut peer, &[6_000, 7_000, 8_000, 9_000]);
        assert!(peer.on_timeout(at(13_500), Duration::ZERO), "one response may have been held back");
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
