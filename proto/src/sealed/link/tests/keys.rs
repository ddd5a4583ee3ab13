//! Keys grow old, and then they are not used any more.

use super::pair::{Pair, is_data};
use super::path_and_peers::{greet, say};
use crate::sealed::link::Event;
use crate::sealed::link::sessions::{REJECT_AFTER, REJECT_PACKETS};
use crate::time::Time;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_link_whose_handshakes_are_lost_stands_still_and_goes_on_when_they_come() {
    for seed in 0..5 {
        let mut pair = Pair::begin(seed);
        let id = greet(&mut pair);
        let (start, ends) = (pair.now, pair.now + SECOND * 400);
        pair.filter(Some(is_data));
        let mut last = pair.now;
        while pair.now < ends {
            let now = pair.now;
            pair.client.link.streams().write(now, id, b"tick");
            let server = pair.server.links.values_mut().next().expect("a link");
            server.streams().write(now, id, b"tack");
            pair.run_until(SECOND, |_| false);
            last = pair.network.ways.iter().map(|way| way.last_sent).fold(last, Time::max);
        }
        let age = last - start;
        assert!(age <= REJECT_AFTER && age > REJECT_AFTER - SECOND * 2, "seed {seed}: a packet at {age:?}");
        assert!(
            !pair.client.link.is_up() && pair.server.links.values().all(|link| !link.is_up()),
            "no keys are left"
        );
        pair.filter(None);
        let back = pair.now;
        let all = |pair: &Pair| {
            pair.server.app.heard[&id].len() == 4 + 4 * 400 && pair.client.app.heard[&id].len() == 4 * 400
        };
        assert!(pair.run_until(SECOND * 3, all), "seed {seed}: {:?}", pair.client.app.events);
        assert!(pair.now - back <= Duration::from_millis(1_300), "seed {seed}: after {:?}", pair.now - back);
        let bad = |event: &Event| matches!(event, Event::Restarted | Event::Gone | Event::Broken(_));
        assert!(!pair.client.app.events.iter().chain(&pair.server.app.events).any(bad));
    }
}

#[test]
fn the_keys_of_a_silent_client_are_wiped_and_its_streams_stay() {
    let mut pair = Pair::begin(6);
    let id = greet(&mut pair);
    pair.cut();
    assert!(
        pair.run_until(REJECT_AFTER + SECOND, |pair| pair.server.links.values().all(|link| !link.is_up()))
    );
    assert_eq!(pair.server.retired, 1, "its index means nothing any more");
    pair.run_until(SECOND * 600, |_| false);
    pair.mend();
    say(&mut pair, id, b" mundo");
    assert_eq!(pair.server.app.heard[&id], b"hola mundo");
}

#[test]
fn keys_that_have_sealed_what_they_may_are_not_used_any_more() {
    let mut pair = Pair::begin(7);
    let id = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    pair.filter(Some(is_data));
    pair.client.link.streams().skip_packets(REJECT_PACKETS - 2);
    let (now, before) = (pair.now, pair.server.app.heard[&id].len());
    for _ in 0..10 {
        pair.client.link.streams().write(now, id, b"tick");
        pair.run_until(Duration::from_millis(30), |_| false);
    }
    assert!(pair.server.app.heard[&id].len() <= before + 8 && !pair.client.link.is_up());
    pair.filter(None);
    assert!(pair.run_until(SECOND * 2, |pair| pair.server.app.heard[&id].len() == before + 40));
}
