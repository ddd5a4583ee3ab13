//! What forgets the client, and where else its server is.

use super::pair::{Nat, Pair};
use super::path_and_peers::{greet, say};
use crate::sealed::link::{Event, FourTuple, SocketId};
use crate::sealed::wire::frame::StreamId;
use crate::time::Time;
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// How long after the server has written something the client has it.
fn push(pair: &mut Pair, id: StreamId) -> Duration {
    let (now, before) = (pair.now, pair.heard_by_client[&id].len());
    let server = pair.links.values_mut().next().expect("a link");
    server.streams().write(now, id, b"news");
    let heard = |pair: &Pair| pair.heard_by_client[&id].len() == before + 4;
    assert!(pair.run_until(SECOND * 25, heard), "{:?}", pair.client_events);
    pair.now - now
}

fn say_in_vain(pair: &mut Pair, id: StreamId) {
    pair.client.streams().write(pair.now, id, b"?");
}

fn learnt(pair: &Pair) -> Vec<u64> {
    let learnt = |event: &Event| {
        if let Event::Keepalive(interval) = event { Some(interval.as_secs()) } else { None }
    };
    pair.client_events.iter().filter_map(learnt).collect()
}

#[test]
fn what_forgets_the_client_is_noticed_and_kept_from_it() {
    for (seed, forgets, expected) in
        [(1, 19, vec![8]), (2, 15, vec![8]), (3, 10, vec![8]), (4, 5, vec![8, 3]), (5, 25, vec![])]
    {
        let mut pair = Pair::new(seed);
        pair.nat = Some(Nat { forgets: SECOND * forgets, refreshed: pair.now });
        let id = greet(&mut pair);
        let mut late = 0;
        for round in 0..200 {
            // At all times between two signs of life of the client.
            pair.run_until(SECOND * 21 + SECOND / 10 * (round * 7 % 200), |_| false);
            late += u32::from(push(&mut pair, id) > Duration::from_millis(100));
        }
        assert_eq!(learnt(&pair), expected, "{forgets} s");
        // Each that teaches is late, and others may be before one does: those soon before the next sign of life.
        assert!(late <= 4, "{forgets} s: {late} of 200 late");
    }
}

#[test]
fn loss_does_not_look_as_if_the_client_were_forgotten() {
    for seed in 0..20 {
        let mut pair = Pair::new(seed);
        let id = greet(&mut pair);
        pair.wires.iter_mut().for_each(|wire| wire.faults.loss = 0.1 + 0.01 * f64::from(seed));
        for round in 0..100 {
            pair.run_until(SECOND * (5 + round % 17), |_| false);
            push(&mut pair, id);
        }
        assert_eq!(learnt(&pair), [0; 0], "seed {seed}");
    }
}

#[test]
fn a_flow_that_died_is_left_for_another_socket() {
    let mut pair = Pair::new(1);
    let id = greet(&mut pair);
    pair.run_until(SECOND * 21, |_| false);
    let first = pair.client.path();
    pair.blocked.push(first);
    let now = pair.now;
    pair.client.streams().write(now, id, b" mundo");
    let told = |pair: &Pair| pair.client_events.contains(&Event::Unreachable);
    assert!(pair.run_until(SECOND * 5, told), "{:?}", pair.client_events);
    assert_eq!(pair.client.path(), first, "nobody said where else to look");
    pair.client.try_peer(FourTuple { socket: SocketId(1), ..first });
    assert!(pair.run_until(SECOND, |pair| pair.heard_by_server[&id] == b"hola mundo"));
    assert_eq!(pair.client.path().socket, SocketId(1));
    assert!(push(&mut pair, id) < Duration::from_millis(100), "the server has followed");
    assert!(!pair.client_events.contains(&Event::Restarted));
    // It died while the client was silent. If that happens again, it is no chance.
    assert!(learnt(&pair).is_empty());
    pair.run_until(SECOND * 21, |_| false);
    pair.blocked = vec![pair.client.path()];
    let before = pair.client_events.len();
    say_in_vain(&mut pair, id);
    let told = |pair: &Pair| pair.client_events[before..].contains(&Event::Unreachable);
    assert!(pair.run_until(SECOND * 5, told), "{:?}", pair.client_events);
    pair.client.try_peer(first);
    assert!(pair.run_until(SECOND, |pair| pair.client.path() == first), "{:?}", pair.client_events);
    assert_eq!(learnt(&pair).len(), 1, "{:?}", pair.client_events);
}

#[test]
fn a_flow_that_lives_is_not_left_while_others_are_tried() {
    let mut pair = Pair::new(2);
    let id = greet(&mut pair);
    let first = pair.client.path();
    let other = FourTuple { socket: SocketId(1), ..first };
    pair.blocked.push(other);
    pair.alive = false;
    let now = pair.now;
    pair.client.streams().write(now, id, b"!");
    for _ in 0..40 {
        pair.client.try_peer(other);
        pair.run_until(SECOND / 2, |_| false);
    }
    pair.alive = true;
    assert!(pair.run_until(Duration::from_millis(1_300), |pair| pair.heard_by_server[&id] == b"hola!"));
    assert_eq!(pair.client.path(), first);
}

