//! How links end: every one that has to does, in time, and the peer is told what it did wrong.

use super::pair::Pair;
use super::path_and_peers::{end_unread, greet};
use super::script::Script;
use crate::sealed::link::ending::DRAIN;
use crate::sealed::link::state::LinkState;
use crate::sealed::link::{Event, Link};
use crate::sealed::transport::{self, Fault};
use crate::sealed::wire::end_code::{EndCode, Ended};
use crate::sealed::wire::frame::{self, Frame, ResetCode, StreamId};
use crate::sealed::wire::packet::{HEADER_LEN, TAG_LEN};
use crate::sealed::wire::varint::Writer;
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A packet that the client never meant to send, under its keys.
fn say(pair: &mut Pair, frames: &[Frame<'_>]) {
    say_from(pair, pair.network.client, frames);
}

/// The same from any address.
pub(super) fn say_from(pair: &mut Pair, from: SocketAddr, frames: &[Frame<'_>]) {
    let mut packet = vec![0; 1_000];
    let mut writer = Writer::new(&mut packet[HEADER_LEN..900]);
    frames.iter().for_each(|frame| frame::put(&mut writer, frame));
    let size = HEADER_LEN + writer.len() + TAG_LEN;
    let number = pair.client.link.transport.next_packet() + 1_000 + pair.network.ways[0].counts.arrived;
    assert!(pair.client.link.sessions.seal(number, &mut packet[..size]));
    let (now, link) = (pair.now, pair.server.links.values_mut().next().expect("a link"));
    link.handle_datagram(now, from, &mut packet[..size]);
    if link.has_ended() {
        let key = *pair.server.links.keys().next().expect("a link");
        pair.server.endpoint.end(key);
    }
    pair.network.ways[0].counts.arrived += 1;
}

fn open(id: u64) -> Frame<'static> {
    Frame::Open { id: StreamId(id), credit: 1_000, first: 100, target: b"" }
}

fn data(id: u64) -> Frame<'static> {
    Frame::Data { id: StreamId(id), offset: 0, fin: false, bytes: b"z" }
}

const DORMANT: Frame<'static> = Frame::End { code: 2, reason: b"" };

