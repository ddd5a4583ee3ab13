//! What the link outlives, and what ends its streams.

use super::pair::{Pair, is_handshake};
use crate::sealed::crypto::cipher::REKEY_PACKETS;
use crate::sealed::endpoint::LinkKey;
use crate::sealed::link::Event;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::sim::Nat;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Opens a stream and sends `hola`; the server has it within five seconds.
pub(super) fn greet(pair: &mut Pair) -> StreamId {
    let id = pair.client.link.streams().open(b"").unwrap();
    pair.client.app.heard.insert(id, Vec::new());
    say(pair, id, b"hola");
    id
}

/// Opens a stream, which the server then reads no more, and writes and ends both ways of it.
pub(super) fn end_unread(pair: &mut Pair) -> (LinkKey, StreamId) {
    let id = greet(pair);
    pair.server.app.heard.clear();
    let (now, key) = (pair.now, *pair.server.links.keys().next().expect("a link"));
    pair.client.link.streams().write(now, id, &[7; 30_000]);
    pair.client.link.streams().finish(now, id);
    pair.server.links.get_mut(&key).expect("a link").streams().finish(now, id);
    (key, id)
}

/// Sends `more` and returns how long it took until the server had it.
pub(super) fn say(pair: &mut Pair, id: StreamId, more: &[u8]) -> Duration {
    let (now, before) = (pair.now, pair.server.app.heard.get(&id).map_or(0, Vec::len));
    pair.client.link.streams().write(now, id, more);
    let heard = |pair: &Pair| pair.server.app.heard.get(&id).is_some_and(|b| b.len() == before + more.len());
    assert!(pair.run_until(SECOND * 5, heard), "{:?} {:?}", pair.client.app.events, pair.server.app.events);
    pair.now - now
}

#[test]
fn everything_moves_within_about_a_second_of_the_return_of_the_path() {
    for (seed, dead) in [(1, 1), (2, 10), (3, 600), (4, 36_000)] {
        let mut pair = Pair::begin(seed);
        let id = greet(&mut pair);
        pair.run_until(SECOND * 5, |_| false);
        pair.cut();
        let now = pair.now;
        pair.client.link.streams().write(now, id, b" mundo");
        pair.run_until(SECOND * dead, |_| false);
        let asked = pair.client.app.events.iter().filter(|event| matches!(event, Event::Unreachable)).count();
        assert!(asked <= 1, "told {asked} times");
        pair.mend();
        let back = pair.now;
        assert!(pair.run_until(SECOND * 5, |pair| pair.server.app.heard[&id] == b"hola mundo"));
        assert!(pair.now - back <= Duration::from_millis(1_300), "{dead} s: {:?}", pair.now - back);
        // Whoever was told that the peer is silent is told that it is not.
        pair.run_until(SECOND, |_| false);
        let heard = pair.client.app.events.iter().filter(|event| matches!(event, Event::Heard)).count();
        assert_eq!(heard, asked, "{dead} s: {:?}", pair.client.app.events);
    }
}

#[test]
fn a_restarted_server_is_recognised_and_new_streams_work() {
    let mut pair = Pair::begin(5);
    let old = greet(&mut pair);
    pair.restart_server();
    let now = pair.now;
    pair.client.link.streams().write(now, old, b"?");
    assert!(pair.run_until(SECOND * 5, |pair| pair.client.app.events.contains(&Event::Restarted)));
    assert_eq!(pair.client.link.streams().stream_count(), 0);
    greet(&mut pair);
}

#[test]
fn the_link_of_a_restarted_client_is_challenged_and_goes() {
    let mut pair = Pair::begin(6);
    greet(&mut pair);
    pair.restart_client();
    pair.server.app.heard.clear();
    greet(&mut pair);
    assert!(pair.run_until(SECOND * 3, |pair| pair.server.app.events.contains(&Event::Gone)));
    assert_eq!(pair.server.links.len(), 1);
}

#[test]
fn keys_change_every_two_minutes_beneath_a_running_stream() {
    let mut pair = Pair::begin(7);
    let id = greet(&mut pair);
    for _ in 0..600 {
        pair.run_until(SECOND, |_| false);
        assert!(say(&mut pair, id, b"tick") < Duration::from_millis(100));
    }
    let keys = pair.client.app.events.iter().filter(|event| matches!(event, Event::Up { .. })).count();
    assert!((5..=7).contains(&keys), "{keys} handshakes in ten minutes");
    assert_eq!(pair.client.link.poll_retired(), None, "a client has no table of indices");
    assert!(!pair.client.app.events.contains(&Event::Restarted));
}

