//! Paths on which a full packet takes a good part of a round trip, and how the first one shows that.
//!
//! What makes the window of other paths would be seconds of queue there: start-up's packets, the least window, two packets for each probe
//! time-out, second copies. So it must be known before bulk comes. A packet that leaves while nothing else is on its way meets no queue of
//! ours; what it takes longer than small ones is its own time at the bottleneck. The transport sends one as soon as it has a stream
//! (`Transport::may_probe_rate`); where bulk comes at once with the stream, the first of that tell it.

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
    /// Takes in an acknowledgement.
    pub(super) fn on_ack(&mut self, ack: &AckEvent) {
        let longer = |rtt: Duration| rtt.saturating_sub(ack.min_rtt);
        let is_longer = |rtt| longer(rtt) > LONGER.max(ack.min_rtt / 4);
        // The shortest of all may be that of the first full packet itself.
        let is_as_fast = |rtt| rtt > ack.min_rtt && !is_longer(rtt);
        let flight = ack.first_flight.filter(|flight| flight.bytes >= FULL);
        *self = match flight {
            // Bulk that came before anything was known tells it by how its packets queue behind each other: what left within the time that the
            // newest waited. Of others some may be lost, or nothing have left for a long time.
            Some(flight) if flight.bytes >= 2 * FULL && *self == Self::Unknown => {
                let waited = longer(ack.rtt);
                match is_longer(ack.rtt) {
                    true if waited > flight.lasted => {
                        Self::Rate(per_second(flight.bytes, waited + flight.lasted))
                    }
                    true => Self::Unknown,
                    false => Self::NotSlow,
                }
            }
            // Where round trips differ much anyway, one more says nothing.
            Some(flight) if flight.lasted.is_zero() && is_longer(ack.rtt) && ack.rtt > ack.usual_rtt => {
                Self::Rate(per_second(flight.bytes, longer(ack.rtt)))
            }
            // One that is late takes back a rate, but does not show that there is none.
            Some(flight) if flight.lasted.is_zero() && (*self != Self::Unknown || is_as_fast(ack.rtt)) => {
                Self::NotSlow
            }
            // Whatever was on its way before it, and however late its acknowledgement left.
            _ if *self == Self::Unknown && ack.newest.bytes >= FULL && is_as_fast(ack.newest.took) => {
                Self::NotSlow
            }
            _ => *self,
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
    use super::super::ack_event::Flight;
    use super::super::tests::ack;
    use super::*;

    const MTU: u64 = 1_000;

    /// So many bytes in a flight of one packet.
    const fn alone(bytes: u64) -> Flight {
        Flight { bytes, lasted: Duration::ZERO }
    }

    /// The rate after `bytes` that met no queue took `rtt` ms, where the shortest round trip is 50.
    fn told(bytes: Option<u64>, rtt: u64) -> Option<u64> {
        let mut path = SlowPath::default();
        path.on_ack(&AckEvent { first_flight: bytes.map(alone), ..ack(1_000, 0, 0, rtt) });
        path.rate()
    }

    #[test]
    fn what_a_full_packet_takes_longer_tells_a_low_rate() {
        assert_eq!(told(Some(1_400), 250), Some(7_000));
        assert_eq!(told(Some(2_800), 450), Some(7_000), "two of them");
        assert_eq!(told(Some(1_400), 85), Some(40_000));
    }

    #[test]
    fn bulk_tells_it_by_itself_where_nothing_is_known() {
        let mut path = SlowPath::default();
        let third = |rtt| {
            let flight = Flight { bytes: 4_200, lasted: Duration::from_millis(40) };
            AckEvent { first_flight: Some(flight), ..ack(1_000, 0, 0, rtt) }
        };
        path.on_ack(&third(610));
        assert_eq!(path.rate(), Some(7_000), "three packets in 600 ms");
        path.on_ack(&third(50));
        assert_eq!(path.rate(), Some(7_000), "known now: the queue of later bulk may be that of others");
    }

    #[test]
    fn small_ones_and_those_that_may_have_met_a_queue_tell_nothing() {
        assert_eq!(told(Some(999), 250), None);
        assert_eq!(told(None, 250), None);
    }

    #[test]
    fn where_round_trips_differ_that_much_anyway_it_tells_nothing() {
        let mut path = SlowPath::default();
        let usual = Duration::from_millis(260);
        path.on_ack(&AckEvent {
            first_flight: Some(alone(1_400)),
            usual_rtt: usual,
            ..ack(1_000, 0, 0, 250)
        });
        assert_eq!(path.rate(), None);
    }

    #[test]
    fn a_later_one_that_is_as_fast_as_small_ones_takes_it_back() {
        let mut path = SlowPath::default();
        for (rtt, rate) in [(250, Some(7_000)), (65, None)] {
            path.on_ack(&AckEvent { first_flight: Some(alone(1_400)), ..ack(1_000, 0, 0, rtt) });
            assert_eq!(path.rate(), rate);
        }
    }

    #[test]
    fn fewer_than_twenty_packets_a_second_are_slow() {
        assert!(is_slow(19_999, MTU) && !is_slow(20_000, MTU));
        assert!(!is_slow(0, MTU), "not known");
    }
}
