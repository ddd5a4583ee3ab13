//! Handshakes with messages made by hand: other versions, ciphers, statuses and features than these ends would say.

use std::num::NonZeroU8;

use super::pair::*;
use crate::sealed::crypto::cipher::{Cipher, CipherSupport};
use crate::sealed::crypto::mac;
use crate::sealed::crypto::noise::{self, InitiatorState};
use crate::sealed::handshake::challenge::Challenge;
use crate::sealed::handshake::initiator::{Identity, Ignored, Initiator, Outcome};
use crate::sealed::handshake::messages;
use crate::sealed::handshake::responder::{DroppedInitiation, Verdict};
use crate::sealed::handshake::terms::{Features, Incarnation, Instance, Limits, LinkId, Refusal};

/// What proxy2 makes of an initiation that was made by hand, with these bytes for a payload once `change` has had them; and what
/// reads its response.
fn asked_by_hand(pair: &mut Pair, change: impl FnOnce(&mut [u8])) -> (Verdict, InitiatorState) {
    let ticket = pair.ticket.clone();
    let payload = messages::Initiation {
        version: 1,
        ciphers: 1,
        index: 5,
        time: pair.unix,
        link: LinkId(1),
        instance: Instance(1),
        limits: CLIENT_LIMITS,
        challenge: Challenge::NONE,
    };
    let mut payload = payload.to_bytes();
    change(&mut payload);
    let key = mac::mac1_key(ticket.server_key().as_bytes());
    let (initiation, asking) = messages::write_initiation(5, &key, |room| {
        noise::initiate(
            ticket.private().bytes(),
            ticket.server_key().as_bytes(),
            pair.random.block(),
            &payload,
            room,
        )
    });
    (pair.hear(&initiation), asking)
}

#[test]
fn a_client_of_another_version_is_told_ours() {
    for version in [0, 2, 255] {
        let mut pair = Pair::new();
        // Nothing but the version, and the index in its place, needs to mean what it means in ours.
        let (verdict, mut asking) = asked_by_hand(&mut pair, |payload| {
            payload.iter_mut().for_each(|byte| *byte ^= 0xa5);
            payload[4..8].copy_from_slice(&5_u32.to_be_bytes());
            payload[0] = version;
        });
        let Verdict::Refused { why: Refusal::Version, response, .. } = verdict else { panic!("not refused") };
        let view = messages::ResponseView::parse(&response).unwrap();
        let mut payload = [0; messages::RESPONSE_PAYLOAD_LEN];
        asking.read(&[0; 32], view.noise, &mut payload).unwrap();
        assert_eq!(payload[..2], [1, 6]);
    }
}

#[test]
fn a_cipher_is_chosen_among_those_that_both_know() {
    let chosen = |aes: bool, offer: u8| {
        let mut pair = Pair::with(false, AES, settings(CipherSupport { aes }));
        match asked_by_hand(&mut pair, |payload| payload[1] = offer).0 {
            Verdict::Request(request) => Some(request.accept(9, Incarnation(0), SERVER_LIMITS).1.cipher),
            Verdict::Drop(why) => {
                assert_eq!(why, DroppedInitiation::Malformed);
                None
            }
            Verdict::Cookie(_) | Verdict::Refused { .. } => panic!("neither let in nor dropped"),
        }
    };
    let (chacha, aes) = (Some(Cipher::ChaCha20Poly1305), Some(Cipher::Aes128Gcm));
    for unknown in [0, 4, 0x80, 0xfc] {
        assert_eq!([chosen(true, unknown | 3), chosen(false, unknown | 3)], [aes, chacha]);
        assert_eq!([chosen(true, unknown | 1), chosen(false, unknown | 1)], [chacha, chacha]);
        assert_eq!([chosen(true, unknown | 2), chosen(false, unknown | 2)], [aes, None], "against the rule");
        assert_eq!([chosen(true, unknown), chosen(false, unknown)], [None, None]);
    }
}

#[test]
fn each_side_hears_the_features_of_the_other() {
    let (client, server) = (Features(0x8000_0001), Features(0x7fff_fffe));
    let mut pair = Pair::new();
    let limits = Limits { features: client, ..CLIENT_LIMITS };
    pair.initiator = Initiator::new(pair.ticket.clone(), Identity { limits, ..identity(AES) });
    let initiation = pair.ask();
    let request = request(pair.hear(&initiation));
    assert_eq!(request.limits().features, client);
    let limits = Limits { features: server, ..SERVER_LIMITS };
    let (response, _) = request.accept(SERVER_INDEX, Incarnation(7), limits);
    let established = established(pair.tell(&response));
    assert_eq!((established.limits.features, established.incarnation), (server, Incarnation(7)));
    assert!(client.has(Features(1)) && client.has(Features::NONE) && !client.has(Features(3)));
}

#[test]
fn what_is_reserved_may_say_anything() {
    let mut pair = Pair::new();
    let (verdict, _) = asked_by_hand(&mut pair, |payload| {
        payload[2..4].fill(0xff);
        payload[58..64].fill(0xff);
    });
    assert_eq!(request(verdict).limits(), CLIENT_LIMITS);
    established(answered_with(|payload| {
        payload[..3].copy_from_slice(&[1, 0, 1]);
        payload[3] = 0xff;
        payload[52..].fill(0xff);
    }));
}

/// A proxy2 that answers by hand, with a version, a status and a cipher of its choice.
fn answered(version: u8, status: u8, cipher: u8) -> Outcome {
    answered_with(|payload| payload[..3].copy_from_slice(&[version, status, cipher]))
}

/// The same with any payload that `fill` makes.
fn answered_with(fill: impl FnOnce(&mut [u8])) -> Outcome {
    let mut pair = Pair::with(false, NO_AES, settings(AES));
    let initiation = pair.ask();
    let view = messages::InitiationView::parse(&initiation).unwrap();
    let mut heard = [0; messages::INITIATION_PAYLOAD_LEN];
    let answering =
        noise::read_initiation(server_key().bytes(), pair.random.block(), view.noise, &mut heard).unwrap();
    let mut payload = [0; messages::RESPONSE_PAYLOAD_LEN];
    fill(&mut payload);
    let key = mac::mac1_key(server_key().public().as_bytes());
    let (response, _) =
        messages::write_response(view.sender, &key, |room| answering.write(&[0; 32], &payload, room));
    pair.tell(&response)
}

#[test]
fn an_authentic_response_that_makes_no_sense_is_ignored() {
    established(answered(1, 0, 1));
    assert_eq!(ignored(answered(1, 0, 2)), Ignored::Forged, "a cipher that was not offered");
    assert_eq!(ignored(answered(1, 0, 0)), Ignored::Forged, "no cipher");
    assert_eq!(ignored(answered(1, 0, 3)), Ignored::Forged, "an unknown cipher");
    for version in [0, 2, 255] {
        assert_eq!(ignored(answered(version, 0, 1)), Ignored::Forged, "version {version} was not asked for");
        assert_eq!(refused(answered(version, 6, 0)).version, version, "but a refusal may name it");
    }
}

#[test]
fn every_code_of_a_refusal_is_understood() {
    let names = [
        (1, Refusal::UnknownTicket),
        (2, Refusal::RevokedTicket),
        (3, Refusal::ClockOff),
        (4, Refusal::TooManyLinks),
        (6, Refusal::Version),
    ];
    for (code, name) in names {
        assert_eq!(refused(answered(1, code, 0)).why, name);
    }
    for code in [5, 7, 200, 255] {
        let later = Refusal::Other(NonZeroU8::new(code).unwrap());
        assert_eq!(refused(answered(1, code, 0)).why, later);
    }
}