#[test]
fn keys_change_after_two_to_the_power_of_32_packets() {
    let mut pair = Pair::begin(15);
    let id = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    let keys =
        |pair: &Pair| pair.client.app.events.iter().filter(|event| matches!(event, Event::Up { .. })).count();
    pair.client.link.streams().skip_packets(REKEY_PACKETS - 20);
    say(&mut pair, id, b"tick");
    pair.run_until(SECOND, |_| false);
    assert_eq!(keys(&pair), 1, "not yet");
    for _ in 0..30 {
        say(&mut pair, id, b"tick");
    }
    assert_eq!(keys(&pair), 2);
    pair.run_until(SECOND, |_| false);
    pair.client.link.streams().skip_packets(2 * REKEY_PACKETS + 100);
    say(&mut pair, id, b"tick");
    pair.run_until(SECOND, |_| false);
    assert_eq!(keys(&pair), 3, "again");
    assert!(!pair.client.app.events.contains(&Event::Restarted));
}

#[test]
fn an_address_that_changes_every_second_loses_nothing() {
    let mut pair = Pair::begin(8);
    let id = greet(&mut pair);
    for round in 0..60u8 {
        let mut address = pair.network.client;
        if round % 2 == 0 {
            address.set_port(6_000 + u16::from(round));
        } else {
            address.set_ip([192, 0, 2, 10 + round].into());
        }
        pair.network.client = address;
        say(&mut pair, id, b"here");
        pair.run_until(SECOND, |_| false);
    }
    let moves = pair.server.app.events.iter().filter(|event| matches!(event, Event::Moved(_))).count();
    assert_eq!(moves, 60);
}

#[test]
fn a_client_that_only_listens_is_found_at_its_new_address() {
    let mut pair = Pair::begin(9);
    let id = greet(&mut pair);
    let key = *pair.server.links.keys().next().unwrap();
    pair.run_until(SECOND * 3, |_| false);
    pair.network.client.set_port(7_000);
    let now = pair.now;
    let server = pair.server.links.get_mut(&key).unwrap().streams();
    server.write(now, id, &[5; 10_000]);
    // The server's packets go to the old address until the client shows the new one with its keepalive.
    assert!(pair.run_until(SECOND * 25, |pair| pair.client.app.heard[&id].len() == 10_000));
}

#[test]
fn an_idle_link_sends_the_keepalive_and_nothing_else() {
    let mut pair = Pair::begin(10);
    greet(&mut pair);
    pair.run_until(SECOND * 150, |_| false);
    let before = pair.arrived();
    pair.run_until(SECOND * 600, |_| false);
    let sent = pair.network.ways[0].counts.arrived - before[1];
    // One packet each 20 s, and the handshakes that its keys need.
    assert!(sent <= 30 + 2 * 6, "{sent} datagrams in ten minutes");
}

#[test]
fn a_lost_first_answer_of_a_server_that_forgot_the_link_does_not_mix_two_lives() {
    let mut pair = Pair::begin(11);
    let old = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    // The server forgets the link without being started anew.
    pair.give_up_link();
    pair.network.ways[1].lose_next = 1;
    let now = pair.now;
    pair.client.link.streams().write(now, old, b"?");
    let told = pair.run_until(SECOND * 8, |pair| pair.client.app.events.contains(&Event::Restarted));
    assert!(told, "{:?} {:?}", pair.client.app.events, pair.server.app.events);
    pair.server.app.heard.clear();
    greet(&mut pair);
    assert!(!pair.server.app.events.iter().any(|event| matches!(event, Event::Broken(_))));
}

/// The server took the bytes and could not say so; then it gave the link up. If the client sent them again on the next
/// link, the target would have them twice.
#[test]
fn what_a_link_took_that_was_given_up_is_not_sent_again() {
    let mut pair = Pair::begin(12);
    pair.network.ways[1].filter = Some(is_handshake);
    greet(&mut pair);
    pair.give_up_link();
    let told = pair.run_until(SECOND * 5, |pair| pair.client.app.events.contains(&Event::Restarted));
    assert!(told, "{:?}", pair.client.app.events);
    pair.run_until(SECOND * 5, |_| false);
    assert_eq!(pair.server.app.dialled, 1, "{:?}", pair.server.app.events);
}

#[test]
fn a_path_that_dies_right_behind_the_first_answer_costs_no_stream() {
    let mut pair = Pair::begin(13);
    let id = pair.client.link.streams().open(b"").unwrap();
    pair.client.link.streams().write(pair.now, id, b"hola");
    assert!(pair.run_until(SECOND, |pair| pair.client.link.is_up()));
    pair.cut();
    pair.run_until(SECOND * 30, |_| false);
    pair.mend();
    assert!(pair.run_until(SECOND * 2, |pair| pair.server.app.heard.get(&id).is_some_and(|b| b == b"hola")));
    assert!(!pair.client.app.events.contains(&Event::Restarted));
}

