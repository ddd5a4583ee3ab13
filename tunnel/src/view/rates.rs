//! What went on between two views.

use std::collections::BTreeMap;

use super::link::share;
use super::{LinkView, Loss, Packets, PathView, SessionView, StreamView};

/// What went on in a session between two views of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionRates {
    /// The time between the two, in milliseconds.
    pub over_ms: u64,
    /// Bytes of streams that all links sent: bits a second.
    pub sent_bps: u64,
    /// Bytes of streams that all links handed on: bits a second.
    pub received_bps: u64,
    /// The links that are in both views, and those that began in between, by number.
    pub links: BTreeMap<u64, LinkRates>,
}

/// What went on on a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkRates {
    /// Bytes of streams that it sent: bits a second.
    pub sent_bps: u64,
    /// Bytes of streams that it handed on: bits a second.
    pub received_bps: u64,
    /// UDP payload that it sent: bits a second. `None`: not known.
    pub wire_sent_bps: Option<u64>,
    /// UDP payload that came: bits a second. `None`: not known.
    pub wire_received_bps: Option<u64>,
    /// What was lost meanwhile.
    pub loss: Loss,
    /// The share of the bytes of streams sent meanwhile that had been sent before. `None` where there were none.
    pub resent: Option<f64>,
    /// Its streams that are shown, by id.
    pub streams: BTreeMap<u64, StreamRates>,
}

/// What went on on a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamRates {
    /// Bits a second that it sent.
    pub sent_bps: u64,
    /// Bits a second that it handed on.
    pub received_bps: u64,
}

/// What went on between two views of one session, `after` taken later than `before`. Of another session than before, as of one that
/// was started anew, nothing is known yet.
pub fn rates(before: &SessionView, after: &SessionView) -> SessionRates {
    let over_ms = after.uptime_ms.saturating_sub(before.uptime_ms);
    if (before.pid, before.since) != (after.pid, after.since) || over_ms == 0 {
        return SessionRates::default();
    }
    let over = Over(over_ms);
    let by_number: BTreeMap<_, _> = before.links.iter().map(|link| (link.number, link)).collect();
    let none = LinkView::default();
    let links = after.links.iter().filter_map(|link| {
        let same = by_number.get(&link.number).filter(|old| old.since == link.since).copied();
        let old = same.or_else(|| (link.since >= before.taken_at).then_some(&none))?;
        Some((link.number, over.link(old, link)))
    });
    let total = |name: &str| over.bps(before.counters.get(name), after.counters.get(name));
    SessionRates {
        over_ms,
        sent_bps: total("paso_sent_bytes_total"),
        received_bps: total("paso_received_bytes_total"),
        links: links.collect(),
    }
}

/// The time between two views, in milliseconds; not zero.
#[derive(Clone, Copy)]
struct Over(u64);

impl Over {
    /// The growth of a number of bytes in bits a second; nothing where it was set back.
    fn bps(self, before: u64, after: u64) -> u64 {
        let bits = u128::from(after.saturating_sub(before)) * 8 * 1_000 / u128::from(self.0);
        u64::try_from(bits).unwrap_or(u64::MAX)
    }

    fn link(self, before: &LinkView, after: &LinkView) -> LinkRates {
        let none = PathView::default();
        // A link that did not answer has no path, and the next time all of it would seem new.
        let begins = before.number != after.number;
        let path_before = before.path.as_ref().or_else(|| begins.then_some(&none));
        let paths = path_before.zip(after.path.as_ref());
        let wire = |bytes: fn(&PathView) -> u64| paths.map(|(old, new)| self.bps(bytes(old), bytes(new)));
        let packets = paths.map(|(old, new)| new.packets.since(&old.packets));
        let resent = paths.and_then(|(old, new)| {
            let data = new.data_bytes.saturating_sub(old.data_bytes);
            (data > 0).then(|| share(new.resent_bytes.saturating_sub(old.resent_bytes), data))
        });
        let streams: BTreeMap<_, _> = before.streams.iter().map(|stream| (stream.id, stream)).collect();
        let streams = after
            .streams
            .iter()
            .filter_map(|stream| Some((stream.id, self.stream(streams.get(&stream.id).copied(), stream)?)));
        LinkRates {
            sent_bps: self.bps(before.sent_bytes, after.sent_bytes),
            received_bps: self.bps(before.received_bytes, after.received_bytes),
            wire_sent_bps: wire(|path| path.sent_bytes),
            wire_received_bps: wire(|path| path.received_bytes),
            loss: packets.map(|packets| packets.loss()).unwrap_or_default(),
            resent,
            streams: streams.collect(),
        }
    }

