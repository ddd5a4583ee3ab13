//! Round-trip time: smoothed, varying, lowest. RFC 9002 section 5, with a windowed minimum.

use crate::time::Time;
use std::time::Duration;

/// Before the first sample: what a first probe waits for. RFC 9002 section 6.2.2 says 333 ms.
pub(crate) const INITIAL_RTT: Duration = Duration::from_millis(333);

/// Timer granularity, RFC 9002 section 6.1.2.
pub(crate) const GRANULARITY: Duration = Duration::from_millis(1);

/// How long a minimum counts before a newer, higher one replaces it: routes change, queues of others do not last.
pub(crate) const MIN_RTT_WINDOW: Duration = Duration::from_secs(10);

/// Estimates the round trip of a path from acknowledgements.
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    smoothed: Option<Duration>,
    variation: Duration,
    latest: Duration,
    lowest: Duration,
    lowest_at: Time,
}

impl Default for Rtt {
    fn default() -> Self {
        Self {
            smoothed: None,
            variation: INITIAL_RTT / 2,
            latest: INITIAL_RTT,
            lowest: Duration::MAX,
            lowest_at: Time::ZERO,
        }
    }
}

impl Rtt {
    /// Takes one sample: the time since the packet left, and how much of it the peer says it held the packet.
    pub(crate) fn update(&mut self, now: Time, sample: Duration, delay: Duration) {
        self.latest = sample;
        if sample <= self.lowest || now.since(self.lowest_at) > MIN_RTT_WINDOW {
            self.lowest = sample;
            self.lowest_at = now;
        }
        // A peer cannot have held the packet for longer than it took in all (RFC 9002 section 5.3).
        let adjusted = if sample >= self.lowest + delay { sample - delay } else { sample };
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(sample);
            self.variation = sample / 2;
            return;
        };
        let difference = smoothed.abs_diff(adjusted);
        self.variation = (self.variation * 3 + difference) / 4;
        self.smoothed = Some((smoothed * 7 + adjusted) / 8);
    }

    /// Whether a sample has been taken on this path.
    pub(crate) const fn is_known(&self) -> bool {
        self.smoothed.is_some()
    }

    /// The smoothed round trip; [`INITIAL_RTT`] before the first sample.
    pub(crate) fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or(INITIAL_RTT)
    }

    /// The newest sample.
    pub(crate) const fn latest(&self) -> Duration {
        self.latest
    }

    /// The lowest sample of the last [`MIN_RTT_WINDOW`]; the smoothed one before the first.
    pub(crate) fn lowest(&self) -> Duration {
        if self.lowest == Duration::MAX { self.smoothed() } else { self.lowest }
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
    fn a_minimum_grows_old() {
        let mut rtt = Rtt::default();
        rtt.update(Time::ZERO, 20 * MS, Duration::ZERO);
        rtt.update(Time::ZERO + MIN_RTT_WINDOW, 90 * MS, Duration::ZERO);
        assert_eq!(rtt.lowest(), 20 * MS);
        rtt.update(Time::ZERO + MIN_RTT_WINDOW + MS, 90 * MS, Duration::ZERO);
        assert_eq!(rtt.lowest(), 90 * MS);
    }
}
