//! Which packets say where the client is, and which only ask (RFC 9000 section 9.1).

use super::ending::say_from;
use super::pair::Pair;
use super::path_and_peers::greet;
use crate::sealed::link::Event;
use crate::sealed::wire::frame::Frame;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Whether a packet with these frames, from an address that is not the client's yet, makes the server look for it there.
fn makes_a_candidate(frames: &[Frame<'_>]) -> bool {
    let mut pair = Pair::begin(60);
    greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    // The client is there too, but goes on sending from where it was.
    let other = "192.0.2.77:7000".parse().expect("an address");
    say_from(&mut pair, other, frames);
    let challenged = pair.server.links.values().any(|link| link.path.timeout(1) <= pair.now);
    pair.run_until(SECOND, |_| false);
    assert!(!pair.server.app.events.iter().any(|event| matches!(event, Event::Moved(_) | Event::Broken(_))));
    challenged
}

#[test]
fn a_packet_that_only_probes_a_path_does_not_say_that_the_client_is_there() {
    let (challenge, response) = (Frame::PathChallenge { token: 1 }, Frame::PathResponse { token: 2 });
    for probing in
        [vec![challenge.clone()], vec![response.clone(), challenge.clone()], vec![Frame::Padding], vec![]]
    {
        assert!(!makes_a_candidate(&probing), "{probing:?}");
        let padded = [&probing[..], &[Frame::Padding]].concat();
        assert!(!makes_a_candidate(&padded), "{padded:?}");
    }
}

#[test]
fn one_more_frame_says_that_it_is() {
    let (challenge, floor) = (Frame::PathChallenge { token: 1 }, Frame::Floor { packet: 0 });
    for frames in [vec![Frame::Probe, Frame::Padding], vec![challenge, floor.clone()], vec![floor]] {
        assert!(makes_a_candidate(&frames), "{frames:?}");
    }
}

/// Probes of another path, whatever their numbers, do not hide the packets that follow the client's own move.
#[test]
fn probes_ahead_of_their_packets_do_not_keep_the_server_from_following() {
    let mut pair = Pair::begin(61);
    let id = greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    let from = pair.network.client;
    say_from(&mut pair, from, &[Frame::PathChallenge { token: 1 }]);
    pair.network.client.set_port(9_999);
    super::path_and_peers::say(&mut pair, id, b"from elsewhere");
    assert!(pair.run_until(SECOND, |pair| {
        pair.server.app.events.iter().any(|event| matches!(event, Event::Moved(_)))
    }));
}
