//! The phases of the controller and how fast each of them sends.

use std::collections::VecDeque;

/// Drain undoes within a round what start-up put into the queue: start-up sends about three times what arrives, twice that
/// where it began again.
const DRAIN_GAIN: f64 = 0.35;

/// Up looks for more rate; a quarter more builds a queue of a quarter of a round trip where there is none (BBR).
const UP_GAIN: f64 = 1.25;

/// Each look that found more makes the next one this much bolder, up to [`MAX_UP_GAIN`].
const UP_STEP: f64 = 0.25;

/// The boldest look: doubling, as TCP's slow start does.
const MAX_UP_GAIN: f64 = 2.0;

/// Down empties that queue, and measures the loss at a rate that the path certainly carries.
const DOWN_GAIN: f64 = 0.75;

/// Cruise with a queue of our own in the way: lets it go, slowly, until the next down.
const EASE_GAIN: f64 = 0.95;

/// Phases whose packets may still be on their way: three cycles of three phases, and as many again.
const REMEMBERED: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Startup,
    Drain,
    Up,
    Down,
    Cruise,
}

impl Phase {
    /// The rate to send at, in delivered rates. `probe_up_streak`: looks in a row that found more; `queued`: a queue of our own
    /// stands.
    pub(super) fn gain(self, probe_up_streak: u32, queued: bool) -> f64 {
        match self {
            Self::Drain => DRAIN_GAIN,
            Self::Up => (UP_GAIN + UP_STEP * f64::from(probe_up_streak)).min(MAX_UP_GAIN),
            Self::Down => DOWN_GAIN,
            Self::Cruise if queued => EASE_GAIN,
            Self::Cruise | Self::Startup => 1.0,
        }
    }
}

/// Which phase a packet left in, by the tag it carries.
#[derive(Debug)]
pub(super) struct ProbeCycles {
    newest: u32,
    phases: VecDeque<(u32, Phase)>,
    /// Packets of the cycles before left into a dead path: their loss says nothing.
    blind_before: u32,
    /// Packets with lower tags left before this path was taken into use, or again: their round trips say nothing either.
    own_from: u32,
}

impl ProbeCycles {
    /// The first phase, start-up, whose packets have this tag.
    pub(super) fn starting_at(tag: u32) -> Self {
        Self {
            newest: tag,
            phases: VecDeque::from([(tag, Phase::Startup)]),
            blind_before: tag,
            own_from: tag,
        }
    }

    /// The tag of packets that leave now.
    pub(super) const fn newest(&self) -> u32 {
        self.newest
    }

    /// Tags below `tag` were given to packets that went another way.
    pub(super) fn resume_at(&mut self, tag: u32) {
        self.newest = self.newest.max(tag);
        self.own_from = tag;
    }

    /// A phase begins.
    pub(super) fn begin(&mut self, phase: Phase) {
        self.newest += 1;
        self.phases.push_back((self.newest, phase));
        if self.phases.len() > REMEMBERED {
            self.phases.pop_front();
        }
    }

    /// What became of packets of earlier cycles says nothing.
    pub(super) const fn forget_earlier(&mut self) {
        self.blind_before = self.newest;
    }

    /// Whether what becomes of packets with `tag` says something.
    pub(super) const fn counts(&self, tag: u32) -> bool {
        tag >= self.blind_before
    }

    /// Whether packets with `tag` left since this path is in use.
    pub(super) const fn are_own(&self, tag: u32) -> bool {
        tag >= self.own_from
    }

    /// The phase in which packets with `tag` left, unless that is long ago.
    pub(super) fn phase(&self, tag: u32) -> Option<Phase> {
        self.phases.iter().rev().find(|(epoch, _)| *epoch == tag).map(|(_, phase)| *phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_found_more_grow_bolder_up_to_doubling() {
        let gains: Vec<f64> = (0..5).map(|probe_up_streak| Phase::Up.gain(probe_up_streak, false)).collect();
        assert_eq!(gains, [1.25, 1.5, 1.75, 2.0, 2.0]);
    }

    #[test]
    fn a_queue_of_our_own_is_let_go_and_another_is_not() {
        assert!(Phase::Cruise.gain(0, true) < 1.0);
        assert!((Phase::Cruise.gain(0, false) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_tag_tells_its_phase_until_it_is_old_or_blind() {
        let mut cycles = ProbeCycles::starting_at(7);
        cycles.begin(Phase::Drain);
        assert_eq!((cycles.phase(7), cycles.phase(8)), (Some(Phase::Startup), Some(Phase::Drain)));
        assert!(!cycles.counts(6) && cycles.counts(7), "a link's earlier path had the tags before");
        cycles.forget_earlier();
        assert!(!cycles.counts(7) && cycles.counts(8));
        (0..REMEMBERED).for_each(|_| cycles.begin(Phase::Cruise));
        assert_eq!(cycles.phase(8), None);
        assert!(!cycles.are_own(6) && cycles.are_own(7), "a dead path is still the same");
        cycles.resume_at(100);
        assert!(!cycles.are_own(99) && cycles.are_own(100));
    }
}
