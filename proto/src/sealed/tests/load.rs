//! Many handshakes: cookies, and a limit.

use std::net::SocketAddr;
use std::time::Duration;

use super::pair::*;
use crate::sealed::handshake::cookie::COOKIE_REPLY_LEN;
use crate::sealed::handshake::initiator::{Ignored, Initiator, Outcome};
use crate::sealed::handshake::responder::{DroppedInitiation, Settings, Verdict};
use crate::sealed::handshake::terms::{Incarnation, LinkId};

const ELSEWHERE: SocketAddr = address(2, 5_000);

/// A proxy2 that is busy: it has had the half of its handshakes that is for everybody.
fn busy() -> Pair {
    let mut pair = Pair::with(false, AES, Settings { handshakes_per_second: 12, ..settings(AES) });
    for _ in 0..5 {
        pair.shake();
    }
    pair
}

fn cookie(verdict: Verdict) -> Vec<u8> {
    let Verdict::Cookie(reply) = verdict else { panic!("no cookie but {verdict:?}") };
    assert_eq!(reply.len(), COOKIE_REPLY_LEN);
    reply
}

fn resend(outcome: Outcome) -> Vec<u8> {
    let Outcome::Resend { message: initiation, .. } = outcome else { panic!("not resent but {outcome:?}") };
    initiation
}

#[test]
fn who_proves_its_address_is_heard() {
    let mut pair = busy();
    let initiation = pair.ask();
    let reply = cookie(pair.hear(&initiation));
    let again = resend(pair.tell(&reply));
    assert_eq!(again.len(), initiation.len());
    let (response, _) = request(pair.hear(&again)).accept(SERVER_INDEX, Incarnation(0), SERVER_LIMITS);
    established(pair.tell(&response));
}

#[test]
fn a_cookie_is_good_for_the_next_initiation_too() {
    let mut pair = busy();
    let initiation = pair.ask();
    let reply = cookie(pair.hear(&initiation));
    resend(pair.tell(&reply));
    let next = pair.ask();
    request(pair.hear(&next));
}

#[test]
fn a_cookie_is_good_at_one_address() {
    let mut pair = busy();
    let initiation = pair.ask();
    let reply = cookie(pair.hear(&initiation));
    let again = resend(pair.tell(&reply));
    cookie(pair.responder.handle(pair.now, pair.unix, ELSEWHERE, &again));
    request(pair.hear(&again));
}

#[test]
fn a_cookie_ends() {
    let mut pair = busy();
    let initiation = pair.ask();
    let reply = cookie(pair.hear(&initiation));
    resend(pair.tell(&reply));
    pair.pass(Duration::from_secs(119));
    assert_ne!(pair.ask()[197..], [0; 16], "proxy1 still uses it");
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.ask()[197..], [0; 16], "and then no longer");
}

#[test]
fn a_changed_cookie_reply_is_ignored() {
    let mut pair = busy();
    let initiation = pair.ask();
    let reply = cookie(pair.hear(&initiation));
    for at in 0..reply.len() {
        let mut changed = reply.clone();
        changed[at] ^= 1;
        assert!(matches!(
            ignored(pair.tell(&changed)),
            Ignored::Malformed | Ignored::Unasked | Ignored::Forged
        ));
        assert_eq!(ignored(pair.tell(&reply[..at])), Ignored::Malformed);
    }
    resend(pair.tell(&reply));
    assert_eq!(ignored(pair.tell(&reply)), Ignored::Unasked, "one cookie resends one initiation once");
}

#[test]
fn a_changed_proof_is_no_proof() {
    let mut pair = busy();
    let initiation = pair.ask();
    let reply = cookie(pair.hear(&initiation));
    let again = resend(pair.tell(&reply));
    for at in again.len() - 16..again.len() {
        let mut changed = again.clone();
        changed[at] ^= 1;
        cookie(pair.hear(&changed));
    }
    request(pair.hear(&again));
}