#[test]
fn a_ticket_that_is_used_a_moment_before_it_is_good_works_a_moment_later() {
    let mut pair = Pair::begin(14);
    let client = pair.client_key();
    pair.server.endpoint.revoke(client);
    pair.run_until(Duration::from_millis(400), |_| false);
    pair.server.endpoint.allow(client, None);
    let now = pair.now;
    greet(&mut pair);
    assert!(pair.now - now <= Duration::from_millis(500), "{:?}", pair.now - now);
}

/// What the programs do with a link that shows no sign of life within seconds of its handshake.
#[test]
fn a_link_that_was_dropped_before_its_first_packet_costs_no_stream() {
    let mut pair = Pair::begin(16);
    let id = pair.client.link.streams().open(b"").unwrap();
    pair.client.link.streams().write(pair.now, id, b"hola");
    assert!(pair.run_until(SECOND, |pair| pair.client.link.is_up()));
    pair.cut();
    pair.run_until(SECOND * 30, |_| false);
    pair.give_up_link();
    pair.mend();
    assert!(pair.run_until(SECOND * 2, |pair| pair.server.app.heard.get(&id).is_some_and(|b| b == b"hola")));
    assert!(!pair.client.app.events.contains(&Event::Restarted));
}

#[test]
fn another_ticket_counts_from_the_next_start_on() {
    let mut pair = Pair::begin(17);
    let (new, old) = (pair.add_ticket(0), pair.client_key());
    let id = greet(&mut pair);
    assert!(!pair.client.link.set_ticket(new));
    // Over several handshakes.
    for _ in 0..10 {
        pair.run_until(SECOND * 60, |_| false);
        say(&mut pair, id, b"still the same link");
    }
    assert!(!pair.client.app.events.contains(&Event::Restarted));
    let now = pair.now;
    pair.client.link.streams().finish(now, id);
    for link in pair.server.links.values_mut() {
        link.streams().finish(now, id);
    }
    // The client goes dormant, and its link is another one when it wakes up.
    pair.run_until(SECOND * 90, |_| false);
    pair.server.endpoint.revoke(old);
    greet(&mut pair);
    assert!(
        !pair.client.app.events.iter().any(|event| matches!(event, Event::Refused(_) | Event::Restarted))
    );
}

#[test]
fn another_ticket_counts_at_once_where_the_first_is_refused() {
    let mut pair = Pair::begin(18);
    let new = pair.add_ticket(0);
    let old = pair.client_key();
    pair.server.endpoint.revoke(old);
    assert!(!pair.run_until(SECOND * 3, |pair| pair.client.link.is_up()));
    let id = pair.client.link.streams().open(b"").unwrap();
    pair.client.link.streams().write(pair.now, id, b"hola");
    assert!(pair.client.link.set_ticket(new));
    assert!(pair.run_until(SECOND, |pair| pair.server.app.heard.get(&id).is_some_and(|b| b == b"hola")));
}

/// Of six initiations that are on their way when the first refusal comes each is refused.
#[test]
fn a_refusal_counts_once_however_far_the_server_is() {
    let mut pair = Pair::begin(25);
    pair.network.change(|path| path.delay = SECOND * 3 / 10);
    let old = pair.client_key();
    pair.server.endpoint.revoke(old);
    pair.client.link.streams().open(b"").unwrap();
    pair.run_for(SECOND * 8 / 5);
    let counted = pair.client.app.events.iter().filter(|event| matches!(event, Event::Refused(_))).count();
    assert_eq!(counted, 1, "{:?}", pair.client.app.events);
}

/// Each loses an initiation or two; none of them is a silence that is worth saying.
#[test]
fn short_outages_do_not_add_up_to_a_silence() {
    let mut pair = Pair::begin(27);
    let id = greet(&mut pair);
    for _ in 0..6 {
        pair.cut();
        pair.client.link.streams().write(pair.now, id, b"more");
        pair.run_for(SECOND * 7 / 5);
        pair.mend();
        pair.run_for(SECOND * 10);
    }
    pair.run_for(SECOND * 60);
    assert!(!pair.client.app.events.contains(&Event::Unreachable), "{:?}", pair.client.app.events);
}

