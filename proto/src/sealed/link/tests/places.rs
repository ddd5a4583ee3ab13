//! Links that nobody uses any more, and places that run out.

use super::pair::Pair;
use super::path_and_peers::{end_unread, greet, say};
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::endpoint::LinkKey;
use crate::sealed::link::ending::DRAIN;
use crate::sealed::link::{Event, Link, Settings};
use crate::sealed::wire::frame::StreamId;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Opens a stream and ends it.
fn call(pair: &mut Pair) {
    let id = greet(pair);
    let key = *pair.server.links.keys().last().expect("the client's link");
    pair.client.link.streams().finish(pair.now, id);
    pair.server.links.get_mut(&key).expect("a link").streams().finish(pair.now, id);
    assert!(pair.run_until(SECOND * 5, |pair| pair.stream_count() == 0));
    // The streams of another link have the same names.
    pair.server.app.heard.clear();
}

#[test]
fn a_link_without_streams_is_given_back_after_a_minute_and_costs_nothing() {
    let mut pair = Pair::begin(21);
    call(&mut pair);
    assert!(
        pair.run_until(MINUTE + SECOND, |pair| pair.server.links.is_empty()),
        "{:?}",
        pair.server.app.events
    );
    let before = pair.arrived();
    pair.run_until(MINUTE * 600, |_| false);
    assert_eq!(pair.arrived(), before, "an idle client is silent");
    let now = pair.now;
    greet(&mut pair);
    assert!(pair.now - now <= Duration::from_millis(60), "one round trip more than usual");
    assert!(!pair.client.app.events.contains(&Event::Restarted));
}

/// A pair in which all bytes and both ends of a stream are acknowledged, but the stream's target does not read.
fn with_slow_target(places: usize) -> (Pair, LinkKey, StreamId) {
    let mut pair = Pair::with(30, places, Settings::default());
    let (key, id) = end_unread(&mut pair);
    assert!(pair.run_until(SECOND * 5, |pair| pair.client.link.transport.is_idle()), "all is acknowledged");
    (pair, key, id)
}

/// The target reads at last.
fn assert_delivered(pair: &mut Pair, key: LinkKey, id: StreamId) {
    assert!(pair.server.links.contains_key(&key));
    pair.server.app.heard.insert(id, Vec::new());
    pair.run_until(SECOND, |_| false);
    pair.run_until(SECOND, |_| false); // once more, as an owner looks for events after it has read
    assert!(pair.server.app.heard[&id] == [7; 30_000]);
    assert!(!pair.server.links.contains_key(&key), "it ends when all is delivered");
}

#[test]
fn what_a_slow_target_has_not_taken_yet_survives_the_rest_of_the_client() {
    let (mut pair, key, id) = with_slow_target(4);
    assert!(
        pair.run_until(MINUTE * 2, |pair| pair.client.link.state.is_dormant()),
        "the client goes dormant"
    );
    pair.knock(100, 1);
    pair.run_until(MINUTE * 9, |_| false);
    assert_delivered(&mut pair, key, id);
}

/// The packet that says that the client is dormant may be lost, and the next that is heard of it is another link.
#[test]
fn what_a_slow_target_has_not_taken_yet_survives_a_client_that_does_not_answer() {
    let (mut pair, key, id) = with_slow_target(4);
    pair.replace_client(6);
    let now = pair.now;
    pair.server.links.get_mut(&key).expect("a link").check_liveness(now);
    pair.run_until(MINUTE * 9, |_| false);
    assert_delivered(&mut pair, key, id);
}

#[test]
fn a_target_that_never_reads_keeps_the_link_of_a_resting_client_for_ten_minutes() {
    let (mut pair, key, _) = with_slow_target(4);
    assert!(
        pair.run_until(MINUTE * 2, |pair| pair.client.link.state.is_dormant()),
        "the client goes dormant"
    );
    pair.run_until(DRAIN - SECOND, |_| false);
    assert!(pair.server.links.contains_key(&key));
    assert!(pair.run_until(SECOND * 2, |pair| pair.server.links.is_empty()));
}

#[test]
fn a_target_that_never_reads_keeps_no_place_from_others_for_more_than_a_minute() {
    let (mut pair, _, _) = with_slow_target(1);
    assert!(
        pair.run_until(MINUTE * 2, |pair| pair.client.link.state.is_dormant()),
        "the client goes dormant"
    );
    knock_for(&mut pair, 50, 6);
    assert_eq!((pair.server.links.len(), pair.server.refused), (1, 50), "all were told");
    knock_for(&mut pair, 15, 6);
    assert!(
        pair.server.links.is_empty() || pair.server.endpoint.len() == 1 && pair.server.refused < 65,
        "{}",
        pair.server.refused
    );
}

/// The client is killed, or its last word is lost: either way proxy2 hears nothing.
#[test]
fn a_link_without_streams_ends_after_a_silent_day() {
    let mut pair = Pair::begin(22);
    call(&mut pair);
    pair.cut();
    pair.run_until(MINUTE * 24 * 60 - SECOND * 5, |_| false);
    assert_eq!(pair.server.links.len(), 1);
    assert!(pair.run_until(SECOND * 10, |pair| pair.server.links.is_empty()));
    assert!(pair.server.app.events.contains(&Event::Gone));
    pair.mend();
    greet(&mut pair);
    assert!(!pair.client.app.events.contains(&Event::Restarted), "a stream begun later is none of it");
}

