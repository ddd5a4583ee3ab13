//! Handshakes: the datagrams, the keys, and the first packets under them.

use super::{Vectors, hex};
use crate::Time;
use crate::sealed::crypto::cipher::{CipherSupport, SessionKeys};
use crate::sealed::crypto::keys::{PresharedKey, PrivateKey};
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::initiator::{Identity, Initiator, Outcome};
use crate::sealed::handshake::responder::{CLOCK_TOLERANCE, Responder, Settings, Verdict};
use crate::sealed::handshake::terms::{Epoch, Incarnation, Instance, LinkId, Refusal, UnixMicros};
use crate::sealed::tests::pair::{
    ADDRESS, AES, CLIENT_INDEX, CLIENT_LIMITS, NEW_YEAR, NO_AES, SERVER_INDEX, SERVER_LIMITS, request,
};
use crate::ticket::Ticket;

/// proxy2's clock: a millisecond ahead.
const THEIRS: UnixMicros = UnixMicros(NEW_YEAR.0 + 1_000);
const LATE: UnixMicros = UnixMicros(NEW_YEAR.0 - 7_200_000_000);

/// The two ends of the vectors.
pub(super) struct Ends {
    pub(super) initiator: Initiator,
    pub(super) responder: Responder,
    ticket: Ticket,
    client_random: Random,
}

const IDENTITY: Identity = Identity {
    link: LinkId(0x1111_1111_1111_1111),
    instance: Instance(0x2222_2222_2222_2222),
    ciphers: AES,
    limits: CLIENT_LIMITS,
};

impl Ends {
    /// `psk`: the one of the ticket; `ciphers`: what proxy2 has.
    pub(super) fn new(psk: Option<Vec<u8>>, ciphers: CipherSupport) -> Self {
        let psk = psk.map(|key| PresharedKey::from_bytes(&key.try_into().unwrap()));
        let (server, client) = (PrivateKey::from_bytes(&[0x11; 32]), PrivateKey::from_bytes(&[0x21; 32]));
        let ticket = Ticket::new(server.public(), client, psk.clone());
        // One handshake a second: the sixth initiation gets a cookie reply.
        let settings = Settings {
            epoch: Epoch(0x9999_9999_9999_9999),
            ciphers,
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: 1,
        };
        let mut responder = Responder::new(Time::ZERO, server, settings, Random::from_seed([0x42; 32]));
        responder.allow(ticket.client(), psk);
        let initiator = Initiator::new(ticket.clone(), IDENTITY);
        Self { initiator, responder, ticket, client_random: Random::from_seed([0x41; 32]) }
    }

    fn ask(&mut self, unix: UnixMicros) -> Vec<u8> {
        self.initiator.start(Time::ZERO, unix, CLIENT_INDEX, &mut self.client_random)
    }

    fn hear(&mut self, initiation: &[u8]) -> Verdict {
        self.responder.handle(Time::ZERO, THEIRS, ADDRESS, initiation)
    }

    fn tell(&mut self, datagram: &[u8]) -> Outcome {
        self.initiator.handle(Time::ZERO, datagram)
    }

    /// The keys of both ends after a handshake that is as in the vector.
    pub(super) fn shake_hands(&mut self, vectors: &Vectors, accepted: usize) -> [SessionKeys; 2] {
        let initiation = self.ask(NEW_YEAR);
        assert_eq!(hex(&initiation), vectors.text("/initiation/datagram"));
        let request = request(self.hear(&initiation));
        let (response, server) = request.accept(SERVER_INDEX, Incarnation(0), SERVER_LIMITS);
        assert_eq!(hex(&response), vectors.text(&format!("/accepted/{accepted}/datagram")));
        let Outcome::Established(client) = self.tell(&response) else { panic!("no keys") };
        [client.session, server]
    }
}

