//! Who changes, cuts, repeats and reflects messages gets silence.

use std::time::Duration;

use super::pair::*;
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::crypto::mac;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::initiator::{Ignored, Initiator};
use crate::sealed::handshake::messages::{INITIATION_LEN, RESPONSE_LEN};
use crate::sealed::handshake::responder::{DroppedInitiation, Responder, Verdict};
use crate::sealed::handshake::terms::{Incarnation, Refusal};
use crate::ticket::Ticket;

fn dropped(verdict: Verdict) -> DroppedInitiation {
    let Verdict::Drop(why) = verdict else { panic!("not dropped but {verdict:?}") };
    why
}

fn flipped(message: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..message.len() * 8).map(|bit| {
        let mut changed = message.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        (bit / 8, changed)
    })
}

/// Puts the right mac over a changed message, as who knows proxy2's public key can.
fn with_mac(message: &mut [u8], end: usize) {
    let (covered, tail) = message.split_at_mut(end - 16);
    let key = mac::mac1_key(server_key().public().as_bytes());
    tail[..16].copy_from_slice(&mac::short_mac(&key, covered));
}

#[test]
fn a_changed_initiation_is_dropped() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    for (at, changed) in flipped(&initiation[..INITIATION_LEN - 16]) {
        let changed = [&changed[..], &initiation[INITIATION_LEN - 16..]].concat();
        let expected = if at == 0 { DroppedInitiation::Malformed } else { DroppedInitiation::Mac };
        assert_eq!(dropped(pair.hear(&changed)), expected, "byte {at}");
    }
    request(pair.hear(&initiation));
}

#[test]
fn an_initiation_changed_by_a_holder_of_the_public_key_is_dropped() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    for at in 1..INITIATION_LEN - 32 {
        let mut changed = initiation.clone();
        changed[at] ^= 1;
        with_mac(&mut changed, INITIATION_LEN - 16);
        assert_eq!(dropped(pair.hear(&changed)), DroppedInitiation::Forged, "byte {at}");
        pair.pass(Duration::from_millis(10));
    }
    request(pair.hear(&initiation));
}

#[test]
fn a_changed_answer_is_ignored_and_the_true_one_still_taken() {
    let mut pair = Pair::new();
    let (response, _) = pair.response();
    for (at, changed) in flipped(&response) {
        let expected = if at == 0 { Ignored::Malformed } else { Ignored::Mac };
        assert_eq!(ignored(pair.tell(&changed)), expected, "byte {at}");
    }
    for at in 1..RESPONSE_LEN - 16 {
        let mut changed = response.clone();
        changed[at] ^= 1;
        with_mac(&mut changed, RESPONSE_LEN);
        let expected = if at < 5 { Ignored::Unasked } else { Ignored::Forged };
        assert_eq!(ignored(pair.tell(&changed)), expected, "byte {at}");
    }
    established(pair.tell(&response));
}

#[test]
fn a_message_of_another_length_is_dropped() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    let (response, _) = pair.response();
    for len in 0..initiation.len() {
        assert_eq!(dropped(pair.hear(&initiation[..len])), DroppedInitiation::Malformed, "{len} bytes");
    }
    for len in 0..response.len() {
        assert_eq!(ignored(pair.tell(&response[..len])), Ignored::Malformed, "{len} bytes");
    }
    let longer = |message: &[u8]| [message, &[0]].concat();
    assert_eq!(dropped(pair.hear(&longer(&initiation))), DroppedInitiation::Malformed);
    assert_eq!(ignored(pair.tell(&longer(&response))), Ignored::Malformed);
}

#[test]
fn reflected_messages_are_dropped() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    let (response, server) = pair.response();
    let packet = sealed(&server, 0, b"frames");
    assert_eq!(ignored(pair.tell(&initiation)), Ignored::Malformed);
    assert_eq!(ignored(pair.tell(&packet)), Ignored::Malformed);
    assert_eq!(dropped(pair.hear(&response)), DroppedInitiation::Malformed);
    assert_eq!(dropped(pair.hear(&packet)), DroppedInitiation::Malformed);
    assert!(server.open.open_in_place(&mut packet.clone()).is_err(), "each direction has its key");
}

#[test]
fn a_stranger_gets_not_one_byte() {
    let mut pair = Pair::new();
    let stranger = PrivateKey::from_bytes(&[0x66; 32]);
    let guess = PrivateKey::from_bytes(&[0x77; 32]).public();
    let mut initiator = Initiator::new(Ticket::new(guess, stranger, None), identity(AES));
    let initiation = initiator.start(pair.now, pair.unix, 1, &mut pair.random);
    assert_eq!(dropped(pair.hear(&initiation)), DroppedInitiation::Mac);
    for len in [0, 1, 5, INITIATION_LEN, 1_500, 65_507] {
        for kind in 0..=u8::MAX {
            let noise = vec![kind; len];
            assert!(matches!(
                dropped(pair.hear(&noise)),
                DroppedInitiation::Malformed | DroppedInitiation::Mac
            ));
        }
    }
}

/// The table of stamps is lost with the process: an old initiation is heard once more, and changes nothing, because who
/// repeats it cannot seal a packet with the new keys.
#[test]
fn an_old_initiation_at_a_restarted_proxy2_gives_keys_that_nobody_else_has() {
    let mut pair = Pair::new();
    let old = pair.ask();
    request(pair.hear(&old)).accept(1, Incarnation(0), SERVER_LIMITS);
    let mut restarted = responder(settings(AES));
    restarted.allow(pair.ticket.client(), None);
    let verdict = restarted.handle(pair.now, pair.unix, ADDRESS, &old);
    let (_, session) = request(verdict).accept(2, Incarnation(0), SERVER_LIMITS);
    let (now, _) = pair.shake();
    assert!(session.open.open_in_place(&mut sealed(&now.session, 0, b"frames")).is_err());
    pair.pass(Duration::from_secs(601));
    let verdict = restarted.handle(pair.now, pair.unix, ADDRESS, &old);
    assert_eq!(why_refused(verdict), Some(Refusal::ClockOff));
}

#[test]
fn an_answer_of_another_proxy2_is_ignored() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    // It knows the public key, so its macs are right; it has not the private one.
    let other = PrivateKey::from_bytes(&[0x12; 32]);
    let mut impostor = Responder::new(pair.now, other, settings(AES), Random::from_seed([1; 32]));
    assert_eq!(dropped(impostor.handle(pair.now, pair.unix, ADDRESS, &initiation)), DroppedInitiation::Mac);
    let mut forged = vec![0; RESPONSE_LEN];
    forged[0] = 2;
    forged[1..5].copy_from_slice(&CLIENT_INDEX.to_be_bytes());
    with_mac(&mut forged, RESPONSE_LEN);
    assert_eq!(ignored(pair.tell(&forged)), Ignored::Forged);
}

mod anything {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes, nothing panics, and whoever has no secret gets no response.
        #[test]
        fn never_panics(kind in 0_u8..6, mut bytes in prop::collection::vec(any::<u8>(), 0..260)) {
            let mut pair = Pair::new();
            pair.ask();
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            dropped(pair.hear(&bytes));
            ignored(pair.tell(&bytes));
        }
    }
}
