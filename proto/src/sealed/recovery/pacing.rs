//! Spreads packets over time: a token bucket whose rate and size the congestion controller sets anew with each acknowledgement.
//!
//! It is no [`TokenBucket`](crate::token_bucket::TokenBucket), whose tokens are time: here a change of the rate must leave what was sent
//! as it is, so the tokens are bytes. Time would also cost a division by the rate for each packet.

use crate::MAX_UDP_PAYLOAD;
use crate::time::Time;
use std::time::Duration;

/// How long a sender may be late and still catch up. Timers of the systems we run on fire up to 1-2 ms late; what
/// gathers meanwhile leaves in one batch, which is also what makes batches.
const SLACK: Duration = Duration::from_millis(2);

/// The smallest bucket, in packets: what RFC 9002 section 7.7 allows at once.
const MIN_BURST: u64 = 10;

/// The same where packets are to be spread.
const SPREAD_BURST: u64 = 2;

/// A full batch for the socket, in bytes: waiting for more than this to gather saves no system calls.
pub(crate) const BATCH: u64 = 64 * 1024;

/// Packets in one batch: as many segments as Linux takes in one send (UDP_MAX_SEGMENTS was 64 before it became 128).
pub(crate) const BATCH_PACKETS: usize = 64;

/// Packets of `mtu` bytes of UDP payload that fit into one batch.
pub(crate) const fn batch_packets(mtu: u64) -> u64 {
    let fit = MAX_UDP_PAYLOAD as u64 / if mtu == 0 { 1 } else { mtu };
    if fit < BATCH_PACKETS as u64 { fit } else { BATCH_PACKETS as u64 }
}

/// Decides when the next packet may leave.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    /// Bytes that may leave now; negative after a burst that was larger.
    tokens: i64,
    filled_at: Time,
    rate: u64,
    /// Bytes that may leave at once whatever the rate.
    burst_allowance: u64,
    /// Packets leave in ones and twos as far as timers let them.
    spreads: bool,
    /// The bucket has run dry, and a batch must gather before the next packet leaves.
    dry: bool,
}

impl Pacer {
    /// Sets the rate in bytes a second, how many bytes may leave at once whatever the rate, and whether to make small batches.
    pub(crate) const fn set_rate(&mut self, rate: u64, burst_allowance: u64, spreads: bool) {
        self.rate = rate;
        self.burst_allowance = burst_allowance;
        self.spreads = spreads;
    }

    /// What the rate lets gather, without what may leave at once whatever it is.
    fn slack(&self, mtu: u64) -> i64 {
        let least = if self.spreads { SPREAD_BURST } else { MIN_BURST };
        let slack = u128::from(self.rate) * SLACK.as_nanos() / 1_000_000_000;
        i64::try_from(slack.max(u128::from(least * mtu))).unwrap_or(i64::MAX)
    }

    fn burst(&self, mtu: u64) -> i64 {
        self.slack(mtu).max(signed(self.burst_allowance))
    }

    fn fill(&mut self, now: Time, mtu: u64) {
        let waited = now.since(self.filled_at);
        if waited.is_zero() {
            return; // the next packet of a batch
        }
        let fresh = u128::from(self.rate) * waited.as_nanos() / 1_000_000_000;
        if fresh == 0 {
            return; // too short a wait to count: let it add up
        }
        self.filled_at = now;
        self.tokens = i64::try_from(fresh)
            .map_or(i64::MAX, |fresh| self.tokens.saturating_add(fresh))
            .min(self.burst(mtu));
    }

    /// Whether a packet may leave at `now`.
    pub(crate) fn may_send(&mut self, now: Time, mtu: u64) -> bool {
        self.fill(now, mtu);
        self.dry = if self.dry { self.tokens < self.batch(mtu) } else { self.tokens <= 0 };
        !self.dry
    }

    /// `bytes` left.
    pub(crate) fn on_sent(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_sub(signed(bytes));
    }

    /// What must gather after the bucket has run dry: a quarter of it, so that packets leave in batches. No more where more
    /// may leave at once: who is asked in time need not keep a message waiting for it.
    fn batch(&self, mtu: u64) -> i64 {
        (self.slack(mtu) / 4).min(signed(BATCH))
    }

    /// When the next packet may leave.
    pub(crate) fn next(&self, mtu: u64) -> Time {
        let wanted = if self.dry || self.tokens <= 0 { self.batch(mtu) } else { 0 };
        let missing = wanted.saturating_sub(self.tokens).max(0);
        let nanos = u128::from(missing.unsigned_abs()) * 1_000_000_000 / u128::from(self.rate.max(1));
        self.filled_at + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Bytes as tokens.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_time_the_rate_is_kept_whatever_the_wakeups() {
        for late in [Duration::ZERO, Duration::from_micros(1_300)] {
            let (mut pacer, mut now, mut sent) = (Pacer::default(), Time::ZERO, 0u64);
            pacer.set_rate(10_000_000, 0, false);
            while now < Time::ZERO + Duration::from_secs(1) {
                while pacer.may_send(now, 1_400) {
                    pacer.on_sent(1_400);
                    sent += 1_400;
                }
                now = now.max(pacer.next(1_400)) + late + Duration::from_nanos(1);
            }
            assert!((9_900_000..10_050_000).contains(&sent), "{sent} bytes in a second, {late:?} late");
        }
    }

    #[test]
    fn what_may_leave_at_once_does_and_is_not_waited_for() {
        for (burst_allowance, together) in [(0, MIN_BURST * 1_000), (40_000, 40_000)] {
            let (mut pacer, mut sent) = (Pacer::default(), 0);
            pacer.set_rate(1_000_000, burst_allowance, false);
            while pacer.may_send(Time::ZERO + Duration::from_secs(1), 1_000) {
                pacer.on_sent(1_000);
                sent += 1_000;
            }
            assert_eq!(sent, together);
            let wait = pacer.next(1_000).since(Time::ZERO + Duration::from_secs(1));
            assert_eq!(wait, Duration::from_micros(2_500), "a quarter of ten packets");
        }
    }
}