/// A server that refuses is there, however long that takes it to say.
#[test]
fn a_far_server_that_refuses_is_not_unreachable_time_and_again() {
    for delay in [800, 1_200, 2_500] {
        let mut pair = Pair::begin(28);
        pair.network.change(|path| path.delay = Duration::from_millis(delay));
        let old = pair.client_key();
        pair.server.endpoint.revoke(old);
        pair.client.link.streams().open(b"").unwrap();
        pair.run_for(SECOND * 120);
        let count = |wanted: fn(&Event) -> bool| pair.client.app.events.iter().filter(|e| wanted(e)).count();
        let [unreachable, refused] =
            [|e: &Event| *e == Event::Unreachable, |e: &Event| matches!(e, Event::Refused(_))].map(count);
        assert!(unreachable <= 1 && refused >= 8, "{delay} ms: {:?}", pair.client.app.events);
    }
}

/// After a long time without use: by then nothing has been heard for long anyway.
#[test]
fn a_link_that_wakes_up_counts_as_unreachable_no_sooner_than_a_new_one() {
    let mut pair = Pair::begin(26);
    pair.run_for(SECOND * 90);
    assert!(pair.client.link.state.is_dormant());
    pair.cut();
    pair.client.link.streams().open(b"").unwrap();
    let told = |pair: &Pair| pair.client.app.events.contains(&Event::Unreachable);
    assert!(!pair.run_until(SECOND * 7 / 5, told), "too soon");
    assert!(pair.run_until(SECOND * 4 / 5, told), "too late");
}

#[test]
fn a_client_that_expects_streams_stays_up_and_shows_itself() {
    let mut pair = Pair::begin(19);
    pair.client.link.expect_streams(true);
    pair.network.nat = Some(Nat { forgets: SECOND * 30, refreshed: pair.now });
    assert!(pair.run_until(SECOND, |pair| !pair.server.links.is_empty() && pair.client.link.is_up()));
    for _ in 0..20 {
        pair.run_until(SECOND * 157, |_| false);
        let (now, link) = (pair.now, pair.server.links.values_mut().next().expect("a link"));
        let id = link.streams().open(b"").unwrap();
        link.streams().write(now, id, b"hola");
        pair.client.app.heard.insert(id, Vec::new());
        assert!(pair.run_until(SECOND / 10, |pair| pair.client.app.heard[&id] == b"hola"));
        pair.client.link.streams().reset(pair.now, id, ResetCode::Reset);
    }
    assert_eq!(pair.server.links.len(), 1);
    // A client that expects none any more closes the link.
    pair.client.link.expect_streams(false);
    pair.run_until(SECOND * 90, |_| false);
    assert!(pair.client.link.state.is_dormant(), "{:?}", pair.client.app.events);
}

#[test]
fn another_ticket_counts_at_once_where_the_link_is_dormant() {
    let mut pair = Pair::begin(20);
    let mut old = pair.client_key();
    pair.run_until(SECOND * 90, |_| false);
    assert!(pair.client.link.state.is_dormant());
    for number in 0..2 {
        let new = pair.add_ticket(number);
        pair.server.endpoint.revoke(old);
        old = new.client();
        assert!(pair.client.link.set_ticket(new));
        let id = greet(&mut pair);
        pair.client.link.streams().reset(pair.now, id, ResetCode::Reset);
        for link in pair.server.links.values_mut() {
            link.streams().reset(pair.now, id, ResetCode::Reset);
        }
        pair.run_until(SECOND * 90, |_| false);
    }
    assert!(!pair.client.app.events.iter().any(|event| matches!(event, Event::Refused(_))));
}

/// As by SIGSTOP, or a container that is paused: its packets were in flight for as long as it stood still, and that says nothing
/// of the path.
#[test]
fn a_client_that_was_stopped_goes_on_at_once() {
    for (seed, loss) in [(21, 0.0), (22, 0.02), (23, 0.0), (24, 0.02)] {
        let mut pair = Pair::begin(seed);
        for way in &mut pair.network.ways {
            (way.path.rate, way.path.delay, way.path.loss) = (4_000_000, SECOND / 50, loss);
        }
        let id = greet(&mut pair);
        pair.client.link.streams().write(pair.now, id, &vec![7; 20_000_000]);
        pair.run_until(SECOND * 2, |_| false);
        pair.client.stopped = true;
        pair.run_until(SECOND * 150, |_| false);
        pair.client.stopped = false;
        let before = pair.server.app.heard[&id].len();
        let mut rounds = 0;
        while pair.server.app.heard[&id].len() < before + 4_000_000 {
            pair.run_until(SECOND / 10, |_| false);
            rounds += 1;
            assert!(rounds < 30, "seed {seed}: {} in 3 s", pair.server.app.heard[&id].len() - before);
        }
    }
}
