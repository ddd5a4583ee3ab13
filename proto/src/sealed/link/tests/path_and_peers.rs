//! What the link outlives, and what ends its streams.

use super::pair::{Nat, Pair};
use crate::sealed::crypto::cipher::REKEY_PACKETS;
use crate::sealed::endpoint::LinkKey;
use crate::sealed::link::Event;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Opens a stream and sends `hola`; the server has it within five seconds.
pub(super) fn greet(pair: &mut Pair) -> StreamId {
    let id = pair.client.streams().open(b"").unwrap();
    pair.heard_by_client.insert(id, Vec::new());
    say(pair, id, b"hola");
    id
}

/// Opens a stream, which the server then reads no more, and writes and ends both ways of it.
pub(super) fn end_unread(pair: &mut Pair) -> (LinkKey, StreamId) {
    let id = greet(pair);
    pair.heard_by_server.clear();
    let (now, key) = (pair.now, *pair.links.keys().next().expect("a link"));
    pair.client.streams().write(now, id, &[7; 30_000]);
    pair.client.streams().finish(now, id);
    pair.links.get_mut(&key).expect("a link").streams().finish(now, id);
    (key, id)
}

/// Sends `more` and returns how long it took until the server had it.
pub(super) fn say(pair: &mut Pair, id: StreamId, more: &[u8]) -> Duration {
    let (now, before) = (pair.now, pair.heard_by_server.get(&id).map_or(0, Vec::len));
    pair.client.streams().write(now, id, more);
    let heard = |pair: &Pair| pair.heard_by_server.get(&id).is_some_and(|b| b.len() == before + more.len());
    assert!(pair.run_until(SECOND * 5, heard), "{:?} {:?}", pair.client_events, pair.server_events);
    pair.now - now
}

#[test]
fn everything_moves_within_about_a_second_of_the_return_of_the_path() {
    for (seed, dead) in [(1, 1), (2, 10), (3, 600), (4, 36_000)] {
        let mut pair = Pair::new(seed);
        let id = greet(&mut pair);
        pair.run_until(SECOND * 5, |_| false);
        pair.alive = false;
        let now = pair.now;
        pair.client.streams().write(now, id, b" mundo");
        pair.run_until(SECOND * dead, |_| false);
        let asked = pair.client_events.iter().filter(|event| matches!(event, Event::Unreachable)).count();
        assert!(asked <= 1, "told {asked} times");
        pair.alive = true;
        let back = pair.now;
        assert!(pair.run_until(SECOND * 5, |pair| pair.heard_by_server[&id] == b"hola mundo"));
        assert!(pair.now - back <= Duration::from_millis(1_300), "{dead} s: {:?}", pair.now - back);
        // Whoever was told that the peer is silent is told that it is not.
        pair.run_until(SECOND, |_| false);
        let heard = pair.client_events.iter().filter(|event| matches!(event, Event::Heard)).count();
        assert_eq!(heard, asked, "{dead} s: {:?}", pair.client_events);
    }
}

#[test]
fn a_restarted_server_is_recognised_and_new_streams_work() {
    let mut pair = Pair::new(5);
    let old = greet(&mut pair);
    pair.restart_server();
    let now = pair.now;
    pair.client.streams().write(now, old, b"?");
    assert!(pair.run_until(SECOND * 5, |pair| pair.client_events.contains(&Event::Restarted)));
    assert_eq!(pair.client.streams().stream_count(), 0);
    greet(&mut pair);
}

#[test]
fn the_link_of_a_restarted_client_is_challenged_and_goes() {
    let mut pair = Pair::new(6);
    greet(&mut pair);
    pair.restart_client();
    pair.heard_by_server.clear();
    greet(&mut pair);
    assert!(pair.run_until(SECOND * 3, |pair| pair.server_events.contains(&Event::Gone)));
    assert_eq!(pair.links.len(), 1);
}

#[test]
fn keys_change_every_two_minutes_beneath_a_running_stream() {
    let mut pair = Pair::new(7);
    let id = greet(&mut pair);
    for _ in 0..600 {
        pair.run_until(SECOND, |_| false);
        assert!(say(&mut pair, id, b"tick") < Duration::from_millis(100));
    }
    let keys = pair.client_events.iter().filter(|event| matches!(event, Event::Up { .. })).count();
    assert!((5..=7).contains(&keys), "{keys} handshakes in ten minutes");
    assert_eq!(pair.client.poll_retired(), None, "a client has no table of indices");
    assert!(!pair.client_events.contains(&Event::Restarted));
}

#[test]
fn keys_change_after_two_to_the_power_of_32_packets() {
    let mut pair = Pair::new(15);
    let id = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    let keys =
        |pair: &Pair| pair.client_events.iter().filter(|event| matches!(event, Event::Up { .. })).count();
    pair.client.streams().skip_packets(REKEY_PACKETS - 20);
    say(&mut pair, id, b"tick");
    pair.run_until(SECOND, |_| false);
    assert_eq!(keys(&pair), 1, "not yet");
    for _ in 0..30 {
        say(&mut pair, id, b"tick");
    }
    assert_eq!(keys(&pair), 2);
    pair.run_until(SECOND, |_| false);
    pair.client.streams().skip_packets(2 * REKEY_PACKETS + 100);
    say(&mut pair, id, b"tick");
    pair.run_until(SECOND, |_| false);
    assert_eq!(keys(&pair), 3, "again");
    assert!(!pair.client_events.contains(&Event::Restarted));
}

