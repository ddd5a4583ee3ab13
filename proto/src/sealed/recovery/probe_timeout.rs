//! Probes where nothing is heard: when they leave, how many, and with the contents of which packets (RFC 9002 section 6.2).

use crate::time::Time;
use std::time::Duration;

/// The longest time between two probes while data waits. The path may come back at any moment, and its users should
/// notice within about this.
const MAX_PTO: Duration = Duration::from_secs(1);

/// The same where a round trip takes longer than that.
const MAX_PTO_FAR: Duration = Duration::from_secs(3);

/// Probe time-outs in a row after which the path counts as dead.
const DEAD_AFTER: u32 = 5;

/// Packets that one probe time-out lets go (RFC 9002 section 6.2.4): two, as one may be lost as well.
const PROBES: u32 = 2;

/// Probes go round the oldest so many packets: what is missing among them is tried at each eighth time-out, and one that is acknowledged shows what
/// became of all before it.
const CYCLE_PACKETS: u64 = 16;

/// On a slow path so many time-outs in a row send one packet instead of two. Later ones send two: the oldest may be useless without the next.
const SPARED: u32 = 2;

/// Probe time-outs of the first length. Losses come in bursts, and where a burst is what stops both sides, it ends the
/// sooner the more is sent.
const PTOS_BEFORE_BACKOFF: u32 = 16;

/// Probe time-outs of each further length, twice the one before, up to [`MAX_PTO`]: a dead path costs little.
const PTOS_PER_DOUBLING: u32 = 2;

/// The probe time-out of one path.
#[derive(Debug, Default)]
pub(super) struct ProbeTimeout {
    /// Time-outs in a row.
    pto_count: u32,
    /// Packets that the last one still lets go.
    probes_left: u32,
    /// The next is counted from then.
    counted_from: Time,
}

impl ProbeTimeout {
    /// Time-outs in a row.
    pub(super) const fn pto_count(&self) -> u32 {
        self.pto_count
    }

    /// Whether the path counts as dead: probes went unanswered.
    pub(super) const fn is_dead(&self) -> bool {
        self.pto_count >= DEAD_AFTER
    }

    /// Whether the next packet is a probe.
    pub(super) const fn is_probing(&self) -> bool {
        self.probes_left > 0
    }

    /// An ack-eliciting packet leaves. `restarts`: the time-out is counted from it.
    pub(super) const fn on_sent(&mut self, now: Time, restarts: bool) {
        if restarts {
            self.counted_from = now;
        }
        self.probes_left = self.probes_left.saturating_sub(1);
    }

    /// Something was acknowledged. A packet left at `sent` from which nothing was counted.
    pub(super) fn on_ack(&mut self, sent: Time) {
        *self = Self { pto_count: 0, probes_left: 0, counted_from: self.counted_from.max(sent) };
    }

    /// The path is another one: a probe tells what it is like.
    pub(super) const fn on_path_change(&mut self) {
        (self.pto_count, self.probes_left) = (0, PROBES);
    }

    /// When the next is due where the first takes `base`.
    pub(super) fn deadline(&self, base: Duration) -> Time {
        let doublings =
            (self.pto_count.saturating_sub(PTOS_BEFORE_BACKOFF) / PTOS_PER_DOUBLING).min(u32::BITS - 1);
        let gap = base.saturating_mul(1 << doublings).min(base.max(MAX_PTO));
        self.counted_from + gap.min(MAX_PTO_FAR)
    }

    /// It is due. True if the path counts as dead from now on.
    pub(super) const fn expire(&mut self, now: Time, is_slow: bool) -> bool {
        self.pto_count += 1;
        self.probes_left = if is_slow && self.pto_count <= SPARED { 1 } else { PROBES };
        self.counted_from = now;
        self.pto_count == DEAD_AFTER
    }

    /// Whose contents the probes have, of so many packets in flight: how many older ones are left out, and how many packets it is.
    ///
    /// After the second time-out in a row each goes on where the one before has ended, and comes round to the oldest again: what was in that
    /// may be of no use to the peer without what was in a later one, and then it is not acknowledged however often it goes.
    pub(super) fn repeats(&self, in_flight: u64) -> (usize, usize) {
        let round = in_flight.clamp(1, CYCLE_PACKETS);
        let older = u64::from(self.pto_count.saturating_sub(2) * PROBES) % round;
        (usize::try_from(older).unwrap_or(0), self.probes_left as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);

    /// The path is silent for so many time-outs.
    fn silent(timeouts: u32, is_slow: bool) -> ProbeTimeout {
        let mut probes = ProbeTimeout::default();
        for _ in 0..timeouts {
            let due = probes.deadline(BASE);
            probes.expire(due, is_slow);
        }
        probes
    }

    #[test]
    fn gaps_grow_late_and_never_above_a_second() {
        for (timeouts, gap) in [(0, 100), (16, 100), (17, 100), (18, 200), (20, 400), (22, 800), (24, 1_000)]
        {
            let probes = silent(timeouts, false);
            assert_eq!(
                probes.deadline(BASE).since(probes.counted_from),
                Duration::from_millis(gap),
                "{timeouts}"
            );
        }
        assert_eq!(silent(1, false).deadline(BASE * 20).since(Time::ZERO), BASE * 21, "a long round trip");
        assert_eq!(
            silent(1, false).deadline(BASE * 99).since(Time::ZERO),
            BASE * 31,
            "three seconds are enough"
        );
    }

    #[test]
    fn five_in_a_row_are_a_dead_path() {
        let mut probes = silent(4, false);
        assert!(!probes.is_dead() && probes.expire(Time::ZERO, false) && probes.is_dead());
        assert!(!probes.expire(Time::ZERO, false) && probes.is_dead(), "said once");
        probes.on_ack(Time::ZERO);
        assert!(!probes.is_dead() && !probes.is_probing());
    }

    #[test]
    fn probes_go_on_to_the_next_packets_and_come_round_to_the_oldest_again() {
        let older = |in_flight: u64| {
            let older = (1..=11).map(|timeouts| silent(timeouts, false).repeats(in_flight).0);
            older.collect::<Vec<_>>()
        };
        assert_eq!(older(1_000), [0, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2]);
        assert_eq!(older(3), [0, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0]);
        assert_eq!(older(1), [0; 11]);
    }

    #[test]
    fn a_slow_path_is_spared_the_second_packet_twice() {
        assert_eq!([1, 2, 3].map(|timeouts| silent(timeouts, true).repeats(9).1), [1, 1, 2]);
        assert_eq!([1, 2, 3].map(|timeouts| silent(timeouts, false).repeats(9).1), [2, 2, 2]);
    }
}