#[test]
fn the_first_place_that_answers_is_it() {
    let mut pair = Pair::new(3);
    let first = pair.client.path();
    let port = |port| FourTuple::from(SocketAddr::new(first.remote.ip(), port));
    pair.blocked = vec![first, port(443)];
    let id = pair.client.streams().open(b"").unwrap();
    pair.heard_by_client.insert(id, Vec::new());
    pair.run_until(SECOND / 3, |_| false);
    for tried in [443, 53] {
        pair.client.try_peer(port(tried));
        pair.run_until(SECOND / 3, |_| false);
    }
    assert_eq!((pair.client.is_up(), pair.client.path()), (true, port(53)), "{:?}", pair.client_events);
    say(&mut pair, id, b"hola");
    // A place that is tried while the link is well, by mistake, costs nothing.
    let before = pair.client_events.len();
    pair.client.try_peer(first);
    pair.run_until(SECOND, |_| false);
    say(&mut pair, id, b"hola");
    assert_eq!((pair.client.path(), pair.client_events.len()), (port(53), before));
}

#[test]
fn a_place_found_before_any_is_known_is_the_peers() {
    let mut pair = Pair::new(4);
    let known = pair.client.path();
    pair.restart_client();
    pair.server_address.set_port(0);
    pair.replace_client(9);
    pair.run_until(SECOND * 5, |_| false);
    assert_eq!(pair.client.poll_timeout(pair.now), Time::NEVER, "there is nowhere to ask");
    pair.client.try_peer(known);
    greet(&mut pair);
    assert_eq!(pair.client.path(), known);
}

/// A relay that passes handshakes, and nothing else.
#[test]
fn a_path_that_passes_handshakes_only_is_none() {
    let mut pair = Pair::new(5);
    let id = greet(&mut pair);
    pair.run_until(SECOND * 5, |_| false);
    pair.deaf = true;
    pair.client.streams().write(pair.now, id, b" mundo");
    let told = |pair: &Pair| pair.client_events.contains(&Event::Unreachable);
    assert!(pair.run_until(SECOND * 10, told), "{:?}", pair.client_events);
    let before = pair.client_events.len();
    pair.run_until(SECOND * 20, |_| false);
    let after = &pair.client_events[before..];
    assert!(!after.iter().any(|event| matches!(event, Event::Up { .. } | Event::Heard)), "{after:?}");
    pair.deaf = false;
    assert!(pair.run_until(SECOND * 3, |pair| pair.client_events.contains(&Event::Heard)));
}

#[test]
fn very_long_round_trips_connect_also_while_places_are_tried() {
    for seconds in [2, 4, 6, 8] {
        let mut pair = Pair::new(6);
        pair.wires.iter_mut().for_each(|wire| wire.faults.delay = SECOND * seconds / 2);
        let first = pair.client.path();
        let id = pair.client.streams().open(b"").unwrap();
        pair.client.streams().write(pair.now, id, b"hola");
        let heard = |pair: &Pair| pair.heard_by_server.get(&id).is_some_and(|bytes| bytes == b"hola");
        let mut tries = 0;
        while !pair.run_until(SECOND, heard) {
            tries += 1;
            assert!(tries < 30, "{seconds} s: {:?}", pair.client_events);
            if pair.client_events.last() == Some(&Event::Unreachable) {
                pair.client.try_peer(FourTuple { socket: SocketId(1), ..first });
            }
        }
    }
}

#[test]
fn an_outage_teaches_nothing_about_what_forgets() {
    for (seed, dead) in (0..).zip([3, 4, 5, 7, 9, 11, 30]) {
        let mut pair = Pair::new(seed);
        let id = greet(&mut pair);
        pair.run_until(SECOND * 15, |_| false);
        let first = pair.client.path();
        pair.alive = false;
        pair.client.streams().write(pair.now, id, b"!");
        for _ in 0..dead * 2 {
            pair.run_until(SECOND / 2, |_| false);
            if pair.client_events.contains(&Event::Unreachable) {
                pair.client.try_peer(FourTuple { socket: SocketId(1), ..first });
            }
        }
        pair.alive = true;
        assert!(pair.run_until(SECOND * 2, |pair| pair.heard_by_server[&id] == b"hola!"), "{dead} s");
        push(&mut pair, id);
        assert_eq!(learnt(&pair), [0; 0], "{dead} s: {:?}", pair.client_events);
    }
}

/// The client's packets vanish, and the server's do not: that it is heard says nothing.
#[test]
fn a_path_that_died_in_one_direction_is_left() {
    let mut pair = Pair::new(7);
    let id = greet(&mut pair);
    let now = pair.now;
    let server = pair.links.values_mut().next().expect("a link");
    server.streams().write(now, id, &[7; 3_000_000]);
    pair.run_until(SECOND / 50, |_| false);
    let first = pair.client.path();
    pair.blocked.push(first);
    let told = |pair: &Pair| pair.client_events.contains(&Event::Unreachable);
    pair.client.streams().write(pair.now, id, b" mundo");
    assert!(pair.run_until(SECOND * 6, told), "{:?}", pair.client_events);
    let before = pair.client_events.len();
    pair.run_until(SECOND * 3, |_| false);
    assert!(!pair.client_events[before..].contains(&Event::Heard), "{:?}", pair.client_events);
    pair.client.try_peer(FourTuple { socket: SocketId(1), ..first });
    assert!(pair.run_until(SECOND * 3, |pair| pair.heard_by_client[&id].len() == 3_000_000));
    assert_eq!(pair.heard_by_server[&id], b"hola mundo");
}