#[test]
fn an_address_that_changes_every_second_loses_nothing() {
    let mut pair = Pair::new(8);
    let id = greet(&mut pair);
    for round in 0..60u8 {
        let mut address = pair.client_address;
        if round % 2 == 0 {
            address.set_port(6_000 + u16::from(round));
        } else {
            address.set_ip([192, 0, 2, 10 + round].into());
        }
        pair.client_address = address;
        say(&mut pair, id, b"here");
        pair.run_until(SECOND, |_| false);
    }
    let moves = pair.server_events.iter().filter(|event| matches!(event, Event::Moved(_))).count();
    assert_eq!(moves, 60);
}

#[test]
fn a_client_that_only_listens_is_found_at_its_new_address() {
    let mut pair = Pair::new(9);
    let id = greet(&mut pair);
    let key = *pair.links.keys().next().unwrap();
    pair.run_until(SECOND * 3, |_| false);
    pair.client_address.set_port(7_000);
    let now = pair.now;
    let server = pair.links.get_mut(&key).unwrap().streams();
    server.write(now, id, &[5; 10_000]);
    // The server's packets go to the old address until the client shows the new one with its keepalive.
    assert!(pair.run_until(SECOND * 25, |pair| pair.heard_by_client[&id].len() == 10_000));
}

#[test]
fn an_idle_link_sends_the_keepalive_and_nothing_else() {
    let mut pair = Pair::new(10);
    greet(&mut pair);
    pair.run_until(SECOND * 150, |_| false);
    let before = pair.arrived;
    pair.run_until(SECOND * 600, |_| false);
    let sent = pair.arrived[1] - before[1];
    // One packet each 20 s, and the handshakes that its keys need.
    assert!(sent <= 30 + 2 * 6, "{sent} datagrams in ten minutes");
}

#[test]
fn a_lost_first_answer_of_a_server_that_forgot_the_link_does_not_mix_two_lives() {
    let mut pair = Pair::new(11);
    let old = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    // The server forgets the link without being started anew.
    pair.give_up_link();
    pair.lose_to_client = 1;
    let now = pair.now;
    pair.client.streams().write(now, old, b"?");
    let told = pair.run_until(SECOND * 8, |pair| pair.client_events.contains(&Event::Restarted));
    assert!(told, "{:?} {:?}", pair.client_events, pair.server_events);
    pair.heard_by_server.clear();
    greet(&mut pair);
    assert!(!pair.server_events.iter().any(|event| matches!(event, Event::Broken(_))));
}

/// The server took the bytes and could not say so; then it gave the link up. If the client sent them again on the next
/// link, the target would have them twice.
#[test]
fn what_a_link_took_that_was_given_up_is_not_sent_again() {
    let mut pair = Pair::new(12);
    pair.deaf = true;
    greet(&mut pair);
    pair.give_up_link();
    let told = pair.run_until(SECOND * 5, |pair| pair.client_events.contains(&Event::Restarted));
    assert!(told, "{:?}", pair.client_events);
    pair.run_until(SECOND * 5, |_| false);
    assert_eq!(pair.dialled, 1, "{:?}", pair.server_events);
}

#[test]
fn a_path_that_dies_right_behind_the_first_answer_costs_no_stream() {
    let mut pair = Pair::new(13);
    let id = pair.client.streams().open(b"").unwrap();
    pair.client.streams().write(pair.now, id, b"hola");
    assert!(pair.run_until(SECOND, |pair| pair.client.is_up()));
    pair.alive = false;
    pair.run_until(SECOND * 30, |_| false);
    pair.alive = true;
    assert!(pair.run_until(SECOND * 2, |pair| pair.heard_by_server.get(&id).is_some_and(|b| b == b"hola")));
    assert!(!pair.client_events.contains(&Event::Restarted));
}

#[test]
fn a_ticket_that_is_used_a_moment_before_it_is_good_works_a_moment_later() {
    let mut pair = Pair::new(14);
    let client = pair.client_key();
    pair.endpoint.revoke(client);
    pair.run_until(Duration::from_millis(400), |_| false);
    pair.endpoint.allow(client, None);
    let now = pair.now;
    greet(&mut pair);
    assert!(pair.now - now <= Duration::from_millis(500), "{:?}", pair.now - now);
}

/// What the programs do with a link that shows no sign of life within seconds of its handshake.
#[test]
fn a_link_that_was_dropped_before_its_first_packet_costs_no_stream() {
    let mut pair = Pair::new(16);
    let id = pair.client.streams().open(b"").unwrap();
    pair.client.streams().write(pair.now, id, b"hola");
    assert!(pair.run_until(SECOND, |pair| pair.client.is_up()));
    pair.alive = false;
    pair.run_until(SECOND * 30, |_| false);
    pair.give_up_link();
    pair.alive = true;
    assert!(pair.run_until(SECOND * 2, |pair| pair.heard_by_server.get(&id).is_some_and(|b| b == b"hola")));
    assert!(!pair.client_events.contains(&Event::Restarted));
}