#[test]
fn a_silent_link_with_streams_is_kept() {
    let mut pair = Pair::begin(23);
    let id = greet(&mut pair);
    pair.cut();
    pair.run_until(MINUTE * 600, |_| false);
    pair.mend();
    say(&mut pair, id, b" mundo");
    assert_eq!(pair.server.app.heard[&id], b"hola mundo");
}

#[test]
fn a_client_that_vanished_makes_room_for_the_next() {
    let mut pair = Pair::with(24, 1, Settings::default());
    greet(&mut pair);
    pair.replace_client(6);
    let id = pair.client.link.streams().open(b"").unwrap();
    pair.client.link.streams().write(pair.now, id, b"hola");
    pair.run_until(SECOND * 30, |_| false);
    assert_eq!(pair.server.app.dialled, 1, "its silence is not long enough yet");
    assert!(pair.run_until(SECOND * 40, |pair| pair.server.app.dialled == 2), "{:?}", pair.client.app.events);
    assert!(pair.server.app.events.contains(&Event::Gone));
    assert_eq!(pair.server.endpoint.len(), 1);
}

#[test]
fn a_restarted_client_finds_room_where_only_its_own_old_link_is_in_the_way() {
    let mut pair = Pair::with(25, 1, Settings::default());
    greet(&mut pair);
    pair.restart_client();
    pair.server.app.heard.clear();
    let now = pair.now;
    greet(&mut pair);
    assert!(pair.now - now <= SECOND * 4);
    assert_eq!(pair.server.endpoint.len(), 1);
}

/// Knocks every second for `seconds`.
fn knock_for(pair: &mut Pair, seconds: u64, instance: u64) {
    for round in 0..seconds {
        pair.knock(100 + round, instance);
        pair.run_until(SECOND, |_| false);
    }
}

#[test]
fn a_link_that_is_alive_keeps_its_place() {
    // Without a keepalive it is silent for as long as it has nothing to say, and has to be asked.
    for keepalive in [Duration::ZERO, SECOND * 20] {
        let mut pair = Pair::with(26, 1, Settings { keepalive, ..Settings::default() });
        let id = greet(&mut pair);
        knock_for(&mut pair, 200, 6);
        let all_but_asking = if keepalive.is_zero() { 190..200 } else { 200..201 };
        assert!(all_but_asking.contains(&pair.server.refused), "{} of 200 were told", pair.server.refused);
        say(&mut pair, id, b" mundo");
        assert!(!pair.server.app.events.contains(&Event::Gone));
    }
}

#[test]
fn a_client_that_does_not_come_back_is_let_go_with_its_streams() {
    for (abandon, after) in [(SECOND * 600, 599), (Duration::ZERO, 3_000)] {
        let mut pair = Pair::with(31, 8, Settings { abandon, ..Settings::default() });
        greet(&mut pair);
        pair.cut();
        assert!(!pair.run_until(SECOND * after, |pair| pair.server.app.events.contains(&Event::Gone)));
        let gone = pair.run_until(SECOND * 30, |pair| pair.server.app.events.contains(&Event::Gone));
        assert_eq!(gone, !abandon.is_zero(), "--abandon {abandon:?}");
    }
}

#[test]
fn a_live_rival_is_asked_and_stays() {
    let mut pair = Pair::begin(28);
    let id = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    let (before, heard) =
        (pair.network.ways[1].counts.arrived, pair.server.links.values().map(Link::heard_at).max());
    pair.knock(100, 1);
    pair.run_until(SECOND * 5, |_| false);
    assert!(pair.network.ways[1].counts.arrived > before, "it is asked");
    assert!(pair.server.links.values().map(Link::heard_at).max() > heard, "it answers");
    assert!(!pair.server.app.events.contains(&Event::Gone));
    say(&mut pair, id, b" mundo");
    assert_eq!(pair.server.app.heard[&id], b"hola mundo");
}

#[test]
fn the_last_places_are_for_tickets_without_a_link() {
    let mut pair = Pair::with(29, 8, Settings::default());
    let other = PrivateKey::from_bytes(&[9; 32]).public();
    pair.server.endpoint.allow(other, None);
    greet(&mut pair);
    for link in 100..110 {
        pair.knock(link, link);
    }
    pair.run_until(SECOND, |_| false);
    assert_eq!(pair.server.endpoint.len(), 7, "one place is left for the ticket that has no link");
    pair.server.endpoint.revoke(other);
    pair.knock(200, 200);
    pair.run_until(SECOND, |_| false);
    assert_eq!(pair.server.endpoint.len(), 8, "nobody needs it any more");
}

#[test]
fn who_was_given_up_for_another_learns_of_it_within_about_a_second() {
    let mut pair = Pair::begin(27);
    let id = greet(&mut pair);
    pair.run_until(SECOND * 3, |_| false);
    pair.give_up_link();
    let now = pair.now;
    pair.client.link.streams().write(now, id, b"?");
    assert!(pair.run_until(SECOND * 5, |pair| pair.client.app.events.contains(&Event::Restarted)));
    assert!(pair.now - now <= Duration::from_millis(1_200), "{:?}", pair.now - now);
    assert_eq!(pair.client.link.streams().stream_count(), 0);
}
