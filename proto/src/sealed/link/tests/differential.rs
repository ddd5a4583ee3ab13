//! A datagram that is not authentic changes nothing: neither what a link or an endpoint is, nor what it sends.

use super::pair::{Pair, is_data};
use super::path_and_peers::greet;
use crate::sealed::link::{DropCounts, FourTuple, Link, SocketId};
use crate::sealed::wire::packet::Kind;
use crate::sim::{Capture, Dice, STRANGER, forgery};
use std::net::SocketAddr;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// All that a link is but its counts of what it dropped.
fn state(link: &mut Link) -> String {
    let dropped = std::mem::take(&mut link.dropped);
    let state = format!("{link:?}");
    link.dropped = dropped;
    state
}

/// What an attacker makes of the packets on the wires, and from where he sends it.
fn forge(dice: &mut Dice, seen: &[Vec<u8>], peer: SocketAddr) -> (FourTuple, Vec<u8>) {
    let of = dice.below(seen.len());
    let mut datagram = forgery(dice, &seen[of], seen);
    if dice.below(3) == 0 && datagram.len() >= 5 {
        // The index of the link, which is no secret, before anything.
        datagram[..5].copy_from_slice(&seen[0][..5]);
    }
    let addresses = [peer, STRANGER, SocketAddr::new(peer.ip(), 1)];
    let local = [None, Some("192.0.2.2".parse().unwrap()), Some("::1".parse().unwrap())];
    (
        FourTuple { remote: addresses[dice.below(3)], local: local[dice.below(3)], socket: SocketId(0) },
        datagram,
    )
}

/// Packets seen so far, of the direction whose next packet is under way and so may not be taken for authentic.
fn seen(pair: &Pair, way: usize) -> Vec<Vec<u8>> {
    pair.capture(way).sent.iter().filter(|datagram| is_data(datagram)).cloned().collect()
}

/// Gives the ends what is not authentic: forged, or taken in before.
fn attack(pair: &mut Pair, dice: &mut Dice, seed: u64) {
    let arrived = [0, 1].map(|way| pair.capture(way).arrived.clone());
    for way in [0, 1] {
        let all = seen(pair, way);
        if all.is_empty() {
            continue;
        }
        let (from, mut datagram) = forge(dice, &all, pair.network.client);
        let fresh = all.contains(&datagram) && !arrived[way].contains(&datagram);
        if fresh || Kind::of(&datagram) == Some(Kind::Initiation) {
            continue;
        }
        if way == 0 {
            let before = pair.server.endpoint.describe();
            pair.route_only(from.remote, &datagram);
            assert_eq!(pair.server.endpoint.describe(), before, "seed {seed}: the endpoint");
        }
        let now = pair.now;
        let link = if way == 0 { pair.server.links.values_mut().next() } else { Some(&mut pair.client.link) };
        let Some(link) = link else { continue };
        let (before, counts) = (state(link), link.dropped);
        link.handle_datagram(now, from, &mut datagram);
        assert_eq!(state(link), before, "seed {seed}");
        assert_ne!(link.dropped, counts, "seed {seed}: it is counted");
        link.dropped = DropCounts::default();
    }
}

/// Everything that both ends send in a session, with an attack between its steps or without.
fn session(seed: u64, attacked: bool) -> [Vec<Vec<u8>>; 2] {
    let mut pair = Pair::begin(seed);
    pair.network.ways.iter_mut().for_each(|way| way.capture = Some(Capture::default()));
    let mut dice = Dice::new(seed + 7);
    pair.network.ways[0].path.loss = 0.05;
    let id = greet(&mut pair);
    for round in 0..60u8 {
        let now = pair.now;
        pair.client.link.streams().write(now, id, &[round; 900]);
        if let Some(link) = pair.server.links.values_mut().next() {
            link.streams().write(now, id, &[round; 1_800]);
        }
        if round % 20 == 19 {
            pair.network.client.set_port(6_000 + u16::from(round));
        }
        for _ in 0..4 {
            pair.run_until(MS * 3, |_| false);
            if attacked {
                attack(&mut pair, &mut dice, seed);
            }
        }
    }
    [0, 1].map(|way| pair.capture(way).sent.clone())
}

#[test]
fn what_is_not_authentic_changes_neither_state_nor_what_is_sent() {
    for seed in 0..12 {
        let [quiet, attacked] = [session(seed, false), session(seed, true)];
        assert!(quiet == attacked, "seed {seed}: other datagrams leave");
    }
}

#[test]
fn a_hub_takes_a_link_for_heard_only_when_it_is_told() {
    let mut pair = Pair::begin(1);
    greet(&mut pair);
    let key = *pair.server.links.keys().next().expect("a link");
    let before = pair.server.endpoint.describe();
    pair.now += Duration::from_secs(5);
    pair.server.endpoint.heard(pair.now, key, "192.0.2.1:5000".parse().unwrap());
    assert_ne!(pair.server.endpoint.describe(), before);
}
