//! How fast the path delivers, from the packets that arrive: draft-cheng-iccrg-delivery-rate-estimation.

use crate::time::Time;
use std::time::Duration;

/// What a packet remembers of the moment it left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    /// Wire bytes delivered when it left.
    pub(crate) delivered: u64,
    /// When the last of those was acknowledged.
    pub(crate) delivered_at: Time,
    /// When the first packet of its flight left.
    pub(crate) first_sent_at: Time,
    /// Whether the application, not the path, was what held sending back.
    pub(crate) app_limited: bool,
}

impl Snapshot {
    /// Whether it left before anything of its flight was acknowledged: only the flight's first packet sets both to one time.
    pub(crate) fn nothing_was_acked(&self) -> bool {
        self.delivered_at == self.first_sent_at
    }
}

/// One measurement of the delivery rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Wire bytes a second.
    pub(crate) rate: u64,
    /// Whether the application may have kept it low.
    pub(crate) app_limited: bool,
    /// Bytes that had been delivered when the newest packet of the sample left.
    pub(crate) prior_delivered: u64,
}

/// Counts what is delivered and turns acknowledgements into rate samples.
#[derive(Debug, Default)]
pub(crate) struct DeliveryRate {
    delivered: u64,
    delivered_at: Time,
    first_sent_at: Time,
    /// Up to this count of delivered bytes, samples are limited by the application; 0: they are not.
    app_limited_until: u64,
    newest: Option<(Snapshot, Time)>,
}

impl DeliveryRate {
    /// Wire bytes delivered so far.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// A packet leaves; `idle` says that nothing else is in flight.
    pub(crate) const fn on_sent(&mut self, now: Time, idle: bool) -> Snapshot {
        if idle {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            app_limited: self.app_limited_until > 0,
        }
    }

    /// The application has nothing more to send while the path would carry it.
    pub(crate) fn on_app_limited(&mut self, in_flight: u64) {
        self.app_limited_until = (self.delivered + in_flight).max(1);
    }

    /// One packet of `bytes` arrived that left at `sent` with `snapshot`.
    pub(crate) fn on_acked(&mut self, now: Time, sent: Time, bytes: u64, snapshot: Snapshot) {
        self.delivered += bytes;
        self.delivered_at = now;
        if self.newest.is_none_or(|(newest, at)| (snapshot.delivered, sent) >= (newest.delivered, at)) {
            self.newest = Some((snapshot, sent));
            self.first_sent_at = sent;
        }
    }

    /// The sample of all packets of one acknowledgement; none where it spans less than `min_rtt`, which is too short
    /// to be true (section 3.3 of the draft).
    pub(crate) fn sample(&mut self, min_rtt: Duration) -> Option<Sample> {
        if self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }
        let (snapshot, sent) = self.newest.take()?;
        let send_took = sent.since(snapshot.first_sent_at);
        let ack_took = self.delivered_at.since(snapshot.delivered_at);
        let took = send_took.max(ack_took);
        if took < min_rtt || took.is_zero() {
            return None;
        }
        let bytes = u128::from(self.delivered - snapshot.delivered);
        let rate = u64::try_from(bytes * 1_000_000_000 / took.as_nanos()).unwrap_or(u64::MAX);
        Some(Sample { rate, app_limited: snapshot.app_limited, prior_delivered: snapshot.delivered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_steady_flow_measures_its_own_rate() {
        let mut rate = DeliveryRate::default();
        let mut sent = Vec::new();
        let mut last = None;
        for tick in 0..100u32 {
            let now = Time::ZERO + MS * tick;
            if tick >= 20 {
                let (at, snapshot) = sent[tick as usize - 20];
                rate.on_acked(now, at, 1_000, snapshot);
                last = rate.sample(20 * MS);
            }
            sent.push((now, rate.on_sent(now, tick == 0)));
        }
        assert_eq!(last.map(|sample| sample.rate), Some(1_000_000), "1,000 bytes a millisecond");
    }

    #[test]
    fn a_sample_shorter_than_the_round_trip_is_no_sample() {
        let mut rate = DeliveryRate::default();
        let snapshot = rate.on_sent(Time::ZERO, true);
        rate.on_acked(Time::ZERO + MS, Time::ZERO, 1_000, snapshot);
        assert_eq!(rate.sample(20 * MS), None);
    }
}
