//! The last quarter of an hour, second by second, for the plots of the page.

use std::collections::VecDeque;

use serde::Serialize;
use tunnel::view::{LinkView, SessionView, rates};

/// The past: at most 900 samples of 32 links each of 64 bytes, and ten views of as many links. Full, that is 2 MB.
#[derive(Debug, Default)]
pub(crate) struct History {
    samples: VecDeque<Sample>,
    /// The number of the next sample.
    next: u64,
    /// The views of the last seconds, the oldest first.
    recent: VecDeque<SessionView>,
}

/// One second: when it ended (milliseconds since 1970), bits a second of all streams sent and received, the links.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Sample(u64, u64, u64, Box<[LinkSample]>);

/// A link in that second: its number, bits a second of its streams sent and received, the smoothed round trip in microseconds, and the
/// shares of packets that were lost during the last ten seconds, sending and receiving.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct LinkSample(u64, u64, u64, Option<u32>, Option<f64>, Option<f64>);

/// What is told of it.
#[derive(Serialize)]
struct Told<'a> {
    /// The number of the sample that comes next: with `?since=` that, only newer ones are told the next time.
    next: u64,
    columns: [&'static str; 4],
    link_columns: [&'static str; 6],
    samples: Vec<&'a Sample>,
}

impl History {
    /// A quarter of an hour of seconds.
    const SAMPLES: usize = 900;
    /// Links in each. The oldest ones: a proxy2 with more is looked at with Prometheus.
    const LINKS: usize = 32;
    /// Seconds over which losses are taken together: in one there are too few packets to tell a share.
    const LOSS_SECONDS: usize = 10;

    /// Adds a second.
    pub(crate) fn add(&mut self, view: &SessionView) {
        let view = without_details(view, Self::LINKS);
        if let Some(sample) = self.sample(&view) {
            if self.samples.len() == Self::SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back(sample);
            self.next += 1;
        }
        if self.recent.len() == Self::LOSS_SECONDS {
            self.recent.pop_front();
        }
        self.recent.push_back(view);
    }

    /// The samples from that number on, as JSON. A number of the future is of another process: all of them.
    pub(crate) fn to_json(&self, since: u64) -> Vec<u8> {
        let first = self.next - widen(self.samples.len());
        let skip = if since > self.next { 0 } else { since.saturating_sub(first) };
        let told = Told {
            next: self.next,
            columns: ["at_ms", "sent_bps", "received_bps", "links"],
            link_columns: [
                "number",
                "sent_bps",
                "received_bps",
                "round_trip_us",
                "loss_sending",
                "loss_receiving",
            ],
            samples: self.samples.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).collect(),
        };
        serde_json::to_vec(&told).unwrap_or_default()
    }

    /// Whether who knows the samples before that number lacks less than a minute.
    pub(crate) const fn has_most_of(&self, since: u64) -> bool {
        since <= self.next && self.next - since < 60
    }

    fn sample(&self, view: &SessionView) -> Option<Sample> {
        let second = rates(self.recent.back()?, view);
        if second.over_ms == 0 {
            return None;
        }
        let lately = rates(self.recent.front()?, view);
        let link = |link: &LinkView| {
            let rates = second.links.get(&link.number);
            let loss = lately.links.get(&link.number).map(|rates| rates.loss).unwrap_or_default();
            let round_trip = link.path.as_ref().and_then(|path| path.round_trip_us);
            LinkSample(
                link.number,
                rates.map_or(0, |rates| rates.sent_bps),
                rates.map_or(0, |rates| rates.received_bps),
                round_trip.map(|round_trip| u32::try_from(round_trip.smoothed).unwrap_or(u32::MAX)),
                loss.sending.map(rounded),
                loss.receiving.map(rounded),
            )
        };
        let links = view.links.iter().map(link).collect();
        Some(Sample(view.taken_at, second.sent_bps, second.received_bps, links))
    }
}

/// What rates are made of, of so many links.
pub(crate) fn without_details(view: &SessionView, links: usize) -> SessionView {
    let link = |link: &LinkView| LinkView {
        number: link.number,
        since: link.since,
        path: link.path.clone(),
        sent_bytes: link.sent_bytes,
        received_bytes: link.received_bytes,
        ..LinkView::default()
    };
    SessionView {
        pid: view.pid,
        since: view.since,
        taken_at: view.taken_at,
        uptime_ms: view.uptime_ms,
        counters: view.counters.clone(),
        links: view.links.iter().take(links).map(link).collect(),
        ..SessionView::default()
    }
}

/// A share, to a hundredth of a percent.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tunnel::metrics::Counters;
    use tunnel::view::{CounterValues, PathView, RoundTrip};

    use super::*;

    fn view(second: u64, links: u64) -> SessionView {
        let counters = Counters { sent_bytes: second * 1_000, ..Counters::default() };
        let round_trip_us = Some(RoundTrip { smoothed: 20_000, ..RoundTrip::default() });
        let mut path = PathView { round_trip_us, ..PathView::default() };
        (path.packets.sent, path.packets.lost) = (second * 100, second * 5);
        let link = |number| LinkView {
            number,
            sent_bytes: second * 500,
            path: Some(path.clone()),
            ..LinkView::default()
        };
        SessionView {
            pid: 1,
            taken_at: second * 1_000,
            uptime_ms: second * 1_000,
            counters: CounterValues::from(&counters),
            links: (1..=links).map(link).collect(),
            ..SessionView::default()
        }
    }

    fn told(history: &History, since: u64) -> serde_json::Value {
        serde_json::from_slice(&history.to_json(since)).unwrap()
    }

    #[test]
    fn a_sample_says_what_went_on_since_the_one_before() {
        let mut history = History::default();
        (1..=3).for_each(|second| history.add(&view(second, 1)));
        let told = told(&history, 0);
        assert_eq!(told["samples"][1].to_string(), "[3000,8000,0,[[1,4000,0,20000,0.05,null]]]");
        assert_eq!((told["next"].as_u64(), told["samples"].as_array().map(Vec::len)), (Some(2), Some(2)));
    }

    #[test]
    fn only_what_is_new_is_told_to_who_knows_the_rest() {
        let mut history = History::default();
        (1..=5).for_each(|second| history.add(&view(second, 1)));
        let samples = |since| told(&history, since)["samples"].as_array().map(Vec::len);
        assert_eq!([samples(0), samples(3), samples(4), samples(5)], [Some(4), Some(1), Some(0), Some(4)]);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut history = History::default();
        (1..=1_000).for_each(|second| history.add(&view(second, 40)));
        let told = told(&history, 0);
        let samples = told["samples"].as_array().unwrap();
        assert_eq!((samples.len(), told["next"].as_u64()), (History::SAMPLES, Some(999)));
        assert_eq!(samples[0][3].as_array().map(Vec::len), Some(History::LINKS));
        assert_eq!(size_of::<LinkSample>(), 64);
        assert!(history.to_json(0).len() < 1_500_000, "{}", history.to_json(0).len());
    }

    #[test]
    fn a_session_that_begins_again_is_no_growth() {
        let mut history = History::default();
        history.add(&view(5, 1));
        history.add(&SessionView { pid: 2, ..view(6, 1) });
        assert_eq!(told(&history, 0)["samples"].as_array().map(Vec::len), Some(0));
    }
}
