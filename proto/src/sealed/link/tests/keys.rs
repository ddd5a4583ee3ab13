//! Keys grow old, and then they are not used any more.

use super::pair::Pair;
use super::path_and_peers::{greet, say};
use crate::sealed::link::Event;
use crate::sealed::link::sessions::{REJECT_AFTER, REJECT_PACKETS};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_link_whose_handshakes_are_lost_stands_still_and_goes_on_when_they_come() {
    for seed in 0..5 {
        let mut pair = Pair::new(seed);
        let id = greet(&mut pair);
        let (start, ends) = (pair.now, pair.now + SECOND * 400);
        pair.no_handshakes = true;
        let mut last = pair.now;
        while pair.now < ends {
            let now = pair.now;
            pair.client.streams().write(now, id, b"tick");
            let server = pair.links.values_mut().next().expect("a link");
            server.streams().write(now, id, b"tack");
            pair.run_until(SECOND, |_| false);
            last = last.max(pair.sent_data_at);
        }
        let age = last - start;
        assert!(age <= REJECT_AFTER && age > REJECT_AFTER - SECOND * 2, "seed {seed}: a packet at {age:?}");
        assert!(!pair.client.is_up() && pair.links.values().all(|link| !link.is_up()), "no keys are left");
        pair.no_handshakes = false;
        let back = pair.now;
        let all = |pair: &Pair| {
            pair.heard_by_server[&id].len() == 4 + 4 * 400 && pair.heard_by_client[&id].len() == 4 * 400
        };
        assert!(pair.run_until(SECOND * 3, all), "seed {seed}: {:?}", pair.client_events);
        assert!(pair.now - back <= Duration::from_millis(1_300), "seed {seed}: after {:?}", pair.now - back);
        let bad = |event: &Event| matches!(event, Event::Restarted | Event::Gone | Event::Broken(_));
        assert!(!pair.client_events.iter().chain(&pair.server_events).any(bad));
    }
}

#[test]
fn the_keys_of_a_silent_client_are_wiped_and_its_streams_stay() {
    let mut pair = Pair::new(6);
    let id = greet(&mut pair);
    pair.alive = false;
    assert!(pair.run_until(REJECT_AFTER + SECOND, |pair| pair.links.values().all(|link| !link.is_up())));
    let server = pair.links.values_mut().next().expect("a link");
    assert!(server.poll_retired().is_some(), "its index means nothing any more");
    pair.run_until(SECOND * 600, |_| false);
    pair.alive = true;
    say(&mut pair, id, b" mundo");
    assert_eq!(pair.heard_by_server[&id], b"hola mundo");
}

#[test]
fn keys_that_have_sealed_what_they_may_are_not_used_any_more() {
    let mut pair = Pair::new(7);
    let id = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    pair.no_handshakes = true;
    pair.client.streams().skip_packets(REJECT_PACKETS - 2);
    let (now, before) = (pair.now, pair.heard_by_server[&id].len());
    for _ in 0..10 {
        pair.client.streams().write(now, id, b"tick");
        pair.run_until(Duration::from_millis(30), |_| false);
    }
    assert!(pair.heard_by_server[&id].len() <= before + 8 && !pair.client.is_up());
    pair.no_handshakes = false;
    assert!(pair.run_until(SECOND * 2, |pair| pair.heard_by_server[&id].len() == before + 40));
}
