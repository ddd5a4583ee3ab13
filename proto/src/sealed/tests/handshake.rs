//! A handshake between honest ends.

use std::time::Duration;

use super::pair::*;
use crate::sealed::crypto::cipher::Cipher;
use crate::sealed::handshake::initiator::{Ignored, MOST_PENDING};
use crate::sealed::handshake::responder::{DroppedInitiation, Verdict};
use crate::sealed::handshake::terms::{Epoch, Incarnation, Instance, LinkId, Refusal};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn both_ends_learn_what_the_other_said() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    let request = request(pair.hear(&initiation));
    assert_eq!(request.client(), pair.ticket.client());
    assert_eq!(request.link(), LinkId(77));
    assert_eq!(request.instance(), Instance(88));
    assert_eq!(request.limits(), CLIENT_LIMITS);
    let (response, theirs) = request.accept(SERVER_INDEX, Incarnation(0xabcd), SERVER_LIMITS);
    let ours = established(pair.tell(&response));
    assert_eq!((ours.epoch, ours.incarnation, ours.limits), (Epoch(99), Incarnation(0xabcd), SERVER_LIMITS));
    assert_eq!((ours.session.local, ours.session.seal.receiver()), (CLIENT_INDEX, SERVER_INDEX));
    assert_eq!((theirs.local, theirs.seal.receiver()), (SERVER_INDEX, CLIENT_INDEX));
}

#[test]
fn packets_pass_both_ways_with_either_cipher_and_either_ticket() {
    let ciphers = [
        (AES, AES, Cipher::Aes128Gcm),
        (AES, NO_AES, Cipher::ChaCha20Poly1305),
        (NO_AES, AES, Cipher::ChaCha20Poly1305),
    ];
    for (ours, theirs, expected) in ciphers {
        for preshared in [false, true] {
            let (client, server) = Pair::with(preshared, ours, settings(theirs)).shake();
            assert_eq!((client.session.cipher, server.cipher), (expected, expected));
            let mut there = sealed(&client.session, 0, b"to proxy2");
            assert_eq!(server.open.open_in_place(&mut there).unwrap(), b"to proxy2");
            let mut back = sealed(&server, 0, b"to proxy1");
            assert_eq!(client.session.open.open_in_place(&mut back).unwrap(), b"to proxy1");
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let run = || {
        let mut pair = Pair::new();
        let (response, session) = pair.response();
        (response, sealed(&session, 5, b"frames"), pair.ask())
    };
    assert_eq!(run(), run());
}

#[test]
fn every_handshake_has_keys_of_its_own() {
    let mut pair = Pair::new();
    let (_, first) = pair.shake();
    let (second, _) = pair.shake();
    let mut packet = sealed(&first, 0, b"old");
    assert!(second.session.open.open_in_place(&mut packet).is_err());
}

#[test]
fn a_late_response_is_good_after_the_initiation_was_repeated() {
    let mut pair = Pair::new();
    let first = pair.ask();
    pair.pass(SECOND);
    let second = pair.initiator.start(pair.now, pair.unix, 9, &mut pair.random);
    let one = request(pair.hear(&first)).accept(1, Incarnation(0), SERVER_LIMITS);
    let two = request(pair.hear(&second)).accept(2, Incarnation(0), SERVER_LIMITS);
    assert_eq!(established(pair.tell(&one.0)).session.local, CLIENT_INDEX);
    assert_eq!(established(pair.tell(&two.0)).session.local, 9);
    assert_eq!(ignored(pair.tell(&two.0)), Ignored::Unasked, "once each");
}

#[test]
fn a_younger_response_closes_the_older_initiations() {
    let mut pair = Pair::new();
    let first = pair.ask();
    let second = pair.initiator.start(pair.now, pair.unix, 9, &mut pair.random);
    let one = request(pair.hear(&first)).accept(1, Incarnation(0), SERVER_LIMITS);
    let two = request(pair.hear(&second)).accept(2, Incarnation(0), SERVER_LIMITS);
    established(pair.tell(&two.0));
    assert_eq!(ignored(pair.tell(&one.0)), Ignored::Unasked);
}

#[test]
fn the_last_initiations_wait() {
    let mut pair = Pair::new();
    let initiations: Vec<_> = (0..=u32::try_from(MOST_PENDING).unwrap())
        .map(|index| pair.initiator.start(pair.now, pair.unix, index, &mut pair.random))
        .collect();
    let [first, second] = [0, 1].map(|place: usize| {
        request(pair.hear(&initiations[place])).accept(1, Incarnation(0), SERVER_LIMITS).0
    });
    assert_eq!(ignored(pair.tell(&first)), Ignored::Unasked);
    assert_eq!(established(pair.tell(&second)).session.local, 1);
}

#[test]
fn who_may_not_join_is_told_why() {
    for preshared in [false, true] {
        let mut pair = Pair::with(preshared, AES, settings(AES));
        let client = pair.ticket.client();
        pair.responder.revoke(client);
        assert_eq!(pair.refusal().why, Refusal::RevokedTicket);
        pair.responder.forget(&client);
        assert_eq!(pair.refusal().why, Refusal::UnknownTicket);
        let psk = pair.ticket.preshared().cloned();
        pair.responder.allow(client, psk);
        pair.shake();
        let initiation = pair.ask();
        let response = request(pair.hear(&initiation)).refuse(Refusal::TooManyLinks);
        assert_eq!(refused(pair.tell(&response)).why, Refusal::TooManyLinks);
    }
}

#[test]
fn a_clock_that_stands_or_is_set_back_does_not_keep_proxy1_out() {
    let mut pair = Pair::new();
    pair.shake();
    pair.shake();
    pair.unix.0 -= 5 * 60 * 1_000_000;
    pair.shake();
}

#[test]
fn a_wrong_preshared_key_gets_nothing() {
    let mut pair = Pair::with(true, AES, settings(AES));
    let other = ticket(0x55, true);
    pair.responder.allow(pair.ticket.client(), other.preshared().cloned());
    let (response, _) = pair.response();
    assert_eq!(ignored(pair.tell(&response)), Ignored::Forged);
}

#[test]
fn an_acceptance_without_the_tickets_preshared_key_is_no_acceptance() {
    let mut pair = Pair::with(true, AES, settings(AES));
    pair.responder.allow(pair.ticket.client(), None);
    let (response, _) = pair.response();
    assert_eq!(ignored(pair.tell(&response)), Ignored::Forged);
}

#[test]
fn one_initiation_is_good_once() {
    let mut pair = Pair::new();
    let first = pair.ask();
    let second = pair.ask();
    request(pair.hear(&second));
    assert!(matches!(pair.hear(&second), Verdict::Drop(DroppedInitiation::Replayed)));
    assert_eq!(why_refused(pair.hear(&first)), Some(Refusal::ClockOff), "as if a clock had been set back");
    assert_eq!(why_refused(pair.hear(&first)), Some(Refusal::ClockOff), "each time");
}
