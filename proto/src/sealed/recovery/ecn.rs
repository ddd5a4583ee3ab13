//! Whether the path keeps the ECN bits of packets, and what it says with them (RFC 9000 section 13.4.2 and appendix A.4).
//!
//! Packets leave as ECT(0) until ten have; whether the rest does as well is decided by what comes back: the peer tells how many of
//! each kind it got. A path that clears the bits, changes them, drops such packets or marks each of them gets packets without.

use crate::sealed::wire::ecn::{Ecn, EcnCounts};

/// Packets with which a path is tried.
const TRIED: u32 = 10;

/// What the peer's counts say of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing new.
    Silent,
    /// So many more packets met a queue.
    Marked(u64),
    /// The path does not keep the bits: whatever it said before means nothing.
    Unusable,
}

/// How far a path has been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathEcn {
    /// So many packets have left with the bit, and so many of them are lost; none has arrived yet.
    Tried { sent: u32, lost: u32 },
    /// It keeps the bits.
    Kept,
    /// It does not.
    Unusable,
}

impl Default for PathEcn {
    fn default() -> Self {
        Self::Tried { sent: 0, lost: 0 }
    }
}

/// The bits of a link's packets.
#[derive(Debug, Default)]
pub(crate) struct EcnValidation {
    path: PathEcn,
    /// The peer tells what comes.
    agreed: bool,
    /// Packets that left with the bit, on whatever path.
    sent: u64,
    /// The first packet on this path.
    first: u64,
    /// Packets from `first` on that left with the bit and arrived.
    acked: u64,
    /// What the peer has said.
    heard: EcnCounts,
    /// What it had said when this path was first used.
    before: EcnCounts,
    /// What it says in the packet that is being taken in.
    said: Option<EcnCounts>,
}

impl EcnValidation {
    /// The peer understands counts, or does not: then no packet has the bit.
    pub(crate) const fn set_agreed(&mut self, agreed: bool) {
        self.agreed = agreed;
    }

    /// What the next packet says. `probes`: it asks whether the path lives at all, which may drop what has the bit.
    pub(crate) const fn outgoing(&self, probes: bool) -> Ecn {
        let wanted = match self.path {
            PathEcn::Tried { sent, .. } => sent < TRIED,
            PathEcn::Kept => true,
            PathEcn::Unusable => false,
        };
        if wanted && self.agreed && !probes { Ecn::Capable } else { Ecn::NotCapable }
    }

    /// A packet left with the bit.
    pub(crate) const fn on_sent(&mut self) {
        self.sent += 1;
        if let PathEcn::Tried { sent, .. } = &mut self.path {
            *sent += 1;
        }
    }

    /// Packet `number`, which left with the bit, has arrived.
    pub(crate) const fn on_acked(&mut self, number: u64) {
        if number >= self.first {
            self.acked += 1;
        }
    }

    /// Packet `number`, which left with the bit, is lost.
    pub(crate) const fn on_lost(&mut self, number: u64) {
        let PathEcn::Tried { sent, lost } = &mut self.path else { return };
        if number >= self.first {
            *lost += 1;
            if *sent >= TRIED && *lost >= *sent {
                self.path = PathEcn::Unusable;
            }
        }
    }

    /// The peer says what came; its acknowledgement follows in the same packet.
    pub(crate) const fn on_counts(&mut self, counts: EcnCounts) {
        self.said = Some(counts);
    }

    /// An acknowledgement has been taken in. `in_order`: it names a higher packet than those before; one that was overtaken says
    /// less than is known.
    pub(crate) fn on_ack(&mut self, in_order: bool) -> Verdict {
        let said = self.said.take();
        if !in_order || self.path == PathEcn::Unusable || said.is_none() && self.acked == 0 {
            return Verdict::Silent;
        }
        // Who says nothing has seen none.
        self.take_in(said.unwrap_or(self.heard))
    }

    fn take_in(&mut self, said: EcnCounts) -> Verdict {
        let marked = said.congested.saturating_sub(self.heard.congested);
        self.heard = said;
        let kept = said.capable.saturating_sub(self.before.capable);
        let counted = kept.saturating_add(said.congested.saturating_sub(self.before.congested));
        let is_cleared = counted < self.acked;
        // Nobody sent these, or not so many.
        let is_changed = said.low_latency > 0 || said.capable.saturating_add(said.congested) > self.sent;
        // It would go on when we slow down.
        let is_always_marked = kept == 0 && self.acked >= u64::from(TRIED);
        if is_cleared || is_changed || is_always_marked {
            self.path = PathEcn::Unusable;
            return Verdict::Unusable;
        }
        if kept > 0 && self.acked > 0 {
            self.path = PathEcn::Kept;
        }
        if marked > 0 { Verdict::Marked(marked) } else { Verdict::Silent }
    }

    /// Whether the path is known to keep the bits.
    pub(crate) fn is_kept(&self) -> bool {
        self.path == PathEcn::Kept
    }

    /// From packet `first` on the path is another one, of which perhaps something is `known`. Returns what was known of the one
    /// before.
    pub(crate) const fn switch_path(&mut self, first: u64, known: PathEcn) -> PathEcn {
        (self.first, self.acked, self.before) = (first, 0, self.heard);
        std::mem::replace(&mut self.path, known)
    }

