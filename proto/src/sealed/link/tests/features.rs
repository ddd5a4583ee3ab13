//! What the peer shows in its handshake reaches the owner of the link.

use crate::sealed::crypto::cipher::CipherSupport;
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::handshake::initiator::{Identity, Initiator};
use crate::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder, Verdict};
use crate::sealed::handshake::terms::{Epoch, Features, Incarnation, Instance, Limits, LinkId, UnixMicros};
use crate::sealed::link::{Link, Settings};
use crate::sim::random;
use crate::ticket::Ticket;
use crate::time::Time;
use std::net::SocketAddr;

#[test]
fn the_owner_of_a_link_hears_what_its_peer_understands() {
    let (now, unix) = (Time::ZERO, UnixMicros(1_700_000_000_000_000));
    let [here, there] = ["192.0.2.1:1", "192.0.2.2:2"].map(|text| text.parse::<SocketAddr>().unwrap());
    let (theirs, ours) = (Features(0x8000_0001), Features(6));
    let (settings, ciphers) = (Settings::default(), CipherSupport { aes: true });
    let limits = |features| Limits { features, ..Link::limits(&settings) };
    let key = PrivateKey::generate(&mut random(1, 1));
    let ticket = Ticket::generate(key.public(), false, &mut random(1, 2));
    let responder = responder::Settings {
        epoch: Epoch(1),
        ciphers,
        clock_tolerance: CLOCK_TOLERANCE,
        handshakes_per_second: 100,
    };
    let mut responder = Responder::new(now, key, responder, random(1, 3));
    responder.allow(ticket.client(), None);
    let identity = Identity { link: LinkId(1), instance: Instance(1), ciphers, limits: limits(ours) };
    let mut client = Link::client(now, there, Initiator::new(ticket, identity), settings, random(1, 4));
    assert_eq!(client.peer_features(), Features::NONE);

    let mut room = vec![0; 2_000];
    let initiation = client.poll_transmit(now, unix, &mut room).expect("it asks at once");
    let verdict = responder.handle(now, unix, here, &room[..initiation.length]);
    let Verdict::Request(request) = verdict else { panic!("not let in: {verdict:?}") };
    let said = request.limits();
    let (mut response, session) = request.accept(9, Incarnation(0), limits(theirs));
    let server = Link::server(now, here, session, said, settings, random(1, 5));
    assert_eq!(server.peer_features(), ours);
    client.handle_datagram(now, there, &mut response);
    assert_eq!(client.peer_features(), theirs);
}
