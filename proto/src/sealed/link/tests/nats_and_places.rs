//! What forgets the client, and where else its server is.

use super::pair::{Pair, is_handshake};
use super::path_and_peers::{greet, say};
use crate::sealed::link::{Event, FourTuple, SocketId};
use crate::sealed::wire::frame::StreamId;
use crate::sim::Nat;
use crate::time::Time;
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// How long after the server has written something the client has it.
fn push(pair: &mut Pair, id: StreamId) -> Duration {
    let (now, before) = (pair.now, pair.client.app.heard[&id].len());
    let server = pair.server.links.values_mut().next().expect("a link");
    server.streams().write(now, id, b"news");
    let heard = |pair: &Pair| pair.client.app.heard[&id].len() == before + 4;
    assert!(pair.run_until(SECOND * 25, heard), "{:?}", pair.client.app.events);
    pair.now - now
}

fn say_in_vain(pair: &mut Pair, id: StreamId) {
    pair.client.link.streams().write(pair.now, id, b"?");
}

fn learnt(pair: &Pair) -> Vec<u64> {
    let learnt = |event: &Event| {
        if let Event::Keepalive(interval) = event { Some(interval.as_secs()) } else { None }
    };
    pair.client.app.events.iter().filter_map(learnt).collect()
}

#[test]
fn what_forgets_the_client_is_noticed_and_kept_from_it() {
    for (seed, forgets, expected) in
        [(1, 19, vec![8]), (2, 15, vec![8]), (3, 10, vec![8]), (4, 5, vec![8, 3]), (5, 25, vec![])]
    {
        let mut pair = Pair::begin(seed);
        pair.network.nat = Some(Nat { forgets: SECOND * forgets, refreshed: pair.now });
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

/// One packet at a time: several in a row are what a client sees that was forgotten.
#[test]
fn loss_does_not_look_as_if_the_client_were_forgotten() {
    for seed in 0..20u32 {
        let mut pair = Pair::begin(seed.into());
        let id = greet(&mut pair);
        pair.network
            .ways
            .iter_mut()
            .for_each(|way| (way.path.loss, way.path.burst) = (0.1 + 0.01 * f64::from(seed), 1.0));
        for round in 0..100 {
            pair.run_until(SECOND * (5 + round % 17), |_| false);
            push(&mut pair, id);
        }
        assert_eq!(learnt(&pair), [0; 0], "seed {seed}");
    }
}

#[test]
fn a_flow_that_died_is_left_for_another_socket() {
    let mut pair = Pair::begin(1);
    let id = greet(&mut pair);
    pair.run_until(SECOND * 21, |_| false);
    let first = pair.client.link.path();
    pair.network.blocked.push(first);
    let now = pair.now;
    pair.client.link.streams().write(now, id, b" mundo");
    let told = |pair: &Pair| pair.client.app.events.contains(&Event::Unreachable);
    assert!(pair.run_until(SECOND * 5, told), "{:?}", pair.client.app.events);
    assert_eq!(pair.client.link.path(), first, "nobody said where else to look");
    pair.client.link.try_peer(FourTuple { socket: SocketId(1), ..first });
    assert!(pair.run_until(SECOND, |pair| pair.server.app.heard[&id] == b"hola mundo"));
    assert_eq!(pair.client.link.path().socket, SocketId(1));
    assert!(push(&mut pair, id) < Duration::from_millis(100), "the server has followed");
    assert!(!pair.client.app.events.contains(&Event::Restarted));
    // It died while the client was silent. If that happens again, it is no chance.
    assert!(learnt(&pair).is_empty());
    pair.run_until(SECOND * 21, |_| false);
    pair.network.blocked = vec![pair.client.link.path()];
    let before = pair.client.app.events.len();
    say_in_vain(&mut pair, id);
    let told = |pair: &Pair| pair.client.app.events[before..].contains(&Event::Unreachable);
    assert!(pair.run_until(SECOND * 5, told), "{:?}", pair.client.app.events);
    pair.client.link.try_peer(first);
    assert!(pair.run_until(SECOND, |pair| pair.client.link.path() == first), "{:?}", pair.client.app.events);
    assert_eq!(learnt(&pair).len(), 1, "{:?}", pair.client.app.events);
}

#[test]
fn a_flow_that_lives_is_not_left_while_others_are_tried() {
    let mut pair = Pair::begin(2);
    let id = greet(&mut pair);
    let first = pair.client.link.path();
    let other = FourTuple { socket: SocketId(1), ..first };
    pair.network.blocked.push(other);
    pair.cut();
    let now = pair.now;
    pair.client.link.streams().write(now, id, b"!");
    for _ in 0..40 {
        pair.client.link.try_peer(other);
        pair.run_until(SECOND / 2, |_| false);
    }
    pair.mend();
    assert!(pair.run_until(Duration::from_millis(1_300), |pair| pair.server.app.heard[&id] == b"hola!"));
    assert_eq!(pair.client.link.path(), first);
}

#[test]
fn the_first_place_that_answers_is_it() {
    let mut pair = Pair::begin(3);
    let first = pair.client.link.path();
    let port = |port| FourTuple::from(SocketAddr::new(first.remote.ip(), port));
    pair.network.blocked = vec![first, port(443)];
    let id = pair.client.link.streams().open(b"").unwrap();
    pair.client.app.heard.insert(id, Vec::new());
    pair.run_until(SECOND / 3, |_| false);
    for tried in [443, 53] {
        pair.client.link.try_peer(port(tried));
        pair.run_until(SECOND / 3, |_| false);
    }
    assert_eq!(
        (pair.client.link.is_up(), pair.client.link.path()),
        (true, port(53)),
        "{:?}",
        pair.client.app.events
    );
    say(&mut pair, id, b"hola");
    // A place that is tried while the link is well, by mistake, costs nothing.
    let before = pair.client.app.events.len();
    pair.client.link.try_peer(first);
    pair.run_until(SECOND, |_| false);
    say(&mut pair, id, b"hola");
    assert_eq!((pair.client.link.path(), pair.client.app.events.len()), (port(53), before));
}

#[test]
fn a_place_found_before_any_is_known_is_the_peers() {
    let mut pair = Pair::begin(4);
    let known = pair.client.link.path();
    pair.restart_client();
    pair.network.server.set_port(0);
    pair.replace_client(9);
    pair.run_until(SECOND * 5, |_| false);
    assert_eq!(pair.client.link.poll_timeout(pair.now), Time::NEVER, "there is nowhere to ask");
    pair.client.link.try_peer(known);
    greet(&mut pair);
    assert_eq!(pair.client.link.path(), known);
}

/// A relay that passes handshakes, and nothing else.
#[test]
fn a_path_that_passes_handshakes_only_is_none() {
    let mut pair = Pair::begin(5);
    let id = greet(&mut pair);
    pair.run_until(SECOND * 5, |_| false);
    pair.network.ways[1].filter = Some(is_handshake);
    pair.client.link.streams().write(pair.now, id, b" mundo");
    let told = |pair: &Pair| pair.client.app.events.contains(&Event::Unreachable);
    assert!(pair.run_until(SECOND * 10, told), "{:?}", pair.client.app.events);
    let before = pair.client.app.events.len();
    pair.run_until(SECOND * 20, |_| false);
    let after = &pair.client.app.events[before..];
    assert!(!after.iter().any(|event| matches!(event, Event::Up { .. } | Event::Heard)), "{after:?}");
    pair.network.ways[1].filter = None;
    assert!(pair.run_until(SECOND * 3, |pair| pair.client.app.events.contains(&Event::Heard)));
}

#[test]
fn very_long_round_trips_connect_also_while_places_are_tried() {
    for seconds in [2, 4, 6, 8] {
        let mut pair = Pair::begin(6);
        pair.network.ways.iter_mut().for_each(|way| way.path.delay = SECOND * seconds / 2);
        let first = pair.client.link.path();
        let id = pair.client.link.streams().open(b"").unwrap();
        pair.client.link.streams().write(pair.now, id, b"hola");
        let heard = |pair: &Pair| pair.server.app.heard.get(&id).is_some_and(|bytes| bytes == b"hola");
        let mut tries = 0;
        while !pair.run_until(SECOND, heard) {
            tries += 1;
            assert!(tries < 30, "{seconds} s: {:?}", pair.client.app.events);
            if pair.client.app.events.last() == Some(&Event::Unreachable) {
                pair.client.link.try_peer(FourTuple { socket: SocketId(1), ..first });
            }
        }
    }
}

#[test]
fn an_outage_teaches_nothing_about_what_forgets() {
    for (seed, dead) in (0..).zip([3, 4, 5, 7, 9, 11, 30]) {
        let mut pair = Pair::begin(seed);
        let id = greet(&mut pair);
        pair.run_until(SECOND * 15, |_| false);
        let first = pair.client.link.path();
        pair.cut();
        pair.client.link.streams().write(pair.now, id, b"!");
        for _ in 0..dead * 2 {
            pair.run_until(SECOND / 2, |_| false);
            if pair.client.app.events.contains(&Event::Unreachable) {
                pair.client.link.try_peer(FourTuple { socket: SocketId(1), ..first });
            }
        }
        pair.mend();
        assert!(pair.run_until(SECOND * 2, |pair| pair.server.app.heard[&id] == b"hola!"), "{dead} s");
        push(&mut pair, id);
        assert_eq!(learnt(&pair), [0; 0], "{dead} s: {:?}", pair.client.app.events);
    }
}

/// The client's packets vanish, and the server's do not: that it is heard says nothing.
#[test]
fn a_path_that_died_in_one_direction_is_left() {
    let mut pair = Pair::begin(7);
    let id = greet(&mut pair);
    let now = pair.now;
    let server = pair.server.links.values_mut().next().expect("a link");
    server.streams().write(now, id, &[7; 3_000_000]);
    pair.run_until(SECOND / 50, |_| false);
    let first = pair.client.link.path();
    pair.network.blocked.push(first);
    let told = |pair: &Pair| pair.client.app.events.contains(&Event::Unreachable);
    pair.client.link.streams().write(pair.now, id, b" mundo");
    assert!(pair.run_until(SECOND * 6, told), "{:?}", pair.client.app.events);
    let before = pair.client.app.events.len();
    pair.run_until(SECOND * 3, |_| false);
    assert!(!pair.client.app.events[before..].contains(&Event::Heard), "{:?}", pair.client.app.events);
    pair.client.link.try_peer(FourTuple { socket: SocketId(1), ..first });
    assert!(pair.run_until(SECOND * 3, |pair| pair.client.app.heard[&id].len() == 3_000_000));
    assert_eq!(pair.server.app.heard[&id], b"hola mundo");
}