    /// `None`: it was there before, but not shown.
    fn stream(self, before: Option<&StreamView>, after: &StreamView) -> Option<StreamRates> {
        // An id may be used again: of a stream, by the next one that takes its place.
        let same = before.filter(|old| after.age_ms >= old.age_ms);
        let old = match same {
            Some(old) => (old.sent_bytes, old.received_bytes),
            None if after.age_ms <= self.0 => (0, 0),
            None => return None,
        };
        Some(StreamRates {
            sent_bps: self.bps(old.0, after.sent_bytes),
            received_bps: self.bps(old.1, after.received_bytes),
        })
    }
}

impl Packets {
    /// Those since `before`.
    fn since(&self, before: &Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            lost: self.lost.saturating_sub(before.lost),
            received: self.received.saturating_sub(before.received),
            missing: self.missing.saturating_sub(before.missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Counters;
    use crate::view::CounterValues;

    fn session(uptime_ms: u64, sent_bytes: u64, links: Vec<LinkView>) -> SessionView {
        let counters = CounterValues::from(&Counters { sent_bytes, ..Counters::default() });
        let taken_at = 10_000 + uptime_ms;
        SessionView { pid: 1, since: 10_000, taken_at, uptime_ms, counters, links, ..SessionView::default() }
    }

    fn link(number: u64, since: u64, sent_bytes: u64) -> LinkView {
        LinkView { number, since, sent_bytes, ..LinkView::default() }
    }

    fn stream(id: u64, age_ms: u64, received_bytes: u64) -> StreamView {
        StreamView { id, age_ms, received_bytes, ..StreamView::default() }
    }

    #[test]
    fn bytes_become_bits_a_second() {
        let before = session(1_000, 500, vec![link(1, 0, 100)]);
        let after = session(3_000, 1_500, vec![link(1, 0, 350)]);
        let rates = rates(&before, &after);
        assert_eq!((rates.over_ms, rates.sent_bps, rates.links[&1].sent_bps), (2_000, 4_000, 1_000));
    }

    #[test]
    fn a_new_link_counts_from_its_beginning_and_one_that_was_not_shown_does_not() {
        let before = session(1_000, 0, vec![]);
        let after = session(2_000, 0, vec![link(1, 10_500, 100), link(2, 11_500, 100)]);
        let rates = rates(&before, &after);
        assert_eq!(rates.links.keys().collect::<Vec<_>>(), [&2]);
        assert_eq!(rates.links[&2].sent_bps, 800);
    }

    #[test]
    fn another_process_is_no_growth() {
        let before = session(1_000, 500, vec![]);
        let after = SessionView { pid: 2, ..session(2_000, 1_500, vec![]) };
        assert_eq!(rates(&before, &after), SessionRates::default());
        assert_eq!(rates(&before, &before), SessionRates::default(), "no time has passed");
    }

    #[test]
    fn streams_that_take_an_id_again_begin_anew() {
        let with = |uptime, streams| session(uptime, 0, vec![LinkView { streams, ..link(1, 0, 0) }]);
        let before = with(1_000, vec![stream(0, 900, 100), stream(2, 900, 100)]);
        let streams = vec![stream(0, 1_900, 200), stream(2, 500, 50), stream(4, 5_000, 50)];
        let rates = rates(&before, &with(2_000, streams));
        let received: Vec<_> =
            rates.links[&1].streams.iter().map(|(id, rates)| (*id, rates.received_bps)).collect();
        assert_eq!(received, [(0, 800), (2, 400)], "4 was there before, and not shown");
    }

    #[test]
    fn losses_are_those_of_the_time_between() {
        let with = |uptime, sent, lost| {
            let packets = Packets { sent, lost, received: 10, missing: 0 };
            let path = Some(PathView { packets, ..PathView::default() });
            session(uptime, 0, vec![LinkView { path, ..link(1, 0, 0) }])
        };
        let rates = rates(&with(1_000, 1_000, 500), &with(2_000, 1_200, 510));
        assert_eq!(rates.links[&1].loss, Loss { sending: Some(0.05), receiving: None });
    }
}