#[test]
fn a_link_that_cannot_complete_ends_when_its_client_says_that_it_rests() {
    let short = Frame::Reset { id: StreamId(2), code: ResetCode::Reset, end: 10 };
    let lives: [&[Frame<'_>]; 4] = [
        &[open(2), data(2), short.clone(), DORMANT],
        &[data(2), DORMANT],
        &[short, DORMANT],
        &[open(2), data(2), DORMANT],
    ];
    for frames in lives {
        let mut pair = Pair::begin(50);
        greet(&mut pair);
        say(&mut pair, frames);
        assert!(
            pair.run_until(SECOND, |pair| pair.server.links.is_empty()),
            "{frames:?}: {:?}",
            pair.server.app.events
        );
    }
}

#[test]
fn streams_that_cannot_complete_are_reset_while_others_are_read() {
    let mut pair = Pair::begin(51);
    let (key, id) = end_unread(&mut pair);
    pair.run_until(SECOND, |_| false);
    say(&mut pair, &[open(2), data(2), DORMANT]);
    pair.run_until(SECOND, |_| false);
    let reset = Event::Stream(transport::Event::Reset(StreamId(2), ResetCode::Reset));
    assert!(pair.server.app.events.contains(&reset) && pair.server.links.contains_key(&key));
    pair.server.links.get_mut(&key).expect("a link").streams().discard(StreamId(2));
    pair.server.app.heard.insert(id, Vec::new());
    pair.run_until(SECOND, |_| false);
    pair.run_until(SECOND, |_| false); // once more, as an owner looks for events after it has read
    assert_eq!((pair.server.app.heard[&id].len(), pair.server.links.len()), (30_000, 0));
}

#[test]
fn who_breaks_the_rules_is_told_so() {
    let mut pair = Pair::begin(52);
    greet(&mut pair);
    say(&mut pair, &[Frame::Opened { id: StreamId(0) }]);
    let reason = Fault::WrongHalf.to_string();
    let told = Event::Ended(Ended { code: EndCode::Fault, reason });
    let told = |pair: &Pair| pair.client.app.events.contains(&told);
    assert!(pair.run_until(SECOND, told), "{:?}", pair.client.app.events);
    assert!(
        pair.server.app.events.contains(&Event::Broken(Fault::WrongHalf)),
        "{:?}",
        pair.server.app.events
    );
}

#[test]
fn a_fault_that_cannot_be_told_ends_the_link_all_the_same() {
    let mut pair = Pair::begin(53);
    greet(&mut pair);
    say(&mut pair, &[Frame::Opened { id: StreamId(0) }]);
    let (now, link) = (pair.now, pair.server.links.values_mut().next().expect("a link"));
    let due = link.poll_timeout(now);
    assert!(due <= now + SECOND / 2);
    link.handle_timeout(due);
    assert_eq!(link.poll_event(), Some(Event::Broken(Fault::WrongHalf)));
}

/// The client, whose link the server has ended without its knowledge, hears of another incarnation and loses its streams, and no
/// more: the next ones work.
fn assert_starts_anew(pair: &mut Pair) {
    let (now, ended) = (pair.now, *pair.server.links.keys().next().expect("the ended link is still there"));
    pair.client.link.streams().write(now, StreamId(0), b"?");
    assert!(
        pair.run_until(SECOND * 5, |pair| pair.client.app.events.contains(&Event::Restarted)),
        "{:?}",
        pair.client.app.events
    );
    assert!(!pair.client.app.events.iter().any(|event| matches!(event, Event::Ended(_))));
    pair.server.app.heard.clear();
    greet(pair);
    assert!(pair.server.links.keys().any(|key| *key != ended));
}

#[test]
fn a_handshake_for_a_link_that_the_server_ended_is_for_another_incarnation() {
    for code in [EndCode::Shutdown, EndCode::Revoked, EndCode::Dormant, EndCode::Fault] {
        let mut pair = Pair::begin(54);
        greet(&mut pair);
        pair.run_until(SECOND, |_| false);
        pair.network.ways[1].lose_next = 1;
        pair.server.links.values_mut().for_each(|link| link.close(code));
        pair.run_until(SECOND / 10, |_| false);
        // Its owner has not taken it out of the table yet.
        assert_eq!(
            (pair.server.links.len(), pair.server.endpoint.len(), pair.network.ways[1].lose_next),
            (1, 1, 0)
        );
        assert_starts_anew(&mut pair);
    }
}

#[test]
fn a_handshake_for_a_link_that_broke_the_rules_is_for_another_incarnation() {
    let mut pair = Pair::begin(55);
    greet(&mut pair);
    pair.run_until(SECOND, |_| false);
    pair.network.ways[1].lose_next = 1;
    say(&mut pair, &[Frame::Opened { id: StreamId(0) }]);
    pair.run_until(SECOND / 10, |_| false);
    assert_starts_anew(&mut pair);
}

/// A client that says `E` and asks for keys of the same link at once, against the rules.
#[test]
fn a_handshake_right_behind_the_end_of_its_link_is_for_another_incarnation() {
    for code in [0, 2, 3] {
        let mut pair = Pair::begin(56);
        let (key, id) = end_unread(&mut pair);
        pair.run_until(SECOND, |_| false);
        say(&mut pair, &[Frame::End { code, reason: b"" }]);
        // Its name and instance; the link is still in the table.
        assert!(pair.server.links[&key].has_ended() && pair.server.endpoint.len() == 1);
        pair.knock(1, 1);
        pair.run_until(SECOND / 10, |_| false);
        assert!(
            pair.server.links.values().any(|link| !link.has_ended()),
            "{code} {id}: {:?}",
            pair.server.app.events
        );
    }
}

/// The server has asked whether the client lives, and it does, but could not say so: what came is read, and nothing more taken.
#[test]
fn a_client_that_was_taken_for_dead_gets_no_keys_for_what_is_left_of_its_link() {
    let mut pair = Pair::begin(57);
    let (key, id) = end_unread(&mut pair);
    pair.run_until(SECOND, |_| false);
    pair.cut();
    let now = pair.now;
    pair.server.links.get_mut(&key).expect("a link").check_liveness(now);
    pair.run_until(SECOND * 2, |_| false);
    assert!(matches!(pair.server.links[&key].state, LinkState::Draining { .. }));
    pair.mend();
    let next = pair.client.link.streams().open(b"").expect("there is room for more");
    pair.client.link.streams().write(pair.now, next, b"hola");
    assert!(pair.run_until(SECOND * 5, |pair| pair.client.app.events.contains(&Event::Restarted)), "{id}");
    let again = pair.client.link.streams().open(b"").expect("there is room for more");
    let opened = Event::Stream(transport::Event::Opened(again));
    pair.client.app.events.clear();
    assert!(
        pair.run_until(SECOND, |pair| pair.client.app.events.contains(&opened)),
        "{:?}",
        pair.client.app.events
    );
}

/// Its id is not used again: the owner makes another link, with another id.
#[test]
fn a_client_that_said_or_got_the_end_asks_for_nothing_more() {
    for client_says in [true, false] {
        let mut pair = Pair::begin(58);
        greet(&mut pair);
        pair.run_until(SECOND, |_| false);
        match client_says {
            true => pair.client.link.close(EndCode::Shutdown),
            false => pair.server.links.values_mut().for_each(|link| link.close(EndCode::Shutdown)),
        }
        pair.run_until(SECOND, |_| false);
        let before = pair.network.ways[0].counts.arrived;
        pair.client.link.streams().open(b"");
        pair.run_until(SECOND * 300, |_| false);
        assert!(
            pair.client.link.has_ended() && pair.network.ways[0].counts.arrived == before,
            "client says: {client_says}"
        );
    }
}

/// Bytes of every link that the server ends up with.
fn end(pair: &mut Pair, seed: u64) {
    let link = if seed.is_multiple_of(2) {
        Some(&mut pair.client.link)
    } else {
        pair.server.links.values_mut().next()
    };
    let code = EndCode::from_code(seed / 2 % 4);
    link.into_iter().for_each(|link: &mut Link| link.close(code));
}

#[test]
fn after_an_end_anywhere_the_ended_link_is_gone_in_time() {
    for seed in 0..300u64 {
        let mut pair = Pair::begin(seed);
        let mut scripts = Script::both(seed, 40_000);
        for way in &mut pair.network.ways {
            way.path.loss = [0.0, 0.2][usize::from(seed % 3 == 0)];
        }
        for _ in 0..1 + seed % 4 {
            let id = scripts[0].open(&mut pair.client.link);
            pair.client.app.heard.insert(id, Vec::new());
        }
        pair.run_until(SECOND / 10, |pair| pair.server.links.values().any(Link::is_up));
        for script in &mut scripts {
            let link = if script.side() == 0 {
                Some(&mut pair.client.link)
            } else {
                pair.server.links.values_mut().next()
            };
            link.into_iter().for_each(|link| script.say(pair.now, link));
        }
        pair.run_until(Duration::from_millis(seed % 60), |_| false);
        end(&mut pair, seed);
        pair.run_until(SECOND, |_| false);
        // Nobody reads or answers; whoever heard the end has ended, and who has not is asked.
        pair.cut();
        let now = pair.now;
        pair.server.links.values_mut().for_each(|link| link.check_liveness(now));
        let gone = |link: &Link| matches!(link.state, LinkState::Ended);
        assert!(
            pair.run_until(DRAIN + SECOND * 2, |pair| pair.server.links.values().all(gone)),
            "seed {seed}"
        );
    }
}
