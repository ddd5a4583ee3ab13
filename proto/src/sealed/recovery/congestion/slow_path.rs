//! Paths on which a full packet takes a good part of a round trip, and how the first one shows that.
//!
//! What makes the window of other paths would be seconds of queue there: start-up's packets, the least window, two packets for each probe
//! time-out, second copies. So it must be known before bulk comes. What was acknowledged while a packet was on its way is about what
//! passed the bottleneck while it waited there; what it took longer than small ones is the time of that. The transport sends a full one as soon as
//! it has a stream (`Transport::may_probe_rate`); where bulk comes before that has told it, the first packets of the bulk do.

use super::ack_event::AckEvent;
use super::round::per_second;
use std::time::Duration;

/// A path that passes fewer full packets in a second is slow: the least window of other paths, 16 packets, would be 0.8 s of queue or more.
const SLOW: u64 = 20;

/// Fewer bytes tell nothing: they take hardly longer than those that made the shortest round trip.
const FULL: u64 = 1_000;

/// What they take longer than the shortest round trip, at the least, to say that the path is slow, and a quarter of that round trip: late
/// wake-ups and most queues of others are shorter.
const LONGER: Duration = Duration::from_millis(20);

/// What full packets have shown of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SlowPath {
    /// Nothing: none has arrived, or none in a way that tells.
    #[default]
    Unknown,
    /// They are hardly slower than small ones.
    NotSlow,
    /// It carries so many bytes a second.
    Rate(u64),
}

impl SlowPath {
    /// Takes in an acknowledgement. `late`: this end may have waited for its turn while it was on its way.
    pub(super) fn on_ack(&mut self, ack: &AckEvent, late: bool) {
        let Some(newest) = ack.newest else { return };
        let longer = newest.took.saturating_sub(ack.min_rtt);
        let is_longer = longer > LONGER.max(ack.min_rtt / 4);
        let is_full = newest.bytes >= FULL;
        let is_bulk = newest.with >= 2 * FULL;
        let told = || Self::Rate(per_second(newest.with, longer + newest.spread));
        *self = match *self {
            // Whatever was on its way before it, and however late its acknowledgement left. The shortest of all may be that of the first full
            // packet itself.
            Self::Unknown if is_full && !is_longer && (is_bulk || newest.took > ack.min_rtt) => Self::NotSlow,
            // What took no longer shows that however late this end looks.
            Self::Rate(_) if is_full && !is_longer && !is_bulk && ack.rtt_is_new => Self::NotSlow,
            known if late || !ack.rtt_is_new => known,
            // Bulk that came before anything was known tells it by how its packets queue behind each other. Of others some may be lost,
            // or nothing have left for a long time.
            Self::Unknown if is_bulk && is_longer && longer > newest.spread => told(),
            known if is_bulk || !is_full => known,
            // Where round trips differ much anyway, one more says nothing.
            _ if is_longer && ack.rtt > ack.usual_rtt => told(),
            Self::Unknown => Self::Unknown,
            // One that took longer, but not longer than is usual here, takes back a rate, and does not show that there is none.
            Self::NotSlow | Self::Rate(_) => Self::NotSlow,
        };
    }

    /// The rate in bytes a second, where it is low.
    pub(super) const fn rate(self) -> Option<u64> {
        match self {
            Self::Rate(rate) => Some(rate),
            Self::Unknown | Self::NotSlow => None,
        }
    }
}

/// Whether a path that delivers `rate` bytes a second in packets of `mtu` is slow.
pub(super) const fn is_slow(rate: u64, mtu: u64) -> bool {
    rate > 0 && rate < SLOW * mtu
}

#[cfg(test)]
mod tests {
    use super::super::ack_event::Newest;
    use super::super::tests::ack;
    use super::*;

    const MTU: u64 = 1_000;

    /// A packet of so many bytes took `rtt` ms, where the shortest round trip is 50; `with` bytes of ours passed meanwhile.
    fn took(bytes: u64, with: u64, rtt: u64) -> AckEvent {
        let newest = Newest { bytes, took: Duration::from_millis(rtt), with, spread: Duration::ZERO };
        AckEvent { newest: Some(newest), ..ack(1_000, 0, 0, rtt) }
    }

    /// What a path has shown after it.
    fn told(bytes: u64, with: u64, rtt: u64) -> Option<u64> {
        let mut path = SlowPath::default();
        path.on_ack(&took(bytes, with, rtt), false);
        path.rate()
    }

    #[test]
    fn what_a_full_packet_takes_longer_tells_a_low_rate() {
        assert_eq!(told(1_400, 1_400, 250), Some(7_000));
        assert_eq!(told(1_400, 2_800, 450), Some(7_000), "two of them");
        assert_eq!(told(1_400, 1_400, 85), Some(40_000));
        assert_eq!(told(1_400, 1_540, 270), Some(7_000), "a few small ones were on their way");
    }

    #[test]
    fn bulk_tells_it_by_itself_where_nothing_is_known() {
        let mut path = SlowPath::default();
        let third = |rtt| {
            let mut event = took(1_400, 4_200, rtt);
            event.newest.as_mut().unwrap().spread = Duration::from_millis(40);
            event
        };
        path.on_ack(&third(610), false);
        assert_eq!(path.rate(), Some(7_000), "three packets in 600 ms");
        path.on_ack(&third(50), false);
        assert_eq!(path.rate(), Some(7_000), "known now: the queue of later bulk may be that of others");
    }

    #[test]
    fn bulk_tells_it_where_round_trips_have_become_unusual_before() {
        let mut path = SlowPath::default();
        path.on_ack(&AckEvent { usual_rtt: Duration::from_millis(700), ..took(1_400, 2_800, 450) }, false);
        assert_eq!(path.rate(), Some(7_000));
    }

    #[test]
    fn small_ones_and_those_of_another_path_tell_nothing() {
        assert_eq!(told(999, 999, 250), None);
        let mut path = SlowPath::default();
        path.on_ack(&AckEvent { newest: None, ..took(1_400, 1_400, 250) }, false);
        assert_eq!(path, SlowPath::Unknown);
    }

    #[test]
    fn many_small_ones_that_are_not_late_tell_nothing() {
        let mut path = SlowPath::default();
        path.on_ack(&took(100, 3_000, 55), false);
        assert_eq!(path, SlowPath::Unknown, "they take too little of the rate to make a queue");
    }

    #[test]
    fn what_this_end_may_have_waited_for_tells_nothing() {
        let mut path = SlowPath::default();
        path.on_ack(&took(1_400, 2_800, 300), true);
        assert_eq!(path, SlowPath::Unknown);
    }

    #[test]
    fn where_round_trips_differ_that_much_anyway_it_tells_nothing() {
        let mut path = SlowPath::default();
        path.on_ack(&AckEvent { usual_rtt: Duration::from_millis(260), ..took(1_400, 1_400, 250) }, false);
        assert_eq!(path, SlowPath::Unknown);
    }

    #[test]
    fn a_later_one_that_is_as_fast_as_small_ones_takes_it_back() {
        let mut path = SlowPath::default();
        for (rtt, late, rate) in [(250, false, Some(7_000)), (250, true, Some(7_000)), (65, true, None)] {
            path.on_ack(&took(1_400, 1_400, rtt), late);
            assert_eq!(path.rate(), rate);
        }
    }

    #[test]
    fn fewer_than_twenty_packets_a_second_are_slow() {
        assert!(is_slow(19_999, MTU) && !is_slow(20_000, MTU));
        assert!(!is_slow(0, MTU), "not known");
    }
}