/// An initiation that proves its address, at a proxy2 that is busy.
fn proven(pair: &mut Pair, from: SocketAddr) -> Vec<u8> {
    let initiation = pair.ask();
    let reply = cookie(pair.responder.handle(pair.now, pair.unix, from, &initiation));
    resend(pair.tell(&reply))
}

#[test]
fn a_cookie_ends_at_proxy2_too() {
    let mut pair = busy();
    let proven = proven(&mut pair, ADDRESS);
    pair.pass(Duration::from_secs(121));
    for _ in 0..5 {
        pair.shake();
    }
    cookie(pair.hear(&proven));
}

#[test]
fn beyond_the_limit_even_proven_addresses_wait() {
    let mut pair = busy();
    for last in [10, 11] {
        let from = address(last, 5_000);
        let initiation = proven(&mut pair, from);
        request(pair.responder.handle(pair.now, pair.unix, from, &initiation));
    }
    let initiation = proven(&mut pair, ADDRESS);
    assert!(matches!(pair.hear(&initiation), Verdict::Drop(DroppedInitiation::Busy)));
    let (client, link) = (pair.ticket.client(), LinkId(77));
    pair.responder.link_is_at(client, link, address(1, 5_001));
    request(pair.hear(&initiation));
    pair.responder.link_is_at(client, link, ADDRESS);
    let initiation = pair.ask();
    assert!(
        matches!(pair.hear(&initiation), Verdict::Drop(DroppedInitiation::Busy)),
        "nothing is left at all"
    );
    pair.pass(Duration::from_millis(84) * 3);
    request(pair.hear(&initiation));
}

/// A client asks a hundred times faster than allowed, with proof, for ten seconds; another one always gets in.
#[test]
fn one_address_keeps_nobody_out() {
    let mut pair = busy();
    let mut other = Pair::new();
    other.ticket = ticket(0x34, false);
    other.initiator = Initiator::new(other.ticket.clone(), identity(AES));
    pair.responder.allow(other.ticket.client(), None);
    for round in 0..1_000 {
        let greedy = pair.ask();
        let verdict = pair.responder.handle(pair.now, pair.unix, ELSEWHERE, &greedy);
        if let Verdict::Cookie(reply) = verdict {
            resend(pair.tell(&reply));
        }
        if round % 100 == 99 {
            let initiation = other.initiator.start(pair.now, pair.unix, 1, &mut other.random);
            let verdict = match pair.hear(&initiation) {
                Verdict::Cookie(reply) => {
                    let initiation = resend(other.tell(&reply));
                    pair.hear(&initiation)
                }
                verdict @ (Verdict::Drop(_) | Verdict::Refused { .. } | Verdict::Request(_)) => verdict,
            };
            request(verdict);
        }
        pair.pass(Duration::from_millis(10));
    }
}

/// Somebody on the way copies everything that a client sends, and sends it again from the client's address and port.
#[test]
fn copies_of_proven_initiations_use_up_nothing_of_their_address() {
    let mut pair = Pair::with(false, AES, Settings { handshakes_per_second: 100, ..settings(AES) });
    let (unproven, mut copies) = (pair.ask(), Vec::new());
    request(pair.hear(&unproven));
    for _ in 0..30 {
        for round in 0..1_000 {
            pair.pass(Duration::from_millis(1));
            for copy in [Some(&unproven), copies.get(round % copies.len().max(1))].into_iter().flatten() {
                let verdict = pair.hear(copy);
                assert!(matches!(verdict, Verdict::Cookie(_) | Verdict::Refused { .. } | Verdict::Drop(_)));
            }
        }
        let mut initiation = pair.ask();
        let mut verdict = pair.hear(&initiation);
        if let Verdict::Cookie(reply) = verdict {
            initiation = resend(pair.tell(&reply));
            verdict = pair.hear(&initiation);
        }
        request(verdict);
        copies.push(initiation);
    }
}
