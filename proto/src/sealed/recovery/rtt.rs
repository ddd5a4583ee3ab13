//! Round-trip time: smoothed, varying, lowest. RFC 9002 section 5, with a windowed minimum.

use crate::time::Time;
use std::time::Duration;

/// Before the first sample: what a first probe waits for. RFC 9002 section 6.2.2 says 333 ms.
pub(crate) const INITIAL_RTT: Duration = Duration::from_millis(333);

/// Timer granularity, RFC 9002 section 6.1.2.
pub(crate) const GRANULARITY: Duration = Duration::from_millis(1);

/// How long a minimum counts before a newer, higher one replaces it: routes change, queues of others do not last.
pub(crate) const MIN_RTT_WINDOW: Duration = Duration::from_secs(10);

/// The lowest sample of the last [`MIN_RTT_WINDOW`]. When it grows old, the lowest of those since takes its place, and not whatever
/// comes at that moment: that may have waited in a long queue. Three samples are enough for that: the lowest, the lowest of those that
/// came after it, and of those after that one (K. Nichols' filter, as Linux has it in `lib/win_minmax.c`).
#[derive(Clone, Debug, Default)]
struct WindowedMin(Option<[(Time, Duration); 3]>);

impl WindowedMin {
    fn update(&mut self, now: Time, sample: Duration) {
        let newest = (now, sample);
        let Some([first, second, third]) = &mut self.0 else {
            self.0 = Some([newest; 3]);
            return;
        };
        if sample <= first.1 || now.since(third.0) > MIN_RTT_WINDOW {
            self.0 = Some([newest; 3]);
            return;
        }
        if sample <= second.1 {
            (*second, *third) = (newest, newest);
        } else if sample <= third.1 {
            *third = newest;
        }
        let age = now.since(first.0);
        if age > MIN_RTT_WINDOW {
            (*first, *second, *third) = (*second, *third, newest);
            if now.since(first.0) > MIN_RTT_WINDOW {
                (*first, *second) = (*second, *third);
            }
        } else if second.0 == first.0 && age > MIN_RTT_WINDOW / 4 {
            (*second, *third) = (newest, newest);
        } else if third.0 == second.0 && age > MIN_RTT_WINDOW / 2 {
            *third = newest;
        }
    }

    fn get(&self) -> Option<Duration> {
        self.0.map(|[first, ..]| first.1)
    }
}

/// Estimates the round trip of a path from acknowledgements.
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    smoothed: Option<Duration>,
    /// What counts until there is a sample.
    expected: Duration,
    variation: Duration,
    latest: Duration,
    lowest: WindowedMin,
}

impl Default for Rtt {
    fn default() -> Self {
        Self {
            smoothed: None,
            expected: INITIAL_RTT,
            variation: INITIAL_RTT / 2,
            latest: INITIAL_RTT,
            lowest: WindowedMin::default(),
        }
    }
}

impl Rtt {
    /// Takes one sample: the time since the packet left, and how much of it the peer says it held the packet.
    pub(crate) fn update(&mut self, now: Time, sample: Duration, delay: Duration) {
        self.latest = sample;
        self.lowest.update(now, sample);
        // A peer cannot have held the packet for longer than it took in all (RFC 9002 section 5.3).
        let adjusted = if sample >= self.lowest() + delay { sample - delay } else { sample };
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(sample);
            self.variation = sample / 2;
            return;
        };
        let difference = smoothed.abs_diff(adjusted);
        self.variation = (self.variation * 3 + difference) / 4;
        self.smoothed = Some((smoothed * 7 + adjusted) / 8);
    }

    /// Before the first packet something else has gone there and back, in this time or less. It is small: where the first packets are full ones, it alone tells the
    /// lowest. And a first packet that is lost would be missed only after three of [`INITIAL_RTT`]. Later ones may have gone over another path, and tell nothing.
    pub(crate) fn expect(&mut self, now: Time, most: Duration) {
        if self.smoothed.is_some() {
            return;
        }
        self.lowest.update(now, most);
        if most < self.expected {
            (self.expected, self.latest, self.variation) = (most, most, most / 2);
        }
    }

    /// Whether a sample has been taken on this path.
    pub(crate) const fn is_known(&self) -> bool {
        self.smoothed.is_some()
    }

    /// The smoothed round trip; before the first sample [`INITIAL_RTT`], or what a handshake took.
    pub(crate) fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or(self.expected)
    }

    /// A round trip longer than this is out of the ordinary: three variations above the smoothed one.
    pub(crate) fn usual(&self) -> Duration {
        self.smoothed() + self.variation * 3
    }

    /// The newest sample.
    pub(crate) const fn latest(&self) -> Duration {
        self.latest
    }

    /// The lowest sample of the last [`MIN_RTT_WINDOW`], or what a handshake before the first took, if that is less.
    pub(crate) fn lowest(&self) -> Duration {
        self.lowest.get().unwrap_or_else(|| self.smoothed())
    }

    /// How long to wait for an acknowledgement before probing, RFC 9002 section 6.2.1.
    pub(crate) fn probe_timeout(&self, peer_delay: Duration) -> Duration {
        self.smoothed() + (self.variation * 4).max(GRANULARITY) + peer_delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_sample_is_taken_whole() {
        let mut rtt = Rtt::default();
        rtt.update(Time::ZERO, 80 * MS, 5 * MS);
        assert_eq!((rtt.smoothed(), rtt.variation, rtt.lowest()), (80 * MS, 40 * MS, 80 * MS));
    }

    #[test]
    fn the_peers_delay_is_taken_off_but_never_below_the_minimum() {
        let mut rtt = Rtt::default();
        rtt.update(Time::ZERO, 80 * MS, Duration::ZERO);
        rtt.update(Time::ZERO, 96 * MS, 8 * MS);
        assert_eq!(rtt.smoothed(), 81 * MS);
        rtt.update(Time::ZERO, 81 * MS, 70 * MS);
        assert_eq!(rtt.smoothed(), 81 * MS, "a delay that cannot be is not believed");
    }

    #[test]
    fn what_a_handshake_took_counts_until_there_is_a_sample() {
        let mut rtt = Rtt::default();
        for (handshake, counts) in [(40, 40), (60, 40), (900, 40)] {
            rtt.expect(Time::ZERO, handshake * MS);
            assert_eq!((rtt.smoothed(), rtt.is_known()), (counts * MS, false));
        }
        assert_eq!(rtt.probe_timeout(5 * MS), 125 * MS);
        rtt.update(Time::ZERO, 60 * MS, Duration::ZERO);
        assert_eq!((rtt.smoothed(), rtt.lowest()), (60 * MS, 40 * MS), "the first packet was a full one");
        rtt.expect(Time::ZERO, 10 * MS);
        assert_eq!((rtt.smoothed(), rtt.lowest()), (60 * MS, 40 * MS), "it went over another path");
    }

    #[test]
    fn a_minimum_grows_old() {
        let mut rtt = Rtt::default();
        rtt.update(Time::ZERO, 20 * MS, Duration::ZERO);
        rtt.update(Time::ZERO + MIN_RTT_WINDOW, 90 * MS, Duration::ZERO);
        assert_eq!(rtt.lowest(), 20 * MS);
        rtt.update(Time::ZERO + MIN_RTT_WINDOW + MS, 90 * MS, Duration::ZERO);
        assert_eq!(rtt.lowest(), 90 * MS);
    }
}