#[test]
fn accepted_handshakes_and_packets_under_their_keys() {
    let vectors = Vectors::load("handshake");
    for (accepted, vector) in vectors.list("/accepted").iter().enumerate() {
        let aes = vector.number("/cipher") == 2;
        let mut ends = Ends::new(vector.bytes_if_any("/psk"), CipherSupport { aes });
        let [mut client, mut server] = ends.shake_hands(&vectors, accepted);
        for packet in vector.list("/packets") {
            let (from, to) = match packet.text("/from") {
                "proxy1" => (&mut client, &mut server),
                _ => (&mut server, &mut client),
            };
            opens_and_seals(&packet, from, to);
        }
    }
}

/// A packet is sealed by one end as in the vector, and opened by the other.
pub(super) fn opens_and_seals(packet: &Vectors, from: &SessionKeys, to: &SessionKeys) {
    let frames = packet.bytes("/frames");
    let mut sealed = [&[0; 13][..], &frames, &[0; 16]].concat();
    from.seal.seal_in_place(packet.number("/counter"), &mut sealed);
    assert_eq!(hex(&sealed), packet.text("/datagram"));
    assert_eq!(to.open.open_in_place(&mut sealed).unwrap(), frames);
}

#[test]
fn a_refusal_of_a_ticket_with_a_preshared_key_is_made_without_it() {
    let vectors = Vectors::load("handshake");
    let mut ends = Ends::new(vectors.bytes_if_any("/refused/ticket_psk"), NO_AES);
    ends.responder.revoke(ends.ticket.client());
    let initiation = ends.ask(NEW_YEAR);
    let Verdict::Refused { response, .. } = ends.hear(&initiation) else { panic!("not refused") };
    assert_eq!(hex(&response), vectors.text("/refused/datagram"));
    let Outcome::Refused(refused) = ends.tell(&response) else { panic!("not refused") };
    assert_eq!((refused.why, refused.time), (Refusal::RevokedTicket, THEIRS));
}

#[test]
fn a_cookie_reply_and_the_proof_of_an_address() {
    let vectors = Vectors::load("handshake");
    let mut ends = Ends::new(None, NO_AES);
    let initiation = ends.ask(NEW_YEAR);
    request(ends.hear(&initiation));
    // Four more of the same second, and half of what proxy2 does at this rate is used up.
    for more in 1..=4 {
        let mut other = Initiator::new(ends.ticket.clone(), IDENTITY);
        let unix = UnixMicros(NEW_YEAR.0 + more);
        let initiation = other.start(Time::ZERO, unix, 0, &mut Random::from_seed([0x43; 32]));
        request(ends.hear(&initiation));
    }
    let Verdict::Cookie(reply) = ends.hear(&initiation) else { panic!("no cookie") };
    assert_eq!(hex(&reply), vectors.text("/cookie/datagram"));
    let Outcome::Resend { message, .. } = ends.tell(&reply) else { panic!("not sent again") };
    assert_eq!(message[..197], initiation[..197]);
    assert_eq!(hex(&message[197..]), vectors.text("/cookie/mac2"));
}

#[test]
fn a_clock_that_is_two_hours_off_is_challenged() {
    let vectors = Vectors::load("handshake");
    let at = |name: &str| vectors.text(&format!("/challenged/{name}/datagram"));
    let mut ends = Ends::new(None, NO_AES);
    let initiation = ends.ask(LATE);
    assert_eq!(hex(&initiation), at("initiation"));
    let Verdict::Refused { response, .. } = ends.hear(&initiation) else { panic!("not refused") };
    assert_eq!(hex(&response), at("response"));
    let Outcome::Refused(refused) = ends.tell(&response) else { panic!("not refused") };
    assert_eq!((refused.why, refused.time), (Refusal::ClockOff, THEIRS));
    let initiation = ends.ask(UnixMicros(LATE.0 + 1));
    assert_eq!(hex(&initiation), at("second_initiation"));
    request(ends.hear(&initiation));
}
