//! The window of a path whose rate goes up and down all the time, as that of a radio cell does.
//!
//! The model of the other paths is too slow for it: the highest rate of ten rounds is not what the cell gives now, and what is in
//! flight for it waits in the cell's buffer, which is deep. So where more than a round trip of queue stands, nothing but the last fifth of
//! a second counts: in flight is what arrives at that rate in the shortest round trip and a short queue's time. While packets are served,
//! that follows the cell down within a round trip; while it is starved, what arrives is what was in flight, and the window
//! grows by the queue's share each round trip. The time of the queue is what makes up for what is not known of the next moment:
//! with less of it more opportunities are lost, with more of it everybody waits.
//!
//! On a slow path (`slow_path.rs`) it is the window from the beginning: the least window elsewhere, 16 packets, would be 0.8 s of queue or
//! more.
//!
//! The shortest round trip must stay known. A queue that never empties hides it, so where it has not been seen for long, the
//! window is cut for a moment; what a queue of others leaves then is part of the path (BBR's ProbeRTT).

use super::ack_event::AckEvent;
use super::recent::Recent;
use super::round::{bytes_in, per_second, time_of};
use crate::time::Time;
use std::time::Duration;

/// A queue of more than this, and more than a round trip, is nothing that the model of the path explains.
const ENTER: Duration = Duration::from_millis(100);

/// The queue that is aimed at, or a quarter of the round trip if that is longer.
const TARGET: Duration = Duration::from_millis(48);

/// The same on a path that passes this much, in bytes a second, more than cells of LTE do: by what the queue may be a path that becomes faster is
/// followed sooner, and at such rates that is worth more.
const FAST: u64 = 2_500_000;
const FAST_TARGET: Duration = Duration::from_millis(60);

/// And as long as this many packets take, as far as it is no more than [`MAX_PACKETS_TIME`]: where few packets pass, chance takes more.
const PACKETS: u64 = 10;
const MAX_PACKETS_TIME: Duration = Duration::from_millis(200);

/// On a slow path that is the longest time, as ten packets take longer on each of them; and its rate hardly changes. With 200 ms a packet more is in flight at 128 kbit/s,
/// which brings nothing.
const SLOW_PACKETS_TIME: Duration = Duration::from_millis(150);

/// Where packets come late by more than this part of a round trip, on average, because others overtake them, it is no cell.
pub(super) const DISORDER: u32 = 8;

/// Never fewer packets: acknowledgements must keep coming.
const MIN_PACKETS: u64 = 4;

/// On a slow path the same, where the peer sends no bulk: acknowledgements then come one by one, and a packet less is 0.2 s at 56 kbit/s that everybody waits less.
/// With bulk both ways three packets use 88 % of the rate, and four 93.
const SLOW_PACKETS: u64 = 3;

/// The path is back to what the model explains when no long queue was seen for so long.
const HOLD: Duration = Duration::from_secs(10);

/// A shortest round trip that was not seen for so long is sought; in a shorter time than it is remembered.
const STALE: Duration = Duration::from_secs(8);

/// On a slow path the same, and what is remembered: four packets are a queue of most of a second, and the shortest round trip of ten
/// seconds is one of those that waited in it.
const SLOW_STALE: Duration = Duration::from_secs(50);
const SLOW_MEMORY: Duration = Duration::from_secs(60);

/// What was in flight before has arrived after a round trip, and then some packets must come.
const SEEK: Duration = Duration::from_millis(200);

/// The window of such a path, while it is one.
#[derive(Debug, Default)]
pub(super) struct DelayWindow {
    recent: Recent,
    active: Option<Active>,
    /// The shortest round trip of a slow path, and since when.
    slow_base: Option<(Time, Duration)>,
}

#[derive(Debug)]
struct Active {
    /// Bytes that may be in flight.
    cwnd: u64,
    /// The same while the shortest round trip is sought.
    least: u64,
    pacing_rate: u64,
    /// When a long queue was last seen.
    choked_at: Time,
    /// When a round trip was last about as short as the shortest.
    base_seen_at: Time,
    /// Until when it is sought.
    seek_until: Option<Time>,
}

