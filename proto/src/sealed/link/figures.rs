//! What a link shows of itself to somebody who looks.

use super::Link;
use super::state::LinkState;
use crate::sealed::recovery::skipped::Skipped;
use crate::time::Time;

/// How a link is, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFigures {
    /// How far it is in its life.
    pub stage: Stage,
    /// When the last authentic packet came; the beginning of the link if none did.
    pub heard_at: Time,
    /// What came.
    pub received: Received,
}

/// How far a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There are no keys yet, or not any more.
    Asking,
    /// It carries packets.
    Up,
    /// Nothing has come for a while, though it should have. Seen where something was sent: a path on which nobody sends may be dead.
    Silent,
    /// The client has no use for it at the moment, and has said so.
    Dormant,
    /// It ends, or has ended.
    Ending,
}

/// Packets that came, since the link began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Authentic ones, each once.
    pub packets: u64,
    /// Bytes of UDP payload in them.
    pub bytes: u64,
    /// Packets of the peer that did not come, though later ones did, give or take one in some thousands: the peer leaves out numbers
    /// that nobody can tell from lost packets one by one.
    pub missing: u64,
}

/// Sums of what came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrived {
    all: Received,
    /// Packets of the peer of now.
    of_peer: u64,
}

impl Arrived {
    /// An authentic packet of so many bytes of UDP payload came, for the first time.
    pub(super) const fn on_packet(&mut self, size: usize) {
        self.all.packets += 1;
        self.all.bytes += size as u64;
        self.of_peer += 1;
    }

    /// Another peer begins to count its packets anew. `highest`: the last one's highest number.
    pub(super) fn on_other_peer(&mut self, highest: Option<u64>) {
        self.all = self.until(highest);
        self.of_peer = 0;
    }

    /// What came, and what did not of the packets up to number `highest`.
    fn until(&self, highest: Option<u64>) -> Received {
        let numbers = highest.map_or(0, |highest| highest.saturating_add(1));
        let sent = numbers.saturating_sub(Skipped::expected_below(numbers));
        Received { missing: self.all.missing + sent.saturating_sub(self.of_peer), ..self.all }
    }
}

impl Link {
    /// How the link is.
    pub fn figures(&self) -> LinkFigures {
        LinkFigures {
            stage: self.stage(),
            heard_at: self.heard_at,
            received: self.arrived.until(self.highest),
        }
    }

    fn stage(&self) -> Stage {
        match self.state {
            LinkState::Closing { .. } | LinkState::Draining { .. } | LinkState::Ended => Stage::Ending,
            LinkState::Dormant { .. } => Stage::Dormant,
            _ if self.reachability.is_unreachable() || self.transport.is_silent() => Stage::Silent,
            LinkState::Asking => Stage::Asking,
            LinkState::Up { .. } | LinkState::Serving { .. } if self.is_up() => Stage::Up,
            LinkState::Up { .. } | LinkState::Serving { .. } => Stage::Asking,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_beyond_what_a_peer_leaves_out() {
        let mut arrived = Arrived::default();
        assert_eq!(arrived.until(None), Received::default());
        (0..90).for_each(|_| arrived.on_packet(100));
        assert_eq!(arrived.until(Some(89)).missing, 0);
        assert_eq!(arrived.until(Some(92)).missing, 3);
        // 96, and one of 384 from there on.
        assert_eq!(arrived.until(Some(96)), Received { packets: 90, bytes: 9_000, missing: 6 });
    }

    #[test]
    fn the_counts_go_on_with_another_peer() {
        let mut arrived = Arrived::default();
        (0..8).for_each(|_| arrived.on_packet(10));
        arrived.on_other_peer(Some(9));
        arrived.on_packet(10);
        assert_eq!(arrived.until(Some(1)), Received { packets: 9, bytes: 90, missing: 3 });
    }
}