    /// Nothing has come back for long: what the path does from packet `first` on has to be tried again.
    pub(crate) fn on_blackout(&mut self, first: u64) {
        if self.is_kept() {
            self.switch_path(first, PathEcn::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many packets have left as a path is tried with, numbered from 0.
    fn tried() -> EcnValidation {
        let mut ecn = EcnValidation::default();
        assert_eq!(ecn.outgoing(false), Ecn::NotCapable, "the peer does not count");
        ecn.set_agreed(true);
        assert_eq!(ecn.outgoing(true), Ecn::NotCapable, "it might not arrive for the bit");
        for _ in 0..TRIED {
            assert_eq!(ecn.outgoing(false), Ecn::Capable);
            ecn.on_sent();
        }
        assert_eq!(ecn.outgoing(false), Ecn::NotCapable, "not before some have arrived");
        ecn
    }

    /// Packets `arrived`, of which the peer says `[capable, low_latency, congested]` in all.
    fn acked(ecn: &mut EcnValidation, arrived: std::ops::Range<u64>, counts: [u64; 3]) -> Verdict {
        arrived.for_each(|number| ecn.on_acked(number));
        let [capable, low_latency, congested] = counts;
        ecn.on_counts(EcnCounts { capable, low_latency, congested });
        ecn.on_ack(true)
    }

    #[test]
    fn a_path_that_keeps_the_bits_is_told_by_counts() {
        let mut ecn = tried();
        assert_eq!(acked(&mut ecn, 0..4, [4, 0, 0]), Verdict::Silent);
        assert_eq!((ecn.is_kept(), ecn.outgoing(false)), (true, Ecn::Capable));
        assert_eq!(acked(&mut ecn, 4..6, [5, 0, 1]), Verdict::Marked(1));
        assert_eq!(acked(&mut ecn, 6..8, [5, 0, 3]), Verdict::Marked(2));
        assert_eq!(acked(&mut ecn, 8..9, [6, 0, 3]), Verdict::Silent, "said before");
    }

    #[test]
    fn an_acknowledgement_that_was_overtaken_says_nothing() {
        let mut ecn = tried();
        assert_eq!(acked(&mut ecn, 0..6, [4, 0, 2]), Verdict::Marked(2));
        ecn.on_counts(EcnCounts { capable: 3, ..EcnCounts::default() });
        assert_eq!(ecn.on_ack(false), Verdict::Silent);
        assert_eq!(acked(&mut ecn, 6..8, [6, 0, 2]), Verdict::Silent);
        assert!(ecn.is_kept());
    }

    #[test]
    fn a_path_that_does_not_keep_the_bits_gets_packets_without() {
        let cases: [(&str, u64, [u64; 3]); 4] = [
            ("clears them", 3, [2, 0, 0]),
            ("makes ECT(1) of them", 3, [3, 1, 0]),
            ("more than were sent", 3, [8, 0, 3]),
            ("marks each", u64::from(TRIED), [0, 0, u64::from(TRIED)]),
        ];
        for (what, arrived, counts) in cases {
            let mut ecn = tried();
            assert_eq!(acked(&mut ecn, 0..arrived, counts), Verdict::Unusable, "{what}");
            assert_eq!(ecn.outgoing(false), Ecn::NotCapable, "{what}");
            assert_eq!(acked(&mut ecn, 9..10, [10, 0, 9]), Verdict::Silent, "{what}: for good");
        }
    }

    #[test]
    fn a_peer_that_says_nothing_of_what_arrived_has_seen_no_bit() {
        let mut ecn = tried();
        assert_eq!(ecn.on_ack(true), Verdict::Silent, "of packets without it");
        ecn.on_acked(3);
        assert_eq!(ecn.on_ack(true), Verdict::Unusable);
    }

    #[test]
    fn a_path_that_drops_the_bit_gets_packets_without() {
        let mut ecn = tried();
        (0..u64::from(TRIED) - 1).for_each(|number| ecn.on_lost(number));
        assert_eq!(acked(&mut ecn, 9..10, [1, 0, 0]), Verdict::Silent, "the last has arrived");
        assert!(ecn.is_kept());
        let mut ecn = tried();
        (0..u64::from(TRIED)).for_each(|number| ecn.on_lost(number));
        assert_eq!(ecn.outgoing(false), Ecn::NotCapable);
        assert_eq!(acked(&mut ecn, 0..1, [1, 0, 0]), Verdict::Silent);
        assert!(!ecn.is_kept(), "for good");
    }

    #[test]
    fn another_path_is_tried_by_its_own_packets() {
        let mut ecn = tried();
        acked(&mut ecn, 0..5, [5, 0, 0]);
        let known = ecn.switch_path(20, PathEcn::default());
        assert_eq!((known, ecn.is_kept(), ecn.outgoing(false)), (PathEcn::Kept, false, Ecn::Capable));
        (0..TRIED).for_each(|_| ecn.on_sent());
        (5..10).for_each(|number| ecn.on_lost(number));
        assert_eq!(acked(&mut ecn, 20..22, [7, 0, 0]), Verdict::Silent);
        assert!(ecn.is_kept(), "what the old one lost says nothing");
        ecn.switch_path(30, PathEcn::default());
        assert_eq!(acked(&mut ecn, 30..31, [7, 0, 0]), Verdict::Unusable, "this one clears them");
        ecn.switch_path(40, known);
        assert_eq!(ecn.outgoing(false), Ecn::Capable, "as it was known");
    }

    #[test]
    fn a_path_that_was_dead_is_tried_again() {
        let mut ecn = tried();
        acked(&mut ecn, 0..5, [5, 0, 0]);
        ecn.on_blackout(10);
        (5..10).for_each(|number| ecn.on_lost(number));
        (0..TRIED).for_each(|_| ecn.on_sent());
        (10..20).for_each(|number| ecn.on_lost(number));
        assert_eq!(ecn.outgoing(false), Ecn::NotCapable);
    }
}
