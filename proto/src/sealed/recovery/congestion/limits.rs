//! What the controller's model allows: how much may be in flight, how fast packets may leave. Nothing changes here.

use super::round::{bytes_in, time_of};
use super::{Controller, Phase, slow_path};
use crate::sealed::recovery::pacing::BATCH;
use std::time::Duration;

/// The window, in bandwidth-delay products (BDP): one is on the way, one pays for acknowledgements that come late
/// or in bursts (BBR).
const WINDOW_GAIN: f64 = 2.0;

/// The same after a round that lost more than random loss explains: others and we fill the queue together, and whoever sees it
/// overflow asks for less of it. Of two links at once and of a link beside BBR it halves what is dropped.
const FULL_WINDOW_GAIN: f64 = 1.25;

/// The part of what the queue of others holds of our rate that the window has room for beside that. What is in flight waits in their
/// queue too: without it two BDP are less than the rate once that queue is a round trip long, and each round lowers what the next may have.
/// With none of it ours can be left with a fifth beside BBR, with more CUBIC beside ours with a third (`docs/congestion.md`).
const FOREIGN_PART: f64 = 0.25;

/// Never fewer: 16 packets keep acknowledgements coming where a burst of losses takes ten of them.
pub(super) const MIN_PACKETS: u64 = 16;

/// What a busy machine does not wake us for; the window has room for it.
const LATE: Duration = Duration::from_millis(2);

/// The same where the round trip is long, as its divisor: on a path of 300 ms a host that looks each 3 ms would lose a fifth of a gigabit, and what is
/// on its way anyway makes 9 ms of it at once little.
const LATE_PART: u32 = 32;
const MOST_LATE: Duration = Duration::from_millis(10);

/// What leaves in this time is kept ready: a client that is asked for more may be asleep, too.
const READY: Duration = Duration::from_millis(50);

impl Controller {
    /// Bytes to send for each byte that is to arrive.
    pub(super) fn loss_compensation(&self) -> f64 {
        1.0 / (1.0 - self.random_loss())
    }

    /// The bandwidth-delay product: rate times lowest delay, and what packets take longer that are overtaken. It is what is on its
    /// way when the path is full and its queues are empty, with what it loses.
    pub(super) fn bdp(&self) -> f64 {
        self.rate() as f64 * self.loss_compensation() * (self.min_rtt + self.late).as_secs_f64()
    }

    /// Bytes worth keeping ready to be sent: what leaves in [`READY`]. No limit in start-up: its rate grows faster than it is
    /// measured.
    pub(crate) fn ready(&self) -> u64 {
        if self.phase == Phase::Startup {
            return u64::MAX;
        }
        whole(self.rate() as f64 * self.loss_compensation() * READY.as_secs_f64())
    }

    /// Whether a packet takes so long that a second one for nothing is felt.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow_rate().is_some()
    }

    /// How long so many bytes take on a path that passes few packets in a second; no time on others.
    pub(crate) fn time_if_slow(&self, bytes: u64) -> Duration {
        self.slow_rate().map_or(Duration::ZERO, |rate| time_of(bytes, rate))
    }

    /// Bytes a second, on a path that passes few packets in a second. Before the first start-up is over a single packet tells.
    pub(super) fn slow_rate(&self) -> Option<u64> {
        let is_first = self.phase == Phase::Startup && !self.startup.is_again();
        let known = if is_first { self.slow_path.rate() } else { Some(self.rate()) };
        known.filter(|rate| slow_path::is_slow(*rate, self.mtu))
    }

    /// How many bytes may be in flight.
    pub(crate) fn cwnd(&self) -> u64 {
        self.ceiling.lower(self.window())
    }

    /// How many bytes may be in flight where no queue marks packets.
    pub(super) fn window(&self) -> u64 {
        if self.phase == Phase::Startup {
            return self.startup.cwnd(self.mtu, self.min_rtt, self.slow_path);
        }
        if let Some(cwnd) = self.delay_window.cwnd() {
            return cwnd;
        }
        // What gathers while a busy machine does not wake us is no queue of the path.
        let late = self.rate() as f64 * LATE.as_secs_f64();
        let gain = if self.overflows { FULL_WINDOW_GAIN } else { WINDOW_GAIN };
        let foreign = self.rate() as f64 * self.queue.foreign().as_secs_f64() * FOREIGN_PART;
        let window = whole(self.bdp() * gain + late + foreign) + 3 * self.mtu;
        window.max(MIN_PACKETS * self.mtu).max(self.burst_allowance())
    }

    /// Bytes that may leave at once, whatever the rate: two bursts, or twice what the rate brings while this end waits for its turn, two
    /// full batches at the most, or a thirty-second of a round trip. None where the queue overflows or marks packets, and none in start-up, whose window grows by what
    /// arrives.
    pub(crate) fn burst_allowance(&self) -> u64 {
        if self.overflows || self.ceiling.is_low() || self.phase == Phase::Startup {
            0
        } else {
            let turn = bytes_in(self.rate(), self.turns.wait()).min(BATCH);
            let late = bytes_in(self.rate(), (self.min_rtt / LATE_PART).min(MOST_LATE));
            late.max(2 * self.aggregation.largest(self.rate()).max(turn))
        }
    }

    /// Whether packets should leave one by one rather than in batches: a short queue on the path marks what comes at once.
    pub(crate) const fn spreads(&self) -> bool {
        self.ceiling.is_low()
    }

    /// How fast packets may leave, in bytes a second of UDP payload.
    pub(crate) fn pacing_rate(&self, smoothed_rtt: Duration) -> u64 {
        if self.phase == Phase::Startup {
            return self.startup.pacing_rate(self.window(), smoothed_rtt);
        }
        if let Some(rate) = self.delay_window.pacing_rate() {
            return rate.max(self.mtu);
        }
        let gain = self.phase.gain(self.probe_up_streak, self.queue.is_own());
        whole(self.rate() as f64 * gain * self.loss_compensation()).max(self.mtu)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate or size below 2^53; the cast saturates"
)]
pub(super) fn whole(value: f64) -> u64 {
    value as u64
}
