//! What may be in flight after the path has marked packets (ECN): its queue grows, and it says so before it has to drop.
//!
//! A mark lowers the window like a loss does elsewhere (RFC 9002 section 7.1), once a round trip. As queues mark much sooner than
//! they drop, by less than a half (RFC 8511).

/// Of what was in flight, so much may be after a mark (RFC 8511 section 3 has 0.85 for the window of CUBIC).
const BACKOFF: f64 = 0.85;

/// Each round without a mark raises it by this part, and by a packet at the least.
const RAISE: u64 = 64;

/// What an acknowledgement says, in bytes since the link began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// What had arrived when its newest packet left.
    pub(super) prior_delivered: u64,
    /// What has arrived now.
    pub(super) delivered: u64,
    /// What is still on its way.
    pub(super) in_flight: u64,
}

/// A bound on the window, while there is one.
#[derive(Debug, Default)]
pub(super) struct Ceiling {
    limit: Option<u64>,
    /// Marks since the last acknowledgement.
    is_marked: bool,
    /// Marks in this round.
    round_is_marked: bool,
    /// Packets that left before so many bytes had been delivered met the queue of the window before.
    heeds_from: u64,
    /// Bytes that had arrived by the acknowledgement before.
    delivered: u64,
}

impl Ceiling {
    /// Packets of the acknowledgement that is being taken in met a queue.
    pub(super) const fn on_marked(&mut self) {
        self.is_marked = true;
    }

    /// Whether the acknowledgement that is being taken in carries marks.
    pub(super) const fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// The marks mean nothing.
    pub(super) fn disregard(&mut self) {
        *self = Self::default();
    }

    /// Takes in an acknowledgement: `window` bytes might have been in flight (of no use without a mark), and `least` always may. True if the window has been
    /// lowered.
    pub(super) fn on_ack(&mut self, ack: Arrived, window: u64, least: u64) -> bool {
        let fresh = ack.delivered - std::mem::replace(&mut self.delivered, ack.delivered);
        if !std::mem::take(&mut self.is_marked) {
            return false;
        }
        self.round_is_marked = true;
        if ack.prior_delivered < self.heeds_from {
            return false;
        }
        self.heeds_from = ack.delivered;
        // Of what an application leaves unused no more than half goes at once.
        let base = (ack.in_flight + fresh).max(window / 2).min(window);
        self.limit = Some(super::limits::whole(base as f64 * BACKOFF).max(least));
        true
    }

    /// A round is over; `window` bytes could be in flight if there had been no marks.
    pub(super) fn on_round(&mut self, window: u64, mtu: u64) {
        if std::mem::take(&mut self.round_is_marked) {
            return;
        }
        self.limit = self.limit.map(|limit| limit + (limit / RAISE).max(mtu)).filter(|limit| *limit < window);
    }

    /// Whether there is a bound.
    pub(super) const fn is_low(&self) -> bool {
        self.limit.is_some()
    }

    /// `window`, or less.
    pub(super) fn lower(&self, window: u64) -> u64 {
        self.limit.map_or(window, |limit| limit.min(window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An acknowledgement of which nothing arrived for the first time.
    fn ack(ceiling: &mut Ceiling, [prior_delivered, delivered, in_flight]: [u64; 3], window: u64) -> bool {
        ceiling.delivered = delivered;
        ceiling.on_ack(Arrived { prior_delivered, delivered, in_flight }, window, 1_000)
    }

    #[test]
    fn a_mark_lowers_the_window_once_a_round_trip() {
        let mut ceiling = Ceiling::default();
        assert!(!ack(&mut ceiling, [0, 1_000, 100_000], 200_000));
        assert_eq!(ceiling.lower(200_000), 200_000);
        ceiling.on_marked();
        assert!(ack(&mut ceiling, [500, 1_000, 120_000], 200_000));
        assert_eq!(ceiling.lower(200_000), 102_000, "of what was in flight");
        ceiling.on_marked();
        assert!(!ack(&mut ceiling, [999, 2_000, 102_000], 102_000), "it left before");
        ceiling.on_marked();
        assert!(ack(&mut ceiling, [1_000, 3_000, 102_000], 102_000));
        assert_eq!(ceiling.lower(200_000), 86_700);
        assert_eq!(ceiling.lower(50_000), 50_000, "what the rate asks for");
    }

    #[test]
    fn what_arrives_with_the_mark_was_in_flight() {
        let mut ceiling = Ceiling::default();
        ceiling.on_marked();
        ceiling.on_ack(Arrived { prior_delivered: 0, delivered: 20_000, in_flight: 80_000 }, 100_000, 1_000);
        assert_eq!(ceiling.lower(100_000), 85_000);
    }

    #[test]
    fn rounds_without_marks_raise_it_until_it_bounds_nothing() {
        let mut ceiling = Ceiling::default();
        ceiling.on_marked();
        ack(&mut ceiling, [0, 1_000, 128_000], 128_000);
        ceiling.on_round(128_000, 1_000);
        assert_eq!(ceiling.lower(128_000), 108_800, "the round of the mark");
        ceiling.on_round(128_000, 1_000);
        assert_eq!(ceiling.lower(128_000), 110_500);
        (0..12).for_each(|_| ceiling.on_round(128_000, 1_000));
        assert_eq!(ceiling.lower(1_000_000), 1_000_000);
    }

    #[test]
    fn it_has_a_floor_and_can_be_disregarded() {
        let mut ceiling = Ceiling::default();
        ceiling.on_marked();
        ack(&mut ceiling, [0, 1, 900], 1_000);
        assert_eq!(ceiling.lower(40_000), 1_000);
        ceiling.disregard();
        assert_eq!(ceiling.lower(40_000), 40_000);
    }

    #[test]
    fn an_application_that_sends_little_keeps_half_of_its_window() {
        let mut ceiling = Ceiling::default();
        ceiling.on_marked();
        ack(&mut ceiling, [0, 1, 0], 100_000);
        assert_eq!(ceiling.lower(100_000), 42_500);
    }
}
