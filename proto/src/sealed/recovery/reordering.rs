//! How much later than its neighbours a packet may come before it counts as lost (RFC 8985 section 6.2 step 4), and how much later
//! packets come on average.

use crate::sealed::recovery::rtt::{GRANULARITY, Rtt};
use crate::time::Time;
use std::time::Duration;

/// After this many round trips without a packet that needed half of the window, it narrows (RFC 8985 section 6.2 step 4 says 16
/// recoveries).
const CALM_ROUNDS: u32 = 16;

/// The widest window, or a round trip if that is longer: each loss waits for so long to be repaired.
const WIDEST: Duration = Duration::from_millis(500);

/// Packets over which it looks back, to tell how many come late.
const MEMORY: u32 = 256;

/// Where fewer are thought lost and arrive, a window of more than a round trip does not pay: each such packet is sent twice, but each
/// one that is lost waits for longer.
const WIDE: f64 = 0.02;

/// The reordering window. It follows what the path does.
#[derive(Debug, Default)]
pub(crate) struct ReorderingWindow {
    /// Beyond the least window: how much later than others packets came.
    seen: Duration,
    seen_at: Time,
    /// When it last grew beyond a round trip.
    grew_at: Time,
    /// The share of packets of late that were thought lost and arrived.
    spurious: f64,
    /// How much later than the first ones packets come, on average, in seconds.
    mean: f64,
    /// Packets that arrived, up to [`MEMORY`].
    packets: u32,
}

impl ReorderingWindow {
    /// How long beyond a round trip a packet may take while later ones arrive.
    pub(crate) fn window(&self, rtt: &Rtt) -> Duration {
        (rtt.lowest() / 8).max(GRANULARITY).max(self.seen)
    }

    /// How much later than those that are not overtaken packets come, on average.
    pub(crate) fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.mean)
    }

    /// Whether packets come so late that it is felt: by an eighth of a round trip, on average.
    pub(crate) fn is_heavy(&self, rtt: &Rtt) -> bool {
        // Asked for each packet that leaves, nearly always where none comes late.
        self.mean > 0.0 && self.mean() > (rtt.lowest() / 8).max(GRANULARITY)
    }

    /// A packet arrived after `took`; `overtaken`: later ones before it. `thought_lost`: it had been given up.
    pub(crate) fn on_arrived(
        &mut self,
        now: Time,
        took: Duration,
        rtt: &Rtt,
        overtaken: bool,
        thought_lost: bool,
    ) {
        let late = if overtaken { took.saturating_sub(rtt.smoothed()) } else { Duration::ZERO };
        self.packets = (self.packets + 1).min(MEMORY);
        if late.is_zero() && !thought_lost && self.mean <= 0.0 && self.spurious <= 0.0 {
            return; // as on most paths: nothing would change
        }
        self.mean += (late.as_secs_f64() - self.mean) / f64::from(self.packets);
        self.spurious += (f64::from(u8::from(thought_lost)) - self.spurious) / f64::from(MEMORY);
        // An eighth more than it needed, for the next ones.
        let wanted = late + late / 8;
        if wanted > self.seen / 2 {
            self.seen_at = now;
        }
        if thought_lost && wanted > self.seen {
            self.widen(now, wanted, rtt.smoothed());
        }
    }

    /// Up to a round trip at once, and beyond by one in each round trip: a path that stood still once makes many packets late, but only then.
    fn widen(&mut self, now: Time, wanted: Duration, round_trip: Duration) {
        if wanted <= round_trip || self.seen < round_trip {
            self.seen = wanted.min(round_trip);
        } else if self.spurious > WIDE && now.since(self.grew_at) >= round_trip {
            self.seen = wanted.min(self.seen + round_trip).min(WIDEST.max(round_trip));
            self.grew_at = now;
        }
    }

    /// Halves the window where no packet has needed half of it for [`CALM_ROUNDS`] round trips.
    pub(crate) fn calm_down(&mut self, now: Time, rtt: &Rtt) {
        if self.seen > Duration::ZERO && now.since(self.seen_at) > rtt.smoothed() * CALM_ROUNDS {
            self.seen /= 2;
            self.seen_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rtt() -> Rtt {
        let mut rtt = Rtt::default();
        rtt.update(Time::ZERO, 80 * MS, Duration::ZERO);
        rtt
    }

    /// A packet that was given up arrives after `took`.
    fn late(disorder: &mut ReorderingWindow, took: Duration) {
        disorder.on_arrived(Time::ZERO, took, &rtt(), true, true);
    }

    #[test]
    fn at_first_an_eighth_of_a_round_trip_is_given() {
        assert_eq!(ReorderingWindow::default().window(&rtt()), 10 * MS);
    }

    #[test]
    fn what_comes_late_widens_it_up_to_a_round_trip() {
        let mut disorder = ReorderingWindow::default();
        late(&mut disorder, 112 * MS);
        assert_eq!(disorder.window(&rtt()), 36 * MS);
        late(&mut disorder, 96 * MS);
        assert_eq!(disorder.window(&rtt()), 36 * MS, "less late than before");
        late(&mut disorder, 900 * MS);
        assert_eq!(disorder.window(&rtt()), 80 * MS);
    }

    #[test]
    fn calm_narrows_it_again() {
        let (mut disorder, rtt) = (ReorderingWindow::default(), rtt());
        late(&mut disorder, 112 * MS);
        disorder.calm_down(Time::ZERO + 80 * MS * CALM_ROUNDS, &rtt);
        assert_eq!(disorder.window(&rtt), 36 * MS, "not yet");
        disorder.calm_down(Time::ZERO + 80 * MS * CALM_ROUNDS + MS, &rtt);
        assert_eq!(disorder.window(&rtt), 18 * MS);
    }

    #[test]
    fn what_keeps_coming_late_widens_it_beyond_a_round_trip_by_one_each_time() {
        let (mut disorder, rtt) = (ReorderingWindow::default(), rtt());
        let windows: Vec<Duration> = (1..=4u32)
            .map(|round| {
                let now = Time::ZERO + 80 * MS * round;
                (0..20).for_each(|_| disorder.on_arrived(now, 300 * MS, &rtt, true, true));
                disorder.window(&rtt)
            })
            .collect();
        assert_eq!(windows, [160 * MS, 240 * MS, 247_500 * MS / 1_000, 247_500 * MS / 1_000]);
    }

    #[test]
    fn only_what_is_overtaken_is_late() {
        let (mut disorder, rtt) = (ReorderingWindow::default(), rtt());
        (0..100).for_each(|_| disorder.on_arrived(Time::ZERO, 300 * MS, &rtt, false, false));
        assert!(disorder.mean().is_zero() && !disorder.is_heavy(&rtt), "a queue makes all late");
        for at in 0..2_000 {
            disorder.on_arrived(Time::ZERO, 120 * MS, &rtt, at % 2 == 0, false);
        }
        assert!((19 * MS..21 * MS).contains(&disorder.mean()) && disorder.is_heavy(&rtt));
    }
}