#[test]
fn another_ticket_counts_from_the_next_start_on() {
    let mut pair = Pair::new(17);
    let (new, old) = (pair.add_ticket(0), pair.client_key());
    let id = greet(&mut pair);
    assert!(!pair.client.set_ticket(new));
    // Over several handshakes.
    for _ in 0..10 {
        pair.run_until(SECOND * 60, |_| false);
        say(&mut pair, id, b"still the same link");
    }
    assert!(!pair.client_events.contains(&Event::Restarted));
    let now = pair.now;
    pair.client.streams().finish(now, id);
    for link in pair.links.values_mut() {
        link.streams().finish(now, id);
    }
    // The client goes dormant, and its link is another one when it wakes up.
    pair.run_until(SECOND * 90, |_| false);
    pair.endpoint.revoke(old);
    greet(&mut pair);
    assert!(!pair.client_events.iter().any(|event| matches!(event, Event::Refused(_) | Event::Restarted)));
}

#[test]
fn another_ticket_counts_at_once_where_the_first_is_refused() {
    let mut pair = Pair::new(18);
    let new = pair.add_ticket(0);
    let old = pair.client_key();
    pair.endpoint.revoke(old);
    assert!(!pair.run_until(SECOND * 3, |pair| pair.client.is_up()));
    let id = pair.client.streams().open(b"").unwrap();
    pair.client.streams().write(pair.now, id, b"hola");
    assert!(pair.client.set_ticket(new));
    assert!(pair.run_until(SECOND, |pair| pair.heard_by_server.get(&id).is_some_and(|b| b == b"hola")));
}

#[test]
fn a_client_that_expects_streams_stays_up_and_shows_itself() {
    let mut pair = Pair::new(19);
    pair.client.expect_streams(true);
    pair.nat = Some(Nat { forgets: SECOND * 30, refreshed: pair.now });
    assert!(pair.run_until(SECOND, |pair| !pair.links.is_empty() && pair.client.is_up()));
    for _ in 0..20 {
        pair.run_until(SECOND * 157, |_| false);
        let (now, link) = (pair.now, pair.links.values_mut().next().expect("a link"));
        let id = link.streams().open(b"").unwrap();
        link.streams().write(now, id, b"hola");
        pair.heard_by_client.insert(id, Vec::new());
        assert!(pair.run_until(SECOND / 10, |pair| pair.heard_by_client[&id] == b"hola"));
        pair.client.streams().reset(pair.now, id, ResetCode::Reset);
    }
    assert_eq!(pair.links.len(), 1);
    // A client that expects none any more closes the link.
    pair.client.expect_streams(false);
    pair.run_until(SECOND * 90, |_| false);
    assert!(pair.client.dormant, "{:?}", pair.client_events);
}

#[test]
fn another_ticket_counts_at_once_where_the_link_is_dormant() {
    let mut pair = Pair::new(20);
    let mut old = pair.client_key();
    pair.run_until(SECOND * 90, |_| false);
    assert!(pair.client.dormant);
    for number in 0..2 {
        let new = pair.add_ticket(number);
        pair.endpoint.revoke(old);
        old = new.client();
        assert!(pair.client.set_ticket(new));
        let id = greet(&mut pair);
        pair.client.streams().reset(pair.now, id, ResetCode::Reset);
        for link in pair.links.values_mut() {
            link.streams().reset(pair.now, id, ResetCode::Reset);
        }
        pair.run_until(SECOND * 90, |_| false);
    }
    assert!(!pair.client_events.iter().any(|event| matches!(event, Event::Refused(_))));
}

/// As by SIGSTOP, or a container that is paused: its packets were in flight for as long as it stood still, and that says nothing
/// of the path.
#[test]
fn a_client_that_was_stopped_goes_on_at_once() {
    for (seed, loss) in [(21, 0.0), (22, 0.02), (23, 0.0), (24, 0.02)] {
        let mut pair = Pair::new(seed);
        for wire in &mut pair.wires {
            (wire.faults.rate, wire.faults.delay, wire.faults.loss) = (4_000_000, SECOND / 50, loss);
        }
        let id = greet(&mut pair);
        pair.client.streams().write(pair.now, id, &vec![7; 20_000_000]);
        pair.run_until(SECOND * 2, |_| false);
        pair.stopped = true;
        pair.run_until(SECOND * 150, |_| false);
        pair.stopped = false;
        let before = pair.heard_by_server[&id].len();
        let mut rounds = 0;
        while pair.heard_by_server[&id].len() < before + 4_000_000 {
            pair.run_until(SECOND / 10, |_| false);
            rounds += 1;
            assert!(rounds < 30, "seed {seed}: {} in 3 s", pair.heard_by_server[&id].len() - before);
        }
    }
}