impl DelayWindow {
    /// Takes in an acknowledgement, with packets of `mtu`. A `slow` path always is such a one.
    pub(super) fn on_ack(&mut self, ack: &AckEvent, mtu: u64, slow: bool) {
        self.recent.add(ack.now, ack.delivered, ack.rtt);
        // In a cell's buffer packets stand in a line.
        if !slow && ack.late > ack.min_rtt / DISORDER {
            return self.leave();
        }
        let base = if slow { self.base_of_slow(ack) } else { ack.min_rtt };
        let enter = ENTER.max(base);
        if !slow && self.active.is_none() && ack.rtt <= base + enter {
            return;
        }
        // Of a packet's own round trip a bit more counts, or else the window could not grow with the cell.
        let own = ack.sample.map_or(0, |sample| sample.rate + sample.rate / 10);
        // Where few packets pass, those that were acknowledged together in so short a time are no rate.
        let rate = if slow { own } else { self.recent.rate(ack.now).max(own) };
        let lowest = self.recent.lowest_rtt().unwrap_or(ack.rtt);
        let most = if slow { SLOW_PACKETS_TIME } else { MAX_PACKETS_TIME };
        let (queue, packets) = (lowest.saturating_sub(base), time_of(PACKETS * mtu, rate).min(most));
        if slow || queue > enter + packets {
            self.active.get_or_insert_with(|| Active::new(ack.now)).choked_at = ack.now;
        }
        let Some(active) = &mut self.active else { return };
        if ack.now.since(active.choked_at) > HOLD {
            return self.leave();
        }
        let target = if rate < FAST { TARGET } else { FAST_TARGET }.max(base / 4) + packets;
        let cwnd = bytes_in(rate, base + target);
        let cwnd = match active.cwnd {
            0 => cwnd,
            // A burst after an outage is no reason for a longer queue.
            before if queue > target => cwnd.min(before),
            _ if ack.cwnd_limited => cwnd,
            // What the application leaves free says nothing against the window.
            before => cwnd.max(before),
        };
        let least = if slow && !ack.peer_sends_bulk { SLOW_PACKETS } else { MIN_PACKETS };
        active.cwnd = cwnd.max(least * mtu);
        active.least = bytes_in(rate, base / 2).max(1).min(active.cwnd);
        active.pacing_rate = per_second(active.cwnd, lowest * 2 / 3);
        active.seek(ack, base, if slow { SLOW_STALE } else { STALE });
    }

    /// The path is no such one, or nothing can be known of it.
    pub(super) fn leave(&mut self) {
        self.active = None;
    }

    /// The shortest round trip of a slow path.
    fn base_of_slow(&mut self, ack: &AckEvent) -> Duration {
        match self.slow_base {
            Some((at, base)) if base < ack.min_rtt && ack.now.since(at) < SLOW_MEMORY => base,
            _ => {
                self.slow_base = Some((ack.now, ack.min_rtt));
                ack.min_rtt
            }
        }
    }

    /// Bytes that may be in flight, if the path is such a one.
    pub(super) fn cwnd(&self) -> Option<u64> {
        self.active
            .as_ref()
            .map(|active| if active.seek_until.is_some() { active.least } else { active.cwnd })
    }

    /// How fast they may leave, in bytes a second: half as much again as the window makes, so that it is the window that limits.
    pub(super) fn pacing_rate(&self) -> Option<u64> {
        self.active.as_ref().map(|active| active.pacing_rate)
    }
}

impl Active {
    const fn new(now: Time) -> Self {
        Self { cwnd: 0, least: 0, pacing_rate: 0, choked_at: now, base_seen_at: now, seek_until: None }
    }

