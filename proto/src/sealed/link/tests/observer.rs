//! Somebody copies packets and has a faster way than they have (RFC 9000 section 9.3.3).

use super::pair::Pair;
use super::path_and_peers::{greet, say};
use crate::sealed::link::Event;
use crate::sealed::wire::frame::StreamId;
use crate::sim::Observer;
use crate::time::Time;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// 50 Mbit/s and 40 ms, with somebody who copies a packet so often.
fn watched(every: Option<Duration>) -> (Pair, StreamId) {
    let mut pair = Pair::begin(40);
    for way in &mut pair.network.ways {
        (way.path.delay, way.path.rate) = (MS * 20, 50_000_000 / 8);
    }
    let id = greet(&mut pair);
    pair.network.observer = every.map(|every| Observer { every, delay: MS * 15, next: Time::ZERO });
    (pair, id)
}

/// Bytes that arrive within `time`, from the client or from the server.
fn carried(pair: &mut Pair, id: StreamId, upload: bool, time: Duration) -> usize {
    let heard = |pair: &Pair| {
        if upload { pair.server.app.heard[&id].len() } else { pair.client.app.heard[&id].len() }
    };
    let (before, end) = (heard(pair), pair.now + time);
    while pair.now < end {
        let now = pair.now;
        let server = pair.server.links.values_mut().next().expect("a link");
        let transport = if upload { pair.client.link.streams() } else { server.streams() };
        let room = transport.poll_room(now, id);
        transport.write(now, id, &vec![7; room]);
        pair.run_until(MS, |_| false);
    }
    heard(pair) - before
}

#[test]
#[expect(clippy::print_stdout, reason = "a test's measurements, shown with --nocapture")]
fn copies_that_overtake_their_packets_cost_at_most_a_tenth_of_the_rate() {
    for upload in [true, false] {
        let alone = {
            let (mut pair, id) = watched(None);
            carried(&mut pair, id, upload, SECOND * 3)
        };
        for every in [Duration::ZERO, MS * 100, SECOND] {
            let (mut pair, id) = watched(Some(every));
            let raced = carried(&mut pair, id, upload, SECOND * 3);
            let got = pair.network.to_stranger;
            println!(
                "upload {upload}, each {every:?}: {raced} of {alone} bytes, {got} datagrams to the observer"
            );
            assert!(raced * 10 >= alone * 9, "upload {upload}, each {every:?}: {raced} of {alone} bytes");
            assert!(got <= 100 * 4, "{got} challenges");
            assert!(!pair.server.app.events.iter().any(|event| matches!(event, Event::Moved(_))));
        }
    }
}

#[test]
fn a_client_that_moves_is_followed_while_somebody_copies_some_of_its_packets() {
    let (mut pair, id) = watched(Some(MS * 5));
    carried(&mut pair, id, true, SECOND);
    pair.network.client = "198.51.100.1:9".parse().unwrap();
    let moved = Event::Moved(pair.network.client);
    assert!(pair.run_until(SECOND, |pair| pair.server.app.events.contains(&moved)), "not followed");
}

/// A mapping of a NAT that changes its port, with a transfer under way.
#[test]
fn a_port_that_changes_all_the_time_costs_little() {
    for (period, upload, least) in
        [(MS * 200, true, 4), (MS * 1_000, true, 6), (MS * 200, false, 3), (MS * 1_000, false, 6)]
    {
        let (mut pair, id) = watched(None);
        let alone = carried(&mut pair, id, upload, SECOND * 2);
        let (mut sum, mut port) = (0, 6_000);
        for _ in 0..(2_000 / period.as_millis()) {
            port += 1;
            pair.network.client.set_port(port);
            sum += carried(&mut pair, id, upload, period);
        }
        assert!(
            sum * 10 >= alone * least,
            "port anew each {period:?}, upload {upload}: {sum} of {alone} bytes"
        );
    }
}

#[test]
fn a_path_that_the_client_returns_to_is_known() {
    let (mut pair, id) = watched(None);
    let old = pair.network.client;
    carried(&mut pair, id, false, SECOND * 2);
    let known = |pair: &mut Pair| {
        let link = pair.server.links.values_mut().next().expect("a link");
        link.streams().path_model().0
    };
    let before = known(&mut pair);
    for (address, same) in [("198.51.100.1:9".parse().unwrap(), false), (old, true)] {
        pair.network.client = address;
        say(&mut pair, id, b"here");
        let moved = Event::Moved(address);
        assert!(pair.run_until(SECOND, |pair| pair.server.app.events.last() == Some(&moved)));
        let rate = known(&mut pair);
        assert_eq!(rate * 10 > before * 8, same, "{rate} of {before} bytes a second");
    }
}
