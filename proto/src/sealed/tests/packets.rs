//! Data packets: what was changed does not open.

use super::pair::*;
use crate::sealed::wire::packet::{Header, OVERHEAD};

#[test]
fn every_changed_bit_is_noticed() {
    for ciphers in [AES, NO_AES] {
        let (client, server) = Pair::with(false, ciphers, settings(AES)).shake();
        let packet = sealed(&client.session, 1_000, b"frames");
        for bit in 0..packet.len() * 8 {
            let mut changed = packet.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(server.open.open_in_place(&mut changed).is_err(), "bit {bit}");
        }
        for len in 0..packet.len() {
            assert!(server.open.open_in_place(&mut packet[..len].to_vec()).is_err(), "cut to {len}");
        }
        assert_eq!(server.open.open_in_place(&mut packet.clone()).unwrap(), b"frames");
    }
}

#[test]
fn the_header_says_whose_and_which() {
    let (client, _) = Pair::new().shake();
    let packet = sealed(&client.session, 0x1234_5678_9abc, b"");
    assert_eq!(packet.len(), OVERHEAD);
    assert_eq!(Header::parse(&packet), Some(Header { receiver: SERVER_INDEX, counter: 0x1234_5678_9abc }));
}

#[test]
fn equal_frames_look_different_in_every_packet() {
    let (client, _) = Pair::new().shake();
    let one = sealed(&client.session, 1, &[0; 64]);
    let two = sealed(&client.session, 2, &[0; 64]);
    assert_ne!(one[13..], two[13..]);
}