    /// Begins to seek the shortest round trip where it was not seen for long, and ends that.
    fn seek(&mut self, ack: &AckEvent, base: Duration, stale: Duration) {
        if ack.rtt <= base + base / 8 + Duration::from_millis(4)
            || self.seek_until.is_some_and(|until| ack.now > until)
        {
            (self.base_seen_at, self.seek_until) = (ack.now, None);
        } else if self.seek_until.is_none() && ack.now.since(self.base_seen_at) > stale {
            self.seek_until = Some(ack.now + ack.rtt + SEEK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ack;
    use super::*;
    use crate::sealed::recovery::rate::Sample;

    const MTU: u64 = 1_000;

    /// A path with a shortest round trip of 50 ms that delivers a packet each `gap` ms.
    struct Fed {
        window: DelayWindow,
        now: u64,
        delivered: u64,
        gap: u64,
    }

    impl Fed {
        const fn new(window: DelayWindow) -> Self {
            Self { window, now: 1_000, delivered: 0, gap: 1 }
        }

        /// Acknowledgements for `time` ms, each after `rtt` ms.
        fn feed(&mut self, time: u64, rtt: u64) -> Option<u64> {
            let end = self.now + time;
            while self.now < end {
                self.now += self.gap;
                self.delivered += MTU;
                self.window.on_ack(
                    &AckEvent { sample: None, ..ack(self.now, self.delivered, 0, rtt) },
                    MTU,
                    false,
                );
            }
            self.window.cwnd()
        }
    }

    /// Half a second without a queue.
    fn fed() -> Fed {
        let mut fed = Fed::new(DelayWindow::default());
        assert_eq!(fed.feed(500, 60), None);
        fed
    }

    #[test]
    fn a_queue_that_the_model_explains_leaves_it_the_window() {
        assert_eq!(fed().feed(1_000, 150), None, "100 ms of queue");
    }

    #[test]
    fn a_long_queue_makes_the_window_what_arrives_in_a_round_trip_and_a_short_queue() {
        let cwnd = fed().feed(1_000, 300).unwrap();
        // 1 MB/s, 50 ms, 48 ms, ten packets of a millisecond.
        assert!((106_000..111_000).contains(&cwnd), "{cwnd}");
    }

    #[test]
    fn one_late_packet_is_no_queue() {
        assert_eq!(fed().feed(1, 900), None);
    }

    #[test]
    fn the_window_follows_the_rate_down_and_not_up_while_the_queue_stands() {
        let mut fed = fed();
        let before = fed.feed(1_000, 300).unwrap();
        fed.gap = 10;
        let down = fed.feed(400, 300).unwrap();
        assert!(down < before / 3, "{down} after {before}");
        fed.gap = 1;
        assert_eq!(fed.feed(400, 300), Some(down));
        assert!(fed.feed(400, 60).unwrap() > before * 9 / 10, "the queue has gone");
    }

    /// A path of 10 packets a second, as a flow with four of them in flight sees it.
    #[test]
    fn a_slow_path_has_it_from_the_beginning_and_remembers_its_shortest_round_trip() {
        let mut window = DelayWindow::default();
        for number in 1..300 {
            let rtt = if number == 1 { 150 } else { 400 };
            let sample = Some(Sample { rate: 10 * MTU, app_limited: false, prior_delivered: 0 });
            let min_rtt = Duration::from_millis(if number < 100 { 150 } else { 400 });
            let ack = AckEvent { min_rtt, sample, ..ack(number * 100, number * MTU, 0, rtt) };
            window.on_ack(&ack, MTU, true);
            // A tenth more than 10 packets a second in 150, 48 and 150 ms.
            assert_eq!(window.cwnd(), Some(3_828), "packet {number}");
        }
    }

    #[test]
    fn on_a_slow_path_three_packets_are_the_least_and_four_where_the_peer_sends_bulk() {
        let (mut window, mut cwnds) = (DelayWindow::default(), Vec::new());
        for number in 1..20 {
            let sample = Some(Sample { rate: 2 * MTU, app_limited: false, prior_delivered: 0 });
            let peer_sends_bulk = number == 18;
            let ack = AckEvent { sample, peer_sends_bulk, ..ack(number * 500, number * MTU, 0, 1_500) };
            window.on_ack(&ack, MTU, true);
            cwnds.push(window.cwnd());
        }
        assert_eq!(cwnds[16..], [3, 4, 3].map(|packets| Some(packets * MTU)), "though a queue stands");
    }

    #[test]
    fn four_packets_are_the_least() {
        let mut fed = fed();
        fed.gap = 300;
        assert_eq!(fed.feed(5_000, 1_000), Some(4 * MTU));
    }

    #[test]
    fn the_model_has_the_window_back_after_ten_seconds_without_a_long_queue() {
        let mut fed = fed();
        fed.feed(1_000, 300);
        assert!(fed.feed(9_500, 60).is_some());
        assert_eq!(fed.feed(1_000, 60), None);
    }

    #[test]
    fn a_shortest_round_trip_that_is_not_seen_is_sought_until_it_is_or_for_a_round_trip() {
        for (found, expected) in [(50, 60), (110, 350)] {
            let mut fed = fed();
            fed.feed(1_000, 300);
            let usual = fed.feed(6_900, 110).unwrap();
            let (mut cut, mut time) = (0, 0);
            for _ in 0..400 {
                time += 1;
                let rtt = if cut > 20 { found } else { 110 };
                cut += u32::from(fed.feed(1, rtt).unwrap() < usual / 2);
            }
            assert!((20..=expected).contains(&cut), "cut for {cut} of {time} ms");
        }
    }
}
